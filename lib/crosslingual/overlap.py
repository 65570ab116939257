"""Whether text that a model is tested on stood in the text it was pre-trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import check_count
from .corpus import corpus_files, read_paragraphs
from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ngram_overlap", "ngrams"]

_DENSE = {"zh", "ja", "ko", "th"}  # no spaces, or words of few characters: n-grams of characters


def ngrams(text: str, n: int, characters: bool = False) -> Iterator[str]:
    """Runs of ``n`` words (lower case, without punctuation), or of ``n`` characters.

    Parameters
    ----------
    text : str
        A paragraph.
    n : int
        Length of a run.
    characters : bool
        Count characters, for languages that write no blanks.

    Examples
    --------
    >>> list(ngrams("To be, or not to be", 4))
    ['to be or not', 'be or not to', 'or not to be']
    >>> list(ngrams("天地玄黃", 3, characters=True))
    ['天地玄', '地玄黃']
    """
    clean = "".join(c if c.isalnum() else " " for c in text.lower())
    units: Sequence[str] = "".join(clean.split()) if characters else clean.split()
    mark = "" if characters else " "
    yield from (mark.join(units[i : i + n]) for i in range(len(units) - n + 1))


def ngram_overlap(
    corpus: str | Path, texts: Mapping[str, Iterable[str]], n: int = 8
) -> pd.DataFrame:
    """Share of test texts, and of their n-grams, that stand in a corpus.

    Parameters
    ----------
    corpus : str or Path
        Folder of one text file a language.
    texts : mapping
        Language, as in the corpus's file names -> texts of evaluation sets.
    n : int
        Words of a run; in Chinese, Japanese, Korean and Thai characters, two for each word.

    Returns
    -------
    DataFrame
        Columns language, texts (long enough to have a run), ngrams, seen (number of n-grams
        that the corpus has), share (seen / ngrams), touched (share of texts with any).

    Raises
    ------
    DataError
        If no text is long enough, or ``n`` is no whole number from 1.

    References
    ----------
    Brown et al. 2020, Language models are few-shot learners, appendix C, for runs of words as
    a measure of contamination.
    """
    import pandas as pd

    check_count("n", n)
    files = corpus_files(corpus)
    rows = []
    for code, given in texts.items():
        dense = code in _DENSE
        size = 2 * n if dense else n
        runs = [set(ngrams(text, size, dense)) for text in given]
        runs = [each for each in runs if each]
        wanted = set().union(*runs)
        found: set[str] = set()
        if code in files:
            for paragraph in read_paragraphs(files[code]):
                found.update(g for g in ngrams(paragraph, size, dense) if g in wanted)
        rows.append(
            {
                "language": code,
                "texts": len(runs),
                "ngrams": len(wanted),
                "seen": len(found),
                "share": len(found) / len(wanted) if wanted else float("nan"),
                "touched": sum(not each.isdisjoint(found) for each in runs) / max(1, len(runs)),
            }
        )
    table = pd.DataFrame(rows)
    if table.empty or not table["texts"].any():
        raise DataError(f"no text has a run of {n} words.")
    return table
