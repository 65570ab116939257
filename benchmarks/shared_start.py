"""What token vectors from shared pieces carry across languages, before any training.

Logistic regression on the mean of a sentence's token vectors, SIB-200, ten languages, each to
each; and retrieval of translations. Compared: random vectors, vectors from shared pieces, a
trained model's own embeddings and layers, and tf-idf of pieces.

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

LANGUAGES = ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"]
WIDTH = 256


def sentences() -> dict[str, dict[str, tuple[list[str], list[str]]]]:
    """Language -> split -> texts and topics, in the order of their ids."""
    task, found = get_task("sib200"), {}
    for code in LANGUAGES:
        found[code] = {}
        for split in ("train", "test"):
            rows = sorted(task.examples(code, split), key=lambda e: int(e.key))
            texts = [e.input.removeprefix("topic: ") for e in rows]
            found[code][split] = (texts, [e.target for e in rows])
    return found


def summary(name: str, states: dict[str, dict[str, Any]], data: dict[str, Any]) -> dict[str, Any]:
    """In-language and across accuracy, and retrieval on the test sentences."""
    sides = {
        split: {c: (states[c][split], data[c][split][1]) for c in LANGUAGES}
        for split in ("train", "test")
    }
    table = linear_transfer(sides["train"], sides["test"])
    same = table["source"] == table["target"]
    found = [
        retrieval_accuracy(states[a]["test"], states[b]["test"])
        for a in LANGUAGES
        for b in LANGUAGES
        if a != b
    ]
    row = {
        "states": name,
        "in_language": round(float(table.loc[same, "accuracy"].mean()), 3),
        "across": round(float(table.loc[~same, "accuracy"].mean()), 3),
        "retrieval": round(float(np.mean(found)), 3),
    }
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
    for source in LANGUAGES:
        features = TfidfVectorizer(analyzer=tokenizer.tokenize, sublinear_tf=True)
        texts, labels = data[source]["train"]
        learner = LogisticRegression(C=10, max_iter=500).fit(features.fit_transform(texts), labels)
        for target in LANGUAGES:
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
    data, rows = sentences(), []
    for word in given:
        name, places = word.split("=")
        vocabulary, tokens, *model = places.split(":")
        tokenizer = AutoTokenizer.from_pretrained(vocabulary)
        packed = {p.stem: np.load(p, mmap_mode="r") for p in sorted(Path(tokens).glob("*.npy"))}
        about = {"corpus": name, "pieces": len(tokenizer)}
        random = np.random.default_rng(0).normal(size=(len(tokenizer), WIDTH))
        rows.append(about | tfidf(tokenizer, data))
        rows.append(about | summary("random vectors", means(random, tokenizer, data), data))
        shared = shared_vectors(packed, len(tokenizer), WIDTH, own=0.0)
        rows.append(about | summary("shared pieces", means(shared, tokenizer, data), data))
        for place in model:
            loaded = load(place, tokenizer)
            layers: list[dict[str, Any]] = []
            for code, splits in data.items():
                for split, (texts, _) in splits.items():
                    for layer, states in enumerate(pooled_states(loaded, texts, precision="bf16")):
                        if len(layers) <= layer:
                            layers.append({c: {} for c in LANGUAGES})
                        layers[layer][code][split] = states
            for layer, states in enumerate(layers):
                rows.append(about | summary(f"model, layer {layer}", states, data))
        pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
