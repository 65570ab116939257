"""Scores of models that were fine-tuned on mixtures of languages, and how they are read.

One language with all its data, a source and a few target examples, and the mixtures of the
SUMEval-2022 shared task are one thing here: so many examples of each language, and a score.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language
from .responses import as_fractions, one_task, refuse_several_models

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["DEFAULT_SIZE", "Mixtures", "from_scores", "is_known", "read_sumeval", "write_sumeval"]

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


def _code(name: str) -> str:
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
        """Some of the cells."""
        return replace(
            self,
            amounts=self.amounts[rows],
            runs=self.runs[rows],
            targets=self.targets[rows],
            scores=self.scores[rows],
        )

    def on(self, languages: Sequence[str]) -> Mixtures:
        """The same cells with columns for these languages (which must hold all of its own)."""
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


def _entry(entry: Any, number: int, where: str) -> tuple[dict[str, float], dict[str, Any]]:
    wanted = ("train_config", "eval_results")
    if not isinstance(entry, Mapping) or not all(
        isinstance(entry.get(key), Mapping) for key in wanted
    ):
        raise DataError(
            f"{where}, entry {number}: expected an object with 'train_config' and 'eval_results'."
        )
    sizes: dict[str, float] = {}
    for name, size in entry["train_config"].items():
        if isinstance(size, bool) or not isinstance(size, (int, float)) or not size >= 0:
            raise DataError(
                f"{where}, entry {number}: {name!r} has {size!r} examples. Allowed: numbers from 0."
            )
        code = _code(name)
        if code in sizes:
            raise DataError(f"{where}, entry {number}: {name!r} is there twice ({code}).")
        sizes[code] = float(size)
    if not sum(sizes.values()) > 0:
        raise DataError(f"{where}, entry {number}: nothing was trained on, all sizes are 0.")
    return sizes, dict(entry["eval_results"])


def _load_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise DataError(f"{str(path)!r} is no valid JSON ({error}).") from None


def read_sumeval(path: str | Path) -> Mixtures:
    """Read a file of the SUMEval-2022 shared task (LITMUS).

    Parameters
    ----------
    path : str or Path
        A JSON list of ``{"train_config": {language: examples}, "eval_results": {language:
        score}}``; scores that are to be predicted are ``"x"``.

    Returns
    -------
    Mixtures
        Cells in the order of the file. Languages that the registry does not know keep the
        code of the file, and are named in ``notes``.

    Raises
    ------
    DataError
        For another shape, negative sizes, a language given twice, or scores out of range.
    """
    where = repr(str(path))
    entries = _load_json(path)
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{where}: expected a list of entries, at least one.")
    read = [_entry(entry, i, where) for i, entry in enumerate(entries)]
    languages = tuple(sorted({code for sizes, _ in read for code in sizes}))
    rows, runs, targets, scores = [], [], [], []
    for run, (sizes, results) in enumerate(read):
        row = [sizes.get(code, 0.0) for code in languages]
        for name, score in results.items():
            if score == "x":
                value = math.nan
            elif isinstance(score, bool) or not isinstance(score, (int, float)):
                raise DataError(f"{where}, entry {run}: the score of {name!r} is {score!r}.")
            elif not 0 <= score <= 100:
                raise DataError(
                    f"{where}, entry {run}: the score of {name!r} is {score!r}. Allowed: 0 to 1, "
                    'or 0 to 100 percent, or "x".'
                )
            else:
                value = float(score)
            rows.append(row)
            runs.append(run)
            targets.append(_code(name))
            scores.append(value)
    found = np.array(scores)
    scale = 100.0 if len(found) and np.nanmax(np.append(found, 0.0)) > 1 else 1.0
    unknown = sorted(c for c in {*languages, *targets} if not is_known(c))
    notes = [f"{c!r} is no language that is known here: it is taken as an average one, at the "
             "mean distance from all others." for c in unknown]  # fmt: skip
    return Mixtures(
        languages,
        np.array(rows, dtype=float).reshape(len(rows), len(languages)),
        np.array(runs),
        np.array(targets),
        found / scale,
        scale,
        notes,
    )


def write_sumeval(configs: str | Path, predicted: Sequence[float], out: str | Path) -> Path:
    """Write a SUMEval file with every ``"x"`` replaced by a number.

    Parameters
    ----------
    configs : str or Path
        The file that was read.
    predicted : sequence of float
        One number a cell, in the order of `read_sumeval`, on the scale to write.
    out : str or Path
        Written atomically.
    """
    from .files import write_json

    entries, values = _load_json(configs), iter(predicted)
    for entry in entries:
        for name, score in entry["eval_results"].items():
            value = next(values)
            if score == "x":
                entry["eval_results"][name] = round(float(value), 6)
    return write_json(out, entries)


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
        For several tasks or models, contradicting scores of one run, or sizes out of range.
    """
    refuse_several_models(scores)
    table, notes = as_fractions(one_task(scores)[1])
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
