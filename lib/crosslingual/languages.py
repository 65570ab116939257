"""The languages: codes, names, scripts, families, places, amounts of text.

Inside the package a language is its ISO 639-3 code (``deu``); ISO 639-1 codes
(``de``), other tags (``zh-CN``) and English names (``German``) are accepted wherever
a user names one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from .errors import UnknownLanguageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DEFAULT_LANGUAGES", "Language", "find_language", "language_table", "resolve"]

DEFAULT_LANGUAGES = ("ara", "deu", "eng", "spa", "fin", "ita", "kor", "rus", "ukr", "zho")
"""The ten languages of the book, in six scripts; close pairs and distant ones."""


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes
    ----------
    code : str
        ISO 639-3, macrolanguage where that is the usual name (``ara``, ``zho``).
    short : str
        ISO 639-1, or ``code`` where there is none.
    name : str
        English name.
    script : str
        ISO 15924 code of the script that its text is in here.
    family : str
        Top-level family, after Glottolog.
    latitude, longitude : float
        A point inside its area, degrees, rounded; after Glottolog and WALS.
    mc4_tokens : float
        Tokens of mT5's pre-training corpus, billions (Xue et al. 2021, table 6);
        NaN where mC4 does not list the language.
    xlmr : bool
        Is it among the languages that XLM-R saw (Conneau et al. 2020, CC-100)?
    """

    code: str
    short: str
    name: str
    script: str
    family: str
    latitude: float
    longitude: float
    mc4_tokens: float
    xlmr: bool


# Collective codes, and the member of each that texts are in.
_MEMBER = {"no": "nob", "nor": "nob", "norwegian": "nob", "ku": "kmr", "kur": "kmr"}


@cache
def _registry() -> dict[str, Language]:
    table = files("crosslingual") / "data" / "languages.csv"
    with table.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {
        r["code"]: Language(
            r["code"],
            r["short"] or r["code"],
            r["name"],
            r["script"],
            r["family"],
            float(r["latitude"]),
            float(r["longitude"]),
            float(r["mc4_tokens"] or "nan"),
            r["xlmr"] == "1",
        )
        for r in rows
    }


@cache
def _index() -> dict[str, str]:
    index: dict[str, str] = {}
    for language in _registry().values():
        for key in (language.code, language.short, language.name):
            index[key.casefold()] = language.code
    return index | _MEMBER


def find_language(name: str) -> Language:
    """Look up a language.

    Parameters
    ----------
    name : str
        ISO 639-1 or 639-3 code, a longer tag such as ``zh-CN``, or an English name.
        Members of a macrolanguage (``cmn``, ``arb``, ``swh``) lead to it.

    Returns
    -------
    Language

    Raises
    ------
    UnknownLanguageError
        If nothing fits; the message names the nearest languages.

    Examples
    --------
    >>> find_language("de").code, find_language("Swahili").short
    ('deu', 'sw')
    """
    key = str(name).strip().casefold()
    index = _index()
    if key in index:
        return _registry()[index[key]]
    code = _through_langcodes(key)
    if code in index:
        return _registry()[index[code]]
    registry = _registry().values()
    raise UnknownLanguageError(
        name,
        [language.name for language in registry] + [language.short for language in registry],
        "ISO 639-1 and 639-3 codes and English names are accepted.",
    )


def _through_langcodes(key: str) -> str:
    if not key.isprintable():  # the name table of langcodes trips over control characters
        return ""
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    found = None
    if key and len(key) <= 11 and all(part.isalnum() for part in key.replace("_", "-").split("-")):
        try:
            found = langcodes.get(key)
            if not found.is_valid():
                found = None
        except (LanguageTagError, AttributeError):
            found = None
    if found is None and len(key) > 3:
        try:
            found = langcodes.find(key)
        except (LookupError, ValueError, SystemError):  # the last two: faults of its name table
            return ""
    if found is None or not found.language:
        return ""
    try:
        return str(langcodes.standardize_tag(found.language, macro=True)).split("-")[0]
    except LanguageTagError:
        return ""


def resolve(names: Iterable[str] | str) -> list[str]:
    """Turn names into ISO 639-3 codes, in the order given, each once.

    Parameters
    ----------
    names : iterable of str, or str
        Names as `find_language` takes them; a string may hold several, with commas.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.

    Examples
    --------
    >>> resolve("de, en, German")
    ['deu', 'eng']
    """
    if isinstance(names, str):
        names = [part for part in names.split(",") if part.strip()]
    return list(dict.fromkeys(find_language(name).code for name in names))


def language_table(languages: Iterable[str] | None = None) -> pd.DataFrame:
    """The registry as a table, one row a language, in the order asked for.

    Parameters
    ----------
    languages : iterable of str, optional
        Which ones; all by default.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.
    """
    import pandas as pd

    chosen = resolve(languages) if languages is not None else list(_registry())
    return pd.DataFrame([vars(_registry()[code]) for code in chosen])
