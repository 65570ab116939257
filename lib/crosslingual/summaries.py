"""Summaries of scores: matrices, diagonals, what lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import DataError
from .languages import DEFAULT_LANGUAGES, find_language
from .responses import need_columns, refuse_several_recipes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["matrix", "reliability", "summarise"]


def matrix(
    scores: pd.DataFrame,
    task: str,
    model: str | None = None,
    shots: int = 0,
    training: str | None = None,
) -> pd.DataFrame:
    """Scores of one task as a matrix, sources in rows, targets in columns.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, shots, seed, model, score.
    task : str
        Which task.
    model : str, optional
        Which model; may be left out if there is one.
    shots : int
        Number of target examples.
    training : str, optional
        How they were used, see `crosslingual.records.TRAININGS`; may be left out if there
        is one way.

    Returns
    -------
    DataFrame
        Mean over seeds; index and columns are ISO 639-1 codes, the default languages
        first, NaN where a pair was not measured.

    Raises
    ------
    DataError
        If there is no such score, or several models, trainings or recipes (``settings``).
    """
    need_columns(scores, "task", "source", "target", "shots", "model", "score")
    rows = scores[(scores["task"] == task) & (scores["shots"] == shots)]
    models = sorted(rows["model"].unique())
    if model is not None:
        rows = rows[rows["model"] == model]
    elif len(models) > 1:
        raise DataError(
            f"the scores hold several models ({', '.join(models)}): name one, model={models[0]!r}."
        )
    trainings = sorted(rows["training"].unique()) if "training" in rows else []
    if training is not None:
        rows = rows[rows["training"] == training]
    elif len(trainings) > 1:
        raise DataError(
            f"the scores hold several trainings ({', '.join(trainings)}): name one, "
            f"training={trainings[0]!r}."
        )
    if rows.empty:
        have = scores[["task", "model", "shots"]].drop_duplicates().to_dict("records")
        raise DataError(
            f"no scores for task {task!r}, model {model!r}, shots {shots}; there are {have}."
        )
    refuse_several_recipes(rows)
    table = rows.pivot_table(index="source", columns="target", values="score", aggfunc="mean")
    order = [c for c in DEFAULT_LANGUAGES if c in table.index or c in table.columns]
    order += sorted((set(table.index) | set(table.columns)) - set(order))
    table = table.reindex(
        index=[c for c in order if c in table.index],
        columns=[c for c in order if c in table.columns],
    )
    short = {code: find_language(code).short for code in order}
    return table.rename(index=short, columns=short)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean score in-language and across, by task, model and shots.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, score, and where known shots, training, model, seed, illegal.

    Returns
    -------
    DataFrame
        Columns task, model, shots, training (if recorded), pairs (off-diagonal),
        in_language, across, spread (standard deviation across pairs, seeds averaged first),
        noise (standard deviation of a pair's score across seeds, pooled: the root of the mean
        variance; NaN with one seed), reliability (share of the variance across pairs that is not
        noise of seeds, at least 0; no regression can explain more but by chance), illegal (mean
        rate, if recorded).

    Raises
    ------
    DataError
        If a cell was measured with one seed in several ways (``settings``).
    """
    import numpy as np
    import pandas as pd

    need_columns(scores, "task", "source", "target", "score")
    refuse_several_recipes(scores)
    rows = []
    keys = [k for k in ("task", "model", "shots", "training") if k in scores]
    for values, part in scores.groupby(keys, sort=True):
        pairs = (
            part.groupby(["source", "target"])["score"].agg(["mean", "std", "count"]).reset_index()
        )
        same = pairs["source"] == pairs["target"]
        off = pairs[~same]
        rows.append(
            {
                **dict(zip(keys, values, strict=True)),
                "pairs": len(off),
                "in_language": pairs.loc[same, "mean"].mean() if same.any() else np.nan,
                "across": off["mean"].mean() if len(off) else np.nan,
                "spread": off["mean"].std() if len(off) > 1 else np.nan,
                "noise": _pooled(off["std"], off["count"]),
                "reliability": reliability(off["mean"], off["std"], off["count"]),
                "illegal": part["illegal"].mean() if "illegal" in part else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _pooled(spreads: pd.Series, counts: pd.Series) -> float:
    """Standard deviation within cells, each cell's variance weighted by its degrees of freedom."""
    freedom = (counts - 1).where(counts > 1)
    return float(((spreads**2 * freedom).sum() / freedom.sum(min_count=1)) ** 0.5)


def reliability(means: pd.Series, spreads: pd.Series, counts: pd.Series) -> float:
    """Share of the variance of means that is not the noise of what they are means of.

    Parameters
    ----------
    means, spreads, counts : Series
        Of every cell: mean, standard deviation and number of its seeds. Cells with one seed
        say nothing of the noise, but their means belong to the spread.

    Returns
    -------
    float
        1 - mean(spreads^2 / counts) / variance(means), at least 0: no regression can explain
        more but by chance. NaN where no cell has two seeds, or all means are equal.

    Examples
    --------
    >>> import pandas as pd
    >>> means, spreads = pd.Series([0.0, 1.0]), pd.Series([0.5, 0.5])  # variance of means 1/2
    >>> reliability(means, spreads, pd.Series([5, 5]))
    0.9
    """
    import numpy as np

    total = means.var() if len(means) > 1 else 0.0
    noise = (spreads[counts > 1] ** 2 / counts[counts > 1]).mean()
    if not total or np.isnan(noise):
        return float("nan")
    return max(0.0, float(1 - noise / total))
