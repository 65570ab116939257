"""Is the right source on top? Measures of a ranking of sources for one target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arguments import check_count
from .errors import DataError

__all__ = ["hit_at_1", "ndcg", "regret"]

TOP = 10  # LangRank: the best ten sources are relevant


def _checked(scores: Sequence[float], predicted: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    true, guess = np.asarray(scores, dtype=float), np.asarray(predicted, dtype=float)
    if true.shape != guess.shape or true.ndim != 1 or not len(true):
        raise DataError(
            f"a ranking needs as many predictions as scores, at least one: {guess.shape} and "
            f"{true.shape}."
        )
    if not np.isfinite(true).all() or not np.isfinite(guess).all():
        raise DataError("scores and predictions of a ranking must be finite.")
    return true, guess


def ndcg(scores: Sequence[float], predicted: Sequence[float], k: int = 3) -> float:
    """NDCG@k with LangRank's gain.

    Parameters
    ----------
    scores : sequence of float
        True scores of the sources for one target.
    predicted : sequence of float
        By which they are ranked; where predictions are equal, the mean over their orders.
    k : int
        Positions that count.

    Returns
    -------
    float
        In [0, 1]. The truly best source has relevance 10, the next 9, ... the tenth 1, all
        others 0; the gain is
        2**relevance - 1 (of sources with equal scores their mean), discounted by log2(1 +
        position).

    Raises
    ------
    DataError
        If scores and predictions are not as many, not finite, or none, or ``k`` is no whole
        number from 1.

    References
    ----------
    Lin et al. 2019, Choosing Transfer Languages for Cross-Lingual Learning, section 4.2.
    """
    true, guess = _checked(scores, predicted)
    check_count("k", k)
    order = np.argsort(-true, kind="stable")
    relevance = np.zeros(len(true))
    relevance[order[:TOP]] = TOP - np.arange(min(TOP, len(true)))
    gain = _averaged(2.0**relevance - 1, true)
    discount = np.zeros(len(true))
    discount[:k] = 1 / np.log2(2 + np.arange(min(k, len(true))))
    got = _averaged(discount[_ranks(guess)], guess) @ gain
    best = discount @ gain[order]
    return float(got / best)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Position of each value when sorted from the largest."""
    ranks = np.empty(len(values), dtype=int)
    ranks[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return ranks


def _averaged(values: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Values averaged over equal keys."""
    _, codes = np.unique(keys, return_inverse=True)
    averaged: np.ndarray = (np.bincount(codes, weights=values) / np.bincount(codes))[codes]
    return averaged


def regret(scores: Sequence[float], predicted: Sequence[float]) -> float:
    """What choosing the source on top costs: best score minus its score, at least 0.

    Where several are on top alike, the mean over them.

    Parameters
    ----------
    scores : sequence of float
        True scores of the sources for one target.
    predicted : sequence of float
        By which they are ranked.

    Raises
    ------
    DataError
        If scores and predictions are not as many, not finite, or none.
    """
    true, guess = _checked(scores, predicted)
    return float(true.max() - true[guess == guess.max()].mean())


def hit_at_1(scores: Sequence[float], predicted: Sequence[float]) -> float:
    """Is the source on top a best one? The probability, where several are on top alike.

    Parameters
    ----------
    scores : sequence of float
        True scores of the sources for one target.
    predicted : sequence of float
        By which they are ranked.

    Raises
    ------
    DataError
        If scores and predictions are not as many, not finite, or none.
    """
    true, guess = _checked(scores, predicted)
    return float((true[guess == guess.max()] == true.max()).mean())
