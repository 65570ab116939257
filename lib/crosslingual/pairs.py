"""Zero-shot pairs with features, as predictors take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError, UnknownNameError
from .feature_tables import DISTANCES, check_features, numeric_terms
from .responses import as_fractions, refuse_repetitions, refuse_several_models

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["zero_shot_pairs"]


def zero_shot_pairs(
    scores: pd.DataFrame, features: pd.DataFrame, terms: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Zero-shot pairs between languages with features, turned; gaps filled and counted.

    Parameters
    ----------
    scores : DataFrame
        One model's: task, source, target, score, and where known shots, seed.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str
        Which of them.

    Raises
    ------
    DataError
        If the scores hold several models or no pair of the features, a feature is infinite, or
        the features are no table of numbers, one row a pair.
    UnknownNameError
        If a term is no column of numbers.
    """
    for term in terms:
        if term not in features:
            raise UnknownNameError(term, numeric_terms(features))
    check_features(features, terms)
    scores, notes = as_fractions(scores)
    refuse_several_models(scores)
    rows = scores[scores["source"] != scores["target"]]
    if "shots" in rows:
        rows = rows[rows["shots"] == 0]
    if rows.empty:
        raise DataError(
            "there is no zero-shot score of two different languages: rows with shots 0, the source "
            "another language than the target, are needed."
        )
    refuse_repetitions(rows)
    means = rows.groupby(["task", "source", "target"], sort=True)["score"].mean().reset_index()
    merged = means.merge(
        features[["source", "target", *terms]], on=["source", "target"], how="left"
    )
    known = merged[list(terms)].notna().any(axis=1)
    if not known.any():
        raise DataError("no pair of the scores is among the features: other languages?")
    if (~known).any():
        notes.append(f"{int((~known).sum())} pairs without any feature left out.")
    merged = merged[known].reset_index(drop=True)
    for term in terms:
        values = merged[term].astype(float)
        if np.isinf(values).any():
            raise DataError(f"the feature {term!r} has an infinite value.")
        gaps = values.isna()
        if gaps.any():
            values = values.fillna(values.mean())
            notes.append(f"{term}: {int(gaps.sum())} missing values replaced by the mean.")
        merged[term] = -values if term in DISTANCES else values
    return merged, notes
