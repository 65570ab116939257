"""The public benchmarks as tasks: classification, named entities, parts of speech, questions.

XNLI, PAWS-X, SIB-200; WikiANN, MasakhaNER and the corpora it transfers from, PUD; TyDiQA-GoldP,
XQuAD, MLQA. Data come from a folder given, from $CROSSLINGUAL_DATA, or from the hub; castings are
those of mT5 (Xue et al. 2021 and its published preprocessors) where it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from .benchmark_files import (
    Row,
    Source,
    by_article,
    by_context,
    load_examples,
    tenth,
    thirds,
)
from .castings import (
    NAMED,
    answer_sentence,
    each_name,
    each_word,
    entities,
    pair,
    question,
    tagged_words,
    topic,
    undated_entities,
)
from .dirt import Dirt
from .languages import find_language
from .readers import read_conll, read_conllu, read_squad, read_table
from .spans import NO_SPANS, OUTSIDE, parse_spans
from .tasks import Example, Task

__all__ = ["BENCHMARKS", "benchmark_tasks"]
_SIB = {
    "ara": "arb_Arab", "fas": "pes_Arab", "swa": "swh_Latn", "zho": "zho_Hans", "est": "est_Latn",
    "lav": "lvs_Latn", "msa": "zsm_Latn", "aze": "azj_Latn", "nep": "npi_Deva", "uzb": "uzn_Latn",
    "ori": "ory_Orya", "pus": "pbt_Arab", "mlg": "plt_Latn", "sqi": "als_Latn", "yid": "ydd_Hebr",
    "fil": "tgl_Latn", "mon": "khk_Cyrl",
}  # fmt: skip
_TYDI = {
    "ara": "arabic", "ben": "bengali", "eng": "english", "fin": "finnish", "ind": "indonesian",
    "kor": "korean", "rus": "russian", "swa": "swahili", "tel": "telugu",
}  # fmt: skip
_UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN",
    "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip


def _short(code: str) -> str:
    return find_language(code).short


def _ner_folder(code: str) -> str:
    return code if code in ("swa", "yor") else _short(code)


def _sib_code(code: str) -> str:
    return _SIB.get(code, f"{code}_{find_language(code).script}")


def _by_id(row: Row, language: str) -> bool:
    """TyDiQA's languages share one file; its ids begin with the language."""
    return str(row["id"]).startswith(_TYDI[language])


def _read_named(path: Path, rule: str) -> tuple[list[Row], list[Dirt]]:
    return read_conll(path, NAMED, dirty=rule)


def _iso(shorts: str) -> tuple[str, ...]:
    return tuple(find_language(s).code for s in shorts.split())


_USUAL = {"train": "train", "dev": "validation", "test": "test"}
_ONE = {"train": "test", "dev": "test", "test": "test"}


