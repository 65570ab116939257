"""Lexical similarity: how alike the words of two languages look."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language

__all__ = ["MIN_NAMES", "levenshtein_similarity", "names", "shared_names", "subword_overlap"]

_ROOT = {f"M{n:02d}" for n in range(1, 13)} | {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
"""What CLDR's root calls months and days: stands in for names that a language lacks."""

MIN_NAMES = 20
"""Two languages with fewer parallel names have no spelling similarity: it would be chance."""


@lru_cache(maxsize=256)
def names(language: str) -> dict[str, str]:
    """Parallel names from CLDR (through Babel): countries, languages, months, days.

    Returns
    -------
    dict
        Key such as ``territories/DE`` -> name in the language, a few hundred entries.

    Raises
    ------
    UnknownLanguageError
        If CLDR lacks the language.
    """
    from babel import Locale, UnknownLocaleError

    short = find_language(language).short
    try:
        locale = Locale.parse(short)
    except (UnknownLocaleError, ValueError):
        raise UnknownLanguageError(
            language, ["de", "en", "..."], "CLDR (Babel) lacks it."
        ) from None
    found = {}
    for kind in ("territories", "languages"):
        for key, name in getattr(locale, kind).items():
            if str(key).isalpha():  # no regions by number, no variants of languages
                found[f"{kind}/{key}"] = str(name)
    # Not "stand-alone": Babel 2.18 gives a language the root's months there once a language
    # without months of its own has been loaded.
    for kind in ("months", "days"):
        for key, name in getattr(locale, kind)["format"]["wide"].items():
            if str(name) not in _ROOT:
                found[f"{kind}/{key}"] = str(name)
    return found


@lru_cache(maxsize=512)
def _spellings(language: str, romanise: bool) -> dict[str, str]:
    from anyascii import anyascii

    found = {key: name.casefold() for key, name in names(language).items()}
    return {key: anyascii(n).casefold() for key, n in found.items()} if romanise else found


def shared_names(a: str, b: str) -> int:
    """How many parallel names two languages have; 0 where CLDR lacks one of them.

    Parameters
    ----------
    a : str
        ISO 639-3.
    b : str
        The same.
    """
    try:
        return len(names(find_language(a).code).keys() & names(find_language(b).code).keys())
    except UnknownLanguageError:
        return 0


def levenshtein_similarity(a: str, b: str, romanise: bool = False) -> float:
    """Mean likeness of the spelling of parallel names.

    Parameters
    ----------
    a, b : str
        Languages.
    romanise : bool
        Compare in Latin letters (anyascii) instead of the original scripts.

    Returns
    -------
    float
        Mean over names of 1 - edit distance / longer length, in [0, 1].

    Raises
    ------
    UnknownLanguageError
        If CLDR lacks a language.
    DataError
        If it has fewer than `MIN_NAMES` names that both have.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    first = _spellings(find_language(a).code, romanise)
    second = _spellings(find_language(b).code, romanise)
    keys = sorted(first.keys() & second.keys())
    if len(keys) < MIN_NAMES:
        raise DataError(
            f"{a} and {b} have {len(keys)} parallel names in CLDR; a spelling similarity needs "
            f"{MIN_NAMES}. Leave the feature or the language out."
        )
    found = cpdist(
        [first[k] for k in keys],
        [second[k] for k in keys],
        scorer=Levenshtein.normalized_similarity,
        dtype=np.float64,
    )
    return float(found.mean())


@lru_cache(maxsize=4)
def _tokenizer(model: str) -> Any:
    from transformers import AutoTokenizer

    from .models import model_place

    return AutoTokenizer.from_pretrained(model_place(model), trust_remote_code=False)


@lru_cache(maxsize=512)
def _subwords(language: str, model: str) -> Counter[int]:
    rows = _tokenizer(model)(list(names(language).values()), add_special_tokens=False)["input_ids"]
    return Counter(i for row in rows for i in row)


def subword_overlap(a: str, b: str, model: str = "mini") -> float:
    """Share of subword mass that two languages have in common under a tokenizer.

    Parameters
    ----------
    a, b : str
        Languages.
    model : str
        Whose tokenizer, see `crosslingual.models.load_model`.

    Returns
    -------
    float
        Sum over subwords of the smaller of the two relative frequencies, in [0, 1].
        Frequencies are those in the language's CLDR names, so that content is equal.
    """
    x, y = (_subwords(find_language(code).code, model) for code in (a, b))
    shared = sum(min(x[i] / x.total(), y[i] / y.total()) for i in x.keys() & y.keys())
    return float(min(1.0, shared))
