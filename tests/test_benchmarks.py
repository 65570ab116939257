"""Benchmarks as tasks: small hub folders everywhere, the real files where they are."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslingual.benchmark_files import data_dir
from crosslingual.benchmarks import BENCHMARKS, benchmark_tasks
from crosslingual.castings import answer_sentence
from crosslingual.errors import ConfigError, DataError, UnknownLanguageError
from crosslingual.planning import plan_study
from crosslingual.readers import read_conll, read_squad
from crosslingual.registry import get_task
from crosslingual.study_config import load_config
from crosslingual.tasks import Example, baselines, counted, scored

REAL = Path(os.environ.get("CROSSLINGUAL_DATA", "/nowhere"))


def _hub(root: Path, folder: str, config: str, split: str, rows: list[dict]) -> None:
    target = root / folder / config
    target.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(target / f"{split}-00000-of-00001.parquet")


def _squad(text: str, number: int) -> dict:
    answers = {"text": [text, f"{text}!"], "answer_start": [0, 0]}
    context = "Wir." + " " * number  # a paragraph of its own, alike once it is cast
    return {"id": f"german-{number}", "question": "Wer?", "context": context, "answers": answers}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A little of every benchmark as the hub has it."""
    root = tmp_path_factory.mktemp("hub")
    for split in ("train", "validation", "test"):
        nli = {"premise": "Es  regnet.", "hypothesis": "Nass?", "label": 2}
        _hub(root, "xnli", "de", split, [nli])
        _hub(root, "paws-x", "de", split, [{"sentence1": "a", "sentence2": "b", "label": 1}])
        _hub(
            root, "sib200", "deu_Latn", split, [{"index_id": 1, "category": "travel", "text": "T"}]
        )
        row = {"tokens": ["In", "New", "York", ";"], "ner_tags": [0, 5, 6, 0]}
        _hub(root, "wikiann", "de", split, [row])
        _hub(root, "mlqa", "mlqa.de.de", split, [_squad("wir", i) for i in range(40)])
        questions = [{**_squad("we", i), "id": f"english-{i}"} for i in range(40)]
        others = [{**_squad("my", i), "id": f"finnish-{i}"} for i in range(40)]
        _hub(root, "tydiqa", "secondary_task", split, questions + others)
        _hub(root, "xquad", "xquad.de", split, [_squad("wir", i) for i in range(40)])
    return root


CASTS = {
    "xnli": ("xnli: premise: Es regnet. hypothesis: Nass?", "2"),
    "pawsx": ("paws: sentence1: a sentence2: b", "paraphrase"),
    "sib200": ("topic: T", "travel"),
    "wikiann": ("tag: In New York ,", "LOC: New York"),
    "mlqa": ("question: Wer? context: Wir.", "wir"),
    "xquad": ("question: Wer? context: Wir.", "wir"),
    "xquad_sentence": ("question: Wer? context: Wir.", "wir"),
}


