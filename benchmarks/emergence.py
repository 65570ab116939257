"""How connections come about in pre-training: snapshots of one run, each measured alike.

    python benchmarks/emergence.py RUN SNAPSHOT.pt ...   (needs $CROSSLINGUAL_DATA)

RUN is a folder of ``crosslingual pretrain`` (spiece.model, log.jsonl), a snapshot a copy of its
checkpoint.pt (or that of a second phase), in the order of training. Before the first comes the
same shape with random vectors.
For every snapshot: a linear classifier on mean states (layer by layer, in its language and
across; `crosslingual.probing.linear_transfer`) for SIB-200 and *intents*, and retrieval of SIB-200
translations. Writes book/data/emergence.csv, and the retrieval of every pair of
languages for the untrained and the last model to book/data/retrieval.csv. Numbers only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from crosslingual.files import write_csv
from crosslingual.models import Loaded
from crosslingual.pretraining import Architecture, loss_curve, new_model
from crosslingual.probing import linear_transfer
from crosslingual.retrieval import pooled_states, retrieval_table
from crosslingual.tasks import get_task
from crosslingual.vocabulary import as_transformers

LANGUAGES = {
    "sib200": ["ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh"],
    "intents": ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"],
}
LAYERS = (0, 1, 2, 4)
DATA = Path(__file__).resolve().parent.parent / "book" / "data"


def examples(task: str, code: str, split: str) -> tuple[list[str], list[str]]:
    """Texts without the task's prefix, and labels; SIB-200 in the order of its ids."""
    rows = get_task(task).examples(code, split)
    if task == "sib200":
        rows = sorted(rows, key=lambda e: int(e.key))
    return [e.input.split(": ", 1)[-1] for e in rows], [e.target for e in rows]


def look(loaded: Loaded, about: dict[str, object]) -> tuple[list[dict], list[dict]]:
    """Rows of the two tables for one model."""
    rows = []
    for task, codes in LANGUAGES.items():
        states, labels = {}, {}
        for code in codes:
            for split in ("train", "test"):
                texts, labels[code, split] = examples(task, code, split)
                states[code, split] = pooled_states(loaded, texts, precision="bf16")
        if task == "sib200":  # its sentences are parallel
            found = retrieval_table({code: states[code, "test"] for code in codes})
        for layer in LAYERS:
            sides = [
                {c: (states[c, s][layer], labels[c, s]) for c in codes} for s in ("train", "test")
            ]
            table = linear_transfer(*sides)
            same = table["source"] == table["target"]
            row = {**about, "task": task, "layer": layer}
            row["in_language"] = table.loc[same, "accuracy"].mean()
            row["across"] = table.loc[~same, "accuracy"].mean()
            if task == "sib200":
                row["retrieval"] = found.loc[found["layer"] == layer, "accuracy"].mean()
            rows.append(row)
    pairs = found[found["layer"].isin(LAYERS)].drop(columns="chance")
    return rows, pairs.assign(**about).to_dict("records")


def progress(folder: Path, step: int, log: pd.DataFrame) -> dict[str, float]:
    """Updates, tokens and loss at a snapshot; a second phase goes on from the first."""
    before = {"step": 0, "tokens": 0}
    if (folder / "log.jsonl").exists():
        before = {"step": int(log.index[-1]), "tokens": int(log["tokens"].iloc[-1])}
        log = loss_curve(folder).set_index("step")
    here = log.loc[step] if step in log.index else {"tokens": 0, "loss": np.nan}
    return {
        "step": before["step"] + step,
        "tokens": before["tokens"] + int(here["tokens"]),
        "loss": float(here["loss"]),
    }


def main(run: str, *snapshots: str) -> None:
    """Measure the untrained model and every snapshot; write as it goes."""
    torch.set_num_threads(2)
    tokenizer = as_transformers((Path(run) / "spiece.model").read_bytes())
    log = loss_curve(run).set_index("step")
    rows, pairs = [], []
    first_columns = ["model", "step", "tokens", "loss", "layer"]
    for number, place in enumerate(("untrained", *snapshots)):
        model = new_model(Architecture(), len(tokenizer))
        about = {"model": "untrained", "step": 0, "tokens": 0, "loss": np.nan}
        if number:
            state = torch.load(place, weights_only=True)
            model.load_state_dict(state["model"])
            step = state["step"]
            about = {"model": "trained", **progress(Path(place).parent, step, log)}
        more, found = look(Loaded(place, model, tokenizer), about)
        rows += more
        if number in (0, len(snapshots)):
            pairs += found
        print(pd.DataFrame(more).round(3).to_string(index=False), flush=True)
        write_csv(DATA / "emergence.csv", pd.DataFrame(rows).round(4))
        table = pd.DataFrame(pairs)[[*first_columns, "source", "target", "accuracy"]]
        write_csv(DATA / "retrieval.csv", table.round(4))


if __name__ == "__main__":
    main(*sys.argv[1:])
