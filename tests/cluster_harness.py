"""A real Dask scheduler with workers on loopback, simulated cells, and kill -9."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
SECONDS = 0.1  # of a simulated cell
CONFIG = {
    "tasks": ["intents", "slots"], "sources": ["de", "en", "fi", "ru", "uk"], "shots": [0, 5],
    "trainings": ["joint", "sequential"],
}  # fmt: skip
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(HERE),
    "OMP_NUM_THREADS": "1",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "10 s",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5 s",
}


def simulated(job, out: str) -> int:
    """As `crosslingual.measuring.measure`, but each cell takes 0.1 s and its score is a hash."""
    from crosslingual.record_store import open_store
    from crosslingual.records import Record, signature

    store = open_store(out)
    there = store.names()
    written = 0
    for cell in job.cells:
        if cell.file_name in there:
            continue
        time.sleep(SECONDS)
        number = int(hashlib.sha256(cell.file_name.encode()).hexdigest()[:6], 16) / 16**6
        made = signature(cell.task, cell.source, cell.target, cell.shots, cell.model, cell.seed,
                         cell.training)  # fmt: skip
        store.write(
            Record(**asdict(cell), metric="accuracy", score=number, scores={"accuracy": number},
                   n_test=1, illegal=0.0, version="0", seconds=SECONDS, signature=made)
        )  # fmt: skip
        written += 1
    return written


def patient(job, out: str) -> int:
    """`simulated`, after six seconds and a line that says which process began."""
    with open(Path(out) / "begun.txt", "a") as told:
        told.write(f"{os.getpid()}\n")
    time.sleep(6)
    return simulated(job, out)


DRIVER = """
import json, sys
from cluster_harness import simulated
from crosslingual.running import run_study
config, out, address = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
run_study(config, out, scheduler=address, progress=False, work=simulated)
"""


def _start(*arguments: str, errors: IO[bytes] | None = None) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if errors is None else errors,
        start_new_session=True,
    )


def kill_9(process: subprocess.Popen) -> None:
    """Kill a process and its children, as a machine that loses power would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Cluster:
    """A scheduler and its workers, each in a process group of its own."""

    def __init__(self, folder: Path, workers: int) -> None:
        note = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.scheduler = _start(
            "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
            "--host", "127.0.0.1", "--scheduler-file", str(note),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not (note.exists() and note.read_text().strip()):
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        self.address = json.loads(note.read_text())["address"]
        self.workers = [
            _start(
                "-m", "distributed.cli.dask_worker", self.address, "--nthreads", "1",
                "--no-dashboard", "--no-nanny", "--death-timeout", "60",
                "--local-directory", str(folder),
            )
            for _ in range(workers)
        ]  # fmt: skip

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            kill_9(process)


@contextmanager
def cluster(folder: Path, workers: int = 2):
    """Start a cluster; whatever is left of it is killed at the end."""
    made = Cluster(folder, workers)
    try:
        yield made
    finally:
        made.close()


def drive(address: str, out: Path, config: dict, errors: Path) -> subprocess.Popen:
    """Start a driver of the simulated study."""
    with errors.open("wb") as stream:
        return _start("-c", DRIVER, json.dumps(config), str(out), address, errors=stream)


def disturbed(folder: Path, victim: str, moment: float, config: dict = CONFIG) -> dict:
    """Run a study, kill -9 somebody so many seconds after its first record, run it again.

    Returns
    -------
    dict
        kept: records there when it was killed; lost, changed: of those, in the end; ended: how
        the first driver ended; out: folder of all records.
    """
    out, said = folder / "records", folder / "driver.txt"
    with cluster(folder) as first:
        driver = drive(first.address, out, config, said)
        deadline = time.monotonic() + 120
        while not list(out.glob("*.json")):
            assert driver.poll() is None, said.read_text()[-2000:]
            assert time.monotonic() < deadline, "nothing was measured"
            time.sleep(0.01)
        time.sleep(moment)
        killed = {"worker": first.workers[0], "scheduler": first.scheduler, "driver": driver}
        kill_9(killed[victim])
        kept = {p.name: p.read_bytes() for p in out.glob("*.json")}
        if victim == "driver":
            ended = "killed"
        else:
            ended = "finished" if driver.wait(180) == 0 else said.read_text().splitlines()[-1]
    if ended != "finished":
        with cluster(folder) as second:
            assert drive(second.address, out, config, said).wait(180) == 0, said.read_text()[-2000:]
    now = {p.name: p.read_bytes() for p in out.glob("*.json")}
    return {
        "kept": len(kept),
        "lost": len(set(kept) - set(now)),
        "changed": sum(now.get(name) != content for name, content in kept.items()),
        "ended": ended,
        "out": out,
    }
