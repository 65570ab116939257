"""Why an early checkpoint loses to a model without pre-training, and what cures it.

Pre-trains mini's architecture with each optimiser for a few hundred updates, looks into
the encoder, fine-tunes on Spanish ``intents``, and prints one row each; the first row is
the model without pre-training.

    python benchmarks/collapse.py --corpus DIR --steps 400 --out benchmarks/collapse.csv
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

RECIPES = {"muon": (0.015, 0.015), "adamw": (0.005, 0.005), "bounded-muon": (0.03, 0.01)}


def main() -> None:
    """Read the command line, run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", default="benchmarks/collapse.csv")
    args = parser.parse_args()

    import pandas as pd

    from crosslingual import TrainSettings, evaluate, fine_tune, get_task, load_model
    from crosslingual.models import untrained_copy
    from crosslingual.pretraining import PretrainConfig, pretrain
    from crosslingual.probing import encoder_health

    task = get_task("intents")
    train, dev, test = (task.examples("es", split) for split in ("train", "dev", "test"))
    mini = load_model("mini")
    models = {"none": untrained_copy(mini)}
    with tempfile.TemporaryDirectory() as folder:
        for name, (rate, embedding_lr) in RECIPES.items():
            out = Path(folder) / name
            config = PretrainConfig(
                steps=args.steps, optimiser=name, rate=rate, embedding_lr=embedding_lr, decay=0.01
            )
            pretrain(args.corpus, out, mini.tokenizer, config=config, compile_model=False)
            models[name] = load_model(str(out / "model"))
    rows = []
    for name, model in models.items():
        health = encoder_health(model, [e.input for e in train[::9]])
        tuned = fine_tune(model, train, dev, TrainSettings(epochs=args.epochs))
        rows.append(
            {
                "pre-training": name,
                "updates": 0 if name == "none" else args.steps,
                "residual_rms": health["rms"].iloc[:-1].max(),
                "effective_rank": health["effective_rank"].iloc[-1],
                "attention_top": health["attention_top"].mean(),
                "train_loss": tuned.history[-1]["train_loss"],
                "accuracy": evaluate(tuned.loaded, test, task).scores["accuracy"],
            }
        )
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    pd.DataFrame(rows).round(4).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
