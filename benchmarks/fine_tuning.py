"""Fine-tuning and a whole study, against the stock way, in one run on one machine.

Stock: transformers' Seq2SeqTrainer as its documentation has it: fp32, padding to the longest of
a batch, all weights trained, AdamW, and ``predict_with_generate``. A script that "fine-tunes
and evaluates each pair apart" costs one such fine-tuning and one evaluation a pair; it is
timed on a sample of pairs and multiplied, since all 270 would take hours. Ours:
`crosslingual.fine_tune` with the recipe of small models, and the study of the book (300 cells,
the diagonal among them).

    python benchmarks/fine_tuning.py [REPEATS]    (writes fine_tuning.csv, fine_tuning_study.csv)
"""

from __future__ import annotations

import os

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from crosslingual.evaluation import evaluate
from crosslingual.machines import product_speed
from crosslingual.models import load_model
from crosslingual.registry import get_task
from crosslingual.running import run_study
from crosslingual.train_settings import TrainSettings, recipe_for
from crosslingual.tuning import fine_tune

LANGUAGES = ["ar", "de", "en", "es", "fi", "it", "ko", "ru", "uk", "zh"]
TASKS = ("intents", "slots", "answers")
EPOCHS, BATCH, THREADS = 2, 16, 2
PRODUCT = (2048, 256, 640)  # tokens, width and inner width of mini


def stock(task_name: str, source: str, target: str, folder: str) -> tuple[float, float]:
    """Seconds of training and of evaluation on one target, the stock way."""
    from transformers import (
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
    )

    task, loaded = get_task(task_name), load_model("mini")

    def encode(examples: list[Any]) -> list[dict[str, list[int]]]:
        return [
            {
                "input_ids": loaded.tokenizer(e.input)["input_ids"],
                "labels": loaded.tokenizer(e.target)["input_ids"],
            }
            for e in examples
        ]

    arguments = Seq2SeqTrainingArguments(
        output_dir=folder,
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=BATCH,
        learning_rate=1e-3,
        predict_with_generate=True,
        generation_max_length=task.max_output,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    trainer = Seq2SeqTrainer(
        model=loaded.model,
        args=arguments,
        train_dataset=encode(task.examples(source, "train")),
        data_collator=DataCollatorForSeq2Seq(loaded.tokenizer, model=loaded.model),
        processing_class=loaded.tokenizer,
    )
    started = time.monotonic()
    trainer.train()
    middle = time.monotonic()
    trainer.predict(encode(task.examples(target, "test")))
    return middle - started, time.monotonic() - middle


def ours(task_name: str, source: str, target: str) -> tuple[float, float]:
    """The same two with this package."""
    task, loaded = get_task(task_name), load_model("mini")
    settings = TrainSettings(**recipe_for(["mini"], {"epochs": EPOCHS, "batch": BATCH}))
    started = time.monotonic()
    tuned = fine_tune(loaded, task.examples(source, "train"), None, settings)
    middle = time.monotonic()
    evaluate(tuned.loaded, task.examples(target, "test"), task)
    return middle - started, time.monotonic() - middle


def main(repeats: int = 3) -> None:
    """Alternate the two ways, then run the study."""
    torch.set_num_threads(THREADS)
    for name in TASKS:  # drawn and cached before anything is timed
        for code in LANGUAGES:
            get_task(name).examples(code, "train")
    rows = []
    for repeat in range(repeats):
        for name in TASKS:
            source, target = LANGUAGES[repeat % 10], LANGUAGES[(repeat + 3) % 10]
            updates = EPOCHS * -(-len(get_task(name).examples(source, "train")) // BATCH)
            with tempfile.TemporaryDirectory() as folder:
                there = stock(name, source, target, folder)
            here = ours(name, source, target)
            rows.append(
                {
                    "task": name,
                    "source": source,
                    "target": target,
                    "updates": updates,
                    "stock_train_s": there[0],
                    "ours_train_s": here[0],
                    "train_ratio": there[0] / here[0],
                    "stock_test_s": there[1],
                    "ours_test_s": here[1],
                    "fp32_gflops": product_speed("cpu", shape=PRODUCT, kind="float32") / 1e9,
                    "bf16_gflops": product_speed("cpu", shape=PRODUCT) / 1e9,
                }
            )
            print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
            pd.DataFrame(rows).round(4).to_csv(Path(__file__).with_suffix(".csv"), index=False)
    table = pd.DataFrame(rows)
    config = {
        "model": "mini",
        "tasks": list(TASKS),
        "sources": LANGUAGES,
        "train": {"epochs": EPOCHS},
    }
    with tempfile.TemporaryDirectory() as folder:
        study = run_study(config, folder)
    # One estimate of the script's time from each repeat: their range is the spread.
    pair_s = table["stock_train_s"] + table["stock_test_s"]
    apart = 90 * pair_s.to_numpy().reshape(repeats, len(TASKS)).sum(axis=1)
    whole = pd.DataFrame({"repeat": range(repeats), "apart_s": apart, "study_s": study.seconds})
    whole["ratio"] = whole["apart_s"] / whole["study_s"]
    whole.round(2).to_csv(Path(__file__).with_name("fine_tuning_study.csv"), index=False)
    for what, ratio in (("training", table["train_ratio"]), ("the study", whole["ratio"])):
        low, high = ratio.min(), ratio.max()
        print(f"{what}: {ratio.mean():.1f} times as fast ({low:.1f} to {high:.1f})")
    print(f"270 pairs apart {apart.mean():.0f} s, the study {study.seconds:.0f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
