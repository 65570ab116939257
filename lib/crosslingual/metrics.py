"""Scores of text-to-text outputs. All are means or F1 in [0, 1]; larger is better.

Every score is a ratio of two sums over examples: what was right by what was counted. Of these
`COUNTS` the standard error follows, too.
"""

from __future__ import annotations

import math
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from .errors import DataError, UnknownNameError
from .spans import OUTSIDE, parse_spans

__all__ = [
    "COUNTS",
    "METRICS",
    "accuracy",
    "exact_match",
    "ratio",
    "ratio_error",
    "span_f1",
    "tag_accuracy",
    "token_f1",
    "word_f1",
]


def _check(outputs: Sequence[str], targets: Sequence[str]) -> None:
    if len(outputs) != len(targets):
        raise DataError(f"{len(outputs)} outputs cannot be scored against {len(targets)} targets.")
    if not targets:
        raise DataError("there is nothing to score: the list of targets is empty.")


def ratio(counts: Iterable[tuple[float, float]]) -> float:
    """Sum of what was right by the sum of what was counted; 1 where there was nothing to count.

    Parameters
    ----------
    counts : iterable of (float, float)
        Right and counted, of every example.
    """
    hits, totals = zip(*counts, strict=True)
    return sum(hits) / sum(totals) if sum(totals) else 1.0


def ratio_error(counts: Sequence[tuple[float, float]]) -> float:
    """Standard error of a ratio of sums over examples, by linearisation (Cochran 1977, ch. 6).

    Parameters
    ----------
    counts : sequence of (float, float)
        Of every example what was right and what was counted, see `COUNTS`.

    Returns
    -------
    float
        Examples are taken for independent draws, so it is a lower bound where several are of one
        sentence or template. NaN with one example, or with nothing to count.

    Examples
    --------
    An accuracy's is the binomial one, with n - 1 for n:

    >>> round(ratio_error([(1, 1)] * 80 + [(0, 1)] * 20), 6) == round((0.8 * 0.2 / 99) ** 0.5, 6)
    True
    """
    n, total = len(counts), sum(t for _, t in counts)
    if n < 2 or not total:
        return math.nan
    score = ratio(counts)
    return float((n / (n - 1) * sum((h - score * t) ** 2 for h, t in counts)) ** 0.5 / total)


def _counted(
    count: Callable[[str, str], tuple[float, float]],
    outputs: Sequence[str],
    targets: Sequence[str],
) -> float:
    _check(outputs, targets)
    return ratio(map(count, outputs, targets))


def _hit(output: str, target: str) -> tuple[float, float]:
    return output.strip() == target.strip(), 1


def accuracy(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of outputs that equal their target, white space at the ends aside.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    targets : sequence of str
        What is right, as many.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.

    Examples
    --------
    >>> accuracy(["turn on", "turn off"], ["turn on", "set light"])
    0.5
    """
    return _counted(_hit, outputs, targets)


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


def _match(output: str, target: str) -> tuple[float, float]:
    return normalise_answer(output) == normalise_answer(target), 1


def exact_match(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of outputs that equal their target after `normalise_answer`.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    targets : sequence of str
        What is right, as many.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.
    """
    return _counted(_match, outputs, targets)


def token_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Mean over examples of the F1 of bags of words (Rajpurkar et al. 2016).

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    targets : sequence of str
        What is right, as many.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.

    Examples
    --------
    >>> round(token_f1(["the red lamp"], ["red lamp"]), 3)
    0.8
    """
    return _counted(_token_f1, outputs, targets)


def _token_f1(output: str, target: str) -> tuple[float, float]:
    got, want = normalise_answer(output).split(), normalise_answer(target).split()
    if not got or not want:
        return float(got == want), 1
    common = sum((Counter(got) & Counter(want)).values())
    return 2 * common / (len(got) + len(want)), 1


@lru_cache(maxsize=65_536)
def _bag(text: str) -> Counter[tuple[str, str]]:
    return Counter(parse_spans(text))


def span_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Micro-averaged F1 of (label, text) spans, counted as bags within an example.

    On outputs made from aligned token tags this is the CoNLL score that seqeval
    computes; a repeated span counts as often as it is written. With no span expected
    and none given, the score is 1.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    targets : sequence of str
        What is right, as many, as `format_spans` writes it.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.

    Examples
    --------
    >>> span_f1(["area: Küche ; color: rot"], ["area: Küche"])
    0.6666666666666666
    """
    return _counted(_spans, outputs, targets)


def _spans(output: str, target: str) -> tuple[float, float]:
    got, want = _bag(output), _bag(target)
    return 2 * (got & want).total(), got.total() + want.total()


def tag_accuracy(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Share of all words whose tag is right, tags written in a row.

    What is missing at the end of an output counts as wrong, what is too much is not counted.
    With no word expected the score is 1.

    Parameters
    ----------
    outputs : sequence of str
        Tags that were written, apart by blanks.
    targets : sequence of str
        Those that are right, as many rows.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.

    Examples
    --------
    >>> tag_accuracy(["DET NOUN", "VERB ADV ADV"], ["DET VERB NOUN", "VERB"])
    0.5
    """
    return _counted(_tags, outputs, targets)


def _tags(output: str, target: str) -> tuple[float, float]:
    got, want = output.split(), target.split()
    return sum(g == w for g, w in zip(got, want, strict=False)), len(want)


def word_f1(outputs: Sequence[str], targets: Sequence[str]) -> float:
    """Micro-averaged F1 of the words inside entities, one word an output.

    ``O``, the tag of words outside, counts in no sum: always giving it scores 0. With no word
    inside expected and none given, the score is 1.

    Parameters
    ----------
    outputs : sequence of str
        A tag each.
    targets : sequence of str
        The right one, as many.

    Raises
    ------
    DataError
        If outputs and targets are not as many, or there are none.

    Examples
    --------
    >>> word_f1(["PER", "O", "LOC", "O"], ["PER", "LOC", "PER", "O"])
    0.4
    """
    return _counted(_named, outputs, targets)


def _named(output: str, target: str) -> tuple[float, float]:
    got, want = output.strip(), target.strip()
    return 2 * (got == want != OUTSIDE), (got != OUTSIDE) + (want != OUTSIDE)


COUNTS: dict[str, Callable[[str, str], tuple[float, float]]] = {
    "accuracy": _hit,
    "exact_match": _match,
    "span_f1": _spans,
    "tag_accuracy": _tags,
    "token_f1": _token_f1,
    "word_f1": _named,
}
"""Name -> function(output, target) of what was right and what was counted in one example."""

METRICS: dict[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "accuracy": accuracy,
    "exact_match": exact_match,
    "span_f1": span_f1,
    "tag_accuracy": tag_accuracy,
    "token_f1": token_f1,
    "word_f1": word_f1,
}
"""Name -> function(outputs, targets)."""


def get_counts(name: str) -> Callable[[str, str], tuple[float, float]]:
    """Look up what a metric counts; raises `UnknownNameError` for others."""
    if name not in COUNTS:
        raise UnknownNameError(name, COUNTS)
    return COUNTS[name]
