"""How much of the evaluation sets stands in the pre-training corpora: runs of eight words.

    python benchmarks/overlap.py NAME=CORPUS ...

CORPUS is a folder of LL.txt[.xz]. Writes benchmarks/overlap.csv, numbers only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from crosslingual.corpus import corpus_files
from crosslingual.errors import DataError
from crosslingual.languages import find_language
from crosslingual.overlap import ngram_overlap
from crosslingual.tasks import get_task

TASKS = ("sib200", "pud", "xquad", "ner", "intents")


def main(given: list[str]) -> None:
    """Count, corpus by corpus and task by task."""
    tables = []
    for word in given:
        name, corpus = word.split("=")
        for task in map(get_task, TASKS):
            texts = {}
            for short in corpus_files(corpus):
                if find_language(short).code in task.languages():
                    rows = task.examples(short, "test")
                    texts[short] = [e.input.split(": ", 1)[-1] for e in rows]
            try:
                table = ngram_overlap(corpus, texts)
            except DataError as error:  # commands are too short
                print(task.name, error)
                continue
            tables.append(table.assign(corpus=name, task=task.name))
            print(name, task.name, table[["texts", "ngrams", "seen"]].sum().to_dict(), flush=True)
    pd.concat(tables).round(5).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main(sys.argv[1:])
