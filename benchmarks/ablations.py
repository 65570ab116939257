"""Vocabulary, width, languages, updates, start: what of a pre-training matters for transfer?

Pre-trains mini as `alphas.py` does, with one change at a time and as many tokens each; fine-tunes
each on four sources and tests on ten targets, and reads topics of SIB-200 from its top layer with
a linear classifier. Two are made again with another seed: so much is chance. Goes on where it was;
writes book/data/ablations.csv, a row for each variant, task and pair.

    python benchmarks/ablations.py CORPUS [FOLDER]   (needs $CROSSLINGUAL_DATA)
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from alphas import RUNS, TASKS
from collapse import train
from emergence import DATA, carried, read
from shared_start import TESTED

from crosslingual import find_language, load_model, run_study
from crosslingual.corpus import corpus_files, language_of, pack
from crosslingual.files import write_atomic, write_csv
from crosslingual.pretraining import Architecture
from crosslingual.vocabulary import as_transformers, train_vocabulary

USUAL = RUNS["alpha 0.3, seed 0"]
VARIANTS: dict[str, dict[str, Any]] = {
    "as mini": {},
    "another seed": {"config": {"seed": 1}},
    "16,000 pieces": {"pieces": 16_000},
    "32,000 pieces": {"pieces": 32_000},
    "width 128": {"shape": Architecture(d_model=128, d_ff=320, heads=2)},
    "width 512": {"shape": Architecture(d_model=512, d_ff=1280, heads=8)},
    "only the languages of the tests": {"languages": TESTED},
    "twice as many updates, of half the size": {"config": {"steps": 600, "batch": 20}},
    "twice as many updates, another seed": {"config": {"steps": 600, "batch": 20, "seed": 1}},
    "four times as many updates, of a quarter": {"config": {"steps": 1200, "batch": 10}},
    "half as many updates, of twice the size": {"config": {"steps": 150, "batch": 80}},
    "random vectors": {"config": {"embeddings": "random"}},
}


def texts(corpus: str, folder: Path, languages: list[str] | None) -> str:
    """The corpus, or a folder of links to some of its languages."""
    if languages is None:
        return corpus
    some = folder / "texts"
    some.mkdir(exist_ok=True)
    for path in corpus_files(corpus).values():
        link = some / path.name
        if language_of(path) in languages and not link.exists():
            link.symlink_to(path.resolve())
    return str(some)


def vocabulary(corpus: str, folder: Path, pieces: int | None) -> Any:
    """A tokenizer of so many pieces, learned once; None is mini's own."""
    if pieces is None:
        return load_model("mini").tokenizer
    file = folder / f"spiece.{pieces}.model"
    if not file.exists():
        learned = train_vocabulary(corpus, pieces, sample_bytes=100_000_000)
        write_atomic(file, lambda path: path.write_bytes(learned))
    return as_transformers(file.read_bytes())


def tokens_of(pieces: int | None) -> str:
    """The name of the folder of tokens that variants of one vocabulary share."""
    return f"tokens.{pieces or 'own'}"


def changed(corpus: str, folder: Path, name: str) -> str:
    """Pre-train one variant; the folder of its model."""
    change = VARIANTS[name]
    pieces = change.get("pieces")
    return train(
        texts(corpus, folder, change.get("languages")),
        folder,
        name,
        replace(USUAL, **change.get("config", {})),
        vocabulary(corpus, folder, pieces),
        tokens_of(pieces),
        change.get("shape"),
    )


def topics(model: str) -> pd.DataFrame:
    """What a linear classifier on the top layer's mean states tells of SIB-200's topics."""
    table = carried(read(load_model(model), "sib200"), -1).rename(columns={"accuracy": "score"})
    for side in ("source", "target"):
        table[side] = [find_language(code).code for code in table[side]]
    return table.assign(task="sib200_linear")


def look(name: str, model: str, folder: Path) -> pd.DataFrame:
    """Scores of one variant, with what it has read and how large it is."""
    made = json.loads((folder / name / "provenance.json").read_text("utf-8"))
    tuned = [run_study(s | {"model": model}, folder / "records").scores for s in TASKS]
    scores = pd.concat([*tuned, topics(model)])
    about = {name: made[name] for name in ("parameters", "tokens_seen")}
    about["held_out_loss"] = sum(made["held_out_loss"].values()) / len(made["held_out_loss"])
    return scores[["task", "source", "target", "score"]].assign(variant=name, **about)


def main(corpus: str, place: str = "runs/ablations") -> None:
    """Train all, two at a time, then look at each."""
    folder = Path(place).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for pieces in dict.fromkeys(change.get("pieces") for change in VARIANTS.values()):
        pack(corpus, vocabulary(corpus, folder, pieces), folder / tokens_of(pieces))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        models = list(pool.map(changed, repeat(corpus), repeat(folder), VARIANTS))
    tables = []
    for name, model in zip(VARIANTS, models, strict=True):
        tables.append(look(name, model, folder))
        same = tables[-1]["source"] == tables[-1]["target"]
        means = tables[-1].groupby(["task", same.rename("in_language")])["score"].mean()
        print(name, means.round(3).to_dict(), flush=True)
        write_csv(DATA / "ablations.csv", pd.concat(tables).round(4))


if __name__ == "__main__":
    main(*sys.argv[1:])
