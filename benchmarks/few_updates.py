"""Is it the few target examples that do harm, or the updates that are spent on them?

    python benchmarks/few_updates.py [FOLDER]    (writes book/data/few_updates.csv)

The commands (*intents*), four sources, ten targets, 5 and 25 target examples after the source, with
more and more updates on them; FOLDER keeps the records, so that an interrupted run goes on.
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

UPDATES = (6, 12, 24, 48)
CONFIG: dict[str, Any] = {
    "model": "mini",
    "tasks": ["intents"],
    "sources": ["de", "en", "ru", "zh"],
    "targets": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "shots": [0, 5, 25],
    "trainings": ["sequential"],
}


def main(folder: str = "runs/few_updates") -> None:
    """Run what is missing, write all."""
    parts = []
    for updates in UPDATES:
        train = {"epochs": 4, "lr": 0.03, "warmup": 0.1, "few_updates": updates}
        study = run_study(CONFIG | {"train": train}, folder)
        parts.append(study.scores.assign(updates=updates))
    table = pd.concat(parts, ignore_index=True)
    path = Path(__file__).parents[1] / "book" / "data" / "few_updates.csv"
    table.to_csv(path, index=False)
    across = table[table["source"] != table["target"]]
    print(across.pivot_table(index="shots", columns="updates", values="score").round(3))


if __name__ == "__main__":
    main(*sys.argv[1:2])
