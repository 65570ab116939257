"""Scores that need no learning, on the public benchmarks: book/data/baselines.csv.

    python book/baseline_table.py    (needs $CROSSLINGUAL_DATA)

The ten languages of each configuration; numbers only.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from crosslingual.registry import get_task
from crosslingual.study_config import load_config
from crosslingual.tasks import describe

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Read every benchmark, write the table, print its means."""
    rows = []
    for name in ("sib200", "pud", "ner", "ner_words", "xquad"):
        study = load_config(ROOT / "configs" / f"{name}.yaml")
        rows += [describe(get_task(task), study.sources_of(task)) for task in study.tasks]
    kept = ["task", "language", "train", "dev", "test", "chance", "majority"]
    table = pd.concat(rows)[kept].round(4)
    table.to_csv(ROOT / "book" / "data" / "baselines.csv", index=False)
    print(table.groupby("task")[kept[2:]].mean().round(3).to_string())


if __name__ == "__main__":
    main()
