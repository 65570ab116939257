"""What more pre-training does to transfer, and where token vectors should start: on a GPU.

    python benchmarks/long_pretraining.py train RUN      on a GPU
    python benchmarks/long_pretraining.py measure RUN    beside it, on the processor;
                                                         needs $CROSSLINGUAL_DATA

RUN is a folder with spiece.model, corpus/ and tokens/ of `mini`. ``train`` makes three runs of as
many tokens that differ in one setting (VARIANTS); ``measure`` takes every snapshot as it appears,
fine-tunes it on four sources and looks inside, as ``emergence.py`` does. It ends when RUN/done
exists and nothing is left. Rows go to RUN/scores.jsonl and RUN/looks.jsonl. ``kit.py`` takes all
of it to a machine that reaches no network.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from emergence import SOURCES, TUNED, look, model_at, transfer

from crosslingual.pretraining import PretrainConfig, pretrain
from crosslingual.vocabulary import as_transformers

COMMON: dict[str, Any] = {
    "batch": 256, "raw_length": 141, "rate": 0.03, "embedding_lr": 0.003, "embeddings": "shared",
    "decay": 0.01, "save_every": 10**9,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "shared": {},
    "shared, vectors slow": {"embedding_lr": 0.0005},
    "random": {"embeddings": "random"},
}
STEPS = 4000
SNAPSHOTS = (250, 1000, 4000)  # 9, 36 and 144 million tokens


def folder_of(run: Path, name: str) -> Path:
    """A variant's folder, which shares the corpus, tokens and first vectors with the others."""
    folder = run / name.replace(", ", "-").replace(" ", "-")
    folder.mkdir(exist_ok=True)
    for what in ("tokens", "vectors.256.0.npy", "spiece.model"):
        if (run / what).exists() and not (folder / what).exists():
            (folder / what).symlink_to((run / what).resolve())
    return folder


def train(run: Path, names: list[str], steps: int, snapshots: tuple[int, ...]) -> None:
    """One variant after the other."""
    tokenizer = as_transformers((run / "spiece.model").read_bytes())
    for name in names:
        started = time.monotonic()
        config = PretrainConfig(**(COMMON | VARIANTS[name] | {"steps": steps}))
        folder = folder_of(run, name)
        made = pretrain(run / "corpus", folder, tokenizer, config=config, snapshots=snapshots)
        held = made["held_out_loss"]
        print(
            f"{name}: {made['tokens_seen']:,} tokens, {made['seconds']} s training of "
            f"{time.monotonic() - started:.0f}, held-out {sum(held.values()) / len(held):.3f}",
            flush=True,
        )


def score(job: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    """Fine-tune a snapshot on a source of a task, test it on all targets."""
    run, place, task, source = job
    return [{"run": Path(run).name, **row} for row in transfer((run, place, task), [source])]


def inside(job: tuple[str, str, int]) -> list[dict[str, Any]]:
    """Linear classifiers on a snapshot's states, and retrieval."""
    run, place, threads = job
    torch.set_num_threads(threads)
    loaded, about = model_at(run, place)
    return [{"run": Path(run).name, **row} for row in look(loaded, about)[0]]


def append(file: Path, rows: list[dict[str, Any]]) -> None:
    """Keep rows, a line each."""
    with open(file, "a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def measure(run: Path, workers: int) -> None:
    """Measure snapshots as they appear."""
    done: set[str] = set()
    waiting: dict[Future[list[dict[str, Any]]], str] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while True:
            ended = (run / "done").exists()
            for place in sorted(run.glob("*/snapshots/*.pt"), key=lambda p: p.stat().st_mtime):
                if str(place) in done or place.name.startswith("."):
                    continue
                done.add(str(place))
                home = str(place.parent.parent)
                for task in TUNED:
                    for source in SOURCES:
                        job = pool.submit(score, (home, str(place), task, source))
                        waiting[job] = "scores.jsonl"
                waiting[pool.submit(inside, (home, str(place), 2))] = "looks.jsonl"
            for job in [job for job in waiting if job.done()]:
                file = waiting.pop(job)
                if job.exception() is None:
                    append(run / file, job.result())
                else:
                    print(f"{file}: {job.exception()!r}", flush=True)
            if ended and not waiting:
                return
            time.sleep(0.5)


if __name__ == "__main__":
    root = Path(sys.argv[2])
    if sys.argv[1] == "train":
        train(root, sys.argv[3:] or list(VARIANTS), STEPS, SNAPSHOTS)
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        measure(root, int(sys.argv[3]) if len(sys.argv) > 3 else max(1, (os.cpu_count() or 2) - 6))
