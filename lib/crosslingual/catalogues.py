"""More unannotated text: what the message catalogues of programs say, language by language.

A game's messages tell of kings, wars, rivers and trade, which a technical corpus lacks.
Translations of one message go to the files of their languages and are shuffled there, so no
pairing survives.
"""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from .arguments import generator
from .corpus import corpus_files, language_of, read_paragraphs
from .errors import CorpusError
from .files import prepare_folder, write_text

__all__ = ["catalogue_texts", "extend_corpus"]

# The one variant of a language that its ISO 639-1 code is to mean here.
_VARIANTS = dict.fromkeys(("pt_BR", "pt-br", "pt-BR"), "pt")
_VARIANTS |= dict.fromkeys(("zh_CN", "zh-hans", "zh-Hans"), "zh")
_PRINT = re.compile(r"-[0-9a-f]{32}$")  # that some packages add to a file's name
_SCREEN = 200  # characters of a paragraph made of short messages
_CODE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?(@\w+)?")
_MARKUP = re.compile(r"<[^<>]{1,80}>|\{\{[^{}]*\}\}|\{[^{}]{0,60}\}|\[/?[a-z_]+[^\[\]]{0,30}\]")
_FORMAT = re.compile(r"%[0-9$.]*[a-z]+|\?[a-z]+:|\\n|\$\d")
_DENSE = {"zh", "ja", "ko"}  # a character of theirs says as much as two or three letters


def _clean(text: str) -> str:
    """A message without its context, markup and placeholders."""
    text = text.replace("\x04", " ").rsplit("^", 1)[-1]
    text = _FORMAT.sub(" ", _MARKUP.sub(" ", text))
    return " ".join(re.sub(r"[*_~|=#]+", " ", text).split())


class _Paragraphs(HTMLParser):
    """Texts of <p> and the language that <html lang> names."""

    def __init__(self) -> None:
        super().__init__()
        self.language, self.texts, self.inside = "", [""], False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "html":
            self.language = dict(attributes).get("lang") or ""
        self.inside = self.inside or tag == "p"
        if tag == "p":
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "p"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data


def _language(path: Path) -> str:
    """Code of the language that a catalogue's path names, '' if none."""
    for part in (*reversed(path.parts[:-1]), path.stem):
        if _CODE.fullmatch(part):
            return _VARIANTS.get(part, part)
    return ""


def _leaves(messages: dict[str, Any]) -> Iterator[str]:
    """Messages of a JSON catalogue in its order, but for what is said about it (@metadata)."""
    for key, value in messages.items():
        if isinstance(value, dict) and not key.startswith("@"):
            yield from _leaves(value)
        elif isinstance(value, str) and not key.startswith("@"):
            yield value


def _screens(messages: Iterable[str]) -> Iterator[str]:
    """Short messages of one component as paragraphs, as they stand together on a screen."""
    screen = ""
    for message in messages:
        screen += message.strip() + ("" if message.rstrip()[-1:] in ".!?。！？" else ".") + " "
        if len(screen) >= _SCREEN:
            yield screen
            screen = ""
    if screen:
        yield screen


def _read(path: Path) -> Iterator[tuple[str, str]]:
    """(Language, raw message) of one file; English for the keys of a gettext catalogue."""
    if path.suffix == ".mo":
        with open(path, "rb") as stream:
            catalogue = gettext.GNUTranslations(stream)._catalog  # type: ignore[attr-defined]
        language = _language(path)
        for key, text in catalogue.items():
            original = key[0] if isinstance(key, tuple) else key
            if original and text and text != original:
                yield language, text
                yield "en", original
    elif path.suffix == ".json":
        messages = json.loads(path.read_text("utf-8"))
        if isinstance(messages, dict):
            stem = _PRINT.sub("", path.stem)
            language = _VARIANTS.get(stem, stem)
            yield from ((language, text) for text in _screens(_leaves(messages)))
    else:
        page = _Paragraphs()
        page.feed(path.read_text("utf-8"))
        language = _VARIANTS.get(page.language, page.language)
        yield from ((language, text) for text in page.texts)


def catalogue_texts(
    folder: str | Path, languages: Iterable[str], least: int = 20
) -> dict[str, list[str]]:
    """Messages of all catalogues under a folder, by language, without repetition.

    Reads gettext's ``LL/LC_MESSAGES/*.mo`` (and ``LL.mo``), JSON catalogues named
    ``LL.json``, flat (MediaWiki's) or nested (Home Assistant's), of which short messages
    that follow each other are joined, and HTML pages that state their language.

    Parameters
    ----------
    folder : str or Path
        Unpacked packages.
    languages : iterable of str
        Codes as in the corpus's file names.
    least : int
        Characters of the shortest message that is kept (half as many in Chinese, Japanese
        and Korean).

    Returns
    -------
    dict
        Language -> messages, sorted.

    Raises
    ------
    CorpusError
        If the folder is missing or holds no catalogue.
    """
    root = Path(folder)
    wanted: dict[str, set[str]] = {code: set() for code in languages}
    files = [p for p in root.rglob("*") if p.suffix in (".mo", ".json", ".html") and p.is_file()]
    if not files:
        raise CorpusError(f"there is no message catalogue (.mo, .json, .html) under {str(root)!r}.")
    for path in sorted(files):
        try:
            for language, text in _read(path):
                if language in wanted:
                    clean = _clean(text)
                    if len(clean) >= (least // 2 if language in _DENSE else least):
                        wanted[language].add(clean)
        except (OSError, LookupError, ValueError):
            continue  # not a catalogue after all, though named like one
    return {code: sorted(texts) for code, texts in wanted.items()}


def extend_corpus(
    corpus: str | Path, catalogues: str | Path, out: str | Path, repeat: int = 2, seed: int = 0
) -> dict[str, tuple[int, int]]:
    """Write a corpus with the messages of catalogues mixed into its paragraphs.

    Parameters
    ----------
    corpus : str or Path
        Folder of one text file a language (`crosslingual.corpus.corpus_files`).
    catalogues : str or Path
        See `catalogue_texts`.
    out : str or Path
        Receives ``LL.txt``, lines shuffled within the language.
    repeat : int
        How often each message is to stand in the corpus: a little general text beside much
        technical text is worth reading twice.
    seed : int
        Of the shuffling.

    Returns
    -------
    dict
        Language -> (characters of the corpus, characters added).

    Raises
    ------
    CorpusError
        If there is no catalogue, the corpus cannot be read, or ``out`` is the corpus itself or
        holds other languages.
    """
    files = corpus_files(corpus)
    if Path(out).resolve() == Path(corpus).resolve():
        raise CorpusError(f"the new corpus cannot be written over the old one, {str(corpus)!r}.")
    there = {language_of(path) for path in Path(out).glob("*.txt*")} - set(files)
    if there:
        raise CorpusError(
            f"{str(out)!r} holds text of other languages already ({', '.join(sorted(there))}): "
            "give another folder, or remove it."
        )
    more = catalogue_texts(catalogues, files)
    folder = prepare_folder(out)
    sizes = {}
    for code, path in files.items():
        lines = [*read_paragraphs(path), *(repeat * more[code])]
        added = repeat * sum(map(len, more[code]))
        sizes[code] = (sum(map(len, lines)) - added, added)
        order = generator(seed).permutation(len(lines))
        write_text(folder / f"{code}.txt", "\n".join(lines[i] for i in order) + "\n")
    return sizes
