"""Figures of what studies ask of machines: memory, time of a step, time on many workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import DataError
from .machines import DEVICES, GIB
from .plots import WONG, axes_grid

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["plot_memory", "plot_scheduling", "plot_steps"]


def plot_memory(
    table: pd.DataFrame, devices: tuple[str, ...] = ("l4", "a100-40", "h100")
) -> Figure:
    """Draw what a fine-tuning holds in memory, stacked by what it is for.

    Parameters
    ----------
    table : DataFrame
        Columns model, setting, part, gib; one bar a (model, setting), a panel a setting.
    devices : tuple of str
        Whose memory is drawn as a line.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if table.empty:
        raise DataError("there is nothing to draw.")
    settings = list(dict.fromkeys(table["setting"]))
    most = table.groupby(["model", "setting"])["gib"].sum().max()
    figure, axes = axes_grid(len(settings), width=3.6, height=3.4)
    for ax, setting in zip(axes, settings, strict=True):
        wide = table[table["setting"] == setting].pivot_table(
            index="model", columns="part", values="gib", sort=False
        )
        wide.plot.barh(stacked=True, ax=ax, color=WONG[: wide.shape[1]], legend=ax is axes[-1])
        for number, name in enumerate(devices):
            gib = DEVICES[name].memory / GIB
            ax.axvline(gib, color="0.3", linestyle=("--", ":", "-.")[number % 3], linewidth=1)
            place = {"transform": ax.get_xaxis_transform(), "ha": "right", "va": "bottom"}
            ax.text(gib, 0.02, name, rotation=90, fontsize=7, **place)
        ax.set(title=setting, xlabel="memory (GiB)", ylabel="", xlim=(0, 1.02 * most))
        ax.invert_yaxis()
    axes[-1].legend(title="", fontsize=7, loc="center right")
    return figure


def plot_scheduling(table: pd.DataFrame, seconds: float = 0.1) -> Figure:
    """Draw the time of a grid of cells against workers, and the overhead of a cell.

    Parameters
    ----------
    table : DataFrame
        Columns workers, cells, seconds, overhead_ms_per_cell, as ``benchmarks/scheduling.py``
        writes it.
    seconds : float
        Of one cell.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if table.empty:
        raise DataError("there is nothing to draw.")
    figure, axes = axes_grid(2, width=4.0, height=3.0)
    x = table["workers"]
    axes[0].plot(x, table["seconds"], "o-", color=WONG[0], label="measured")
    axes[0].plot(x, table["cells"] * seconds / x, "--", color="0.3", label="ideal")
    axes[0].set(xscale="log", yscale="log", xlabel="workers", ylabel="time of the whole grid (s)")
    axes[0].set_xticks(x, [str(n) for n in x])
    axes[0].set_xticks([], minor=True)
    axes[0].legend()
    axes[1].bar(range(len(x)), table["overhead_ms_per_cell"], color=WONG[0])
    axes[1].set_xticks(range(len(x)), [str(n) for n in x])
    axes[1].set(xlabel="workers", ylabel="overhead of a cell (ms of a worker)")
    return figure


def plot_steps(table: pd.DataFrame, label: str = "examples a second, one core") -> Figure:
    """Draw the throughput of training steps, variant by variant.

    Parameters
    ----------
    table : DataFrame
        Columns variant, examples_per_second or tokens_per_second, low, high, ratio (to the first
        row), as ``benchmarks/step.py`` and ``pretraining.py`` write it.
    label : str
        Of the axis.

    Raises
    ------
    DataError
        If there is nothing to draw.
    """
    if table.empty:
        raise DataError("there is nothing to draw.")
    figure, axes = axes_grid(1, width=6.0, height=0.6 + 0.45 * len(table))
    ax, speed = axes[0], table.filter(like="_per_second").iloc[:, 0]
    spread = [speed - table["low"], table["high"] - speed]
    ax.barh(table["variant"], speed, xerr=spread, color=WONG[0], capsize=3)
    for place, (high, ratio) in enumerate(zip(table["high"], table["ratio"], strict=True)):
        ax.text(high, place, f"  {ratio:.1f} times", va="center", fontsize=8)
    ax.set(xlabel=label, ylabel="", xlim=(0, 1.25 * table["high"].max()))
    ax.invert_yaxis()
    return figure
