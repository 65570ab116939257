"""How sure a ranking of sources is: intervals, chances of being best, expected regret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arguments import generator
from .conformal import quantile_over_targets
from .responses import as_fractions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["chances", "interval_reach", "normal_reach"]

DRAWS = 4000


def noise_of_scores(
    scores: pd.DataFrame, target: str, sources: pd.Series, measured: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard error of known scores: of the test set's size, and of the seeds.

    Parameters
    ----------
    scores : DataFrame
        Of one task; its column se, or else n_test, where it has one, tells of the size of the
        test sets, which all seeds share.
    target : str
        ISO 639-3.
    sources : Series
        In whose order the answer is.
    measured : array
        Means over seeds, fractions; NaN where there is no score.

    Returns
    -------
    array
        Root of the test set's share plus the variance across seeds, the mean over sources,
        divided by the number of seeds, where there are several; NaN where m is. The test set's
        share is the square of se (the mean over seeds), or m (1 - m) / n where only n is told:
        an accuracy's, too small for an F1 that counts fewer things than there are examples.
    """
    mine = as_fractions(scores[scores["target"] == target])[0]
    if "shots" in mine:
        mine = mine[mine["shots"] == 0]

    def told(values: pd.Series) -> NDArray[np.float64]:
        return values.groupby(mine["source"]).mean().reindex(sources).to_numpy(dtype=float)

    tested = np.zeros(len(measured))
    if "n_test" in mine:
        tested = measured * (1 - measured) / np.nan_to_num(told(mine["n_test"]), nan=np.inf)
    if "se" in mine:
        squared = told(mine["se"] ** 2)
        tested = np.where(np.isnan(squared), tested, squared)
    seeds = mine.groupby("source")["score"].agg(["var", "count"])
    trained = float(np.nan_to_num(seeds["var"].mean()))
    count = seeds["count"].reindex(sources).to_numpy(dtype=float)
    return np.asarray(np.sqrt(tested + trained / count))


def normal_reach(level: float) -> float:
    """Standard errors on either side that hold ``level`` of a normal distribution."""
    from scipy.stats import norm

    return float(norm.ppf((1 + level) / 2))


def interval_reach(errors: pd.DataFrame, level: float) -> float:
    """Half the width of an interval: every held-out target counts the same.

    Parameters
    ----------
    errors : DataFrame
        Of held-out targets: target, score, predicted.
    level : float
        Nominal coverage.
    """
    size = (errors["score"] - errors["predicted"]).abs()
    return quantile_over_targets(size, errors["target"], level)


def chances(
    errors: pd.DataFrame,
    sources: NDArray[np.str_],
    best: NDArray[np.float64],
    noise: NDArray[np.float64],
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    """Chance of being best, and expected regret of the one on top.

    Errors within a held-out target (its level does not matter for the choice) are put on the
    sources; a source without one there gets another's. Known scores (whose ``noise`` is no NaN)
    get that instead.

    Parameters
    ----------
    errors : DataFrame
        Of held-out targets: target, source, score, predicted.
    sources : array of str
        Those compared.
    best : array, shape (sources,)
        What is expected of each: its score where it is known, else its prediction.
    noise : array, shape (sources,)
        Standard error of a known score, NaN where none is known.
    seed : int
        Of the draws.
    """
    random = generator(seed)
    gap = errors["score"] - errors["predicted"]
    within = gap - gap.groupby(errors["target"]).transform("mean")
    wide = within.groupby([errors["target"], errors["source"]]).mean().unstack()
    wide = wide.reindex(columns=sources)
    wide = wide[wide.notna().sum(axis=1) >= min(2, len(sources))]
    pool = within.to_numpy(dtype=float)
    table = wide.to_numpy(dtype=float)
    if not len(table):
        table = np.full((1, len(sources)), np.nan)
    drawn = table[random.integers(len(table), size=DRAWS)]
    drawn = np.where(np.isnan(drawn), random.choice(pool, size=drawn.shape), drawn)
    tested = random.standard_normal(drawn.shape) * np.nan_to_num(noise)
    world = best + np.where(np.isnan(noise), drawn, tested)
    top = world.max(axis=1, keepdims=True)
    wins = world == top
    chance = (wins / wins.sum(axis=1, keepdims=True)).mean(axis=0)
    regret = float((top[:, 0] - world[:, int(np.argmax(best))]).mean())
    return chance, regret
