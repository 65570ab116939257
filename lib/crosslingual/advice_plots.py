"""Figures of advice: rankings, growth with labels, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .plots import WONG, axes_grid, colour, is_left

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .demands import Demand
    from .sources import Ranking

__all__ = [
    "plot_calibration",
    "plot_coverage_by_level",
    "plot_demand_errors",
    "plot_demands",
    "plot_rankings",
    "plot_tools",
]


def plot_rankings(rankings: Mapping[str, Ranking], top: int = 10) -> Figure:
    """Draw the best sources of each target with their intervals.

    Parameters
    ----------
    rankings : mapping
        Title -> what `crosslingual.sources.rank_sources` answered.
    top : int
        How many sources of each.
    """
    figure, axes = axes_grid(len(rankings), width=3.6, height=3.6)
    for ax, (title, ranking) in zip(axes, rankings.items(), strict=True):
        rows = ranking.table.head(top).iloc[::-1]
        ax.hlines(rows["name"], rows["low"], rows["high"], color="#999999", lw=3)
        ax.plot(rows["predicted"], rows["name"], "o", color=WONG[0], label="predicted")
        known = rows.dropna(subset=["measured"])
        if len(known):
            ax.plot(known["measured"], known["name"], "D", color=WONG[5], label="measured")
            ax.legend(fontsize=8)
        ax.set(title=title, xlabel="score (0 to 1)")
    return figure


def plot_demands(demands: Mapping[str, Demand]) -> Figure:
    """Draw growth with labels, with intervals and the goal, one panel a demand.

    Parameters
    ----------
    demands : mapping
        Title -> what `crosslingual.demands.demand` answered.
    """
    figure, axes = axes_grid(len(demands), width=3.8, height=3.2)
    for ax, (title, made) in zip(axes, demands.items(), strict=True):
        curve = made.curve
        ax.fill_between(curve["labels"] + 1, curve["low"], curve["high"], color=WONG[4], alpha=0.4)
        ax.plot(curve["labels"] + 1, curve["score"], color=WONG[0])
        ax.axhline(made.goal, color=WONG[5], ls="--", lw=1)
        if made.reachable:
            ax.plot([made.labels + 1], [made.goal], "o", color=WONG[5])
        ax.set(title=title, xscale="log", ylim=(0, 1), xlabel="labels of the target")
        ax.set_ylabel("score (0 to 1)" * is_left(ax))
        marks = [n for n in (0, 10, 100, 1000, 10_000, 100_000) if n <= made.most]
        ax.set_xticks([n + 1 for n in marks], [f"{n:,}" for n in marks])
        ax.set_xticks([], minor=True)
    return figure


def plot_calibration(table: pd.DataFrame, files: pd.DataFrame | None = None) -> Figure:
    """Draw measured against nominal coverage.

    Parameters
    ----------
    table : DataFrame
        level, coverage.
    files : DataFrame, optional
        kind, file, coverage at a nominal 0.8 (`MixtureValidation.summary` of several files).
    """
    figure, axes = axes_grid(1 if files is None else 2, width=4.4, height=3.8)
    ax = axes[0]
    ax.plot([0.4, 1], [0.4, 1], color="#999999", lw=1, label="as promised")
    ax.plot(table["level"], table["coverage"], "o-", color=WONG[0], label="held-out targets")
    ax.set(xlabel="nominal coverage", ylabel="measured coverage", title="ranking")
    ax.legend(fontsize=8)
    if files is not None:
        ax = axes[1]
        ax.axvspan(0.75, 0.85, color=WONG[4], alpha=0.3)
        for kind, colour, marker in (("seen", WONG[0], "o"), ("unseen", WONG[5], "s")):
            part = files[files["kind"] == kind].sort_values("file")
            ax.plot(part["coverage"], part["file"], marker, color=colour, label=f"{kind} targets")
        ax.set(xlabel="measured coverage of 80 % intervals", xlim=(0, 1), title="mixtures")
        ax.legend(fontsize=8, loc="lower left")
    return figure


def plot_coverage_by_level(table: pd.DataFrame, level: float = 0.8) -> Figure:
    """Draw coverage over the predicted score: thin lines of every file, a thick one of their mean.

    Parameters
    ----------
    table : DataFrame
        file, and the columns of `crosslingual.mixture_validation.coverage_by_level`.
    level : float
        Nominal coverage.
    """
    figure, axes = axes_grid(2, width=4.4, height=3.8)
    ways = (
        (False, WONG[5], "--", "left out of account"),
        (True, WONG[0], "-", "taken into account"),
    )
    for ax, kind, title in zip(
        axes, ("seen", "unseen"), ("held-out runs", "held-out languages"), strict=True
    ):
        ax.axhline(level, color="#999999", lw=1)
        part = table[table["kind"] == kind]
        for by_level, shade, style, label in ways:
            lines = part[part["by_level"] == by_level].pivot_table(
                index="group", columns="file", values="coverage"
            )
            ax.plot(lines.index, lines, color=shade, ls=style, lw=0.7, alpha=0.5)
            ax.plot(lines.index, lines.mean(axis=1), color=shade, ls=style, lw=2.5, label=label)
        groups = sorted(part["group"].unique())
        ax.set_xticks(groups, ["lowest", *[""] * (len(groups) - 2), "highest"])
        ax.set(xlabel="quarter by predicted score", ylim=(0.4, 1.02), title=title)
        ax.set_ylabel(f"coverage of {level:.0%} intervals" * is_left(ax))
    axes[0].legend(fontsize=8, loc="lower right", title="the predicted score is", title_fontsize=8)
    return figure


def plot_demand_errors(table: pd.DataFrame) -> Figure:
    """Draw predicted over needed labels: the median, and a line from the tenth to the ninetieth.

    Parameters
    ----------
    table : DataFrame
        file, and the columns of `crosslingual.demand_validation.demand_errors`.
    """
    files, knowns = list(table["file"].unique()), list(table["known"].unique())
    figure, axes = axes_grid(1, width=7.0, height=0.7 * len(files) + 1.4)
    ax = axes[0]
    ax.axvline(1, color="#999999", lw=1)
    for k, (known, mark) in enumerate(zip(knowns, "osD", strict=False)):
        part = table[table["known"] == known]
        places = [files.index(f) + 0.22 * (k - (len(knowns) - 1) / 2) for f in part["file"]]
        edge = part["ninetieth"].clip(upper=64)  # infinity: no number is predicted
        ax.hlines(places, part["tenth"].clip(lower=1 / 64), edge, color=colour(k), lw=2, alpha=0.6)
        ax.plot(part["median"], places, mark, color=colour(k), label=known)
    ax.set_yticks(range(len(files)), files)
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="predicted / needed labels", xlim=(1 / 20, 20))
    marks = {0.1: "1/10", 0.25: "1/4", 0.5: "1/2", 1: "1", 2: "2", 4: "4", 10: "10"}
    ax.set_xticks(list(marks), list(marks.values()))
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=8, title="known of the target", title_fontsize=8, loc="lower right")
    return figure


def plot_tools(table: pd.DataFrame) -> Figure:
    """Draw mean absolute errors of tools, one row a file, on a log scale.

    Parameters
    ----------
    table : DataFrame
        file, tool, mae.
    """
    figure, axes = axes_grid(1, width=7.0, height=0.55 * table["file"].nunique() + 1.4)
    ax = axes[0]
    markers = "osD^v"
    for i, (tool, part) in enumerate(table.groupby("tool", sort=False)):
        ax.plot(part["mae"], part["file"], markers[i % 5], color=colour(i), label=str(tool), ms=7)
    ax.set(xscale="log", xlabel="mean absolute error of a score (0 to 1)")
    ax.grid(axis="y", color="#dddddd")
    ax.legend(fontsize=8)
    return figure
