"""What of the casting and the recipe matters for transfer: one change at a time.

    python benchmarks/recipes.py [MODEL] [--no-slots]    (writes benchmarks/recipes.csv)

Four sources, ten targets, the same data and seed. *Prompted* puts the task into the format
of pre-training: the input ends with the first sentinel, and the answer begins with it.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SOURCES = ["de", "en", "ru", "zh"]
TARGETS = ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"]
BASE: dict[str, Any] = {"freeze_embeddings": True, "epochs": 2}
VARIANTS: dict[str, tuple[dict[str, Any], str]] = {
    "base: vectors frozen, 2 passes": (BASE, ""),
    "all weights": (BASE | {"freeze_embeddings": False}, ""),
    "4 passes": (BASE | {"epochs": 4}, ""),
    "8 passes": (BASE | {"epochs": 8}, ""),
    "rate 0.02, 4 passes": (BASE | {"lr": 0.02, "epochs": 4}, ""),
    "dropout 0.3, 4 passes": (BASE | {"dropout": 0.3, "epochs": 4}, ""),
    "prompted": (BASE, "prompted"),
    "prompted, 4 passes": (BASE | {"epochs": 4}, "prompted"),
    "label scoring": (BASE, "labels"),
    "label scoring, 4 passes": (BASE | {"epochs": 4}, "labels"),
}
MARK = "<extra_id_0>"


def one(job: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    """Fine-tune on one source, test on every target."""
    import torch

    from crosslingual.evaluation import evaluate
    from crosslingual.models import load_model
    from crosslingual.tasks import get_task
    from crosslingual.train_settings import TrainSettings
    from crosslingual.tuning import fine_tune

    torch.set_num_threads(1)
    model, name, variant, source = job
    settings, how = VARIANTS[variant]
    task = get_task(name)

    def cast(code: str, split: str) -> list[Any]:
        rows = task.examples(code, split)
        if how != "prompted":
            return rows
        return [replace(e, input=f"{e.input} {MARK}", target=f"{MARK} {e.target}") for e in rows]

    tuned = fine_tune(
        load_model(model), cast(source, "train"), cast(source, "dev"), TrainSettings(**settings)
    )
    rows = []
    for target in TARGETS:
        examples = cast(target, "test")
        if how == "prompted":  # sentinels are left out of what is decoded
            examples = task.examples(target, "test")
            asked = [replace(e, input=f"{e.input} {MARK}") for e in examples]
        else:
            asked = examples
        decoding = "labels" if how == "labels" else "generate"
        result = evaluate(tuned.loaded, asked, task, decoding)
        rows.append(
            {
                "task": name,
                "variant": variant,
                "source": source,
                "target": target,
                "score": next(iter(result.scores.values())),
                "illegal": result.illegal,
            }
        )
    return rows


def main(model: str = "mini", tasks: tuple[str, ...] = ("intents", "slots")) -> None:
    """Run all, print means as they come."""
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name in tasks:
            for variant in VARIANTS:
                if name != "intents" and "scoring" in variant:
                    continue  # there are no labels to choose from
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
                table = pd.DataFrame(rows).round(4)
                table.to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    main(*words[:1], tasks=("intents",) if "--no-slots" in sys.argv else ("intents", "slots"))
