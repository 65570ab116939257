"""A task of one's own, from a table, in under thirty lines; the book's Dutch one."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from crosslingual import get_task
from crosslingual.errors import ConfigError
from crosslingual.readers import read_table
from crosslingual.record_store import read_records

FOLDER = Path(__file__).resolve().parent.parent / "book" / "data"
FILE = FOLDER / "dutch_task.py"


@pytest.fixture
def named(monkeypatch):
    monkeypatch.setenv("CROSSLINGUAL_TASKS", str(FILE))
    monkeypatch.setattr("crosslingual.registry._REGISTRY", {})
    monkeypatch.setattr("crosslingual.registry._FILES", set())


def test_it_is_short_and_reads_the_table(named) -> None:
    lines = [x for x in FILE.read_text("utf-8").splitlines() if x.strip()]
    assert len(lines) < 30
    task = get_task("dutch")
    assert len(task.labels) == 8
    sizes = {split: len(task.examples("nl", split)) for split in ("train", "dev", "test")}
    assert sizes == {"train": 32, "dev": 8, "test": 24}
    texts = [e.input for split in sizes for e in task.examples("nl", split)]
    assert len(set(texts)) == 64  # splits share nothing
    assert {e.target for e in task.examples("de", "train")} == set(task.labels)
    rows, dirt = read_table(
        FOLDER / "dutch_commands.tsv", {"command": "command", "intent": "intent"}, "skip"
    )
    assert (len(rows), [d.line for d in dirt]) == (64, [21])


def test_files_that_are_missing_or_broken_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("crosslingual.registry._FILES", set())
    monkeypatch.setenv("CROSSLINGUAL_TASKS", str(tmp_path / "no.py"))
    with pytest.raises(ConfigError, match=r"no\.py', which is no file"):
        get_task("intents")
    (tmp_path / "bad.py").write_text("1 / 0\n")
    monkeypatch.setenv("CROSSLINGUAL_TASKS", str(tmp_path / "bad.py"))
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"bad\.py' cannot be read \(ZeroDivisionError"):
            get_task("intents")


@pytest.mark.slow
def test_workers_know_it_too(named, tmp_path, tiny_folder) -> None:
    config = {
        "model": str(tiny_folder), "tasks": ["dutch"], "sources": ["de"], "targets": ["de", "nl"],
        "shots": [0, 8], "train_limit": 16, "test_limit": 8,
        "train": {"recipe": "small", "epochs": 1, "few_updates": 2, "precision": "fp32"},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "crosslingual", "study", "run", "--workers", "2",
               "--config", f"{tmp_path}/study.yaml", "--out", f"{tmp_path}/out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {(r.target, r.shots) for r in read_records(tmp_path / "out")}
    assert found == {("deu", 0), ("nld", 0), ("nld", 8)}
