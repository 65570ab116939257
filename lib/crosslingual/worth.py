"""What a source is worth beside target examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .comparisons import PAIR, over_pairs
from .errors import DataError
from .responses import need_columns, refuse_several_recipes, rows_where

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["source_worth"]


def source_worth(scores: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """What a source is worth beside so many target examples.

    Parameters
    ----------
    scores : DataFrame
        Of a few-shot study: zero-shot scores, ``sequential`` or ``joint`` ones, and those of
        the ``target`` alone (`crosslingual.records.TRAININGS`). Draws are averaged first, of
        each number those that scores with and without a source have both.
    level : float
        Of the interval of worth.

    Returns
    -------
    DataFrame
        Columns task, model, training (how the source was used), shots, pairs, score (mean over
        pairs of two languages), alone (mean over the same pairs of the target's score without a
        source), worth (score - alone), low, high (its interval, see `over_pairs`), equal_to (target
        examples that alone score as much, by linear interpolation of the means in log(1 + n)),
        harmed (share of pairs below their own zero-shot score), draw (standard deviation of a
        pair's score across draws, the root of the mean variance). NaN where there is nothing to
        compare with: no control, a mean below the control's with the fewest examples or above all
        of its, no zero-shot score, one draw.

    Raises
    ------
    DataError
        If there is no score with a source and target examples, or a cell was measured with one seed
        in several ways (``settings``).

    Notes
    -----
    A control that is given fewer updates than it can use makes the source look better than it is
    (``few_updates``, `crosslingual.train_settings.TrainSettings`; measured in *A little of the
    target*).

    Examples
    --------
    >>> import pandas as pd
    >>> common = {"task": "t", "model": "m", "target": "rus", "seed": 0}
    >>> table = pd.DataFrame([
    ...     {"source": "deu", "training": "source", "shots": 0, "score": 0.3, **common},
    ...     {"source": "deu", "training": "sequential", "shots": 1, "score": 0.5, **common},
    ...     {"source": "rus", "training": "target", "shots": 1, "score": 0.2, **common},
    ...     {"source": "rus", "training": "target", "shots": 3, "score": 0.5, **common},
    ... ])
    >>> source_worth(table)[["shots", "worth", "equal_to", "harmed"]].round(6).values.tolist()
    [[1.0, 0.3, 3.0, 0.0]]
    """
    import pandas as pd

    keys, pair = ["task", "model"], PAIR
    need_columns(scores, *keys, *pair, "shots", "training", "score")
    refuse_several_recipes(scores)
    helped = scores["training"].isin(["sequential", "joint"]) & (
        scores["source"] != scores["target"]
    )
    if not helped.any():
        raise DataError(
            "no score is of a source with target examples; there are "
            f"{', '.join(sorted(scores['training'].unique()))}. Run a study with shots above 0 and "
            "trainings sequential or joint, such as configs/few_shot.yaml."
        )
    zero, alone = (scores[scores["training"] == name] for name in ("source", "target"))
    rows = []
    for (task, model, training, shots), every in scores[helped].groupby(
        [*keys, "training", "shots"]
    ):
        here = {"task": task, "model": model}
        base, control = (rows_where(each, **here) for each in (zero, alone))
        part, control, base = _same_draws(every, control, base, shots)
        cells = part.groupby(pair)["score"].mean().to_frame()
        without = rows_where(control, shots=shots).groupby("target")["score"].mean()
        cells = cells.join(without.rename("alone"), on="target")
        cells = cells.join(base.groupby(pair)["score"].mean().rename("zero"))
        both, known = cells.dropna(subset="alone"), cells.dropna(subset="zero")
        row: dict[str, Any] = here | {"training": training, "shots": shots, "pairs": len(cells)}
        row |= {"score": cells["score"].mean(), "alone": both["alone"].mean()}
        told = over_pairs(both["score"] - both["alone"], level)
        row |= dict(zip(("worth", "low", "high"), told, strict=True))
        curve = control.groupby(["shots", "target"])["score"].mean().groupby("shots").mean()
        row["equal_to"] = _equal_to(curve, row["score"])
        row["harmed"] = (known["score"] < known["zero"]).mean() if len(known) else np.nan
        row["draw"] = np.sqrt(every.groupby(pair)["score"].var().mean())
        rows.append(row)
    return pd.DataFrame(rows)


def _same_draws(
    helped: pd.DataFrame, control: pd.DataFrame, zero: pd.DataFrame, shots: Any
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Of each the draws (seeds) that scores with and without a source have both, where any are.

    One draw of target examples is luckier than another: with others on either side, the
    difference would be theirs as well.
    """
    if "seed" not in helped:
        return helped, control, zero
    common = set(helped["seed"]) & set(control.loc[control["shots"] == shots, "seed"])
    if common:
        helped, control = (each[each["seed"].isin(common)] for each in (helped, control))
    seeds = set(helped["seed"]) & set(zero["seed"])
    return helped, control, zero[zero["seed"].isin(seeds)] if seeds else zero


def _equal_to(curve: pd.Series, score: float) -> float:
    """Examples at which a curve reaches a score first, between two of its points.

    NaN for a score below its first point, which fewer examples would reach, even where the curve
    falls below that score later: draws of few examples need not rise.
    """
    places, values = np.log1p(curve.index.to_numpy(float)), curve.to_numpy(float)
    if len(values) and score < values[0]:
        return float("nan")
    for at in range(len(values) - 1):
        low, high = values[at], values[at + 1]
        if low <= score <= high:
            part = (score - low) / (high - low) if high > low else 0.0
            return float(np.expm1(places[at] + part * (places[at + 1] - places[at])))
    return float("nan")
