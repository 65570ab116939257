"""What a study is: a configuration that expands to cells, grouped into jobs.

A *cell* is one number: task, source, target, shots, training, seed, model. A *job* is one
fine-tuning and the cells that it serves: all targets of a source, zero-shot or going on from
there with target examples.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from .models import model_digest
from .records import Cell, settings_hash
from .registry import get_task
from .study_config import StudyConfig
from .train_settings import TrainSettings, settings_identity

__all__ = ["Job", "expand", "unmeasured"]


@dataclass(frozen=True)
class Job:
    """One fine-tuning and the cells that are measured with it."""

    cells: tuple[Cell, ...]
    train: TrainSettings
    decoding: str
    train_limit: int | None
    test_limit: int | None
    data_dir: str = ""
    dirty: str = "skip"


def expand(config: StudyConfig) -> list[Job]:
    """All jobs of a study, each with its cells.

    Zero-shot and sequential cells of one source are one job: they share its fine-tuning. A
    joint or target-only cell is a job of its own, as its training data are its own. Shots
    in the source language itself are left out: they are in its training data already.

    Parameters
    ----------
    config : StudyConfig
        Checked, from `crosslingual.study_config.load_config`.
    """
    jobs = []
    for name in config.tasks:
        task = get_task(name)
        decoding = config.decoding if task.labels else "generate"
        everything = {
            "train": settings_identity(config.train),
            "decoding": decoding,
            "train_limit": config.train_limit,
            "test_limit": config.test_limit,
            "task_version": task.version,
        }
        limits = (
            config.train, decoding, config.train_limit, config.test_limit, config.data_dir,
            config.dirty,
        )  # fmt: skip
        for model in config.models:
            digest = settings_hash(everything | {"model": model_digest(model)})
            for seed in config.seeds:
                what = (seed, model, digest)
                groups = []
                for source in config.sources_of(name):
                    cells = _cells(config, name, source, *what)
                    groups.append([c for c in cells if c.training in ("source", "sequential")])
                    groups += [[c] for c in cells if c.training == "joint"]
                if "target" in config.trainings:
                    groups += [
                        [Cell(name, target, target, n, "target", *what)]
                        for target in config.targets_of(name)
                        for n in config.shots
                        if n
                    ]
                jobs += [Job(tuple(group), *limits) for group in groups if group]
    return jobs


def _cells(
    config: StudyConfig, task: str, source: str, seed: int, model: str, digest: str
) -> list[Cell]:
    """Cells that need a source."""
    what = (seed, model, digest)
    targets = config.targets_of(task)
    zero = [Cell(task, source, t, 0, "source", *what) for t in targets if 0 in config.shots]
    return zero + [
        Cell(task, source, target, shots, training, *what)
        for target in targets
        for shots in config.shots
        for training in config.trainings
        if shots and training != "target" and target != source
    ]


def unmeasured(jobs: Iterable[Job], names: Collection[str]) -> list[Job]:
    """Jobs with the cells that have no record yet; those with none left are dropped.

    Parameters
    ----------
    jobs : iterable of Job
        See `expand`.
    names : collection of str
        File names of the records there, see `crosslingual.record_store.RecordStore.names`.
    """
    rest = (replace(j, cells=tuple(c for c in j.cells if c.file_name not in names)) for j in jobs)
    return [job for job in rest if job.cells]
