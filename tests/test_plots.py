"""Figures show the numbers they are given."""

import math

import pandas as pd
import pytest

from crosslingual.errors import DataError
from crosslingual.feature_plots import plot_scatter
from crosslingual.growth_laws import growth
from crosslingual.growth_plots import (
    plot_growth,
    plot_laws,
    plot_target_examples,
    plot_trainings,
    plot_worth,
)
from crosslingual.machine_plots import plot_steps
from crosslingual.plots import WONG, plot_diagonal, plot_recipes, plot_signal
from crosslingual.statistical_plots import plot_blocks, plot_changes


def _row(training: str, shots: int, source: str, target: str, score: float, seed: int = 0) -> dict:
    return {
        "task": "t",
        "training": training,
        "shots": shots,
        "source": source,
        "target": target,
        "seed": seed,
        "score": score,
    }


def test_curves_are_means_over_pairs_of_means_over_draws() -> None:
    """Worked by hand; the in-language zero-shot score (0.9) stays out, as do absent trainings."""
    scores = pd.DataFrame(
        [
            _row("source", 0, "deu", "deu", 0.9),
            _row("source", 0, "deu", "rus", 0.2),
            _row("source", 0, "rus", "deu", 0.4),
            _row("sequential", 9, "deu", "rus", 0.5, seed=0),
            _row("sequential", 9, "deu", "rus", 0.7, seed=1),
            _row("sequential", 9, "rus", "deu", 0.8),
            _row("target", 9, "rus", "rus", 0.3),
            _row("target", 9, "deu", "deu", 0.1),
        ]
    )
    axes = plot_target_examples(scores, full={"t": 0.95}).axes[0]
    assert [line.get_ydata()[0] for line in axes.get_lines() if line.get_linestyle() == ":"] == [
        0.95
    ]
    two = plot_target_examples(pd.concat([scores, scores.assign(task="u")]), full={"u": 0.8})
    assert [ax.get_title() for ax in two.axes] == ["t", "u"]
    assert [len(ax.get_lines()) for ax in two.axes] == [2, 3]
    mixed = pd.DataFrame([_row("joint", 10, "deu", "rus", 0.5)]).assign(task="u")
    keyed = plot_target_examples(pd.concat([scores, scores.assign(task="u"), mixed])).axes
    assert keyed[0].get_legend() is None  # the second panel has a curve more, so the key is there
    assert "both mixed" in [text.get_text() for text in keyed[1].get_legend().get_texts()]
    for column in ("model", "settings"):  # a mean over them would be of neither
        apart = [scores.assign(**{column: name}) for name in "ab"]
        with pytest.raises(DataError, match="several"):
            plot_target_examples(pd.concat(apart))
    lines = {line.get_label(): line for line in axes.get_lines()}
    both = lines["source, then target"]
    assert both.get_xdata().tolist() == [1, 10]
    assert both.get_ydata().round(9).tolist() == [0.3, 0.7]
    assert lines["target alone"].get_ydata().round(9).tolist() == [0.2]
    assert "both mixed" not in lines
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "source, then target",
        "target alone",
    ]


def test_blocks_that_the_test_finds_are_filled() -> None:
    tests = pd.DataFrame(
        [("t", "linguistic", 0.3, 0.1, 0.01), ("t", "lexical", 0.2, 0.05, 0.4)],
        columns=["task", "block", "partial_r2", "by_chance", "p"],
    )
    lines = [line for line in plot_blocks(tests).axes[0].get_lines() if len(line.get_xdata())]
    points = {float(line.get_xdata()[0]): line.get_markerfacecolor() for line in lines}
    assert set(points) == {0.1, 0.3, 0.05, 0.2}
    assert points[0.2] == "none"
    assert points[0.3] != "none"


def _curves_of(task: str, training: str) -> pd.DataFrame:
    pairs, shots = [("deu", "rus"), ("rus", "deu")], [0, 5, 10, 25, 50, 100]
    rows = [
        _row(training if n else "source", n, *pair, 0.1 + 0.01 * k + 0.1 * math.log1p(n), seed)
        for k, pair in enumerate(pairs)
        for n in shots
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows).assign(task=task)


