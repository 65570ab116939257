"""Exchange rates between languages: what an example of one is worth in another.

An example of language s is worth k(s, t) = exp(-(w0 + sum_f w_f d_f(s, t))) examples of t,
with k(t, t) = 1, distances d_f in [0, 1] and weights w >= 0 that are learned from scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError
from .languages import find_language
from .mixtures import Mixtures, is_known
from .similarity import MIN_NAMES, levenshtein_similarity, shared_names
from .typology import typological_distance
from .wording import paragraph

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["DECAYS", "Exchange", "fit_exchange", "language_distances", "logistic", "logit"]

DECAYS = ("syntax", "phonology", "genealogy", "geography", "script", "spelling")
"""What a rate decays with: URIEL's distances, another script, unlike CLDR names (romanised)."""

EDGE = 0.002  # scores are kept so far from 0 and 1: a logit of either would be infinite
MOST = 15.0  # weights above it make a rate of nothing, whatever the distance
PULL = 1e-3  # towards equal languages, in squared logits a squared weight: breaks ties


def logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log odds of scores, kept within `EDGE` of 0 and 1.

    Parameters
    ----------
    score : array
        Fractions.
    """
    kept = np.clip(score, EDGE, 1 - EDGE)
    odds: NDArray[np.float64] = np.log(kept / (1 - kept))
    return odds


def logistic(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of `logit`.

    Parameters
    ----------
    value : array
        Log odds.
    """
    score: NDArray[np.float64] = 1 / (1 + np.exp(-value))
    return score


@cache
def _pair(a: str, b: str) -> tuple[float, ...]:
    found = [typological_distance(a, b, domain)[0] for domain in DECAYS[:4]]
    found.append(float(find_language(a).script != find_language(b).script))
    named = shared_names(a, b) >= MIN_NAMES
    found.append(1 - levenshtein_similarity(a, b, romanise=True) if named else np.nan)
    return tuple(found)


def language_distances(first: Sequence[str], second: Sequence[str]) -> NDArray[np.float64]:
    """Distances that rates decay with, shape (first, second, len(DECAYS)).

    0 between a language and itself. Where a distance is not known (a language outside the
    registry; one without CLDR names), it is the mean of the known ones asked for, or a half
    where there are none.

    Parameters
    ----------
    first : sequence of str
        ISO 639-3, or what else the scores call a language.
    second : sequence of str
        The same.
    """
    values = np.full((len(first), len(second), len(DECAYS)), np.nan)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            if a == b:
                values[i, j] = 0.0
            elif is_known(a) and is_known(b):
                values[i, j] = _pair(*sorted((a, b)))
    apart = np.array([[a != b for b in second] for a in first])
    for f in range(len(DECAYS)):
        layer = values[:, :, f]
        known = layer[apart & ~np.isnan(layer)]
        layer[np.isnan(layer)] = known.mean() if len(known) else 0.5
    return values


@dataclass(frozen=True)
class Exchange:
    """Learned exchange rates, and the curve they feed; prints itself.

    score = logistic(level(target) + slope * log(1 + effective data)).

    Attributes
    ----------
    weights : dict
        ``other`` (what any other language costs) and one for each of `DECAYS`, all >= 0.
    slope : float
        Of the log of the effective data, in log odds.
    levels : dict
        Target -> level, log odds without any data; partially pooled.
    rmse : float
        What is left, in log odds.
    """

    weights: dict[str, float]
    slope: float
    levels: dict[str, float]
    rmse: float

    def rates(self, sources: Sequence[str], targets: Sequence[str]) -> NDArray[np.float64]:
        """k(s, t), shape (sources, targets).

        Parameters
        ----------
        sources, targets : sequence of str
            Languages; a distance that is not known is taken to be the mean of those that are.

        Returns
        -------
        array, shape (sources, targets)
            Examples of the target that an example of the source is worth, in [0, 1]; 1 for itself.
        """
        w = np.array(list(self.weights.values()))
        return _rates(w, *_parts(sources, targets))

    def table(self, languages: Sequence[str]) -> pd.DataFrame:
        """Rates between languages, sources in rows.

        Parameters
        ----------
        languages : sequence of str
            Rows and columns.

        Returns
        -------
        DataFrame
            As `rates`.
        """
        import pandas as pd

        return pd.DataFrame(
            self.rates(languages, languages), index=list(languages), columns=list(languages)
        )

    def effective(self, mixtures: Mixtures) -> NDArray[np.float64]:
        """Effective data of every cell: examples of the target that they are worth.

        Parameters
        ----------
        mixtures : Mixtures
            Cells; their scores are not looked at.

        Returns
        -------
        array, shape (cells,)
            Numbers of examples.
        """
        targets, codes = np.unique(mixtures.targets, return_inverse=True)
        rates = self.rates(mixtures.languages, targets.tolist())
        worth: NDArray[np.float64] = (mixtures.amounts * rates.T[codes]).sum(1)
        return worth

    def few(self, mixtures: Mixtures) -> NDArray[np.float64]:
        """Logs of own, effective other and total amounts, shape (cells, 3).

        Parameters
        ----------
        mixtures : Mixtures
            Cells.

        Returns
        -------
        array, shape (cells, 3)
            log(1 + examples).
        """
        own = mixtures.own()
        others = np.maximum(self.effective(mixtures) - own, 0.0)
        logs: NDArray[np.float64] = np.log1p(
            np.column_stack([own, others, mixtures.amounts.sum(1)])
        )
        return logs

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in self.weights.items())
        rate = paragraph(f"rate = exp(-(weights * distances)); weights: {parts}")
        return (
            f"{rate}\n"
            f"log odds grow by {self.slope:.3f} with each e-fold of effective data; "
            f"left over {self.rmse:.3f}"
        )


