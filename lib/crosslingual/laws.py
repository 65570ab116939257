"""Laws of growth: families of curves from a number of examples to a score."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LAWS", "Law", "aicc_price", "fit_law"]

Curve = Callable[..., "NDArray[np.float64]"]


@dataclass(frozen=True)
class Law:
    """A family of growth curves.

    Attributes
    ----------
    name, formula : str
        For people.
    curve : callable
        ``curve(n, *parameters)``.
    low, high : tuple of float
        Bounds of the parameters; scores are fractions.
    start : callable
        Parameters to begin with, from (n, score).
    """

    name: str
    formula: str
    curve: Curve
    low: tuple[float, ...]
    high: tuple[float, ...]
    start: Callable[[NDArray[np.float64], NDArray[np.float64]], Sequence[float]]


def _log(n: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    return a + b * np.log1p(n)


def _power(n: NDArray[np.float64], top: float, gap: float, rate: float) -> NDArray[np.float64]:
    return top - gap * (1 + n) ** -rate


def _saturating(n: NDArray[np.float64], a: float, rise: float, half: float) -> NDArray[np.float64]:
    return a + rise * n / (half + n)


def _logistic(
    n: NDArray[np.float64], a: float, rise: float, middle: float, width: float
) -> NDArray[np.float64]:
    return a + rise / (1 + np.exp(-(np.log1p(n) - middle) / width))


LAWS = {
    "log": Law(
        "log", "a + b log(1 + n)", _log, (-1, -1), (2, 1), lambda n, y: (y[n.argmin()], 0.1)
    ),
    "power": Law(
        "power",
        "top - gap (1 + n)^-rate",
        _power,
        (0, -1, 0.01),
        (1, 2, 3),
        lambda n, y: (min(max(y.max() + 0.05, 0.05), 0.99), max(y.max() - y.min(), 0.05), 0.3),
    ),
    "michaelis-menten": Law(
        "michaelis-menten",
        "a + rise n / (half + n)",
        _saturating,
        (-0.5, -1, 0.1),
        (1, 2, 1e5),
        lambda n, y: (y[n.argmin()], max(y.max() - y.min(), 0.05), 50.0),
    ),
    "logistic": Law(
        "logistic",
        "a + rise / (1 + exp(-(log(1 + n) - middle) / width))",
        _logistic,
        (-0.5, -1, -2, 0.1),
        (1, 2, 12, 5),
        lambda n, y: (y.min(), max(y.max() - y.min(), 0.05), 3.0, 1.0),
    ),
}
"""The laws by name; the first is the study's."""


def fit_law(
    law: str, shots: Sequence[float], scores: Sequence[float]
) -> tuple[NDArray[np.float64], float]:
    """Least squares of one law on one curve.

    Parameters
    ----------
    law : str
        One of `LAWS`.
    shots, scores : sequence of float
        Points; repeated draws are points of their own.

    Returns
    -------
    parameters, sse : array, float
        In the order of the law's formula; the sum of squared errors. NaN where there are
        fewer distinct numbers of shots than parameters.

    Raises
    ------
    UnknownNameError
        If there is no such law.
    DataError
        If numbers of shots are negative, scores are not finite, or they are not as many.
    """
    from scipy.optimize import curve_fit

    if law not in LAWS:
        raise UnknownNameError(law, LAWS)
    chosen = LAWS[law]
    n, y = np.asarray(shots, dtype=float), np.asarray(scores, dtype=float)
    if n.shape != y.shape or not np.isfinite(n).all() or not np.isfinite(y).all() or (n < 0).any():
        raise DataError("shots must be numbers from 0, scores finite, and as many of both.")
    if len(np.unique(n)) < len(chosen.low):
        return np.full(len(chosen.low), np.nan), float("nan")
    if law == "log":
        x = np.column_stack([np.ones(len(n)), np.log1p(n)])
        found = np.linalg.lstsq(x, y, rcond=None)[0]
    else:
        start = np.clip(chosen.start(n, y), np.array(chosen.low) + 1e-6, chosen.high)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the covariance, which is not used
            try:
                found = curve_fit(
                    chosen.curve, n, y, start, bounds=(chosen.low, chosen.high), max_nfev=2000
                )[0]
            except RuntimeError:  # no optimum within the limit: the start is what there is
                found = start
    return found, float(((chosen.curve(n, *found) - y) ** 2).sum())


def aicc_price(law: str, points: int) -> float:
    """What AICc adds to the misfit of a law for its parameters, and for the variance.

    Parameters
    ----------
    law : str
        One of `LAWS`.
    points : int
        How many it was fitted to.

    Returns
    -------
    float
        NaN where they are too few for AICc.
    """
    k = len(LAWS[law].low) + 1
    return 2 * k + 2 * k * (k + 1) / (points - k - 1) if points > k + 1 else float("nan")
