"""What is better: models, or ways of using target examples, with and without a source.

A mean over pairs is a mean over languages that stand in many pairs: its interval leaves out one
language at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .bootstrap import check_level
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
    "source_worth",
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


def source_worth(scores: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """What a source is worth beside so many target examples.

    Parameters
    ----------
    scores : DataFrame
        Of a few-shot study: zero-shot scores, ``sequential`` or ``joint`` ones, and those of
        the ``target`` alone (`crosslingual.records.TRAININGS`). Draws are averaged first.
    level : float
        Of the interval of worth.

    Returns
    -------
    DataFrame
        Columns task, model, training (how the source was used), shots, pairs, score (mean over
        pairs of two languages), alone (mean over the same pairs of the target's score without a
        source), worth (score - alone), low, high (its interval, see `over_pairs`), equal_to (target
        examples that alone score as much, by linear interpolation of the means in log(1 + n)),
        harmed (share of pairs below their own zero-shot score), draw (standard deviation of a
        pair's score across draws, the root of the mean variance). NaN where there is nothing to
        compare with: no control, a mean below the control's with the fewest examples or above all
        of its, no zero-shot score, one draw.

    Raises
    ------
    DataError
        If there is no score with a source and target examples, or a cell was measured with one seed
        in several ways (``settings``).

    Notes
    -----
    A control that is given fewer updates than it can use makes the source look better than it is
    (``few_updates``, `crosslingual.train_settings.TrainSettings`; measured in *A little of the
    target*).

    Examples
    --------
    >>> import pandas as pd
    >>> common = {"task": "t", "model": "m", "target": "rus", "seed": 0}
    >>> table = pd.DataFrame([
    ...     {"source": "deu", "training": "source", "shots": 0, "score": 0.3, **common},
    ...     {"source": "deu", "training": "sequential", "shots": 1, "score": 0.5, **common},
    ...     {"source": "rus", "training": "target", "shots": 1, "score": 0.2, **common},
    ...     {"source": "rus", "training": "target", "shots": 3, "score": 0.5, **common},
    ... ])
    >>> source_worth(table)[["shots", "worth", "equal_to", "harmed"]].round(6).values.tolist()
    [[1.0, 0.3, 3.0, 0.0]]
    """
    import pandas as pd

    keys, pair = ["task", "model"], PAIR
    need_columns(scores, *keys, *pair, "shots", "training", "score")
    refuse_several_recipes(scores)
    helped = scores["training"].isin(["sequential", "joint"]) & (
        scores["source"] != scores["target"]
    )
    if not helped.any():
        raise DataError(
            "no score is of a source with target examples; there are "
            f"{', '.join(sorted(scores['training'].unique()))}. Run a study with shots above 0 and "
            "trainings sequential or joint, such as configs/few_shot.yaml."
        )
    by = scores[helped].groupby([*keys, "training", "shots", *pair])["score"]
    cells = by.agg(["mean", "var"]).reset_index()
    zero = scores[scores["training"] == "source"].groupby([*keys, *pair])["score"].mean()
    alone = scores[scores["training"] == "target"]
    control = alone.groupby([*keys, "shots", "target"])["score"].mean()
    curves = {key: each.groupby("shots").mean() for key, each in control.groupby(keys)}
    zero.name, control.name = "zero", "alone"
    cells = cells.join(zero, on=[*keys, *pair]).join(control, on=[*keys, "shots", "target"])
    rows = []
    for (task, model, training, shots), part in cells.groupby([*keys, "training", "shots"]):
        both = part.dropna(subset="alone")
        row: dict[str, Any] = dict(task=task, model=model, training=training, shots=shots)
        row |= {"pairs": len(part), "score": part["mean"].mean(), "alone": both["alone"].mean()}
        both = both.set_index(PAIR)
        told = over_pairs(both["mean"] - both["alone"], level)
        row |= dict(zip(("worth", "low", "high"), told, strict=True))
        curve = curves.get((task, model))
        row["equal_to"] = np.nan if curve is None else _equal_to(curve, row["score"])
        known = part.dropna(subset="zero")
        row["harmed"] = (known["mean"] < known["zero"]).mean() if len(known) else np.nan
        row["draw"] = np.sqrt(part["var"].mean())
        rows.append(row)
    return pd.DataFrame(rows)


def _equal_to(curve: pd.Series, score: float) -> float:
    """Examples at which a curve reaches a score first, between two of its points.

    NaN for a score below its first point, which fewer examples would reach, even where the curve
    falls below that score later: draws of few examples need not rise.
    """
    places, values = np.log1p(curve.index.to_numpy(float)), curve.to_numpy(float)
    if len(values) and score < values[0]:
        return float("nan")
    for at in range(len(values) - 1):
        low, high = values[at], values[at + 1]
        if low <= score <= high:
            part = (score - low) / (high - low) if high > low else 0.0
            return float(np.expm1(places[at] + part * (places[at + 1] - places[at])))
    return float("nan")
