"""Which source for a target: sources ranked, with intervals, chances and reasons.

Learned from a table of zero-shot scores; the target may have none. What the ranking is worth
is measured on the same table, by ranking for every other target as if it were new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level
from .chances import chances, interval_reach, noise_of_scores, normal_reach
from .errors import DataError
from .feature_tables import numeric_terms
from .languages import find_language
from .pairs import zero_shot_pairs
from .prediction import WithinTargets
from .responses import one_task
from .validation import leave_one_language_out
from .wording import paragraph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ranking", "held_out_errors", "rank_sources"]

LEAST_TARGETS = 6
TRUST = 2.0  # scores of the target itself that count as much as the prediction of its level


@dataclass(frozen=True)
class Ranking:
    """Sources for one target, best first; prints itself.

    Attributes
    ----------
    target : str
        ISO 639-3.
    task : str
        As in the scores.
    table : DataFrame
        One row a source: rank, source, name, predicted, low, high (the interval, about the score
        where it is known, else about the prediction), p_best (chance that no other source is
        better), measured (the score where it is known, else NaN).
    reasons : DataFrame
        Index source; ``level`` (what is expected of the target whatever the source), one
        column a feature, ``elsewhere`` (how good the source is for other targets), ``own scores``
        (what scores of the target itself add). Rows sum to ``predicted`` before it is kept in
        [0, 1].
    regret : float
        Expected loss of taking the source on top instead of the best.
    interval : float
        Nominal coverage of the intervals.
    held_out : DataFrame
        Errors on held-out targets, one row a pair: target, source, score, predicted.
    notes : list of str
        What was dropped, turned or assumed.
    """

    target: str
    task: str
    table: pd.DataFrame
    reasons: pd.DataFrame
    regret: float
    interval: float
    held_out: pd.DataFrame
    notes: list[str]

    def __str__(self) -> str:
        best = self.table.iloc[0]
        shown = self.table.head(10).drop(columns=["rank"]).round(3)
        why = self.reasons.loc[best["source"]]
        level = why["level"]
        parts = why.drop("level")
        parts = parts[parts.abs().sort_values(ascending=False).index][:4]
        told = ", ".join(f"{name} {value:+.3f}" for name, value in parts.items())
        known = self.table["measured"].notna()
        besides = " besides its score" if known.iloc[0] else ""
        intervals = []
        if known.any():
            intervals.append(
                f"Where a score is measured, the interval ({self.interval:.0%}) is about it, as "
                "other test examples and seeds would move it."
            )
        if not known.all():
            whose = "Other intervals" if known.any() else "Intervals"
            intervals.append(f"{whose} hold {self.interval:.0%} of the scores of held-out targets.")
        lines = [
            f"{best['name']} is best with a chance of {best['p_best']:.0%}; taking it costs "
            f"{self.regret:.3f} on average against the truly best.",
            f"Why {best['name']}{besides}: {level:.3f} is expected of the target; {told}.",
            *intervals,
            *self.notes,
        ]
        return "\n".join(
            [
                f"Sources for {find_language(self.target).name}, {self.task}: "
                f"{len(self.table)} compared.",
                shown.to_string(index=False, na_rep=""),
                *(paragraph(line) for line in lines),
            ]
        )


def _fit(rows: pd.DataFrame, terms: Sequence[str], seed: int) -> WithinTargets:
    return WithinTargets("linear", tuple(terms), seed).fit(rows)


def _errors(rows: pd.DataFrame, terms: Sequence[str], seed: int) -> pd.DataFrame:
    """Predictions for every target as if it were new."""
    import pandas as pd

    folds = min(rows["target"].nunique(), 25)
    found = []
    for _, train, test in leave_one_language_out(rows, "target", folds, seed):
        part = rows.iloc[test]
        predicted = _fit(rows.iloc[train], terms, seed).predict(part)
        found.append(part[["target", "source", "score"]].assign(predicted=predicted))
    return pd.concat(found, ignore_index=True)


def held_out_errors(
    scores: pd.DataFrame, features: pd.DataFrame, terms: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Predictions for every target as if it were new, from a table of one task.

    Parameters
    ----------
    scores : DataFrame
        Zero-shot scores of one task and model.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str
        Features to learn from.
    seed : int
        Of what is random.

    Returns
    -------
    DataFrame
        target, source, score, predicted.
    """
    return _errors(zero_shot_pairs(scores, features, terms)[0], terms, seed)


