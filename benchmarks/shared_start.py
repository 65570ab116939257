"""What token vectors from shared pieces carry across languages, before any training.

Logistic regression on the mean of a sentence's token vectors, SIB-200 and the book's commands
(*intents*), ten languages, each to each; and retrieval of SIB-200's translations. Compared:
random vectors, vectors from shared pieces, and tf-idf of pieces. What becomes of them in training
is measured by `emergence.py`.

    python benchmarks/shared_start.py NAME=VOCABULARY:TOKENS ...

NAME tells the row, VOCABULARY is a ``spiece.model``, TOKENS the packed corpus (``tokens`` of a
pre-training). Writes book/data/shared_start.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from emergence import DATA, LANGUAGES, examples
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from crosslingual.cooccurrence import shared_vectors
from crosslingual.files import write_csv
from crosslingual.probing import linear_transfer
from crosslingual.retrieval import retrieval_accuracy
from crosslingual.vocabulary import as_transformers

WIDTH = 256


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


def tfidf(tokenizer: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The lexical control: tf-idf of the vocabulary's pieces."""
    hits: dict[bool, list[float]] = {True: [], False: []}
    for source in data:
        features = TfidfVectorizer(analyzer=tokenizer.tokenize, sublinear_tf=True)
        texts, labels = data[source]["train"]
        learner = LogisticRegression(C=10, max_iter=500).fit(features.fit_transform(texts), labels)
        for target in data:
            texts, labels = data[target]["test"]
            hits[source == target].append(learner.score(features.transform(texts), labels))
    row = {
        "states": "tf-idf of pieces",
        "in_language": round(float(np.mean(hits[True])), 3),
        "across": round(float(np.mean(hits[False])), 3),
    }
    print(row, flush=True)
    return row


def main(given: list[str]) -> None:
    """Measure everything that was named."""
    tasks, rows = {name: sentences(name) for name in LANGUAGES}, []
    for word in given:
        name, places = word.split("=")
        vocabulary, tokens = places.split(":")
        tokenizer = as_transformers(Path(vocabulary).read_bytes())
        packed = {p.stem: np.load(p, mmap_mode="r") for p in sorted(Path(tokens).glob("*.npy"))}
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
