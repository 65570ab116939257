"""Mixtures: what is read, what is refused, and that SUMEval files come back whole."""

import json

import numpy as np
import pandas as pd
import pytest

from crosslingual.errors import DataError
from crosslingual.mixtures import from_scores
from crosslingual.sumeval import read_sumeval, write_sumeval

ENTRIES = [
    {"train_config": {"en": 1000, "sw": 0}, "eval_results": {"en": 0.8, "sw": 0.5}},
    {"train_config": {"sw": 100, "en": 10}, "eval_results": {"sw": "x", "en": 0.7}},
]


def _write(path, value):
    path.write_text(json.dumps(value))
    return path


def test_a_file_by_hand(tmp_path) -> None:
    made = read_sumeval(_write(tmp_path / "a.json", ENTRIES))
    assert made.languages == ("eng", "swa")
    assert made.amounts.tolist() == [[1000, 0], [1000, 0], [10, 100], [10, 100]]
    assert made.targets.tolist() == ["eng", "swa", "swa", "eng"]
    assert made.runs.tolist() == [0, 0, 1, 1]
    assert np.isnan(made.scores[2])
    assert made.own().tolist() == [1000, 0, 100, 10]
    assert made.scale == 1.0


def test_predictions_replace_x_and_nothing_else(tmp_path) -> None:
    path = _write(tmp_path / "a.json", ENTRIES)
    write_sumeval(path, [0.1, 0.2, 0.3, 0.4], tmp_path / "out.json")
    written = json.loads((tmp_path / "out.json").read_text())
    assert written[0] == ENTRIES[0]
    assert written[1]["eval_results"] == {"sw": 0.3, "en": 0.7}


def test_percentages_keep_their_scale(tmp_path) -> None:
    entries = [{"train_config": {"en": 1}, "eval_results": {"en": 80.0, "de": 60}}]
    made = read_sumeval(_write(tmp_path / "p.json", entries))
    assert (made.scale, made.scores.tolist()) == (100.0, [0.8, 0.6])


def test_an_unknown_language_is_named(tmp_path) -> None:
    entries = [{"train_config": {"en": 5, "qqq": 1}, "eval_results": {"en": 0.5}}]
    made = read_sumeval(_write(tmp_path / "u.json", entries))
    assert "qqq" in made.languages
    assert any("'qqq'" in note for note in made.notes)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({}, "expected a list"),
        ([], "at least one"),
        ([{"train_config": {"en": 1}}], "entry 0"),
        ([{"train_config": {"en": -5}, "eval_results": {"en": 0.5}}], "-5"),
        ([{"train_config": {"en": 0}, "eval_results": {"en": 0.5}}], "nothing was trained"),
        ([{"train_config": {"en": 1, "eng": 2}, "eval_results": {"en": 0.5}}], "twice"),
        ([{"train_config": {"en": 1}, "eval_results": {"en": "y"}}], "'y'"),
        ([{"train_config": {"en": 1}, "eval_results": {"en": 101}}], "101"),
        ([{"train_config": {"en": 1}, "eval_results": {"en": float("nan")}}], "nan"),
        ([{"train_config": {"en": True}, "eval_results": {"en": 0.5}}], "True"),
    ],
)
def test_bad_files_are_named(tmp_path, entries, message) -> None:
    with pytest.raises(DataError, match=message):
        read_sumeval(_write(tmp_path / "bad.json", entries))


def test_truncated_and_missing_files(tmp_path) -> None:
    (tmp_path / "t.json").write_text('[{"train_config"')
    with pytest.raises(DataError, match="no valid JSON"):
        read_sumeval(tmp_path / "t.json")
    with pytest.raises(DataError, match="cannot be read"):
        read_sumeval(tmp_path / "none.json")


def _table(rows, **more) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["source", "target", "shots", "score"])
    return table.assign(task="t", model="m", **more)


def test_source_and_shots_are_amounts() -> None:
    made = from_scores(_table([("deu", "eng", 0, 0.3), ("deu", "eng", 25, 0.5)]), size=560)
    assert made.languages == ("deu", "eng")
    assert made.amounts.tolist() == [[560, 0], [560, 25]]
    assert len(set(made.runs.tolist())) == 2  # 25 examples make another model
    assert "560" in made.notes[-1]


def test_training_without_a_source_has_none() -> None:
    table = _table([("eng", "eng", 10, 0.4)], training="target")
    assert from_scores(table).amounts.tolist() == [[10]]


def test_one_way_of_training_with_what_serves_both() -> None:
    table = _table([("eng", "eng", 0, 0.6), ("eng", "eng", 9, 0.4), ("deu", "eng", 9, 0.5)])
    made = from_scores(table.assign(training=["source", "target", "joint"]), size=20)
    assert made.amounts.tolist() == [[0, 20], [0, 9], [20, 9]]


def test_rows_of_one_run_are_one_mixture() -> None:
    rows = [("deu", "eng", 0, 0.5), ("spa", "eng", 0, 0.5)]
    made = from_scores(_table(rows, run="r1", size=[100, 30]))
    assert len(made) == 1
    assert dict(zip(made.languages, made.amounts[0], strict=True)) == {
        "deu": 100, "eng": 0, "spa": 30,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "r", "score": [0.5, 0.6], "target": "eng"}, "different scores"),
        ({"model": ["a", "b"]}, "several models"),
        ({"task": ["a", "b"]}, "several tasks"),
        ({"task": ["a", "b"]}, r"--task a on the command line"),
        ({"shots": 5, "training": ["joint", "sequential"]}, r"isin\(\['joint'\]\)"),
        ({"size": [-1.0, 5.0]}, "-1"),
        ({"score": [np.nan, 0.5]}, "nan"),
    ],
)
def test_bad_tables_are_named(change, message) -> None:
    table = _table([("deu", "eng", 0, 0.5), ("deu", "spa", 0, 0.5)]).assign(**change)
    with pytest.raises(DataError, match=message):
        from_scores(table)
    with pytest.raises(DataError, match="size of a source"):
        from_scores(_table([("deu", "eng", 0, 0.5)]), size=0)
