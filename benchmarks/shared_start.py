"""What token vectors from shared pieces carry across languages, before any training.

Logistic regression on the mean of a sentence's token vectors, SIB-200 and the book's commands
(*intents*), ten languages, each to each; and retrieval of SIB-200's translations. Compared:
random vectors, vectors from shared pieces, and tf-idf of pieces. What becomes of them in training
is measured by `emergence.py`.

    python benchmarks/shared_start.py NAME=VOCABULARY:TOKENS ...

NAME tells the row, VOCABULARY is a ``spiece.model``, TOKENS the packed corpus (``tokens`` of a
pre-training). Writes book/data/shared_start.csv. With ``vary=`` before the places of one corpus,
one choice at a time is changed instead (width, languages, amount of text, what counts as shared,
lengths of vectors), and book/data/start_choices.csv is written; what it holds already is kept. Two
choices build a dictionary out of the vectors themselves, and count again with its entries for
shared pieces. One adds a lexicon in all but name, emoji with their keywords: it needs $CLDR, a
folder with npm's packages cldr-annotations-modern and cldr-annotations-derived-modern (45.0.0),
unpacked.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from emergence import DATA, LANGUAGES, examples
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from crosslingual.cooccurrence import shared_pieces, shared_vectors
from crosslingual.files import write_csv
from crosslingual.probing import linear_transfer
from crosslingual.retrieval import retrieval_accuracy
from crosslingual.vocabulary import as_transformers

WIDTH = 256
SKIN = {chr(code) for code in range(0x1F3FB, 0x1F400)}
REPEATED = 20  # a piece counts as shared from twenty paragraphs in each of some languages
TESTED = sorted({code for codes in LANGUAGES.values() for code in codes})
CHOICES: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "width 64": {"width": 64},
    "width 128": {"width": 128},
    "width 512": {"width": 512},
    "only the languages of the tests": {"languages": TESTED},
    "half of the text": {"part": 0.5},
    "a quarter of the text": {"part": 0.25},
    "shared by 3 languages": {"least_languages": 3},
    "shared by 12 languages": {"least_languages": 12},
    "rare pieces longer": {"rare": True},
    "with keywords of pictures": {"pictures": True},
    "a dictionary found": {"rounds": 1},
    "found, three times over": {"rounds": 3},
}
HUB = "en"  # whose pieces the others' are paired with
FREQUENT = 8000  # pieces of each language that are paired
CERTAIN = 0.15  # least likeness (CSLS) of a pair


def sentences(name: str) -> dict[str, dict[str, tuple[list[str], list[str]]]]:
    """Language -> split -> texts and labels."""
    splits = ("train", "test")
    return {code: {s: examples(name, code, s) for s in splits} for code in LANGUAGES[name]}


def summary(name: str, states: dict[str, dict[str, Any]], data: dict[str, Any]) -> dict[str, Any]:
    """In-language and across accuracy, and retrieval on the test sentences."""
    sides = {
        split: {c: (states[c][split], data[c][split][1]) for c in data}
        for split in ("train", "test")
    }
    table = linear_transfer(sides["train"], sides["test"])
    same = table["source"] == table["target"]
    row = {
        "states": name,
        "in_language": round(float(table.loc[same, "accuracy"].mean()), 3),
        "across": round(float(table.loc[~same, "accuracy"].mean()), 3),
    }
    if "hi" in data:  # SIB-200's sentences are parallel
        found = [
            retrieval_accuracy(states[a]["test"], states[b]["test"])
            for a in data
            for b in data
            if a != b
        ]
        row["retrieval"] = round(float(np.mean(found)), 3)
    print(row, flush=True)
    return row


def means(vectors: np.ndarray, tokenizer: Any, data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Mean token vector of every sentence."""

    def pooled(texts: list[str]) -> np.ndarray:
        rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
        return np.stack([vectors[ids].mean(0) for ids in rows])

    return {
        code: {split: pooled(texts) for split, (texts, _) in splits.items()}
        for code, splits in data.items()
    }


