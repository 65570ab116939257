"""Running a study: jobs on Dask workers, one record a cell, resumable at any moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from .errors import ConfigError, CrosslingualError
from .files import prepare_folder
from .models import SHIPPED
from .records import Cell, Record, read_record, scores_table, signature, write_record
from .study import Job, StudyConfig, expand, load_config
from .tasks import Example, Task, get_task
from .version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from .models import Loaded
    from .train_settings import TrainSettings

__all__ = ["StudyError", "StudyResult", "measure", "run_study", "target_examples"]

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


class StudyError(CrosslingualError):
    """Some cells could not be measured; the finished ones are kept."""


@dataclass(frozen=True)
class StudyResult:
    """Outcome of a study.

    Attributes
    ----------
    scores : DataFrame
        One row a cell, see `crosslingual.records.scores_table`.
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


@lru_cache(maxsize=2)
def _model(name: str, seed: int) -> Any:
    from .models import load_model

    return load_model(name, seed)


def subset(examples: list[Example], limit: int | None) -> list[Example]:
    """A random sample of so many examples, the same at every call, in their order."""
    if limit is None or limit >= len(examples):
        return examples
    chosen = np.random.default_rng(0).permutation(len(examples))[:limit]
    return [examples[i] for i in sorted(chosen)]


def target_examples(task: Task, cell: Cell) -> list[Example]:
    """The target examples of a cell: the first ``shots`` in an order drawn by its seed.

    More shots hold the fewer ones, so that a growth curve adds examples and exchanges none.
    """
    pool = task.examples(cell.target, "train")
    if cell.shots > len(pool):
        raise ConfigError(
            f"{cell.shots} shots were asked for, but {task.name} has {len(pool)} training "
            f"examples in {cell.target}."
        )
    order = np.random.default_rng(cell.seed).permutation(len(pool))
    return [pool[i] for i in order[: cell.shots]]


