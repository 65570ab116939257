"""How many words of the tests have a token vector of their own in `mini`, and what those tell.

    python benchmarks/coverage.py TOKENS

Needs $CROSSLINGUAL_DATA, writes book/data/coverage.csv. TOKENS is the packed corpus (``tokens`` of
a pre-training). A word is what stands between blanks, without punctuation, of four letters or
more; Chinese, which writes without blanks, and Korean, whose letters are syllables, are left out.
It is *whole* if it is a single piece, *known* if that piece occurs a hundred times in the corpus of
its language. Where sentences have a label, a linear classifier on tf-idf of words, of all and of
the known ones, is trained and tested in the same language: what the known ones do not tell at home
they cannot carry abroad, however well they are connected. Numbers only: no word is stored.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from emergence import DATA, LANGUAGES, examples
from shared_start import counting

from crosslingual.files import write_csv
from crosslingual.models import load_model

TASKS = {"intents": LANGUAGES["intents"], **dict.fromkeys(("sib200", "pud"), LANGUAGES["sib200"])}
LABELLED = ("intents", "sib200")
OTHER_WORDS = ("ko", "zh")
LETTERS = 4
OFTEN = 100


def words_of(text: str) -> list[str]:
    """Words of so many letters, punctuation at their ends taken off."""
    found = []
    for word in text.split():
        ends = [i for i, sign in enumerate(word) if sign.isalpha()]
        if ends and len(kept := word[ends[0] : ends[-1] + 1]) >= LETTERS:
            found.append(kept)
    return found


def accuracy(task: str, code: str, parts: Callable[[str], list[str]]) -> float:
    """Of the linear classifier that sees these parts of a sentence, within a language."""
    learner = counting(parts, *examples(task, code, "train"))
    return float(learner.score(*examples(task, code, "test")))


def row(task: str, code: str, counts: np.ndarray, tokenizer: Any) -> dict[str, Any]:
    """What is counted and measured of one task in one language."""

    def pieces(words: list[str]) -> list[list[int]]:
        return tokenizer(words, add_special_tokens=False)["input_ids"] if words else []

    def known(text: str) -> list[str]:
        words = words_of(text)
        rows = zip(words, pieces(words), strict=True)
        return [word for word, ids in rows if len(ids) == 1 and counts[ids[0]] >= OFTEN]

    words = [word for text in examples(task, code, "test")[0] for word in words_of(text)]
    lengths = np.array([len(ids) for ids in pieces(words)])
    made: dict[str, Any] = {
        "task": task,
        "language": code,
        "words": len(words),
        "pieces_a_word": lengths.mean(),
        "whole": (lengths == 1).mean(),
        "known": len(known(" ".join(words))) / len(words),
    }
    if task in LABELLED:
        made["all_tell"] = accuracy(task, code, words_of)
        made["known_tell"] = accuracy(task, code, known)
    return made


def main(tokens: Path) -> None:
    """Count for every task and language."""
    tokenizer = load_model("mini").tokenizer
    rows = []
    for task, codes in TASKS.items():
        for code in sorted(set(codes) - set(OTHER_WORDS)):
            counts = np.bincount(np.load(tokens / f"{code}.npy"), minlength=len(tokenizer))
            rows.append(row(task, code, counts, tokenizer))
            print(rows[-1], flush=True)
    write_csv(DATA / "coverage.csv", pd.DataFrame(rows).round(4))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
