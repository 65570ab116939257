"""Where the public benchmarks are read from: a folder, the environment's, or the hub."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .dirt import DIRT, Dirt
from .errors import ConfigError, DataError
from .hub import read_hub
from .tasks import Example

__all__ = [
    "Source",
    "by_article",
    "by_context",
    "by_id",
    "data_dir",
    "load_examples",
    "tenth",
    "thirds",
]

Row = dict[str, Any]
_FOLDER: ContextVar[str] = ContextVar("data_dir", default="")
_RULE: ContextVar[str] = ContextVar("dirty", default="skip")
_PARAGRAPHS = 5  # of each article of XQuAD
_FOUND: ContextVar[dict[str, Dirt] | None] = ContextVar("found", default=None)


@contextmanager
def data_dir(folder: str | Path | None, dirty: str = "skip") -> Iterator[dict[str, Dirt]]:
    """Read benchmarks from a folder first: one subfolder a benchmark, named as in its `Source`.

    Parameters
    ----------
    folder : str, Path or None
        The folder; with None only what is elsewhere is read.
    dirty : str
        What to do with lines that cannot be right: ``skip`` or ``refuse``.

    Yields
    ------
    dict
        Fills with the lines that were skipped inside: ``file:line: what`` -> Dirt.

    Raises
    ------
    ConfigError
        If the rule is none.
    """
    if dirty not in DIRT:
        raise ConfigError(f"unknown rule {dirty!r} for dirty lines. Allowed: {', '.join(DIRT)}.")
    found: dict[str, Dirt] = {}
    folder_before = _FOLDER.set(str(folder or ""))
    rule_before, found_before = _RULE.set(dirty), _FOUND.set(found)
    try:
        yield found
    finally:
        _FOLDER.reset(folder_before)
        _RULE.reset(rule_before)
        _FOUND.reset(found_before)


def by_id(rows: list[Row]) -> list[str]:
    """The first of ``key``, ``id`` and the place in the file that a row has."""
    return [
        str(next((row[k] for k in ("key", "id") if row.get(k) is not None), place))
        for place, row in enumerate(rows)
    ]


@dataclass(frozen=True)
class Source:
    """Where a benchmark is, and how its rows become examples.

    Attributes
    ----------
    folder : str
        Its subfolder of a data folder.
    hub : str
        Id on the hub, "" where it is not there in a form that can be read without code.
    languages : tuple of str
        ISO 639-3.
    config : callable
        Language -> configuration on the hub.
    files : callable or None
        (Language, split) -> path inside the folder, for files in their authors' own form;
        None where there are hub folders only.
    read : callable or None
        Reads such a file, given the rule for dirty lines.
    splits : dict
        Our split -> the hub's; "train[...]" slices are not used: what has to be carved out is
        carved by `part`, by a hash of the key, alike in every language.
    part : callable or None
        (Key, split) -> is the row in it; for benchmarks that lack a split.
    keys : callable
        Rows -> a key of each; rows that must not be parted by `part` have the same.
    keep : callable or None
        (Row, language) -> is the row in that language; for files that several share.
    example : callable
        (Row, language) -> an Example, or a list of them where a row holds several.
    """

    folder: str
    hub: str
    languages: tuple[str, ...]
    config: Callable[[str], str | None]
    example: Callable[[Row, str], Example | list[Example]]
    splits: dict[str, str]
    files: Callable[[str, str], str] | None = None
    read: Callable[[Path, str], tuple[list[Row], list[Dirt]]] | None = None
    part: Callable[[str, str], bool] | None = None
    keep: Callable[[Row, str], bool] | None = None
    keys: Callable[[list[Row]], list[str]] = by_id


def thirds(key: str, split: str) -> bool:
    """70 % train, 10 % dev, 20 % test, by a hash of the key: the same in every language."""
    place = zlib.crc32(key.encode()) % 10
    return {"train": place < 7, "dev": place == 7, "test": place > 7}[split]


def tenth(key: str, split: str) -> bool:
    """A tenth of the training rows is development data; the test split is whole."""
    if split == "test":
        return True
    return (zlib.crc32(key.encode()) % 10 == 0) == (split == "dev")


def by_article(rows: list[Row]) -> list[str]:
    """Articles of XQuAD: as the authors' files have them, or counted.

    The hub's rows do not name the article, but keep the files' order: five paragraphs an article,
    in every language.
    """
    keys, place = [], -1
    for number, row in enumerate(rows):
        place += number == 0 or row["context"] != rows[number - 1]["context"]
        keys.append(str(row.get("key") or f"article {place // _PARAGRAPHS}"))
    return keys


def by_context(rows: list[Row]) -> list[str]:
    """Questions about one paragraph belong together."""
    return [f"context {zlib.crc32(str(row['context']).encode()):08x}" for row in rows]


def load_examples(source: Source, language: str, split: str) -> list[Example]:
    """Rows of a split from the first place that has them, as examples."""
    rows: list[Row] | None = None
    looked = []
    for root in (_FOLDER.get(), os.environ.get("CROSSLINGUAL_DATA", "")):
        folder = Path(root) / source.folder
        if not root or not folder.is_dir():
            continue
        looked.append(str(folder))
        if source.files is not None and source.read is not None:
            path = folder / source.files(language, split)
            if path.is_file():
                rows, dirt = source.read(path, _RULE.get())
                _report(dirt)
                break
        try:
            rows = read_hub(str(folder), source.config(language), source.splits[split])
            break
        except DataError:
            continue
    if rows is None and source.hub:
        rows = read_hub(source.hub, source.config(language), source.splits[split])
    if rows is None:
        raise DataError(
            f"{source.folder} is nowhere to be had for {language}, {split}: looked in "
            f"{', '.join(looked) or 'no folder'}. Give one with data_dir, or set "
            "CROSSLINGUAL_DATA."
        )
    examples = _as_examples(source, rows, language, split)
    if source.part is not None:
        examples = [e for e in examples if source.part(e.key, split)]
    if not examples:
        raise DataError(f"{source.folder} has no example for {language}, {split}.")
    return examples


def _as_examples(source: Source, rows: list[Row], language: str, split: str) -> list[Example]:
    """Examples of the rows in a language; a `DataError` for one that none can be made of."""
    examples: list[Example] = []
    number = 0
    try:
        for key, row in zip(source.keys(rows), rows, strict=True):
            number += 1
            if source.keep is None or source.keep(row, language):
                made = source.example(row, language)
                made = made if isinstance(made, list) else [made]
                examples += [replace(example, key=key) for example in made]
    except (DataError, LookupError, TypeError, ValueError) as error:
        told = str(error)
        if not isinstance(error, DataError):
            told = (
                f"it is no example ({type(error).__name__}: {error}); its columns are "
                f"{', '.join(map(str, rows[max(number - 1, 0)]))}."
            )
        place = f"{source.folder}, {language}, {split}, row {max(number, 1)}"
        raise DataError(f"{place}: {told}") from None
    return examples


def _report(dirt: list[Dirt]) -> None:
    """Hand skipped lines to whoever asked for them, else warn of them."""
    found = _FOUND.get()
    if found is not None:
        found.update({str(line): line for line in dirt})
    elif dirt:
        warnings.warn(
            f"{len(dirt)} lines that cannot be right, skipped or mended, the first: {dirt[0]}",
            stacklevel=4,
        )
