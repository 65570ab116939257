"""One fine-tuning step: the stock way, and what each change buys, in one run, as ratios.

Stock: fp32, transformers' own loss, all weights, padding to the longest of a random batch,
default memory. Then bf16; then ours (`crosslingual.tuning`: the recipe of small models, which
leaves token vectors as they are, the loss of `crosslingual.losses`, batches of like length, eager
attention), with the layers of transformers and with those of `crosslingual.quick_layers`; with
large memory blocks from huge pages, which has to be set before torch is loaded, so that each
variant runs in a process of its own; and with ``torch.compile`` besides.

    python benchmarks/step.py    (writes benchmarks/step.csv)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

STOCK_LAYERS = "ours, stock layers"
VARIANTS = (
    "stock",
    "stock, bf16",
    STOCK_LAYERS,
    "ours",
    "ours, huge pages",
    "ours, huge pages, compiled",
)


def measure(variant: str, batch: int, steps: int) -> None:
    """Print the examples a second of one variant, three repetitions."""
    import numpy as np
    import torch

    from crosslingual import TrainSettings, get_task, load_model
    from crosslingual.batching import bucketed, encode, pad
    from crosslingual.devices import autocast
    from crosslingual.losses import seq2seq_loss, states
    from crosslingual.train_settings import recipe_for
    from crosslingual.trainable import optimiser_of, trainable_copy
    from crosslingual.tuning import _rounded

    torch.set_num_threads(1)
    loaded = load_model("mini")
    data = encode(loaded, get_task("intents").examples("es", "train"), 128)
    stock = variant.startswith("stock")
    precision = "fp32" if variant == "stock" else "bf16"
    body = torch.compile(states, dynamic=True) if "compiled" in variant else None
    if stock:
        model, table = loaded.model.requires_grad_(True), None
        optimiser: torch.optim.Optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        order = np.random.default_rng(0).permutation(len(data.inputs)).tolist()
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
    else:
        how = {"precision": precision, "compile": body is not None}
        settings = TrainSettings(**recipe_for(["mini"], how))
        theirs = mock.patch("crosslingual.quick_layers.quicken")
        with theirs if variant == STOCK_LAYERS else nullcontext():
            model = trainable_copy(loaded, settings)
        optimiser, table = optimiser_of(model, settings), _rounded(model, precision)
        batches = bucketed([len(x) for x in data.inputs], batch, np.random.default_rng(0))
    model.train()
    speeds = []
    for repetition in range(4):
        started = time.perf_counter()
        for rows in batches[:steps]:
            inputs = pad([data.inputs[i] for i in rows], 0)
            labels = pad([data.targets[i] for i in rows], -100)
            with autocast(precision):
                if stock:
                    mask = (inputs != 0).long()
                    loss = model(input_ids=inputs, attention_mask=mask, labels=labels).loss
                else:
                    loss = seq2seq_loss(model, inputs, labels, 0, body=body, table=table)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=stock)
        if repetition:  # the first one warms up, and compiles
            speeds.append(min(steps, len(batches)) * batch / (time.perf_counter() - started))
        else:
            warm = time.perf_counter() - started
    print(f"{warm:.1f}", *(f"{speed:.2f}" for speed in speeds))


def apart(script: str, *arguments: str, threads: int, huge: bool) -> str:
    """What a script prints, run in a process of its own: these are read when torch is loaded."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    environment.pop("THP_MEM_ALLOC_ENABLE", None)
    if huge:
        environment["THP_MEM_ALLOC_ENABLE"] = "1"
    command = [sys.executable, script, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Read the command line, run every variant, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    if args.variant:
        measure(args.variant, args.batch, args.steps)
        return
    import pandas as pd

    rows = []
    for variant in VARIANTS:
        asked = ["--variant", variant, "--batch", str(args.batch), "--steps", str(args.steps)]
        printed = apart(__file__, *asked, threads=1, huge="huge" in variant)
        warm, *speeds = (float(x) for x in printed.split())
        rows.append(
            {
                "variant": variant,
                "examples_per_second": sum(speeds) / len(speeds),
                "low": min(speeds),
                "high": max(speeds),
                "warm_up_s": warm,
            }
        )
    table = pd.DataFrame(rows)
    table["ratio"] = table["examples_per_second"] / table["examples_per_second"].iloc[0]
    print(table.round(2).to_string(index=False))
    table.round(3).to_csv(Path(__file__).with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
