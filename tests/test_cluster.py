"""Studies on a real scheduler that are killed, and records in other places than a folder."""

import dataclasses
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import dask
import distributed  # noqa: F401 - fills in dask's configuration
import fsspec
import pytest
from cluster_harness import CONFIG, cluster, disturbed, patient, simulated

from crosslingual.devices import visible_gpus
from crosslingual.errors import ConfigError, OutputError, RecordError
from crosslingual.record_store import RecordStore, open_store, read_records
from crosslingual.running import StudyError, run_study
from crosslingual.score_tables import scores_table

SMALL = CONFIG | {"sources": ["de", "en", "ru"], "tasks": ["intents"]}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    return run_study(CONFIG, out, workers=0, progress=False, work=simulated).scores


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "moment", "end"),
    [
        ("worker", 0.8, "finished"),  # the other worker takes over
        ("scheduler", 0.6, "was lost; finished cells are kept"),
        ("driver", 1.1, "killed"),
    ],
)
def test_kill_9_costs_no_finished_cell(tmp_path, undisturbed, victim, moment, end) -> None:
    """Real processes on loopback; `benchmarks/scheduling.py kills` does it twenty times."""
    result = disturbed(tmp_path, victim, moment)
    assert end in result["ended"]
    assert (result["lost"], result["changed"]) == (0, 0)
    assert 0 < result["kept"] < len(undisturbed)
    assert scores_table(read_records(result["out"])).equals(undisturbed)


@pytest.mark.slow
def test_workers_that_slept_are_woken_and_not_ended(tmp_path, monkeypatch) -> None:
    """A laptop is closed for longer than a scheduler waits for a sign of life (here 5 s)."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setitem(dask.config.config["distributed"]["scheduler"], "worker-ttl", "5 s")
    begun = tmp_path / "begun.txt"
    with ThreadPoolExecutor() as pool:
        study = pool.submit(
            run_study, SMALL, tmp_path, workers=1, limit=1, progress=False, work=patient
        )
        while not begun.exists() and not study.done():
            time.sleep(0.1)
        worker = int(begun.read_text())
        os.kill(worker, signal.SIGSTOP)
        time.sleep(12)
        os.kill(worker, signal.SIGCONT)
        assert study.result().measured > 0
    assert begun.read_text().split() == [str(worker)]


@pytest.mark.slow
def test_workers_may_have_to_offer_a_gpu(tmp_path) -> None:
    """A job that asks for what no worker offers waits; with the resource it runs."""
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None,
        resources={"GPU": 1},
    ) as local:  # fmt: skip
        result = run_study(
            SMALL, tmp_path, scheduler=local.scheduler_address, progress=False,
            resources={"GPU": 1}, work=simulated,
        )  # fmt: skip
        assert len(result.scores) == result.measured
        with Client(local) as client:
            asked = client.submit(lambda: 1, resources={"TPU": 1})
            with pytest.raises(TimeoutError):
                asked.result(timeout=1)
        with pytest.raises(ConfigError, match=r"worker that offers TPU=2 after 0.1 s \(1 others\)"):
            run_study(
                SMALL, tmp_path / "other", scheduler=local.scheduler_address, progress=False,
                resources={"TPU": 2}, wait=0.1, work=simulated,
            )  # fmt: skip


@pytest.mark.slow
def test_a_study_waits_for_workers_that_have_to_queue(tmp_path, monkeypatch, capsys) -> None:
    """The first worker comes late, as on a busy cluster."""
    from distributed import LocalCluster

    monkeypatch.setattr("crosslingual.dask_jobs.TELL_AFTER", 0.0)
    with LocalCluster(
        n_workers=0, threads_per_worker=1, processes=False, dashboard_address=None,
        resources={"GPU": 1},
    ) as local:  # fmt: skip
        study = {"scheduler": local.scheduler_address, "progress": False, "work": simulated}
        with pytest.raises(ConfigError, match=r"no worker after 0 s .*--wait"):
            run_study(SMALL, tmp_path, wait=0, **study)
        late = Timer(1.5, local.scale, [1])
        late.start()
        result = run_study(SMALL, tmp_path, wait=float("inf"), resources={"GPU": 1}, **study)
        late.join()
    assert len(result.scores) == result.measured > 0
    assert "waiting for a worker that offers GPU=1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheduler": "tcp://127.0.0.1:9", "workers": 2}, "has its own"),
        ({"resources": {"GPU": 1}}, "name a scheduler"),
        ({"wait": float("nan")}, "seconds from 0"),
    ],
)
def test_options_that_do_not_go_together(options, message, tmp_path) -> None:
    with pytest.raises(ConfigError, match=message):
        run_study(SMALL, tmp_path / "out", progress=False, work=simulated, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "expected"), [(None, {"0.3", "1.5"}), (3, {"0.3", "1.5", "2.3"})]
)
def test_local_processes_take_gpus_in_turn(tmp_path, monkeypatch, workers, expected) -> None:
    """One process a GPU, or as many as asked for; the machine's GPUs are said to be 3 and 5."""
    monkeypatch.setattr("crosslingual.running.visible_gpus", lambda: ["3", "5"])
    seen = tmp_path / "seen"
    seen.mkdir()

    def work(job, out: str) -> int:
        from distributed import get_worker

        (seen / f"{get_worker().name}.{os.environ['CUDA_VISIBLE_DEVICES']}").touch()
        return simulated(job, out)

    run_study(CONFIG, tmp_path / "out", workers=workers, progress=False, work=work)
    assert {path.name for path in seen.iterdir()} == expected


