"""One fine-tuning step: the stock way against ours, in one run, as ratios.

Stock: fp32, transformers' own loss, padding to the longest of a random batch, default
memory. Ours: bf16, the loss of `crosslingual.losses`, batches of like length, eager
attention; and the same with large memory blocks from huge pages, which has to be set before
torch is loaded, so it runs in a process of its own.

    python benchmarks/step.py --out benchmarks/step.csv
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time

VARIANTS = ("stock", "ours", "ours, huge pages")


def measure(variant: str, batch: int, steps: int) -> None:
    """Print the examples a second of one variant, three repetitions."""
    import numpy as np
    import torch

    from crosslingual import TrainSettings, get_task, load_model
    from crosslingual.losses import seq2seq_loss
    from crosslingual.tuning import _optimiser, autocast, bucketed, encode, pad

    torch.set_num_threads(1)
    loaded = load_model("mini")
    model = loaded.model.train()
    data = encode(loaded, get_task("intents").examples("es", "train"), 128)
    stock = variant == "stock"
    if stock:
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
        order = np.random.default_rng(0).permutation(len(data.inputs)).tolist()
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
    else:
        model.set_attn_implementation("eager")
        optimiser = _optimiser(model, TrainSettings(lr=1e-4))
        lengths = [len(row) for row in data.inputs]
        batches = bucketed(lengths, batch, np.random.default_rng(0))
    speeds = []
    for repetition in range(4):
        started = time.perf_counter()
        for rows in batches[:steps]:
            inputs = pad([data.inputs[i] for i in rows], 0)
            labels = pad([data.targets[i] for i in rows], -100)
            with autocast("fp32" if stock else "bf16"):
                if stock:
                    mask = (inputs != 0).long()
                    loss = model(input_ids=inputs, attention_mask=mask, labels=labels).loss
                else:
                    loss = seq2seq_loss(model, inputs, labels, 0)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if repetition:  # the first one warms up
            speeds.append(steps * batch / (time.perf_counter() - started))
    print(" ".join(f"{speed:.2f}" for speed in speeds))


def main() -> None:
    """Read the command line, run every variant, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--out", default="benchmarks/step.csv")
    args = parser.parse_args()
    if args.variant:
        measure(args.variant, args.batch, args.steps)
        return
    import pandas as pd

    rows = []
    for variant in VARIANTS:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("THP_MEM_ALLOC_ENABLE", None)
        if "huge" in variant:
            environment["THP_MEM_ALLOC_ENABLE"] = "1"
        command = [sys.executable, __file__, "--variant", variant]
        command += ["--batch", str(args.batch), "--steps", str(args.steps)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        speeds = [float(x) for x in done.stdout.split()]
        rows.append({"variant": variant, "mean": sum(speeds) / len(speeds),
                     "low": min(speeds), "high": max(speeds)})  # fmt: skip
    table = pd.DataFrame(rows)
    table["ratio"] = table["mean"] / table["mean"].iloc[0]
    print(table.round(2).to_string(index=False))
    table.round(3).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
