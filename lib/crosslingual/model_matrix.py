"""From scores and features to the two sides of a regression, with everything said that was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .collinearity import (
    check_rank,
    collinearity_notes,
    condition_number,
    correlations,
    inflation,
)
from .errors import DataError
from .feature_tables import DISTANCES, check_features
from .responses import RESPONSES, as_fractions, need_columns, one_row_a_cell, responses
from .summaries import reliability

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["DEFAULT_TERMS", "FIXED", "Design", "design"]

DEFAULT_TERMS = ("syntax", "morphology", "phonology", "levenshtein_romanised", "same_script")
FIXED = ("none", "target", "source", "both")


@dataclass(frozen=True)
class Design:
    """What enters a regression of transfer on likeness.

    Attributes
    ----------
    name : str
        ``pooled`` or the task.
    rows : DataFrame
        One row a (task, source, target[, shots]): these, score (mean over seeds and draws, a
        fraction), seeds (how many), spread (their standard deviation), response, and the
        columns of `terms`, standardised and turned so that larger = more alike.
    terms : tuple of str
        Features; with interactions ``feature[task]``.
    response : str
        One of `RESPONSES`.
    fixed : str
        One of `FIXED`: which languages have an intercept of their own.
    scale : DataFrame
        For each feature mean, sd and sign (-1 for turned distances) of what was standardised.
    dropped : dict
        Reason -> number of rows that did not enter.
    notes : list of str
        What a reader should know: percentages turned to fractions, collinearity.
    """

    name: str
    rows: pd.DataFrame
    terms: tuple[str, ...]
    response: str = "score"
    fixed: str = "none"
    scale: pd.DataFrame | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def x(self) -> NDArray[np.float64]:
        """Features, shape (rows, terms)."""
        values: NDArray[np.float64] = self.rows[list(self.terms)].to_numpy(dtype=float)
        return values

    @property
    def y(self) -> NDArray[np.float64]:
        """The response, shape (rows,)."""
        values: NDArray[np.float64] = self.rows["response"].to_numpy(dtype=float)
        return values

    def base(self) -> pd.DataFrame:
        """Columns that are in every regression: intercepts of tasks and fixed effects.

        Full column rank: the first language of each kind (in each task) is the reference.
        """
        import pandas as pd

        tasks = self.rows["task"]
        if tasks.nunique() > 1:
            parts = [pd.get_dummies(tasks, dtype=float)]
        else:
            parts = [pd.DataFrame({"const": 1.0}, index=self.rows.index)]
        for side in ("source", "target"):
            if self.fixed in (side, "both"):
                key = self.rows[side] if tasks.nunique() == 1 else tasks + ": " + self.rows[side]
                dummies = pd.get_dummies(key, dtype=float).add_prefix(f"{side} ")
                first = [key[tasks == task].min() for task in sorted(tasks.unique())]
                parts.append(dummies.drop(columns=[f"{side} {name}" for name in first]))
        return pd.concat(parts, axis=1)

    def matrix(self) -> pd.DataFrame:
        """Base and features, the right-hand side whole."""
        import pandas as pd

        return pd.concat([self.base(), self.rows[list(self.terms)]], axis=1)

    def within(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features and response after the base has been taken out (Frisch, Waugh, Lovell)."""
        basis = np.linalg.qr(self.base().to_numpy())[0]
        x, y = self.x, self.y
        return x - basis @ (basis.T @ x), y - basis @ (basis.T @ y)

    @property
    def correlation(self) -> pd.DataFrame:
        """Of the features, within the base."""
        return correlations(self.within()[0], self.terms)

    def collinearity(self) -> pd.DataFrame:
        """How far each feature can be told from the others (`collinearity.inflation`)."""
        return inflation(self.within()[0], self.terms)

    @property
    def condition(self) -> float:
        """Condition number of the standardised features (Belsley, Kuh and Welsch 1980)."""
        return condition_number(self.within()[0])

    @property
    def ceiling(self) -> float:
        """Share of the response's variance that is not noise of seeds; NaN with one seed.

        No R2 can be above it but by chance. For responses other than the score it is that of
        the score.
        """
        return reliability(self.rows["score"], self.rows["spread"], self.rows["seeds"])

    def __str__(self) -> str:
        rows = self.rows
        languages = len(set(rows["source"]) | set(rows["target"]))
        kept = ", ".join(f"{n} {why}" for why, n in self.dropped.items() if n) or "none"
        lines = [
            f"{self.name}: {len(rows)} rows, {rows['source'].nunique()} sources, "
            f"{rows['target'].nunique()} targets, {languages} languages; response "
            f"{self.response}; fixed effects {self.fixed}",
            f"rows left out: {kept}",
            f"condition number {self.condition:.1f}; noise ceiling of R2 "
            + ("unknown (one seed)" if np.isnan(self.ceiling) else f"{self.ceiling:.3f}"),
            self.collinearity().round(2).to_string(index=False),
            *self.notes,
        ]
        return "\n".join(lines)


