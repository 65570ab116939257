"""Unannotated text: reading it, sampling languages by temperature, packing it.

A corpus is a folder with one file a language, ``LL.txt`` or ``LL.txt.xz`` (also
``.gz``), one paragraph a line.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CorpusError
from .files import prepare_folder, read_json, write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["corpus_files", "language_of", "language_shares", "pack", "read_paragraphs"]

_OPENERS: dict[str, Any] = {".xz": lzma.open, ".gz": gzip.open, ".txt": open}


def corpus_files(folder: str | Path) -> dict[str, Path]:
    """Find the files of a corpus.

    Parameters
    ----------
    folder : str or Path
        Holds ``LL.txt``, ``LL.txt.gz`` or ``LL.txt.xz``, where LL is the language.

    Returns
    -------
    dict
        Language code as in the file's name -> path, sorted by code.

    Raises
    ------
    CorpusError
        If the folder is missing or holds no such file, or a language has two.
    """
    root = Path(folder)
    if not root.is_dir():
        raise CorpusError(
            f"the corpus folder {str(root)!r} does not exist. "
            "Give a folder with one LL.txt or LL.txt.xz file a language."
        )
    found: dict[str, Path] = {}
    for path in sorted(root.glob("*.txt*")):
        code = language_of(path)
        if path.suffix not in _OPENERS:
            continue
        if code in found:
            raise CorpusError(
                f"the corpus folder {str(root)!r} holds {found[code].name} and {path.name}: keep "
                "one file a language."
            )
        found[code] = path
    if not found:
        raise CorpusError(
            f"the corpus folder {str(root)!r} holds no LL.txt, LL.txt.gz or LL.txt.xz file."
        )
    return found


def language_of(path: Path) -> str:
    """What a corpus file is named after: LL of ``LL.txt`` and ``LL.txt.xz``."""
    return path.name.split(".txt")[0]


def read_paragraphs(path: str | Path) -> Iterator[str]:
    """Yield the non-empty lines of a corpus file.

    Parameters
    ----------
    path : str or Path
        ``LL.txt`` or ``LL.txt.xz``.

    Raises
    ------
    CorpusError
        If the file cannot be decompressed or is not UTF-8.
    """
    path = Path(path)
    try:
        with _OPENERS[path.suffix](path, "rt", encoding="utf-8") as stream:
            for line in stream:
                text = line.strip()
                if text:
                    yield text
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise CorpusError(
            f"the corpus file {str(path)!r} cannot be read ({error}). "
            "It must be UTF-8 text, whole, one paragraph a line."
        ) from None


def language_shares(sizes: Mapping[str, float], alpha: float = 0.3) -> dict[str, float]:
    """Share of training examples per language, p(L) proportional to size(L)**alpha.

    Parameters
    ----------
    sizes : mapping
        Language -> amount of text (any unit), positive.
    alpha : float
        1 samples by size, 0 samples all languages alike; mT5 uses 0.3.

    Returns
    -------
    dict
        Language -> probability; sums to 1.

    Raises
    ------
    CorpusError
        If a size is not positive, or there is none.

    References
    ----------
    Xue et al. 2021, mT5, section 3.1. https://aclanthology.org/2021.naacl-main.41

    Examples
    --------
    >>> language_shares({"en": 16.0, "sw": 1.0}, alpha=0.5)
    {'en': 0.8, 'sw': 0.2}
    """
    if not sizes or any(size <= 0 for size in sizes.values()):
        raise CorpusError(f"sizes must be positive and not empty, not {dict(sizes)!r}.")
    powered = {code: float(size) ** alpha for code, size in sizes.items()}
    total = sum(powered.values())
    return {code: value / total for code, value in powered.items()}


def pack(folder: str | Path, tokenizer: Any, out: str | Path) -> dict[str, NDArray[np.uint16]]:
    """Tokenise a corpus once; keep one flat array of ids a language.

    Paragraphs end with the tokenizer's end-of-sequence id. Arrays are stored in
    ``out`` and memory-mapped on later calls; ``made_of.json`` there says of which text and
    vocabulary.

    Parameters
    ----------
    folder : str or Path
        Of the corpus: one file a language.
    tokenizer : transformers tokenizer
        With fewer than 65,536 pieces.
    out : str or Path
        Folder for the arrays.

    Returns
    -------
    dict
        Language -> array of token ids, shape (tokens,), dtype uint16.

    Raises
    ------
    CorpusError
        If the corpus cannot be read, the vocabulary has more pieces than 16 bits can number, or
        ``out`` holds tokens of other text or another vocabulary.
    """
    if len(tokenizer) > np.iinfo(np.uint16).max:
        raise CorpusError(f"a vocabulary of {len(tokenizer)} pieces does not fit 16 bits.")
    packed: dict[str, NDArray[np.uint16]] = {}
    files = corpus_files(folder)
    prepare_folder(out)
    _note_origin(Path(out), files, tokenizer)
    for code, path in files.items():
        cache = Path(out) / f"{code}.npy"
        if not cache.exists():
            ids: list[NDArray[np.uint16]] = []
            batch: list[str] = []
            for paragraph in read_paragraphs(path):
                batch.append(paragraph)
                if len(batch) == 4096:
                    ids.append(_encode(tokenizer, batch))
                    batch = []
            if batch:
                ids.append(_encode(tokenizer, batch))
            partial = cache.with_suffix(".part.npy")
            np.save(partial, np.concatenate(ids))
            partial.replace(cache)
        packed[code] = np.load(cache, mmap_mode="r")
    return packed


def _note_origin(out: Path, files: Mapping[str, Path], tokenizer: Any) -> None:
    """Write what the arrays are made of, before they are; refuse those of something else."""
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True).encode()
    pieces = hashlib.sha256(vocabulary).hexdigest()
    origin = {code: f"{pieces[:16]} {_digest(path)[:16]}" for code, path in files.items()}
    note = out / "made_of.json"
    there = {path.stem for path in out.glob("*.npy")}
    if there and not note.exists():  # carried here without their text
        return
    known = read_json(note, CorpusError) if there else {}
    for code in sorted(there & set(files)):
        if known.get(code) != origin[code]:
            raise CorpusError(
                f"{str(out)!r} holds tokens of other text or another vocabulary ({code}). Give "
                "another folder, or delete it to start anew."
            )
    write_json(note, known | origin)


def _digest(path: Path) -> str:
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CorpusError(f"the corpus file {str(path)!r} cannot be read ({error}).") from None


def _encode(tokenizer: Any, batch: list[str]) -> NDArray[np.uint16]:
    rows = tokenizer(batch, add_special_tokens=True)["input_ids"]
    return np.fromiter((i for row in rows for i in row), dtype=np.uint16)