def counting(
    parts: Callable[[str], list[str]], texts: Sequence[str], labels: Sequence[str]
) -> Pipeline:
    """A linear classifier on tf-idf of the parts of a text, fitted."""
    features = TfidfVectorizer(analyzer=parts, sublinear_tf=True)
    return make_pipeline(features, LogisticRegression(C=10, max_iter=500)).fit(texts, labels)


def tfidf(tokenizer: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The lexical control: tf-idf of the vocabulary's pieces."""
    hits: dict[bool, list[float]] = {True: [], False: []}
    for source in data:
        learner = counting(tokenizer.tokenize, *data[source]["train"])
        for target in data:
            hits[source == target].append(learner.score(*data[target]["test"]))
    row = {
        "states": "tf-idf of pieces",
        "in_language": round(float(np.mean(hits[True])), 3),
        "across": round(float(np.mean(hits[False])), 3),
    }
    print(row, flush=True)
    return row


def corpus(places: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Tokenizer and packed text of VOCABULARY:TOKENS."""
    vocabulary, tokens = places.split(":")
    tokenizer = as_transformers(Path(vocabulary).read_bytes())
    return tokenizer, {
        p.stem: np.load(p, mmap_mode="r") for p in sorted(Path(tokens).glob("*.npy"))
    }


def keywords(code: str) -> dict[str, str]:
    """Picture (emoji) -> its name and keywords in a language, of CLDR's annotations."""
    found: dict[str, str] = {}
    for file in sorted(Path(os.environ["CLDR"]).glob(f"*/package/*/{code}/annotations.json")):
        (content,) = json.loads(file.read_text("utf-8")).values()
        for picture, said in content["annotations"].items():
            if not SKIN & set(picture):  # the same words for each colour of skin
                words = dict.fromkeys([*said.get("tts", []), *said.get("default", [])])
                found[picture] = ", ".join(words)
    return found


def with_pictures(packed: dict[str, np.ndarray], tokenizer: Any) -> dict[str, np.ndarray]:
    """A paragraph more for every picture, often enough to count; its id follows the vocabulary."""
    said = {code: keywords(code) for code in packed}
    ids = {p: len(tokenizer) + i for i, p in enumerate(sorted(set().union(*said.values())))}
    print(f"{len(ids)} pictures", flush=True)
    more = {}
    for code, words in said.items():
        rows = tokenizer(list(words.values()))["input_ids"]  # ends with the end of a paragraph
        added = [i for picture, row in zip(words, rows, strict=True) for i in (ids[picture], *row)]
        more[code] = np.concatenate([packed[code].astype(np.int32), np.tile(added, REPEATED)])
    return more


def pairs(source: np.ndarray, target: np.ndarray, near: int = 10) -> tuple[np.ndarray, ...]:
    """Rows that choose each other and are alike enough, by CSLS.

    Twice the cosine, less the mean cosines of each with its nearest rows on the other side, so
    that a piece which lies near to everything is nobody's translation (Conneau et al. 2018, Word
    translation without parallel data, ICLR, eq. 2).
    """
    sides = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (source, target)]
    likeness = sides[0] @ sides[1].T
    crowd = [np.partition(side, -near)[:, -near:].mean(1) for side in (likeness, likeness.T)]
    likeness = 2 * likeness - crowd[0][:, None] - crowd[1]
    there, back = likeness.argmax(1), likeness.argmax(0)
    rows = np.flatnonzero(back[there] == np.arange(len(source)))
    rows = rows[likeness[rows, there[rows]] > CERTAIN]
    return rows, there[rows]


def with_dictionary(
    packed: dict[str, np.ndarray], vectors: np.ndarray, pieces: int
) -> dict[str, np.ndarray]:
    """Beside each piece that the vectors pair with one of the hub's, an id that all of these share.

    What is shared as it stands gets none.
    """
    counts = np.stack([np.bincount(ids, minlength=pieces) for ids in packed.values()])
    shared = shared_pieces(counts)
    frequent = {}
    for code, row in zip(packed, counts, strict=True):
        order = np.argsort(-row)
        frequent[code] = order[(order > 2) & (row[order] >= REPEATED // 2)][:FREQUENT]
    more = {}
    for code, ids in packed.items():
        rows, found = pairs(vectors[frequent[code]], vectors[frequent[HUB]])
        entry = np.full(pieces, -1)
        entry[frequent[code][rows]] = frequent[HUB][found]
        entry[np.isin(entry, shared)] = -1
        at = np.flatnonzero(entry[ids] >= 0)
        more[code] = np.insert(ids.astype(np.int32), at + 1, pieces + entry[ids[at]])
    return more


def rarity(packed: dict[str, np.ndarray], pieces: int) -> np.ndarray:
    """Weights a / (a + p), p the share of a piece in the language that has it most.

    Arora, Liang and Ma 2017, A simple but tough-to-beat baseline for sentence embeddings, ICLR.
    """
    counts = [np.bincount(ids, minlength=pieces) / len(ids) for ids in packed.values()]
    return np.asarray(1e-3 / (1e-3 + np.max(counts, axis=0)))


def choose(places: str, choice: str) -> list[dict[str, Any]]:
    """Rows of one choice that is not mini's."""
    tokenizer, packed = corpus(places)
    given = {"width": WIDTH} | CHOICES[choice]
    languages, part = given.pop("languages", list(packed)), given.pop("part", 1.0)
    rare, pictures = given.pop("rare", False), given.pop("pictures", False)
    rounds = given.pop("rounds", 0)
    packed = {code: packed[code][: int(part * len(packed[code]))] for code in languages}
    pieces = len(tokenizer)
    if pictures:
        packed = with_pictures(packed, tokenizer)
        pieces = 1 + max(int(ids.max()) for ids in packed.values())
    vectors = shared_vectors(packed, pieces, own=0.0, **given)[: len(tokenizer)]
    for _ in range(rounds):
        more = with_dictionary(packed, vectors, pieces)
        vectors = shared_vectors(more, 2 * pieces, own=0.0, **given)[:pieces]
    if rare:
        vectors = vectors * rarity(packed, len(tokenizer))[:, None]
    about = {"choice": choice, "languages": len(packed), "width": given["width"]}
    about["tokens"] = sum(map(len, packed.values()))
    rows = []
    for name in LANGUAGES:
        data = sentences(name)
        rows.append(about | {"task": name} | summary(choice, means(vectors, tokenizer, data), data))
    return rows


def vary(places: str) -> None:
    """One choice after the other, two at a time; those that the table holds are kept."""
    path = DATA / "start_choices.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame({"choice": []})
    left = [choice for choice in CHOICES if choice not in set(table["choice"])]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for more in pool.map(choose, repeat(places), left):
            table = pd.concat([table, pd.DataFrame(more).drop(columns="states")])
            write_csv(path, table)


def main(given: list[str]) -> None:
    """Measure everything that was named."""
    if given[0].startswith("vary="):
        return vary(given[0].removeprefix("vary="))
    tasks, rows = {name: sentences(name) for name in LANGUAGES}, []
    for word in given:
        name, places = word.split("=")
        tokenizer, packed = corpus(places)
        random = np.random.default_rng(0).normal(size=(len(tokenizer), WIDTH))
        shared = shared_vectors(packed, len(tokenizer), WIDTH, own=0.0)
        for task, data in tasks.items():
            about = {"corpus": name, "pieces": len(tokenizer), "task": task}
            rows.append(about | tfidf(tokenizer, data))
            rows.append(about | summary("random vectors", means(random, tokenizer, data), data))
            rows.append(about | summary("shared pieces", means(shared, tokenizer, data), data))
            write_csv(DATA / "shared_start.csv", pd.DataFrame(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
