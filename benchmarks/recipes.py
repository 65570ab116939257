"""What of the casting and the recipe matters for transfer: one change at a time.

    python benchmarks/recipes.py [MODEL] [--tasks intents,slots,sib200,pud_words]

Adds to book/data/recipes.csv.

Four sources, ten targets, the same data and seed. *Prompted* puts the task into the format
of pre-training: the input ends with the first sentinel, and the answer begins with it. *Mixed*
adds examples of the pre-training objective in the ten languages (mT5's remedy against outputs in
the wrong language), made of the corpus under $CROSSLINGUAL_DATA. Topics of SIB-200 are chosen
from the labels, as in its study, and written in two variants (prompted, written); commands and
marked sentences are written, and commands chosen in a variant. Parts of speech are chosen, too, a
word at a time, with the limits of their study, but half its test words.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crosslingual.files import write_csv

SOURCES = ["de", "en", "ru", "zh"]
TARGETS = {
    "intents": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "slots": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
    "sib200": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
    "pud_words": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
}
LIMITS = {"pud_words": {"train": 6000, "dev": 500, "test": 500}}
OWN: dict[str, dict[str, Any]] = {"pud_words": {"batch": 32}}  # of a task's study
CHOSEN = ("sib200", "pud_words")  # their answers are chosen from the labels; others are written
BASE: dict[str, Any] = {"freeze_embeddings": True, "epochs": 2}
BOTH = "all weights, 4 passes"
VARIANTS: dict[str, tuple[dict[str, Any], str]] = {
    "base: vectors frozen, 2 passes": (BASE, ""),
    "all weights": (BASE | {"freeze_embeddings": False}, ""),
    "1 pass": (BASE | {"epochs": 1}, ""),
    "4 passes": (BASE | {"epochs": 4}, ""),
    "8 passes": (BASE | {"epochs": 8}, ""),
    "rate 0.02": (BASE | {"lr": 0.02}, ""),
    "rate 0.02, 4 passes": (BASE | {"lr": 0.02, "epochs": 4}, ""),
    "rate 0.01, 8 passes": (BASE | {"lr": 0.01, "epochs": 8}, ""),
    "dropout 0.3": (BASE | {"dropout": 0.3}, ""),
    "rate 0.1, 4 passes": (BASE | {"lr": 0.1, "epochs": 4}, ""),
    "batch 8, 4 passes": (BASE | {"batch": 8, "epochs": 4}, ""),
    "LoRA, rank 16": (BASE | {"lora_rank": 16}, ""),
    "LoRA, rank 16, rate 0.2, 4 passes": (BASE | {"lora_rank": 16, "lr": 0.2, "epochs": 4}, ""),
    "prompted": (BASE, "prompted"),
    "mixed with pre-training": (BASE, "mixed"),
    "label scoring": (BASE, "labels"),
    "written": (BASE, "generate"),
    BOTH: (BASE | {"freeze_embeddings": False, "epochs": 4}, ""),
}
LONG = ("base: vectors frozen, 2 passes", "all weights", "4 passes", "8 passes", BOTH)
LEFT_OUT = {
    # no labels to choose from; what is usual by another name; what the other tasks had shown to be
    # of no use, for the longest sentences; and for words, which take longest, most
    "intents": ("written", BOTH),
    "slots": ("label scoring", "written", BOTH),
    "sib200": (
        "label scoring",
        "1 pass",
        "rate 0.02",
        "rate 0.1, 4 passes",
        "batch 8, 4 passes",
        "LoRA, rank 16",
        BOTH,
    ),
    "pud_words": tuple(name for name in VARIANTS if name not in LONG),
}
MIXED = 0.2  # share of pre-training examples of what is learned
MARK = "<extra_id_0>"


def pretraining_examples(tokenizer: Any, codes: list[str], count: int) -> list[Any]:
    """Text of the targets' languages with spans hidden, in turn, as `crosslingual` pre-trains."""
    from itertools import islice

    from crosslingual.corpus import corpus_files, read_paragraphs
    from crosslingual.corruption import Corruption, corrupt
    from crosslingual.tasks import Example

    random = np.random.default_rng(0)
    marks = np.array(tokenizer.convert_tokens_to_ids([f"<extra_id_{i}>" for i in range(100)]))
    files = corpus_files(Path(os.environ["CROSSLINGUAL_DATA"]) / "corpus")
    made = []
    for code in codes:
        lines = list(islice(read_paragraphs(files[code]), 4000))
        ids = [tokenizer(x, add_special_tokens=False)["input_ids"][:40] for x in lines[-count:]]
        for row in [r for r in ids if len(r) >= 8][: -(-count // len(codes))]:
            inputs, targets = corrupt(
                np.array([row]), Corruption(len(row)), marks, tokenizer.eos_token_id, random
            )
            texts = (tokenizer.decode(t[0]).replace("</s>", "").strip() for t in (inputs, targets))
            made.append(Example(*texts, language=code))
    return made


def one(job: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    """Fine-tune on one source, test on every target."""
    import torch

    from crosslingual.evaluation import evaluate
    from crosslingual.models import load_model
    from crosslingual.registry import get_task
    from crosslingual.tasks import subset
    from crosslingual.train_settings import TrainSettings
    from crosslingual.tuning import fine_tune

    torch.set_num_threads(1)
    model, name, variant, source = job
    settings, how = VARIANTS[variant]
    task = get_task(name)

    def given(code: str, split: str) -> list[Any]:
        return subset(task.examples(code, split), LIMITS.get(name, {}).get(split))

    def cast(code: str, split: str) -> list[Any]:
        rows = given(code, split)
        if how != "prompted":
            return rows
        return [replace(e, input=f"{e.input} {MARK}", target=f"{MARK} {e.target}") for e in rows]

    loaded, train = load_model(model), cast(source, "train")
    if how == "mixed":
        train += pretraining_examples(
            loaded.tokenizer, TARGETS[name], round(len(train) * MIXED / (1 - MIXED))
        )
    own = OWN.get(name, {}) | settings
    tuned = fine_tune(loaded, train, cast(source, "dev"), TrainSettings(**own))
    rows = []
    # A prompted model begins its answer with a sentinel, a label does not.
    chosen = how == "labels" or (name in CHOSEN and how in ("", "mixed"))
    decoding = "labels" if chosen else "generate"
    for target in TARGETS[name]:
        examples = cast(target, "test")
        if how == "prompted":  # sentinels are left out of what is decoded
            examples = given(target, "test")
            asked = [replace(e, input=f"{e.input} {MARK}") for e in examples]
        else:
            asked = examples
        result = evaluate(tuned.loaded, asked, task, decoding)
        rows.append(
            {
                "model": model,
                "task": name,
                "variant": variant,
                "source": source,
                "target": target,
                "score": next(iter(result.scores.values())),
                "illegal": result.illegal,
            }
        )
    return rows


def main(model: str, tasks: tuple[str, ...]) -> None:
    """Run all that its file has not, print means as they come."""
    path = Path(__file__).parents[1] / "book" / "data" / "recipes.csv"
    rows: list[dict[str, Any]] = pd.read_csv(path).to_dict("records") if path.exists() else []
    there = {(row["task"], row["variant"]) for row in rows if row["model"] == model}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in tasks:
            for variant in VARIANTS:
                if variant in LEFT_OUT[name] or (name, variant) in there:
                    continue
                done = pool.map(one, [(model, name, variant, source) for source in SOURCES])
                found = pd.DataFrame([row for part in done for row in part])
                same = found["source"] == found["target"]
                print(
                    f"{name:8} {variant:32} in {found.loc[same, 'score'].mean():.3f} "
                    f"across {found.loc[~same, 'score'].mean():.3f} "
                    f"illegal {np.mean(found['illegal']):.3f}",
                    flush=True,
                )
                rows += found.to_dict("records")
                write_csv(path, pd.DataFrame(rows).round(4))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="mini")
    parser.add_argument("--tasks", default=",".join(TARGETS))
    given = parser.parse_args()
    main(given.model, tuple(given.tasks.split(",")))
