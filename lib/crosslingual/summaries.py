"""Summaries of scores: matrices, diagonals, what lies between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import DataError
from .languages import DEFAULT_LANGUAGES, find_language

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["compare_models", "matrix", "reliability", "source_worth", "summarise"]


def matrix(
    scores: pd.DataFrame,
    task: str,
    model: str | None = None,
    shots: int = 0,
    training: str | None = None,
) -> pd.DataFrame:
    """Scores of one task as a matrix, sources in rows, targets in columns.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, shots, seed, model, score.
    task : str
        Which task.
    model : str, optional
        Which model; may be left out if there is one.
    shots : int
        Number of target examples.
    training : str, optional
        How they were used, see `crosslingual.records.TRAININGS`; may be left out if there
        is one way.

    Returns
    -------
    DataFrame
        Mean over seeds; index and columns are ISO 639-1 codes, the default languages
        first, NaN where a pair was not measured.
    """
    rows = scores[(scores["task"] == task) & (scores["shots"] == shots)]
    models = sorted(rows["model"].unique())
    if model is not None:
        rows = rows[rows["model"] == model]
    elif len(models) > 1:
        raise DataError(f"the scores hold several models ({', '.join(models)}): name one.")
    trainings = sorted(rows["training"].unique()) if "training" in rows else []
    if training is not None:
        rows = rows[rows["training"] == training]
    elif len(trainings) > 1:
        raise DataError(f"the scores hold several trainings ({', '.join(trainings)}): name one.")
    if rows.empty:
        have = scores[["task", "model", "shots"]].drop_duplicates().to_dict("records")
        raise DataError(
            f"no scores for task {task!r}, model {model!r}, shots {shots}; there are {have}."
        )
    table = rows.pivot_table(index="source", columns="target", values="score", aggfunc="mean")
    order = [c for c in DEFAULT_LANGUAGES if c in table.index or c in table.columns]
    order += sorted((set(table.index) | set(table.columns)) - set(order))
    table = table.reindex(
        index=[c for c in order if c in table.index],
        columns=[c for c in order if c in table.columns],
    )
    short = {code: find_language(code).short for code in order}
    return table.rename(index=short, columns=short)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean score in-language and across, by task, model and shots.

    Returns
    -------
    DataFrame
        Columns task, model, shots, training (if recorded), pairs (off-diagonal),
        in_language, across, spread (standard deviation across pairs, seeds averaged first),
        noise (mean standard deviation across seeds; NaN with one seed), reliability (share
        of the variance across pairs that is not noise of seeds, at least 0; no regression can
        explain more but by chance), illegal (mean rate, if recorded).
    """
    import numpy as np
    import pandas as pd

    rows = []
    keys = [k for k in ("task", "model", "shots", "training") if k in scores]
    for values, part in scores.groupby(keys, sort=True):
        pairs = (
            part.groupby(["source", "target"])["score"].agg(["mean", "std", "count"]).reset_index()
        )
        same = pairs["source"] == pairs["target"]
        off = pairs[~same]
        rows.append(
            {
                **dict(zip(keys, values, strict=True)),
                "pairs": len(off),
                "in_language": pairs.loc[same, "mean"].mean() if same.any() else np.nan,
                "across": off["mean"].mean() if len(off) else np.nan,
                "spread": off["mean"].std() if len(off) > 1 else np.nan,
                "noise": off["std"].mean() if off["std"].notna().any() else np.nan,
                "reliability": reliability(off["mean"], off["std"], off["count"]),
                "illegal": part["illegal"].mean() if "illegal" in part else np.nan,
            }
        )
    return pd.DataFrame(rows)


def reliability(means: pd.Series, spreads: pd.Series, counts: pd.Series) -> float:
    """Share of the variance of means that is not the noise of what they are means of.

    Parameters
    ----------
    means, spreads, counts : Series
        Of every cell: mean, standard deviation and number of its seeds. Cells with one seed
        say nothing of the noise, but their means belong to the spread.

    Returns
    -------
    float
        1 - mean(spreads^2 / counts) / variance(means), at least 0: no regression can explain
        more but by chance. NaN where no cell has two seeds, or all means are equal.

    Examples
    --------
    >>> import pandas as pd
    >>> means, spreads = pd.Series([0.0, 1.0]), pd.Series([0.5, 0.5])  # variance of means 1/2
    >>> reliability(means, spreads, pd.Series([5, 5]))
    0.9
    """
    import numpy as np

    total = means.var() if len(means) > 1 else 0.0
    noise = (spreads[counts > 1] ** 2 / counts[counts > 1]).mean()
    if not total or np.isnan(noise):
        return float("nan")
    return max(0.0, float(1 - noise / total))


