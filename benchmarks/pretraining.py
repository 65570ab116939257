"""One update of `mini`'s pre-training: the stock way, and what each change buys, in one run.

Stock: fp32, transformers' own loss over all pieces, AdamW. Then, one after the other: bf16; the
loss of `crosslingual.losses`, which keeps no table of probabilities; the optimiser of `mini`
(bounded-muon for the matrices); a softmax over an update's labels and 12,000 pieces by chance;
large memory blocks from huge pages; ``torch.compile``. Each variant runs in a process of its own,
on all cores. The ids are drawn by Zipf's law: what a step costs does not depend on what is said.

    python benchmarks/pretraining.py    (writes benchmarks/pretraining.csv)

*Utilisation* is the share of the rate of a bare matrix product in bf16, the best that any of the
processes measured, counting the operations that the variant needs (three times those of the pass
forwards, `crosslingual.forecast.operations`); nothing is counted for what is computed twice, for
optimisers or for attention's softmax.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from step import apart

VARIANTS = {
    "stock": "",
    "bf16": "bf16",
    "own loss": "bf16 loss",
    "bounded-muon": "bf16 loss muon",
    "sampled softmax": "bf16 loss muon sample",
    "huge pages": "bf16 loss muon sample huge",
    "compiled": "bf16 loss muon sample huge compile",
}
SAMPLE = 12_000


def measure(variant: str, updates: int) -> None:
    """Print what one variant reaches, as JSON."""
    import numpy as np
    import torch

    from crosslingual.batches import Batches
    from crosslingual.forecast import Shape, operations
    from crosslingual.losses import seq2seq_loss, states
    from crosslingual.machines import product_speed
    from crosslingual.models import load_model
    from crosslingual.optimisers import pretraining_optimisers
    from crosslingual.pretraining import Architecture, PretrainConfig, new_model

    parts = VARIANTS[variant].split()
    tokenizer = load_model("mini").tokenizer
    random = np.random.default_rng(0)
    ids = np.minimum(random.zipf(1.3, 200_000) + 2, len(tokenizer) - 101).astype(np.uint16)
    config = PretrainConfig(sample=SAMPLE if "sample" in parts else 0)
    batches = Batches({"en": ids}, tokenizer, config)
    architecture = Architecture()  # mini's
    model = new_model(architecture, len(tokenizer))
    kind = config.optimiser if "muon" in parts else "adamw"
    rate = config.rate if "muon" in parts else 1e-3
    optimisers = pretraining_optimisers(model, kind, rate, config.embedding_lr)
    body = torch.compile(states, dynamic=False) if "compile" in parts else states
    half = torch.autocast("cpu", torch.bfloat16, enabled="bf16" in parts)
    model.train()
    seconds = []
    for step in range(updates + 2):
        started = time.perf_counter()
        inputs, targets = map(torch.from_numpy, batches.train(step))
        with half:
            if "loss" in parts:
                sample = (SAMPLE, step) if config.sample else None
                loss = seq2seq_loss(model, inputs, targets, body=body, sample=sample)
            else:
                loss = model(input_ids=inputs, labels=targets).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - started)
    (rows, length), written = inputs.shape, targets.shape[1]
    pieces = len(tokenizer)
    if config.sample:
        pieces = min(pieces, SAMPLE + len(targets.unique()))
    shape = Shape(**asdict(architecture), vocabulary=pieces)
    needed = 3 * rows * operations(shape, length, written)
    steady, tokens = np.array(seconds[2:]), batches.tokens(0)
    found = {
        "variant": variant,
        "tokens_per_second": tokens / float(np.median(steady)),
        "low": tokens / float(steady.max()),
        "high": tokens / float(steady.min()),
        "warm_up_s": seconds[0] + seconds[1],
        "operations_a_token": needed / tokens,
        "ceiling_tflops": product_speed("cpu", 2.0) / 1e12,
    }
    print(json.dumps(found))


def main() -> None:
    """Read the command line, run every variant, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--updates", type=int, default=10)
    args = parser.parse_args()
    if args.variant:
        measure(args.variant, args.updates)
        return
    import pandas as pd

    from crosslingual.files import write_csv

    rows = []
    for variant, parts in VARIANTS.items():
        asked = ["--variant", variant, "--updates", str(args.updates)]
        printed = apart(__file__, *asked, threads=os.cpu_count() or 1, huge="huge" in parts)
        rows.append(json.loads(printed.splitlines()[-1]))
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    speed = table["tokens_per_second"]
    table["ratio"] = speed / speed.iloc[0]
    ceiling = 1e12 * table["ceiling_tflops"].max()
    table["utilisation"] = speed * table["operations_a_token"] / ceiling
    numbers = table.select_dtypes("number").columns
    table[numbers] = table[numbers].map(lambda value: float(f"{value:.4g}"))
    write_csv(Path(__file__).with_suffix(".csv"), table)


if __name__ == "__main__":
    main()
