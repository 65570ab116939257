"""How connections come about in pre-training: snapshots of one run, each measured alike.

    python benchmarks/emergence.py RUN SNAPSHOT.pt ...   (needs $CROSSLINGUAL_DATA)

RUN is a folder of ``crosslingual pretrain`` (spiece.model, log.jsonl, tokens), a snapshot a copy
of its checkpoint.pt (or that of a second phase), in the order of training. Before the first come
the same shape with random vectors, and with those that the run started from.
For every snapshot:

- fine-tuning on four sources, tested on ten targets, *intents* and parts of speech (PUD);
  book/data/emergence_tuned.csv;
- a linear classifier on mean states (layer by layer, in its language and across;
  `crosslingual.probing.linear_transfer`) for SIB-200 and *intents*, and retrieval of SIB-200's
  translations; book/data/emergence.csv, and the retrieval of every pair of languages for the
  untrained and the last model in book/data/retrieval.csv.

    python benchmarks/emergence.py longer RUN CHECKPOINT.pt ...

compares the ends of runs that went on from RUN, by fine-tuning on all of these and the book's other
tasks; book/data/longer.csv.
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from crosslingual.card import phases
from crosslingual.cooccurrence import shared_vectors
from crosslingual.evaluation import evaluate
from crosslingual.files import write_csv
from crosslingual.models import Loaded
from crosslingual.pretraining import Architecture, loss_curve, new_model
from crosslingual.probing import linear_transfer
from crosslingual.registry import get_task
from crosslingual.retrieval import pooled_states, retrieval_table
from crosslingual.tasks import subset
from crosslingual.train_settings import TrainSettings, recipe_for
from crosslingual.tuning import fine_tune
from crosslingual.vocabulary import as_transformers

LANGUAGES = {
    "sib200": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
    "intents": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
}
LAYERS = (0, 1, 2, 4)
SOURCES = ("de", "en", "ru", "zh")
TUNED: dict[str, tuple[list[str], dict[str, Any], str, int | None, int | None]] = {
    # targets, recipe where it is not the book's, decoding, limits of training and test examples
    "intents": (LANGUAGES["intents"], {"epochs": 4}, "generate", None, None),
    "pud_words": (LANGUAGES["sib200"], {"epochs": 1, "batch": 32}, "labels", 3000, 300),
}
MORE = {name: TUNED["intents"] for name in ("slots", "answers")}
DATA = Path(__file__).resolve().parent.parent / "book" / "data"


def examples(task: str, code: str, split: str) -> tuple[list[str], list[str]]:
    """Texts without the task's prefix, and labels; SIB-200 in the order of its ids."""
    rows = get_task(task).examples(code, split)
    if task == "sib200":
        rows = sorted(rows, key=lambda e: int(e.key))
    return [e.input.split(": ", 1)[-1] for e in rows], [e.target for e in rows]


Sides = dict[str, dict[str, tuple[Any, list[str]]]]


def read(loaded: Loaded, task: str) -> Sides:
    """Split -> language -> mean states after every layer, and labels."""
    sides: Sides = {"train": {}, "test": {}}
    for split, side in sides.items():
        for code in LANGUAGES[task]:
            texts, labels = examples(task, code, split)
            side[code] = pooled_states(loaded, texts, precision="bf16"), labels
    return sides


def carried(sides: Sides, layer: int) -> pd.DataFrame:
    """What a linear classifier on one layer's states carries from language to language."""
    at_layer = (
        {code: (states[layer], labels) for code, (states, labels) in side.items()}
        for side in sides.values()
    )
    return linear_transfer(*at_layer)


def look(loaded: Loaded, about: dict[str, object]) -> tuple[list[dict], list[dict]]:
    """Rows of the two tables for one model."""
    rows = []
    for task in LANGUAGES:
        sides = read(loaded, task)
        if task == "sib200":  # its sentences are parallel
            found = retrieval_table({code: states for code, (states, _) in sides["test"].items()})
        for layer in LAYERS:
            table = carried(sides, layer)
            same = table["source"] == table["target"]
            row = {**about, "task": task, "layer": layer}
            row["in_language"] = table.loc[same, "accuracy"].mean()
            row["across"] = table.loc[~same, "accuracy"].mean()
            if task == "sib200":
                row["retrieval"] = found.loc[found["layer"] == layer, "accuracy"].mean()
            rows.append(row)
    pairs = found[found["layer"].isin(LAYERS)].drop(columns="chance")
    return rows, pairs.assign(**about).to_dict("records")


def provenance(folder: Path) -> list[dict[str, Any]]:
    """Of the runs that led to a checkpoint, the first one first; none beside a copy of one."""
    file = folder / "provenance.json"
    return phases(json.loads(file.read_text("utf-8"))) if file.exists() else []


