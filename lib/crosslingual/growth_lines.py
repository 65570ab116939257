"""Whether growth depends on likeness: each pair's own line in log(1 + n), and what explains it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError
from .growth_laws import growth_rows
from .model_matrix import design
from .regression import Regression, fit
from .responses import need_columns, one_task, refuse_several_models, refuse_several_trainings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["growth_by_similarity"]

COLLAPSED = 0.99  # correlation of pooled starts and slopes above which they are one thing


def growth_by_similarity(
    scores: pd.DataFrame, features: pd.DataFrame, terms: Sequence[str]
) -> tuple[pd.DataFrame, list[Regression]]:
    """Ask whether the start and the slope of the log law depend on likeness.

    Each pair has its own line in log(1 + n); lines are drawn together by partial pooling
    (random intercept and slope, REML), and the pooled starts ``a`` and slopes ``b`` are then
    regressed on features, with errors that know that pairs share languages.

    Parameters
    ----------
    scores : DataFrame
        One task's, one model's and one training's few-shot scores.
    features : DataFrame
        See `crosslingual.features.pair_features`.
    terms : sequence of str
        Features.

    Returns
    -------
    lines : DataFrame
        Columns source, target, a, b (pooled), a_alone, b_alone (each pair's least squares);
        ``attrs["pooled"]`` says whether the pooled ones were regressed: not where they are
        correlated above 0.99, which is a fit on the boundary.
    regressions : list of Regression
        Of ``start`` and of ``slope``.

    Raises
    ------
    DataError
        If there are several tasks, models or trainings, too few curves, or one score throughout.
    """
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    need_columns(scores, "training")
    rows = growth_rows(scores)
    rows = rows[rows["source"] != rows["target"]].reset_index(drop=True)
    refuse_several_models(rows)
    one_task(rows)
    refuse_several_trainings(rows)
    pair = rows["source"] + ">" + rows["target"]
    x = np.column_stack([np.ones(len(rows)), np.log1p(rows["shots"].to_numpy(dtype=float))])
    if pair.nunique() < 6 or rows["shots"].nunique() < 3:
        raise DataError(f"{pair.nunique()} curves are too few to be drawn together.")
    if np.ptp(rows["score"]) == 0:
        raise DataError(f"every score is {rows['score'].iloc[0]:g}: there is no growth to explain.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # boundary fits are ordinary here
        pooled = MixedLM(rows["score"].to_numpy(), x, pair.to_numpy(), exog_re=x).fit(reml=True)
    mean = np.asarray(pooled.fe_params)
    lines = []
    for name, part in rows.groupby(pair):
        own = np.linalg.lstsq(x[part.index], part["score"].to_numpy(), rcond=None)[0]
        shift = np.asarray(pooled.random_effects[name])
        source, target = str(name).split(">")
        lines.append((source, target, *(mean + shift), *own))
    table = pd.DataFrame(lines, columns=["source", "target", "a", "b", "a_alone", "b_alone"])
    # With curves that the line fits badly the estimated covariance has one dimension only, and
    # the pooled starts and slopes say the same thing twice.
    together = abs(float(np.corrcoef(table["a"], table["b"])[0, 1]))
    pooled_ones = bool(together < COLLAPSED)
    table.attrs["pooled"] = pooled_ones
    suffix = "" if pooled_ones else "_alone"
    regressions = []
    for task, column in (("start", f"a{suffix}"), ("slope", f"b{suffix}")):
        # Both are shifted into [0, 1], as a design asks of scores; slopes do not change by it.
        values = table[column] - min(0.0, float(table[column].min()))
        one = table[["source", "target"]].assign(task=task, score=values)
        made = design(one, features, terms)
        if not pooled_ones:
            made.notes.append(
                f"Pooled starts and slopes are one thing (correlation {together:.3f}): each pair's "
                "own least squares line is taken instead."
            )
        regressions.append(fit(made))
    return table, regressions
