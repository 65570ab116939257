"""Gradient-boosted trees beside the process: they find thresholds that smoothness does not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .exchange import Exchange, logit
from .mixtures import Mixtures

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Boosted", "boost", "one_thread"]

NEAREST = 6  # languages whose amounts the trees see in the order of their rates


def one_thread() -> AbstractContextManager[object]:
    """While entered, linear algebra and trees use one thread.

    Threads that wait for each other spin. With the small matrices of a study more of them gain
    nothing on idle cores, and on busy ones a fit took several times as long.
    """
    import sklearn.ensemble  # noqa: F401 - what is not loaded yet would not be held to it
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


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
        logs = np.log1p(asked.amounts[:, place])
        names = list(self.centres)
        codes = np.array([names.index(t) for t in asked.targets])
        order = np.argsort(-self.exchange.rates(self.languages, names).T, axis=1)[:, :NEAREST]
        nearest = np.take_along_axis(logs, order[codes], axis=1)
        few = self.exchange.few(asked)
        return np.column_stack([few, (logs > 0).sum(1), codes, nearest, logs])

    def predict(self, mixtures: Mixtures) -> NDArray[np.float64]:
        """Log odds, shape (cells,)."""
        centres = np.array([self.centres[t] for t in mixtures.targets])
        odds: NDArray[np.float64] = centres + self.trees.predict(self.columns(mixtures))
        return odds


def boost(mixtures: Mixtures, exchange: Exchange, targets: Sequence[str]) -> Boosted:
    """Grow the trees on cells with scores.

    Parameters
    ----------
    mixtures : Mixtures
        Cells with scores.
    exchange : Exchange
        Learned from them.
    targets : sequence of str
        Target languages; each needs a score.

    Returns
    -------
    Boosted
        The grown trees.
    """
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