def progress(folder: Path, step: int, log: pd.DataFrame) -> dict[str, float]:
    """Updates, tokens and loss at a snapshot; a later phase goes on from those before it."""
    earlier = provenance(folder)[:-1]
    if (folder / "log.jsonl").exists():
        log = loss_curve(folder).set_index("step")
    here = log.loc[step] if step in log.index else {"tokens": 0, "loss": np.nan}
    return {
        "step": step + sum(p["config"]["steps"] for p in earlier),
        "tokens": int(here["tokens"]) + sum(p["tokens_seen"] for p in earlier),
        "loss": float(here["loss"]),
    }


def model_at(run: str, place: str) -> tuple[Loaded, dict[str, Any]]:
    """The model ``untrained``, at the ``start`` of a run, or of a snapshot; and what it is."""
    tokenizer = as_transformers((Path(run) / "spiece.model").read_bytes())
    model = new_model(Architecture(), len(tokenizer))
    about = {"model": "untrained", "step": 0, "tokens": 0, "loss": np.nan}
    if place == "start":
        packed = {p.stem: np.load(p, mmap_mode="r") for p in sorted(Path(run).glob("tokens/*.npy"))}
        width, eos = Architecture().d_model, tokenizer.eos_token_id
        vectors = shared_vectors(packed, len(tokenizer), width, eos)
        with torch.no_grad():
            model.shared.weight.copy_(torch.from_numpy(vectors))
        about["model"] = "trained"
    elif place != "untrained":
        state = torch.load(place, "cpu", weights_only=True)
        model.load_state_dict(state["model"])
        log = loss_curve(run).set_index("step")
        about = {"model": "trained", **progress(Path(place).parent, state["step"], log)}
    return Loaded(place, model, tokenizer), about


def transfer(job: tuple[str, str, str], sources: Sequence[str] = SOURCES) -> list[dict[str, Any]]:
    """Fine-tune one snapshot on each source, test it on every target."""
    run, place, name = job
    torch.set_num_threads(1)
    loaded, about = model_at(run, place)
    targets, given, decoding, train_limit, test_limit = (TUNED | MORE)[name]
    # As the book's control: in untrained vectors there is nothing to keep.
    given = given | {"freeze_embeddings": place != "untrained"}
    settings = TrainSettings(**recipe_for(["mini"], given))
    task, rows = get_task(name), []
    for source in sources:
        train = subset(task.examples(source, "train"), train_limit)
        dev = subset(task.examples(source, "dev"), test_limit)
        tuned = fine_tune(loaded, train, dev, settings)
        for target in targets:
            examples = subset(task.examples(target, "test"), test_limit)
            result = evaluate(tuned.loaded, examples, task, decoding)
            score = result.scores[task.metrics[0]]
            more = {"task": name, "source": source, "target": target, "score": round(score, 4)}
            rows.append({**about, **more})
    return rows


def fine_tuned(
    run: str, places: Sequence[str], tasks: Iterable[str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Scores of each snapshot on each task, two at a time, with where the snapshot lies."""
    jobs = [(run, place, name) for name in tasks for place in places]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for (_, place, name), rows in zip(jobs, pool.map(transfer, jobs), strict=True):
            table = pd.DataFrame(rows)
            same = table["source"] == table["target"]
            means = table[same]["score"].mean(), table[~same]["score"].mean()
            print(place, name, *np.round(means, 3), flush=True)
            yield place, table


def longer(run: str, *checkpoints: str) -> None:
    """Compare ends of runs: held-out loss, and fine-tuned scores of all tasks."""
    tables = []
    for place, table in fine_tuned(run, checkpoints, TUNED | MORE):
        losses = list(provenance(Path(place).parent)[-1]["held_out_loss"].values())
        tables.append(table.drop(columns=["model", "loss"]).assign(held_out_loss=np.mean(losses)))
        write_csv(DATA / "longer.csv", pd.concat(tables).round(4))


def main(run: str, *snapshots: str) -> None:
    """Measure the untrained model, the start and every snapshot; write as it goes."""
    places = ("untrained", "start", *snapshots)
    tables = []
    for _, table in fine_tuned(run, places, TUNED):
        tables.append(table)
        write_csv(DATA / "emergence_tuned.csv", pd.concat(tables))
    torch.set_num_threads(2)
    rows: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    first_columns = ["model", "step", "tokens", "loss", "layer"]
    for place in places:
        loaded, about = model_at(run, place)
        more, found = look(loaded, about)
        rows += more
        if place in ("untrained", places[-1]):
            pairs += found
        print(pd.DataFrame(more).round(3).to_string(index=False), flush=True)
        write_csv(DATA / "emergence.csv", pd.DataFrame(rows).round(4))
        table = pd.DataFrame(pairs)[[*first_columns, "source", "target", "accuracy"]]
        write_csv(DATA / "retrieval.csv", table.round(4))


if __name__ == "__main__":
    if sys.argv[1] == "longer":
        longer(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
