"""Reading labelled data as users have it: tables, CoNLL, CoNLL-U, SQuAD JSON.

Every reader gives plain rows. Lines that cannot be right (`crosslingual.dirt`) are refused, or
skipped and reported with file and line number: real files have them.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .dirt import Dirt, check_rule, note, read_lines
from .errors import DataError

__all__ = [
    "read_conll",
    "read_conllu",
    "read_squad",
    "read_table",
]

Row = dict[str, Any]


def read_table(
    path: str | Path, columns: Mapping[str, str], dirty: str = "refuse"
) -> tuple[list[Row], list[Dirt]]:
    """Read a TSV, CSV or JSONL file (by its suffix).

    Parameters
    ----------
    path : str or Path
        With a header line, where it is TSV or CSV.
    columns : mapping
        Our name -> the file's.
    dirty : str
        ``refuse`` or ``skip`` lines that lack a column, have it empty, or have more columns
        than the header.

    Returns
    -------
    rows, dirt
        Rows with our names; every value a string, or as JSON has it.

    Raises
    ------
    DataError
        For unreadable files, missing columns, dirty lines under ``refuse``, or no row at all.
    """
    check_rule(dirty)
    suffix = Path(path).suffix
    found: list[Dirt] = []
    rows: list[Row] = []
    lines = read_lines(path, found, dirty)
    if suffix == ".jsonl":
        records = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    record = json.loads(line)
                except ValueError:
                    note(found, Dirt(str(path), number, "no JSON"), dirty)
                    continue
                records.append((number, record if isinstance(record, dict) else {}))
    elif suffix in (".tsv", ".csv"):
        # Tab-separated text has no quotes: a sentence may begin with one.
        quoting: Any = csv.QUOTE_NONE if suffix == ".tsv" else csv.QUOTE_MINIMAL
        mark = "\t" if suffix == ".tsv" else ","
        reader: csv.DictReader[str] = csv.DictReader(
            (f"{x}\n" for x in lines), delimiter=mark, quoting=quoting
        )
        names = reader.fieldnames or []
        lacking = [theirs for theirs in columns.values() if theirs not in names]
        if lacking:
            raise DataError(
                f"{str(path)!r} has no column {', '.join(map(repr, lacking))}. It has: "
                f"{', '.join(names)}. Map them with columns."
            )
        records = []
        try:
            for record in reader:
                beyond: Any = record.get(None)
                if any(beyond or ()):  # a mark inside a text, and what follows in another column
                    what = f"{len(names) + len(beyond)} columns where the header has {len(names)}"
                    note(found, Dirt(str(path), reader.line_num, what), dirty)
                else:
                    records.append((reader.line_num, record))
        except csv.Error as error:
            raise DataError(
                f"{str(path)!r} cannot be read as a table (line {reader.line_num + 1}: {error})."
            ) from None
    else:
        raise DataError(f"{str(path)!r} is no table. Allowed: .tsv, .csv, .jsonl.")
    for number, record in records:
        row = {ours: record.get(theirs) for ours, theirs in columns.items()}
        empty = [columns[k] for k, v in row.items() if v is None or v == ""]
        if empty:
            note(found, Dirt(str(path), number, f"nothing in {', '.join(empty)}"), dirty)
            continue
        rows.append(row)
    if not rows:
        raise DataError(f"{str(path)!r} holds no row.")
    return rows, found


def read_conll(
    path: str | Path,
    labels: tuple[str, ...] = (),
    dirty: str = "refuse",
    token: int = 0,
    tag: int = -1,
) -> tuple[list[Row], list[Dirt]]:
    """Read CoNLL columns: a token and its BIO tag a line, sentences apart by an empty one.

    Parameters
    ----------
    path : str or Path
        Columns apart by blanks or tabs. A non-breaking space is part of a token.
    labels : tuple of str
        Kinds of span that are kept; tags of others become ``O``. All where empty.
    dirty : str
        ``refuse`` or ``skip`` sentences with a line that has one column only, more or fewer
        columns than most of the file (a token with a blank in it), or a tag that is no BIO tag.
    token, tag : int
        Which columns.

    Returns
    -------
    rows, dirt
        Rows with ``tokens`` and ``tags`` (BIO; an ``I`` that continues nothing becomes ``B``).

    Raises
    ------
    DataError
        If the file cannot be read, holds no sentence or no such column, or a line is refused.
    """
    check_rule(dirty)
    found: list[Dirt] = []
    rows: list[Row] = []
    tokens: list[str] = []
    tags: list[str] = []
    broken = False
    lines = [_BLANKS.split(line.strip(" \t\r")) for line in [*read_lines(path, found, dirty), ""]]
    usual = Counter(len(parts) for parts in lines if len(parts) > 1).most_common(1)
    for column in (token, tag):
        if usual and not -usual[0][0] <= column < usual[0][0]:
            raise DataError(
                f"{str(path)!r} has {usual[0][0]} columns: there is no column {column}."
            )
    for number, parts in enumerate(lines, start=1):
        if parts == [""] or parts[0].startswith("-DOCSTART-"):
            if tokens and not broken:
                rows.append({"tokens": tokens, "tags": _bio(tags, labels)})
            tokens, tags, broken = [], [], False
            continue
        what = ""
        if len(parts) < 2:
            what = f"one column where a token and a tag are expected: {parts[0]!r}"
        elif len(parts) != usual[0][0]:
            what = f"{len(parts)} columns where the file has {usual[0][0]}: {' '.join(parts)!r}"
        elif parts[tag] != "O" and parts[tag][:2] not in ("B-", "I-"):
            what = f"{parts[tag]!r} is no BIO tag"
        if what:
            note(found, Dirt(str(path), number, what), dirty)
            broken = True
            continue
        tokens.append(parts[token])
        tags.append(parts[tag])
    if not rows:
        raise DataError(f"{str(path)!r} holds no sentence.")
    return rows, found


_BLANKS = re.compile(r"[ \t]+")


def _bio(tags: list[str], labels: tuple[str, ...]) -> list[str]:
    out: list[str] = []
    for tag in tags:
        kind = tag[2:]
        if tag == "O" or (labels and kind not in labels):
            out.append("O")
        elif tag[0] == "I" and (not out or out[-1][2:] != kind):
            out.append(f"B-{kind}")
        else:
            out.append(tag)
    return out


CONLLU_COLUMNS = 10


def read_conllu(path: str | Path, dirty: str = "refuse") -> tuple[list[Row], list[Dirt]]:
    """Read CoNLL-U: words and their UPOS; ranges and empty nodes are left out.

    Parameters
    ----------
    path : str or Path
        The file.
    dirty : str
        ``refuse`` or ``skip`` sentences with a line that has not ten columns.

    Returns
    -------
    rows, dirt
        Rows with ``id`` (sent_id), ``tokens`` and ``tags``.

    Raises
    ------
    DataError
        If the file cannot be read, holds no sentence, or a line is refused.
    """
    check_rule(dirty)
    found: list[Dirt] = []
    rows: list[Row] = []
    tokens: list[str] = []
    tags: list[str] = []
    name, broken = "", False
    for number, line in enumerate([*read_lines(path, found, dirty), ""], start=1):
        if not line.strip():
            if tokens and not broken:
                rows.append({"id": name, "tokens": tokens, "tags": tags})
            tokens, tags, name, broken = [], [], "", False
        elif line.startswith("#"):
            key, _, value = line[1:].partition("=")
            name = value.strip() if key.strip() == "sent_id" else name
        else:
            parts = line.split("\t")
            if len(parts) != CONLLU_COLUMNS:
                what = f"{len(parts)} columns instead of {CONLLU_COLUMNS}"
                note(found, Dirt(str(path), number, what), dirty)
                broken = True
            elif parts[0].isdigit():
                tokens.append(parts[1])
                tags.append(parts[3])
    if not rows:
        raise DataError(f"{str(path)!r} holds no sentence.")
    return rows, found


def read_squad(path: str | Path) -> tuple[list[Row], list[Dirt]]:
    """Read SQuAD JSON.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    rows, dirt
        Rows with ``id``, ``key`` (the article), ``question``, ``context``, and ``answers`` as the
        hub has them: ``text`` and ``answer_start``, lists (-1 where the file does not say).
        Questions without an answer are dirt, and skipped.

    Raises
    ------
    DataError
        If the file is no SQuAD JSON, holds no question, or one is refused.
    """
    rows: list[Row] = []
    found: list[Dirt] = []
    text = "\n".join(read_lines(path, found, "skip"))
    try:
        articles = json.loads(text)["data"]
        for place, article in enumerate(articles):
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    answers = [a for a in qa["answers"] if a["text"]]
                    if not answers:
                        found.append(Dirt(str(path), 1, f"question {qa['id']!r} has no answer"))
                        continue
                    rows.append(
                        {
                            "id": str(qa["id"]),
                            "key": f"article {place}",
                            "question": qa["question"],
                            "context": paragraph["context"],
                            "answers": {
                                "text": [a["text"] for a in answers],
                                "answer_start": [int(a.get("answer_start", -1)) for a in answers],
                            },
                        }
                    )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{str(path)!r} is no SQuAD JSON ({type(error).__name__}: {error})."
        ) from None
    if not rows:
        raise DataError(f"{str(path)!r} holds no question.")
    return rows, found