def few_shot_settings(train: TrainSettings, shots: int) -> TrainSettings:
    """The recipe for so few examples: smaller batches, and passes until the updates suffice."""
    batch = min(train.batch, shots)
    updates = -(-shots // batch)
    epochs = max(train.epochs, -(-train.few_updates // updates))
    return replace(train, batch=batch, epochs=epochs, updates=0, check_every=0)


def measure(job: Job, out: str | Path) -> int:
    """Fine-tune once, evaluate every cell of the job, write a record for each.

    Cells whose record is there are left alone. Targets are evaluated one by one, so that
    a score does not depend on which other cells were still missing.

    Returns
    -------
    int
        Number of records written.
    """
    from .benchmarks import data_dir

    with data_dir(job.data_dir):
        return _measure(job, out)


def _measure(job: Job, out: str | Path) -> int:
    import torch

    from .checkpoints import Checkpoint
    from .parallel import world
    from .tuning import fine_tune

    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    missing = [cell for cell in job.cells if not (Path(out) / cell.file_name).exists()]
    if not missing:
        return 0
    first = missing[0]
    task = get_task(first.task)
    model = _model(first.model, first.seed if first.model.endswith("-scratch") else 0)
    started = time.monotonic()
    # Short fine-tunings end before anything is saved; long ones go on from here after a kill.
    unfinished = Checkpoint(Path(out) / "unfinished" / f"{first.file_name}.pt")
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
    for cell in missing:
        started = time.monotonic()
        loaded = tuned.loaded
        if cell.training == "sequential":
            settings = few_shot_settings(job.train, cell.shots)
            loaded = fine_tune(
                loaded, target_examples(task, cell), None, settings, cell.seed
            ).loaded
        record = _evaluated(cell, loaded, task, job)
        seconds = round(shared + time.monotonic() - started, 3)
        if world().rank == 0:
            write_record(out, replace(record, seconds=seconds))
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


def run_study(
    config: str | Path | Mapping[str, Any] | StudyConfig,
    out: str | Path,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool = True,
    limit: int | None = None,
) -> StudyResult:
    """Measure all cells of a study that are not measured yet.

    Parameters
    ----------
    config : path, mapping or StudyConfig
        What to measure, see `StudyConfig`.
    out : str or Path
        Folder of the records. Rerunning with the same folder resumes.
    scheduler : str, optional
        Address of a running Dask scheduler (``tcp://host:8786``); its workers need the
        package and, if they run on other machines, the same ``out`` on a shared disk. By
        default a cluster of one-thread processes is started on this machine.
    workers : int, optional
        Number of processes of the local cluster, by default one a core; 0 measures in
        this process.
    progress : bool
        Show a progress bar with the time left.
    limit : int, optional
        Stop after about so many jobs (for tests of resuming).

    Returns
    -------
    StudyResult
        Prints itself.

    Raises
    ------
    ConfigError, OutputError
        Before anything is measured; also where the fine-tunings cannot fit into memory.
    RecordError
        If a record of this study is broken.
    StudyError
        If jobs failed; everything that could be measured has been.
    """
    started = time.monotonic()
    study = load_config(config)
    folder = prepare_folder(out).resolve()
    jobs = expand(study)
    cells = [cell for job in jobs for cell in job.cells]
    finished = {c.file_name for c in cells if (folder / c.file_name).exists()}
    for name in sorted(finished):
        read_record(folder / name)
    todo = [
        replace(job, cells=tuple(c for c in job.cells if c.file_name not in finished))
        for job in jobs
        if any(c.file_name not in finished for c in job.cells)
    ][:limit]
    if scheduler is None and todo:
        _check_memory(study, min(workers or os.cpu_count() or 1, len(todo)))
    failures: list[tuple[Job, BaseException]] = []
    bar = tqdm(
        total=len(cells), initial=len(finished), desc="cells", unit="cell", disable=not progress
    )
    with bar:
        if todo:
            execute = _here if workers == 0 and scheduler is None else _on_dask
            for job, error in execute(todo, folder, scheduler, workers):
                if error is None:
                    bar.update(len(job.cells))
                else:
                    failures.append((job, error))
    if failures:
        job, error = failures[0]
        named = f"{job.cells[0].task}, {job.cells[0].model}, source {job.cells[0].source}"
        raise StudyError(
            f"{len(failures)} of {len(todo)} jobs failed; finished cells are kept in "
            f"{str(folder)!r}. First failure ({named}): {type(error).__name__}: {error}"
        ) from error
    done = [c for c in cells if (folder / c.file_name).exists()]
    scores = scores_table(read_record(folder / c.file_name) for c in done)
    return StudyResult(scores, len(done) - len(finished), len(finished), time.monotonic() - started)


def _check_memory(study: StudyConfig, processes: int) -> None:
    """Refuse what cannot fit on this machine, before anything is loaded."""
    from .forecast import check_memory, find_device

    large = [m for m in study.models if m not in SHIPPED]
    if large:
        memory = find_device().memory
        for model in large:
            check_memory(model, study.train, memory, processes)


Outcome = Iterator[tuple[Job, BaseException | None]]


def _attempt(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - reported with its job, others go on
        return error
    return None


def _here(jobs: list[Job], folder: Path, scheduler: str | None, workers: int | None) -> Outcome:
    for job in jobs:
        yield job, _attempt(lambda job=job: measure(job, folder))  # type: ignore[misc]


def _on_dask(jobs: list[Job], folder: Path, scheduler: str | None, workers: int | None) -> Outcome:
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
                n_workers=min(workers or os.cpu_count() or 1, len(jobs)),
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
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
        try:
            futures = {client.submit(measure, job, str(folder), pure=False): job for job in jobs}
            for future in as_completed(futures):
                yield futures[future], _attempt(future.result)
        finally:
            client.close()
            if cluster is not None:
                cluster.close()
