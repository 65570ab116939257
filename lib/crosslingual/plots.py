"""Figures. Each function draws one, from a tidy table or a matrix, and returns it.

Colours are safe for the colour-blind: ``cividis`` for amounts, blue to red (``vlag``) for
differences, Wong's palette for groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import DataError
from .languages import find_language

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_coefficients",
    "plot_diagonal",
    "plot_differences",
    "plot_matrices",
    "plot_recipes",
    "plot_signal",
    "plot_targets",
]

PAGE = 9.6  # inches: letters of wider figures are too small to read on a page
WONG = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#F0E442")


def colour(place: int) -> str:
    """Colour of a group by its place; after the last of `WONG`, from the first again."""
    return WONG[place % len(WONG)]


def axes_grid(
    panels: int, width: float = 4.4, height: float = 4.0, columns: int | None = None
) -> tuple[Figure, list[Any]]:
    """A figure with so many panels, in rows that a page of the book has room for.

    Parameters
    ----------
    panels : int
        How many.
    width, height : float
        Of one, in inches; narrower where a row would be wider than `PAGE`.
    columns : int, optional
        Panels a row, if there are so many; by default three, or two where there are four.

    Returns
    -------
    figure, axes
        As many axes as panels, row by row.

    Raises
    ------
    DataError
        If there is no panel.
    """
    import matplotlib.pyplot as plt

    if panels < 1:
        raise DataError("there is nothing to draw.")

    columns = min(panels, columns or (2 if panels == 4 else 3))
    rows = -(-panels // columns)
    size = (min(width, PAGE / columns) * columns, height * rows)
    figure = plt.figure(figsize=size, layout="constrained")
    return figure, [figure.add_subplot(rows, columns, at + 1) for at in range(panels)]


def is_left(ax: Axes) -> bool:
    """Whether a panel is the first of its row, which has the label of the axis."""
    place = ax.get_subplotspec()
    return place is None or place.is_first_col()


def _heatmaps(
    tables: Mapping[str, pd.DataFrame], label: str, low: float, high: float, colours: str
) -> Figure:
    import seaborn as sns

    figure, axes = axes_grid(len(tables), width=3.6, height=3.2, columns=3)
    written = all(table.size <= 144 for table in tables.values())
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        place = ax.get_subplotspec()
        sns.heatmap(
            table,
            ax=ax,
            vmin=low,
            vmax=high,
            cmap=colours,
            # Two digits can be read where 0.35 cannot; no minus before a zero.
            annot=(100 * table).round() + 0.0 if written else False,
            fmt=".0f",
            annot_kws={"size": 7},
            square=True,
            cbar=ax is axes[-1] or place.is_last_col(),
            cbar_kws={"label": label + "\ncells: hundredths" * written, "shrink": 0.9},
        )
        ax.set(title=title, xlabel="target language", ylabel="source language" * is_left(ax))
        ax.tick_params(axis="y", rotation=0)
        ax.tick_params(labelsize=8)
    return figure


def plot_matrices(tables: Mapping[str, pd.DataFrame], label: str = "score (0 to 1)") -> Figure:
    """Draw matrices of scores side by side, at most three in a row, on one scale.

    Parameters
    ----------
    tables : mapping
        Title -> matrix with sources in rows and targets in columns.
    label : str
        What the colours mean, with its unit.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    return _heatmaps(tables, label, 0.0, 1.0, "cividis")


def plot_differences(
    tables: Mapping[str, pd.DataFrame], label: str = "difference of scores"
) -> Figure:
    """Draw matrices of differences side by side, blue below zero and red above.

    Parameters
    ----------
    tables : mapping
        Title -> matrix with sources in rows and targets in columns.
    label : str
        What the colours mean, with its unit.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    largest = max((float(table.abs().max().max()) for table in tables.values()), default=0.0)
    return _heatmaps(tables, label, -largest, largest, "vlag")


def plot_targets(scores: pd.DataFrame) -> Figure:
    """Draw the scores of one source on each target as bars, one colour a model.

    Parameters
    ----------
    scores : DataFrame
        Columns target, model, score (fractions); seeds are averaged.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    figure, axes = axes_grid(1, width=8, height=3.2)
    ax = axes[0]
    table = scores.pivot_table(index="target", columns="model", values="score", sort=False)
    for k, model in enumerate(table):
        places = [i + 0.38 * (k - (len(table.columns) - 1) / 2) for i in range(len(table))]
        ax.bar(places, table[model], width=0.36, color=colour(k), label=model)
    ax.set_xticks(range(len(table)), [find_language(code).name for code in table.index])
    ax.tick_params(axis="x", rotation=30)
    ax.set(ylim=(0, 1), ylabel="score (0 to 1)", xlabel="target language")
    ax.legend(frameon=False)
    return figure