@lru_cache(maxsize=1)
def _sources() -> dict[str, Source]:
    xnli = _iso("ar bg de el en es fr hi ru sw th tr ur vi zh")
    sib = _iso("ar de el en fi fr hi id it ja ko fa pt ru es sw th tr uk vi zh")
    ner = _iso("am ar da de en es fa fi fr hu id it nl pt ro sv sw uk yo")
    panx = _iso(
        "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv ka kk ko ml mr ms my nl pt "
        "ru sw ta te th tl tr uk ur vi yo zh"
    )
    africa = _iso("bam ee fon ha ig rw lg luo mos ny pcm sn sw tn tw wo xh yo zu")
    pud = _iso("ar de en es fi fr hi id ko ru th tr zh")
    made = {
        "xnli": Source(
            "xnli", "facebook/xnli", xnli, _short,
            pair("xnli", "premise", "hypothesis", ("0", "1", "2")), _USUAL,
        ),
        "pawsx": Source(
            "paws-x", "google-research-datasets/paws-x", _iso("de en es fr ja ko zh"), _short,
            pair("paws", "sentence1", "sentence2", ("different_meaning", "paraphrase")), _USUAL,
        ),
        "sib200": Source(
            "sib200", "Davlan/sib200", sib, _sib_code, topic, _USUAL,
            files=lambda language, split: f"{_sib_code(language)}/{split}.tsv",
            read=lambda path, rule: read_table(
                path, {"id": "index_id", "category": "category", "text": "text"}, rule
            ),
        ),
        "wikiann": Source(
            "wikiann", "unimelb-nlp/wikiann", panx, _short, entities, _USUAL,
        ),
        "ner": Source(
            "ner", "", ner, _ner_folder, entities, _USUAL,
            files=lambda language, split: f"{_ner_folder(language)}/{split}.txt",
            read=_read_named,
        ),
        "masakhaner": Source(
            "masakhaner", "", africa, lambda language: language, undated_entities, _USUAL,
            files=lambda language, split: f"{language}/{split}.txt",
            read=_read_named,
        ),
        "pud": Source(
            "ud_pud", "", pud, _short, tagged_words, _ONE,
            files=lambda language, split: f"{_short(language)}_pud-ud-test.conllu",
            read=read_conllu, part=thirds,
        ),
        "tydiqa": Source(
            "tydiqa", "google-research-datasets/tydiqa", tuple(_TYDI),
            lambda language: "secondary_task", question,
            {"train": "train", "dev": "train", "test": "validation"}, part=tenth,
            keys=by_context, keep=_by_id,
        ),
        "xquad": Source(
            "xquad", "google/xquad", _iso("ar de el en es hi ro ru th tr vi zh"),
            lambda language: f"xquad.{_short(language)}", question,
            dict.fromkeys(_ONE, "validation"),
            files=lambda language, split: f"xquad.{_short(language)}.json",
            read=lambda path, rule: read_squad(path), part=thirds, keys=by_article,
        ),
        "mlqa": Source(
            "mlqa", "facebook/mlqa", _iso("ar de en es hi vi zh"),
            lambda language: f"mlqa.{_short(language)}.{_short(language)}", question,
            {"train": "validation", "dev": "validation", "test": "test"}, part=tenth,
            keys=by_context,
        ),
    }  # fmt: skip
    # The same rows, cast otherwise; not Thai, which does not mark the ends of sentences.
    sentences = tuple(code for code in made["xquad"].languages if code != "tha")
    return made | {
        "ner_words": replace(made["ner"], example=each_name),
        "pud_words": replace(made["pud"], example=each_word),
        "xquad_sentence": replace(made["xquad"], example=answer_sentence, languages=sentences),
    }


