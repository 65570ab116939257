"""Intervals of predictions, calibrated on runs and languages that were held out.

A prediction's own standard deviation says where it is surer than elsewhere, not how sure;
what it is multiplied by is the quantile of errors made when cells were held out: folds of runs,
whole languages, or a language's cells with more than some number of its own examples, as what is
asked about is unknown (`crosslingual.effective.KINDS`). Errors in log odds depend on the score that
is predicted, too: near 0 a few test examples move them far. That is learned first (normalised
conformal prediction, Papadopoulos et al. 2002), else intervals of low scores are too narrow and
those of high ones too wide: right on average, and hardly anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level, generator
from .effective import KINDS, Effective, Predicted, fit_effective
from .errors import DataError
from .exchange import EDGE, logistic, logit
from .tilt import NO_TILT, Tilt, fit_tilt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "Calibration",
    "calibrate",
    "middle_number",
    "quantile_over_targets",
    "weighted_quantile",
]

LEAST_LANGUAGES = 5
INSTEAD = {
    "first": ("more", "seen"),
    "more": ("first", "seen"),
    "unseen_first": ("unseen",),
}
"""Whose errors count where a kind could not be held out."""


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
        One row a held-out cell: kind (of `crosslingual.effective.KINDS`), target, score,
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
            Of `crosslingual.effective.KINDS`.
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
        known = set(self.errors["kind"])
        held = next((k for k in (kind, *INSTEAD.get(kind, ())) if k in known), None)
        if held is None:
            raise DataError(
                f"intervals for {KINDS[kind]} cannot be calibrated: fewer than {LEAST_LANGUAGES} "
                "targets, or no run to hold out."
            )
        part, tilt = self.errors[self.errors["kind"] == held], self.tilts[held]
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
        for kind in np.unique(predicted.kind):
            rows = predicted.kind == kind
            told = self.factors(str(kind), predicted.mean[rows], level)
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
    """Hold out runs, then languages, whole or from some number of own examples on; note the errors.

    Rates and hyperparameters (a few numbers learned from all cells) stay as they are;
    levels, relevances and everything else are learned again without what is held out.

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

    def note(kinds: Sequence[str], out: NDArray[np.bool_]) -> None:
        if not out.any() or (~out).sum() < 8:
            return
        trees = "seen" in kinds and model.boosted is not None  # they know of nothing else
        again = fit_effective(cells.take(np.flatnonzero(~out)), like=model, trees=trees)
        asked = cells.take(np.flatnonzero(out))
        predicted = again.predict(asked)
        error = np.abs(logit(asked.scores) - predicted.mean)
        table = pd.DataFrame(
            {
                "kind": predicted.kind,
                "target": asked.targets,
                "score": asked.scores,
                "predicted": predicted.score,
                "mean": predicted.mean,
                "sd": predicted.sd,
                "ratio": error / predicted.sd,
            }
        )
        found.append(table[table["kind"].isin(kinds)])

    runs = random.permutation(np.unique(cells.runs))
    if len(runs) > 1:
        for fold in np.array_split(runs, min(run_folds, len(runs))):
            note(["seen"], np.isin(cells.runs, fold))
    targets, own = random.permutation(np.unique(cells.targets)), cells.own()
    for fold in np.array_split(targets, min(language_folds, len(targets))):
        out = np.isin(cells.targets, fold)
        if len(targets) >= LEAST_LANGUAGES:
            note(["unseen", "unseen_first"], out)
        note(["first"], out & (own > 0))
        note(["more"], out & (own > middle_number(own)))
    if not found:
        raise DataError("intervals cannot be calibrated: there is nothing to hold out.")
    return Calibration(pd.concat(found, ignore_index=True))


def middle_number(own: NDArray[np.float64]) -> float:
    """The number in the middle of those of own examples: a target may have had so many, no more.

    Parameters
    ----------
    own : array, shape (cells,)
        Numbers of examples.

    Returns
    -------
    float
        Below the largest; infinity where there is but one.

    Examples
    --------
    >>> import numpy as np
    >>> middle_number(np.array([0.0, 5.0, 25.0, 25.0, 100.0]))
    25.0
    """
    numbers = np.unique(own[own > 0])
    return float(numbers[(len(numbers) - 1) // 2]) if len(numbers) > 1 else np.inf