def design(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    terms: Sequence[str] = DEFAULT_TERMS,
    response: str = "score",
    fixed: str = "none",
    interactions: bool = False,
    in_language: bool = False,
    shots: int | None = 0,
    task: str | None = None,
) -> Design:
    """Put scores and features together.

    Parameters
    ----------
    scores : DataFrame
        One model's: task, source, target, score, and where they exist shots, seed.
    features : DataFrame
        See `crosslingual.features.pair_features`; one row an ordered pair.
    terms : sequence of str
        Features that enter; ``log_shots`` (natural log of 1 + shots) is one more.
    response : str
        ``score``; ``logit`` (log odds); ``ratio`` (to the target's in-language score).
    fixed : str
        Intercepts for each ``source``, each ``target``, ``both`` or ``none``, by task.
    interactions : bool
        A slope of its own for each task.
    in_language : bool
        Keep the rows whose source is the target.
    shots : int or None
        Rows with so many target examples; None for all.
    task : str, optional
        This task only.

    Returns
    -------
    Design

    Raises
    ------
    DataError
        For unknown names, duplicated rows, mixed scales, features that are constant,
        collinear, infinite or given twice, and too few rows or languages.
    """
    for given, allowed in ((response, RESPONSES), (fixed, FIXED)):
        if given not in allowed:
            raise DataError(f"unknown choice {given!r}. Allowed: {', '.join(allowed)}.")
    terms = list(dict.fromkeys(terms))
    unknown = [t for t in terms if t not in features and t != "log_shots"]
    if unknown or not terms:
        have = [c for c in features.columns if c not in ("source", "target")]
        raise DataError(f"no feature {unknown or list(terms)}. Allowed: {', '.join(have)}.")
    check_features(features, [t for t in terms if t != "log_shots"])
    need_columns(scores, "task", "source", "target", "score")
    if task is not None:
        if task not in set(scores["task"]):
            raise DataError(f"no task {task!r}. Tasks: {', '.join(sorted(set(scores['task'])))}.")
        scores = scores[scores["task"] == task]
    scores, others = _with_shots(scores, shots)
    scores, notes = as_fractions(scores)
    cells = one_row_a_cell(scores)
    cells["response"] = responses(cells, response)
    cells["log_shots"] = np.log1p(cells["shots"])
    merged = cells.merge(
        features[["source", "target", *(t for t in terms if t != "log_shots")]],
        on=["source", "target"],
        how="left",
        indicator="found",
    )
    if (merged["found"] == "left_only").all():
        raise DataError("no pair of the scores is among the features: other languages?")
    names = list(terms)
    if np.isinf(merged[names].to_numpy(dtype=float)).any():
        column = next(t for t in names if np.isinf(merged[t].astype(float)).any())
        raise DataError(f"the feature {column!r} has an infinite value.")
    same = (merged["source"] == merged["target"]) & (not in_language)
    other = merged["shots"].ne(shots) & ~same if shots is not None else same & False
    bare = merged[names].isna().any(axis=1) & ~same & ~other
    homeless = merged["response"].isna() & ~same & ~other & ~bare
    dropped = {
        "in-language": int(same.sum()),
        "with other numbers of shots": others + int(other.sum()),
        "without features": int(bare.sum()),
        "without an in-language score": int(homeless.sum()),
    }
    rows = merged[~(same | other | bare | homeless)].drop(columns="found").reset_index(drop=True)
    name = task or ("pooled" if rows["task"].nunique() > 1 else str(scores["task"].iloc[0]))
    scale = _standardise(rows, names, name)
    made = tuple(names)
    if interactions and rows["task"].nunique() > 1:
        for level in sorted(rows["task"].unique()):
            for t in names:
                rows[f"{t}[{level}]"] = rows[t] * (rows["task"] == level)
        made = tuple(f"{t}[{level}]" for level in sorted(rows["task"].unique()) for t in names)
    if np.ptp(rows["response"]) == 0:
        raise DataError(f"{name}: the response is {rows['response'].iloc[0]} in every row.")
    result = Design(name, rows, made, response, fixed, scale, dropped, notes)
    x = result.within()[0]
    check_rank(name, x, made, result.base().shape[1], fixed)
    notes += collinearity_notes(x, made)
    return result


def _with_shots(scores: pd.DataFrame, shots: int | None) -> tuple[pd.DataFrame, int]:
    """Rows with so many target examples or none, of which ratios are; and how many cells more."""
    if shots is None or "shots" not in scores:
        return scores, 0
    wanted = scores["shots"].isin([shots, 0])
    if not scores["shots"].eq(shots).any():
        there = ", ".join(map(str, sorted(scores["shots"].unique())))
        raise DataError(f"no score has {shots} target examples. There are scores with {there}.")
    rest = scores[~wanted & scores["source"].ne(scores["target"])]
    cells = [c for c in ("task", "shots", "source", "target") if c in rest]
    return scores[wanted], len(rest.drop_duplicates(cells))


def _standardise(rows: pd.DataFrame, names: list[str], name: str) -> pd.DataFrame:
    """Standardise the features in place; distances are turned."""
    import pandas as pd

    languages = set(rows["source"]) | set(rows["target"])
    if len(rows) < len(names) + 3 or len(languages) < 4:
        raise DataError(
            f"{name}: {len(rows)} pairs of {len(languages)} languages are too few for "
            f"{len(names)} features. Measure more languages (four at least) or name fewer features."
        )
    scale = []
    for t in names:
        sign = -1.0 if t in DISTANCES else 1.0
        values = sign * rows[t].astype(float)
        mean, sd = float(values.mean()), float(values.std(ddof=0))
        if sd <= 1e-12 * max(1.0, abs(mean)):
            raise DataError(
                f"{name}: the feature {t!r} is the same for every pair. Leave it out, or add "
                "languages that differ in it."
            )
        rows[t] = (values - mean) / sd
        scale.append({"term": t, "mean": sign * mean, "sd": sd, "sign": sign})
    return pd.DataFrame(scale)
