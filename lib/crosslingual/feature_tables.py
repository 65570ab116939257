"""Tables of pair features: read, checked, and which of their columns say what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError
from .features import FEATURES, SIMILARITIES
from .languages import find_language

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DISTANCES", "check_features", "numeric_terms", "read_features"]

DISTANCES = tuple(f for f in FEATURES if f not in SIMILARITIES and not f.startswith("log_"))
"""Features of which larger is less alike."""


def read_features(path: str | Path) -> pd.DataFrame:
    """Read a table of pair features, as `crosslingual features` writes it.

    Parameters
    ----------
    path : str or Path
        CSV.

    Raises
    ------
    DataError
        If the file is missing, or is no such table.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise DataError(f"the features {str(path)!r} cannot be read ({error}).") from None
    check_features(table)
    for side in ("source", "target"):
        codes = {name: find_language(str(name)).code for name in table[side].unique()}
        table[side] = table[side].map(codes)
    return table


def check_features(features: pd.DataFrame, terms: Sequence[str] = ()) -> None:
    """Refuse a table of which a regression would make nonsense.

    Parameters
    ----------
    features : DataFrame
        See `crosslingual.features.pair_features`; one row an ordered pair.
    terms : sequence of str
        Which of its columns are used; they are there.

    Raises
    ------
    DataError
        If ``source`` or ``target`` is missing, a pair is there twice, or a value is no number.
    """
    import pandas as pd

    missing = [side for side in ("source", "target") if side not in features]
    if missing:
        raise DataError(
            f"the features lack the column {' and '.join(missing)}; they have "
            f"{', '.join(map(str, features.columns))}. Give one row an ordered pair, as "
            "pair_features does."
        )
    twice = features[features.duplicated(["source", "target"])]
    if len(twice):
        pair = " -> ".join(map(str, twice[["source", "target"]].iloc[0]))
        raise DataError(f"the features have the pair {pair} more than once: keep one row.")
    for term in terms:
        wrong = pd.to_numeric(features[term], errors="coerce").isna() & features[term].notna()
        if wrong.any():
            row = features[wrong].iloc[0]
            raise DataError(
                f"the feature {term!r} of {row['source']} -> {row['target']} is {row[term]!r}. "
                "Allowed: numbers, or nothing where it is not known."
            )


def numeric_terms(features: pd.DataFrame) -> list[str]:
    """Features to learn from by default: numeric, varying, and no coverage.

    Parameters
    ----------
    features : DataFrame
        See `crosslingual.features.pair_features`.
    """
    numeric = features.select_dtypes("number")
    return [
        str(c)
        for c in numeric
        if not str(c).endswith("_coverage") and c != "names" and numeric[c].nunique() > 1
    ]