def _parts(
    sources: Sequence[str], targets: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    same = np.array([[s == t for t in targets] for s in sources])
    return language_distances(sources, targets), same


def _rates(
    w: NDArray[np.float64], distances: NDArray[np.float64], same: NDArray[np.bool_]
) -> NDArray[np.float64]:
    rates: NDArray[np.float64] = np.where(same, 1.0, np.exp(-(w[0] + distances @ w[1:])))
    return rates


def fit_exchange(mixtures: Mixtures) -> Exchange:
    """Learn exchange rates from scores, by least squares on log odds within targets.

    Parameters
    ----------
    mixtures : Mixtures
        With scores.

    Returns
    -------
    Exchange
        Levels are drawn to their mean where a target has few cells.

    Raises
    ------
    DataError
        If there are fewer than eight scores, or amounts that never differ within a target.
    """
    from scipy.optimize import minimize

    known = ~np.isnan(mixtures.scores)
    mixtures = mixtures.take(np.flatnonzero(known))
    if len(mixtures) < 8:
        raise DataError(f"{len(mixtures)} scores are too few to learn from: at least 8 are needed.")
    targets, codes = np.unique(mixtures.targets, return_inverse=True)
    distances, same = _parts(mixtures.languages, targets.tolist())
    counts = np.bincount(codes)
    z = logit(mixtures.scores)

    def centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values - (np.bincount(codes, weights=values) / counts)[codes]

    goal = centred(z)

    def log_data(w: NDArray[np.float64]) -> NDArray[np.float64]:
        rates = _rates(w, distances, same)
        data: NDArray[np.float64] = np.log1p((mixtures.amounts * rates.T[codes]).sum(1))
        return data

    def slope_of(x: NDArray[np.float64]) -> float:
        return max(0.0, float((x * goal).sum() / max((x * x).sum(), 1e-12)))

    def misfit(w: NDArray[np.float64]) -> float:
        x = centred(log_data(w))
        return float(((goal - slope_of(x) * x) ** 2).mean() + PULL * (w**2).mean())

    best = None
    for start in (1.0, 4.0):
        first = np.r_[start, np.full(len(DECAYS), 0.5)]
        bounds = [(0.0, MOST)] * len(first)
        found = minimize(misfit, first, method="L-BFGS-B", bounds=bounds)
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    x = log_data(best.x)
    slope = slope_of(centred(x))
    if not slope and not centred(x).any():
        raise DataError(
            "nothing can be learned of exchange rates: within every target, all scores come from "
            "the same training data."
        )
    left = z - slope * x
    levels = np.bincount(codes, weights=left) / counts
    rest = left - levels[codes]
    within = float((rest**2).mean())
    between = max(float(levels.var()) - within / float(counts.mean()), 1e-6)
    pooled = levels.mean() + (levels - levels.mean()) * between / (between + within / counts)
    return Exchange(
        dict(zip(("other", *DECAYS), best.x.tolist(), strict=True)),
        slope,
        dict(zip(targets.tolist(), pooled.tolist(), strict=True)),
        float(np.sqrt(within)),
    )
