"""Scores of models that were fine-tuned on mixtures of languages, and how they are read.

One language with all its data, a source and a few target examples, and the mixtures of the
SUMEval-2022 shared task are one thing here: so many examples of each language, and a score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language
from .responses import as_fractions, one_task, refuse_several_models, refuse_several_trainings

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["DEFAULT_SIZE", "Mixtures", "from_scores", "is_known", "registry_code"]

DEFAULT_SIZE = 1000
"""Examples of a source where a table of scores does not say how many there were: only ratios
to the numbers of target examples matter, and only where there are any."""


def is_known(code: str) -> bool:
    """Is a language in the registry? Others are allowed in mixtures, without features."""
    try:
        find_language(code)
    except UnknownLanguageError:
        return False
    return True


def registry_code(name: str) -> str:
    """ISO 639-3 of a known language; the name as it is of another."""
    return find_language(name).code if is_known(name) else str(name)


@dataclass(frozen=True)
class Mixtures:
    """Fine-tunings on mixtures of languages, and their scores.

    Attributes
    ----------
    languages : tuple of str
        Languages of the training data, ISO 639-3 where known.
    amounts : array, shape (cells, languages)
        Examples of each language that the model of a cell had learned from.
    runs : array of int, shape (cells,)
        Which fine-tuning; cells of one run share the noise of its seed.
    targets : array of str, shape (cells,)
        In which language it was tested.
    scores : array, shape (cells,)
        Fractions; NaN where they are to be predicted.
    scale : float
        What a fraction was multiplied by in the file: 1 or 100.
    notes : list of str
        What a reader should know: unknown languages, assumed sizes.
    """

    languages: tuple[str, ...]
    amounts: NDArray[np.float64]
    runs: NDArray[np.intp]
    targets: NDArray[np.str_]
    scores: NDArray[np.float64]
    scale: float = 1.0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        amounts = self.amounts
        if not len(self.scores):
            raise DataError("there are no scores: the table is empty.")
        if not np.isfinite(amounts).all() or (amounts < 0).any():
            bad = amounts[~(np.isfinite(amounts) & (amounts >= 0))][0]
            raise DataError(f"a number of training examples is {bad:g}. Allowed: 0 and more.")
        if (amounts.sum(1) <= 0).any():
            target = self.targets[amounts.sum(1) <= 0][0]
            raise DataError(
                f"a score for {target} comes from no training example at all. Give the number of "
                "examples of at least one language."
            )

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, rows: NDArray[Any]) -> Mixtures:
        """Some of the cells.

        Parameters
        ----------
        rows : array
            Places of the cells, or a mask.

        Returns
        -------
        Mixtures
            Those, with the same languages.
        """
        return replace(
            self,
            amounts=self.amounts[rows],
            runs=self.runs[rows],
            targets=self.targets[rows],
            scores=self.scores[rows],
        )

    def on(self, languages: Sequence[str]) -> Mixtures:
        """The same cells with columns for these languages (which must hold all of its own).

        Parameters
        ----------
        languages : sequence of str
            The columns, in their order.

        Returns
        -------
        Mixtures
            The cells, without any example of languages that are new.

        Raises
        ------
        DataError
            If a language with examples is not among them.
        """
        amounts = np.zeros((len(self), len(languages)))
        for column, language in enumerate(self.languages):
            if language in languages:
                amounts[:, list(languages).index(language)] = self.amounts[:, column]
            elif self.amounts[:, column].any():
                raise DataError(f"the training language {language!r} is not among {languages}.")
        return replace(self, languages=tuple(languages), amounts=amounts)

    def own(self) -> NDArray[np.float64]:
        """Examples of the target's own language, shape (cells,)."""
        own = np.zeros(len(self))
        for column, language in enumerate(self.languages):
            own = np.where(self.targets == language, self.amounts[:, column], own)
        return own


def from_scores(scores: pd.DataFrame, size: float = DEFAULT_SIZE) -> Mixtures:
    """Take a tidy table of scores as mixtures.

    Parameters
    ----------
    scores : DataFrame
        One task's and one model's scores: source, target, score, and where known shots
        (target examples), size (examples of the source), training (``target`` for rows without a
        source), run. Rows with one ``run`` and target are one cell with several sources.
    size : float
        Examples of a source where there is no column ``size``.

    Returns
    -------
    Mixtures
        Repetitions (seeds) stay separate cells.

    Raises
    ------
    DataError
        For several tasks, models or ways of using target examples, contradicting scores of one
        run, or sizes out of range.
    """
    refuse_several_models(scores)
    table, notes = as_fractions(one_task(scores)[1])
    refuse_several_trainings(table)
    scale = 100.0 if notes else 1.0
    if not (size > 0 and math.isfinite(size)):
        raise DataError(f"the size of a source must be above 0, not {size:g}.")
    table = table.reset_index(drop=True)
    if "size" not in table:
        table["size"] = float(size)
        notes.append(f"No column 'size': every source is taken to have {size:g} examples.")
    if "shots" not in table:
        table["shots"] = 0
    table["size"] = table["size"].astype(float)
    if "training" in table:
        table.loc[table["training"] == "target", "size"] = 0.0
    if "run" in table:
        told = table.groupby(["run", "target"])["score"].nunique()
        if (told > 1).any():
            run, target = told.index[told > 1][0]
            raise DataError(f"run {run!r} has different scores for {target}: one run, one score.")
        cell = table["run"].astype(str) + "\t" + table["target"].astype(str)
        run_key = table["run"].astype(str)
    else:
        cell = table.index.to_series().astype(str)
        seed = table["seed"].astype(str) if "seed" in table else ""
        run_key = table["source"].astype(str) + "\t" + table["shots"].astype(str) + "\t" + seed
        alone = table["shots"] > 0  # a model with target examples is one target's
        run_key = run_key.where(~alone, run_key + "\t" + table["target"].astype(str))
    languages = tuple(sorted({*table["source"], *table["target"]}))
    places = {code: i for i, code in enumerate(languages)}
    first = table.groupby(cell, sort=False).head(1)
    position = {key: i for i, key in enumerate(cell.loc[first.index])}
    amounts = np.zeros((len(first), len(languages)))
    rows = np.array([position[key] for key in cell])
    np.add.at(
        amounts,
        (rows, table["source"].map(places).to_numpy()),
        table["size"].to_numpy(dtype=float),
    )
    where = first["target"].map(places).to_numpy()
    np.add.at(amounts, (np.arange(len(first)), where), first["shots"].to_numpy(dtype=float))
    runs = np.unique(run_key.loc[first.index].to_numpy(dtype=str), return_inverse=True)[1]
    return Mixtures(
        languages,
        amounts,
        runs,
        first["target"].to_numpy(dtype=str),
        first["score"].to_numpy(dtype=float),
        scale,
        notes,
    )
