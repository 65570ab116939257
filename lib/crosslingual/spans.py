"""Labelled spans of a text: how they are written and read, and what becomes of expected ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from .errors import DataError

__all__ = ["NO_SPANS", "OUTSIDE", "SPAN_OUTCOMES", "format_spans", "parse_spans", "span_errors"]

NO_SPANS = "none"
"""What is written where there is no span."""
OUTSIDE = "O"
"""Tag of a word outside of all spans."""
SPAN_OUTCOMES = ("right", "other label", "other words", "miswritten", "missing")

_SEPARATOR = re.compile(r"\s*;\s*")


def format_spans(spans: Sequence[tuple[str, str]]) -> str:
    """Write labelled spans the way mT5 casts NER: ``label: text ; label: text``.

    Parameters
    ----------
    spans : sequence of (str, str)
        Label and text of each, in the order of the text.

    Examples
    --------
    >>> format_spans([("area", "Küche"), ("color", "rot")])
    'area: Küche ; color: rot'
    """
    return " ; ".join(f"{label}: {text}" for label, text in spans) or NO_SPANS


def parse_spans(text: str) -> list[tuple[str, str]]:
    """Read what `format_spans` wrote; parts of another form are left out.

    Parameters
    ----------
    text : str
        An output of a model.

    Examples
    --------
    >>> parse_spans("area: Küche ; color rot")
    [('area', 'Küche')]
    """
    spans = []
    for part in _SEPARATOR.split(text.strip()):
        label, colon, span = part.partition(":")
        if colon and label.strip() and span.strip():
            spans.append((label.strip(), " ".join(span.split())))
    return spans


def span_errors(
    outputs: Sequence[str], targets: Sequence[str], inputs: Sequence[str]
) -> dict[str, int]:
    """What became of the spans that were expected.

    Parameters
    ----------
    outputs, targets : sequence of str
        As `crosslingual.metrics.span_f1` takes them.
    inputs : sequence of str
        What the outputs were written for.

    Returns
    -------
    dict
        Of `SPAN_OUTCOMES` the number of expected spans: label and words ``right``; the words
        under an ``other label``; ``other words`` of the input under the label; words
        ``miswritten`` that do not stand in the input; ``missing``. Each span that was written
        answers for one expected span, in this order of preference.

    Raises
    ------
    DataError
        If outputs, targets and inputs are not as many.

    Examples
    --------
    >>> span_errors(["area: Küche ; color: grot"], ["area: Küche ; color: rot"], ["rot Küche"])
    {'right': 1, 'other label': 0, 'other words': 0, 'miswritten': 1, 'missing': 0}
    """
    if not len(outputs) == len(targets) == len(inputs) or not targets:
        raise DataError(
            f"{len(outputs)} outputs for {len(inputs)} inputs cannot be compared with "
            f"{len(targets)} targets."
        )
    found = dict.fromkeys(SPAN_OUTCOMES, 0)
    for output, target, text in zip(outputs, targets, inputs, strict=True):
        want, got = Counter(parse_spans(target)), Counter(parse_spans(output))
        left, free = list((want - got).elements()), list((got - want).elements())
        found["right"] += sum((want & got).values())
        shown = " ".join(text.split())
        for kind in SPAN_OUTCOMES[1:-1]:
            for expected in list(left):
                written = next((g for g in free if _likeness(expected, g, shown) == kind), None)
                if written is not None:
                    found[kind] += 1
                    left.remove(expected)
                    free.remove(written)
        found["missing"] += len(left)
    return found


def _likeness(expected: tuple[str, str], written: tuple[str, str], text: str) -> str:
    if expected[1] == written[1]:
        return "other label"
    if expected[0] == written[0]:
        return "other words" if written[1] in text else "miswritten"
    return ""
