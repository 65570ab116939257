"""What the verbs do that make models and measure: corpus, pretrain, study."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError
from .hub import quick_without_hub
from .verbs import save_csv

if TYPE_CHECKING:
    from .study_config import StudyConfig

__all__ = ["corpus", "pretrain", "study_export", "study_import", "study_plan", "study_run"]


def _corpus(args: argparse.Namespace) -> str:
    if not args.corpus and "CROSSLINGUAL_DATA" not in os.environ:
        raise ConfigError("no corpus: give --corpus DIR or set CROSSLINGUAL_DATA.")
    return args.corpus or os.path.join(os.environ["CROSSLINGUAL_DATA"], "corpus")


def corpus(args: argparse.Namespace) -> None:
    """Do ``crosslingual corpus``."""
    from .catalogues import extend_corpus

    if args.repeat < 1:
        raise ConfigError(f"--repeat must be at least 1, not {args.repeat}.")
    sizes = extend_corpus(_corpus(args), args.catalogues, args.out, args.repeat)
    print("language  characters  added")
    for code, (before, added) in sizes.items():
        print(f"{code:8}  {before:10,}  {added:,}")


def _update(text: str) -> int:
    if not text.strip().isdecimal():
        raise ConfigError(f"--snapshots takes numbers of updates, as 400,1600; not {text!r}.")
    return int(text)


def pretrain(args: argparse.Namespace) -> None:
    """Do ``crosslingual pretrain``."""
    from .card import model_card
    from .files import prepare_folder, write_bytes, write_csv, write_text

    corpus = _corpus(args)
    if args.steps < 1 or args.batch < 1 or args.vocab_size < 1000 or args.length < 8:
        raise ConfigError(
            "--steps and --batch must be at least 1, --length at least 8, --vocab-size at least "
            f"1000; they are {args.steps}, {args.batch}, {args.length} and {args.vocab_size}."
        )
    snapshots = [_update(step) for step in (args.snapshots or "").split(",") if step.strip()]
    from .corpus import corpus_files

    corpus_files(corpus)
    from .devices import wanted_device

    device = wanted_device(args.device)  # before a vocabulary is learned for nothing
    folder = prepare_folder(args.out)
    import torch

    from .pretraining import Architecture, PretrainConfig, loss_curve, pretrain
    from .vocabulary import as_transformers, train_vocabulary

    if args.threads:
        torch.set_num_threads(args.threads)
    spiece = (Path(args.start) if args.start else folder) / "spiece.model"
    if args.start and not spiece.exists():
        raise ConfigError(f"--start {args.start!r} holds no run: spiece.model is missing.")
    if not spiece.exists():
        print(f"training a vocabulary of {args.vocab_size} pieces ...", file=sys.stderr)
        learned = train_vocabulary(
            corpus, args.vocab_size, sample_bytes=args.vocab_sample * 1_000_000, seed=args.seed
        )
        write_bytes(spiece, learned)
    tokenizer = as_transformers(spiece.read_bytes())
    pieces = tokenizer.backend_tokenizer.get_vocab_size(with_added_tokens=False)
    if not args.start and pieces != args.vocab_size:
        raise ConfigError(
            f"{str(spiece)!r} has {pieces} pieces, not {args.vocab_size} (--vocab-size). Give "
            "another --out, or delete it to start anew."
        )
    provenance = pretrain(
        corpus,
        folder,
        tokenizer,
        Architecture(d_model=args.width, d_ff=args.width * 5 // 2),
        PretrainConfig(
            steps=args.steps,
            batch=args.batch,
            optimiser=args.optimiser,
            rate=args.rate,
            embedding_lr=args.embedding_lr,
            embeddings=args.embeddings,
            warmup=args.warmup,
            decay=args.decay,
            copying=args.copying,
            raw_length=args.length,
            sample=args.sample,
            seed=args.seed,
        ),
        compile_model=not args.no_compile,
        start=args.start,
        device=device,
        snapshots=snapshots,
    )
    command = f"crosslingual {shlex.join(sys.argv[1:])}"
    write_text(folder / "model" / "README.md", model_card(provenance, command, args.note))
    write_csv(folder / "loss.csv", loss_curve(folder))
    print(f"model, tokenizer and card in {folder / 'model'}; loss curve in {folder / 'loss.csv'}")


def _config(args: argparse.Namespace) -> StudyConfig:
    from dataclasses import replace

    from .study_config import load_config

    config = load_config(args.config)
    return load_config(replace(config, data_dir=args.data_dir)) if args.data_dir else config


def study_plan(args: argparse.Namespace) -> None:
    """Do ``crosslingual study plan``."""
    quick_without_hub()
    from .planning import plan_study

    print(plan_study(_config(args), args.device, args.out))


def study_run(args: argparse.Namespace) -> None:
    """Do ``crosslingual study run``."""
    from .running import run_study

    config = _config(args)
    if args.dry_run:
        quick_without_hub()
        from .planning import plan_study

        print(plan_study(config, out=args.out))
        return
    resources = _resources(args.resources) if args.resources else None
    how = {"resources": resources, "wait": args.wait}
    print(run_study(config, args.out, args.scheduler, args.workers, **how))


def _resources(text: str) -> dict[str, float]:
    """GPU=1,MEMORY=2 as a mapping."""
    try:
        return {name: float(n) for name, n in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise ConfigError(f"--resources must be NAME=NUMBER,..., not {text!r}.") from None


def study_export(args: argparse.Namespace) -> None:
    """Do ``crosslingual study export``."""
    from .record_store import read_records
    from .score_tables import scores_table

    records = read_records(args.records)
    if not records:
        raise ConfigError(f"the folder {args.records!r} holds no records yet.")
    save_csv(scores_table(records), args.out)


def study_import(args: argparse.Namespace) -> None:
    """Do ``crosslingual study import``."""
    from .record_store import open_store
    from .score_tables import read_scores, records_of

    records = records_of(read_scores(args.scores))
    store = open_store(args.out).prepare()
    there = store.names()
    new = [record for record in records if record.file_name not in there]
    for record in new:
        store.write(record)
    print(f"{len(new)} records written, {len(records) - len(new)} were there, in {store.place}")
