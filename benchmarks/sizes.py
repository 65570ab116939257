"""Fine-tuning steps of mT5's published shapes with random weights: tokens/s, utilisation, memory.

python benchmarks/sizes.py small            on the processor
python benchmarks/sizes.py small base large on a GPU
Writes benchmarks/sizes.csv, where rows of other devices stay.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from crosslingual import Example, TrainSettings, fine_tune
from crosslingual.files import write_csv
from crosslingual.forecast import SHAPES, memory_needed, operations
from crosslingual.machines import GIB, find_device
from crosslingual.models import Loaded

if torch.cuda.is_available():
    INPUTS, OUTPUTS, BATCH = 512, 64, 64
    SETTINGS: list[dict[str, Any]] = [{}, {"compile": True}]
else:
    INPUTS, OUTPUTS, BATCH = 128, 16, 16
    SETTINGS = [
        {}, {"compile": True}, {"micro_batch": 4}, {"checkpointing": True}, {"lora_rank": 8},
    ]  # fmt: skip


class Plain:
    """A tokenizer's place: every text is a row of ids of the wanted length."""

    pad_token_id = 0

    def __call__(self, texts: list[str], truncation: bool, max_length: int) -> dict:
        return {"input_ids": [[*range(10, 9 + int(text)), 1] for text in texts]}


def model_of(size: str) -> MT5ForConditionalGeneration:
    """Random weights in the shape of google/mt5-<size>, with an output layer of its own."""
    s = SHAPES[f"google/mt5-{size}"]
    config = MT5Config(
        vocab_size=s.vocabulary, d_model=s.d_model, d_kv=s.d_kv, d_ff=s.d_ff,
        num_layers=s.encoder_layers, num_decoder_layers=s.decoder_layers, num_heads=s.heads,
        decoder_start_token_id=0,
    )  # fmt: skip
    model = MT5ForConditionalGeneration(config)
    model.lm_head.weight = torch.nn.Parameter(torch.randn(s.vocabulary, s.d_model) * 0.05)
    return model


def measure(size: str, more: dict[str, Any]) -> dict[str, Any]:
    """Time updates of one size with one setting; in a process of its own, whose peak it is."""
    device, shape = find_device(), SHAPES[f"google/mt5-{size}"]
    loaded = Loaded(size, model_of(size), Plain())  # type: ignore[arg-type]
    examples = [Example(str(INPUTS), str(OUTPUTS), "eng")] * BATCH
    settings = TrainSettings(
        batch=BATCH, optimiser="adafactor", lr=0.001, schedule="constant", updates=10,
        check_every=1, max_input=INPUTS, **more,
    )  # fmt: skip
    history = fine_tune(loaded, examples, None, settings).history
    seconds = sorted(h["seconds"] for h in history[2:])
    step = seconds[len(seconds) // 2]
    peak = (
        torch.cuda.max_memory_allocated()
        if torch.cuda.is_available()
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    foreseen = sum(memory_needed(shape, settings, INPUTS, OUTPUTS, device.bf16).values())
    return {
        "device": device.name,
        "ceiling_tflops": round(device.flops / 1e12, 2),
        "model": f"mt5-{size}",
        "batch": f"{BATCH} x ({INPUTS} + {OUTPUTS})",
        "setting": ", ".join(f"{k} {v}" for k, v in more.items()) or "plain",
        "tokens_per_second": round(BATCH * (INPUTS + OUTPUTS) / step),
        "spread": round((seconds[-1] - seconds[0]) / step, 2),
        "first_update_s": round(history[0]["seconds"], 1),
        "peak_gib": round(peak / GIB, 1),
        "foreseen_gib": round(foreseen / GIB, 1),
    }


def with_utilisation(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Share of the best rate of a matrix product that any row's process measured."""
    table = pd.DataFrame(rows)
    table["ceiling_tflops"] = table["ceiling_tflops"].max()
    shapes = table["model"].map(lambda name: SHAPES[f"google/{name}"])
    needed = 3 * shapes.map(lambda shape: operations(shape, INPUTS, OUTPUTS)) / (INPUTS + OUTPUTS)
    used = table["tokens_per_second"] * needed / (1e12 * table["ceiling_tflops"])
    used = used.where(~table["setting"].str.contains("lora"))  # they need other operations
    table.insert(len(table.columns) - 2, "utilisation", used.round(3))
    return table


def main(sizes: list[str]) -> None:
    """Measure each size with each setting, one after the other."""
    rows: list[dict[str, Any]] = []
    file = Path(__file__).with_suffix(".csv")
    before = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["device"])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as one:
        for size, more in product(sizes, SETTINGS):
            rows.append(one.submit(measure, size, more).result())
            print(rows[-1], flush=True)
            table = with_utilisation(rows)
            others = before[~before["device"].isin(table["device"])]
            write_csv(file, pd.concat([others, table]))


if __name__ == "__main__":
    started = time.monotonic()
    main(sys.argv[1:] or ["small"])
    print(f"{time.monotonic() - started:.0f} s")
