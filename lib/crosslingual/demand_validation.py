"""Were as many labels needed as were foretold? Goals that were reached, asked as if they were not.

Every measured score of a target with n examples is a goal that n examples reach. It is put to a
model that knows less: nothing of the target, its zero-shot scores, or those with a few examples.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .boosting import one_thread
from .conformal import LEAST_LANGUAGES, calibrate, middle_number
from .demands import Advice
from .effective import fit_effective
from .errors import DataError
from .mixtures import Mixtures

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["demand_errors", "reached_at", "validate_demands"]


def reached_at(
    numbers: NDArray[np.float64], curve: NDArray[np.float64], goals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers of labels at which a rising curve reaches goals; infinity where it never does.

    Parameters
    ----------
    numbers : array, shape (points,)
        Rising.
    curve : array, shape (points,)
        Scores there, not falling; between them linear in the logarithm of 1 + labels.
    goals : array, shape (goals,)
        Scores.

    Examples
    --------
    >>> import numpy as np
    >>> numbers, curve = np.array([0.0, 9.0, 99.0]), np.array([0.2, 0.4, 0.6])
    >>> reached_at(numbers, curve, np.array([0.1, 0.4, 0.7])).round(6).tolist()
    [0.0, 9.0, inf]
    """
    at = np.searchsorted(curve, goals)
    last = np.minimum(at, len(curve) - 1)
    before = np.maximum(last - 1, 0)
    logs = np.log1p(numbers)
    rise = curve[last] - curve[before]
    share = np.where(rise > 0, (goals - curve[before]) / np.where(rise > 0, rise, 1), 1.0)
    found = np.expm1(logs[before] + np.clip(share, 0, 1) * (logs[last] - logs[before]))
    return np.where(at == len(curve), np.inf, np.where(at == 0, numbers[0], found))


def validate_demands(
    mixtures: Mixtures, interval: float = 0.8, seed: int = 0, progress: bool = False
) -> pd.DataFrame:
    """Foretell how many labels measured scores needed, from what would be known before.

    Rates and hyperparameters are those of all cells, as in `crosslingual.conformal.calibrate`;
    intervals come from the errors on the other targets.

    Parameters
    ----------
    mixtures : Mixtures
        With scores, some of which differ by nothing but the number of the target's own examples.
    interval : float
        Nominal coverage.
    seed : int
        Of what is held out together in the calibration.
    progress : bool
        Show a bar.

    Returns
    -------
    DataFrame
        One row a goal: known (``nothing`` of the target; its ``zero-shot`` scores, without examples
        of its own; its ``few-shot`` scores, with examples up to the middle one of the numbers there
        are), target, beside (languages learned from beside the target, ``nothing`` for none), goal
        (mean over repetitions), labels (that it took), predicted, low, high (infinity: beyond what
        is foretold), inside (bool).

    Raises
    ------
    DataError
        If no goal can be told: no scores that differ by the number of own examples only, or fewer
        than five targets.
    """
    import pandas as pd
    from tqdm import tqdm

    cells = mixtures.take(np.flatnonzero(~np.isnan(mixtures.scores)))
    targets = np.unique(cells.targets)
    goals = _goals(cells)
    if goals.empty or len(targets) < LEAST_LANGUAGES:
        raise DataError(
            f"{len(targets)} targets and {len(goals)} goals: to see whether numbers of labels are "
            f"foretold, {LEAST_LANGUAGES} targets are needed, with scores that differ by the "
            "number of the target's own examples only, see configs/few_shot.yaml."
        )
    own, found = cells.own(), []
    limit = middle_number(own)
    with one_thread():
        model = fit_effective(cells)
        calibration = calibrate(model, seed=seed)
        for target in tqdm(targets, desc="targets", disable=not progress):
            mine, others = cells.targets == target, calibration.errors["target"] != target
            told = replace(calibration, errors=calibration.errors[others])
            for known, most in (("nothing", -1.0), ("zero-shot", 0.0), ("few-shot", limit)):
                out = mine & (own > most)
                asked = goals[(goals["target"] == target) & (goals["labels"] > most)]
                if asked.empty or (most >= 0 and not (mine & ~out).any()):
                    continue
                learned = cells.take(np.flatnonzero(~out))
                trees = most >= 0 and model.boosted is not None
                advice = Advice(fit_effective(learned, like=model, trees=trees), told)
                made = _foretold(advice, asked, cells, interval)
                found.append(made.assign(known=known))
    table = pd.concat(found, ignore_index=True)
    inside = (table["low"] <= table["labels"]) & (table["labels"] <= table["high"])
    columns = ["known", "target", "beside", "goal", "labels", "predicted", "low", "high"]
    return table[columns].assign(inside=inside)


