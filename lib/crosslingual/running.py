"""Running a study: jobs on Dask workers, one record a cell, resumable at any moment."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .benchmark_files import data_dir
from .checkpoints import Checkpoint
from .dask_jobs import WORKERS_WITHIN, StudyError, Work, here, on_dask
from .devices import visible_gpus
from .errors import ConfigError
from .measuring import measure, state_name
from .models import SHIPPED
from .provenance import refuse_other_examples
from .record_store import RecordStore, open_store
from .score_tables import scores_table
from .study import Job, expand, unmeasured
from .study_config import StudyConfig, load_config

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StudyError", "StudyResult", "run_study"]

FOLLOW_LOCAL, FOLLOW_REMOTE = 1.0, 30.0  # seconds between looks at the records, for the bar


@dataclass(frozen=True)
class StudyResult:
    """Outcome of a study.

    Attributes
    ----------
    scores : DataFrame
        One row a cell, see `crosslingual.score_tables.scores_table`.
    measured, read : int
        Cells measured now, and found finished.
    seconds : float
        Wall time.
    """

    scores: pd.DataFrame
    measured: int
    read: int
    seconds: float

    def __str__(self) -> str:
        from .summaries import summarise

        lines = summarise(self.scores).to_string(index=False, float_format="{:.3f}".format)
        return (
            f"{len(self.scores)} cells ({self.measured} measured, {self.read} read) "
            f"in {self.seconds:.0f} s\n{lines}"
        )


def run_study(
    config: str | Path | Mapping[str, Any] | StudyConfig,
    out: str | Path,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool = True,
    limit: int | None = None,
    resources: Mapping[str, float] | None = None,
    wait: float = WORKERS_WITHIN,
    work: Work = measure,
) -> StudyResult:
    """Measure all cells of a study that are not measured yet.

    Parameters
    ----------
    config : path, mapping or StudyConfig
        What to measure, see `StudyConfig`.
    out : str or Path
        Folder of the records, or an address that fsspec knows (``s3://bucket/study``), see
        `crosslingual.record_store.RecordStore`. Rerunning with the same place resumes.
    scheduler : str, optional
        Address of a running Dask scheduler (``tcp://host:8786``); its workers need the
        package and, if they run on other machines, the same ``out`` on a shared disk. By
        default a cluster of one-thread processes is started on this machine.
    workers : int, optional
        Number of processes of the local cluster; 0 measures in this process. By default one a
        GPU, or one a core where there is none. Where there are GPUs, each process has one of
        them, in turn: with more processes than GPUs, several share one, which serves small models.
    progress : bool
        Show a progress bar with the time left.
    limit : int, optional
        Stop after about so many jobs (for tests of resuming).
    resources : mapping, optional
        What a worker of the scheduler must offer for each job, ``{"GPU": 1}`` with workers that
        were started with ``--resources GPU=1``.
    wait : float
        Seconds until the scheduler must answer, and then have a worker that offers what is asked.
        Where workers have to queue for machines, as Slurm's do, hours: ``float("inf")`` waits as
        long as it takes.
    work : callable
        ``work(job, out)`` measures the cells of a job and writes their records; another than
        `measure` is for simulations.

    Returns
    -------
    StudyResult
        Prints itself.

    Raises
    ------
    ConfigError, OutputError
        Before anything is measured; also where the fine-tunings cannot fit into memory, no
        scheduler answers, or it has no worker in time.
    RecordError
        If a record of this study is broken, or was measured on other examples than its task has.
    StudyError
        If jobs failed; everything that could be measured has been.
    """
    started = time.monotonic()
    if scheduler is not None and workers is not None:
        raise ConfigError(
            f"workers ({workers}) are processes of this machine; the scheduler {scheduler!r} has "
            "its own. Leave one of them out."
        )
    if scheduler is None and resources:
        raise ConfigError(
            "resources are what workers of a scheduler offer; processes of this machine have a GPU "
            "each where there are any. Leave them out, or name a scheduler."
        )
    if not wait >= 0:
        raise ConfigError(f"wait must be seconds from 0, not {wait}.")
    study = load_config(config)
    store = open_store(out).prepare()
    jobs = expand(study)
    cells = [cell for job in jobs for cell in job.cells]
    finished = {c.file_name for c in cells} & store.names()
    records = [store.read(name) for name in sorted(finished)]
    with data_dir(study.data_dir, study.dirty):
        refuse_other_examples(records, store.place)
    left = unmeasured(jobs, finished)
    over = {state_name(job.cells[0]) for job in jobs} - {state_name(j.cells[0]) for j in left}
    if over:  # some may have been killed between the last record and the end of the job
        for name in over & store.states():
            Checkpoint(store.state(name)).remove()
    todo = left[:limit]
    gpus = visible_gpus() if scheduler is None and todo else []
    processes = 1  # this one
    if workers != 0:
        processes = min(workers or len(gpus) or os.cpu_count() or 1, len(todo))
    if scheduler is None and todo:
        _check_memory(study, math.ceil(processes / max(1, len(gpus))))
    failures: list[tuple[Job, BaseException]] = []
    bar = tqdm(
        total=len(cells), initial=len(finished), desc="cells", unit="cell", disable=not progress
    )
    with bar, _following(bar, {c.file_name for c in cells}, store):
        if todo:
            if workers == 0:
                outcomes = here(todo, store.place, work)
            elif scheduler is None:
                outcomes = on_dask(todo, store.place, work, processes=processes, gpus=gpus)
            else:
                outcomes = on_dask(
                    todo, store.place, work, scheduler, resources=resources, wait=wait
                )
            failures = [(job, error) for job, error in outcomes if error is not None]
    if failures:
        job, error = failures[0]
        named = f"{job.cells[0].task}, {job.cells[0].model}, source {job.cells[0].source}"
        raise StudyError(
            f"{len(failures)} of {len(todo)} jobs failed; finished cells are kept in "
            f"{store.place!r}. First failure ({named}): {type(error).__name__}: {error}"
        ) from error
    there = store.names()
    done = [c for c in cells if c.file_name in there]
    scores = scores_table(store.read(c.file_name) for c in done)
    return StudyResult(scores, len(done) - len(finished), len(finished), time.monotonic() - started)


@contextmanager
def _following(bar: tqdm[Any], names: set[str], store: RecordStore) -> Iterator[None]:
    """Move the bar with every record: of a job the first may take minutes, the last hours."""
    over = Event()

    def look() -> None:
        with suppress(Exception):  # a store that does not answer now may answer later
            bar.update(len(names & store.names()) - bar.n)

    def follow() -> None:
        while not over.wait(FOLLOW_LOCAL if store.is_local else FOLLOW_REMOTE):
            look()

    if bar.disable:
        yield
        return
    thread = Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()


def _check_memory(study: StudyConfig, processes: int) -> None:
    """Refuse what cannot fit on this machine, before anything is loaded."""
    large = [m for m in study.models if m not in SHIPPED]
    if large:
        from .devices import has_bf16
        from .forecast import check_memory
        from .machines import memory_here

        memory, half = memory_here(), has_bf16()
        for model in large:
            check_memory(model, study.train, memory, processes, bf16=half)
