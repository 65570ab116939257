"""The node bootstrap: languages are drawn again, not pairs.

For everything that has no formula. A language drawn twice brings its pairs twice, a pair of
languages drawn a and b times a * b times; pairs of a language with its own copy would be
in-language pairs and are not made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import check_count, check_level, generator
from .errors import CrosslingualError, DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["intervals", "node_bootstrap", "node_draws", "over_draws"]

LEAST_USABLE = 0.8


def node_draws(
    source: NDArray[np.str_], target: NDArray[np.str_], draws: int, seed: int = 0
) -> NDArray[np.intp]:
    """How often each pair is there in each draw of languages.

    Parameters
    ----------
    source, target : array of str, shape (pairs,)
        Languages; one that is both source and target is drawn once for both roles.
    draws : int
        Number of draws.
    seed : int
        Of the generator.

    Returns
    -------
    array of int, shape (draws, pairs)

    Raises
    ------
    DataError
        If there are fewer than four languages, or no draws.
    """
    check_count("draws", draws)
    random = generator(seed)
    names, codes = np.unique(np.concatenate([source, target]), return_inverse=True)
    if len(names) < 4:
        raise DataError(f"drawing languages needs at least four of them, not {len(names)}.")
    n = len(source)
    counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    same = codes[:n] == codes[n:]
    result: NDArray[np.intp] = np.where(
        same, counts[:, codes[:n]], counts[:, codes[:n]] * counts[:, codes[n:]]
    )
    return result


def over_draws(
    source: NDArray[np.str_],
    target: NDArray[np.str_],
    statistic: Callable[[NDArray[np.intp]], Any],
    draws: int,
    seed: int = 0,
) -> list[Any]:
    """What a statistic is in each usable draw of languages.

    Parameters
    ----------
    source, target, draws, seed
        As `node_draws`.
    statistic : callable
        From how often each pair is there; a draw for which it raises a named error is
        left out.

    Raises
    ------
    DataError
        If a fifth of the draws cannot be used.
    """
    found = []
    for counts in node_draws(source, target, draws, seed):
        try:
            found.append(statistic(counts))
        except (CrosslingualError, np.linalg.LinAlgError):
            continue
    if len(found) < LEAST_USABLE * draws:
        raise DataError(
            f"only {len(found)} of {draws} draws of languages can be used: too few languages for "
            "this statistic. Measure more, or use fewer features."
        )
    return found


def node_bootstrap(
    table: pd.DataFrame,
    statistic: Callable[[pd.DataFrame], Mapping[str, float]],
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Distribution of statistics when languages are drawn with replacement.

    Parameters
    ----------
    table : DataFrame
        Columns source and target, and what the statistic needs.
    statistic : callable
        A table with repeated rows in, named numbers out. A draw for which it raises a
        named error (too few distinct languages, a constant feature) is left out.
    draws : int
        Number of draws.
    seed : int
        Of the generator.

    Returns
    -------
    DataFrame
        One row a usable draw, one column a statistic.

    Raises
    ------
    DataError
        If there are under four languages, or a fifth of the draws cannot be used.

    References
    ----------
    Snijders and Borgatti 1999, Non-parametric standard errors and tests for network
    statistics, Connections 22.
    """
    import pandas as pd

    table = table.reset_index(drop=True)
    rows = np.arange(len(table))
    source, target = (table[side].to_numpy(dtype=str) for side in ("source", "target"))
    return pd.DataFrame(
        over_draws(
            source,
            target,
            lambda counts: dict(statistic(table.iloc[np.repeat(rows, counts)])),
            draws,
            seed,
        )
    )


def intervals(drawn: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Percentile intervals of bootstrap draws.

    Parameters
    ----------
    drawn : DataFrame
        One row a draw, one column a statistic; NaN where a draw could not be used.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Index statistic; columns low, high, std_error, draws.

    Raises
    ------
    DataError
        If the level is not between 0 and 1.
    """
    import pandas as pd

    check_level(level)
    tail = (1 - level) / 2
    return pd.DataFrame(
        {
            "low": drawn.quantile(tail),
            "high": drawn.quantile(1 - tail),
            "std_error": drawn.std(),
            "draws": len(drawn),
        }
    )
