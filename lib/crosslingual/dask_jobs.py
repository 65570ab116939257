"""Jobs of a study in this process or on Dask workers, of this machine or of a scheduler."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from tqdm import tqdm

from .errors import ConfigError, CrosslingualError
from .study import Job

__all__ = ["WORKERS_WITHIN", "StudyError", "Work", "here", "on_dask"]

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
WORKERS_WITHIN = 60.0  # seconds
TELL_AFTER, ASK_EVERY = 10.0, 0.5  # seconds of waiting for a worker
LONGEST = 1e6  # seconds that a connection can be waited for
ALIVE = ("running", "newly-created")  # states of a client whose scheduler is there
RETRIES = 1  # of a job that failed; jobs whose worker died are given to others besides
Work = Callable[[Job, str], int]
Outcome = Iterator[tuple[Job, BaseException | None]]


class StudyError(CrosslingualError):
    """Some cells could not be measured; the finished ones are kept."""


def _attempt(work: Callable[[], Any]) -> BaseException | None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - reported with its job, others go on
        return error
    return None


def here(jobs: list[Job], place: str, work: Work) -> Outcome:
    """Do jobs one after the other in this process; each with its error, if any.

    Parameters
    ----------
    jobs : list of Job
        What to measure.
    place : str
        Of the records.
    work : callable
        ``work(job, place)`` writes them.
    """
    for job in jobs:
        yield job, _attempt(lambda job=job: work(job, place))  # type: ignore[misc]


def on_dask(
    jobs: list[Job],
    place: str,
    work: Work,
    scheduler: str | None = None,
    processes: int = 1,
    gpus: Sequence[str] = (),
    resources: Mapping[str, float] | None = None,
    wait: float = WORKERS_WITHIN,
) -> Outcome:
    """Do jobs on Dask workers; each with its error, if any, as they end.

    Parameters
    ----------
    jobs, place, work
        As `here`.
    scheduler : str, optional
        Address of a scheduler; by default processes of this machine are started.
    processes : int
        How many of these.
    gpus : sequence of str
        Ids of GPUs, of which each of these processes sees one.
    resources : mapping, optional
        What a worker of the scheduler must offer for each job.
    wait : float
        Seconds until the scheduler must answer, and then have such a worker.

    Raises
    ------
    ConfigError
        If no scheduler answers, or it has no such worker in time.
    StudyError
        If the scheduler is lost.
    """
    import dask
    from distributed import Client, LocalCluster, as_completed

    with ExitStack() as opened:
        opened.enter_context(
            dask.config.set(
                {
                    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
                    "distributed.worker.daemon": True,
                    "distributed.worker.profile.enabled": False,
                    # A laptop that slept would find its workers silent for too long, and end them.
                    "distributed.scheduler.worker-ttl": None,
                    "distributed.logging.distributed": "error",
                }
            )
        )
        cluster = None
        if scheduler is None:
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=40,
            )
            opened.callback(cluster.close)
        try:
            client = Client(cluster or scheduler, timeout=min(max(wait, ASK_EVERY), LONGEST))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"no Dask scheduler answers at {scheduler!r} within {wait:g} s ({error}). "
                "Start one with 'dask scheduler', or leave --scheduler out."
            ) from None
        opened.callback(client.close)
        _await_worker(client, dict(resources or {}), wait)
        if gpus:
            _give_gpus(client, gpus)
        how = {"pure": False, "retries": RETRIES, "resources": dict(resources or {}) or None}
        futures = {client.submit(work, job, place, **how): job for job in jobs}
        for future in as_completed(futures):
            if future.cancelled() or client.status not in ALIVE:
                raise StudyError(
                    f"the Dask scheduler at {client.scheduler.address!r} was lost; finished "
                    f"cells are kept in {place!r}. Start one again and rerun the study."
                )
            yield futures[future], _attempt(future.result)


def _await_worker(client: Any, resources: dict[str, float], wait: float) -> None:
    """Wait for a worker that offers what is asked for; jobs would wait for it for ever."""
    address, started, told = client.scheduler.address, time.monotonic(), False
    asked = ",".join(f"{name}={number:g}" for name, number in resources.items())
    which = f"worker that offers {asked}" if asked else "worker"
    while True:
        workers = client.scheduler_info(n_workers=-1).get("workers", {})
        if client.status in ("closing", "closed"):  # after half a minute of connecting again
            raise StudyError(f"the Dask scheduler at {address!r} was lost. Start one again.")
        offers = [worker["resources"] for worker in workers.values()]
        if any(all(has.get(k, 0) >= n for k, n in resources.items()) for has in offers):
            return
        waited = time.monotonic() - started
        if waited >= wait:
            break
        if waited >= TELL_AFTER and not told:
            tqdm.write(f"waiting for a {which} at {address} ...", file=sys.stderr)
            told = True
        time.sleep(ASK_EVERY)
    start = f"dask worker {address}{f' --resources {asked}' if asked else ''}"
    raise ConfigError(
        f"the scheduler {address!r} has no {which} after {wait:g} s ({len(offers)} others). Start "
        f"one with '{start}', or wait longer (--wait) where workers have to queue."
    )


def _give_gpus(client: Any, gpus: Sequence[str]) -> None:
    """Let each process of a local cluster see one GPU, before it looks for any."""
    from distributed import WorkerPlugin

    class OneGPU(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus[int(worker.name) % len(gpus)]

    client.register_plugin(OneGPU())
