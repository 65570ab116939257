"""How well mixtures are foretold: runs and whole languages held out, baselines beside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .arguments import generator
from .conformal import LEAST_LANGUAGES, Calibration, calibrate
from .effective import fit_effective
from .errors import DataError
from .mixtures import Mixtures

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["MixtureValidation", "coverage_by_level", "interval_score", "validate_mixtures"]


@dataclass(frozen=True)
class MixtureValidation:
    """Errors on held-out runs and languages; prints itself.

    Attributes
    ----------
    summary : DataFrame
        One row a kind (`crosslingual.effective.KINDS`): cells, targets, mae (mean over targets),
        baseline (what the mean of the target's other scores gets; for unseen targets the mean of
        all), coverage and width of the intervals, and their interval_score.
    predictions : DataFrame
        One row a held-out cell: kind, fold, target, score, predicted, baseline, low, high.
    interval : float
        Nominal coverage.
    """

    summary: pd.DataFrame
    predictions: pd.DataFrame
    interval: float

    def __str__(self) -> str:
        return (
            f"{self.summary.round(4).to_string(index=False)}\n"
            f"Runs and languages held out together, everything learned again; intervals are to "
            f"cover {self.interval:.0%}."
        )


def validate_mixtures(
    mixtures: Mixtures, folds: int = 5, interval: float = 0.8, seed: int = 0, progress: bool = False
) -> MixtureValidation:
    """Hold out a group of runs and a group of targets at a time, and learn everything again.

    The runs held out are judged on the targets kept; the targets held out on all runs, as a
    surprise language would be: without any example of it, and with its first.

    Parameters
    ----------
    mixtures : Mixtures
        With scores.
    folds : int
        Groups.
    interval : float
        Nominal coverage.
    seed : int
        Of the grouping.
    progress : bool
        Show a bar.

    Raises
    ------
    DataError
        If there are fewer runs than folds, or fewer than six targets.
    """
    import pandas as pd
    from tqdm import tqdm

    cells = mixtures.take(np.flatnonzero(~np.isnan(mixtures.scores)))
    random = generator(seed)
    runs = random.permutation(np.unique(cells.runs))
    targets = random.permutation(np.unique(cells.targets))
    if len(runs) < folds or len(targets) < LEAST_LANGUAGES + 1 or folds < 2:
        raise DataError(
            f"{len(runs)} runs and {len(targets)} targets are too few to hold out {folds} groups: "
            f"at least {folds} runs and {LEAST_LANGUAGES + 1} targets are needed."
        )
    groups = zip(np.array_split(runs, folds), np.array_split(targets, folds), strict=True)
    found = []
    for fold, (some_runs, some_targets) in enumerate(
        tqdm(list(groups), desc="folds", disable=not progress)
    ):
        out_run, out_target = np.isin(cells.runs, some_runs), np.isin(cells.targets, some_targets)
        train = cells.take(np.flatnonzero(~out_run & ~out_target))
        model = fit_effective(train)
        calibration = calibrate(model, seed=seed)
        means = {name: train.scores[train.targets == name].mean() for name in model.targets}
        for rows in (out_run & ~out_target, out_target):
            if not rows.any():
                continue
            asked = cells.take(np.flatnonzero(rows))
            predicted = model.predict(asked)
            low, high = calibration.interval(predicted, interval)
            baseline = [means.get(name, train.scores.mean()) for name in asked.targets]
            found.append(
                pd.DataFrame(
                    {
                        "kind": predicted.kind,
                        "fold": fold,
                        "target": asked.targets,
                        "score": asked.scores,
                        "predicted": predicted.score,
                        "baseline": baseline,
                        "low": low,
                        "high": high,
                    }
                )
            )
    predictions = pd.concat(found, ignore_index=True)
    return MixtureValidation(_summary(predictions, interval), predictions, interval)


def interval_score(
    score: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], level: float
) -> NDArray[np.float64]:
    """Score of intervals: width, and what is missed times 2 / (1 - level). Lower is better.

    The score of Winkler (1972), proper for intervals (Gneiting and Raftery 2007, equation 43):
    neither a wide interval nor one that misses gets a good one.

    Parameters
    ----------
    score, low, high : array, shape (cells,)
        Fractions.
    level : float
        Nominal coverage, in (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> low, high = np.array([0.2, 0.2]), np.array([0.4, 0.4])
    >>> interval_score(np.array([0.3, 0.5]), low, high, 0.8).round(6).tolist()
    [0.2, 1.2]
    """
    missed: NDArray[np.float64] = np.maximum(low - score, 0) + np.maximum(score - high, 0)
    return high - low + 2 / (1 - level) * missed


def coverage_by_level(
    calibration: Calibration, level: float = 0.8, groups: int = 4
) -> pd.DataFrame:
    """Coverage of held-out cells by the score that was predicted for them.

    Intervals that are right on average can be too narrow for low scores and too wide for high ones.

    Parameters
    ----------
    calibration : Calibration
        Each target's intervals are made from the errors on the others
        (`crosslingual.conformal.Calibration.held_out`).
    level : float
        Nominal coverage.
    groups : int
        Of cells, equally many in each.

    Returns
    -------
    DataFrame
        Columns kind, by_level (whether intervals took the predicted score into account), group (1
        for the lowest predictions), predicted (mean), mae, coverage, interval_score (mean), cells.
    """
    import pandas as pd

    rows = []
    for by_level in (False, True):
        held = replace(calibration, by_level=by_level).held_out(level)
        missed = (held["predicted"] - held["score"]).abs()
        held = held.assign(mae=missed, interval_score=_interval_scores(held, level))
        for kind, part in held.groupby("kind", sort=True):
            place = part["predicted"].rank(method="first").to_numpy() - 1
            group = 1 + (place * groups // len(part)).astype(int)
            for number, some in part.groupby(group):
                means = some[["predicted", "mae", "inside", "interval_score"]].mean()
                rows.append(
                    {
                        "kind": kind,
                        "by_level": by_level,
                        "group": number,
                        "predicted": means["predicted"],
                        "mae": means["mae"],
                        "coverage": means["inside"],
                        "interval_score": means["interval_score"],
                        "cells": len(some),
                    }
                )
    return pd.DataFrame(rows)


def _interval_scores(cells: pd.DataFrame, level: float) -> pd.Series:
    import pandas as pd

    score, low, high = (cells[name].to_numpy(dtype=float) for name in ("score", "low", "high"))
    return pd.Series(interval_score(score, low, high, level), index=cells.index)


def _summary(predictions: pd.DataFrame, interval: float) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for kind, part in predictions.groupby("kind", sort=True):
        inside = (part["score"] >= part["low"]) & (part["score"] <= part["high"])

        def each(values: pd.Series, of: pd.Series = part["target"]) -> float:
            return float(values.groupby(of).mean().mean())

        rows.append(
            {
                "kind": kind,
                "cells": len(part),
                "targets": part["target"].nunique(),
                "mae": each((part["predicted"] - part["score"]).abs()),
                "baseline": each((part["baseline"] - part["score"]).abs()),
                "coverage": each(inside.astype(float)),
                "width": each(part["high"] - part["low"]),
                "interval_score": each(_interval_scores(part, interval)),
            }
        )
    return pd.DataFrame(rows)
