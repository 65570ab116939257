"""bf16 or fp32? What each costs on the processor at hand, from a bare product to a whole update.

Processors with bf16 multiply in it faster than in fp32; others imitate it. `crosslingual` computes
in bf16 only where the hardware has it; this is why. Both are measured in turn, in one process, on
one core: a product of square matrices; the pass through `mini`'s shape and back, for a batch of
pre-training; the steps of its optimisers.

    python benchmarks/precision.py    (adds this processor to benchmarks/precision.csv)
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

SIDE, ROWS, READ, WRITTEN, PIECES = 1024, 16, 64, 20, 12_000


def processor() -> str:
    """Its name, as the system tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return "unknown"


def measure(precision: str, repetitions: int) -> dict[str, list[float]]:
    """Seconds of each part, one value a repetition; what comes first is not counted."""
    import torch

    from crosslingual.devices import autocast
    from crosslingual.losses import seq2seq_loss
    from crosslingual.optimisers import pretraining_optimisers
    from crosslingual.pretraining import Architecture, PretrainConfig, new_model

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = PretrainConfig()
    inputs, labels = (torch.randint(2, PIECES, (ROWS, n)) for n in (READ, WRITTEN))
    model = new_model(Architecture(), PIECES).train()
    optimisers = pretraining_optimisers(model, config.optimiser, config.rate, config.embedding_lr)
    square = torch.randn(SIDE, SIDE).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    found: dict[str, list[float]] = {"product": [], "passes": [], "optimisers": []}
    for _ in range(repetitions + 1):
        times = [time.perf_counter()]
        square @ square
        times.append(time.perf_counter())
        with autocast(precision):
            loss = seq2seq_loss(model, inputs, labels)
        loss.backward()
        times.append(time.perf_counter())
        with mock.patch("crosslingual.muon.has_bf16", return_value=precision == "bf16"):
            for optimiser in optimisers:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
        times.append(time.perf_counter())
        for part, seconds in zip(found, np.diff(times), strict=True):
            found[part].append(float(seconds))
    return {part: seconds[1:] for part, seconds in found.items()}


def main() -> None:
    """Measure both, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    from crosslingual.devices import has_bf16

    taken = {kind: measure(kind, args.repetitions) for kind in ("bf16", "fp32")}
    for seconds in taken.values():
        seconds["update"] = np.add(seconds["passes"], seconds["optimisers"]).tolist()
    table = pd.DataFrame(
        {
            "processor": processor(),
            "has_bf16": has_bf16("cpu"),
            "part": part,
            "bf16_s": float(np.median(taken["bf16"][part])),
            "fp32_s": float(np.median(taken["fp32"][part])),
            "low": min(taken["bf16"][part]) / max(taken["fp32"][part]),
            "high": max(taken["bf16"][part]) / min(taken["fp32"][part]),
        }
        for part in taken["bf16"]
    )
    table["ratio"] = table["bf16_s"] / table["fp32_s"]
    print(table.round(4).to_string(index=False))
    file = Path(__file__).with_suffix(".csv")
    if file.exists():
        kept = pd.read_csv(file)
        # A name such as "AMD EPYC" serves generations with bf16 and without.
        key = ["processor", "has_bf16", "part"]
        table = pd.concat([kept, table]).drop_duplicates(key, keep="last", ignore_index=True)
    table.round(5).to_csv(file, index=False)


if __name__ == "__main__":
    main()
