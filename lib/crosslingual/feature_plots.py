"""Figures of features: languages on a map, features of pairs as matrices and against scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .languages import find_language, language_table
from .plots import axes_grid, colour

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_feature_matrices", "plot_map", "plot_scatter"]


def plot_map(languages: Sequence[str]) -> Figure:
    """Where the languages are, coloured by script, sized by mC4 tokens.

    Parameters
    ----------
    languages : sequence of str
        By any name that `find_language` takes.
    """
    import numpy as np

    table = language_table(languages)
    figure, axes = axes_grid(1, width=9, height=4.5)
    ax = axes[0]
    scripts = list(dict.fromkeys(table["script"]))
    for k, script in enumerate(scripts):
        rows = table[table["script"] == script]
        size = 30 + 40 * np.log10(1 + rows["mc4_tokens"].fillna(0))
        ax.scatter(rows["longitude"], rows["latitude"], s=size, color=colour(k), label=script)
    for row in table.itertuples():
        ax.annotate(
            f"{row.name} ({row.short})",
            (row.longitude, row.latitude),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=8,
        )
    ax.set(xlabel="longitude (degrees east)", ylabel="latitude (degrees north)")
    ax.set_xlim(table["longitude"].min() - 12, table["longitude"].max() + 30)
    ax.set_ylim(table["latitude"].min() - 8, table["latitude"].max() + 8)
    ax.grid(alpha=0.3)
    ax.legend(title="script", frameon=False, fontsize=8, loc="lower left", ncols=2)
    return figure


def plot_feature_matrices(features: pd.DataFrame, names: Sequence[str]) -> Figure:
    """One small matrix a feature, each on its own scale.

    Parameters
    ----------
    features : DataFrame
        From `crosslingual.features.pair_features`.
    names : sequence of str
        Which of its columns.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.
    """
    import seaborn as sns

    figure, axes = axes_grid(len(names), width=2.4, height=2.2, columns=4)
    short = {c: find_language(c).short for c in set(features["source"]) | set(features["target"])}
    order = [short[c] for c in dict.fromkeys(features["source"])]
    for ax, name in zip(axes, names, strict=True):
        table = features.pivot(index="source", columns="target", values=name)
        table = table.rename(index=short, columns=short).reindex(order)
        table = table[[c for c in order if c in table]]
        every: Any = True if len(order) <= 12 else "auto"
        sns.heatmap(
            table, ax=ax, cmap="cividis", square=True, cbar_kws={"shrink": 0.7},
            xticklabels=every, yticklabels=every,
        )  # fmt: skip
        ax.set(title=name.replace("_", " "), xlabel="", ylabel="")
        ax.tick_params(axis="y", rotation=0)
        ax.tick_params(labelsize=7)
    return figure


def plot_scatter(merged: pd.DataFrame, feature: str, label: str) -> Figure:
    """Scores of pairs against one feature, one panel a task, the six best pairs named.

    Parameters
    ----------
    merged : DataFrame
        Columns task, source, target, score (fractions), and the feature.
    feature : str
        Which column.
    label : str
        What it measures, with its unit.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.
    """
    tasks = list(dict.fromkeys(merged["task"]))
    figure, axes = axes_grid(len(tasks), width=4.2, height=3.8)
    for k, (ax, task) in enumerate(zip(axes, tasks, strict=True)):
        rows = merged[merged["task"] == task]
        ax.scatter(rows[feature], rows["score"], s=14, color=colour(k), alpha=0.8)
        for row in rows.nlargest(6, "score").itertuples():
            pair = f"{find_language(row.source).short}-{find_language(row.target).short}"
            place = (getattr(row, feature), row.score)
            ax.annotate(pair, place, fontsize=7, xytext=(3, 3), textcoords="offset points")
        ax.set(title=task, xlabel=label, ylabel="zero-shot score (0 to 1)", ylim=(0, 1))
    return figure
