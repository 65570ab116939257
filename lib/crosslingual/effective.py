"""Predicting scores of mixtures and languages that were never seen, from effective data.

score(t) = logistic(level(t) + slope * log(1 + sum_s k(s, t) n_s) + residual): exchange
rates k, a level for each target, and a Gaussian process for what they leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .exchange import Exchange, fit_exchange, language_distances, logistic, logit
from .languages import find_language
from .mixtures import Mixtures, is_known
from .residuals import Points, Residuals, fit_residuals

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Boosted", "Effective", "Predicted", "fit_effective"]

LEAST = 4  # targets from which levels of others are learned
MANY = 5  # runs for each language from which a target's own relevances are learned
NEAREST = 6  # languages whose amounts the trees see in the order of their rates
NEAR = 0.15  # distance at which likeness of languages has fallen to 1/e
PRIOR_RUNS = 10.0  # how many runs the common spread counts against a target's own
PRIOR_SLOPES = (0.1, 1.2, -3.0)
"""Where the slopes of `_traits` begin: what a regression of the targets' mean log odds in the
published matrix of de Vries et al. 2022 gives (105 targets; 0.06 to 0.13 a tenfold of text,
1.21 for having been seen by XLM-R, -3.2 to -4.2 a unit of distance)."""
UNREAD = 0.05  # billions of tokens ascribed to a language that mC4 does not list


@dataclass(frozen=True)
class Predicted:
    """Predictions of cells, as log odds.

    Attributes
    ----------
    mean, sd : array, shape (cells,)
        Of log odds; the deviation is the model's own, before it is calibrated.
    level, data, rest : array, shape (cells,)
        The parts of the mean: the target, its effective data, what the process adds.
    seen : array of bool, shape (cells,)
        Was the target among those learned from?
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    level: NDArray[np.float64]
    data: NDArray[np.float64]
    rest: NDArray[np.float64]
    seen: NDArray[np.bool_]

    @property
    def score(self) -> NDArray[np.float64]:
        """Scores in (0, 1)."""
        return logistic(self.mean)


@dataclass
class Boosted:
    """Gradient-boosted trees on log odds centred by target; for targets learned from.

    Attributes
    ----------
    exchange : Exchange
        Gives the effective data of others, and which languages are a target's nearest.
    languages : tuple of str
        Training languages, the order of the columns.
    centres : dict
        Target -> mean of its log odds.
    trees : estimator
        scikit-learn's histogram gradient boosting.
    """

    exchange: Exchange
    languages: tuple[str, ...]
    centres: dict[str, float]
    trees: Any

    def columns(self, mixtures: Mixtures) -> NDArray[np.float64]:
        """What the trees split on, the target's code in column 4."""
        asked = mixtures.on(sorted({*self.languages, *mixtures.languages}))
        place = [asked.languages.index(name) for name in self.languages]
        own, total = asked.own(), asked.amounts.sum(1)
        others = np.maximum(self.exchange.effective(asked) - own, 0.0)
        logs = np.log1p(asked.amounts[:, place])
        names = list(self.centres)
        codes = np.array([names.index(t) for t in asked.targets])
        order = np.argsort(-self.exchange.rates(self.languages, names).T, axis=1)[:, :NEAREST]
        nearest = np.take_along_axis(logs, order[codes], axis=1)
        few = np.log1p(np.column_stack([own, others, total]))
        return np.column_stack([few, (logs > 0).sum(1), codes, nearest, logs])

    def predict(self, mixtures: Mixtures) -> NDArray[np.float64]:
        """Log odds, shape (cells,)."""
        centres = np.array([self.centres[t] for t in mixtures.targets])
        odds: NDArray[np.float64] = centres + self.trees.predict(self.columns(mixtures))
        return odds