@pytest.mark.parametrize(
    ("count", "named", "expected"),
    [(0, None, []), (2, None, ["0", "1"]), (2, "4, 7", ["4", "7"]), (0, "", [])],
)
def test_gpus_are_named_as_the_environment_does(monkeypatch, count, named, expected) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    if named is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_gpus() == expected


def flaky(job, out: str) -> int:
    """Fail at the first try of every job."""
    store = open_store(out)
    if store.names().isdisjoint({f"tried.{job.cells[0].file_name}"}):
        (__import__("pathlib").Path(out) / f"tried.{job.cells[0].file_name}").write_text("{}")
        raise OSError("a disk hiccup")
    return simulated(job, out)


def test_a_job_that_fails_once_is_tried_again(tmp_path) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as local:
        result = run_study(
            SMALL, tmp_path, scheduler=local.scheduler_address, progress=False, work=flaky
        )
    assert result.measured == len(result.scores)


def test_records_may_be_kept_in_a_bucket(undisturbed) -> None:
    """fsspec's memory store stands for one; a second run reads what is there."""
    place = "memory://bucket/study"
    first = run_study(CONFIG, place, workers=0, progress=False, work=simulated)
    assert first.scores.equals(undisturbed)
    again = run_study(CONFIG, place, workers=0, progress=False, work=simulated)
    assert (again.measured, again.read) == (0, len(undisturbed))
    assert scores_table(read_records(place)).equals(undisturbed)
    memory = fsspec.filesystem("memory")
    name = sorted(open_store(place).names())[0]
    memory.pipe_file(f"/bucket/study/{name}", b'{"task": "inte')
    with pytest.raises(RecordError, match=r"memory://bucket/study/.*truncated"):
        run_study(CONFIG, place, workers=0, progress=False, work=simulated)
    memory.rm("/bucket", recursive=True)


def test_a_local_folder_by_address_is_the_folder(tmp_path) -> None:
    run_study(SMALL, tmp_path / "plain", workers=0, progress=False, work=simulated)
    run_study(SMALL, f"file://{tmp_path}/address", workers=0, progress=False, work=simulated)
    names = [
        {p.name: p.read_bytes() for p in (tmp_path / x).iterdir()} for x in ("plain", "address")
    ]
    assert names[0] == names[1]


def test_places_that_cannot_be_written_are_refused(tmp_path) -> None:
    with pytest.raises(OutputError, match="nosuch://x"):
        run_study(SMALL, "nosuch://x", workers=0, progress=False, work=simulated)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write to 'file://"):
        RecordStore(f"file://{tmp_path}/file/below").prepare()
    assert RecordStore("memory://empty/place").names() == set()


def test_a_record_that_cannot_be_written_says_where() -> None:
    class Refusing(RecordStore):
        def _remote(self):
            class Filesystem:
                def pipe_file(self, path: str, content: bytes) -> None:
                    raise PermissionError("read-only bucket")

            return Filesystem(), "root"

    store = RecordStore("memory://some")
    run_study(SMALL, store.place, workers=0, progress=False, work=simulated, limit=1)
    record = store.read(sorted(store.names())[0])
    with pytest.raises(OutputError, match="read-only bucket"):
        Refusing("s3://bucket").write(dataclasses.replace(record))


def test_failures_name_the_first_job(tmp_path) -> None:
    def broken(job, out: str) -> int:
        raise ValueError("no such layer")

    with pytest.raises(StudyError, match=r"jobs failed.*ValueError: no such layer"):
        run_study(SMALL, tmp_path, workers=0, progress=False, work=broken)


@pytest.mark.slow
def test_a_cluster_that_is_left_alone_gives_the_same_table(tmp_path, undisturbed) -> None:
    from cluster_harness import drive

    with cluster(tmp_path) as made:
        driver = drive(made.address, tmp_path / "out", CONFIG, tmp_path / "said.txt")
        assert driver.wait(120) == 0, (tmp_path / "said.txt").read_text()[-2000:]
    assert scores_table(read_records(tmp_path / "out")).equals(undisturbed)