_TOPICS = (
    "entertainment", "geography", "health", "politics", "science/technology", "sports", "travel",
)  # fmt: skip
_SPANS = "'tag: <tokens>' -> 'PER: ... ; LOC: ...' or 'none'"
_ASK = "mT5's: 'question: <question> context: <context>' -> answer"
_ABOUT: dict[str, dict[str, Any]] = {
    "xnli": {
        "kind": "classification", "metrics": ("accuracy",), "labels": ("0", "1", "2"),
        "max_output": 4, "casting": "mT5's: 'xnli: premise: ... hypothesis: ...' -> '0' "
        "(entailment), '1' (neutral), '2' (contradiction)",
        "licence": "CC BY-NC 4.0", "citation": "conneau2018xnli",
    },
    "pawsx": {
        "kind": "classification", "metrics": ("accuracy",),
        "labels": ("different_meaning", "paraphrase"), "max_output": 12,
        "casting": "'paws: sentence1: ... sentence2: ...' -> 'different_meaning', 'paraphrase'",
        "licence": "free for any purpose", "citation": "yang2019pawsx",
    },
    "sib200": {
        "kind": "classification", "metrics": ("accuracy",), "labels": _TOPICS, "max_output": 12,
        "casting": "'topic: <sentence>' -> one of seven topics in English",
        "licence": "CC BY-SA 4.0", "citation": "adelani2024sib",
    },
    "wikiann": {
        "kind": "structured", "metrics": ("span_f1",), "max_output": 64,
        "casting": _SPANS + "; 20,000 training sentences in some languages and only 100 in others: "
        "train_limit makes sources equal",
        "licence": "free", "citation": "rahimi2019massively",
    },
    "ner": {
        "kind": "structured", "metrics": ("span_f1",), "max_output": 64,
        "casting": _SPANS + "; the Spanish and Italian files, encoded twice, are read as meant",
        "licence": "differs by corpus (MasakhaNER 2.0's transfer corpora)",
        "citation": "adelani2022masakhaner",
    },
    "masakhaner": {
        "kind": "structured", "metrics": ("span_f1",), "max_output": 64,
        "casting": _SPANS + "; dates are outside; on the hub as a script only: put the folder "
        "MasakhaNER2.0/data of its repository, masakhane-io/masakhane-ner, there as masakhaner",
        "licence": "CC BY-NC 4.0", "citation": "adelani2022masakhaner",
    },
    "ner_words": {
        "kind": "structured", "metrics": ("word_f1",), "labels": (*NAMED, OUTSIDE),
        "max_output": 4, "casting": "'tag: <4 words> [ <word> ] <4 words>' -> PER, LOC, ORG or O "
        "(outside) for the word in brackets; the score counts words inside entities",
        "licence": "differs by corpus (MasakhaNER 2.0's transfer corpora)",
        "citation": "adelani2022masakhaner",
    },
    "pud": {
        "kind": "structured", "metrics": ("tag_accuracy",), "max_output": 120,
        "casting": "'pos: <tokens>' -> one UPOS a token; sentences split by their id",
        "licence": "CC BY-SA 3.0", "citation": "zeman2017conll",
    },
    "pud_words": {
        "kind": "structured", "metrics": ("accuracy",), "labels": _UPOS, "max_output": 8,
        "casting": "'pos: <4 words> [ <word> ] <4 words>' -> the UPOS of the word in brackets; "
        "sentences split by their id",
        "licence": "CC BY-SA 3.0", "citation": "zeman2017conll",
    },
    "tydiqa": {
        "kind": "answering", "metrics": ("squad_f1", "squad_em"), "max_output": 32,
        "casting": _ASK + "; its public 'validation' is the test here, a tenth of 'train' dev",
        "licence": "Apache-2.0", "citation": "clark2020tydiqa",
    },
    "xquad": {
        "kind": "answering", "metrics": ("squad_f1", "squad_em"), "max_output": 32,
        "casting": _ASK + "; has a test set only: split by article, alike in all languages",
        "licence": "CC BY-SA 4.0", "citation": "artetxe2020xquad",
    },
    "xquad_sentence": {
        "kind": "answering", "metrics": ("squad_f1", "squad_em"), "max_output": 32,
        "casting": "'question: <question> context: <sentence with the answer>' -> answer; split "
        "by article, alike in all languages",
        "licence": "CC BY-SA 4.0", "citation": "artetxe2020xquad",
    },
    "mlqa": {
        "kind": "answering", "metrics": ("mlqa_f1", "mlqa_em"), "max_output": 32,
        "casting": _ASK + "; has no training set: nine tenths of its development set train",
        "licence": "CC BY-SA 3.0", "citation": "lewis2020mlqa",
    },
}  # fmt: skip

BENCHMARKS = tuple(_ABOUT)
"""Names of the tasks."""


def _legal(name: str) -> Callable[[str], bool]:
    about = _ABOUT[name]
    if about.get("labels"):
        return lambda output: output.strip() in about["labels"]
    if name == "pud":
        return lambda output: bool(output.split()) and set(output.split()) <= set(_UPOS)
    if about["kind"] == "structured":
        return lambda output: (
            output.strip() == NO_SPANS
            or (bool(parse_spans(output)) and all(kind in NAMED for kind, _ in parse_spans(output)))
        )
    return lambda output: bool(output.strip())


@lru_cache(maxsize=1)
def benchmark_tasks() -> dict[str, Task]:
    """The benchmarks as tasks, by name; nothing is read until examples are asked for."""
    made = {}
    for name, about in _ABOUT.items():
        source = _sources()[name]

        def load(language: str, split: str, of: Source = source) -> list[Example]:
            return load_examples(of, language, split)

        def languages(of: Source = source) -> list[str]:
            return sorted(of.languages)

        made[name] = Task(name=name, load=load, languages=languages, legal=_legal(name), **about)
    return made
