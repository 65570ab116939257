"""Measuring the cells of a job: one fine-tuning, an evaluation a cell, a record for each."""

from __future__ import annotations

import math
import os
import time
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ConfigError
from .provenance import examples_used
from .record_store import open_store
from .records import Cell, Record, signature
from .registry import get_task
from .study import Job
from .tasks import Example, Task, subset
from .train_settings import few_shot_settings
from .version import __version__

if TYPE_CHECKING:
    from .models import Loaded

__all__ = ["measure", "target_examples"]


@lru_cache(maxsize=2)
def _model(name: str, seed: int) -> Any:
    from .models import load_model

    return load_model(name, seed)


def target_examples(task: Task, cell: Cell) -> list[Example]:
    """The target examples of a cell: the first ``shots`` in an order drawn by its seed.

    More shots hold the fewer ones, so that a growth curve adds examples and exchanges none.

    Parameters
    ----------
    task : Task
        Which has the target.
    cell : Cell
        Its ``target``, ``shots`` and ``seed`` count.

    Raises
    ------
    ConfigError
        If the task has fewer.
    """
    pool = task.examples(cell.target, "train")
    if cell.shots > len(pool):
        raise ConfigError(
            f"{cell.shots} shots were asked for, but {task.name} has {len(pool)} training "
            f"examples in {cell.target}."
        )
    order = np.random.default_rng(cell.seed).permutation(len(pool))
    return [pool[i] for i in order[: cell.shots]]


def state_name(cell: Cell) -> str:
    """Name of the saved state of a cell's fine-tuning: one for all cells of a job.

    Parameters
    ----------
    cell : Cell
        Any of the job.
    """
    if cell.training in ("source", "sequential"):
        cell = replace(cell, target=cell.source, training="source", shots=0)
    return f"{cell.file_name}.pt"


def measure(job: Job, out: str | Path) -> int:
    """Fine-tune once, evaluate every cell of the job, write a record for each.

    Cells whose record is there are left alone. Targets are evaluated one by one, so that
    a score does not depend on which other cells were still missing.

    Parameters
    ----------
    job : Job
        From `crosslingual.study.expand`.
    out : str or Path
        Folder or address of the records.

    Returns
    -------
    int
        Number of records written.

    Raises
    ------
    ConfigError
        If a cell asks for more target examples than there are, once the others are measured.
    """
    from .benchmark_files import data_dir

    with data_dir(job.data_dir, job.dirty):
        return _measure(job, out)


def _measure(job: Job, out: str | Path) -> int:
    import torch

    from .checkpoints import Checkpoint
    from .parallel import world
    from .tuning import fine_tune

    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    store = open_store(out)
    there = store.names()
    missing = [cell for cell in job.cells if cell.file_name not in there]
    if not missing:
        return 0
    task = get_task(missing[0].task)
    have = {c.target: len(task.examples(c.target, "train")) for c in missing if c.shots}
    beyond = [cell for cell in missing if cell.shots and cell.shots > have[cell.target]]
    missing = [cell for cell in missing if cell not in beyond]
    if not missing:
        target_examples(task, beyond[0])  # raises
    first = missing[0]
    model = _model(first.model, first.seed if first.model.endswith("-scratch") else 0)
    started = time.monotonic()
    # Short fine-tunings end before anything is saved; long ones go on from here after a kill, and
    # are not repeated for the cells that come after them.
    unfinished = Checkpoint(store.state(state_name(first)), keep=True)
    if first.training == "target":  # no development data either: there are none with few labels
        settings = few_shot_settings(job.train, first.shots)
        few = target_examples(task, first)
        tuned = fine_tune(model, few, None, settings, first.seed, unfinished)
    else:
        train = subset(task.examples(first.source, "train"), job.train_limit)
        if first.training == "joint":
            train = train + target_examples(task, first)
        dev = subset(task.examples(first.source, "dev"), job.test_limit)
        tuned = fine_tune(model, train, dev, job.train, first.seed, unfinished)
    shared = (time.monotonic() - started) / len(missing)
    digests: dict[str, str] = {}
    for cell in missing:
        started = time.monotonic()
        loaded = tuned.loaded
        if cell.training == "sequential":
            settings = few_shot_settings(job.train, cell.shots)
            loaded = fine_tune(
                loaded, target_examples(task, cell), None, settings, cell.seed
            ).loaded
        record = _evaluated(cell, loaded, task, job)
        used = examples_used(task, cell, digests)
        seconds = round(shared + time.monotonic() - started, 3)
        if world().rank == 0:
            store.write(replace(record, seconds=seconds, examples=used))
    if world().rank == 0:
        unfinished.remove()
    if beyond:
        target_examples(task, beyond[0])
    return len(missing)


def _evaluated(cell: Cell, loaded: Loaded, task: Task, job: Job) -> Record:
    from .evaluation import evaluate

    examples = subset(task.examples(cell.target, "test"), job.test_limit)
    result = evaluate(
        loaded, examples, task, job.decoding, job.train.max_input, job.train.precision
    )
    return Record(
        **asdict(cell),
        metric=task.metrics[0],
        score=result.scores[task.metrics[0]],
        scores=result.scores,
        n_test=result.n,
        illegal=result.illegal,
        se=None if math.isnan(result.se) else result.se,
        version=__version__,
        seconds=0.0,
        signature=signature(
            cell.task,
            cell.source,
            cell.target,
            cell.shots,
            loaded.name,
            cell.seed,
            cell.training,
        ),
    )
