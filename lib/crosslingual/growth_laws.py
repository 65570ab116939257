"""How scores grow with target examples: the log law of the study, and its rivals.

score(n) = a + b log(1 + n), against a power law with an asymptote, Michaelis-Menten, and a
logistic curve in log n. A law is judged by what it says of numbers it has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .comparisons import PAIR, over_pairs
from .errors import DataError, UnknownNameError
from .laws import LAWS, aicc_price, fit_law
from .responses import as_fractions, need_columns, refuse_several_recipes, rows_where
from .wording import paragraph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Growth", "growth", "growth_rows"]


@dataclass(frozen=True)
class Growth:
    """Laws compared; prints itself.

    Attributes
    ----------
    comparison : DataFrame
        One row a law, for each task, model and training of the scores: curves, rmse (fitted;
        the root of the mean square over curves), noise (the same about the mean of the draws of
        each number of examples, the least that any curve can have; NaN with one draw), aicc
        (mean over curves), best (share of curves with the lowest AICc; NaN where curves have too
        few points for the AICc of some law, so that not all compete; with one draw of each number
        it is nearly always the law with the fewest parameters), extrapolation (RMSE
        beyond ``split``, fitted up to it), bias (mean of predicted minus true there),
        extrapolates_best (share of curves; NaN likewise).
    curves : DataFrame
        One row a curve and law: keys, law, aicc, rmse, noise, extrapolation, bias, and
        parameters ``p0``, ``p1`` ...
    split : int
        Numbers of shots up to it were fitted to judge extrapolation.
    """

    comparison: pd.DataFrame
    curves: pd.DataFrame
    split: int

    def __str__(self) -> str:
        keys = [k for k in _STUDY if k in self.comparison]
        parts = [part for _, part in self.comparison.groupby(keys)] if keys else [self.comparison]
        return "\n\n".join(self._told(part, keys) for part in parts)

    def _told(self, part: pd.DataFrame, keys: list[str]) -> str:
        best = part.sort_values("extrapolation").iloc[0]
        title = ", ".join(str(best[k]) for k in keys)
        table = (
            f"{title}{': ' if title else ''}{best['curves']} curves\n"
            f"{part.drop(columns=[*keys, 'curves']).round(3).to_string(index=False)}\n"
        )
        if np.isnan(best["noise"]) and part["best"].notna().all() and len(part) > 1:
            table += (
                "One draw of each number: AICc prefers few parameters almost whatever the truth.\n"
            )
        if np.isnan(best["extrapolation"]):
            return f"{table}Too few numbers of examples up to {self.split} to foretell the rest."
        return table + paragraph(
            f"Fitted up to n = {self.split}, the rest is foretold best by the "
            f"{best['law']} law (RMSE {best['extrapolation']:.3f}){self._lead(best, keys)}."
        )

    def _lead(self, best: pd.Series, keys: list[str]) -> str:
        """Whether the law that foretells best would do so for other languages."""
        rivals = self._rivals(best["law"], {key: best[key] for key in keys})
        if rivals.empty:
            return ""
        even = _unbeaten(rivals)
        if not even:
            return ", surely better than the others (95%, other languages)"
        return f", not surely better than {', '.join(even)} (95%, other languages)"

    def even_with(self, law: str, **study: str) -> list[str]:
        """Laws whose forecasts are not surely worse than a law's, see `against`.

        Parameters
        ----------
        law : str
            One of those compared.
        **study
            Which task, model or training, where there are several.
        """
        return _unbeaten(self._rivals(law, study))

    def _rivals(self, law: str, study: Mapping[str, str]) -> pd.DataFrame:
        """What `against` says of the laws that foretell anything in one study."""
        table = rows_where(self.against(law), **study)
        return table[table["curves"] > 0]

    def against(self, law: str = "log", level: float = 0.95) -> pd.DataFrame:
        """Set a law's forecasts beside those of its rivals.

        Parameters
        ----------
        law : str
            One of those compared.
        level : float
            Of the intervals.

        Returns
        -------
        DataFrame
            Keys of the study (task, model, training), rival, curves (that both foretell; none
            where one has more parameters than there are numbers of examples up to ``split``),
            difference (of the mean squared errors beyond ``split``, the law's minus the rival's:
            below zero the law is better), low, high (see `crosslingual.comparisons.over_pairs`).

        Raises
        ------
        UnknownNameError
            If the law is not among them.
        """
        import pandas as pd

        laws = list(dict.fromkeys(self.curves["law"]))
        if law not in laws:
            raise UnknownNameError(law, laws)
        keys = [k for k in _STUDY if k in self.curves]
        squares = self.curves.set_index([*keys, *PAIR, "law"])["extrapolation"] ** 2
        wide = squares.unstack("law").reset_index()
        parts = wide.groupby(keys, sort=False) if keys else [((), wide)]
        rows = []
        for values, part in parts:
            errors = part.set_index(PAIR)
            for rival in laws:
                if rival != law:
                    apart = (errors[law] - errors[rival]).dropna()
                    told = over_pairs(apart, level)
                    row = dict(zip(keys, values, strict=True)) | {"rival": rival}
                    row |= {"curves": len(apart)}
                    rows.append(row | dict(zip(("difference", "low", "high"), told, strict=True)))
        columns = [*keys, "rival", "curves", "difference", "low", "high"]
        return pd.DataFrame(rows, columns=columns)


_STUDY = ("task", "model", "training")
_KEYS = (*_STUDY, "source", "target")


def _unbeaten(rivals: pd.DataFrame) -> list[str]:
    return [str(rival) for rival in rivals.loc[~(rivals["high"] < 0), "rival"]]


def growth_rows(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of growth curves: zero-shot scores stand at the head of every curve of their pair.

    A target-only curve has no zero-shot point.

    Parameters
    ----------
    scores : DataFrame
        Columns task, source, target, shots, score, and where known model, training, seed.

    Raises
    ------
    DataError
        If a column is missing, or a cell was measured with one seed in two ways.
    """
    import pandas as pd

    need_columns(scores, "shots")
    refuse_several_recipes(scores)
    rows, _ = as_fractions(scores)
    if "training" not in rows:
        return rows
    zero = rows[rows["shots"] == 0]
    more = rows[rows["shots"] > 0]
    parts = [more]
    for training in sorted(set(more["training"]) - {"target"}):
        parts.append(zero.assign(training=training))
    return pd.concat(parts, ignore_index=True)


