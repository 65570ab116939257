"""Tidy tables of scores: of records, or of anyone's CSV."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError, UnknownLanguageError
from .languages import find_language
from .responses import need_columns

if TYPE_CHECKING:
    import pandas as pd

    from .records import Record

__all__ = ["read_scores", "records_of", "scores_table"]

SCORE_COLUMNS = ("task", "source", "target", "shots", "seed", "model", "metric", "score")
MADE_BY = ("training", "n_test", "illegal", "settings", "version", "signature")
COLUMNS = (*SCORE_COLUMNS, *MADE_BY, "se")


def scores_table(records: Iterable[Record]) -> pd.DataFrame:
    """Records as a tidy table.

    Parameters
    ----------
    records : iterable of Record
        From `crosslingual.record_store.read_records`.

    Returns
    -------
    DataFrame
        Columns task, source, target, shots, seed, model, metric, score, training, n_test,
        illegal, settings, version, signature, se (standard error of the score by the size of the
        test set; NaN in records that do not have it); one row a record, sorted. Times are left
        out, so that equal studies give equal tables.
    """
    import pandas as pd

    rows = [{name: getattr(record, name) for name in COLUMNS} for record in records]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["se"] = table["se"].astype(float)
    keys = ["task", "model", "shots", "training", "seed", "source", "target", "settings"]
    return table.sort_values(keys, ignore_index=True)


def records_of(table: pd.DataFrame) -> list[Record]:
    """The records that an exported table was made of: the way back of `scores_table`.

    With them in its folder a study measures only what the table lacks: another seed, another
    language.

    Parameters
    ----------
    table : DataFrame
        Columns as `scores_table` gives them; ``se`` may be missing, as in older tables.

    Returns
    -------
    list of Record
        In the table's order. Times (0) and metrics other than the task's own are not in a table.

    Raises
    ------
    DataError
        If a column is missing or holds no numbers, a score is none of a record, or two rows are of
        the same cell.
    """
    from .records import Record

    if "se" not in table:
        table = table.assign(se=math.nan)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise DataError(
            f"the table lacks {', '.join(missing)}: it is none that 'crosslingual study export' "
            "wrote, and does not say how its scores were made."
        )
    need_columns(table)
    table = table[list(COLUMNS)].astype(object)
    table["se"] = table["se"].where(table["se"].notna(), None)
    rows = table.itertuples(index=False)
    cells = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    records = [Record(**row, scores={row["metric"]: row["score"]}, seconds=0.0) for row in cells]
    for row in cells:
        if not 0 <= row["score"] <= 1:
            raise DataError(f"the score of {row['signature']} is {row['score']:g}, not in [0, 1].")
    names = Counter(record.file_name for record in records)
    twice = [record.signature for record in records if names[record.file_name] > 1]
    if twice:
        raise DataError(f"two rows are of the same cell: {twice[0]}. Keep one of them.")
    return records


def read_scores(
    path: str | Path, columns: Mapping[str, str] | None = None, unknown: str = "refuse"
) -> pd.DataFrame:
    """Read a table of scores, of this package or another's.

    Parameters
    ----------
    path : str or Path
        CSV with at least ``task, source, target, score``. ``shots`` (0), ``seed`` (0),
        ``model`` and ``metric`` (``unknown``) are filled in where missing; languages may
        be ISO 639-1 or -3 codes or names.
    columns : mapping, optional
        Our name -> the file's, where they differ:
        ``{"source": "lang_train", "target": "lang_pred"}``.
    unknown : str
        What to do with languages outside the registry: ``refuse`` with an error, or ``drop``
        their rows and name them in ``attrs["dropped"]``.

    Returns
    -------
    DataFrame
        Languages as ISO 639-3.

    Raises
    ------
    DataError
        If the file is missing, empty, lacks columns, or holds scores that are no numbers.
    UnknownLanguageError
        If a language is not known.
    """
    import pandas as pd

    try:
        # A digest of ten digits, or with one e among them, is no number.
        table = pd.read_csv(path, keep_default_na=False, dtype={"settings": str, "version": str})
    except FileNotFoundError:
        raise DataError(f"the table {str(path)!r} does not exist.") from None
    except (OSError, ValueError) as error:
        told = str(error).strip()  # pandas ends some of its messages with a line break
        raise DataError(f"the table {str(path)!r} cannot be read as CSV ({told}).") from None
    for ours, theirs in (columns or {}).items():
        if theirs not in table:
            raise DataError(
                f"the table {str(path)!r} has no column {theirs!r} (for {ours}); its columns are "
                f"{', '.join(map(str, table.columns))}."
            )
    taken = dict(columns or {})
    table = table.drop(columns=[c for c in taken if c in table and c not in taken.values()])
    table = table.rename(columns={theirs: ours for ours, theirs in taken.items()})
    needed = ("task", "source", "target", "score")
    missing = [name for name in needed if name not in table]
    if missing or table.empty:
        raise DataError(
            f"the table {str(path)!r} lacks {', '.join(missing) or 'rows'}; its columns are "
            f"{', '.join(map(str, table.columns))}. Needed: {', '.join(needed)}."
        )
    absent: dict[str, int | str] = {"shots": 0, "seed": 0, "model": "unknown", "metric": "unknown"}
    for name, value in absent.items():
        if name not in table:
            table.insert(len(table.columns), name, value)
    blank = table["task"].astype(str).str.strip().eq("")
    if blank.any():
        raise DataError(f"the table {str(path)!r} names no task in line {_line(blank)}.")
    shots = pd.to_numeric(table["shots"], errors="coerce")
    bad = ~(shots.ge(0) & shots.mod(1).eq(0))
    if bad.any():
        raise DataError(
            f"the table {str(path)!r} has the shots {str(table['shots'][bad].iloc[0])!r} in line "
            f"{_line(bad)}; they must be a whole number from 0 (0: zero-shot)."
        )
    table["shots"] = shots.astype(int)
    if "training" not in table:
        table["training"] = shots.gt(0).map({True: "joint", False: "source"})
    score = pd.to_numeric(table["score"], errors="coerce")
    bad = ~score.abs().lt(math.inf)
    if bad.any():
        raise DataError(
            f"the table {str(path)!r} has the score {str(table['score'][bad].iloc[0])!r} in line "
            f"{_line(bad)}; scores must be finite numbers."
        )
    table["score"] = score
    for name, least, what in (("se", 0, "standard error"), ("n_test", 1, "number of tests")):
        if name in table:
            table[name] = _known_numbers(table[name], least, what, path)
    if unknown not in ("refuse", "drop"):
        raise DataError(f"unknown rule {unknown!r} for unknown languages. Allowed: drop, refuse.")
    dropped: set[str] = set()
    before = len(table)
    for side in ("source", "target"):
        codes = {}
        for name in table[side].unique():
            try:
                codes[name] = find_language(str(name)).code
            except UnknownLanguageError:
                if unknown == "refuse":
                    raise
                dropped.add(str(name))
        table[side] = table[side].map(codes)
    if dropped:
        table = table.dropna(subset=["source", "target"]).reset_index(drop=True)
        if table.empty:
            raise DataError(
                f"no row of {str(path)!r} is of known languages; unknown: "
                f"{', '.join(sorted(dropped))}."
            )
        table.attrs["dropped"] = (
            f"{before - len(table)} rows left out, languages that are not known here: "
            f"{', '.join(sorted(dropped))}."
        )
    return table


def _line(bad: pd.Series) -> int:
    """Line of a file in which the first such row stands."""
    return int(bad.index[bad][0]) + 2


def _known_numbers(column: pd.Series, least: int, what: str, path: str | Path) -> pd.Series:
    """Numbers of a column that may be empty; NaN there."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    bad = ~numbers.between(least, math.inf, inclusive="left")
    bad &= column.notna() & column.astype(str).str.strip().ne("")
    if bad.any():
        raise DataError(
            f"the table {str(path)!r} has the {what} {str(column[bad].iloc[0])!r} in line "
            f"{_line(bad)}; it must be a finite number from {least}, or empty where it is not "
            "known."
        )
    return numbers