def test_laws_are_points_by_study() -> None:
    scores = pd.concat([_curves_of("t", "joint"), _curves_of("u", "sequential")])
    grown = growth(scores, ["log", "power"])
    figure = plot_laws(grown)
    fitted, _ = figure.axes
    points = [line for line in fitted.get_lines() if line.get_marker() == "o"]
    shown = [x for line in points for x in line.get_xdata()]
    assert shown == grown.comparison["rmse"].tolist()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "t, joint",
        "u, sequential",
    ]


def test_growth_is_drawn_of_one_study() -> None:
    """The curve drawn is that of the scores given, whatever else was fitted."""
    one, other = _curves_of("t", "joint"), _curves_of("u", "joint")
    other["score"] /= 2
    grown = growth(pd.concat([one, other]), ["log"])
    axes = plot_growth(other, grown, [("deu", "rus")]).axes[0]
    drawn = axes.get_lines()[0]
    assert drawn.get_ydata()[0] == pytest.approx(0.05)
    with pytest.raises(DataError, match="one task, not t, u"):
        plot_growth(pd.concat([one, other]), grown, [("deu", "rus")])
    with pytest.raises(DataError, match="nothing to draw"):
        plot_growth(other, grown, [])


@pytest.mark.parametrize("unit", ["examples", "tokens"])
def test_steps_are_bars_as_long_as_their_speed(unit) -> None:
    table = pd.DataFrame(
        {
            "variant": ["stock", "ours"],
            f"{unit}_per_second": [10.0, 35.0],
            "low": [9.0, 30.0],
            "high": [11.0, 40.0],
            "ratio": [1.0, 3.5],
        }
    )
    ax = plot_steps(table, f"{unit} a second").axes[0]
    assert [bar.get_width() for bar in ax.patches] == [10.0, 35.0]
    assert ax.get_xlabel() == f"{unit} a second"
    assert [text.get_text().strip() for text in ax.texts] == ["1.0 times", "3.5 times"]
    with pytest.raises(DataError, match="nothing to draw"):
        plot_steps(table.head(0))


def test_worth_is_drawn_with_its_interval() -> None:
    columns = ["task", "training", "shots", "worth", "low", "high"]
    worth = pd.DataFrame(
        [
            ("t", "joint", 9, 0.2, 0.1, 0.3),
            ("t", "sequential", 9, 0.1, -0.1, 0.3),
            ("t", "sequential", 99, 0.0, -0.1, 0.1),
            ("u", "sequential", 9, 0.4, math.nan, math.nan),  # too few languages for an interval
            ("u", "sequential", 99, math.nan, math.nan, math.nan),  # no control
        ],
        columns=columns,
    )
    one, two = plot_worth(worth).axes
    assert (one.get_title(), two.get_title()) == ("t", "u")
    assert one.get_legend() is not None
    drawn = {bars.get_label(): bars for bars in one.containers}
    assert list(drawn) == ["source, then target", "both mixed"]
    line, _, (bars,) = drawn["source, then target"]
    assert line.get_ydata().tolist() == [0.1, 0.0]
    ends = [[y for _, y in segment] for segment in bars.get_segments()]
    assert ends == [pytest.approx([-0.1, 0.3]), pytest.approx([-0.1, 0.1])]
    assert two.containers[0][0].get_ydata().tolist() == [0.4]
    with pytest.raises(DataError, match="nothing to draw"):
        plot_worth(worth[worth["worth"].isna()])