def growth(scores: pd.DataFrame, laws: Sequence[str] = tuple(LAWS), split: int = 50) -> Growth:
    """Compare growth laws curve by curve.

    Parameters
    ----------
    scores : DataFrame
        task, source, target, shots, score; every draw a row.
    laws : sequence of str
        Which of `LAWS`.
    split : int
        Extrapolation is judged by fitting up to so many shots and predicting the rest.

    Returns
    -------
    Growth

    Raises
    ------
    DataError
        If no curve has four numbers of shots, two up to ``split`` and one beyond, or a cell was
        measured with one seed in several ways (``settings``).
    """
    import pandas as pd

    for law in laws:
        if law not in LAWS:
            raise UnknownNameError(law, LAWS)
    rows = growth_rows(scores)
    alone = rows["training"] == "target" if "training" in rows else rows["shots"] < 0
    rows = rows[(rows["source"] != rows["target"]) | alone]
    keys = [k for k in _KEYS if k in rows]
    found: list[dict[str, Any]] = []
    for values, part in rows.groupby(keys, sort=True):
        near, far = part[part["shots"] <= split], part[part["shots"] > split]
        if part["shots"].nunique() < 4 or near["shots"].nunique() < 2 or far.empty:
            continue
        by = part.groupby("shots")["score"]
        within = (part["score"] - by.transform("mean")) ** 2
        noise = within.mean() ** 0.5 if by.size().max() > 1 else np.nan
        for law in laws:
            parameters, sse = fit_law(law, part["shots"].tolist(), part["score"].tolist())
            early, _ = fit_law(law, near["shots"].tolist(), near["score"].tolist())
            n = len(part)
            aicc = n * np.log(max(sse, 1e-12) / n) + aicc_price(law, n)
            means = far.groupby("shots")["score"].mean()
            error = LAWS[law].curve(means.index.to_numpy(dtype=float), *early) - means.to_numpy()
            found.append(
                {
                    **dict(zip(keys, values, strict=True)),
                    "law": law,
                    "aicc": aicc,
                    "rmse": np.sqrt(sse / n),
                    "noise": noise,
                    "extrapolation": np.sqrt((error**2).mean()),
                    "bias": error.mean(),
                    **{f"p{i}": value for i, value in enumerate(parameters)},
                }
            )
    if not found:
        raise DataError(
            f"no pair has scores at four numbers of shots, two of them up to {split} and one "
            "beyond: growth needs a few-shot study, see configs/few_shot.yaml, and a split "
            "between its numbers."
        )
    curves = pd.DataFrame(found)
    for column in ("aicc", "extrapolation"):
        curves[f"{column}_best"] = _is_best(curves, keys, column)
    study = [k for k in _STUDY if k in curves]
    groups = curves.groupby([*study, "law"], sort=False)
    comparison = groups.agg(
        curves=("rmse", "size"),
        rmse=("rmse", _root_mean_square),
        noise=("noise", _root_mean_square),
        aicc=("aicc", "mean"),
        best=("aicc_best", "mean"),
        extrapolation=("extrapolation", _root_mean_square),
        bias=("bias", "mean"),
        extrapolates_best=("extrapolation_best", "mean"),
    )
    flags = ["aicc_best", "extrapolation_best"]
    return Growth(comparison.reset_index(), curves.drop(columns=flags), split)


def _root_mean_square(values: pd.Series) -> float:
    return float((values**2).mean() ** 0.5)


def _is_best(curves: pd.DataFrame, keys: list[str], column: str) -> pd.Series:
    """Which law of a curve has its lowest value; NaN where a law has none and cannot compete."""
    lowest = curves.groupby(keys)[column].transform(lambda values: values.min(skipna=False))
    return (curves[column] == lowest).astype(float).where(lowest.notna())