def rank_sources(
    scores: pd.DataFrame,
    target: str,
    task: str | None = None,
    features: pd.DataFrame | None = None,
    sources: Sequence[str] | None = None,
    terms: Sequence[str] | None = None,
    interval: float = 0.8,
    seed: int = 0,
    held_out: pd.DataFrame | None = None,
) -> Ranking:
    """Rank sources for a target, measured or not.

    Parameters
    ----------
    scores : DataFrame
        One model's zero-shot scores: task, source, target, score; several targets.
    target : str
        Any name of a language.
    task : str, optional
        Which one, if the scores hold several.
    features : DataFrame, optional
        See `crosslingual.features.pair_features`; computed by default.
    sources : sequence of str, optional
        Which ones to compare; by default all in the scores but the target.
    terms : sequence of str, optional
        Features; all that vary by default.
    interval : float
        Nominal coverage.
    seed : int
        Of what is random.
    held_out : DataFrame, optional
        From `held_out_errors`, to rank for many targets without measuring the errors anew.

    Returns
    -------
    Ranking

    Raises
    ------
    DataError
        If there are fewer than six targets with scores, fewer than two sources to compare, or
        the task is not among the scores.

    Notes
    -----
    Predictions are level(target) + difference(source, target), ridge regressions on features
    (`crosslingual.prediction.WithinTargets`). Chances and regret come from drawing, 4,000
    times, a held-out target, and adding the errors that were made on its sources to the
    predictions. Where some scores of the target are known, the level is moved towards them
    by k / (k + 2) of the gap, k scores; a known score takes the place of its prediction, with
    the sampling error of its test set where the scores have a column se or n_test, and that of its
    seeds where there are several (`crosslingual.chances.noise_of_scores`).
    """
    import pandas as pd

    code = find_language(target).code
    check_level(interval)
    task, scores = one_task(scores, task)
    known = sorted(scores["source"].unique())
    asked = [find_language(s).code for s in sources] if sources is not None else known
    asked = sorted(set(asked) - {code})
    if len(asked) < 2:
        raise DataError(f"there are {len(asked)} sources to compare for {code}: two are needed.")
    if features is None:
        from .features import pair_features

        everyone = sorted({*known, *asked})
        targets = sorted({*scores["target"].unique(), code})
        features = pair_features(everyone, targets, missing="keep")
    terms = list(terms) if terms is not None else numeric_terms(features)
    # Pairs that are asked for go through the same door as those with scores.
    wanted = pd.DataFrame({"task": task, "source": asked, "target": code, "score": 0.0})
    rows, notes = zero_shot_pairs(scores, features, terms)
    together, _ = zero_shot_pairs(
        pd.concat(
            [rows[["task", "source", "target", "score"]].query("target != @code"), wanted],
            ignore_index=True,
        ),
        features,
        terms,
    )
    new = together[together["target"] == code].reset_index(drop=True)
    if len(new) < 2:
        raise DataError(
            f"the features hold no pairs into {code}: compute them for it too (leave features out, "
            "or see pair_features)."
        )
    train = together[together["target"] != code]
    train = train[train["source"] != code].reset_index(drop=True)
    if train["target"].nunique() < LEAST_TARGETS:
        raise DataError(
            f"scores of {train['target'].nunique()} targets other than {code} are too few to "
            f"learn from: at least {LEAST_TARGETS} are needed. Cannot tell."
        )
    model = _fit(train, terms, seed)
    reasons = model.explain(new)
    if held_out is None:
        errors = _errors(train, terms, seed)
    else:
        errors = held_out[held_out["target"] != code]
    own = rows[rows["target"] == code].set_index("source")["score"].reindex(new["source"])
    measured = own.to_numpy(dtype=float)
    settled = ~np.isnan(measured)
    noise = noise_of_scores(scores, code, new["source"], measured)
    predicted = reasons.sum(axis=1).to_numpy()
    gap = (measured - predicted)[settled]
    reasons["own scores"] = gap.sum() / (len(gap) + TRUST)
    predicted = np.clip(reasons.sum(axis=1).to_numpy(), 0, 1)
    if len(new) < len(asked):
        notes.append(f"{len(asked) - len(new)} sources without any feature left out.")
    if settled.any() and not noise[settled].any():
        notes.append(
            "How sure the measured scores are is not told (columns se or n_test, several seeds): "
            "their intervals have no width, and the best of them counts as best for certain."
        )
    reach = np.where(settled, noise * normal_reach(interval), interval_reach(errors, interval))
    best = np.where(settled, measured, predicted)
    chance, regret = chances(errors, new["source"].to_numpy(dtype=str), best, noise, seed)
    table = pd.DataFrame(
        {
            "source": new["source"],
            "name": [find_language(s).name for s in new["source"]],
            "predicted": predicted,
            "low": np.clip(best - reach, 0, 1),
            "high": np.clip(best + reach, 0, 1),
            "p_best": chance,
            "measured": measured,
        }
    )
    order = np.argsort(-best, kind="stable")
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    reasons = reasons.set_axis(new["source"].to_numpy()).iloc[order]
    return Ranking(code, task, table, reasons, float(regret), interval, errors, notes)
