"""A permutation test for regressions on pairs of languages (MRQAP).

Under the null a feature's matrix has nothing to do with the scores' but for what the other
features say; then renaming the languages in it changes nothing. So languages are permuted,
not pairs, and whatever dependence pairs have by sharing a language is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["mrqap"]

_CHUNK = 500  # permutations worked on together


def _orders(count: int, draws: int, random: np.random.Generator, exact: bool) -> NDArray[np.intp]:
    """Permutations of ``count`` languages, shape (draws, count); all of them if exact."""
    if exact:
        return np.array(list(permutations(range(count))), dtype=np.intp)
    return np.argsort(random.random((draws, count)), axis=1)


def _t(
    tested: NDArray[np.float64],
    response: NDArray[np.float64],
    basis: NDArray[np.float64],
    present: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """T of each column of ``tested`` in a regression of the response on it and ``basis``.

    ``basis`` is orthonormal and already taken out of ``response``. Where values are not
    ``present`` the row is left out of that column's regression.
    """
    n, k = basis.shape
    if present is None:
        left = tested - basis @ (basis.T @ tested)
        square = (left**2).sum(0)
        cross = left.T @ response
        total = float(response @ response)
        df = n - k - 1
        residual = np.maximum(total - cross**2 / square, 1e-300)
        return cross / np.sqrt(square * residual / df)
    values = np.empty(tested.shape[1])
    for j in range(tested.shape[1]):
        rows = present[:, j]
        part = np.linalg.qr(basis[rows])[0]
        y = response[rows] - part @ (part.T @ response[rows])
        column = tested[rows, j]
        values[j] = _t(column[:, None], y, part)[0]
    return values


def mrqap(
    features: pd.DataFrame,
    response: Sequence[float],
    source: Sequence[str],
    target: Sequence[str],
    draws: int = 10_000,
    seed: int = 0,
    square: bool | None = None,
    fixed: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Test each feature by double semi-partialling with a pivotal statistic.

    Parameters
    ----------
    features : DataFrame
        One column a feature of the pair, one row an observation; the same for every
        observation of an ordered pair.
    response : sequence of float
        Scores.
    source, target : sequence of str
        Languages of each observation. Observations of several tasks are permuted alike.
    draws : int
        Number of random permutations; where there are no more than so many in all, each is
        taken once and the test is exact.
    seed : int
        For the permutations.
    square : bool, optional
        Permute sources and targets together (one set of languages), or apart. By default
        together if the two sets are equal.
    fixed : array, optional
        Columns that are in every regression (task intercepts, fixed effects).

    Returns
    -------
    DataFrame
        Columns term, estimate, t, p (two-sided), permutations, exact.

    Raises
    ------
    DataError
        If there are fewer than four languages, values are missing, the design is rank
        deficient, or a feature differs within an ordered pair.

    Notes
    -----
    A feature's residuals on the other features are permuted, and t of the permuted residuals
    beside the other features is compared with t of the feature. Where pairs are missing, a
    permuted residual can be missing for an observation, which is then left out of that
    permutation.

    References
    ----------
    Dekker, Krackhardt and Snijders 2007, Sensitivity of MRQAP tests to collinearity and
    autocorrelation conditions, Psychometrika 72.
    """
    import pandas as pd

    x = features.to_numpy(dtype=float)
    y = np.asarray(response, dtype=float)
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise DataError("features and response must be finite: drop incomplete pairs first.")
    rows, columns = np.asarray(source, dtype=str), np.asarray(target, dtype=str)
    if square is None:
        square = set(rows.tolist()) == set(columns.tolist())
    row_names = np.unique([*rows, *columns]) if square else np.unique(rows)
    column_names = row_names if square else np.unique(columns)
    if min(len(row_names), len(column_names)) < 4:
        raise DataError(
            f"{len(row_names)} sources and {len(column_names)} targets: a permutation test needs "
            "at least four of each."
        )
    i, j = np.searchsorted(row_names, rows), np.searchsorted(column_names, columns)
    base = np.ones((len(y), 1)) if fixed is None else np.column_stack([np.ones(len(y)), fixed])
    left, values, _ = np.linalg.svd(base, full_matrices=False)
    base = left[:, values > 1e-10 * values[0]]
    if np.linalg.matrix_rank(np.column_stack([base, x])) < base.shape[1] + x.shape[1]:
        raise DataError("the features are collinear in this sample: leave one of them out.")
    possible = factorial(len(row_names)) * (1 if square else factorial(len(column_names)))
    exact = square and possible <= draws
    random = np.random.default_rng(seed)
    by_row = _orders(len(row_names), draws, random, exact)
    by_column = by_row if square else _orders(len(column_names), draws, random, False)

    results = []
    for k, term in enumerate(features.columns):
        others = np.column_stack([base, np.delete(x, k, axis=1)])
        basis = np.linalg.qr(others)[0]
        residual = x[:, k] - basis @ (basis.T @ x[:, k])
        cells = np.full((len(row_names), len(column_names)), np.nan)
        cells[i, j] = residual
        if fixed is None and not np.allclose(cells[i, j], residual, atol=1e-8):
            raise DataError(f"the feature {term!r} differs between observations of one pair.")
        own = y - basis @ (basis.T @ y)
        observed = float(_t(x[:, [k]], own, basis)[0])
        beyond = 0
        for start in range(0, len(by_row), _CHUNK):
            r, c = by_row[start : start + _CHUNK], by_column[start : start + _CHUNK]
            drawn = cells[r[:, i], c[:, j]].T
            present = ~np.isnan(drawn)
            t = _t(drawn, own, basis, None if present.all() else present)
            beyond += int((np.abs(t) >= abs(observed) * (1 - 1e-10)).sum())
        p = beyond / len(by_row) if exact else (1 + beyond) / (1 + len(by_row))
        results.append(
            {
                "term": term,
                "estimate": float(residual @ y / (residual @ residual)),
                "t": observed,
                "p": p,
                "permutations": len(by_row),
                "exact": exact,
            }
        )
    return pd.DataFrame(results)
