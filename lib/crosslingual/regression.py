"""Transfer = f(features): least squares, with a choice of standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .model_matrix import DEFAULT_TERMS, Design, design
from .standard_errors import KINDS, covariance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Regression", "fit", "regress"]


@dataclass(frozen=True)
class Regression:
    """A fitted regression; prints itself as statsmodels does.

    Attributes
    ----------
    design : Design
        What entered.
    fit : statsmodels results
        Everything statsmodels knows of it.
    """

    design: Design
    fit: Any

    @property
    def name(self) -> str:
        """``pooled`` or the task."""
        return self.design.name

    def tidy(self, errors: str = "jackknife") -> pd.DataFrame:
        """Coefficients with one kind of standard errors.

        Parameters
        ----------
        errors : str
            One of `crosslingual.standard_errors.KINDS`.

        Returns
        -------
        DataFrame
            Columns name, term, errors, estimate, std_error, df, t, p, low, high (95 %);
            intercepts and fixed effects first. ``attrs["note"]`` says what was done to a
            variance that was not positive semidefinite; std_error, t and p are NaN where
            nothing of it is left.
        """
        import numpy as np
        import pandas as pd
        from scipy.stats import t as student

        estimate = self.fit.params.to_numpy()
        rows = self.design.rows
        v = covariance(
            self.fit.model.exog,
            self.fit.resid.to_numpy(),
            rows["source"].tolist(),
            rows["target"].tolist(),
            errors,
        )
        se = np.where(v.std_errors > 0, v.std_errors, np.nan)
        ratio = estimate / se  # 0 where the error is infinite
        reach = student.ppf(0.975, v.df) * se
        table = pd.DataFrame(
            {
                "name": self.name,
                "term": self.fit.params.index,
                "errors": errors,
                "estimate": estimate,
                "std_error": se,
                "df": v.df,
                "t": ratio,
                "p": 2 * student.sf(abs(ratio), v.df),
                "low": estimate - reach,
                "high": estimate + reach,
            }
        )
        table.attrs["note"] = v.note
        return table

    def compare_errors(self, kinds: Sequence[str] = KINDS) -> pd.DataFrame:
        """Standard errors of the features side by side.

        Parameters
        ----------
        kinds : sequence of str
            Of `KINDS`, the columns.

        Returns
        -------
        DataFrame
            Index term; columns estimate and the kinds.
        """
        import pandas as pd

        terms = list(self.design.terms)
        columns = {"estimate": self.fit.params[terms]}
        for kind in kinds:
            columns[kind] = self.tidy(kind).set_index("term").loc[terms, "std_error"]
        return pd.DataFrame(columns)

    def __str__(self) -> str:
        made = self.design
        terms = list(made.terms)
        shown = self.tidy()
        note = shown.attrs["note"]
        table = shown.set_index("term").loc[terms].drop(columns=["name", "errors"])
        kept = ", ".join(f"{n} {why}" for why, n in made.dropped.items() if n) or "none"
        lines = [
            f"{self.name}: least squares of the {made.response} of {len(made.rows)} pairs, "
            f"R-squared {self.fit.rsquared:.3f}, fixed effects {made.fixed}",
            table.round(4).to_string(),
            "Standard errors leave out one language at a time: pairs that share one go together.",
            "Features are standardised and turned so that larger = more similar.",
            f"Rows left out: {kept}.",
            *([f"Variance: {note}."] if note else []),
            *made.notes,
        ]
        return "\n".join(lines)


def fit(made: Design) -> Regression:
    """Ordinary least squares of a design.

    Parameters
    ----------
    made : Design
        From `crosslingual.model_matrix.design`.
    """
    import statsmodels.api as sm

    return Regression(made, sm.OLS(made.rows["response"], made.matrix()).fit())


def regress(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    terms: Sequence[str] = DEFAULT_TERMS,
    by_task: bool = True,
    **options: Any,
) -> list[Regression]:
    """Regress scores between languages on features of the pair.

    Parameters
    ----------
    scores : DataFrame
        One model's; see `crosslingual.score_tables.read_scores`.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str
        Which features. Distances enter with their sign turned.
    by_task : bool
        Also fit each task alone.
    **options
        Others of `crosslingual.model_matrix.design`: response, fixed, shots, ...

    Returns
    -------
    list of Regression
        ``pooled`` (with an intercept for each task) first, then the tasks.

    Raises
    ------
    DataError
        See `crosslingual.model_matrix.design`.
    """
    tasks = sorted(scores["task"].unique())
    results = []
    if len(tasks) > 1:
        results.append(fit(design(scores, features, terms, **options)))
    if by_task or len(tasks) == 1:
        results += [fit(design(scores, features, terms, task=t, **options)) for t in tasks]
    return results
