"""How much of the explained variance belongs to which feature.

The Lindeman-Merenda-Gold decomposition of R2: what a feature adds, averaged over all orders
in which features can enter. It is the Shapley value of R2; with groups of features, the
Owen value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_count, check_level
from .bootstrap import over_draws
from .errors import DataError
from .model_matrix import Design

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "GROUPS",
    "drawn_importance",
    "feature_groups",
    "importance",
    "relative_importance",
    "shapley",
    "subset_r2",
]

GROUPS = {
    "linguistic": ("syntax", "morphology", "phonology", "inventory"),
    "lexical": ("subword_overlap", "levenshtein", "levenshtein_romanised"),
    "genealogical-geographic": ("genealogy", "geography"),
    "data": ("same_script", "log_tokens_source", "log_tokens_target", "log_shots"),
}
"""Kinds of features, after the study; the script is counted with the data, as what a tokenizer
and a corpus share, and can be put elsewhere by passing other groups."""

MOST = 14  # features: 2**14 subsets of a Gram matrix take about a second


def subset_r2(
    features: NDArray[np.float64],
    response: NDArray[np.float64],
    fixed: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
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
    weights : array, shape (observations,), optional
        How often each observation counts, not negative.

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
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    scale = np.append(x.std(0), y.std())
    if (scale == 0).any():
        scale[scale == 0] = 1.0
    columns = np.column_stack([(x - x.mean(0)) / scale[:-1], (y - y.mean()) / scale[-1]])
    # All that follows works on cross products, whatever the number of observations.
    weighted = columns * w[:, None]
    inner = base.T @ (base * w[:, None])
    across = base.T @ weighted
    gram = columns.T @ weighted - across.T @ np.linalg.pinv(inner, rcond=1e-12) @ across
    varying = np.sqrt(np.maximum(np.diag(gram), 0) / max(w.sum(), 1))
    if (varying <= 1e-7).any():
        raise DataError(
            "a feature or the response does not vary (beyond the fixed effects): "
            f"standard deviations {np.round(varying * scale, 6).tolist()}. Leave it out."
        )
    gram = gram / np.sqrt(np.outer(np.diag(gram), np.diag(gram)))
    cross, gram = gram[:k, k], gram[:k, :k]
    if (w > 0).sum() <= k + 1 or np.linalg.cond(gram) > 1e10:
        raise DataError("the features are collinear in this sample: leave one of them out.")
    result = np.zeros(1 << k)
    for size in range(1, k + 1):  # subsets of one size are solved together
        chosen = np.array(list(combinations(range(k), size)))
        bits = (1 << chosen).sum(1)
        left = gram[chosen[:, :, None], chosen[:, None, :]]
        right = cross[chosen]
        solution = np.linalg.solve(left, right[:, :, None])[:, :, 0]
        result[bits] = (solution * right).sum(1)
    return result


def shapley(value: NDArray[np.float64], players: Sequence[int]) -> NDArray[np.float64]:
    """Shapley values of players given as bit masks; ``value`` of each union of masks.

    Parameters
    ----------
    value : array, shape (2**features,)
        As `subset_r2` gives it.
    players : sequence of int
        The features of each player as bits; no bit twice.
    """
    k = len(players)
    code = np.arange(1 << k)
    inside = (code[:, None] >> np.arange(k)) & 1
    union = inside @ np.array(players)
    size = inside.sum(1)
    weights = np.array([factorial(m) * factorial(k - m - 1) for m in range(k)]) / factorial(k)
    shares = np.empty(k)
    for i, player in enumerate(players):
        without = inside[:, i] == 0
        gain = value[union[without] | player] - value[union[without]]
        shares[i] = weights[size[without]] @ gain
    return shares


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
    shares = shapley(r2, list(masks.values()))
    full = (1 << len(names)) - 1
    rows = [
        {
            "term": term,
            "importance": share,
            "share": share / r2[full],
            "first": r2[mask],
            "last": r2[full] - r2[full & ~mask],
        }
        for (term, mask), share in zip(masks.items(), shares, strict=True)
    ]
    return pd.DataFrame(rows)


def feature_groups(
    terms: Sequence[str], groups: Mapping[str, Sequence[str]] | None = None
) -> dict[str, list[str]]:
    """The groups that the terms of a design fall into; a feature in none is its own.

    Terms with interactions (``syntax[intents]``) go with their feature.

    Parameters
    ----------
    terms : sequence of str
        Of a design.
    groups : mapping, optional
        Group -> features; `GROUPS` by default.
    """
    found: dict[str, list[str]] = {}
    for term in terms:
        feature = term.split("[")[0]
        home = [name for name, members in (groups or GROUPS).items() if feature in members]
        found.setdefault(home[0] if home else feature, []).append(term)
    return found


def importance(
    made: Design,
    by_group: bool = False,
    groups: Mapping[str, Sequence[str]] | None = None,
    draws: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Importance of the features of a design, with node-bootstrap intervals.

    Parameters
    ----------
    made : Design
        What is explained by what; its intercepts are in every regression.
    by_group : bool
        Decompose over groups of features (Owen values) instead of single ones.
    groups : mapping, optional
        Group -> features; `GROUPS` by default.
    draws : int
        Draws of languages; 0 for no intervals.
    seed : int
        Of the draws.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        As `relative_importance`, and low, high of ``share``, importance_low,
        importance_high.

    Raises
    ------
    DataError
        As `subset_r2`; or if a fifth of the draws cannot be used, or a number is out of range.
    """
    check_level(level)
    check_count("draws", draws, 0)
    terms = list(made.terms)
    parts = feature_groups(terms, groups) if by_group else {t: [t] for t in terms}
    base = made.base().to_numpy()
    table = relative_importance(made.rows[terms], made.y.tolist(), parts, base)
    if not draws:
        return table
    drawn = drawn_importance(made, parts, draws, seed)
    tails = (1 - level) / 2, (1 + level) / 2
    table["low"], table["high"] = np.quantile(drawn / drawn.sum(1, keepdims=True), tails, axis=0)
    table["importance_low"], table["importance_high"] = np.quantile(drawn, tails, axis=0)
    return table


def drawn_importance(
    made: Design, parts: Mapping[str, Sequence[str]], draws: int, seed: int = 0
) -> NDArray[np.float64]:
    """Importance of groups of features in each draw of languages.

    Parameters
    ----------
    made : Design
        What is explained by what.
    parts : mapping
        Group -> terms; every term in one group.
    draws : int
        How often languages are drawn.
    seed : int
        Of the draws.

    Returns
    -------
    array, shape (usable draws, groups)
        Each row sums to the draw's R2.

    Raises
    ------
    DataError
        If a fifth of the draws cannot be used, because a feature does not vary in them.
    """
    terms = list(made.terms)
    masks = [sum(1 << terms.index(t) for t in part) for part in parts.values()]
    base = made.base().to_numpy()
    source, target = (made.rows[side].to_numpy(dtype=str) for side in ("source", "target"))
    return np.array(
        over_draws(
            source,
            target,
            lambda counts: shapley(subset_r2(made.x, made.y, base, counts.astype(float)), masks),
            draws,
            seed,
        )
    )
