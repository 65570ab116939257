"""How rows of public data sets become text in, text out; mT5's own casting where it has one.

Each function takes a row as the readers give it, and the ISO 639-3 code of its language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .benchmark_files import Row
from .errors import DataError
from .spans import OUTSIDE, format_spans
from .tasks import Example

__all__ = [
    "NAMED",
    "answer_sentence",
    "each_name",
    "each_word",
    "entities",
    "pair",
    "question",
    "tagged_words",
    "topic",
    "undated_entities",
]

NAMED = ("PER", "LOC", "ORG")
_WIKIANN = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
_MASAKHANER = (*_WIKIANN, "B-DATE", "I-DATE")
_WINDOW = 4  # words on either side of the one to be tagged
# A space follows a full stop that ends a sentence; Chinese and Hindi write none, or not always.
_ENDS = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？।])\s*")


def _text(row: Row, name: str) -> str:
    return " ".join(str(row[name]).split())


def pair(
    prefix: str, first: str, second: str, labels: tuple[str, ...]
) -> Callable[[Row, str], Example]:
    """Casting of two texts and a label: ``<prefix>: <first>: ... <second>: ...``.

    Parameters
    ----------
    prefix : str
        Name of the task, as mT5 reads it.
    first, second : str
        Columns of the texts, named in the input too.
    labels : tuple of str
        What stands for the numbers 0, 1, ... of the column ``label``.

    Returns
    -------
    callable
        (row, language) -> Example. Refuses labels that are none: the hub marks those that are
        withheld with -1.
    """

    def example(row: Row, language: str) -> Example:
        given = row["label"]
        label = given if given in labels else _numbered(labels, given)
        one, two = (_text(row, name) for name in (first, second))
        return Example(f"{prefix}: {first}: {one} {second}: {two}", label, language)

    return example


def _numbered(names: tuple[str, ...], given: Any) -> str:
    """The name that a number stands for."""
    number = int(given) if str(given).isdigit() else -1
    if not 0 <= number < len(names):
        raise DataError(
            f"{given!r} is no label. Allowed: {', '.join(names)}, or their numbers, 0 to "
            f"{len(names) - 1}."
        )
    return names[number]


def topic(row: Row, language: str) -> Example:
    """``topic: <text>`` -> the column ``category``, in English."""
    return Example(f"topic: {_text(row, 'text')}", str(row["category"]), language)


def _tags(row: Row, names: tuple[str, ...] = _WIKIANN) -> list[str]:
    raw = row.get("tags", row.get("ner_tags"))
    if raw is None:
        raise DataError(f"a row of named entities has no tags: {sorted(row)}.")
    return [t if isinstance(t, str) else _numbered(names, t) for t in raw]


def entities(row: Row, language: str) -> Example:
    """``tag: <tokens>`` -> ``PER: ... ; LOC: ...``, or ``none``; IOB1 and IOB2 are both read."""
    # What separates spans cannot be told from a token of the same form.
    tokens = [token.replace(";", ",").replace(":", ",") or "," for token in row["tokens"]]
    text, before = "tag:", OUTSIDE
    spans: list[tuple[str, int, int]] = []
    for token, tag in zip(tokens, _tags(row), strict=True):
        text += f" {token}"
        if tag.startswith("I-") and before[2:] == tag[2:]:
            spans[-1] = (*spans[-1][:2], len(text))
        elif tag != OUTSIDE:  # also an I- with nothing to go on from, as conlleval has it
            spans.append((tag[2:], len(text) - len(token), len(text)))
        before = tag
    target = format_spans([(kind, text[a:b]) for kind, a, b in spans])
    return Example(text, target, language, spans=tuple(spans))


def undated_entities(row: Row, language: str) -> Example:
    """As `entities`, with dates outside, as they are where other corpora do not mark them."""
    tags = _tags(row, _MASAKHANER)
    kept = [tag if tag[2:] in NAMED else OUTSIDE for tag in tags]
    return entities({"tokens": row["tokens"], "tags": kept}, language)


def tagged_words(row: Row, language: str) -> Example:
    """``pos: <tokens>`` -> a tag for each."""
    return Example(f"pos: {' '.join(row['tokens'])}", " ".join(row["tags"]), language)


def _bracketed(prefix: str, words: list[str], tags: list[str], language: str) -> list[Example]:
    """One example a word, in brackets between its neighbours.

    A tag for each of twenty words in a row asks a model to count as well as to tag, and an entity
    to be written asks it to copy; small ones lose their place.
    """
    made = []
    for at, (word, tag) in enumerate(zip(words, tags, strict=True)):
        left, right = words[max(at - _WINDOW, 0) : at], words[at + 1 : at + 1 + _WINDOW]
        made.append(Example(" ".join([prefix, *left, "[", word, "]", *right]), tag, language))
    return made


def each_word(row: Row, language: str) -> list[Example]:
    """``pos: <4 words> [ <word> ] <4 words>`` -> its tag; an example a word."""
    return _bracketed("pos:", row["tokens"], row["tags"], language)


def each_name(row: Row, language: str) -> list[Example]:
    """``tag: <4 words> [ <word> ] <4 words>`` -> PER, LOC, ORG or O; an example a word."""
    return _bracketed("tag:", row["tokens"], [t[2:] or OUTSIDE for t in _tags(row)], language)


def question(row: Row, language: str) -> Example:
    """mT5's ``question: ... context: ...`` -> the first of the right answers (Xue et al. 2021)."""
    told = tuple(" ".join(str(text).split()) for text in row["answers"]["text"])
    inputs = f"question: {_text(row, 'question')} context: {_text(row, 'context')}"
    return Example(inputs, told[0], language, answers=told)


def answer_sentence(row: Row, language: str) -> Example:
    """As `question`, but of the context only the sentences that the first answer stands in.

    Where the answer stands is taken from ``answer_start``, or, where the text there is another,
    from its first occurrence; a context without it is left whole. A few sentences are enough for
    most questions (Min et al. 2018, Efficient and robust question answering from minimal context
    over documents, ACL).
    """
    context, answer = str(row["context"]), str(row["answers"]["text"][0])
    start = int(row["answers"]["answer_start"][0])
    if start < 0 or not context.startswith(answer, start):
        start = context.find(answer)
    if start >= 0:
        ends = [end.end() for end in _ENDS.finditer(context)]
        left = max((end for end in ends if end <= start), default=0)
        right = min((end for end in ends if end >= start + len(answer)), default=len(context))
        row = row | {"context": context[left:right]}
    return question(row, language)
