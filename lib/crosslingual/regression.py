"""A first regression: transfer = f(features), ordinary least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError
from .features import FEATURES, SIMILARITIES
from .languages import find_language
from .standard_errors import covariance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Regression", "merge_features", "read_features", "regress"]

DEFAULT_FEATURES = ("syntax", "morphology", "phonology", "levenshtein_romanised", "same_script")
_DISTANCES = tuple(f for f in FEATURES if f not in SIMILARITIES and not f.startswith("log_"))


@dataclass(frozen=True)
class Regression:
    """A fitted regression; prints itself as statsmodels does.

    Attributes
    ----------
    name : str
        ``pooled`` or the task.
    fit : statsmodels results
        Everything statsmodels knows of it.
    correlation : DataFrame
        Of the features.
    dropped : dict
        Reason -> number of rows that did not enter.
    pairs : DataFrame
        Columns source and target of the rows that did.
    """

    name: str
    fit: Any
    correlation: pd.DataFrame
    dropped: dict[str, int]
    pairs: pd.DataFrame

    def tidy(self, errors: str = "classical") -> pd.DataFrame:
        """Coefficients with one kind of standard errors.

        Parameters
        ----------
        errors : str
            One of `crosslingual.standard_errors.KINDS`.

        Returns
        -------
        DataFrame
            Columns name, term, errors, estimate, std_error, df, t, p, low, high (95 %).
        """
        import pandas as pd
        from scipy.stats import t as student

        estimate = self.fit.params.to_numpy()
        v = covariance(
            self.fit.model.exog,
            self.fit.resid.to_numpy(),
            self.pairs["source"].tolist(),
            self.pairs["target"].tolist(),
            errors,
        )
        ratio = estimate / v.std_errors
        reach = student.ppf(0.975, v.df) * v.std_errors
        return pd.DataFrame(
            {
                "name": self.name,
                "term": self.fit.params.index,
                "errors": errors,
                "estimate": estimate,
                "std_error": v.std_errors,
                "df": v.df,
                "t": ratio,
                "p": 2 * student.sf(abs(ratio), v.df),
                "low": estimate - reach,
                "high": estimate + reach,
            }
        )

    def __str__(self) -> str:
        kept = ", ".join(f"{n} {why}" for why, n in self.dropped.items() if n) or "none"
        return (
            f"{self.name}\n{self.fit.summary(slim=True)}\nRows left out: {kept}.\n"
            "Features are standardised and turned so that larger = more similar. Pairs share\n"
            "languages, so these textbook standard errors and p-values are too small; see\n"
            "tidy(errors='dyadic')."
        )


def read_features(path: str | Path) -> pd.DataFrame:
    """Read a table of pair features, as `crosslingual features` writes it.

    Raises
    ------
    DataError
        If the file is missing or lacks ``source`` and ``target``.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise DataError(f"the features {str(path)!r} cannot be read ({error}).") from None
    if not {"source", "target"} <= set(table):
        raise DataError(f"the features {str(path)!r} lack the columns source and target.")
    for side in ("source", "target"):
        table[side] = [find_language(str(name)).code for name in table[side]]
    return table


def merge_features(scores: pd.DataFrame, features: pd.DataFrame) -> pd.DataFrame:
    """Scores averaged over seeds, with the features of their pair.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, score, and where they exist model and shots.
    features : DataFrame
        Columns source, target and features, one row a pair.

    Raises
    ------
    DataError
        If a pair has two rows of features, or none of the pairs has any.
    """
    if features.duplicated(["source", "target"]).any():
        row = features[features.duplicated(["source", "target"])].iloc[0]
        raise DataError(
            f"the features have the pair {row['source']} -> {row['target']} more than once."
        )
    keys = [k for k in ("task", "model", "shots", "source", "target") if k in scores]
    mean = scores.groupby(keys, as_index=False, sort=True)["score"].mean()
    merged = mean.merge(features, on=["source", "target"], how="left", indicator="found")
    if (merged["found"] == "left_only").all():
        raise DataError("no pair of the scores is among the features: other languages?")
    return merged


def regress(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    terms: Sequence[str] = DEFAULT_FEATURES,
    by_task: bool = True,
) -> list[Regression]:
    """Regress zero-shot scores between languages on features of the pair.

    Parameters
    ----------
    scores : DataFrame
        One model's; see `crosslingual.records.read_scores`.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str
        Which features. Distances enter with their sign turned.
    by_task : bool
        Also fit each task alone.

    Returns
    -------
    list of Regression
        ``pooled`` (with an intercept for each task) first, then the tasks.

    Raises
    ------
    DataError
        For unknown or constant features, several models, or too few pairs.
    """
    import pandas as pd
    import statsmodels.api as sm

    unknown = [t for t in terms if t not in features]
    if unknown or not terms:
        raise DataError(f"no feature {unknown}. Allowed: {', '.join(FEATURES)}.")
    if "model" in scores and scores["model"].nunique() > 1:
        raise DataError(
            f"the scores hold several models ({', '.join(sorted(scores['model'].unique()))}): "
            "choose one."
        )
    merged = merge_features(scores, features)
    same = merged["source"] == merged["target"]
    shot = merged["shots"] > 0 if "shots" in merged else same & False
    unfound = merged[list(terms)].isna().any(axis=1)
    dropped = {
        "in-language": int(same.sum()),
        "few-shot": int((shot & ~same).sum()),
        "without features": int((unfound & ~same & ~shot).sum()),
    }
    rows = merged[~same & ~shot & ~unfound].reset_index(drop=True)
    tasks = sorted(rows["task"].unique())
    named = [("pooled", rows)] if len(tasks) > 1 else []
    if by_task or len(tasks) == 1:
        named += [(task, rows[rows["task"] == task]) for task in tasks]
    results = []
    for name, part in named:
        if len(part) < len(terms) + 3:
            raise DataError(
                f"{name}: {len(part)} pairs are too few for {len(terms)} features. "
                "Measure more languages or name fewer features."
            )
        values = part[list(terms)].astype(float)
        values = values * [-1.0 if t in _DISTANCES else 1.0 for t in terms]
        constant = [t for t in terms if np.ptp(values[t]) == 0]
        if constant:
            raise DataError(f"{name}: the feature {constant[0]!r} is the same for every pair.")
        standard = (values - values.mean()) / values.std(ddof=0)
        if name == "pooled":
            levels = pd.get_dummies(part["task"], dtype=float)
            matrix = pd.concat([levels, standard], axis=1)
        else:
            matrix = sm.add_constant(standard)
        fit = sm.OLS(part["score"], matrix).fit()
        results.append(Regression(name, fit, standard.corr(), dropped, part[["source", "target"]]))
    return results
