"""Files of the SUMEval-2022 shared task (LITMUS): read as mixtures, written with predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError
from .files import read_json, write_json
from .mixtures import Mixtures, is_known, registry_code

__all__ = ["read_sumeval", "write_sumeval"]


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
        code = registry_code(name)
        if code in sizes:
            raise DataError(f"{where}, entry {number}: {name!r} is there twice ({code}).")
        sizes[code] = float(size)
    if not sum(sizes.values()) > 0:
        raise DataError(f"{where}, entry {number}: nothing was trained on, all sizes are 0.")
    return sizes, dict(entry["eval_results"])


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
    entries = read_json(path)
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
            targets.append(registry_code(name))
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

    Raises
    ------
    DataError
        If the file cannot be read.
    OutputError
        If ``out`` cannot be written.
    """
    entries, values = read_json(configs), iter(predicted)
    for entry in entries:
        for name, score in entry["eval_results"].items():
            value = next(values)
            if score == "x":
                entry["eval_results"][name] = round(float(value), 6)
    return write_json(out, entries)
