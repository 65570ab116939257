"""What a study will cost, told before anything is run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .benchmark_files import data_dir
from .errors import CrosslingualError
from .forecast import USED, memory_needed, operations, shape_of
from .machines import GIB, Device, find_device
from .record_store import open_store
from .records import Cell
from .registry import get_task
from .study import Job, expand, unmeasured
from .study_config import StudyConfig, load_config
from .train_settings import TrainSettings, few_shot_settings
from .training_amounts import too_few, uneven
from .wording import paragraph

if TYPE_CHECKING:
    import pandas as pd

    from .dirt import Dirt

__all__ = ["Plan", "plan_study"]

SHOWN = 10  # lines of dirt
BYTES = 4  # of UTF-8 in a token, about; both in alphabets and in Chinese characters


@dataclass(frozen=True)
class Plan:
    """The cells of a study and the work behind them; prints itself.

    Attributes
    ----------
    table : DataFrame
        What is left to measure; one row a (model, task, training, shots): jobs (fine-tunings from
        the model itself), cells (scores), updates and tested (examples, all cells together; NaN
        where the data are not at hand).
    config : StudyConfig
        Checked.
    missing : list of str
        Data that are not at hand, one line a task.
    device : Device
        What the forecast is for.
    hours : float
        Forecast of the time on one such device. Where data are not at hand, of training alone, and
        with rows as long as ``max_input``; NaN where that is not known either.
    memory : dict
        Model -> bytes that one fine-tuning needs, where its shape is known.
    disk : float
        Bytes of records, and of the saved state of one unfinished fine-tuning.
    dirt : tuple of Dirt
        Lines of the data files that are skipped because they cannot be right.
    short : list of str
        Targets with fewer training examples than ``shots`` asks for, one line a task and number:
        those cells would fail.
    uneven : list of str
        Tasks whose sources have unlike numbers of training examples, one line each.
    measured : int
        Cells that have a record already and are not in the table.
    """

    table: pd.DataFrame
    config: StudyConfig
    missing: list[str]
    device: Device
    hours: float
    memory: dict[str, float]
    disk: float
    dirt: tuple[Dirt, ...] = ()
    short: list[str] = field(default_factory=list)
    uneven: list[str] = field(default_factory=list)
    measured: int = 0

    def __str__(self) -> str:
        c = self.config
        head = paragraph(
            f"{', '.join(c.models)}: shots {', '.join(map(str, c.shots))}; "
            f"{'seeds' if len(c.seeds) > 1 else 'seed'} {', '.join(map(str, c.seeds))}; "
            "sources x targets: "
            + ", ".join(f"{t} {len(c.sources_of(t))} x {len(c.targets_of(t))}" for t in c.tasks)
        )
        cells, jobs = int(self.table["cells"].sum()), int(self.table["jobs"].sum())
        if self.measured and not cells:
            return f"{head}\nnothing left to do: all {self.measured:,} cells are measured"
        shown = self.table.to_string(index=False, na_rep="?", float_format="{:,.0f}".format)
        d = self.device
        hours = (
            "unknown"
            if math.isnan(self.hours)
            else f"about {self.hours:,.{1 if self.hours < 100 else 0}f}"
        )
        if self.missing:
            hours = f"{hours} (training alone, rows as long as max_input)"
        best = f"{d.flops / 1e12:.3g} TFLOP/s at best, {USED:.0%} of it used"
        lines = [
            f"{cells:,} cells in {jobs:,} fine-tunings"
            + (f"; {self.measured:,} more are measured already" if self.measured else ""),
            paragraph(f"hours on {d.name} ({best}): {hours}"),
        ]
        if c.train.precision == "bf16" and not d.bf16:
            lines.append(
                f"{d.name} has no bf16 and imitates it, many times as slow as fp32: precision auto "
                "is better"
            )
        for model, needed in self.memory.items():
            fits = "fits" if needed <= d.memory else "does not fit"
            lines.append(
                f"memory of one fine-tuning of {model}: about {needed / GIB:.1f} GiB, {fits} in "
                f"{d.memory / GIB:.1f}"
            )
        lines.append(f"disk: about {self.disk / GIB:.2g} GiB")
        if self.dirt:
            shown_lines = [f"  {line}" for line in self.dirt[:SHOWN]]
            more = len(self.dirt) - len(shown_lines)
            lines += [f"{len(self.dirt)} lines of data skipped or mended:", *shown_lines]
            lines += [f"  and {more} more"] if more > 0 else []
        notes = map(paragraph, (*self.missing, *self.short, *self.uneven))
        return "\n".join([head, shown, *lines, *notes])


def plan_study(
    config: str | Path | Mapping[str, Any] | StudyConfig,
    device: str = "here",
    out: str | Path | None = None,
) -> Plan:
    """Expand a study without running it, and foresee what it needs.

    Parameters
    ----------
    config : path, mapping or StudyConfig
        As `crosslingual.running.run_study` takes it.
    device : str
        ``here``, or one of `crosslingual.machines.DEVICES`.
    out : str or Path, optional
        Where records are kept, as `crosslingual.running.run_study` takes it: cells that have one
        there are not counted. By default all cells are.

    Returns
    -------
    Plan
        Counts of cells and fine-tunings are exact; updates and tested examples are counted from
        the data where they can be read without a network. Hours and memory are estimates, good
        to a factor of two: operations from the shape of the model and the mean length of the
        texts (four bytes of UTF-8 a token), over the share of its peak that a device reaches.

    Raises
    ------
    ConfigError
        See `crosslingual.study_config.load_config`.
    OutputError
        If ``out`` is an address that no package here reads.
    """
    import pandas as pd

    study = load_config(config)
    rows, missing = [], []
    sizes: dict[tuple[str, str, str], float] = {}
    lengths: dict[str, tuple[float, float]] = {}
    with data_dir(study.data_dir, study.dirty) as dirt:
        for task in study.tasks:
            try:
                lengths[task] = _count(task, study, sizes)
            except CrosslingualError as error:
                missing.append(f"{task}: not counted, {str(error).splitlines()[0]}")
    work = 0.0
    jobs = expand(study)
    todo = unmeasured(jobs, open_store(out).names() if out else ())
    measured = sum(len(job.cells) for job in jobs) - sum(len(job.cells) for job in todo)
    for job in todo:
        for number, cell in enumerate(job.cells):
            test = sizes.get((cell.task, cell.target, "test"), math.nan)
            tested = min(test, job.test_limit or math.inf)
            size = sizes.get((cell.task, cell.source, "train"), math.nan)
            updates, seen = _training(job, cell, size, number == 0)
            rows.append(
                {
                    "model": cell.model,
                    "task": cell.task,
                    "training": cell.training,
                    "shots": cell.shots,
                    "jobs": int(number == 0),
                    "cells": 1,
                    "updates": updates,
                    "tested": tested,
                }
            )
            work += _work(cell.model, lengths.get(cell.task), seen, tested, job.train.max_input)
    keys = ["model", "task", "training", "shots"]
    columns = [*keys, "jobs", "cells", "updates", "tested"]
    grouped = pd.DataFrame(rows, columns=columns).groupby(keys, sort=False)
    table = grouped[["jobs", "cells"]].sum()
    for column in ("updates", "tested"):
        table[column] = grouped[column].sum(min_count=1)
        unknown = grouped[column].count() < table["cells"]
        table.loc[unknown, column] = float("nan")
    what = find_device(device)
    memory: dict[str, float] = {}
    weights = 0.0
    for model in study.models:
        shape = shape_of(model)
        if shape is not None:
            parts = memory_needed(shape, study.train, study.train.max_input, 64, what.bf16)
            memory[model] = sum(parts.values())
            weights = max(weights, 4.0 * shape.parameters)
    disk = 2000.0 * len(rows) + 4 * weights
    hours = work / (USED * what.flops) / 3600
    return Plan(
        table.reset_index(),
        study,
        missing,
        what,
        hours,
        memory,
        disk,
        tuple(dirt.values()),
        too_few(study, sizes),
        uneven(study, sizes),
        measured,
    )


def _training(job: Job, cell: Cell, size: float, is_first: bool) -> tuple[float, float]:
    """Updates that a cell adds to its job, and the examples in them.

    The first cell of a job brings the fine-tuning on the source, of ``size`` examples, that all
    share; after it, one in sequence adds its own on the target.
    """
    updates = seen = 0.0
    if is_first and cell.training != "target":
        examples = min(size, job.train_limit or math.inf)
        examples += cell.shots if cell.training == "joint" else 0
        updates, seen = _passes(job.train, examples)
    if cell.training in ("sequential", "target"):
        few = _passes(few_shot_settings(job.train, cell.shots), cell.shots)
        updates, seen = updates + few[0], seen + few[1]
    return updates, seen


def _passes(settings: TrainSettings, examples: float) -> tuple[float, float]:
    """Updates on so many examples (NaN: not known), and examples in them."""
    if settings.updates:
        return float(settings.updates), float(settings.updates * settings.batch)
    if math.isnan(examples):
        return math.nan, math.nan
    return math.ceil(examples / settings.batch) * settings.epochs, examples * settings.epochs


def _work(
    model: str, lengths: tuple[float, float] | None, trained: float, tested: float, longest: int
) -> float:
    """Operations of training on so many examples and testing others."""
    shape = shape_of(model)
    if shape is None:
        return math.nan
    inputs, outputs = lengths or (longest, 64.0)
    examples = 3 * trained + (0.0 if math.isnan(tested) else tested)
    return examples * operations(shape, min(inputs, longest), outputs)


def _count(
    name: str, study: StudyConfig, sizes: dict[tuple[str, str, str], float]
) -> tuple[float, float]:
    """Count examples; mean tokens of inputs and outputs."""
    task = get_task(name)
    read = written = 0
    trained = study.sources_of(name) + (study.targets_of(name) if max(study.shots) else ())
    for language, split in (
        *((s, "train") for s in dict.fromkeys(trained)),
        *((t, "test") for t in study.targets_of(name)),
    ):
        examples = task.examples(language, split)
        sizes[name, language, split] = float(len(examples))
        read += sum(len(e.input.encode()) for e in examples)
        written += sum(len(e.target.encode()) for e in examples)
    total = sum(n for (task_name, _, _), n in sizes.items() if task_name == name)
    return read / total / BYTES, max(2.0, written / total / BYTES)
