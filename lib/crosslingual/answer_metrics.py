"""Exact match and F1 of extractive answers, as the official scorers of SQuAD and MLQA compute.

Both compare with each of several right answers and take the best. They differ in what
they strip: SQuAD's (TyDiQA-GoldP's and XQuAD's too) English articles and ASCII punctuation,
MLQA's the articles of each of its languages and punctuation of every script, and it
splits Chinese into characters.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

__all__ = ["compare_answers", "mlqa_normalise", "mlqa_tokens", "score_answers", "squad_normalise"]

_ARTICLES = {
    "eng": r"\b(a|an|the)\b",
    "spa": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vie": r"\b(của|là|cái|chiếc|những)\b",
    "deu": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ara": r"\sال^|ال",
}
_HAN = re.compile(r"[\u4e00-\u9fa5]")


def squad_normalise(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces (SQuAD 1.1).

    Parameters
    ----------
    text : str
        An answer.
    """
    kept = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(re.sub(_ARTICLES["eng"], " ", kept).split())


@lru_cache(maxsize=100_000)
def _is_mark(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def mlqa_tokens(text: str, language: str) -> list[str]:
    """Words; in Chinese each character of Han script by itself.

    Parameters
    ----------
    text : str
        An answer, normalised.
    language : str
        ISO 639-3.
    """
    if language != "zho":
        return text.split()
    found: list[str] = []
    word = ""
    for char in text:
        if _HAN.match(char) or _is_mark(char):
            found += [*word.split(), char]
            word = ""
        else:
            word += char
    return [*found, *word.split()]


def mlqa_normalise(text: str, language: str) -> str:
    """Normalise as MLQA's scorer does for one of its languages.

    Languages outside MLQA keep their articles and are split at white space.

    Parameters
    ----------
    text : str
        An answer.
    language : str
        ISO 639-3.
    """
    kept = "".join(char for char in text.lower() if not _is_mark(char))
    articles = _ARTICLES.get(language)
    if articles:
        kept = re.sub(articles, " ", kept)
    return " ".join(token for token in mlqa_tokens(kept, language) if token.strip())


def _f1(output: str, answer: str) -> float:
    got, want = output.split(), answer.split()
    common = sum((Counter(got) & Counter(want)).values())
    if not common:
        return 0.0
    precision, recall = common / len(got), common / len(want)
    return 2 * precision * recall / (precision + recall)


def compare_answers(
    outputs: Sequence[str],
    answers: Sequence[Sequence[str]],
    languages: Sequence[str],
    style: str = "squad",
) -> list[tuple[float, float]]:
    """Exact match and F1 of every question against the best of several answers.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    answers : sequence of sequence of str
        Right answers of each question, at least one.
    languages : sequence of str
        ISO 639-3, one a question; ``mlqa`` looks at it.
    style : str
        ``squad`` or ``mlqa``.

    Returns
    -------
    list of (float, float)
        Both in [0, 1].

    References
    ----------
    Rajpurkar et al. 2016 (evaluate-v1.1.py); Lewis et al. 2020 (mlqa_evaluation_v1.py).
    """
    found = []
    for output, right, language in zip(outputs, answers, languages, strict=True):
        normalise: Callable[[str], str] = (
            squad_normalise if style == "squad" else lambda t, of=language: mlqa_normalise(t, of)  # type: ignore[misc]
        )
        got = normalise(output)
        right = [normalise(answer) for answer in right]
        found.append((float(got in right), max(_f1(got, answer) for answer in right)))
    return found


def score_answers(
    outputs: Sequence[str],
    answers: Sequence[Sequence[str]],
    languages: Sequence[str],
    style: str = "squad",
) -> dict[str, float]:
    """Mean exact match and F1 of `compare_answers`.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    answers : sequence of sequence of str
        All right answers of each question.
    languages : sequence of str
        ISO 639-3, of each question; without effect in the style ``squad``.
    style : str
        ``squad`` or ``mlqa``.

    Returns
    -------
    dict
        ``exact_match`` and ``f1`` in [0, 1].
    """
    exact, f1 = zip(*compare_answers(outputs, answers, languages, style), strict=True)
    return {"exact_match": sum(exact) / len(exact), "f1": sum(f1) / len(f1)}
