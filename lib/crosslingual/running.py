"""Running a study: jobs on Dask workers, one record a cell, resumable at any moment."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .benchmark_files import data_dir
from .devices import visible_gpus
from .errors import ConfigError, CrosslingualError
from .measuring import measure
from .models import SHIPPED
from .provenance import refuse_other_examples
from .record_store import RecordStore, open_store
from .score_tables import scores_table
from .study import Job, expand, unmeasured
from .study_config import StudyConfig, load_config

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StudyError", "StudyResult", "run_study"]

# Dask's own default makes glibc hand memory back after every step; with huge pages kept
# instead, a small model's step is 1.4 times faster (benchmarks/).
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "THP_MEM_ALLOC_ENABLE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
WORKERS_WITHIN = 60  # seconds
FOLLOW_LOCAL, FOLLOW_REMOTE = 1.0, 30.0  # seconds between looks at the records, for the bar
RETRIES = 1  # of a job that failed; jobs whose worker died are given to others besides
Work = Callable[[Job, str], int]


class StudyError(CrosslingualError):
    """Some cells could not be measured; the finished ones are kept."""


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
        What a worker must offer for each job, ``{"GPU": 1}`` with workers that were started with
        ``--resources GPU=1``.
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
        Before anything is measured; also where the fine-tunings cannot fit into memory.
    RecordError
        If a record of this study is broken, or was measured on other examples than its task has.
    StudyError
        If jobs failed; everything that could be measured has been.
    """
    started = time.monotonic()
    study = load_config(config)
    store = open_store(out).prepare()
    jobs = expand(study)
    cells = [cell for job in jobs for cell in job.cells]
    finished = {c.file_name for c in cells} & store.names()
    records = [store.read(name) for name in sorted(finished)]
    with data_dir(study.data_dir, study.dirty):
        refuse_other_examples(records, store.place)
    todo = unmeasured(jobs, finished)[:limit]
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
            if workers == 0 and scheduler is None:
                outcomes = _here(todo, store.place, work)
            else:
                outcomes = _on_dask(todo, store.place, work, scheduler, processes, gpus, resources)
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
    from .forecast import check_memory, find_device

    large = [m for m in study.models if m not in SHIPPED]
    if large:
        memory = find_device().memory
        for model in large:
            check_memory(model, study.train, memory, processes)


def _give_gpus(client: Any, gpus: list[str]) -> None:
    """Let each process of a local cluster see one GPU, before it looks for any."""
    from distributed import WorkerPlugin

    class OneGPU(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[int(worker.name) % len(gpus)]

    client.register_plugin(OneGPU())


Outcome = Iterator[tuple[Job, BaseException | None]]


def _attempt(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - reported with its job, others go on
        return error
    return None


def _here(jobs: list[Job], place: str, work: Work) -> Outcome:
    for job in jobs:
        yield job, _attempt(lambda job=job: work(job, place))  # type: ignore[misc]


def _on_dask(
    jobs: list[Job],
    place: str,
    work: Work,
    scheduler: str | None,
    processes: int,
    gpus: list[str],
    resources: Mapping[str, float] | None,
) -> Outcome:
    import dask
    from distributed import Client, LocalCluster, as_completed

    cluster: Any = None
    with dask.config.set(
        {
            "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
            "distributed.worker.daemon": True,
            "distributed.worker.profile.enabled": False,
            "distributed.logging.distributed": "error",
        }
    ):
        if scheduler is None:
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=40,
            )
        try:
            client = Client(cluster or scheduler, timeout=30)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"no Dask scheduler answers at {scheduler!r} ({error}). "
                "Start one with 'dask scheduler', or leave --scheduler out."
            ) from None
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError:
            client.close()
            raise ConfigError(
                f"the scheduler {scheduler!r} has no worker after {WORKERS_WITHIN} s. "
                f"Start one with 'dask worker {scheduler}'."
            ) from None
        if gpus:
            _give_gpus(client, gpus)
        try:
            how = {"pure": False, "retries": RETRIES, "resources": dict(resources or {}) or None}
            futures = {client.submit(work, job, place, **how): job for job in jobs}
            for future in as_completed(futures):
                if future.cancelled() or client.status not in ("running", "newly-created"):
                    raise StudyError(
                        f"the Dask scheduler at {client.scheduler.address!r} was lost; finished "
                        f"cells are kept in {place!r}. Start one again and rerun the study."
                    )
                yield futures[future], _attempt(future.result)
        finally:
            client.close()
            if cluster is not None:
                cluster.close()
