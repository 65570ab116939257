"""A permutation test for regressions on pairs of languages (MRQAP).

Under the null a feature's matrix has nothing to do with the scores' but for what the other
features say; then renaming the languages in it changes nothing. So languages are permuted,
not pairs, and whatever dependence pairs have by sharing a language is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError
from .relabelling import Problem, relabelled

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["mrqap", "mrqap_block"]

_CHUNK = 250  # permutations worked on together
_MOST_BASE = 20  # base columns up to which rows that go missing are taken out exactly


def _gains(p: Problem, blocks: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
    """Increase of the explained sum of squares, over the residual one, of each block.

    Entry 0 is the block as observed; then one a permutation. For one feature it is t squared
    over the degrees of freedom, as signs do not matter in a two-sided test.
    """
    from scipy.sparse import csr_array

    fixed_parts = []
    for block in blocks:
        others = np.column_stack([p.base, np.delete(p.x, list(block), axis=1)])
        basis = np.linalg.qr(others)[0]
        part = p.x[:, list(block)]
        residual = part - basis @ (basis.T @ part)
        cells = np.zeros((*p.shape, len(block)))
        cells[p.layer, p.row, p.column] = residual
        flat = np.ascontiguousarray(cells.reshape(-1, len(block)).T).T
        own = p.y - basis @ (basis.T @ p.y)
        fixed_parts.append((basis, residual, flat, own))
    results = [[np.array([_observed(residual, own)])] for _, residual, _, own in fixed_parts]
    size = p.shape[1] * p.shape[2]
    empty = np.ones(p.shape, dtype=bool)
    empty[p.layer, p.row, p.column] = False
    for start in range(0, len(p.by_row), _CHUNK):
        r, c = p.by_row[start : start + _CHUNK], p.by_column[start : start + _CHUNK]
        place = (p.layer * size)[None] + r[:, p.row] * p.shape[2] + c[:, p.column]
        gone = None
        if p.base.shape[1] <= _MOST_BASE and empty.any():
            gone = csr_array(empty.ravel()[place].astype(float))  # few are
        for result, (basis, _, flat, own) in zip(results, fixed_parts, strict=True):
            drawn = [column.take(place) for column in flat.T]  # each (draws, rows)
            result.append(_ratio(drawn, own, basis, gone))
    return [np.concatenate(parts) for parts in results]


def _observed(residual: NDArray[np.float64], own: NDArray[np.float64]) -> float:
    cross = residual.T @ own
    explained = float(cross @ np.linalg.solve(residual.T @ residual, cross))
    return explained / max(float(own @ own) - explained, 1e-300)


def _ratio(
    drawn: list[NDArray[np.float64]],
    own: NDArray[np.float64],
    basis: NDArray[np.float64],
    gone: csr_array | None,
) -> NDArray[np.float64]:
    """Explained over residual sum of squares of each drawn block beside the basis.

    Rows that are ``gone`` (zero in ``drawn``) are taken out of all sums of products.
    """
    k, q = basis.shape[1], len(drawn)
    with_basis = np.stack([part @ basis for part in drawn], axis=2)  # (draws, k, q)
    with_own = np.stack([part @ own for part in drawn], axis=1)  # (draws, q)
    squares = np.empty((len(drawn[0]), q, q))
    for a in range(q):
        for b in range(a + 1):
            squares[:, a, b] = squares[:, b, a] = np.einsum("dn,dn->d", drawn[a], drawn[b])
    total = np.full(len(drawn[0]), own @ own)
    if gone is None or not gone.nnz:
        squares = squares - np.einsum("dka,dkb->dab", with_basis, with_basis)
    else:
        products = np.einsum("na,nb->nab", basis, basis).reshape(len(basis), -1)
        inner = np.eye(k) - (gone @ products).reshape(-1, k, k)
        basis_own = -(gone @ (basis * own[:, None]))  # basis' own is zero over all rows
        total = total - gone @ own**2
        both = np.concatenate([with_basis, basis_own[:, :, None]], axis=2)
        solved = np.linalg.solve(inner, both)
        taken = np.einsum("dka,dkb->dab", both, solved)
        squares = squares - taken[:, :q, :q]
        with_own = with_own - taken[:, :q, q]
        total = total - taken[:, q, q]
    if q == 1:
        explained = with_own[:, 0] ** 2 / squares[:, 0, 0]
    else:
        solution = np.linalg.solve(squares, with_own[:, :, None])[:, :, 0]
        explained = (solution * with_own).sum(1)
    ratio: NDArray[np.float64] = explained / np.maximum(total - explained, 1e-300)
    return ratio


def _p(gains: NDArray[np.float64], exact: bool) -> float:
    beyond = int((gains[1:] >= gains[0] * (1 - 1e-9)).sum())
    count = len(gains) - 1
    return beyond / count if exact else (1 + beyond) / (1 + count)


def mrqap(
    features: pd.DataFrame,
    response: Sequence[float],
    source: Sequence[str],
    target: Sequence[str],
    draws: int = 10_000,
    seed: int = 0,
    square: bool | None = None,
    fixed: NDArray[np.float64] | None = None,
    layer: Sequence[object] | None = None,
) -> pd.DataFrame:
    """Test each feature by double semi-partialling with a pivotal statistic.

    Parameters
    ----------
    features : DataFrame
        One column a feature of the pair, one row an observation.
    response : sequence of float
        Scores.
    source, target : sequence of str
        Languages of each observation.
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
    layer : sequence, optional
        The task of each observation: tasks are permuted alike, each within itself.

    Returns
    -------
    DataFrame
        Columns term, estimate, t, p (two-sided), permutations, exact.

    Raises
    ------
    DataError
        If there are fewer than four languages, values are missing, the design is rank
        deficient, or a pair is there twice.

    Notes
    -----
    A feature's residuals on the other features are permuted, and t of the permuted residuals
    beside the other features is compared with t of the feature. Where pairs are missing, a
    permuted residual can be missing for an observation, which is then left out of that
    permutation; with fixed effects of languages it counts as zero, its mean, instead.

    References
    ----------
    Dekker, Krackhardt and Snijders 2007, Sensitivity of MRQAP tests to collinearity and
    autocorrelation conditions, Psychometrika 72.
    """
    import pandas as pd

    p = relabelled(features, response, source, target, draws, seed, square, fixed, layer)
    gains = _gains(p, [[k] for k in range(len(p.names))])
    df = len(p.y) - p.base.shape[1] - len(p.names)
    estimate = np.linalg.lstsq(np.column_stack([p.base, p.x]), p.y, rcond=None)[0]
    results = []
    for k, term in enumerate(p.names):
        slope = float(estimate[p.base.shape[1] + k])
        results.append(
            {
                "term": term,
                "estimate": slope,
                "t": float(np.sign(slope) * np.sqrt(gains[k][0] * df)),
                "p": _p(gains[k], p.exact),
                "permutations": len(p.by_row),
                "exact": p.exact,
            }
        )
    return pd.DataFrame(results)


def mrqap_block(
    features: pd.DataFrame,
    tested: Sequence[str],
    response: Sequence[float],
    source: Sequence[str],
    target: Sequence[str],
    draws: int = 10_000,
    seed: int = 0,
    square: bool | None = None,
    fixed: NDArray[np.float64] | None = None,
    layer: Sequence[object] | None = None,
) -> dict[str, float]:
    """Test whether several features together say more than the others beside them.

    Parameters
    ----------
    features, response, source, target, draws, seed, square, fixed, layer
        As `mrqap`.
    tested : sequence of str
        Features of the block; all are permuted with one renaming of the languages.

    Returns
    -------
    dict
        ``partial_r2`` (of what the others leave, the part that the block explains),
        ``by_chance`` (its mean over permutations: what any such block would get), ``p``,
        ``permutations``.

    Raises
    ------
    DataError
        As `mrqap`; or if the block is empty or holds unknown features.
    """
    p = relabelled(features, response, source, target, draws, seed, square, fixed, layer)
    unknown = [t for t in tested if t not in p.names]
    if unknown or not tested:
        raise DataError(f"no features {unknown or '(none)'}. Allowed: {', '.join(p.names)}.")
    (gains,) = _gains(p, [[p.names.index(t) for t in tested]])
    partial = gains / (1 + gains)
    return {
        "partial_r2": float(partial[0]),
        "by_chance": float(partial[1:].mean()),
        "p": _p(gains, p.exact),
        "permutations": len(p.by_row),
    }