def demand_errors(table: pd.DataFrame) -> pd.DataFrame:
    """By what factor numbers of labels were missed, by what was known.

    Parameters
    ----------
    table : DataFrame
        What `validate_demands` gives.

    Returns
    -------
    DataFrame
        One row for each ``known``: goals, targets, tenth, median, ninetieth (quantiles of predicted
        over needed labels, infinity where no number is predicted), factor (by which half the goals
        are missed at most, up or down), coverage, open (share of intervals without an upper end).
    """
    import pandas as pd

    rows = []
    for known, part in table.groupby("known", sort=False):
        ratio = np.maximum(part["predicted"].to_numpy(dtype=float), 0.5) / part["labels"]
        quantiles = ratio.quantile([0.1, 0.5, 0.9], interpolation="nearest").tolist()
        rows.append(
            {
                "known": known,
                "goals": len(part),
                "targets": part["target"].nunique(),
                **dict(zip(("tenth", "median", "ninetieth"), quantiles, strict=True)),
                "factor": np.maximum(ratio, 1 / ratio).quantile(interpolation="nearest"),
                "coverage": part["inside"].mean(),
                "open": np.isinf(part["high"]).mean(),
            }
        )
    return pd.DataFrame(rows)


def _goals(cells: Mixtures) -> pd.DataFrame:
    """Scores that were reached with so many labels, and with no smaller number that was tried."""
    import pandas as pd

    own = cells.own()
    names = np.array(cells.languages)
    beside = cells.amounts * (names[None] != cells.targets[:, None])
    row = np.unique(beside, axis=0, return_inverse=True)[1].ravel()
    table = pd.DataFrame({"target": cells.targets, "row": row, "labels": own, "goal": cells.scores})
    table["first"] = np.arange(len(table))
    means = table.groupby(["target", "row", "labels"], sort=True).agg(
        goal=("goal", "mean"), first=("first", "min")
    )
    means = means.reset_index()
    curves = means.groupby(["target", "row"])["goal"]
    earlier = curves.transform(lambda scores: scores.cummax().shift(fill_value=-np.inf))
    several = curves.transform("size") > 1
    kept = means[several & (means["labels"] > 0) & (means["goal"] > earlier)]
    told = [" ".join(names[beside[i] > 0]) or "nothing" for i in kept["first"]]
    return kept.assign(beside=told)


def _foretold(
    advice: Advice, asked: pd.DataFrame, cells: Mixtures, interval: float
) -> pd.DataFrame:
    """Labels that the goals of one target are predicted to need."""
    import pandas as pd

    target = asked["target"].iloc[0]
    place = cells.languages.index(target)
    made = []
    for _, same in asked.groupby("row", sort=True):
        base = cells.amounts[int(same["first"].iloc[0])].copy()
        base[place] = 0.0
        numbers, (score, low, high) = advice.curve(base, cells.languages, target, interval)
        goals = same["goal"].to_numpy(dtype=float)
        columns = {"predicted": score, "low": high, "high": low}
        labels = {name: reached_at(numbers, curve, goals) for name, curve in columns.items()}
        made.append(same.assign(**labels))
    return pd.concat(made, ignore_index=True)
