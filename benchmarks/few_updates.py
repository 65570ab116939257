"""Is it the few target examples that do harm, or the updates that are spent on them? And does the
control without a source need more updates than a model that has seen one?

    crosslingual study import --scores book/data/few_updates.csv --out FOLDER    (likewise
    few_shot.csv and few_shot_benchmarks.csv: then only what is new is measured)
    python benchmarks/few_updates.py [FOLDER]    (writes book/data/few_updates.csv)

The commands (*intents*) and parts of speech (*pud_words*), few target examples after the source and
without one, with more and more updates on them (at least: a pass over the examples takes what it
takes); FOLDER keeps the records, so that an interrupted run goes on.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from crosslingual.running import run_study

COMMANDS: dict[str, Any] = {
    "model": "mini",
    "tasks": ["intents"],
    "sources": ["de", "en", "ru", "zh"],
    "targets": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "train": {"epochs": 4, "lr": 0.03, "warmup": 0.1},
}
WORDS: dict[str, Any] = {
    "model": "mini",
    "tasks": ["pud_words"],
    "sources": ["en", "ru"],
    "targets": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
    "decoding": "labels",
    "train_limit": 6000,
    "test_limit": 500,
    "train": {"epochs": 2, "batch": 32},
}
# What is studied, with how many updates, on how many target examples.
GRID: list[tuple[dict[str, Any], int, list[int]]] = [
    *((COMMANDS, updates, [0, 5, 25]) for updates in (6, 12, 24)),
    *((COMMANDS, updates, [0, 5, 25, 250]) for updates in (48, 192)),
    *((WORDS, updates, [0, 10, 50, 250]) for updates in (48, 192)),
]


def main(folder: str = "runs/few_updates") -> None:
    """Run what is missing, write all."""
    parts = []
    for study, updates, shots in GRID:
        train = study["train"] | {"few_updates": updates}
        with_source = study | {"train": train, "shots": shots, "trainings": ["sequential"]}
        alone = study | {"train": train, "shots": shots[1:], "trainings": ["target"]}
        alone["sources"] = study["targets"]
        for config in (with_source, alone):
            parts.append(run_study(config, folder).scores.assign(updates=updates))
    table = pd.concat(parts, ignore_index=True)
    path = Path(__file__).parents[1] / "book" / "data" / "few_updates.csv"
    table.to_csv(path, index=False)
    across = table[(table["source"] != table["target"]) | (table["training"] == "target")]
    across = across.groupby(["task", "training", "shots", "updates"])["score"].mean()
    print(across.unstack().round(3))


if __name__ == "__main__":
    main(*sys.argv[1:2])
