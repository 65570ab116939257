"""Which examples a score was measured on, and whether they are still the same."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence

from .errors import RecordError
from .records import Cell, Record
from .registry import get_task, shipped_tasks
from .tasks import Example, Task

__all__ = ["examples_digest", "examples_used", "refuse_other_examples"]


def examples_digest(examples: Sequence[Example]) -> str:
    """Short digest of what a model reads and writes; the order counts.

    Parameters
    ----------
    examples : sequence of Example
        Of a split.

    Examples
    --------
    >>> examples_digest([Example("intent: licht aus", "turn off", "deu")])
    '860d1d21'
    """
    content = hashlib.sha256()
    for example in examples:
        content.update(repr((example.input, example.target, example.answers)).encode())
    return content.hexdigest()[:8]


def examples_used(task: Task, cell: Cell, seen: dict[str, str] | None = None) -> dict[str, str]:
    """Digests of the whole splits that a cell's training and test examples are taken from.

    Parameters
    ----------
    task : Task
        That of the cell.
    cell : Cell
        Which languages and splits it needs.
    seen : dict, optional
        Digests that are known, by the same keys; new ones are added.

    Returns
    -------
    dict
        ``<split> <language>`` -> digest.

    Raises
    ------
    CrosslingualError
        If a split cannot be loaded.
    """
    seen = {} if seen is None else seen
    wanted = [f"test {cell.target}"]
    if cell.training != "target":
        wanted += [f"train {cell.source}", f"dev {cell.source}"]
    if cell.shots:
        wanted.append(f"train {cell.target}")
    for key in wanted:
        if key not in seen:
            split, language = key.split()
            seen[key] = examples_digest(task.examples(language, split))
    return {key: seen[key] for key in wanted}


def refuse_other_examples(records: Iterable[Record], place: str) -> None:
    """Raise if finished cells were measured on other examples than their task has now.

    Of the tasks of this package only test examples are compared, as training splits of a million
    examples take long to read; of others all that were used. What cannot be loaded here is not
    compared, nor are records that do not say (older ones, and those made of a table).

    Parameters
    ----------
    records : iterable of Record
        Of finished cells.
    place : str
        Where they are, for the message.

    Raises
    ------
    RecordError
        With the number of such records, and what to do.
    """
    ours = shipped_tasks()
    now: dict[tuple[str, str], str | None] = {}
    other: list[tuple[Record, str]] = []
    for record in records:
        for key, digest in record.examples.items():
            split, language = key.split()
            if record.task in ours and split != "test":
                continue
            if (record.task, key) not in now:
                now[record.task, key] = _digest_now(record.task, language, split)
            if now[record.task, key] not in (None, digest):
                other.append((record, key))
                break
    if other:
        record, key = other[0]
        raise RecordError(
            f"{len(other)} of the finished cells in {place!r} were measured on other examples than "
            f"{record.task} has now (first: {key}, {record.file_name}). Give the task another "
            "version, or the study another folder; or delete those records to measure them again."
        )


def _digest_now(task: str, language: str, split: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dirty lines were told when they were measured
            return examples_digest(get_task(task).examples(language, split))
    except Exception:  # noqa: BLE001 - a task of a user's own raises what it likes
        return None
