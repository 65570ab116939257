"""Why an early checkpoint can lose to a model without pre-training, and what cures it.

Pre-trains mini's architecture with each optimiser for a few hundred updates from random vectors,
looks into the encoder, fine-tunes on the commands (*intents*) of four languages and tests on ten.
The first row is the model without pre-training. Goes on where it was; writes
book/data/collapse.csv.

    python benchmarks/collapse.py CORPUS [FOLDER]
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from crosslingual import load_model, run_study
from crosslingual.corpus import pack
from crosslingual.files import write_csv
from crosslingual.pretraining import Architecture, PretrainConfig, loss_curve, pretrain
from crosslingual.probing import encoder_health
from crosslingual.registry import get_task

STEPS = 400
RATES = {"muon": (0.015, 0.015), "adamw": (0.005, 0.005), "bounded-muon": (0.03, 0.01)}
RUNS = {
    name: PretrainConfig(
        steps=STEPS, optimiser=name, rate=rate, embedding_lr=embedding_lr, decay=0.01, sample=12_000
    )
    for name, (rate, embedding_lr) in RATES.items()
}
TUNED: dict[str, Any] = {
    "tasks": ["intents"],
    "sources": ["de", "en", "ru", "zh"],
    "targets": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "train": {"recipe": "small", "epochs": 4, "freeze_embeddings": False},
}
TABLE = Path(__file__).resolve().parent.parent / "book" / "data" / "collapse.csv"


def train(
    corpus: str,
    folder: Path,
    name: str,
    config: PretrainConfig,
    tokenizer: Any = None,
    tokens: str = "tokens",
    shape: Architecture | None = None,
) -> str:
    """Pre-train on one thread, unless it is done; the folder of the model.

    Tokens of that tokenizer, mini's own if none is given, are shared in ``folder / tokens``.
    """
    import torch

    torch.set_num_threads(1)
    out = folder / name
    if not (out / "provenance.json").exists():
        out.mkdir(exist_ok=True)
        if not (out / "tokens").exists():
            (out / "tokens").symlink_to(folder / tokens)
        tokenizer = tokenizer or load_model("mini").tokenizer
        pretrain(corpus, out, tokenizer, shape, config, compile_model=False)
    return str(out / "model")


def train_all(corpus: str, folder: Path, runs: dict[str, PretrainConfig]) -> dict[str, str]:
    """Pre-train all, two at a time; name -> folder of the model."""
    folder.mkdir(parents=True, exist_ok=True)
    pack(corpus, load_model("mini").tokenizer, folder / "tokens")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        models = pool.map(train, repeat(corpus), repeat(folder), runs, runs.values())
        return dict(zip(runs, models, strict=True))


def look(name: str, model: str, folder: Path) -> dict[str, Any]:
    """What becomes of a model: its encoder, and its scores once fine-tuned."""
    task = get_task("intents")
    rows = [e for code in TUNED["sources"] for e in task.examples(code, "train")[::20]]
    health = encoder_health(load_model(model), [e.input for e in rows])
    scores = run_study(TUNED | {"model": model}, folder / "records").scores
    same = scores["source"] == scores["target"]
    return {
        "optimiser": name,
        "updates": 0 if name == "none" else STEPS,
        "loss": None if name == "none" else loss_curve(folder / name)["loss"].iloc[-1],
        "residual_rms": health["rms"].iloc[:-1].max(),
        "effective_rank": health["effective_rank"].iloc[-1],
        "attention_top": health["attention_top"].mean(),
        "in_language": scores.loc[same, "score"].mean(),
        "across": scores.loc[~same, "score"].mean(),
    }


def main(corpus: str, place: str = "runs/collapse") -> None:
    """Train all, then look at each."""
    folder = Path(place).resolve()
    models = train_all(corpus, folder, RUNS)
    rows = []
    for name, model in ({"none": "mini-scratch"} | models).items():
        rows.append(look(name, model, folder))
        print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
        write_csv(TABLE, pd.DataFrame(rows).round(4))


if __name__ == "__main__":
    main(*sys.argv[1:])