def compare_models(scores: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """How much better model ``a`` is than ``b``, by task, in-language and across.

    Returns
    -------
    DataFrame
        Columns task, where (``in-language`` or ``across``), pairs, a, b, difference
        (means over pairs), wins (share of pairs where ``a`` is better).
    """
    import pandas as pd

    rows = []
    for task, part in scores[scores["shots"] == 0].groupby("task", sort=True):
        mean = part.pivot_table(index=["source", "target"], columns="model", values="score")
        if a not in mean or b not in mean:
            continue
        mean = mean[[a, b]].dropna().reset_index()
        same = mean["source"] == mean["target"]
        for where, rows_ in (("in-language", mean[same]), ("across", mean[~same])):
            if len(rows_):
                difference = rows_[a] - rows_[b]
                rows.append(
                    {
                        "task": task,
                        "where": where,
                        "pairs": len(rows_),
                        "a": rows_[a].mean(),
                        "b": rows_[b].mean(),
                        "difference": difference.mean(),
                        "wins": float((difference > 0).mean()),
                    }
                )
    return pd.DataFrame(rows)


def source_worth(scores: pd.DataFrame) -> pd.DataFrame:
    """What a source is worth beside so many target examples.

    Parameters
    ----------
    scores : DataFrame
        Of a few-shot study: zero-shot scores, ``sequential`` or ``joint`` ones, and those of
        the ``target`` alone (`crosslingual.records.TRAININGS`). Draws are averaged first.

    Returns
    -------
    DataFrame
        Columns task, model, training (how the source was used), shots, pairs, score (mean over
        pairs of two languages), alone (mean over the same pairs of the target's score without a
        source), worth (score - alone), equal_to (target examples that alone score as much, by
        linear interpolation of the means in log(1 + n)), harmed (share of pairs below their own
        zero-shot score), draw (standard deviation of a pair's score across draws, the root of the
        mean variance). NaN where there is nothing to compare with: no control, a mean below the
        control's with the fewest examples or above all of its, no zero-shot score, one draw.

    Raises
    ------
    DataError
        If there is no score with a source and target examples.

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
    import numpy as np
    import pandas as pd

    keys, pair = ["task", "model"], ["source", "target"]
    helped = scores["training"].isin(["sequential", "joint"]) & (
        scores["source"] != scores["target"]
    )
    if not helped.any():
        raise DataError(
            "no score is of a source with target examples; there are "
            f"{', '.join(sorted(scores['training'].unique()))}. Run a study with shots above 0 and "
            "trainings sequential or joint, such as configs/few_shot.yaml."
        )
    by = scores[helped].groupby([*keys, "training", "shots", *pair])["score"]
    cells = by.agg(["mean", "var"]).reset_index()
    zero = scores[scores["training"] == "source"].groupby([*keys, *pair])["score"].mean()
    alone = scores[scores["training"] == "target"]
    control = alone.groupby([*keys, "shots", "target"])["score"].mean()
    curves = {key: each.groupby("shots").mean() for key, each in control.groupby(keys)}
    zero.name, control.name = "zero", "alone"
    cells = cells.join(zero, on=[*keys, *pair]).join(control, on=[*keys, "shots", "target"])
    rows = []
    for (task, model, training, shots), part in cells.groupby([*keys, "training", "shots"]):
        both = part.dropna(subset="alone")
        row: dict[str, Any] = dict(task=task, model=model, training=training, shots=shots)
        row |= {"pairs": len(part), "score": part["mean"].mean(), "alone": both["alone"].mean()}
        row["worth"] = (both["mean"] - both["alone"]).mean()
        curve = curves.get((task, model))
        row["equal_to"] = np.nan if curve is None else _equal_to(curve, row["score"])
        known = part.dropna(subset="zero")
        row["harmed"] = (known["mean"] < known["zero"]).mean() if len(known) else np.nan
        row["draw"] = np.sqrt(part["var"].mean())
        rows.append(row)
    return pd.DataFrame(rows)


def _equal_to(curve: pd.Series, score: float) -> float:
    """Examples at which a curve reaches a score first, between two of its points.

    NaN for a score below its first point, which fewer examples would reach, even where the curve
    falls below that score later: draws of few examples need not rise.
    """
    import numpy as np

    places, values = np.log1p(curve.index.to_numpy(float)), curve.to_numpy(float)
    if len(values) and score < values[0]:
        return float("nan")
    for at in range(len(values) - 1):
        low, high = values[at], values[at + 1]
        if low <= score <= high:
            part = (score - low) / (high - low) if high > low else 0.0
            return float(np.expm1(places[at] + part * (places[at + 1] - places[at])))
    return float("nan")
