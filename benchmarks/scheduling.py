"""The paper's grid with cells of 0.1 s on 1, 2, 4 and 8 workers; 20 studies disturbed by kill -9.

python benchmarks/scheduling.py grid    ->  benchmarks/scheduling.csv, benchmarks/scheduling.png
python benchmarks/scheduling.py kills   ->  benchmarks/kills.csv
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from cluster_harness import CONFIG, SECONDS, cluster, disturbed, drive, simulated  # noqa: E402

from crosslingual.record_store import read_records  # noqa: E402
from crosslingual.running import run_study  # noqa: E402
from crosslingual.score_tables import scores_table  # noqa: E402

GRID = {
    "tasks": ["intents", "slots", "answers"], "shots": [0, 5, 10, 25, 50, 100],
    "sources": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "trainings": ["joint"], "seeds": [0, 1, 2, 3, 4],
}  # fmt: skip


def grid() -> None:
    """Time the full grid; a joint cell is a task of its own, the zero-shot ones go by source."""
    rows = []
    for workers in (8, 4, 2, 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with cluster(folder, workers) as made:
                time.sleep(20)  # until all workers are there
                started = time.monotonic()
                code = drive(made.address, folder / "out", GRID, folder / "said.txt").wait()
                wall = time.monotonic() - started
            assert code == 0, (folder / "said.txt").read_text()[-2000:]
            cells = len(list((folder / "out").glob("*.json")))
        ideal = cells * SECONDS / workers
        rows.append(
            {
                "workers": workers,
                "cells": cells,
                "seconds": round(wall, 1),
                "efficiency": round(ideal / wall, 3),
                "overhead_ms_per_cell": round(1000 * (wall - ideal) * workers / cells, 2),
            }
        )
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows).sort_values("workers")
    table.to_csv(HERE / "scheduling.csv", index=False)
    draw(table)


def draw(table: pd.DataFrame) -> None:
    """Wall time against workers beside the ideal, and overhead a cell."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    x = table["workers"]
    ideal = table["cells"] * SECONDS / x
    axes[0].plot(x, table["seconds"], "o-", color="#0072B2", label="measured")
    axes[0].plot(x, ideal, "--", color="#555555", label="ideal")
    axes[0].set(xscale="log", yscale="log", xlabel="workers", ylabel="time of the grid (s)")
    axes[0].set_xticks(x, x)
    axes[0].legend()
    axes[1].bar(range(len(x)), table["overhead_ms_per_cell"], color="#0072B2")
    axes[1].set_xticks(range(len(x)), x)
    axes[1].set(xlabel="workers", ylabel="overhead of a cell (ms of a worker)")
    figure.savefig(HERE / "scheduling.png", dpi=110)


def kills(runs: int = 20) -> None:
    """Kill the worker, the scheduler or the driver at a random moment, run again, compare."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        undisturbed = run_study(CONFIG, name, workers=0, progress=False, work=simulated).scores
    rows = []
    for number in range(runs):
        victim = ("worker", "scheduler", "driver")[number % 3]
        moment = float(random.uniform(0, 4))
        with tempfile.TemporaryDirectory() as name:
            result = disturbed(Path(name), victim, moment)
            same = scores_table(read_records(result.pop("out"))).equals(undisturbed)
        rows.append({"victim": victim, "seconds": round(moment, 2), **result, "same_table": same})
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(HERE / "kills.csv", index=False)


if __name__ == "__main__":
    {"grid": grid, "kills": kills}[sys.argv[1]]()
