"""What a study will cost, told before anything is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .benchmarks import data_dir
from .errors import CrosslingualError
from .study import StudyConfig, expand, load_config
from .tasks import get_task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "plan_study"]


@dataclass(frozen=True)
class Plan:
    """The cells of a study and the work behind them; prints itself.

    Attributes
    ----------
    table : DataFrame
        One row a (model, task, training, shots): jobs (fine-tunings from the model itself), cells
        (scores), updates and tested (examples, all cells together; NaN where the data are not
        at hand).
    config : StudyConfig
        Checked.
    missing : list of str
        Data that are not at hand, one line a task.
    """

    table: pd.DataFrame
    config: StudyConfig
    missing: list[str]

    def __str__(self) -> str:
        c = self.config
        head = (
            f"{len(c.models)} models ({', '.join(c.models)}), shots "
            f"{', '.join(map(str, c.shots))}, {len(c.seeds)} seeds; sources x targets: "
            + ", ".join(f"{t} {len(c.sources_of(t))} x {len(c.targets_of(t))}" for t in c.tasks)
        )
        cells, jobs = int(self.table["cells"].sum()), int(self.table["jobs"].sum())
        shown = self.table.to_string(index=False, na_rep="?", float_format="{:,.0f}".format)
        return "\n".join([head, shown, f"{cells:,} cells in {jobs:,} fine-tunings", *self.missing])


def plan_study(config: str | Path | Mapping[str, Any] | StudyConfig) -> Plan:
    """Expand a study without running it.

    Parameters
    ----------
    config : path, mapping or StudyConfig
        As `crosslingual.running.run_study` takes it.

    Returns
    -------
    Plan
        Counts of cells and fine-tunings are exact; updates and tested examples are counted from
        the data where they can be read without a network.

    Raises
    ------
    ConfigError
        See `crosslingual.study.load_config`.
    """
    import pandas as pd

    study = load_config(config)
    rows, missing = [], []
    sizes: dict[tuple[str, str, str], float] = {}
    with data_dir(study.data_dir):
        for task in study.tasks:
            try:
                _count(task, study, sizes)
            except CrosslingualError as error:
                missing.append(f"{task}: not counted, {str(error).splitlines()[0]}")
    for job in expand(study):
        first = job.cells[0]
        limit = job.train_limit or math.inf
        known = sizes.get((first.task, first.source, "train"), math.nan)
        if first.training == "target":
            trained = float(first.shots)
        else:
            trained = min(known, limit) + (first.shots if first.training == "joint" else 0)
        updates = math.ceil(trained / job.train.batch) if trained == trained else math.nan
        for number, cell in enumerate(job.cells):
            test = sizes.get((cell.task, cell.target, "test"), math.nan)
            rows.append(
                {
                    "model": cell.model,
                    "task": cell.task,
                    "training": cell.training,
                    "shots": cell.shots,
                    "jobs": int(number == 0),
                    "cells": 1,
                    "updates": updates * job.train.epochs if number == 0 else 0.0,
                    "tested": min(test, job.test_limit or math.inf),
                }
            )
    keys = ["model", "task", "training", "shots"]
    grouped = pd.DataFrame(rows).groupby(keys, sort=False)
    table = grouped[["jobs", "cells"]].sum()
    for column in ("updates", "tested"):
        table[column] = grouped[column].sum(min_count=1)
        unknown = grouped[column].count() < table["cells"]
        table.loc[unknown, column] = float("nan")
    return Plan(table.reset_index(), study, missing)


def _count(name: str, study: StudyConfig, sizes: dict[tuple[str, str, str], float]) -> None:
    task = get_task(name)
    for language, split in (
        *((s, "train") for s in study.sources_of(name)),
        *((t, "test") for t in study.targets_of(name)),
    ):
        sizes[name, language, split] = float(len(task.examples(language, split)))
