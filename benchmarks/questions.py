"""Does a model that answers questions read them?

    python benchmarks/questions.py [MODEL]

Needs $CROSSLINGUAL_DATA, writes book/data/questions.csv after every fine-tuning and goes on from
it. Three castings: the book's task *answers*; XQuAD with the one sentence that holds the answer;
XQuAD with the whole paragraph, as mT5 reads it, and as many passes as a study does not give it.
Four sources, each tested in all four: with its own questions, with others in their place, and what
needs no reading. Three quarters of an hour on two cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd

from crosslingual.files import write_csv

LANGUAGES = ["de", "en", "ru", "zh"]
PASSES = {  # for XQuAD more than a study gives it; the best on development data is kept
    "answers": {"epochs": 4},
    "xquad_sentence": {"epochs": 8, "max_input": 192},
    "xquad": {"epochs": 8, "max_input": 512},
}
OUT = Path(__file__).parents[1] / "book" / "data" / "questions.csv"


def measure(model: str, task_name: str, source: str) -> list[dict[str, Any]]:
    """One fine-tuning, tested in every language."""
    import torch

    from crosslingual.models import load_model
    from crosslingual.questions import question_use
    from crosslingual.registry import get_task
    from crosslingual.train_settings import TrainSettings, recipe_for
    from crosslingual.tuning import fine_tune

    torch.set_num_threads(1)
    task = get_task(task_name)
    settings = TrainSettings(**recipe_for([model], PASSES[task_name]))
    parts = (task.examples(source, split) for split in ("train", "dev"))
    tuned = fine_tune(load_model(model), *parts, settings)
    told = {"model": tuned.loaded.name, "task": task_name, "source": source}
    told |= {"passes": settings.epochs, "kept": tuned.best_epoch}
    rows: list[dict[str, Any]] = []
    for target in LANGUAGES:
        examples = task.examples(target, "test")
        found = question_use(tuned.loaded, examples, task, settings.max_input)
        rows += [told | {"target": target} | row for row in found.to_dict("records")]
    return rows


def main(model: str) -> None:
    """What is not in the table yet."""
    table = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame(columns=["task", "source"])
    there = set(zip(table["task"], table["source"], strict=True))
    todo = [(task, s) for task in PASSES for s in LANGUAGES if (task, s) not in there]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        for done in as_completed([pool.submit(measure, model, *what) for what in todo]):
            table = pd.concat([table, pd.DataFrame(done.result()).round(4)], ignore_index=True)
            table = table.astype({"passes": int, "kept": int, "n": int})
            order = ["task", "source", "target", "metric"]
            write_csv(OUT, table.sort_values(order, kind="stable", ignore_index=True))
            print(table.groupby(["task", "metric", "how"])["score"].mean().unstack(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "mini")
