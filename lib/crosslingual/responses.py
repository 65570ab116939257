"""The left-hand side: scores on one scale, one row a cell, and what is explained of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RESPONSES",
    "as_fractions",
    "need_columns",
    "of_training",
    "one_row_a_cell",
    "one_task",
    "refuse_repetitions",
    "refuse_several_models",
    "refuse_several_recipes",
    "refuse_several_trainings",
    "responses",
    "rows_where",
]

RESPONSES = ("score", "logit", "ratio")
GAP = 10.0  # percent: nothing between 1 and this looks like fractions among percentages
FEW = 0.05  # so small a share of scores between, where twice as many are fractions, as well


def rows_where(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Rows whose columns have these values.

    Parameters
    ----------
    table : DataFrame
        Any.
    **values
        Column and value; all must hold.
    """
    for column, value in values.items():
        table = table[table[column] == value]
    return table


def of_training(scores: pd.DataFrame, training: str) -> pd.DataFrame:
    """Scores of one use of target examples, with those that stand beside either.

    Parameters
    ----------
    scores : DataFrame
        With a column ``training``.
    training : str
        ``sequential`` or ``joint``; zero-shot scores and those without a source stay.
    """
    return scores[scores["training"].isin([training, "source", "target"])]


def need_columns(scores: pd.DataFrame, *names: str) -> None:
    """Raise a DataError if a table of scores lacks what a question needs.

    That is a column; a language or task in a row; or, where a column holds scores, numbers of
    target examples or seeds, a number.
    """
    from pandas.api.types import is_numeric_dtype

    missing = [name for name in names if name not in scores]
    if missing:
        raise DataError(
            f"the scores lack {', '.join(missing)}; their columns are "
            f"{', '.join(map(str, scores.columns))}. read_scores fills in shots, seed, model and "
            "training where a file has none."
        )
    for name in ("task", "source", "target"):
        if name in scores and scores[name].isna().any():
            count = int(scores[name].isna().sum())
            raise DataError(
                f"{count} of {len(scores)} rows name no {name}: fill it in or drop them."
            )
    for name, least in (("score", -np.inf), ("shots", 0), ("seed", -np.inf)):
        if name not in scores or scores.empty:
            continue
        if not is_numeric_dtype(scores[name]):
            raise DataError(
                f"the column {name!r} holds {scores[name].iloc[0]!r}, which is no number: convert "
                "it (pandas.to_numeric)."
            )
        values = scores[name].to_numpy(dtype=float)
        bad = ~np.isfinite(values) | (values < least)
        if bad.any() and name == "score":
            raise DataError(_odd_score(scores[bad].iloc[0]))
        if bad.any():
            raise DataError(
                f"the column {name!r} holds {values[bad][0]:g}: numbers{' from 0' * (least == 0)} "
                "are allowed."
            )


def _odd_score(row: pd.Series) -> str:
    told = [str(row[name]) for name in ("task", "source", "target") if name in row]
    where = ", ".join([*told[:-2], " -> ".join(told[-2:])])
    return (
        f"the score of {where} is {row['score']}. Allowed: fractions from 0 to 1, or percentages "
        "from 0 to 100."
    )


def refuse_several_models(scores: pd.DataFrame) -> None:
    """Raise a DataError if the scores are those of several models."""
    if "model" in scores and scores["model"].nunique() > 1:
        raise DataError(_several("models", "model", sorted(map(str, scores["model"].unique()))))


def refuse_several_trainings(scores: pd.DataFrame) -> None:
    """Raise a DataError if target examples were used in several ways beside a source's.

    Mixed in and after the source are two studies: the mean of both is of neither. Tables without
    columns ``training`` and ``shots`` pass.
    """
    if not {"training", "shots"} <= set(scores):
        return
    few = scores["shots"] > 0
    ways = sorted(set(scores.loc[few, "training"].astype(str)) - {"source", "target"})
    if len(ways) > 1:
        raise DataError(
            f"the scores hold several ways of using target examples ({', '.join(ways)}): leave "
            f"one, scores[~scores['training'].isin({ways[:-1]})], or --training {ways[-1]} on the "
            "command line."
        )


def _several(what: str, column: str, there: list[str]) -> str:
    return (
        f"the scores hold several {what} ({', '.join(there)}): keep one, "
        f"scores[scores[{column!r}] == {there[0]!r}], or --{column} {there[0]} on the command line."
    )


def refuse_several_recipes(scores: pd.DataFrame) -> None:
    """Raise a DataError if a cell was measured with one seed in two ways, told by ``settings``.

    Their mean would be of neither. Tables without that column pass.
    """
    keys = ["task", "model", "training", "shots", "source", "target", "seed"]
    if "settings" not in scores:
        return
    cells = scores.groupby([k for k in keys if k in scores], sort=False, dropna=False)["settings"]
    several = cells.nunique() > 1
    if several.any():
        first = cells.unique()[several].iloc[0]
        raise DataError(
            f"{int(several.sum())} cells were measured in several ways (settings "
            f"{', '.join(map(str, first))}): keep one, scores[scores['settings'] == '{first[0]}']."
        )


