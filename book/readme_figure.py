"""Draw the README's figure from the stored scores."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import crosslingual as xl
from crosslingual.plots import plot_matrices

DATA = Path(__file__).resolve().parent / "data"


def main() -> None:
    """Write zero_shot.png beside zero_shot.csv."""
    scores = pd.read_csv(DATA / "zero_shot.csv")
    tables = {task: xl.matrix(scores, task, "mini") for task in ("intents", "slots", "answers")}
    plot_matrices(tables).savefig(DATA / "zero_shot.png", dpi=80)


if __name__ == "__main__":
    main()
