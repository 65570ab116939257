"""Predicting scores of mixtures and languages that were never seen, from effective data.

score(t) = logistic(level(t) + slope * log(1 + sum_s k(s, t) n_s) + residual): exchange
rates k, a level for each target, and a Gaussian process for what they leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .boosting import Boosted, boost
from .exchange import Exchange, fit_exchange, logistic, logit
from .levels import krige, likeness
from .mixtures import Mixtures
from .residuals import Points, Residuals, fit_residuals

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Effective", "Predicted", "fit_effective"]

KINDS = {
    "seen": "no more examples than a target's scores had",
    "first": "the first examples of a target with scores",
    "more": "more examples than a target's scores had",
    "unseen": "no example of a target without scores",
    "unseen_first": "the first examples of a target without scores",
}
"""What is asked about, by what is known of it."""

MANY = 5  # runs for each language from which a target's own relevances are learned
MOST_RUNS = 100  # runs over which a process is averaged for an unseen target
PRIOR_RUNS = 10.0  # how many runs the common spread counts against a target's own


@dataclass(frozen=True)
class Predicted:
    """Predictions of cells, as log odds.

    Attributes
    ----------
    mean, sd : array, shape (cells,)
        Of log odds; the deviation is the model's own, before it is calibrated.
    level, data, rest : array, shape (cells,)
        The parts of the mean: the target, its effective data, what the process adds.
    kind : array of str, shape (cells,)
        How much is known of what was asked: of `KINDS`.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    level: NDArray[np.float64]
    data: NDArray[np.float64]
    rest: NDArray[np.float64]
    kind: NDArray[np.str_]

    @property
    def score(self) -> NDArray[np.float64]:
        """Scores in (0, 1)."""
        return logistic(self.mean)


