"""Crossed random effects: score = features + an effect of the source + one of the target."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError
from .model_matrix import Design

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["RandomEffects", "crossed_effects", "random_effects"]


@dataclass(frozen=True)
class RandomEffects:
    """A fitted model with crossed random intercepts; prints itself.

    Attributes
    ----------
    name : str
        Of the design.
    coefficients : DataFrame
        Columns term, estimate, std_error, z, p, low, high (95 %).
    components : DataFrame
        Columns group (source, target, residual), variance, sd, share.
    criterion : float
        -2 log restricted likelihood, as lme4's "REML criterion at convergence".
    fit : statsmodels results
        Everything else.
    notes : list of str
        A variance on the boundary (zero), trouble in converging.
    """

    name: str
    coefficients: pd.DataFrame
    components: pd.DataFrame
    criterion: float
    fit: Any
    notes: list[str]

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.name}: crossed random effects by REML, criterion {self.criterion:.1f}",
                self.coefficients.round(4).to_string(index=False),
                self.components.round(4).to_string(index=False),
                "z and p take the variances for known and languages for many: with ten they",
                "are too sure of themselves, though much less than least squares.",
                *self.notes,
            ]
        )


def random_effects(made: Design) -> RandomEffects:
    """Fit ``response ~ features + (1 | source) + (1 | target)`` to a design.

    Several tasks have an intercept each, and share the effects of languages.

    Parameters
    ----------
    made : Design
        Without fixed effects of languages.

    Raises
    ------
    DataError
        If the design has fixed effects of languages already, or fewer than three sources
        or targets.
    """
    if made.fixed != "none":
        raise DataError(f"random effects beside fixed ones ({made.fixed}): choose fixed='none'.")
    groups = {side: made.rows[side].to_numpy(dtype=str) for side in ("source", "target")}
    return crossed_effects(made.y, made.matrix(), groups, made.name)


def crossed_effects(
    response: NDArray[np.float64],
    matrix: pd.DataFrame,
    groups: dict[str, NDArray[np.str_]],
    name: str = "",
) -> RandomEffects:
    """Linear model with crossed random intercepts (statsmodels' MixedLM, REML).

    Parameters
    ----------
    response : array, shape (n,)
        What is explained.
    matrix : DataFrame, shape (n, k)
        Fixed part, intercept included.
    groups : dict
        Name -> label of each observation's level.
    name : str
        What is explained, for the printed result.

    Raises
    ------
    DataError
        If a grouping has fewer than three levels.
    """
    import pandas as pd
    from scipy.stats import norm
    from statsmodels.regression.mixed_linear_model import MixedLM, VCSpec
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    for key, labels in groups.items():
        if len(set(labels)) < 3:
            raise DataError(f"random effects of {key} need three levels, not {len(set(labels))}.")
    dummies = [pd.get_dummies(pd.Series(labels), dtype=float) for labels in groups.values()]
    spec = VCSpec(
        list(groups),
        [[list(d.columns)] for d in dummies],
        [[d.to_numpy()] for d in dummies],
    )
    model = MixedLM(response, matrix, np.ones(len(response)), exog_vc=spec)
    notes = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # Looser tolerances stop where the criterion is flat: variances 3 % off lme4's.
        fitted = model.fit(reml=True, method=["powell"], xtol=1e-8, ftol=1e-12, maxiter=2000)
    if any(issubclass(w.category, ConvergenceWarning) for w in caught) and not fitted.converged:
        notes.append("Warning: the likelihood was not maximised; read variances with care.")
    variances = np.append(np.asarray(fitted.vcomp), fitted.scale)
    for key, value in zip(groups, fitted.vcomp, strict=True):
        if value < 1e-6 * variances.sum():
            notes.append(f"The variance of {key} is zero: the fit is on the boundary.")
    k = matrix.shape[1]
    estimate = np.asarray(fitted.fe_params)
    se = np.sqrt(np.diag(np.asarray(fitted.cov_params())[:k, :k]))
    coefficients = pd.DataFrame(
        {
            "term": list(matrix.columns),
            "estimate": estimate,
            "std_error": se,
            "z": estimate / se,
            "p": 2 * norm.sf(np.abs(estimate / se)),
            "low": estimate - norm.ppf(0.975) * se,
            "high": estimate + norm.ppf(0.975) * se,
        }
    )
    components = pd.DataFrame(
        {
            "group": [*groups, "residual"],
            "variance": variances,
            "sd": np.sqrt(variances),
            "share": variances / variances.sum(),
        }
    )
    return RandomEffects(name, coefficients, components, float(-2 * fitted.llf), fitted, notes)
