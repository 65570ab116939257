"""Scores of text-to-text outputs. All are means or F1 in [0, 1]; larger is better."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from .errors import DataError, UnknownNameError

__all__ = [
    "METRICS",
    "SPAN_OUTCOMES",
    "accuracy",
    "exact_match",
    "format_spans",
    "parse_spans",
    "span_errors",
    "span_f1",
    "tag_accuracy",
    "token_f1",
    "word_f1",
]

NO_SPANS = "none"
OUTSIDE = "O"


def _check(outputs: Sequence[str], targets: Sequence[str]) -> None:
    if len(outputs) != len(targets):
        raise DataError(f"{len(outputs)} outputs cannot be scored against {len(targets)} targets.")
    if not targets:
        raise DataError("there is nothing to score: the list of targets is empty.")


def accuracy(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of outputs that equal their target, white space at the ends aside.

    Examples
    --------
    >>> accuracy(["turn on", "turn off"], ["turn on", "set light"])
    0.5
    """
    _check(outputs, targets)
    hits = sum(o.strip() == t.strip() for o, t in zip(outputs, targets, strict=True))
    return hits / len(targets)


def normalise_answer(text: str) -> str:
    """Lower-case, strip punctuation of any script, collapse white space.

    As SQuAD's normalisation, without its English articles: answers are in many
    languages.
    """
    kept = (
        " " if char in string.punctuation or unicodedata.category(char)[0] == "P" else char
        for char in text.casefold()
    )
    return " ".join("".join(kept).split())


def exact_match(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of outputs that equal their target after `normalise_answer`."""
    _check(outputs, targets)
    pairs = zip(outputs, targets, strict=True)
    return sum(normalise_answer(o) == normalise_answer(t) for o, t in pairs) / len(targets)


def token_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Mean over examples of the F1 of bags of words (Rajpurkar et al. 2016).

    Examples
    --------
    >>> round(token_f1(["the red lamp"], ["red lamp"]), 3)
    0.8
    """
    _check(outputs, targets)
    return sum(map(_token_f1, outputs, targets)) / len(targets)


def _token_f1(output: str, target: str) -> float:
    got, want = normalise_answer(output).split(), normalise_answer(target).split()
    if not got or not want:
        return float(got == want)
    common = sum((Counter(got) & Counter(want)).values())
    if common == 0:
        return 0.0
    return 2 * common / (len(got) + len(want))


def format_spans(spans: Sequence[tuple[str, str]]) -> str:
    """Write labelled spans the way mT5 casts NER: ``label: text ; label: text``.

    Examples
    --------
    >>> format_spans([("area", "Küche"), ("color", "rot")])
    'area: Küche ; color: rot'
    """
    return " ; ".join(f"{label}: {text}" for label, text in spans) or NO_SPANS


@lru_cache(maxsize=65_536)
def _bag(text: str) -> Counter[tuple[str, str]]:
    return Counter(parse_spans(text))


_SEPARATOR = re.compile(r"\s*;\s*")


def parse_spans(text: str) -> list[tuple[str, str]]:
    """Read what `format_spans` wrote; parts of another form are left out.

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


def span_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Micro-averaged F1 of (label, text) spans, counted as bags within an example.

    On outputs made from aligned token tags this is the CoNLL score that seqeval
    computes; a repeated span counts as often as it is written. With no span expected
    and none given, the score is 1.

    Examples
    --------
    >>> span_f1(["area: Küche ; color: rot"], ["area: Küche"])
    0.6666666666666666
    """
    _check(outputs, targets)
    got, want = [_bag(o) for o in outputs], [_bag(t) for t in targets]
    hits = sum(sum((g & w).values()) for g, w in zip(got, want, strict=True))
    total = sum(map(Counter.total, got)) + sum(map(Counter.total, want))
    return 2 * hits / total if total else 1.0


SPAN_OUTCOMES = ("right", "other label", "other words", "miswritten", "missing")


def span_errors(
    outputs: Sequence[str], targets: Sequence[str], inputs: Sequence[str]
) -> dict[str, int]:
    """What became of the spans that were expected.

    Parameters
    ----------
    outputs, targets : sequence of str
        As `span_f1` takes them.
    inputs : sequence of str
        What the outputs were written for.

    Returns
    -------
    dict
        Of `SPAN_OUTCOMES` the number of expected spans: label and words ``right``; the words
        under an ``other label``; ``other words`` of the input under the label; words
        ``miswritten`` that do not stand in the input; ``missing``. Each span that was written
        answers for one expected span, in this order of preference.

    Examples
    --------
    >>> span_errors(["area: Küche ; color: grot"], ["area: Küche ; color: rot"], ["rot Küche"])
    {'right': 1, 'other label': 0, 'other words': 0, 'miswritten': 1, 'missing': 0}
    """
    _check(outputs, targets)
    _check(outputs, inputs)
    found = dict.fromkeys(SPAN_OUTCOMES, 0)
    for output, target, text in zip(outputs, targets, inputs, strict=True):
        want, got = _bag(target), _bag(output)
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


def tag_accuracy(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of all words whose tag is right, tags written in a row.

    What is missing at the end of an output counts as wrong, what is too much is not counted.
    With no word expected the score is 1.

    Examples
    --------
    >>> tag_accuracy(["DET NOUN", "VERB ADV ADV"], ["DET VERB NOUN", "VERB"])
    0.5
    """
    _check(outputs, targets)
    right = words = 0
    for output, target in zip(outputs, targets, strict=True):
        got, want = output.split(), target.split()
        right += sum(g == w for g, w in zip(got, want, strict=False))
        words += len(want)
    return right / words if words else 1.0


def word_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Micro-averaged F1 of the words inside entities, one word an output.

    ``O``, the tag of words outside, counts in no sum: always giving it scores 0. With no word
    inside expected and none given, the score is 1.

    Examples
    --------
    >>> word_f1(["PER", "O", "LOC", "O"], ["PER", "LOC", "PER", "O"])
    0.4
    """
    _check(outputs, targets)
    pairs = [(o.strip(), t.strip()) for o, t in zip(outputs, targets, strict=True)]
    right = sum(got == want != OUTSIDE for got, want in pairs)
    named = sum((got != OUTSIDE) + (want != OUTSIDE) for got, want in pairs)
    return 2 * right / named if named else 1.0


METRICS: dict[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "accuracy": accuracy,
    "exact_match": exact_match,
    "span_f1": span_f1,
    "tag_accuracy": tag_accuracy,
    "token_f1": token_f1,
    "word_f1": word_f1,
}
"""Name -> function(outputs, targets)."""


def get_metric(name: str) -> Callable[[Sequence[str], Sequence[str]], float]:
    """Look up a metric; raises `UnknownNameError` for others."""
    if name not in METRICS:
        raise UnknownNameError(name, METRICS)
    return METRICS[name]
