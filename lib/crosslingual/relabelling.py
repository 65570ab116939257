"""Pairs of languages made ready to be permuted, and placed in the matrix of their languages.

What is permuted are the names of languages (rows and columns of the matrix), so every pair has a
place in it, of which some may be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_count, generator
from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Problem", "relabelled"]


@dataclass
class Problem:
    """A regression on pairs, checked, and the renamings of its languages.

    Attributes
    ----------
    names : list of str
        Features.
    x : array, shape (pairs, features)
        Their values.
    y : array, shape (pairs,)
        Response.
    base : array, shape (pairs, k)
        Orthonormal basis of the intercept and the fixed columns.
    row, column, layer : array, shape (pairs,)
        Where a pair stands: source, target, task.
    shape : tuple of int
        Number of tasks, sources, targets.
    by_row, by_column : array, shape (draws, sources) and (draws, targets)
        Renamings.
    exact : bool
        Whether these are all renamings there are.
    """

    names: list[str]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    base: NDArray[np.float64]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    layer: NDArray[np.intp]
    shape: tuple[int, int, int]
    by_row: NDArray[np.intp]
    by_column: NDArray[np.intp]
    exact: bool


def _orders(count: int, draws: int, random: np.random.Generator, exact: bool) -> NDArray[np.intp]:
    """Permutations of ``count`` languages, shape (draws, count); all of them if exact."""
    if exact:
        return np.array(list(permutations(range(count))), dtype=np.intp)
    return np.argsort(random.random((draws, count)), axis=1)


def relabelled(
    features: pd.DataFrame,
    response: Sequence[float],
    source: Sequence[str],
    target: Sequence[str],
    draws: int,
    seed: int,
    square: bool | None,
    fixed: NDArray[np.float64] | None,
    layer: Sequence[object] | None,
) -> Problem:
    """Check a regression on pairs, and draw the renamings of its languages.

    Parameters and errors are those of `crosslingual.permutation.mrqap`.
    """
    x = features.to_numpy(dtype=float)
    y = np.asarray(response, dtype=float)
    if not np.isfinite(x).all() or not np.isfinite(y).all():
        raise DataError("features and response must be finite: drop incomplete pairs first.")
    check_count("the number of permutations", draws)
    random = generator(seed)
    if not len(x) == len(y) == len(source) == len(target):
        raise DataError(
            f"one row of features, response, source and target an observation: there are {len(x)}, "
            f"{len(y)}, {len(source)} and {len(target)}."
        )
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
    levels = np.zeros(len(y), dtype=np.intp)
    if layer is not None:
        levels = np.unique(np.asarray(layer, dtype=str), return_inverse=True)[1]
    i, j = np.searchsorted(row_names, rows), np.searchsorted(column_names, columns)
    place = (levels * len(row_names) + i) * len(column_names) + j
    if len(np.unique(place)) < len(place):
        raise DataError("a pair is there twice: average first, or name the tasks as layers.")
    base = np.ones((len(y), 1)) if fixed is None else np.column_stack([np.ones(len(y)), fixed])
    left, values, _ = np.linalg.svd(base, full_matrices=False)
    base = left[:, values > 1e-10 * values[0]]
    if np.linalg.matrix_rank(np.column_stack([base, x])) < base.shape[1] + x.shape[1]:
        raise DataError("the features are collinear in this sample: leave one of them out.")
    possible = factorial(len(row_names)) * (1 if square else factorial(len(column_names)))
    exact = square and possible <= draws
    by_row = _orders(len(row_names), draws, random, exact)
    by_column = by_row if square else _orders(len(column_names), draws, random, False)
    shape = (int(levels.max()) + 1, len(row_names), len(column_names))
    return Problem(
        list(features.columns), x, y, base, i, j, levels, shape, by_row, by_column, exact
    )
