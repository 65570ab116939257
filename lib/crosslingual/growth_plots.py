"""Figures of target examples: how scores grow with them, and what a source is worth beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError
from .laws import LAWS
from .plots import WONG, axes_grid, colour, is_left
from .responses import need_columns, refuse_several_models, refuse_several_recipes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .growth_laws import Growth

__all__ = ["plot_growth", "plot_laws", "plot_target_examples", "plot_trainings", "plot_worth"]


def plot_growth(
    scores: pd.DataFrame, grown: Growth, pairs: Sequence[tuple[str, str]], most: int = 6
) -> Figure:
    """Points of some pairs with the laws fitted to all of them, on a log axis.

    Parameters
    ----------
    scores : DataFrame
        Few-shot scores of one task and one training, zero-shot ones among them.
    grown : Growth
        Of these scores, or of more.
    pairs : sequence of (source, target)
        ISO 639-3.
    most : int
        At most so many of them are drawn.

    Raises
    ------
    DataError
        If the scores are of several tasks, models or trainings, or there is no pair to draw.
    """
    from .languages import find_language

    fitted: Any = grown.curves
    for key in ("task", "model", "training"):
        if key not in scores:
            continue
        values = sorted(scores.loc[scores["shots"] > 0, key].unique())
        if len(values) != 1:
            raise DataError(
                f"a figure of growth shows one {key}, not {', '.join(values)}: choose its rows."
            )
        fitted = fitted[fitted[key] == values[0]]
    chosen = list(pairs)[:most]
    figure, axes = axes_grid(len(chosen), width=3.8, height=2.9)
    grid = np.geomspace(1, scores["shots"].max() + 1, 80) - 1
    for ax, (source, target) in zip(axes, chosen, strict=True):
        rows = scores[(scores["source"] == source) & (scores["target"] == target)]
        ax.scatter(rows["shots"] + 1, rows["score"], s=14, color="black", zorder=3)
        own = fitted[(fitted["source"] == source) & (fitted["target"] == target)]
        for k, law in enumerate(dict.fromkeys(own["law"])):
            row = own[own["law"] == law].iloc[0]
            values = [row[f"p{i}"] for i in range(len(LAWS[law].low))]
            ax.plot(grid + 1, LAWS[law].curve(grid, *values), color=WONG[k], label=law, lw=1.5)
        ax.set(
            title=f"{find_language(source).name} to {find_language(target).name}",
            ylabel="score (0 to 1)" * is_left(ax),
            ylim=(0, 1),
        )
        _examples_axis(ax, rows["shots"])
    axes[0].legend(frameon=False, fontsize=7)
    return figure


def plot_laws(grown: Growth) -> Figure:
    """How far each law is from the points it was fitted to, and from those it has to foretell.

    One row a law, one colour a task and training. Dotted: the least that any curve can miss the
    points by, as draws of the same number of examples differ.

    Parameters
    ----------
    grown : Growth
        From `crosslingual.growth_laws.growth`.
    """
    import matplotlib.pyplot as plt

    table = grown.comparison
    laws = list(table["law"].unique())
    keys = [k for k in ("task", "model", "training") if k in table and table[k].nunique() > 1]
    kinds = list(table.groupby(keys, sort=False)) if keys else [((), table)]
    figure, axes = plt.subplots(
        1, 2, figsize=(8.4, 0.55 * len(laws) + 1.8), layout="constrained", sharey=True
    )
    for k, (values, rows) in enumerate(kinds):
        at = np.array([laws.index(law) for law in rows["law"]]) + 0.16 * (k - (len(kinds) - 1) / 2)
        for ax, column in zip(axes, ("rmse", "extrapolation"), strict=True):
            ax.plot(rows[column], at, "o", color=colour(k), label=", ".join(map(str, values)))
        axes[0].axvline(rows["noise"].iloc[0], color=colour(k), ls=":", lw=1)
    axes[0].set(xlabel="RMSE of the fit (score)", yticks=range(len(laws)))
    axes[0].set_yticklabels(laws)
    axes[0].invert_yaxis()
    axes[1].set(xlabel=f"RMSE of forecasts beyond {grown.split} examples (score)")
    for ax in axes:
        ax.set_xlim(0, None)
        ax.grid(axis="y", alpha=0.3)
    if keys:
        labels = axes[1].get_legend_handles_labels()
        figure.legend(*labels, loc="outside upper center", ncols=3, frameon=False)
    return figure


def _examples_axis(ax: Axes, shots: pd.Series) -> None:
    """Numbers of examples, those that were measured, where log(1 + n) puts them."""
    numbers = sorted(shots.unique())
    ax.set(xscale="log", xlabel="target examples")
    ax.set_xticks([n + 1 for n in numbers], [str(n) for n in numbers])
    ax.set_xticks([], minor=True)


CURVES = {
    "sequential": "source, then target",
    "joint": "both mixed",
    "target": "target alone",
}


def plot_target_examples(
    scores: pd.DataFrame, full: Mapping[str, float] | pd.Series | None = None
) -> Figure:
    """Mean score and the middle 80 % of pairs, by number of target examples; a panel a task.

    Parameters
    ----------
    scores : DataFrame
        Zero-shot scores and few-shot ones of any of `crosslingual.records.TRAININGS`, on a log
        axis; draws are averaged first. A pair of a language with itself counts only where it
        stands for training on the target alone.
    full : mapping or Series, optional
        Task -> a score to compare with, such as that of all training examples of the target;
        dotted.

    Raises
    ------
    DataError
        If the scores are of several models, or a cell was measured with one seed in several ways.
    """
    need_columns(scores, "task", "source", "target", "shots", "training", "score")
    refuse_several_models(scores)
    refuse_several_recipes(scores)
    alone = scores["training"] == "target"
    scores = scores[alone | (scores["source"] != scores["target"])]
    keys = ["task", "training", "shots", "source", "target"]
    cells = scores.groupby(keys)["score"].mean().reset_index()
    tasks = cells["task"].unique()
    figure, axes = axes_grid(len(tasks), 4.8 if len(tasks) > 1 else 6.4, 3.8)
    for ax, task in zip(axes, tasks, strict=True):
        rows = cells[cells["task"] == task]
        _curves(ax, rows)
        _examples_axis(ax, rows["shots"])
        if full is not None and task in full:
            ax.axhline(full[task], color="grey", ls=":", lw=1)
        ax.set(ylim=(0, 1), ylabel="score (0 to 1)" * is_left(ax))
        if len(tasks) > 1:
            ax.set_title(task)
    # Not every task needs to have been measured in every way.
    fullest = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0]))
    fullest.legend(frameon=False)
    return figure


def _curves(ax: Axes, cells: pd.DataFrame) -> None:
    for k, (training, label) in enumerate(CURVES.items()):
        rows = cells[cells["training"] == training]
        if rows.empty:
            continue
        if training != "target":  # both grow from the same scores without an example
            rows = cells[cells["training"].isin(["source", training])]
        by = rows.groupby("shots")["score"]
        mean, low, high = by.mean(), by.quantile(0.1), by.quantile(0.9)
        ax.plot(mean.index + 1, mean, "o-", color=WONG[k], label=label)
        ax.fill_between(low.index + 1, low, high, color=WONG[k], alpha=0.15)


def _with_intervals(
    ax: Axes, rows: pd.DataFrame, column: str, shift: float, color: str, label: str
) -> None:
    """A line over numbers of examples; a factor shifts it, so that bars do not hide each other."""
    rows = rows.sort_values("shots")
    ends = np.nan_to_num((rows[column] - rows["low"], rows["high"] - rows[column]))
    at = (rows["shots"] + 1) * shift
    ax.errorbar(at, rows[column], ends, fmt="o-", color=color, capsize=3, label=label)


def plot_worth(worth: pd.DataFrame) -> Figure:
    """What a source is worth, by number of target examples, with its interval; a panel a task.

    Parameters
    ----------
    worth : DataFrame
        From `crosslingual.worth.source_worth`, of one model. Numbers of examples without a
        control to compare with are left out.

    Raises
    ------
    DataError
        If no score has a control without a source beside it.
    """
    known = worth.dropna(subset="worth")
    if known.empty:
        raise DataError(
            "there is nothing to draw: no score has a control without a source beside it. Run the "
            "study with training target, too, such as configs/few_shot.yaml."
        )
    tasks = known["task"].unique()
    figure, axes = axes_grid(len(tasks), 4.4 if len(tasks) > 1 else 6.4, 3.6)
    for ax, task in zip(axes, tasks, strict=True):
        if ax is not axes[0]:
            ax.sharey(axes[0])
        rows = known[known["task"] == task]
        ax.axhline(0, color="grey", lw=1)
        for k, (training, label) in enumerate(CURVES.items()):
            some = rows[rows["training"] == training]
            if some.empty:
                continue
            _with_intervals(ax, some, "worth", (0.97, 1.03, 1.0)[k], WONG[k], label)
        ax.set(title=task if len(tasks) > 1 else "")
        _examples_axis(ax, rows["shots"])
        ax.set_ylabel("score with a source\nminus score without" * is_left(ax))
    fullest = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0]))
    fullest.legend(frameon=False)
    return figure


def plot_trainings(
    compared: pd.DataFrame, label: str = "score mixed\nminus score in sequence"
) -> Figure:
    """How much better one way of using target examples is than another; a colour a task.

    Parameters
    ----------
    compared : DataFrame
        From `crosslingual.comparisons.compare_trainings`, of one model.
    label : str
        Of the difference.

    Raises
    ------
    DataError
        If there is nothing to draw, or the rows are of several models.
    """
    import matplotlib.pyplot as plt

    need_columns(compared, "task", "shots", "difference", "low", "high")
    refuse_several_models(compared)
    if compared.empty:
        raise DataError("there is nothing to draw: no number of examples was used in both ways.")
    tasks = compared["task"].unique()
    figure, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    ax.axhline(0, color="grey", lw=1)
    for k, task in enumerate(tasks):
        rows = compared[compared["task"] == task]
        shift = 1.04 ** (k - (len(tasks) - 1) / 2)
        _with_intervals(ax, rows, "difference", shift, colour(k), task)
    _examples_axis(ax, compared["shots"])
    ax.set_ylabel(label)
    ax.legend(frameon=False)
    return figure