def plot_diagonal(summary: pd.DataFrame, baselines: Mapping[str, float] | None = None) -> Figure:
    """In-language and across-language means, by task and model.

    Parameters
    ----------
    summary : DataFrame
        From `crosslingual.summaries.summarise`.
    baselines : mapping, optional
        Task -> score of the majority answer, drawn as a line.

    Raises
    ------
    DataError
        If a task and model have several means, of several numbers of target examples.
    """
    twice = summary[summary.duplicated(["task", "model"])]
    if len(twice):
        raise DataError(
            f"{twice['task'].iloc[0]}, {twice['model'].iloc[0]} has several means: choose rows "
            "with one number of target examples (shots) and one training."
        )
    tasks = list(dict.fromkeys(summary["task"]))
    models = list(dict.fromkeys(summary["model"]))
    figure, axes = axes_grid(len(tasks), width=3.2, height=3.2)
    for ax, task in zip(axes, tasks, strict=True):
        rows = summary[summary["task"] == task].set_index("model").reindex(models)
        for k, where in enumerate(("in_language", "across")):
            places = [m + 0.38 * (k - 0.5) for m in range(len(models))]
            ax.bar(places, rows[where], width=0.36, color=WONG[k], label=where.replace("_", "-"))
        if baselines and task in baselines:
            ax.axhline(baselines[task], color="black", ls=":", lw=1, label="majority")
        ax.set_xticks(range(len(models)), models, rotation=20, ha="right")
        ax.set(title=task, ylim=(0, 1), ylabel="mean score (0 to 1)" * is_left(ax))
    axes[-1].legend(frameon=False, fontsize=8)
    return figure


def plot_coefficients(
    tidy: pd.DataFrame,
    terms: Sequence[str],
    by: str = "name",
    label: str = "change of the score for one standard deviation more similarity",
) -> Figure:
    """Coefficients with 95 % intervals.

    Parameters
    ----------
    tidy : DataFrame
        Tables of `Regression.tidy`, one below the other.
    terms : sequence of str
        Which.
    by : str
        What a colour is: ``name`` (a regression) or ``errors`` (a kind of standard errors).
    label : str
        What the axis measures.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    rows = tidy[tidy["term"].isin(terms)]
    groups = list(dict.fromkeys(rows[by]))
    step = min(0.16, 0.84 / len(groups))
    figure, axes = axes_grid(1, 7.5, max(0.55, 0.11 * len(groups)) * len(terms) + 1.4)
    ax = axes[0]
    for k, group in enumerate(groups):
        part = rows[rows[by] == group].set_index("term").reindex(terms)
        places = [-i + step * ((len(groups) - 1) / 2 - k) for i in range(len(terms))]
        reach = [part["estimate"] - part["low"], part["high"] - part["estimate"]]
        ax.errorbar(
            part["estimate"], places, xerr=reach, fmt="o", ms=4, color=colour(k), label=group
        )
    ax.axvline(0, color="grey", lw=1)
    ax.set_yticks([-i for i in range(len(terms))], [t.replace("_", " ") for t in terms])
    ax.set(xlabel=label)
    title = "standard errors" if by == "errors" else None
    figure.legend(loc="outside right upper", frameon=False, fontsize=8, title=title)
    return figure


def plot_signal(summary: pd.DataFrame, times: float = 3.0) -> Figure:
    """Spread across pairs against noise across seeds, one point a task, on logarithmic axes.

    Parameters
    ----------
    summary : DataFrame
        From `crosslingual.summaries.summarise`, of scores with several seeds.
    times : float
        How many times the noise the spread should be: the slope of the dotted line.

    Raises
    ------
    DataError
        If no task has both: two seeds and two pairs at least.
    """
    summary = summary.dropna(subset=["noise", "spread"])
    if summary.empty:
        raise DataError("there is no noise to draw: scores of two seeds and two pairs are needed.")
    from matplotlib.ticker import LogLocator, NullLocator

    figure, (ax,) = axes_grid(1, width=5.2)
    for k, row in enumerate(summary.itertuples()):
        ax.plot(row.noise, row.spread, "o", color=colour(k))
        place = (row.noise, row.spread)
        ax.annotate(row.task, place, fontsize=9, xytext=(5, 4), textcoords="offset points")
    low, high = summary["noise"].min() / 1.5, summary["noise"].max() * 1.5
    ax.plot([low, high], [times * low, times * high], color="grey", ls=":", lw=1)
    ax.set(xscale="log", yscale="log", xlim=(low, high))
    for axis in (ax.xaxis, ax.yaxis):  # 0.05, and no power of ten
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    ax.set(xlabel="standard deviation across seeds", ylabel="standard deviation across pairs")
    return figure


def plot_recipes(scores: pd.DataFrame) -> Figure:
    """Means in-language and across languages for variants of a recipe, one panel a task.

    Parameters
    ----------
    scores : DataFrame
        Columns task, variant, source, target, score. Variants are drawn in their order.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    tasks = list(dict.fromkeys(scores["task"]))
    variants = list(dict.fromkeys(scores["variant"]))
    # Four in a row: all have the names of the variants in common.
    figure, axes = axes_grid(len(tasks), 4.6, 0.27 * len(variants) + 1.2, columns=4)
    same = scores["source"] == scores["target"]
    for ax, task in zip(axes, tasks, strict=True):
        for k, (label, kept) in enumerate((("in-language", same), ("across", ~same))):
            rows = scores[kept & (scores["task"] == task)]
            mean = rows.groupby("variant")["score"].mean().reindex(variants)
            ax.plot(mean, range(len(variants)), "os"[k], color=WONG[k], label=label)
        ax.set(title=task, xlabel="mean score (0 to 1)", xlim=(0, 1))
        ax.set_yticks(range(len(variants)), variants if is_left(ax) else [])
        ax.set_ylim(len(variants) - 0.5, -0.5)
        ax.grid(axis="y", alpha=0.3)
    axes[-1].legend(frameon=False, fontsize=8)
    return figure
