"""How much of the explained variance belongs to which feature.

The Lindeman-Merenda-Gold decomposition of R2: what a feature adds, averaged over all orders
in which features can enter. It is the Shapley value of R2; with groups of features, the
Owen value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["relative_importance", "subset_r2"]

MOST = 14  # features: 2**14 subsets of a Gram matrix take about a second


def subset_r2(
    features: NDArray[np.float64],
    response: NDArray[np.float64],
    fixed: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """R2 of the regressions on all subsets of features.

    Parameters
    ----------
    features : array, shape (observations, k)
        One column a feature, k at most `MOST`.
    response : array, shape (observations,)
        What is explained.
    fixed : array, shape (observations, m), optional
        Columns that are in every regression (fixed effects); the intercept is in any case.
        R2 is of what they leave.

    Returns
    -------
    array, shape (2**k,)
        Entry b is R2 of the features whose bits are set in b; entry 0 is 0.

    Raises
    ------
    DataError
        If there are too many features, or they are collinear, constant, or the response is
        constant.
    """
    x = np.asarray(features, dtype=float)
    y = np.asarray(response, dtype=float)
    n, k = x.shape
    if not 1 <= k <= MOST:
        raise DataError(f"importance takes 1 to {MOST} features, not {k}.")
    base = np.ones((n, 1)) if fixed is None else np.column_stack([np.ones(n), fixed])
    left, values, _ = np.linalg.svd(base, full_matrices=False)
    left = left[:, values > 1e-10 * values[0]]
    x = x - left @ (left.T @ x)
    y = y - left @ (left.T @ y)
    scale = np.sqrt((x**2).sum(0))
    total = float(y @ y)
    if total <= 1e-20 * n or (scale <= 1e-10 * np.sqrt(n)).any():
        raise DataError(
            "a feature or the response does not vary (beyond the fixed effects): "
            f"standard deviations {np.round(scale / np.sqrt(n), 6).tolist()}. Leave it out."
        )
    x = x / scale
    gram, cross = x.T @ x, x.T @ y
    if n <= k + left.shape[1] or np.linalg.cond(gram) > 1e10:
        raise DataError("the features are collinear in this sample: leave one of them out.")
    result = np.zeros(1 << k)
    for bits in range(1, 1 << k):
        chosen = [j for j in range(k) if bits >> j & 1]
        solution = np.linalg.solve(gram[np.ix_(chosen, chosen)], cross[chosen])
        result[bits] = solution @ cross[chosen] / total
    return result


def _shapley(value: Mapping[int, float], players: Sequence[int]) -> dict[int, float]:
    """Shapley values of players given as bit masks; ``value`` maps unions of them."""
    k = len(players)
    shares = dict.fromkeys(players, 0.0)
    for code in range(1 << k):
        inside = [p for i, p in enumerate(players) if code >> i & 1]
        union = sum(inside)
        weight = factorial(len(inside)) * factorial(k - len(inside) - 1) if len(inside) < k else 0
        for player in players:
            if not union & player:
                shares[player] += weight * (value[union | player] - value[union])
    return {player: share / factorial(k) for player, share in shares.items()}


def relative_importance(
    features: pd.DataFrame,
    response: Sequence[float],
    groups: Mapping[str, Sequence[str]] | None = None,
    fixed: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Decompose R2 over features, or over groups of them.

    Parameters
    ----------
    features : DataFrame
        One column a feature.
    response : sequence of float
        What is explained.
    groups : mapping, optional
        Group -> names of features; every feature in one group. Groups enter as wholes.
    fixed : array, optional
        Columns that are in every regression, see `subset_r2`.

    Returns
    -------
    DataFrame
        Columns term, importance (share of the variance; sums to R2), share (of R2), first
        (R2 alone), last (what it adds to all others).

    Raises
    ------
    DataError
        As `subset_r2`; or if groups miss a feature or share one.

    References
    ----------
    Lindeman, Merenda and Gold 1980; Groemping 2007, The American Statistician 61.
    """
    import pandas as pd

    names = list(features.columns)
    r2 = subset_r2(features.to_numpy(float), np.asarray(response, float), fixed)
    parts = {name: [name] for name in names} if groups is None else dict(groups)
    if sorted(n for part in parts.values() for n in part) != sorted(names):
        raise DataError(
            f"every feature must be in one group: features {names}, groups {dict(parts)}."
        )
    masks = {term: sum(1 << names.index(n) for n in part) for term, part in parts.items()}
    value = dict(enumerate(r2.tolist()))
    shares = _shapley(value, list(masks.values()))
    full = (1 << len(names)) - 1
    rows = [
        {
            "term": term,
            "importance": shares[mask],
            "share": shares[mask] / r2[full],
            "first": r2[mask],
            "last": r2[full] - r2[full & ~mask],
        }
        for term, mask in masks.items()
    ]
    return pd.DataFrame(rows)
