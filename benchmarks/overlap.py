"""How much of the evaluation sets stands in the pre-training corpora.

    python benchmarks/overlap.py NAME=CORPUS ...   (needs $CROSSLINGUAL_DATA)

CORPUS is a folder of LL.txt[.xz]. Runs of eight words of the public benchmarks' test sentences,
of five words of the shorter commands (`intents`). Writes benchmarks/overlap.csv, numbers only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from crosslingual.corpus import corpus_files
from crosslingual.languages import find_language
from crosslingual.overlap import ngram_overlap
from crosslingual.registry import get_task

SETS = {"benchmarks": (("sib200", "pud", "xquad", "ner"), 8), "commands": (("intents",), 5)}


def main(given: list[str]) -> None:
    """Count, corpus by corpus."""
    tables = []
    for word in given:
        name, corpus = word.split("=")
        for label, (tasks, n) in SETS.items():
            texts: dict[str, list[str]] = {}
            for task in map(get_task, tasks):
                for short in corpus_files(corpus):
                    if find_language(short).code in task.languages():
                        rows = task.examples(short, "test")
                        texts.setdefault(short, []).extend(e.input.split(": ", 1)[-1] for e in rows)
            table = ngram_overlap(corpus, texts, n)
            tables.append(table.assign(corpus=name, tests=label, words=n))
            print(name, label, table[["texts", "ngrams", "seen"]].sum().to_dict(), flush=True)
    pd.concat(tables).round(5).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