def _boost(mixtures: Mixtures, exchange: Exchange, targets: Sequence[str]) -> Boosted:
    from sklearn.ensemble import HistGradientBoostingRegressor

    z = logit(mixtures.scores)
    centres = {name: float(z[mixtures.targets == name].mean()) for name in targets}
    trees = HistGradientBoostingRegressor(
        max_iter=600,
        learning_rate=0.05,
        min_samples_leaf=20,
        l2_regularization=1.0,
        categorical_features=[4],
        early_stopping=False,
        random_state=0,
    )
    made = Boosted(exchange, mixtures.languages, centres, trees)
    trees.fit(made.columns(mixtures), z - np.array([centres[t] for t in mixtures.targets]))
    return made


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
        seen = codes < len(self.targets)
        levels, level_sd = self._levels(names)
        scales = np.append(self.scales, np.full(len(names) - len(self.targets), _typical(self)))
        data = self.exchange.slope * np.log1p(self.exchange.effective(asked))
        told = self.relevance, self.mixtures.languages
        known = replace(
            self.residuals,
            points=_points(self.mixtures.on(languages), self.exchange, index, *told),
            like=likeness(names),
        )
        new = _points(asked, self.exchange, index, *told)
        mean, variance = known.predict(new)
        rest = mean * scales[codes]
        if self.boosted is not None and seen.any():
            rows = np.flatnonzero(seen)
            trees = self.boosted.predict(asked.take(rows))
            rest[rows] = (rest[rows] + trees - levels[codes[rows]] - data[rows]) / 2
        noise = self.residuals.hyperparameters[11] + self.residuals.hyperparameters[12]
        sd = np.sqrt((variance + noise) * scales[codes] ** 2 + level_sd[codes] ** 2)
        return Predicted(levels[codes] + data + rest, sd, levels[codes], data, rest, seen)

    def _levels(self, names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Levels of targets and their uncertainty; 0 for those that were learned from."""
        new = list(names[len(self.targets) :])
        sd = np.zeros(len(names))
        if not new:
            return self.levels, sd
        mean, spread = krige(self.targets, self.levels, new, self.mixtures.languages)
        sd[len(self.targets) :] = spread
        return np.append(self.levels, mean), sd


def _typical(model: Effective) -> float:
    return float(np.median(model.scales))


def likeness(names: Sequence[str]) -> NDArray[np.float64]:
    """Similarity of languages in [0, 1], 1 on the diagonal."""
    near: NDArray[np.float64] = np.exp(-language_distances(names, names).mean(-1) / NEAR)
    return near


def _points(
    mixtures: Mixtures,
    exchange: Exchange,
    index: dict[str, int],
    relevance: dict[str, NDArray[np.float64]],
    languages: Sequence[str],
) -> Points:
    own = mixtures.own()
    others = np.maximum(exchange.effective(mixtures) - own, 0.0)
    few = np.log1p(np.column_stack([own, others, mixtures.amounts.sum(1)]))
    codes = np.array([index[t] for t in mixtures.targets])
    # What a target's scores say of each language where they are many, else its exchange rate.
    weights = np.sqrt(exchange.rates(mixtures.languages, list(index))).T
    place = [mixtures.languages.index(name) for name in languages]
    for name, found in relevance.items():
        weights[index[name]] = 0.0
        weights[index[name], place] = found
    return Points(few, np.log1p(mixtures.amounts) * weights[codes], codes, mixtures.runs)


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


def _traits(names: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
    """What a level may depend on: text read in pre-training, and distance to the sources."""
    rows = []
    distances = language_distances(names, sources).mean(-1)
    for name, row in zip(names, distances, strict=True):
        tokens, seen = UNREAD, 0.0
        if is_known(name):
            language = find_language(name)
            tokens = language.mc4_tokens if language.mc4_tokens > 0 else UNREAD
            seen = float(language.xlmr)
        apart = row[[s != name for s in sources]]
        rows.append([np.log10(tokens), seen, apart.mean() if len(apart) else 0.0])
    return np.array(rows)


def krige(
    targets: Sequence[str],
    levels: NDArray[np.float64],
    new: Sequence[str],
    sources: Sequence[str],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of unseen languages from those of seen ones.

    Kriging with a trend: a level is a mean, plus slopes drawn to `PRIOR_SLOPES` on pre-training text
    (log mC4 tokens; whether XLM-R saw it) and on the mean distance to the sources, plus a
    part that like languages share, plus its own. Averaged over a grid of variances and
    lengths, each weighted by its likelihood.

    Returns
    -------
    mean, sd
        Log odds, shape (new,).
    """
    n = len(targets)
    if n < LEAST:
        return np.full(len(new), levels.mean()), np.full(len(new), max(float(levels.std()), 0.5))
    old, fresh = _traits(targets, sources), _traits(new, sources)
    slopes = np.array(PRIOR_SLOPES)
    levels, ahead = levels - old @ slopes, fresh @ slopes
    centre, spread = old.mean(0), old.std(0) + 1e-9
    x = (old - centre) / spread
    x_new = np.clip((fresh - centre) / spread, -3, 3)
    apart = language_distances([*targets, *new], [*targets, *new]).mean(-1)
    ones = np.ones(n)
    found = []
    for near, shared, alone, stiff in product(
        (0.1, 0.2, 0.4), (0.1, 0.5, 1.0, 3.0), (0.1, 0.3, 1.0), (1.0, 5.0, 20.0)
    ):
        alike = shared * np.exp(-apart / near)
        cover = alike[:n, :n] + alone * np.eye(n) + x @ x.T / stiff
        inverse = np.linalg.inv(cover)
        mean = float(ones @ inverse @ levels / (ones @ inverse @ ones))
        off = levels - mean
        variance = max(float(off @ inverse @ off) / n, 1e-12)
        fits = -0.5 * (n * np.log(variance) + np.linalg.slogdet(cover)[1])
        across = alike[n:, :n] + x_new @ x.T / stiff
        own = shared + alone + (x_new**2).sum(1) / stiff
        left = np.maximum(own - np.einsum("ij,jk,ik->i", across, inverse, across), 1e-6)
        found.append((fits, ahead + mean + across @ inverse @ off, left * variance))
    fits, means, variances = (np.array(part) for part in zip(*found, strict=True))
    weights = np.exp(fits - fits.max())
    weights /= weights.sum()
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))


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
    common = max(float((rest**2).mean()), 1e-8)
    own = np.bincount(codes, weights=rest**2)
    scales = np.sqrt((own + PRIOR_RUNS * common) / (counts + PRIOR_RUNS))
    names = targets.tolist()
    relevance = _relevance(known, z) if like is None else {
        name: found for name, found in like.relevance.items() if name in names
    }
    index = {name: i for i, name in enumerate(names)}
    points = _points(known, exchange, index, relevance, known.languages)
    values, alike = rest / scales[codes], likeness(names)
    if like is None:
        residuals = fit_residuals(points, values, alike)
    else:
        residuals = Residuals(points, values, alike, like.residuals.hyperparameters)
    boosted = _boost(known, exchange, names) if relevance and trees else None
    return Effective(known, exchange, names, levels, scales, relevance, residuals, boosted)