@dataclass
class Effective:
    """A fitted model.

    Attributes
    ----------
    mixtures : Mixtures
        What was learned from, cells with scores only.
    exchange : Exchange
        Rates, slope, and levels.
    targets : list of str
        Targets learned from.
    levels : array, shape (targets,)
        Their levels.
    starts : array, shape (targets,)
        Their levels without any example of their own, from the cells without one.
    scales : array, shape (targets,)
        Spread of what effective data leave, in log odds.
    relevance : dict
        Target -> how much each training language matters for it, where its runs are many.
    residuals : Residuals
        The process.
    boosted : Boosted or None
        Gradient-boosted trees on the same cells, averaged with the process where the runs are
        many: they find thresholds that a smooth process does not.
    """

    mixtures: Mixtures
    exchange: Exchange
    targets: list[str]
    levels: NDArray[np.float64]
    starts: NDArray[np.float64]
    scales: NDArray[np.float64]
    relevance: dict[str, NDArray[np.float64]]
    residuals: Residuals
    boosted: Boosted | None = None

    def predict(self, mixtures: Mixtures) -> Predicted:
        """Predict cells; their scores are not looked at.

        Parameters
        ----------
        mixtures : Mixtures
            Targets and languages may be new.
        """
        languages = sorted({*self.mixtures.languages, *mixtures.languages})
        asked = mixtures.on(languages)
        names = list(self.targets) + sorted(set(asked.targets.tolist()) - set(self.targets))
        index = {name: i for i, name in enumerate(names)}
        codes = np.array([index[t] for t in asked.targets])
        kind = self.kinds(asked)
        seen = codes < len(self.targets)
        levels, level_sd = self._levels(names)
        new_ones = len(names) - len(self.targets)
        scales = np.append(self.scales, np.full(new_ones, np.median(self.scales)))
        data = self.exchange.slope * np.log1p(self.exchange.effective(asked))
        told = self.relevance, self.mixtures.languages
        process = replace(
            self.residuals,
            points=_points(self.mixtures.on(languages), self.exchange, index, *told),
            like=likeness(names),
        )
        new = _points(asked, self.exchange, index, *told)
        mean, variance = process.predict(new)
        rest = mean * scales[codes]
        for code in np.unique(codes[~seen]):
            # For an unseen target the process tells mixtures apart; where it starts is kriged.
            usual = self._as_if(names[code], languages)
            points = _points(usual, self.exchange, index, *told)
            rest[codes == code] -= process.predict(points)[0].mean() * scales[code]
        rows = np.flatnonzero(kind == "seen")
        if self.boosted is not None and len(rows):
            # Trees know steps, not slopes: where a target has never been, they stay where it was.
            trees = self.boosted.predict(asked.take(rows))
            rest[rows] = (rest[rows] + trees - levels[codes[rows]] - data[rows]) / 2
        sd = np.sqrt((variance + self.residuals.noise) * scales[codes] ** 2 + level_sd[codes] ** 2)
        return Predicted(levels[codes] + data + rest, sd, levels[codes], data, rest, kind)

    def kinds(self, asked: Mixtures) -> NDArray[np.str_]:
        """How much is known of what is asked, for every cell.

        Parameters
        ----------
        asked : Mixtures
            Cells; their scores are not looked at.

        Returns
        -------
        array of str, shape (cells,)
            Of `KINDS`.
        """
        had = dict.fromkeys(asked.targets.tolist(), -1.0)
        own = self.mixtures.own()
        for name in self.targets:
            had[name] = float(own[self.mixtures.targets == name].max())
        most, wanted = np.array([had[t] for t in asked.targets]), asked.own()
        unseen = np.where(wanted > 0, "unseen_first", "unseen")
        beyond = np.where(most > 0, "more", "first")
        kinds: NDArray[np.str_] = np.where(
            most < 0, unseen, np.where(wanted > most, beyond, "seen")
        )
        return kinds

    def _as_if(self, target: str, languages: list[str]) -> Mixtures:
        """One cell a run that was learned from, as if tested in another language."""
        first = np.unique(self.mixtures.runs, return_index=True)[1]
        known = self.mixtures.take(first).on(languages)
        amounts = known.amounts.copy()
        if target in languages:
            amounts[:, languages.index(target)] = 0.0
        used = np.flatnonzero(amounts.sum(1) > 0)[:MOST_RUNS]
        return Mixtures(
            known.languages,
            amounts[used],
            known.runs[used],
            np.full(len(used), target),
            np.zeros(len(used)),
        )

    def _levels(self, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Levels of targets and their uncertainty; 0 for those that were learned from."""
        new = list(names[len(self.targets) :])
        sd = np.zeros(len(names))
        if not new:
            return self.levels, sd
        mean, spread = krige(self.targets, self.starts, new, self.mixtures.languages)
        sd[len(self.targets) :] = spread
        return np.append(self.levels, mean), sd


def _points(
    mixtures: Mixtures,
    exchange: Exchange,
    index: dict[str, int],
    relevance: dict[str, NDArray[np.float64]],
    languages: Sequence[str],
) -> Points:
    codes = np.array([index[t] for t in mixtures.targets])
    # What a target's scores say of each language where they are many, else its exchange rate.
    weights = np.sqrt(exchange.rates(mixtures.languages, list(index))).T
    place = [mixtures.languages.index(name) for name in languages]
    for name, found in relevance.items():
        weights[index[name]] = 0.0
        weights[index[name], place] = found
    each = np.log1p(mixtures.amounts) * weights[codes]
    return Points(exchange.few(mixtures), each, codes, mixtures.runs)


def _relevance(mixtures: Mixtures, rest: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """How much each language matters for a target with many runs, the most relevant 1.

    Absolute coefficients of a ridge regression of what is to be explained on logs of amounts.
    """
    from sklearn.linear_model import RidgeCV

    found = {}
    logs = np.log1p(mixtures.amounts)
    for name in np.unique(mixtures.targets):
        mine = mixtures.targets == name
        if len(np.unique(mixtures.runs[mine])) < MANY * len(mixtures.languages):
            continue
        ridge = RidgeCV(np.logspace(-1, 4, 20)).fit(logs[mine] - logs[mine].mean(0), rest[mine])
        size = np.abs(ridge.coef_)
        if size.max() > 0:
            found[str(name)] = size / size.max()
    return found


def fit_effective(
    mixtures: Mixtures, like: Effective | None = None, trees: bool = True
) -> Effective:
    """Fit exchange rates, levels and the process.

    Parameters
    ----------
    mixtures : Mixtures
        Cells without scores are left out.
    like : Effective, optional
        Take rates and hyperparameters from this model and learn the rest only: what
        cross-validation does.
    trees : bool
        Average with boosted trees where the runs are many.

    Raises
    ------
    DataError
        See `crosslingual.exchange.fit_exchange`.
    """
    known = mixtures.take(np.flatnonzero(~np.isnan(mixtures.scores)))
    exchange = fit_exchange(known) if like is None else like.exchange
    targets, codes = np.unique(known.targets, return_inverse=True)
    counts = np.bincount(codes)
    z = logit(known.scores)
    x = exchange.slope * np.log1p(exchange.effective(known))
    levels = np.bincount(codes, weights=z - x) / counts
    rest = z - x - levels[codes]
    foreign = (known.own() == 0).astype(float)
    without = np.bincount(codes, weights=foreign)
    off = np.bincount(codes, weights=foreign * rest)
    starts = levels + off / np.maximum(without, 1)
    common = max(float((rest**2).mean()), 1e-8)
    own = np.bincount(codes, weights=rest**2)
    scales = np.sqrt((own + PRIOR_RUNS * common) / (counts + PRIOR_RUNS))
    names = targets.tolist()
    relevance = (
        _relevance(known, z)
        if like is None
        else {name: found for name, found in like.relevance.items() if name in names}
    )
    index = {name: i for i, name in enumerate(names)}
    points = _points(known, exchange, index, relevance, known.languages)
    values, alike = rest / scales[codes], likeness(names)
    if like is None:
        residuals = fit_residuals(points, values, alike)
    else:
        residuals = Residuals(points, values, alike, like.residuals.hyperparameters)
    boosted = boost(known, exchange, names) if relevance and trees else None
    return Effective(known, exchange, names, levels, starts, scales, relevance, residuals, boosted)
