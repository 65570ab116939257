"""Figures of the statistics: shares, growth, power, validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .plots import WONG, axes_grid, is_left

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


__all__ = [
    "plot_blocks",
    "plot_changes",
    "plot_power",
    "plot_shares",
    "plot_validation",
]


def _named(terms: Sequence[str]) -> list[str]:
    return [str(t).replace("_", " ") for t in terms]


def plot_shares(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Shares of R2 with node-bootstrap intervals, one panel a table.

    Parameters
    ----------
    tables : mapping
        Title -> what `crosslingual.decomposition.importance` returns.
    """
    longest = max(len(table) for table in tables.values())
    figure, axes = axes_grid(len(tables), width=5.2, height=0.42 * longest + 1.4)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        rows = table.sort_values("share")
        places = np.arange(len(rows))
        ax.barh(places, rows["share"], color=WONG[4])
        if "low" in rows:
            reach = [
                (rows["share"] - rows["low"]).clip(lower=0),
                (rows["high"] - rows["share"]).clip(lower=0),
            ]
            ax.errorbar(rows["share"], places, xerr=reach, fmt="none", color="black", lw=1.2)
        ax.set_yticks(places, _named(rows["term"].tolist()))
        ax.set(title=title, xlabel="share of the explained variance (0 to 1)", xlim=(0, 1))
    return figure


def plot_power(table: pd.DataFrame) -> Figure:
    """Share of simulated studies that find an effect, against the number of languages.

    Parameters
    ----------
    table : DataFrame
        From `crosslingual.power_analysis.power`.
    """
    effects = list(dict.fromkeys(table["effect"]))
    figure, axes = axes_grid(len(effects), width=4.8, height=3.6)
    for ax, effect in zip(axes, effects, strict=True):
        for k, (test, part) in enumerate(table[table["effect"] == effect].groupby("test")):
            reach = [part["rejected"] - part["low"], part["high"] - part["rejected"]]
            ax.errorbar(
                part["languages"], part["rejected"], yerr=reach, fmt="o-", color=WONG[k], label=test
            )
        ax.axhline(0.05 if effect == 0 else 0.8, color="grey", lw=1, ls=":")
        title = "no effect: false alarms" if effect == 0 else f"effect {effect:.3f}: found"
        ax.set(
            title=title,
            xlabel="number of languages",
            ylabel="share of studies with p < 0.05",
            ylim=(-0.02, 1.02),
        )
        ax.legend(frameon=False, fontsize=8)
    return figure


def plot_validation(summary: pd.DataFrame, measure: str = "ndcg3") -> Figure:
    """Predictors side by side, one panel a task; learners in colour.

    Parameters
    ----------
    summary : DataFrame
        Of a `crosslingual.validation.Validation`.
    measure : str
        Which of its columns.
    """
    tasks = list(dict.fromkeys(summary["task"]))
    known = summary.dropna(subset=[measure])
    longest = int(known.groupby("task").size().max())
    figure, axes = axes_grid(len(tasks), width=4.8, height=0.32 * longest + 1.3)
    label = {
        "ndcg3": "NDCG@3 (0 to 1, higher is better)",
        "regret": "regret of the first choice (score, lower is better)",
        "rmse": "RMSE (score, lower is better)",
    }.get(measure, measure)
    for ax, task in zip(axes, tasks, strict=True):
        rows = known[known["task"] == task].sort_values(measure, ascending=measure != "ndcg3")
        rows = rows.iloc[::-1] if measure != "ndcg3" else rows
        colours = [WONG[0] if kind == "learner" else "#BBBBBB" for kind in rows["kind"]]
        ax.barh(np.arange(len(rows)), rows[measure], color=colours)
        ax.set_yticks(np.arange(len(rows)), _named(rows["predictor"].tolist()), fontsize=8)
        ax.set(title=task, xlabel=label)
    return figure


def plot_blocks(tests: pd.DataFrame, sure: float = 0.05) -> Figure:
    """What each block of features adds, by task; filled where the test finds it.

    Parameters
    ----------
    tests : DataFrame
        task, block, partial_r2, by_chance, p: `crosslingual.claims.block_tests` of several
        designs.
    sure : float
        Points with a smaller p are filled. Crosses are what chance gives a block of its size.
    """
    import matplotlib.pyplot as plt

    tasks = list(tests["task"].unique())
    figure, ax = plt.subplots(figsize=(6.4, 0.5 * len(tasks) + 1.2), layout="constrained")
    for k, (block, rows) in enumerate(tests.groupby("block", sort=False)):
        at = np.array([tasks.index(t) for t in rows["task"]]) + 0.2 * (2 * k - 1)
        ax.plot(rows["by_chance"], at, "x", color=WONG[k], alpha=0.6)
        for found, fill in ((rows["p"] < sure, WONG[k]), (rows["p"] >= sure, "none")):
            ax.plot(rows["partial_r2"][found], at[found], "o", color=WONG[k], mfc=fill)
        ax.plot([], [], "o", color=WONG[k], label=str(block))
    ax.set(xlabel="partial R² (0 to 1)", xlim=(0, None), yticks=range(len(tasks)))
    ax.set_yticklabels(tasks)
    ax.invert_yaxis()
    ax.grid(axis="y", alpha=0.3)
    ax.legend(frameon=False)
    return figure


def plot_changes(compared: pd.DataFrame, where: str = "across") -> Figure:
    """What each variant changes against the base, with its interval; a panel a task.

    Parameters
    ----------
    compared : DataFrame
        From `crosslingual.comparisons.compare_variants`. Filled where the interval leaves zero out.
    where : str
        ``across`` or ``in-language``.
    """
    from matplotlib.ticker import MaxNLocator

    rows = compared[compared["where"] == where]
    tasks, variants = (list(dict.fromkeys(rows[name])) for name in ("task", "variant"))
    # Four in a row: all have the names of the variants in common.
    figure, axes = axes_grid(len(tasks), 4.6, 0.27 * len(variants) + 1.2, columns=4)
    for ax, task in zip(axes, tasks, strict=True):
        mine = rows[rows["task"] == task].set_index("variant")
        ax.axvline(0, color="grey", lw=1)
        for name, row in mine.iterrows():
            sure = row["low"] > 0 or row["high"] < 0
            at = variants.index(name)
            ax.plot([row["low"], row["high"]], [at, at], color=WONG[0])
            ax.plot(row["difference"], at, "s", color=WONG[0], mfc=WONG[0] if sure else "white")
        ax.set(title=task, xlabel="change of the mean")
        ax.set_yticks(range(len(variants)), variants if is_left(ax) else [])
        ax.set_ylim(len(variants) - 0.5, -0.5)
        ax.xaxis.set_major_locator(MaxNLocator(3))
        ax.grid(axis="y", alpha=0.3)
    return figure
