"""How errors of predictions change with the score that is predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["NO_TILT", "Tilt", "fit_tilt"]

TILT = 0.5  # prior spread of how errors change (log) with a standard deviation of the prediction


@dataclass(frozen=True)
class Tilt:
    """How errors, in standard deviations, change with the score that is predicted.

    Attributes
    ----------
    slope : float
        Change of the logarithm of the usual error by one log odds of the prediction.
    middle : float
        Prediction (log odds) with the usual error.
    low, high : float
        Ends of the predictions that errors are known of: beyond them nothing changes.
    """

    slope: float
    middle: float
    low: float
    high: float

    def at(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Errors at predictions (log odds), as a multiple of those in the middle."""
        return np.exp(self.slope * (np.clip(mean, self.low, self.high) - self.middle))


NO_TILT = Tilt(0.0, 0.0, -np.inf, np.inf)
"""Errors that are the same everywhere."""


def fit_tilt(errors: pd.DataFrame) -> Tilt:
    """Learn how errors change with what is predicted, each target counted the same.

    A Gamma regression with logarithmic link of ``ratio`` on ``mean``, its slope drawn to 0 as by
    a normal prior of spread `TILT`: few targets cannot tell much of a slope.

    Parameters
    ----------
    errors : DataFrame
        Of held-out cells of one kind: target, mean, ratio (`Calibration.errors`).
    """
    from sklearn.linear_model import GammaRegressor

    counts = errors.groupby("target")["target"].transform("size").to_numpy(dtype=float)
    mean, weights = errors["mean"].to_numpy(dtype=float), 1 / counts
    middle = float(np.average(mean, weights=weights))
    spread = float(np.sqrt(np.average((mean - middle) ** 2, weights=weights)))
    if spread < 1e-6:  # one prediction throughout
        return Tilt(0.0, middle, middle, middle)
    regression = GammaRegressor(
        alpha=1 / (TILT**2 * errors["target"].nunique()), solver="newton-cholesky"
    )
    ratio = np.maximum(errors["ratio"].to_numpy(dtype=float), 1e-9)  # 0 has no logarithm
    regression.fit((mean - middle)[:, None] / spread, ratio, sample_weight=weights)
    slope = float(regression.coef_[0]) / spread
    return Tilt(slope, middle, float(mean.min()), float(mean.max()))
