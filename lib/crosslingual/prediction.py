"""Predictors of scores of pairs: trivial ones, and ones that learn from features.

All share one interface: ``fit(rows)`` on pairs with scores, ``predict(rows)`` for others.
Rows have source, target, score, and feature columns turned so that larger = more alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .errors import UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEARNERS", "Predictor", "make_predictor"]

LEARNERS = ("linear", "boosted", "gp")
_MOST_ROWS = 800  # of a Gaussian process, whose cost grows with their cube


class Predictor(Protocol):
    """What every predictor does."""

    name: str

    def fit(self, rows: pd.DataFrame) -> Predictor:
        """Learn from pairs with scores.

        Parameters
        ----------
        rows : DataFrame
            Pairs: source, target, score and the features that the predictor was made with.

        Returns
        -------
        Predictor
            Itself.
        """
        ...

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Scores of pairs, shape (rows,).

        Parameters
        ----------
        rows : DataFrame
            As for `fit`, without scores.

        Returns
        -------
        array, shape (rows,)
            Predicted scores; of predictors that only rank, numbers to rank by.
        """
        ...


@dataclass
class Mean:
    """The mean of all scores, or of those with the same source or target.

    A language that was not seen in that role gets the mean of all.
    """

    name: str
    by: str | None = None
    _all: float = 0.0
    _means: dict[str, float] = field(default_factory=dict)

    def fit(self, rows: pd.DataFrame) -> Mean:
        """Average."""
        self._all = float(rows["score"].mean())
        if self.by:
            means = rows.groupby(self.by)["score"].mean()
            self._means = {str(k): float(v) for k, v in means.items()}
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Look up."""
        if self.by is None:
            return np.full(len(rows), self._all)
        return rows[self.by].map(self._means).fillna(self._all).to_numpy(dtype=float)


@dataclass
class By:
    """Ranks by one column, or puts one language first; its scores are no predictions."""

    name: str
    column: str = ""
    language: str = ""

    def fit(self, rows: pd.DataFrame) -> By:
        """Nothing to learn."""
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """The column, or 1 for the language."""
        if self.language:
            return (rows["source"] == self.language).to_numpy(dtype=float)
        return rows[self.column].to_numpy(dtype=float)


@dataclass
class WithinTargets:
    """Learns differences between sources within targets, and the level of a target apart.

    score(s, t) = level(t) + within(s, t). The scores of each target are centred, so that
    its own difficulty cannot swamp the choice of source; the level is learned from features
    that belong to the target, and from the means of the pair features over its sources.

    Parameters
    ----------
    name : str
        ``linear`` (ridge), ``boosted`` (histogram gradient boosting) or ``gp`` (Gaussian
        process on at most 800 rows drawn at random).
    features : tuple of str
        Columns.
    seed : int
        Of what is random.

    Notes
    -----
    How strongly to regularise is chosen by cross-validation over whole target languages,
    within the rows given: nested, so nothing of a language held out is seen. How good a source
    is elsewhere (the mean of its centred scores, shrunk) is one more feature; within that
    selection it is left as computed from all rows given.
    """

    name: str
    features: tuple[str, ...]
    seed: int = 0
    _within: Any = None
    _level: Any = None
    _quality: dict[str, float] = field(default_factory=dict)

    def fit(self, rows: pd.DataFrame) -> WithinTargets:
        """Learn both parts."""
        means = rows.groupby("target")["score"].transform("mean")
        centred = rows["score"] - means
        totals = centred.groupby(rows["source"]).agg(["sum", "count"])
        quality = totals["sum"] / (totals["count"] + 2)
        self._quality = {str(k): float(v) for k, v in quality.items()}
        groups = rows["target"].to_numpy(dtype=str)
        self._within = _estimator(self.name, self.seed)
        x, y = self._columns(rows), centred.to_numpy(dtype=float)
        self._within = _fitted(self._within, self.name, x, y, groups, self.seed)
        level = rows.groupby("target")[["score", *self.features]].mean()
        self._level = _fitted(
            _estimator("linear", self.seed),
            "linear",
            level[list(self.features)].to_numpy(dtype=float),
            level["score"].to_numpy(dtype=float),
            level.index.to_numpy(dtype=str),
            self.seed,
        )
        return self

    def _columns(self, rows: pd.DataFrame) -> np.ndarray:
        centred = rows[list(self.features)] - rows.groupby("target")[list(self.features)].transform(
            "mean"
        )
        quality = rows["source"].map(self._quality).fillna(0.0)
        return np.column_stack([centred.to_numpy(dtype=float), quality.to_numpy(dtype=float)])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Level plus difference; features are centred over the sources that are asked for."""
        level = rows.groupby("target")[list(self.features)].mean()
        levels = dict(
            zip(level.index, self._level.predict(level.to_numpy(dtype=float)), strict=True)
        )
        within: np.ndarray = self._within.predict(self._columns(rows))
        return within + rows["target"].map(levels).to_numpy(dtype=float)

    def explain(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to each prediction; rows sum to it (``linear`` only).

        Parameters
        ----------
        rows : DataFrame
            As for `predict`.

        Returns
        -------
        DataFrame
            Columns level, the features, elsewhere (how good the source is for others).
        """
        import pandas as pd

        scaler, ridge = self._within[0], self._within[-1]
        x = (self._columns(rows) - scaler.mean_) / scaler.scale_
        parts = pd.DataFrame(x * ridge.coef_, columns=[*self.features, "elsewhere"])
        total = self.predict(rows)
        parts.insert(0, "level", total - parts.sum(axis=1).to_numpy())
        return parts


@dataclass
class Plain:
    """Ridge on the raw scores, targets not centred: what within-target learning is up against."""

    name: str
    features: tuple[str, ...]
    seed: int = 0
    _model: Any = None

    def fit(self, rows: pd.DataFrame) -> Plain:
        """Learn."""
        self._model = _fitted(
            _estimator("linear", self.seed),
            "linear",
            rows[list(self.features)].to_numpy(dtype=float),
            rows["score"].to_numpy(dtype=float),
            rows["target"].to_numpy(dtype=str),
            self.seed,
        )
        return self

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Predict."""
        values: np.ndarray = self._model.predict(rows[list(self.features)].to_numpy(dtype=float))
        return values


def _estimator(name: str, seed: int) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == "linear":
        from sklearn.linear_model import Ridge

        return make_pipeline(StandardScaler(), Ridge())
    if name == "boosted":
        from sklearn.ensemble import HistGradientBoostingRegressor

        return make_pipeline(
            HistGradientBoostingRegressor(
                max_iter=150, learning_rate=0.06, min_samples_leaf=10, random_state=seed
            )
        )
    if name == "gp":
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        kernel = ConstantKernel(1.0) * RBF(3.0, (0.3, 100.0)) + WhiteKernel(0.5)
        return make_pipeline(
            StandardScaler(),
            GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed),
        )
    raise UnknownNameError(name, LEARNERS)


