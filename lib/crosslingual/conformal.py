"""Intervals of predictions, calibrated on runs and languages that were held out.

A prediction's own standard deviation says where it is surer than elsewhere, not how sure;
what it is multiplied by is the quantile of errors made when cells were held out: folds of
runs for targets with scores, whole languages for targets without. Errors in log odds depend on
the score that is predicted, too: near 0 a few test examples move them far. That is learned first
(normalised conformal prediction, Papadopoulos et al. 2002), else intervals of low scores are too
narrow and those of high ones too wide: right on average, and hardly anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level, generator
from .effective import Effective, Predicted, fit_effective
from .errors import DataError
from .exchange import EDGE, logistic, logit
from .tilt import NO_TILT, Tilt, fit_tilt

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Calibration", "calibrate", "quantile_over_targets", "weighted_quantile"]

LEAST_LANGUAGES = 5
KINDS = ("seen", "unseen")


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
    by_level : bool
        Whether intervals take into account that errors depend on the score that is predicted.
    """

    errors: pd.DataFrame
    by_level: bool = True

    @cached_property
    def tilts(self) -> dict[str, Tilt]:
        """How errors change with the prediction, by kind; ``by_level`` says whether it counts."""
        made = {}
        for kind, part in self.errors.groupby("kind", sort=True):
            made[str(kind)] = fit_tilt(part) if self.by_level else NO_TILT
        return made

    def factors(
        self, kind: str, mean: NDArray[np.float64], level: float = 0.8
    ) -> NDArray[np.float64]:
        """How many standard deviations an interval reaches to either side.

        Parameters
        ----------
        kind : str
            ``seen`` or ``unseen``: whether the target was trained on in some run.
        mean : array, shape (cells,)
            Predictions, log odds.
        level : float
            Coverage, in (0, 1).

        Returns
        -------
        array, shape (cells,)

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
        tilt = self.tilts[kind]
        usual = part["ratio"] / tilt.at(part["mean"].to_numpy(dtype=float))
        return quantile_over_targets(usual, part["target"], level) * tilt.at(mean)

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
            As `factors`.
        """
        reach = np.zeros(len(predicted.mean))
        for kind, rows in zip(KINDS, (predicted.seen, ~predicted.seen), strict=True):
            if rows.any():
                told = self.factors(kind, predicted.mean[rows], level)
                reach[rows] = told * predicted.sd[rows]
        return _ends(predicted.mean, reach)

    def held_out(self, level: float = 0.8) -> pd.DataFrame:
        """Intervals of the held-out cells, those of each target calibrated on the others.

        What coverage can be looked at by: target, score, anything.

        Parameters
        ----------
        level : float
            Coverage, in (0, 1).

        Returns
        -------
        DataFrame
            Columns kind, target, score, predicted, low, high, inside (bool).

        Raises
        ------
        DataError
            If the level is not between 0 and 1, or no kind has two targets.
        """
        import pandas as pd

        found = []
        for kind, same in self.errors.groupby("kind", sort=True):
            for target, part in same.groupby("target", sort=True):
                others = same[same["target"] != target]
                if others.empty:
                    continue
                mean = part["mean"].to_numpy(dtype=float)
                told = replace(self, errors=others).factors(str(kind), mean, level)
                low, high = _ends(mean, told * part["sd"].to_numpy(dtype=float))
                made = part[["kind", "target", "score", "predicted"]].assign(low=low, high=high)
                found.append(made)
        if not found:
            raise DataError(
                "intervals of a target are made from the errors on others here: two targets of a "
                "kind are needed."
            )
        table = pd.concat(found, ignore_index=True)
        inside = (table["score"] >= table["low"]) & (table["score"] <= table["high"])
        return table.assign(inside=inside)

    def summary(self) -> pd.DataFrame:
        """Errors by kind.

        Returns
        -------
        DataFrame
            Columns kind, cells, targets, mae (each target counted the same), factor (how many
            standard deviations an 80 % interval reaches at a usual score), tilt (by what that is
            multiplied where the prediction is one log odds higher).
        """
        import pandas as pd

        rows = []
        for kind, part in self.errors.groupby("kind", sort=True):
            error = (part["predicted"] - part["score"]).abs()
            tilt = self.tilts[str(kind)]
            rows.append(
                {
                    "kind": kind,
                    "cells": len(part),
                    "targets": part["target"].nunique(),
                    "mae": error.groupby(part["target"]).mean().mean(),
                    "factor": self.factors(str(kind), np.array([tilt.middle]))[0],
                    "tilt": np.exp(tilt.slope),
                }
            )
        return pd.DataFrame(rows)


def _ends(
    mean: NDArray[np.float64], reach: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of intervals as scores: 0 or 1 where within `EDGE` of it, as errors were counted."""
    low, high = logistic(mean - reach), logistic(mean + reach)
    return np.where(low <= EDGE, 0.0, low), np.where(high >= 1 - EDGE, 1.0, high)


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
