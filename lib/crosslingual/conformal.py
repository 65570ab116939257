"""Intervals of predictions, calibrated on runs and languages that were held out.

A prediction's own standard deviation says where it is surer than elsewhere, not how sure;
what it is multiplied by is the quantile of errors made when cells were held out: folds of
runs for targets with scores, whole languages for targets without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level, generator
from .effective import Effective, Predicted, fit_effective
from .errors import DataError
from .exchange import logistic, logit

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Calibration", "calibrate", "quantile_over_targets", "weighted_quantile"]

LEAST_LANGUAGES = 5


def weighted_quantile(
    values: NDArray[np.float64], weights: NDArray[np.float64], level: float
) -> float:
    """Value with ``level`` of the weight below it, half of its own weight counted below.

    Linear between values (Hazen's rule, weighted), so that with few languages an interval does
    not jump to the worst error, as conformal prediction's integer rank does: it covers its
    level on average, and not at least.

    Parameters
    ----------
    values, weights : array, shape (n,)
        Errors, and what they count.
    level : float
        In (0, 1).
    """
    order = np.argsort(values)
    share = weights[order] / weights.sum()
    return float(np.interp(level, np.cumsum(share) - share / 2, values[order]))


def quantile_over_targets(errors: pd.Series, targets: pd.Series, level: float) -> float:
    """Quantile of errors in which every target counts the same, however many its cells.

    The next target is one more language, not more cells.

    Parameters
    ----------
    errors : Series
        One a cell.
    targets : Series
        The language of each.
    level : float
        In (0, 1).
    """
    counts = errors.groupby(targets).transform("size").to_numpy(dtype=float)
    return weighted_quantile(errors.to_numpy(dtype=float), 1 / counts, level)


@dataclass(frozen=True)
class Calibration:
    """Errors of held-out cells, and the intervals they make.

    Attributes
    ----------
    errors : DataFrame
        One row a held-out cell: kind (``seen`` target or ``unseen``), target, score,
        predicted, mean, sd (log odds), ratio (absolute error over sd, log odds).
    """

    errors: pd.DataFrame

    def factor(self, kind: str, level: float = 0.8) -> float:
        """How many standard deviations an interval reaches to either side.

        Parameters
        ----------
        kind : str
            ``seen`` or ``unseen``: whether the target was trained on in some run.
        level : float
            Coverage, in (0, 1).

        Raises
        ------
        DataError
            If the level is not between 0 and 1, or too few languages were held out.
        """
        check_level(level)
        part = self.errors[self.errors["kind"] == kind]
        if part.empty:
            raise DataError(
                f"intervals for {kind} targets cannot be calibrated: fewer than "
                f"{LEAST_LANGUAGES} targets, or no run to hold out."
            )
        return quantile_over_targets(part["ratio"], part["target"], level)

    def interval(
        self, predicted: Predicted, level: float = 0.8
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Low and high of the score of every cell.

        Parameters
        ----------
        predicted : Predicted
            Of `crosslingual.effective.Effective.predict`.
        level : float
            Coverage, in (0, 1).

        Returns
        -------
        low, high : array, shape (cells,)
            Fractions.

        Raises
        ------
        DataError
            As `factor`.
        """
        reach = np.zeros(len(predicted.mean))
        for kind, rows in (("seen", predicted.seen), ("unseen", ~predicted.seen)):
            if rows.any():
                reach[rows] = self.factor(kind, level) * predicted.sd[rows]
        return logistic(predicted.mean - reach), logistic(predicted.mean + reach)

    def summary(self) -> pd.DataFrame:
        """Errors by kind: cells, targets, mae (each target counted the same), factor at 80 %."""
        import pandas as pd

        rows = []
        for kind, part in self.errors.groupby("kind", sort=True):
            error = (part["predicted"] - part["score"]).abs()
            rows.append(
                {
                    "kind": kind,
                    "cells": len(part),
                    "targets": part["target"].nunique(),
                    "mae": error.groupby(part["target"]).mean().mean(),
                    "factor": self.factor(str(kind)),
                }
            )
        return pd.DataFrame(rows)


def calibrate(
    model: Effective, run_folds: int = 5, language_folds: int = 10, seed: int = 0
) -> Calibration:
    """Hold out runs, then whole languages, and note the errors.

    Rates and hyperparameters (a few numbers learned from all cells) stay as they are;
    levels, relevances and everything else are learned again without what is held out.
    Cells of a held-out language count only if the model had no example of it, as for a language
    that nobody has annotated.

    Parameters
    ----------
    model : Effective
        Fitted.
    run_folds, language_folds : int
        Groups held out at a time.
    seed : int
        Of the grouping.

    Raises
    ------
    DataError
        If there is nothing to hold out: one run, and too few targets.
    """
    import pandas as pd

    cells, random = model.mixtures, generator(seed)
    found = []

    def note(kind: str, test: NDArray[np.bool_], train: NDArray[np.bool_]) -> None:
        if not test.any() or train.sum() < 8:
            return
        trees = kind == "seen" and model.boosted is not None
        again = fit_effective(cells.take(np.flatnonzero(train)), like=model, trees=trees)
        asked = cells.take(np.flatnonzero(test))
        predicted = again.predict(asked)
        rows = predicted.seen if kind == "seen" else ~predicted.seen
        error = np.abs(logit(asked.scores) - predicted.mean)
        table = pd.DataFrame(
            {
                "kind": kind,
                "target": asked.targets,
                "score": asked.scores,
                "predicted": predicted.score,
                "mean": predicted.mean,
                "sd": predicted.sd,
                "ratio": error / predicted.sd,
            }
        )
        found.append(table[rows])

    runs = random.permutation(np.unique(cells.runs))
    if len(runs) > 1:
        for fold in np.array_split(runs, min(run_folds, len(runs))):
            out = np.isin(cells.runs, fold)
            note("seen", out, ~out)
    targets = random.permutation(np.unique(cells.targets))
    if len(targets) >= LEAST_LANGUAGES:
        foreign = cells.own() == 0
        for fold in np.array_split(targets, min(language_folds, len(targets))):
            out = np.isin(cells.targets, fold)
            note("unseen", out & foreign, ~out)
    if not found:
        raise DataError("intervals cannot be calibrated: there is nothing to hold out.")
    return Calibration(pd.concat(found, ignore_index=True))
