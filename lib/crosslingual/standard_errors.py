"""Variance of regression coefficients when observations are pairs of languages.

Ninety pairs are ten languages: the errors of de->fi and en->fi go together, and so do those
of de->fi and fi->ru. An estimator is named by a word, as in pyfixest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Covariance", "covariance"]

KINDS = ("classical", "HC3", "source", "target", "both", "dyadic", "jackknife")
"""Which pairs may have errors that go together: none (classical, HC3), those with one source,
one target, either of the two in the same role (both), or any language in any role (dyadic, and
jackknife, which leaves out one language at a time and is the one that is right for few)."""


@dataclass(frozen=True)
class Covariance:
    """An estimated covariance of coefficients.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    matrix : array, shape (coefficients, coefficients)
        Positive semidefinite; the diagonal is infinite where one language alone (``jackknife``)
        or one observation (``HC3``) determines a coefficient.
    df : int
        Degrees of freedom for t: observations minus coefficients, or clusters (languages)
        minus one.
    note : str
        What was done where the estimate was not positive semidefinite, or which language or
        pair alone determines a coefficient; else empty.
    """

    kind: str
    matrix: NDArray[np.float64]
    df: int
    note: str = ""

    @property
    def std_errors(self) -> NDArray[np.float64]:
        """Square roots of the diagonal."""
        return np.sqrt(np.diag(self.matrix))


def _codes(labels: Sequence[object]) -> NDArray[np.intp]:
    return np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]


def _sums(scores: NDArray[np.float64], codes: NDArray[np.intp], groups: int) -> NDArray[np.float64]:
    """Sums of rows by group, shape (groups, coefficients)."""
    sums = np.zeros((groups, scores.shape[1]))
    np.add.at(sums, codes, scores)
    return sums


def _outer(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    product: NDArray[np.float64] = rows.T @ rows
    return product


def _dyadic_meat(
    scores: NDArray[np.float64], source: Sequence[object], target: Sequence[object]
) -> tuple[NDArray[np.float64], int]:
    """Sum of score products over all pairs of observations that share a language.

    The sum over languages of (sum of what touches the language) squared counts two
    observations once for each language that they share: those of one unordered dyad twice,
    so these are taken off once.
    """
    both = _codes([*source, *target])
    n = len(scores)
    first, second = both[:n], both[n:]
    languages = int(both.max()) + 1
    touching = _sums(scores, first, languages)
    proper = first != second  # an in-language observation touches its language once
    touching += _sums(scores[proper], second[proper], languages)
    low, high = np.minimum(first, second)[proper], np.maximum(first, second)[proper]
    dyads = np.unique(low * languages + high, return_inverse=True)[1]
    twice = _sums(scores[proper], dyads, int(dyads.max(initial=-1)) + 1)
    return _outer(touching) - _outer(twice), languages


def covariance(
    design: NDArray[np.float64],
    residuals: NDArray[np.float64],
    source: Sequence[object],
    target: Sequence[object],
    kind: str = "dyadic",
    correct: bool = True,
) -> Covariance:
    """Covariance of least-squares coefficients.

    Parameters
    ----------
    design : array, shape (observations, coefficients)
        Of full column rank.
    residuals : array, shape (observations,)
        Of the fit.
    source, target : sequence, length observations
        The two languages of each observation. i->j, j->i and other tasks of the same two are
        one unordered dyad.
    kind : str
        One of `KINDS`.
    correct : bool
        Apply the small-sample factor G / (G - 1) * (n - 1) / (n - k) of clustered
        estimators, with G the number of clusters (languages, for ``dyadic``).

    Returns
    -------
    Covariance

    Raises
    ------
    UnknownNameError
        If the kind is another.
    DataError
        If the design is rank deficient, has too few rows, or there are fewer than three
        languages (two clusters).

    References
    ----------
    Aronow, Samii and Assenova 2015, Cluster-robust variance estimation for dyadic data,
    Political Analysis 23. Cameron and Miller 2014, Robust inference for dyadic data.
    Cameron, Gelbach and Miller 2011, for two-way clusters and negative eigenvalues.
    Snijders and Borgatti 1999, for leaving out nodes; with the factor (N - 1) / N, which is
    right where languages make the dependence and cautious where there is none.
    """
    if kind not in KINDS:
        raise UnknownNameError(kind, KINDS)
    x = np.asarray(design, dtype=float)
    e = np.asarray(residuals, dtype=float)
    n, k = x.shape
    if n <= k or np.linalg.matrix_rank(x) < k:
        raise DataError(
            f"{n} observations and {k} coefficients, rank {np.linalg.matrix_rank(x)}: the "
            "coefficients are not determined. Drop a feature or measure more pairs."
        )
    bread = np.linalg.inv(x.T @ x)
    if kind == "jackknife":
        return _jackknife(x, e, source, target)
    if kind == "classical":
        return Covariance(kind, bread * (e @ e) / (n - k), n - k)
    if kind == "HC3":
        return _hc3(x, e, bread, source, target)
    scores = x * e[:, None]

    def cluster(codes: NDArray[np.intp]) -> tuple[NDArray[np.float64], int]:
        groups = int(codes.max()) + 1
        if groups < 2:
            raise DataError(f"clustering by {kind} needs at least two clusters, not {groups}.")
        factor = groups / (groups - 1) * (n - 1) / (n - k) if correct else 1.0
        return factor * _outer(_sums(scores, codes, groups)), groups

    by_source, by_target = _codes(source), _codes(target)
    if kind == "dyadic":
        meat, groups = _dyadic_meat(scores, source, target)
        if groups < 3:
            raise DataError(f"dyadic errors need at least three languages, not {groups}.")
        if correct:
            meat *= groups / (groups - 1) * (n - 1) / (n - k)
    elif kind == "both":
        (one, g), (two, h) = cluster(by_source), cluster(by_target)
        pairs = np.unique(by_source * (by_target.max() + 1) + by_target, return_inverse=True)[1]
        meat, groups = one + two - cluster(pairs)[0], min(g, h)
    else:
        meat, groups = cluster(by_source if kind == "source" else by_target)
    matrix, note = _semidefinite(bread @ meat @ bread)
    return Covariance(kind, matrix, groups - 1, note)


def _hc3(
    x: NDArray[np.float64],
    e: NDArray[np.float64],
    bread: NDArray[np.float64],
    source: Sequence[object],
    target: Sequence[object],
) -> Covariance:
    """Squared leave-one-out residuals; none exists of an observation that is fitted exactly."""
    n, k = x.shape
    reach = x @ bread  # what a change of an observation does to each coefficient
    free = 1 - (reach * x).sum(1)
    alone = free < 1e-9
    weights = np.where(alone, 0.0, e / np.where(alone, 1.0, free))
    matrix = _outer(reach * weights[:, None])
    lost = np.abs(reach[alone]) > 1e-9 * np.sqrt(np.diag(bread))
    matrix[np.diag_indices(k)] = np.where(lost.any(0), np.inf, np.diag(matrix))
    pairs = [f"{source[i]}->{target[i]}" for i in np.flatnonzero(alone).tolist()]
    return Covariance("HC3", matrix, n - k, _undetermined(pairs))


def _undetermined(without: Sequence[str]) -> str:
    if not without:
        return ""
    return f"without {', '.join(sorted(set(without)))} a coefficient is not determined"


def _jackknife(
    x: NDArray[np.float64],
    e: NDArray[np.float64],
    source: Sequence[object],
    target: Sequence[object],
) -> Covariance:
    """Spread of the coefficients when each language is left out with all its pairs.

    The change of the coefficients is (X'X - X_i'X_i)^-1 X_i'e_i: no regression is run again.
    """
    n, k = x.shape
    both = _codes([*source, *target])
    languages = int(both.max()) + 1
    if languages < 3:
        raise DataError(f"leaving one language out needs at least three, not {languages}.")
    names = np.unique(np.asarray([*source, *target], dtype=str))
    inner = _outer(x)
    scale = np.sqrt(np.diag(inner))
    changes = np.zeros((languages, k))
    lost: dict[int, str] = {}
    for i in range(languages):
        rows = (both[:n] == i) | (both[n:] == i)
        rest = (inner - _outer(x[rows])) / np.outer(scale, scale)
        solution = np.linalg.pinv(rest, rcond=1e-10, hermitian=True)
        changes[i] = solution @ ((x[rows].T @ e[rows]) / scale) / scale
        for j in np.flatnonzero(np.abs(np.diag(solution @ rest) - 1) > 1e-6).tolist():
            # An intercept of the language itself goes with it; a feature must not.
            if np.any(x[~rows, j]):
                lost[j] = str(names[i])
    matrix = (languages - 1) / languages * _outer(changes)
    for j in lost:
        matrix[j, j] = np.inf
    return Covariance("jackknife", matrix, languages - 1, _undetermined(list(lost.values())))


def _semidefinite(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], str]:
    """Set negative eigenvalues to zero, and say so."""
    matrix = (matrix + matrix.T) / 2
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= -1e-12 * max(abs(values[-1]), 1e-300):
        return matrix, ""
    count = int((values < 0).sum())
    repaired = (vectors * np.maximum(values, 0)) @ vectors.T
    return repaired, f"{count} negative eigenvalue(s) of the variance set to zero"
