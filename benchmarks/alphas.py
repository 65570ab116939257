"""How often each language is seen in pre-training: what it does to its loss and to transfer to it.

Pre-trains mini's architecture with a few exponents of p(language) ~ size^alpha, and the same number
of updates, from vectors of shared pieces, a third of the updates with the whole text as target;
mT5's exponent twice, with another seed: how far two like runs lie apart. Fine-tunes each on four
sources and tests on ten targets. Goes on where it was; writes book/data/alphas.csv, a row for each
run and language (scores: the language as a target, mean over the foreign sources).

    python benchmarks/alphas.py CORPUS [FOLDER]   (needs $CROSSLINGUAL_DATA)
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from collapse import TUNED, train_all
from emergence import DATA, LANGUAGES

from crosslingual import run_study
from crosslingual.corpus import language_shares
from crosslingual.files import write_csv
from crosslingual.languages import resolve
from crosslingual.pretraining import PretrainConfig

RUNS = {
    f"alpha {alpha:g}, seed {seed}": PretrainConfig(
        steps=300, rate=0.03, embedding_lr=0.003, embeddings="shared", alpha=alpha, copying=0.35,
        sample=12_000, seed=seed, warmup=0.02, decay=0.9,
    )
    for alpha, seed in ((0.3, 0), (1.0, 0), (0.3, 1), (0.0, 0))
}  # fmt: skip
TRAIN = {"recipe": "small", "freeze_embeddings": True}
TASKS: list[dict[str, Any]] = [
    TUNED | {"train": TRAIN | {"epochs": 4}},
    TUNED | {
        "tasks": ["pud_words"],
        "targets": LANGUAGES["sib200"],
        "decoding": "labels",
        "train_limit": 3000,
        "test_limit": 300,
        "train": TRAIN | {"epochs": 1, "batch": 32},
    },
]  # fmt: skip


def look(name: str, model: str, folder: Path) -> pd.DataFrame:
    """A row for each language of one run."""
    config = RUNS[name]
    made = json.loads((folder / name / "provenance.json").read_text("utf-8"))
    table = pd.DataFrame({"corpus_tokens": made["corpus_tokens"]})
    table["share"] = pd.Series(language_shares(made["corpus_tokens"], config.alpha))
    table["held_out_loss"] = pd.Series(made["held_out_loss"])
    table.index = pd.Index(resolve(table.index), name="language")
    for study in TASKS:
        scores = run_study(study | {"model": model}, folder / "records").scores
        foreign = scores[scores["source"] != scores["target"]]
        table[study["tasks"][0]] = foreign.groupby("target")["score"].mean()
    about = {"alpha": config.alpha, "seed": config.seed, "updates": config.steps}
    return table.reset_index().assign(**about, tokens_seen=made["tokens_seen"])


def main(corpus: str, place: str = "runs/alphas") -> None:
    """Train all, then look at each."""
    folder = Path(place).resolve()
    tables = []
    for name, model in train_all(corpus, folder, RUNS).items():
        tables.append(look(name, model, folder))
        means = tables[-1].mean(numeric_only=True)
        print(name, means.round(3).to_dict(), flush=True)
        write_csv(DATA / "alphas.csv", pd.concat(tables).round(4))


if __name__ == "__main__":
    main(*sys.argv[1:])
