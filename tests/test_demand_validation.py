"""Labels foretold against labels needed: a world with a known law, and cases by hand."""

import io

import numpy as np
import pandas as pd
import pytest
from data_mixtures import SLOPE, SOURCES, truth

from crosslingual.cli import main
from crosslingual.demand_validation import _goals, demand_errors, reached_at, validate_demands
from crosslingual.errors import DataError
from crosslingual.exchange import logistic
from crosslingual.mixtures import Mixtures

NUMBERS = (0, 10, 40, 160, 640)


def _few_shot_world(noise: float = 0.05) -> Mixtures:
    """Three sources and none, some own examples of every target, two draws."""
    random, world = np.random.default_rng(0), truth()
    rows, targets = [], []
    for source in (None, "eng", "deu", "hin"):
        for target in SOURCES:
            for number in NUMBERS * 2 * (source != target):
                row = dict.fromkeys(SOURCES, 0.0)
                if source is not None:
                    row[source] += 500.0
                row[target] += number
                if sum(row.values()):
                    rows.append(list(row.values()))
                    targets.append(target)
    n = len(rows)
    cells = Mixtures(
        tuple(SOURCES), np.array(rows), np.arange(n), np.array(targets), np.full(n, np.nan)
    )
    level = np.array([world.levels[t] for t in cells.targets])
    z = level + SLOPE * np.log1p(world.effective(cells)) + noise * random.standard_normal(n)
    return Mixtures(cells.languages, cells.amounts, cells.runs, cells.targets, logistic(z))


def test_labels_of_a_known_law_are_foretold() -> None:
    table = validate_demands(_few_shot_world())
    told = demand_errors(table).set_index("known")
    assert list(told.index) == ["nothing", "zero-shot", "few-shot"]
    assert told.loc["few-shot", "factor"] < 1.3
    assert told.loc["few-shot", "factor"] < told.loc["nothing", "factor"]
    assert told["coverage"].between(0.6, 1).all()
    known = table[table["known"].eq("few-shot")]
    assert known["labels"].min() == 160  # up to 40 were known


def test_the_command_line_says_the_same(tmp_path, capsys) -> None:
    world, rows = _few_shot_world(), []
    for row, target, score in zip(world.amounts, world.targets, world.scores, strict=True):
        amounts = dict(zip(SOURCES, row, strict=True))
        shots = amounts.pop(target)
        source = next((name for name, n in amounts.items() if n), target)
        way = "target" if source == target else "joint" if shots else "source"
        rows.append(f"t,{source},{target},{shots:.0f},{len(rows)},{score},m,{way},500")
    path = tmp_path / "scores.csv"
    path.write_text("task,source,target,shots,seed,score,model,training,size\n" + "\n".join(rows))
    assert main(["validate", "--demands", "--scores", str(path), "--json"]) == 0
    told = pd.read_json(io.StringIO(capsys.readouterr().out))
    ours = demand_errors(validate_demands(world))
    # languages and runs are in another order: folds and samples differ a little
    pd.testing.assert_frame_equal(told, ours, check_dtype=False, rtol=0.1)
    assert told["goals"].tolist() == ours["goals"].tolist()
    assert main(["validate", "--demands", "--scores", str(path), "--terms", "syntax"]) == 2
    assert "--demands has no use for --terms" in capsys.readouterr().err
    assert main(["validate", "--scores", str(path), "--size", "500"]) == 2
    assert "--size has a use with --mixtures or --demands only" in capsys.readouterr().err


def test_goals_are_scores_that_no_smaller_number_reached() -> None:
    """By hand: A after S scores .2, .1, .4 (two draws), .3 with 0, 5, 10, 20; B has one number."""
    amounts = [[0, 0, 9], [5, 0, 9], [10, 0, 9], [10, 0, 9], [20, 0, 9], [0, 7, 9], [5, 0, 0]]
    scores = [0.2, 0.1, 0.35, 0.45, 0.3, 0.9, 0.1]
    cells = Mixtures(
        ("A", "B", "S"),
        np.array(amounts, dtype=float),
        np.arange(7),
        np.array(["A"] * 5 + ["B", "A"]),
        np.array(scores),
    )
    made = _goals(cells)
    assert made[["target", "beside", "labels"]].to_numpy().tolist() == [["A", "S", 10.0]]
    assert made["goal"].iloc[0] == pytest.approx(0.4)


def test_curves_are_crossed_between_points() -> None:
    numbers, curve = np.array([1.0, 3.0, 15.0]), np.array([0.2, 0.2, 0.6])
    goals = np.array([0.1, 0.2, 0.4, 0.6, 0.61])
    made = reached_at(numbers, curve, goals)
    assert made == pytest.approx([1, 1, 7, 15, np.inf])  # halfway from log 4 to log 16: log 8


def test_errors_are_counted_in_factors() -> None:
    table = pd.DataFrame(
        {
            "known": "nothing",
            "target": ["A", "A", "B", "B", "C"],
            "labels": 100,
            "predicted": [25.0, 50.0, 100.0, 400.0, np.inf],
            "low": 10.0,
            "high": [50.0, 100, 200, np.inf, np.inf],
            "inside": [False, True, True, True, True],
        }
    )
    row = demand_errors(table).iloc[0]
    assert row[["goals", "targets"]].tolist() == [5, 3]
    assert row[["tenth", "median", "ninetieth"]].tolist() == [0.25, 1, np.inf]
    assert row["factor"] == 4  # of 1, 2, 4, 4, infinity
    assert row[["coverage", "open"]].tolist() == pytest.approx([0.8, 0.4])


def test_what_holds_no_goals_is_refused() -> None:
    world = _few_shot_world()
    with pytest.raises(DataError, match="10 targets and 0 goals"):
        validate_demands(world.take(np.flatnonzero(world.own() == 0)))
    with pytest.raises(DataError, match="2 targets"):
        validate_demands(world.take(np.flatnonzero(np.isin(world.targets, ["eng", "deu"]))))