_NLI = {"premise": "a", "hypothesis": "b"}
_NER = {"tokens": ["a", "b"]}
_MUTE = _squad("wir", 1) | {"answers": {"text": [], "answer_start": []}}
BROKEN = {
    "a withheld label": ("xnli", "de", [_NLI | {"label": 0}, _NLI | {"label": -1}], "-1 is no lab"),
    "a label of words": ("xnli", "de", [_NLI | {"label": "maybe"}], "'maybe' is no label"),
    "no such column": ("xnli", "de", [{"premise": "a", "label": 1}], "KeyError: 'hypothesis'"),
    "a tag beyond": ("wikiann", "de", [_NER | {"ner_tags": [0, 7]}], "7 is no label"),
    "a tag too few": ("wikiann", "de", [_NER | {"ner_tags": [0]}], "ValueError"),
    "no context": ("tydiqa", "secondary_task", [{"id": "english-1"}], "KeyError: 'context'"),
    "no answer": ("mlqa", "mlqa.de.de", [_squad("wir", 0), _MUTE], "IndexError"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_row_that_is_no_example_is_told_by_its_place(tmp_path, case) -> None:
    """The last row of a hub's folder; a label of -1 is not taken for the last of the labels."""
    name, config, rows, told = BROKEN[case]
    for split in ("train", "validation"):  # MLQA has no other
        _hub(tmp_path, name, config, split, rows)
    code = "eng" if name == "tydiqa" else "deu"
    with data_dir(tmp_path), pytest.raises(DataError, match=re.escape(told)) as error:
        get_task(name).load(code, "train")
    assert f"{name}, {code}, train, row {len(rows)}: " in str(error.value)


@pytest.mark.parametrize("name", CASTS)
def test_castings_by_hand(folder, name) -> None:
    with data_dir(folder):
        example = get_task(name).examples("de", "test")[0]
    assert (example.input, example.target) == CASTS[name]
    assert get_task(name).legal(example.target)
    assert not get_task(name).legal("")


def test_masakhaner_as_its_authors_have_it_and_as_a_table(tmp_path) -> None:
    """Dates are outside, as in the corpora without them, in either form."""
    made_up = [("Kofi", "B-PER"), ("Laraba", "B-DATE"), ("biyu", "I-DATE"), ("Accra", "B-LOC")]
    path = tmp_path / "masakhaner" / "twi" / "test.txt"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(" ".join(pair) for pair in made_up) + "\n")
    row = {"tokens": [token for token, _ in made_up], "ner_tags": [1, 7, 8, 5]}
    _hub(tmp_path, "masakhaner", "hau", "test", [row])
    task = get_task("masakhaner")
    with data_dir(tmp_path):
        examples = [task.examples(language, "test")[0] for language in ("tw", "ha")]
    for example in examples:
        assert example.input == "tag: Kofi Laraba biyu Accra"
        assert example.target == "PER: Kofi ; LOC: Accra"
        assert task.legal(example.target)
    with pytest.raises(DataError, match="Give one with data_dir"):
        task.examples("yo", "test")


def test_tydiqa_takes_one_language_and_carves_development_data(folder) -> None:
    task = get_task("tydiqa")
    with data_dir(folder):
        split = {s: task.examples("en", s) for s in ("train", "dev", "test")}
        assert {e.target for part in split.values() for e in part} == {"we"}
    keys = {s: {e.key for e in part} for s, part in split.items()}
    assert not keys["train"] & keys["dev"]
    assert len(keys["train"] | keys["dev"]) == len(keys["test"]) == 40
    with pytest.raises(UnknownLanguageError):
        get_task("tydiqa").examples("Germn", "test")


def test_several_answers_are_all_right(folder) -> None:
    with data_dir(folder):
        example = get_task("mlqa").examples("de", "test")[0]
    assert example.answers == ("wir", "wir!")
    assert scored("mlqa_em", ["Wir!!"], [example]) == 1
    assert scored("accuracy", ["wir!"], [example]) == 0
    assert counted("mlqa_f1", ["wir sind", "nein"], [example] * 2) == [
        (pytest.approx(2 / 3), 1),
        (0, 1),
    ]
    with pytest.raises(DataError, match="cannot be scored"):
        scored("squad_f1", [], [example])


def test_tags_are_counted_by_the_word() -> None:
    examples = [Example("pos: a b", "DET NOUN", "eng"), Example("pos: c", "VERB", "eng")]
    assert scored("tag_accuracy", ["DET VERB NOUN", "VERB ADV"], examples) == pytest.approx(2 / 3)


def test_what_is_nowhere_is_said(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    with data_dir(tmp_path), pytest.raises(DataError, match="Give one with data_dir"):
        get_task("pud").examples("de", "test")
    with pytest.raises(UnknownLanguageError):
        get_task("pud").examples("Klingn", "test")


def test_every_benchmark_says_what_it_is() -> None:
    bibliography = (Path(__file__).parents[1] / "book" / "references.bib").read_text("utf-8")
    for name, task in benchmark_tasks().items():
        assert task.casting, name
        assert task.licence, name
        assert f"{{{task.citation}," in bibliography, name
        assert len(task.languages()) >= 7
    assert set(BENCHMARKS) == set(benchmark_tasks())


needs_files = pytest.mark.skipif(not (REAL / "sib200").is_dir(), reason="needs the real files")


@needs_files
@pytest.mark.parametrize(
    ("name", "language", "sizes"),
    [
        ("sib200", "sw", (701, 99, 204)),
        ("ner", "en", (14041, 3250, 3453)),  # CoNLL-2003's published sizes
        ("ner_words", "en", (203621, 51362, 46435)),  # CoNLL-2003's published numbers of tokens
        ("pud", "de", (716, 103, 181)),
        ("pud_words", "de", (15225, 2271, 3836)),
        ("xquad", "zh", None),
        ("xquad_sentence", "hi", None),
    ],
)
def test_real_files(name, language, sizes) -> None:
    task = get_task(name)
    split = {s: task.examples(language, s) for s in ("train", "dev", "test")}
    if sizes:
        assert tuple(map(len, split.values())) == sizes
    else:
        assert sum(map(len, split.values())) == 1190
    assert all(task.legal(e.target) for part in split.values() for e in part)
    assert scored(task.metrics[0], [e.target for e in split["test"]], split["test"]) == 1
    if name == "ner_words":
        assert baselines(task, language)["majority"] == 0  # O, outside, counts for nothing
    elif name != "ner":  # thousands of distinct targets
        assert 0 <= baselines(task, language)["majority"] < 0.6


@needs_files
@pytest.mark.parametrize("name", ["pud", "pud_words", "xquad"])
def test_parallel_data_are_split_alike_in_every_language(name) -> None:
    task = get_task(name)
    for split in ("train", "test"):
        keys = [{e.key for e in task.examples(c, split)} for c in ("de", "zh", "th")]
        assert keys[0] == keys[1] == keys[2]
    assert not {e.key for e in task.examples("de", "train")} & keys[0]


@pytest.mark.parametrize(
    ("context", "answer", "start", "kept"),
    [
        ("Eins. Zwei drei! Vier.", "drei", 11, "Zwei drei!"),
        ("Eins. Zwei. Eins.", "Eins", 12, "Eins."),  # not its first occurrence
        ("Eins. Zwei. Eins.", "Eins", -1, "Eins."),  # no place: the first
        ("Eins. Zwei. Drei", "Drei", 3, "Drei"),  # another text is there
        ("Eins. Zwei. Drei.", "Vier", 0, "Eins. Zwei. Drei."),  # nowhere
        ("A b. C d. E f.", "b. C", 2, "A b. C d."),  # across an end
        ("一二。三四。五六。", "四", 4, "三四。"),
        ("एक। दो। तीन।", "दो", 4, "दो।"),
        ("हाँ 3.5 है। नहीं।", "3.5", 4, "हाँ 3.5 है।"),
        ("من؟ هو.", "هو", 4, "هو."),
    ],
)
def test_the_sentence_of_an_answer(context, answer, start, kept) -> None:
    row = {"question": "Q?", "context": context}
    row["answers"] = {"text": [answer], "answer_start": [start]}
    assert answer_sentence(row, "deu").input == f"question: Q? context: {kept}"


@given(st.text("ab .!。", min_size=1, max_size=40), st.data())
def test_a_sentence_holds_its_answer_and_is_of_the_context(context, data) -> None:
    left = data.draw(st.integers(0, len(context) - 1))
    answer = context[left : data.draw(st.integers(left + 1, len(context)))]
    row = {"question": "Q?", "context": context}
    row["answers"] = {"text": [answer], "answer_start": [left]}
    kept = answer_sentence(row, "eng").input.removeprefix("question: Q? context:").strip()
    assert " ".join(answer.split()) in kept
    assert kept in " ".join(context.split())


@needs_files
def test_the_hubs_questions_are_split_as_the_authors_files(tmp_path, monkeypatch) -> None:
    """The hub's rows name no article; a paragraph in train and test would be a leak."""
    rows, _ = read_squad(REAL / "xquad" / "xquad.el.json")
    bare = [{k: v for k, v in row.items() if k != "key"} for row in rows]
    _hub(tmp_path, "xquad", "xquad.el", "validation", bare)
    ours = {s: get_task("xquad_sentence").examples("el", s) for s in ("train", "dev", "test")}
    monkeypatch.delenv("CROSSLINGUAL_DATA")
    with data_dir(tmp_path):
        hubs = {s: get_task("xquad_sentence").examples("el", s) for s in ("train", "dev", "test")}
    assert hubs == ours
    texts = [{e.input.split(" context: ")[1] for e in part} for part in hubs.values()]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]


@needs_files
def test_words_in_brackets_are_those_of_the_sentences() -> None:
    """Both castings of PUD hold the same words and tags in the same order."""
    whole = get_task("pud").examples("tr", "test")
    words = get_task("pud_words").examples("tr", "test")
    assert " ".join(e.target for e in whole).split() == [e.target for e in words]
    asked = [e.input.split(" [ ")[1].split(" ] ")[0].removesuffix(" ]") for e in words]
    assert " ".join(e.input.removeprefix("pos: ") for e in whole) == " ".join(asked)


def test_names_word_by_word(tmp_path) -> None:
    """Each word in brackets with its entity's kind; what begins an entity is not asked."""
    folder = tmp_path / "ner" / "de"
    folder.mkdir(parents=True)
    (folder / "test.txt").write_text("Anna B-PER\nSeghers I-PER\nlas O\n", encoding="utf-8")
    with data_dir(tmp_path):
        found = get_task("ner_words").examples("de", "test")
    assert [(e.input, e.target) for e in found] == [
        ("tag: [ Anna ] Seghers las", "PER"),
        ("tag: Anna [ Seghers ] las", "PER"),
        ("tag: Anna Seghers [ las ]", "O"),
    ]


def test_dirty_lines_are_named_or_refused(tmp_path) -> None:
    """A stray line in a CoNLL file: skipped and named with its place, or the file refused."""
    folder = tmp_path / "ner" / "de"
    folder.mkdir(parents=True)
    good = "Bonn B-LOC\nschläft O\n\n"
    (folder / "train.txt").write_text(good + "Stray\n\n" + good, encoding="utf-8")
    task = get_task("ner")
    with data_dir(tmp_path) as found:
        examples = task.examples("de", "train")
    assert [e.target for e in examples] == ["LOC: Bonn"] * 2
    assert [(d.file, d.line) for d in found.values()] == [(str(folder / "train.txt"), 4)]
    with data_dir(tmp_path, "refuse"), pytest.raises(DataError, match=r"train\.txt:4"):
        task.examples("de", "train")
    with pytest.raises(ConfigError, match="Allowed: refuse, skip"), data_dir(tmp_path, "mend"):
        pass
    with pytest.raises(ConfigError, match="for dirty lines"):
        load_config({"dirty": "mend"})
    (folder / "test.txt").write_text(good, encoding="utf-8")
    config = {"tasks": ["ner"], "sources": ["de"], "data_dir": str(tmp_path)}
    plan = str(plan_study(config))
    assert "1 lines of data skipped or mended:" in plan
    assert "train.txt:4: " in plan
    with pytest.raises(DataError, match=r"train\.txt:4"):
        read_conll(folder / "train.txt", ("LOC",))