_GRIDS: dict[str, dict[str, list[Any]]] = {
    "linear": {"ridge__alpha": [0.1, 1.0, 10.0, 100.0, 1000.0]},
    "boosted": {"histgradientboostingregressor__max_leaf_nodes": [4, 12]},
    "gp": {},
}


def _fitted(
    estimator: Any, name: str, x: np.ndarray, y: np.ndarray, groups: np.ndarray, seed: int
) -> Any:
    """Fit; choose hyperparameters by leaving out whole groups where there are enough."""
    from sklearn.model_selection import GridSearchCV, GroupKFold

    if name == "gp" and len(x) > _MOST_ROWS:
        chosen = np.random.default_rng(seed).permutation(len(x))[:_MOST_ROWS]
        x, y = x[chosen], y[chosen]
    folds = min(5, len(set(groups.tolist())))
    if not _GRIDS[name] or folds < 2:
        return estimator.fit(x, y)
    search = GridSearchCV(
        estimator, _GRIDS[name], scoring="neg_mean_squared_error", cv=GroupKFold(folds)
    )
    return search.fit(x, y, groups=groups).best_estimator_


def make_predictor(name: str, features: Sequence[str], seed: int = 0) -> Predictor:
    """A predictor by its name.

    Parameters
    ----------
    name : str
        ``global mean``, ``source mean``, ``target mean``, ``always CODE``, ``most FEATURE``
        (the source with the largest value), ``nearest FEATURE``, ``not centred``, or one of
        `LEARNERS`.
    features : sequence of str
        Columns that learners use.
    seed : int
        Of what is random.

    Raises
    ------
    UnknownNameError
        For another name.
    """
    if name in LEARNERS:
        return WithinTargets(name, tuple(features), seed)
    if name == "not centred":
        return Plain(name, tuple(features), seed)
    if name == "global mean":
        return Mean(name)
    if name in ("source mean", "target mean"):
        return Mean(name, name.split()[0])
    word, _, rest = name.partition(" ")
    if word == "always" and rest:
        return By(name, language=rest)
    if word in ("nearest", "most") and rest in features:
        return By(name, column=rest)
    known = ["global mean", "source mean", "target mean", "not centred", *LEARNERS]
    raise UnknownNameError(name, [*known, *(f"nearest {f}" for f in features)])
