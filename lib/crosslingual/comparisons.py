"""What is better: models, or ways of doing something.

A mean over pairs is a mean over languages that stand in many pairs: its interval leaves out one
language at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level
from .errors import DataError, UnknownNameError
from .responses import need_columns, refuse_several_recipes
from .standard_errors import covariance

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "compare_models",
    "compare_trainings",
    "compare_variants",
    "over_pairs",
]

PAIR = ["source", "target"]


def over_pairs(values: pd.Series, level: float = 0.95) -> tuple[float, float, float]:
    """Mean over pairs of languages, and its interval.

    Parameters
    ----------
    values : Series
        One value a pair; index (source, target).
    level : float
        Nominal coverage.

    Returns
    -------
    mean, low, high : float
        By leaving out one language at a time, with all its pairs, and Student's t with as many
        degrees of freedom as languages less one. NaN for fewer than three languages. A language
        that is in all pairs cannot be left out: the interval is then about other partners of it.

    Raises
    ------
    DataError
        If the level is none.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.MultiIndex.from_product([["deu", "eng"], ["fin", "rus"]])
    >>> [round(value, 3) for value in over_pairs(pd.Series([0.1, 0.2, 0.2, 0.3], pairs))]
    [0.2, -0.076, 0.476]
    """
    from scipy.stats import t

    check_level(level)
    sources, targets = (values.index.get_level_values(i).astype(str).tolist() for i in (0, 1))
    mean = float(values.mean()) if len(values) else float("nan")
    if len(values) < 2 or len({*sources, *targets}) < 3:
        return mean, float("nan"), float("nan")
    ones, apart = np.ones((len(values), 1)), values.to_numpy(dtype=float) - mean
    found = covariance(ones, apart, sources, targets, "jackknife")
    reach = float(found.std_errors[0]) * float(t.ppf((1 + level) / 2, found.df))
    return mean, mean - reach, mean + reach


def _difference(both: pd.DataFrame, level: float) -> dict[str, float]:
    """Two columns over pairs: their means, the difference, and how often the first is higher."""
    difference = both.iloc[:, 0] - both.iloc[:, 1]
    mean, low, high = over_pairs(difference, level)
    return {
        "pairs": len(both),
        "a": both.iloc[:, 0].mean(),
        "b": both.iloc[:, 1].mean(),
        "difference": mean,
        "low": low,
        "high": high,
        "wins": float((difference > 0).mean()),
    }


def compare_models(scores: pd.DataFrame, a: str, b: str, level: float = 0.95) -> pd.DataFrame:
    """How much better model ``a`` is than ``b``, by task, in-language and across.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, shots, model, score; zero-shot rows count, seeds are averaged
        first.
    a, b : str
        Names of models.
    level : float
        Of the interval of the difference.

    Returns
    -------
    DataFrame
        Columns task, where (``in-language`` or ``across``), pairs, a, b, difference
        (means over pairs), low, high (see `over_pairs`), wins (share of pairs where ``a`` is
        better).

    Raises
    ------
    DataError
        If a cell was measured with one seed in several ways (``settings``).
    """
    import pandas as pd

    need_columns(scores, "task", *PAIR, "shots", "model", "score")
    refuse_several_recipes(scores)
    zero = scores[scores["shots"] == 0]
    return pd.DataFrame(
        {"task": task, "where": where, **told}
        for task, where, told in _side_by_side(zero, "model", a, b, level)
    )


def compare_variants(scores: pd.DataFrame, base: str, level: float = 0.95) -> pd.DataFrame:
    """How much better than one way of doing it are others, by task, in-language and across.

    Parameters
    ----------
    scores : DataFrame
        Columns task, variant, source, target, score; repetitions are averaged first.
    base : str
        The variant that all others are put beside.
    level : float
        Of the interval of each difference; with many variants, some leave zero out by chance.

    Returns
    -------
    DataFrame
        Columns task, variant, where, pairs, a (the variant), b (the base), difference, low, high,
        wins, as in `compare_models`; only pairs that both have count. Variants in their order.

    Raises
    ------
    UnknownNameError
        If there is no such variant.
    """
    import pandas as pd

    need_columns(scores, "task", "variant", *PAIR, "score")
    variants = list(dict.fromkeys(scores["variant"]))
    if base not in variants:
        raise UnknownNameError(base, variants)
    return pd.DataFrame(
        {"task": task, "variant": variant, "where": where, **told}
        for variant in variants
        if variant != base
        for task, where, told in _side_by_side(scores, "variant", variant, base, level)
    )


def _side_by_side(
    scores: pd.DataFrame, column: str, a: str, b: str, level: float
) -> Iterator[tuple[str, str, dict[str, float]]]:
    """Task, where, and what `_difference` says of two values of a column there."""
    for task, part in scores.groupby("task", sort=True):
        mean = part.pivot_table(index=PAIR, columns=column, values="score")
        if a not in mean or b not in mean:
            continue
        mean = mean[[a, b]].dropna()
        same = mean.index.get_level_values(0) == mean.index.get_level_values(1)
        for where, both in (("in-language", mean[same]), ("across", mean[~same])):
            if len(both):
                yield str(task), where, _difference(both, level)


def compare_trainings(
    scores: pd.DataFrame, a: str = "joint", b: str = "sequential", level: float = 0.95
) -> pd.DataFrame:
    """How much better one way of using target examples is than another, by their number.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, shots, seed, model, training, score.
    a, b : str
        Two of `crosslingual.records.TRAININGS` that have a source.
    level : float
        Of the interval of the difference.

    Returns
    -------
    DataFrame
        Columns task, model, shots, pairs, draws (that both have; only these count), a, b,
        difference (means over pairs of two languages), low, high (see `over_pairs`), wins (share
        of pairs where ``a`` is better).

    Raises
    ------
    DataError
        If no number of examples was used both ways, or a cell was measured with one seed in several
        ways (``settings``).
    """
    import pandas as pd

    need_columns(scores, "task", *PAIR, "shots", "seed", "model", "training", "score")
    refuse_several_recipes(scores)
    rows = []
    across = scores[(scores["source"] != scores["target"]) & scores["training"].isin([a, b])]
    for (task, model, shots), part in across.groupby(["task", "model", "shots"], sort=True):
        cells = part.pivot_table(index=[*PAIR, "seed"], columns="training", values="score")
        if a not in cells or b not in cells:
            continue
        cells = cells[[a, b]].dropna()
        draws = cells.index.get_level_values("seed").nunique()
        told = _difference(cells.groupby(PAIR).mean(), level)
        rows.append({"task": task, "model": model, "shots": shots, "draws": draws, **told})
    if not rows:
        raise DataError(
            f"no number of target examples was used both ways, {a!r} and {b!r}; there are "
            f"{', '.join(map(repr, sorted(scores['training'].unique())))}."
        )
    return pd.DataFrame(rows)
