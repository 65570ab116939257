"""What token vectors from shared pieces carry across languages, before any training.

Logistic regression on the mean of a sentence's token vectors, SIB-200 and the book's commands
(*intents*), ten languages, each to each; and retrieval of SIB-200's translations. Compared:
random vectors, vectors from shared pieces, a trained model's own embeddings and layers, and
tf-idf of pieces.

    python benchmarks/shared_start.py NAME=VOCABULARY:TOKENS[:MODEL] ...

VOCABULARY is a tokenizer's folder, TOKENS the packed corpus (``tokens`` of a pre-training),
MODEL a folder in the hub's format or a ``checkpoint.pt``. Writes benchmarks/shared_start.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from transformers import AutoTokenizer

from crosslingual.cooccurrence import shared_vectors
from crosslingual.models import Loaded, load_model
from crosslingual.pretraining import Architecture, new_model
from crosslingual.probing import linear_transfer
from crosslingual.retrieval import pooled_states, retrieval_accuracy
from crosslingual.tasks import get_task

LANGUAGES = {
    "sib200": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
    "intents": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
}
WIDTH = 256


def sentences(name: str) -> dict[str, dict[str, tuple[list[str], list[str]]]]:
    """Language -> split -> texts and labels, SIB-200's in the order of their ids."""
    task, found = get_task(name), {}
    for code in LANGUAGES[name]:
        found[code] = {}
        for split in ("train", "test"):
            rows = task.examples(code, split)
            if name == "sib200":
                rows = sorted(rows, key=lambda e: int(e.key))
            texts = [e.input.split(": ", 1)[-1] for e in rows]
            found[code][split] = (texts, [e.target for e in rows])
    return found


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


def load(place: str, tokenizer: Any) -> Loaded:
    """A model of a folder, or of a checkpoint of a pre-training."""
    if not place.endswith(".pt"):
        return load_model(place)
    model = new_model(Architecture(), len(tokenizer))
    model.load_state_dict(torch.load(place, weights_only=True)["model"])
    return Loaded(place, model, tokenizer)


def main(given: list[str]) -> None:
    """Measure everything that was named."""
    tasks, rows = {name: sentences(name) for name in LANGUAGES}, []
    for word in given:
        name, places = word.split("=")
        vocabulary, tokens, *model = places.split(":")
        tokenizer = AutoTokenizer.from_pretrained(vocabulary)
        packed = {p.stem: np.load(p, mmap_mode="r") for p in sorted(Path(tokens).glob("*.npy"))}
        random = np.random.default_rng(0).normal(size=(len(tokenizer), WIDTH))
        shared = shared_vectors(packed, len(tokenizer), WIDTH, own=0.0)
        for task, data in tasks.items():
            about = {"corpus": name, "pieces": len(tokenizer), "task": task}
            rows.append(about | tfidf(tokenizer, data))
            rows.append(about | summary("random vectors", means(random, tokenizer, data), data))
            rows.append(about | summary("shared pieces", means(shared, tokenizer, data), data))
            for place in model:
                rows += [about | row for row in layers(load(place, tokenizer), data)]
            pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


def layers(loaded: Loaded, data: dict[str, Any]) -> list[dict[str, Any]]:
    """The encoder's states, layer by layer."""
    found: list[dict[str, Any]] = []
    for code, splits in data.items():
        for split, (texts, _) in splits.items():
            for layer, states in enumerate(pooled_states(loaded, texts, precision="bf16")):
                if len(found) <= layer:
                    found.append({c: {} for c in data})
                found[layer][code][split] = states
    return [summary(f"model, layer {i}", states, data) for i, states in enumerate(found)]


if __name__ == "__main__":
    main(sys.argv[1:])
