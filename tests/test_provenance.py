"""A score is of the examples it was measured on: others of the same name are told apart."""

import hashlib
import json

import pandas as pd
import pytest

from crosslingual import Task, get_task, register, run_study
from crosslingual.errors import RecordError
from crosslingual.provenance import examples_digest, examples_used, refuse_other_examples
from crosslingual.record_store import read_records
from crosslingual.records import Cell
from crosslingual.tasks import Example


def _task(rows: dict[tuple[str, str], list[Example]]) -> Task:
    return register(
        Task(
            "mine",
            "classification",
            lambda language, split: rows[language, split],
            lambda: ["deu", "rus"],
            ("accuracy",),
            lambda text: True,
            labels=("yes", "no"),
        )
    )


def _rows() -> dict[tuple[str, str], list[Example]]:
    return {
        (code, split): [
            Example(f"{code} {split} {i}", "yes" if i % 2 else "no", code) for i in range(4)
        ]
        for code in ("deu", "rus")
        for split in ("train", "dev", "test")
    }


@pytest.fixture
def mine(monkeypatch):
    monkeypatch.setattr("crosslingual.registry._REGISTRY", {})
    rows = _rows()
    return rows, _task(rows)


def test_the_digest_is_of_what_is_read_and_written() -> None:
    one = Example("topic: x", "travel", "deu", key="7")
    content = repr(("topic: x", "travel", ())).encode()
    assert examples_digest([one, one]) == hashlib.sha256(content * 2).hexdigest()[:8]
    assert examples_digest([one]) == examples_digest([Example("topic: x", "travel", "swa")])
    assert examples_digest([one]) != examples_digest([Example("topic: y", "travel", "deu")])


@pytest.mark.parametrize(
    ("training", "shots", "source", "wanted"),
    [
        ("source", 0, "deu", {"train deu", "dev deu", "test rus"}),
        ("joint", 2, "deu", {"train deu", "dev deu", "train rus", "test rus"}),
        ("target", 2, "rus", {"train rus", "test rus"}),
    ],
)
def test_a_cell_names_the_splits_that_it_uses(mine, training, shots, source, wanted) -> None:
    rows, task = mine
    cell = Cell("mine", source, "rus", shots, training, 0, "mini", "x")
    used = examples_used(task, cell, {"test rus": "known"})
    assert set(used) == wanted
    assert used["test rus"] == "known"
    assert all(
        used[f"train {code}"] == examples_digest(rows[code, "train"])
        for code in ("deu", "rus")
        if f"train {code}" in wanted
    )


def test_changed_examples_are_not_taken_for_the_old(mine, tiny_folder, tmp_path) -> None:
    rows, _ = mine
    study = {"model": str(tiny_folder), "tasks": ["mine"], "sources": ["de", "ru"]}
    study |= {"train": {"epochs": 1, "batch": 4, "precision": "fp32"}}

    def run():
        return run_study(study, tmp_path, workers=0, progress=False)

    assert run().measured == 4
    assert run().read == 4
    rows["deu", "train"].reverse()  # the zero-shot cells of one source
    with pytest.raises(
        RecordError, match=r"^2 of the finished cells .*first: train deu, mine\.deu"
    ):
        run()
    rows["deu", "train"].reverse()
    before, rows["rus", "test"] = rows["rus", "test"], rows["rus", "test"][1:]
    with pytest.raises(
        RecordError, match="another version, or the study another folder; or delete"
    ):
        run()
    for record in read_records(tmp_path):  # what the message says
        if record.target == "rus":
            (tmp_path / record.file_name).unlink()
    again = run()
    assert (again.measured, again.read) == (2, 2)
    assert set(again.scores.query("target == 'rus'")["n_test"]) == {3}
    rows["rus", "test"] = before
    for path in tmp_path.glob("*.json"):  # records that do not say, as older ones
        path.write_text(json.dumps(json.loads(path.read_text()) | {"examples": {}}))
    assert run().read == 4
    del rows["rus", "test"]  # not to be had here: nothing to compare with
    refuse_other_examples(read_records(tmp_path), "here")


@pytest.mark.parametrize("digests", ["abc", {"test": "x"}])
def test_digests_of_another_form(mine, tiny_folder, tmp_path, digests) -> None:
    study = {"model": str(tiny_folder), "tasks": ["mine"], "sources": ["de"]}
    study |= {"train": {"epochs": 1, "batch": 4, "precision": "fp32"}}
    run_study(study, tmp_path, workers=0, progress=False)
    for path in tmp_path.glob("*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"examples": digests}))
    with pytest.raises(RecordError, match="has the examples"):
        read_records(tmp_path)


def test_another_folder_of_data_is_told(tiny_folder, tmp_path) -> None:
    """Two copies of a benchmark, of which one has other test rows; training rows are not read."""
    for copy, word in (("a", "ship"), ("b", "boat")):
        for split in ("train", "validation", "test"):
            folder = tmp_path / copy / "sib200" / "deu_Latn"
            folder.mkdir(parents=True, exist_ok=True)
            text = word if split == "test" else "train"
            row = {"index_id": 1, "category": "travel", "text": text}
            pd.DataFrame([row] * 8).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    study = {"model": str(tiny_folder), "tasks": ["sib200"], "sources": ["de"]}
    study |= {"train": {"epochs": 1, "batch": 4, "precision": "fp32"}}

    def run(copy):
        folder = str(tmp_path / copy)
        return run_study(study | {"data_dir": folder}, tmp_path / "out", workers=0, progress=False)

    assert run("a").measured == 1
    assert run("a").read == 1
    with pytest.raises(RecordError, match=r"than sib200 has now \(first: test deu"):
        run("b")
    assert get_task("sib200").name == "sib200"
