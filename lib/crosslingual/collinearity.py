"""How far the features of a regression can be told from one another in a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "check_rank",
    "collinearity_notes",
    "condition_number",
    "correlations",
    "inflation",
]

HIGH_VIF, HIGH_CONDITION, HIGH_CORRELATION = 10.0, 30.0, 0.9


def correlations(x: NDArray[np.float64], terms: Sequence[str]) -> pd.DataFrame:
    """Of the columns of ``x``, shape (rows, terms).

    Parameters
    ----------
    x : array, shape (rows, terms)
        Features.
    terms : sequence of str
        Their names.
    """
    import pandas as pd

    r = np.atleast_2d(np.corrcoef(x, rowvar=False))
    return pd.DataFrame(r, index=list(terms), columns=list(terms))


def inflation(x: NDArray[np.float64], terms: Sequence[str]) -> pd.DataFrame:
    """Variance inflation of each feature, and the other it is most like.

    Parameters
    ----------
    x : array, shape (rows, terms)
        Features, centred (or with the intercepts of the regression taken out).
    terms : sequence of str
        Their names.

    Returns
    -------
    DataFrame
        Columns term, vif (variance inflation factor, 1 = alone), nearest (the feature it
        is most correlated with), correlation.
    """
    import pandas as pd

    r = correlations(x, terms).to_numpy()
    inverse = np.linalg.inv(r)
    off = np.abs(r - np.eye(len(r)))
    rows = []
    for i, term in enumerate(terms):
        j = int(off[i].argmax())
        alone = len(terms) == 1
        rows.append(
            {
                "term": term,
                "vif": inverse[i, i],
                "nearest": "" if alone else terms[j],
                "correlation": np.nan if alone else r[i, j],
            }
        )
    return pd.DataFrame(rows)


def condition_number(x: NDArray[np.float64]) -> float:
    """Of the columns of ``x`` at length one (Belsley, Kuh and Welsch 1980).

    Parameters
    ----------
    x : array, shape (rows, terms)
        Features.
    """
    return float(np.linalg.cond(x / np.sqrt((x**2).sum(0))))


def check_rank(
    name: str, x: NDArray[np.float64], terms: Sequence[str], intercepts: int, fixed: str
) -> None:
    """Refuse features that a regression cannot estimate.

    Parameters
    ----------
    name : str
        What is estimated, for messages.
    x : array, shape (rows, terms)
        Features with the intercepts taken out.
    terms : sequence of str
        Their names.
    intercepts : int
        How many columns were taken out.
    fixed : str
        Which languages have an intercept, for messages.

    Raises
    ------
    DataError
        If a feature is a combination of the intercepts or of other features, or there are no
        more rows than coefficients.
    """
    norms = np.sqrt((x**2).sum(0))
    lost = [t for t, n in zip(terms, norms, strict=True) if n < 1e-8 * np.sqrt(len(x))]
    if lost:
        raise DataError(
            f"{name}: {', '.join(lost)} cannot be told from the fixed effects "
            f"({fixed}). Leave it out, or use other fixed effects."
        )
    if len(x) <= intercepts + len(terms):
        raise DataError(
            f"{name}: {len(x)} rows are too few for {len(terms)} features and {intercepts} "
            "intercepts."
        )
    for k in range(2, len(terms) + 1):
        if np.linalg.matrix_rank(x[:, :k] / norms[:k], tol=1e-8 * np.sqrt(k)) < k:
            raise DataError(
                f"{name}: {terms[k - 1]!r} is a combination of "
                f"{', '.join(terms[: k - 1])} in this sample. Leave one of them out."
            )


def collinearity_notes(x: NDArray[np.float64], terms: Sequence[str]) -> list[str]:
    """Sentences for a reader about features that are hardly to be told apart.

    Parameters
    ----------
    x : array, shape (rows, terms)
        Features, the intercepts of the regression taken out.
    terms : sequence of str
        Their names.
    """
    if len(terms) < 2:
        return []
    table, found = inflation(x, terms), []
    close = table[table["correlation"].abs() > HIGH_CORRELATION]
    inflated = table[table["vif"] > HIGH_VIF]
    if len(close):
        pairs = {
            " and ".join(sorted((term, near))): r
            for term, near, r in zip(
                close["term"], close["nearest"], close["correlation"], strict=True
            )
        }
        said = "; ".join(f"{k} (r = {v:.2f})" for k, v in sorted(pairs.items()))
        found.append(f"Warning: hardly to be told apart in this sample: {said}.")
    if len(inflated):
        said = ", ".join(
            f"{term} ({v:.0f})" for term, v in zip(inflated["term"], inflated["vif"], strict=True)
        )
        found.append(
            f"Warning: variance inflation above {HIGH_VIF:.0f}: {said}; read these "
            "coefficients together, not one by one."
        )
    condition = condition_number(x)
    if condition > HIGH_CONDITION:
        found.append(
            f"Warning: condition number {condition:.0f} (above {HIGH_CONDITION:.0f} is high)."
        )
    return found
