"""Prediction is the verdict: whole languages are held out, and baselines stand beside.

A random tenth of the pairs is no test: every language in it was seen in the other nine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_count, generator
from .bootstrap import intervals
from .errors import DataError
from .feature_tables import DISTANCES, numeric_terms
from .pairs import zero_shot_pairs
from .prediction import LEARNERS, By, make_predictor
from .ranking import hit_at_1, ndcg, regret

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "HOLDS",
    "Validation",
    "leave_one_language_out",
    "validate",
]

HOLDS = ("target", "source", "both")


@dataclass(frozen=True)
class Validation:
    """How well scores of languages that were never seen are predicted; prints itself.

    Attributes
    ----------
    summary : DataFrame
        One row a (task, predictor): kind (baseline or learner), rmse, mae, r2 (NaN for
        predictors that only rank, and where all scores are equal), ndcg3, regret, hit1 (means over
        targets; NaN where sources are held out), pairs, targets.
    folds : DataFrame
        One row a (task, predictor, target): ndcg3, regret, hit1, n_sources.
    predictions : DataFrame
        One row a held-out pair and predictor: task, held, source, target, score, predictor,
        predicted.
    hold : str
        One of `HOLDS`.
    notes : list of str
        What was dropped or turned.
    """

    summary: pd.DataFrame
    folds: pd.DataFrame
    predictions: pd.DataFrame
    hold: str
    notes: list[str]

    def against(
        self, predictor: str, baseline: str, measure: str = "ndcg3", draws: int = 2000
    ) -> pd.DataFrame:
        """Difference of two predictors over targets, with an interval over languages.

        Parameters
        ----------
        predictor, baseline : str
            Names in ``summary``; the second is subtracted from the first.
        measure : str
            A column of ``folds``: what both are judged by.
        draws : int
            Of the bootstrap.

        Returns
        -------
        DataFrame
            One row a task: task, difference, low, high (95 %, targets drawn again).

        Raises
        ------
        DataError
            If there is no such predictor or measure, or no ranking to judge: sources were held
            out, or no target has two.
        """
        import pandas as pd

        if self.folds.empty:
            raise DataError(
                f"held out as {self.hold}, no target has two sources to rank. Hold out targets, or "
                "give scores of more sources."
            )
        check_count("draws", draws)
        measures = [str(name) for name in self.folds if name not in ("task", "target", "predictor")]
        if measure not in measures:
            raise DataError(f"no measure {measure!r}. There are: {', '.join(measures)}.")
        rows = []
        for task, part in self.folds.groupby("task", sort=True):
            wide = part.pivot(index="target", columns="predictor", values=measure)
            for name in (predictor, baseline):
                if name not in wide:
                    raise DataError(
                        f"no predictor {name!r}. There are: {', '.join(map(str, wide))}."
                    )
            gap = (wide[predictor] - wide[baseline]).dropna().to_numpy()
            if not len(gap):
                raise DataError(f"{task}: no target is ranked by both {predictor} and {baseline}.")
            drawn = gap[np.random.default_rng(0).integers(len(gap), size=(draws, len(gap)))]
            reach = intervals(pd.DataFrame({"gap": drawn.mean(1)})).loc["gap"]
            rows.append(
                {
                    "task": task,
                    "difference": gap.mean(),
                    "low": reach["low"],
                    "high": reach["high"],
                }
            )
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        table = self.summary.drop(columns=["kind"]).round(3)
        return "\n".join(
            [f"Held out: every pair of a language; judged as {self.hold}.",
             table.to_string(index=False), *self.notes]
        )  # fmt: skip


def leave_one_language_out(
    rows: pd.DataFrame, hold: str = "target", folds: int | None = None, seed: int = 0
) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
    """Split pairs so that nothing of the languages tested was seen, in any role.

    Parameters
    ----------
    rows : DataFrame
        Columns source and target.
    hold : str
        Judge pairs that the language is the ``target`` of, the ``source`` of, or ``both``.
        Training pairs touch it in no role, whatever is judged.
    folds : int, optional
        Hold out groups of languages, this many groups, instead of one language at a time.
    seed : int
        Of the grouping.

    Yields
    ------
    languages, train, test
        Names, and positions of rows. Pairs of a held-out language in the other role are in
        neither.

    Raises
    ------
    DataError
        For unknown choices, or fewer than four languages.
    """
    if hold not in HOLDS:
        raise DataError(f"unknown choice {hold!r}. Allowed: {', '.join(HOLDS)}.")
    source, target = (rows[side].to_numpy(dtype=str) for side in ("source", "target"))
    held = {"target": target, "source": source, "both": np.concatenate([source, target])}[hold]
    names = np.unique(held)
    if len(np.unique(np.concatenate([source, target]))) < 4:
        raise DataError(
            f"{len(names)} languages are too few to hold one out: at least four are needed."
        )
    if folds is not None and not 2 <= folds <= len(names):
        raise DataError(f"folds must be from 2 to {len(names)} (languages), not {folds}.")
    order = generator(seed).permutation(len(names)) if folds else np.arange(len(names))
    for group in np.array_split(order, folds or len(names)):
        chosen = names[group]
        as_source, as_target = np.isin(source, chosen), np.isin(target, chosen)
        test = {"target": as_target, "source": as_source, "both": as_source | as_target}[hold]
        train = ~(as_source | as_target)
        if train.any():
            yield chosen.tolist(), np.flatnonzero(train), np.flatnonzero(test)


def validate(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    terms: Sequence[str] | None = None,
    hold: str = "target",
    learners: Sequence[str] = ("linear",),
    folds: int | None = None,
    english: str = "eng",
    seed: int = 0,
    progress: bool = False,
) -> Validation:
    """Predict scores of held-out languages, and rank sources for them; baselines beside.

    Parameters
    ----------
    scores : DataFrame
        One model's zero-shot scores: task, source, target, score.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str, optional
        Features to learn from; all numeric ones that vary and are no coverage by default.
    hold : str
        One of `HOLDS`, see `leave_one_language_out`.
    learners : sequence of str
        Of `crosslingual.prediction.LEARNERS`.
    folds : int, optional
        Groups of languages instead of single ones, for slow learners.
    english : str
        Source of the baseline that always takes the same one, if it is among the sources.
    seed : int
        Of what is random.
    progress : bool
        Show a bar.

    Returns
    -------
    Validation

    Raises
    ------
    DataError
        For unknown names, several models, mixed scales, or fewer than four languages.
    """
    import pandas as pd
    from tqdm import tqdm

    if terms is None:
        terms = numeric_terms(features)
    if not len(terms):
        raise DataError("no feature to learn from: none varies between these languages.")
    rows, notes = zero_shot_pairs(scores, features, terms)
    found = []
    for task, part in rows.groupby("task", sort=True):
        part = part.reset_index(drop=True)
        wanted = ["global mean"]
        if hold == "target":
            wanted += ["source mean"]
        elif hold == "source":
            wanted += ["target mean"]
        if hold != "source":
            if (part["source"] == english).any():
                wanted.append(f"always {english}")
            wanted += [f"nearest {t}" for t in terms if t in DISTANCES]
            wanted += [f"most {t}" for t in terms if t == "log_tokens_source"]
        wanted += ["not centred", *learners]
        splits = list(leave_one_language_out(part, hold, folds, seed))
        if not splits:
            raise DataError(f"{task}: no pair is left to learn from when a language is held out.")
        for held, train, test in tqdm(splits, desc=str(task), disable=not progress):
            for name in wanted:
                predictor = make_predictor(name, terms, seed).fit(part.iloc[train])
                chosen = part.iloc[test]
                found.append(
                    pd.DataFrame(
                        {
                            "task": task,
                            "held": "+".join(held),
                            "source": chosen["source"],
                            "target": chosen["target"],
                            "score": chosen["score"],
                            "predictor": name,
                            "ranks_only": isinstance(predictor, By),
                            "predicted": predictor.predict(chosen),
                        }
                    )
                )
    predictions = pd.concat(found, ignore_index=True)
    folds_table = _folds(predictions if hold != "source" else predictions.head(0))
    if folds_table.empty and hold != "source":
        notes.append("No held-out target has two sources: there is nothing to rank.")
    summary = _summary(predictions, folds_table)
    return Validation(summary, folds_table, predictions, hold, notes)


def _folds(predictions: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for (task, name, target), part in predictions.groupby(
        ["task", "predictor", "target"], sort=False
    ):
        part = part[[target in held.split("+") for held in part["held"]]]
        if len(part) < 2:
            continue
        true, guess = part["score"].tolist(), part["predicted"].tolist()
        rows.append(
            {
                "task": task,
                "predictor": name,
                "target": target,
                "ndcg3": ndcg(true, guess),
                "regret": regret(true, guess),
                "hit1": hit_at_1(true, guess),
                "n_sources": len(part),
            }
        )
    columns = ["task", "predictor", "target", "ndcg3", "regret", "hit1", "n_sources"]
    return pd.DataFrame(rows, columns=columns)


def _summary(predictions: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for (task, name), part in predictions.groupby(["task", "predictor"], sort=False):
        error = part["predicted"] - part["score"]
        spread = ((part["score"] - part["score"].mean()) ** 2).mean()
        ranks_only = bool(part["ranks_only"].any())
        square = float((error**2).mean())
        own = folds[(folds["task"] == task) & (folds["predictor"] == name)]
        nothing = float("nan")
        rows.append(
            {
                "task": task,
                "predictor": name,
                "kind": "learner" if name in (*LEARNERS, "not centred") else "baseline",
                "rmse": nothing if ranks_only else float(np.sqrt(square)),
                "mae": nothing if ranks_only else float(error.abs().mean()),
                "r2": nothing if ranks_only or not spread else float(1 - square / spread),
                "ndcg3": own["ndcg3"].mean() if len(own) else nothing,
                "regret": own["regret"].mean() if len(own) else nothing,
                "hit1": own["hit1"].mean() if len(own) else nothing,
                "pairs": len(part),
                "targets": len(own),
            }
        )
    return pd.DataFrame(rows)
