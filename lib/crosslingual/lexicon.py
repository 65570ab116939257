"""The words that fill templates: rooms, floors, devices, shopping items; and numbers."""

from __future__ import annotations

import os
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language

__all__ = ["VARIABLE", "lexicon", "spell_number", "split_words"]

VERSION = 1  # raise it when what is sampled changes
VARIABLE = "CROSSLINGUAL_LEXICON"
SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}


def lexicon() -> dict[str, dict[str, tuple[str, ...]]]:
    """Read the words for rooms, floors, devices and shopping items.

    The package has them for nineteen languages. For others, write a YAML file of the same
    shape (``areas``, ``names``, ``items``, ``floors``, each language -> words with commas,
    at least three a list) and name it in the environment variable `VARIABLE`; workers
    inherit it.

    Returns
    -------
    dict
        List name -> ISO 639-3 code -> words, aligned over languages.

    Raises
    ------
    DataError
        If the user's file is missing or of another shape.
    """
    return _read(os.environ.get(VARIABLE, ""))


@cache
def _read(extra: str) -> dict[str, dict[str, tuple[str, ...]]]:
    import yaml

    here = files("crosslingual") / "data" / "lexicon.yaml"
    tables = [yaml.safe_load(here.read_text("utf-8"))]
    words: dict[str, dict[str, tuple[str, ...]]] = {kind: {} for kind in tables[0]}
    try:
        if extra:
            tables.append(yaml.safe_load(Path(extra).read_text("utf-8")))
        for table in tables:
            for kind, by_language in table.items():
                for name, text in by_language.items():
                    entry = tuple(word.strip() for word in text.split(","))
                    if len(set(entry)) < 3:
                        raise ValueError(f"{kind}, {name}: fewer than three words")
                    words[kind][find_language(name).code] = entry
    except (OSError, KeyError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise DataError(
            f"the lexicon {extra!r} (${VARIABLE}) cannot be used ({error!r}). It needs the lists "
            f"{', '.join(words)}, each language -> words separated by commas."
        ) from None
    return words


def split_words(kind: str, language: str, split: str) -> tuple[str, ...]:
    """Words of one split; the same positions, so the same concepts, in every language.

    Parameters
    ----------
    kind : str
        Kind of word, as the lexicon names it.
    language : str
        ISO 639-3.
    split : str
        train, dev or test.

    Raises
    ------
    UnknownLanguageError
        If the lexicon lacks the language.
    DataError
        If the lexicon that the environment names cannot be used.
    """
    by_language = lexicon()[kind]
    if language not in by_language:
        raise UnknownLanguageError(
            language,
            by_language,
            f"The lexicon lacks it: name a file with its words in ${VARIABLE}.",
        )
    words = by_language[language]
    order = np.random.default_rng([VERSION, zlib.crc32(kind.encode())]).permutation(len(words))
    first = min(round(SHARES["train"] * len(words)), len(words) - 2)
    second = first + max(1, round(SHARES["dev"] * len(words)))
    part = {"train": order[:first], "dev": order[first:second], "test": order[second:]}[split]
    return tuple(words[i] for i in sorted(part))


def spell_number(number: int, language: str) -> str:
    """A number in words where num2words knows the language, in digits otherwise.

    Parameters
    ----------
    number : int
        From 0.
    language : str
        ISO 639-3.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.
    """
    from num2words import num2words

    try:
        words = num2words(number, lang=find_language(language).short)
    except NotImplementedError:
        return str(number)
    return str(words).replace(",", "")