def one_task(scores: pd.DataFrame, task: str | None = None) -> tuple[str, pd.DataFrame]:
    """The task asked for, or the only one, and its scores; else a `DataError`."""
    need_columns(scores, "task", "source", "target", "score")
    names = sorted(map(str, scores["task"].unique()))
    if not names:
        raise DataError("there are no scores: the table is empty.")
    if task is None and len(names) > 1:
        raise DataError(_several("tasks", "task", names))
    task = task if task is not None else names[0]
    if task not in names:
        raise DataError(f"no task {task!r} in the scores. There are: {', '.join(names)}.")
    return task, scores[scores["task"] == task]


def as_fractions(scores: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Scores in percent, and their standard errors (``se``), divided by 100, task by task.

    Returns
    -------
    scores, notes
        A copy, and what was done.

    Raises
    ------
    DataError
        If a score is not finite, below 0 or above 100, or a task mixes fractions with
        percentages: scores of at most 1 where none, or hardly any, is between 1 and 10. (BLEU
        below 1 beside BLEU of 2 or 5 is no mixture.) If there is no task, source, target or score.
    """
    need_columns(scores, "task", "source", "target", "score")
    out, notes = scores.copy(), []
    values = out["score"].to_numpy(dtype=float).copy()  # by place: indices may repeat
    bad = (values < 0) | (values > 100)
    if bad.any():
        raise DataError(_odd_score(out[bad].iloc[0]))
    scale = np.ones(len(out))
    for task in sorted(out["task"].dropna().unique()):
        places = np.flatnonzero(out["task"] == task)
        part = values[places]
        if part.max() <= 1:
            continue
        small, large = part[(part > 0) & (part <= 1)], part[part > 1]
        between = float((large <= GAP).sum())
        if len(small) and (not between or between < FEW * len(part) <= 2 * len(small)):
            row = out.iloc[int(places[(part > 0) & (part <= 1)][0])]
            raise DataError(
                f"{task}: scores in percent (up to {part.max():g}) and fractions "
                f"({row['source']} -> {row['target']}: {row['score']:g}) are mixed. Bring them to "
                "one scale."
            )
        scale[places] = 100
        notes.append(f"{task}: scores in percent, divided by 100.")
    out["score"] = values / scale
    if "se" in out:
        out["se"] = out["se"].to_numpy(dtype=float) / scale
    return out, notes


def _cell_keys(scores: pd.DataFrame) -> list[str]:
    return [k for k in ("task", "shots", "source", "target") if k in scores]


def refuse_repetitions(scores: pd.DataFrame) -> None:
    """Raise a DataError if a cell is there twice with one seed."""
    repeated = scores.duplicated([*_cell_keys(scores), *(["seed"] if "seed" in scores else [])])
    if repeated.any():
        refuse_several_recipes(scores)  # says what to do
        row = scores[repeated].iloc[0]
        raise DataError(
            f"{int(repeated.sum())} rows are there twice, the first {row['task']}, "
            f"{row['source']} -> {row['target']}: drop them, or number repetitions in a column "
            "'seed'."
        )


def one_row_a_cell(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds; refuses a cell that was measured twice with one seed."""
    refuse_several_models(scores)
    few = scores[scores["shots"] > 0] if "shots" in scores else scores.head(0)
    if "training" in scores and few["training"].nunique() > 1:
        refuse_several_trainings(scores)  # says what to do
        raise DataError(
            "the scores hold models with target examples and a source, and without one: keep one, "
            "scores[scores['training'] != 'target']."
        )
    refuse_repetitions(scores)
    keys = _cell_keys(scores)
    grouped = scores.groupby(keys, sort=True)["score"]
    table = grouped.agg(["mean", "count", "std"]).reset_index()
    table = table.rename(columns={"mean": "score", "count": "seeds", "std": "spread"})
    if "shots" not in table:
        table.insert(1, "shots", 0)
    return table


def responses(table: pd.DataFrame, response: str) -> pd.Series:
    """The response of each cell; NaN where its ratio is unknown. One of `RESPONSES`."""
    if response == "score":
        return table["score"]
    if response == "logit":
        # Half an observation of 200 from either end, so that 0 and 1 stay finite.
        squeezed = (table["score"] * 199 + 0.5) / 200
        return (squeezed / (1 - squeezed)).map(np.log)
    home = table[(table["source"] == table["target"]) & (table["shots"] == 0)]
    known = home.set_index(["task", "target"])["score"]
    known = known[known > 0]
    keys = list(zip(table["task"], table["target"], strict=True))
    return table["score"] / known.reindex(keys).to_numpy()