def test_ways_of_using_examples_are_set_beside_each_other_task_by_task() -> None:
    columns = ["task", "model", "shots", "difference", "low", "high"]
    compared = pd.DataFrame(
        [
            ("t", "m", 99, -0.1, -0.2, 0.0),
            ("t", "m", 9, 0.2, 0.1, 0.3),
            ("u", "m", 9, 0.4, math.nan, math.nan),  # too few languages for an interval
        ],
        columns=columns,
    )
    (ax,) = plot_trainings(compared, "a minus b").axes
    assert ax.get_ylabel() == "a minus b"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["t", "u"]
    assert ax.get_xticks().tolist() == [10, 100]
    (line, _, (bars,)), (other, _, _) = ax.containers
    assert line.get_ydata().tolist() == [0.2, -0.1]
    ends = [[y for _, y in segment] for segment in bars.get_segments()]
    assert ends == [pytest.approx([0.1, 0.3]), pytest.approx([-0.2, 0.0])]
    assert other.get_ydata().tolist() == [0.4]
    assert line.get_xdata()[0] < 10 < other.get_xdata()[0]  # neither hides the other
    with pytest.raises(DataError, match="several models"):
        plot_trainings(pd.concat([compared, compared.assign(model="n")]))
    with pytest.raises(DataError, match="nothing to draw"):
        plot_trainings(compared.head(0))


def test_changes_are_filled_where_they_are_sure() -> None:
    columns = ["task", "variant", "where", "difference", "low", "high"]
    compared = pd.DataFrame(
        [
            ("t", "b", "across", 0.2, 0.1, 0.3),
            ("t", "c", "across", -0.1, -0.3, 0.1),
            ("t", "c", "in-language", 0.5, 0.4, 0.6),
            ("u", "c", "across", -0.2, -0.3, -0.1),
        ],
        columns=columns,
    )
    figure = plot_changes(compared)
    dots = {
        (ax.get_title(), *line.get_xdata(), *line.get_ydata()): line.get_markerfacecolor()
        != "white"
        for ax in figure.axes
        for line in ax.get_lines()
        if line.get_marker() == "s"
    }
    assert dots == {("t", 0.2, 0): True, ("t", -0.1, 1): False, ("u", -0.2, 1): True}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["b", "c"]


def test_recipes_stand_in_one_place_in_all_panels() -> None:
    """Also the first and the last, in panels of tasks that were tried with few of them."""
    rows = [
        {"task": task, "variant": variant, "source": "de", "target": target, "score": score}
        for task, variant, score in (("t", "b", 0.2), ("t", "c", 0.3), ("u", "b", 0.4))
        for target, score in (("de", score + 0.1), ("en", score), ("fr", score - 0.1))
    ]
    one, two = plot_recipes(pd.DataFrame(rows)).axes
    assert one.get_ylim() == two.get_ylim() == (1.5, -0.5)
    home, across = two.get_lines()
    assert home.get_xdata()[0] == pytest.approx(0.5)
    assert across.get_xdata()[0] == pytest.approx(0.35)
    assert math.isnan(across.get_xdata()[1])


def test_signal_and_diagonal_show_means_that_are_there() -> None:
    means = {"in_language": [0.5], "across": [0.2], "spread": [0.09], "noise": [0.03]}
    summary = pd.DataFrame({"task": ["t"], "model": ["m"], "shots": [0], **means})
    (line,) = [x for x in plot_signal(summary).axes[0].get_lines() if x.get_marker() == "o"]
    assert (line.get_xdata(), line.get_ydata()) == ([0.03], [0.09])
    bars = plot_diagonal(summary).axes[0].patches
    assert [bar.get_height() for bar in bars] == [0.5, 0.2]
    with pytest.raises(DataError, match="two seeds"):
        plot_signal(summary.assign(noise=math.nan))
    with pytest.raises(DataError, match="t, m has several means"):
        plot_diagonal(pd.concat([summary, summary.assign(shots=5)]))


def test_more_groups_than_colours_are_drawn() -> None:
    names = [f"task {i}" for i in range(len(WONG) + 1)]
    one = {"source": "deu", "target": "rus", "score": 0.5, "syntax": 0.1}
    rows = pd.DataFrame([one | {"task": name} for name in names])
    assert [ax.get_title() for ax in plot_scatter(rows, "syntax", "likeness").axes] == names
