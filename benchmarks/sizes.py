"""Fine-tuning steps of mT5's published shapes with random weights: tokens/s, utilisation, memory.

python benchmarks/sizes.py small            on the processor
python benchmarks/sizes.py small base large on a GPU
Writes benchmarks/sizes.csv.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from crosslingual import Example, TrainSettings, fine_tune
from crosslingual.forecast import GIB, SHAPES, find_device, memory_needed, operations
from crosslingual.models import Loaded, load_model

INPUTS, OUTPUTS, BATCH = 128, 16, 16


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


def main(sizes: list[str]) -> None:
    """Time updates of each size."""
    device = find_device()
    rows = []
    for size in sizes:
        shape = SHAPES[f"google/mt5-{size}"]
        loaded = Loaded(size, model_of(size), Plain())  # type: ignore[arg-type]
        examples = [Example(str(INPUTS), str(OUTPUTS), "eng")] * BATCH
        for more in ({}, {"micro_batch": 4}, {"checkpointing": True}, {"lora_rank": 8}):
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
            done = 3 * BATCH * operations(shape, INPUTS, OUTPUTS)
            used = round(done / step / device.flops, 3)
            rows.append(
                {
                    "device": device.name,
                    "ceiling_tflops": round(device.flops / 1e12, 2),
                    "model": f"mt5-{size}",
                    "setting": ", ".join(f"{k} {v}" for k, v in more.items()) or "plain",
                    "tokens_per_second": round(BATCH * (INPUTS + OUTPUTS) / step),
                    "spread": round((seconds[-1] - seconds[0]) / step, 2),
                    "utilisation": used if "lora_rank" not in more else "",  # other operations
                    "peak_gib": round(peak / GIB, 1),
                    "foreseen_gib": round(
                        sum(memory_needed(shape, settings, INPUTS, OUTPUTS).values()) / GIB, 1
                    ),
                }
            )
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    started = time.monotonic()
    assert load_model("mini").parameters  # the package is whole
    main(sys.argv[1:] or ["small"])
    print(f"{time.monotonic() - started:.0f} s")
