"""What the console command's verbs do; heavy imports stay inside them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from .mixtures import Mixtures
    from .study import StudyConfig

__all__ = [
    "claim",
    "features",
    "given_features",
    "given_mixtures",
    "given_scores",
    "growth",
    "languages",
    "lexical",
    "pretrain",
    "regress",
    "study_export",
    "study_plan",
    "study_run",
    "tasks",
    "validate",
]


def _chosen(text: str | None) -> list[str]:
    from .languages import DEFAULT_LANGUAGES, resolve

    return resolve(text) if text else list(DEFAULT_LANGUAGES)


def _save_csv(table: pd.DataFrame, out: str) -> None:
    from .files import write_csv

    write_csv(out, table)
    print(f"{len(table)} rows written to {out}")


def languages(args: argparse.Namespace) -> None:
    """Do ``crosslingual languages``."""
    from .languages import language_table

    print(language_table().to_string(index=False))


def tasks(args: argparse.Namespace) -> None:
    """Do ``crosslingual tasks``."""
    from .tasks import describe, get_task, task_names

    for name in [args.task] if args.task else task_names():
        task = get_task(name)
        print(f"{task.name}: {task.kind}; {task.casting}; metric {task.metrics[0]}; {task.licence}")
        print(describe(task, _chosen(args.languages)).drop(columns="task").to_string(index=False))
        print()


def pretrain(args: argparse.Namespace) -> None:
    """Do ``crosslingual pretrain``."""
    from .card import model_card
    from .files import prepare_folder, write_bytes, write_csv, write_text

    corpus = args.corpus or os.path.join(os.environ.get("CROSSLINGUAL_DATA", ""), "corpus")
    if not args.corpus and "CROSSLINGUAL_DATA" not in os.environ:
        raise ConfigError("no corpus: give --corpus DIR or set CROSSLINGUAL_DATA.")
    if args.steps < 1 or args.batch < 1 or args.vocab_size < 1000:
        raise ConfigError("--steps and --batch must be at least 1, --vocab-size at least 1000.")
    from .corpus import corpus_files

    corpus_files(corpus)
    folder = prepare_folder(args.out)
    import torch

    from .pretraining import Architecture, PretrainConfig, loss_curve, pretrain
    from .vocabulary import as_transformers, train_vocabulary

    if args.threads:
        torch.set_num_threads(args.threads)
    spiece = (Path(args.start) if args.start else folder) / "spiece.model"
    if args.start and not (spiece.exists() and spiece.with_name("checkpoint.pt").exists()):
        raise ConfigError(f"--start {args.start!r} holds no run: spiece.model, checkpoint.pt.")
    if not spiece.exists():
        print(f"training a vocabulary of {args.vocab_size} pieces ...", file=sys.stderr)
        learned = train_vocabulary(corpus, args.vocab_size, seed=args.seed)
        write_bytes(spiece, learned)
    provenance = pretrain(
        corpus,
        folder,
        as_transformers(spiece.read_bytes()),
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
            seed=args.seed,
        ),
        compile_model=not args.no_compile,
        start=args.start,
    )
    command = f"crosslingual {shlex.join(sys.argv[1:])}"
    write_text(folder / "model" / "README.md", model_card(provenance, command, args.note))
    write_csv(folder / "loss.csv", loss_curve(folder))
    print(f"model, tokenizer and card in {folder / 'model'}; loss curve in {folder / 'loss.csv'}")


def _config(args: argparse.Namespace) -> StudyConfig:
    from dataclasses import replace

    from .study import load_config

    config = load_config(args.config)
    return load_config(replace(config, data_dir=args.data_dir)) if args.data_dir else config


def study_plan(args: argparse.Namespace) -> None:
    """Do ``crosslingual study plan``."""
    from .planning import plan_study

    print(plan_study(_config(args), args.device))


def study_run(args: argparse.Namespace) -> None:
    """Do ``crosslingual study run``."""
    from .running import run_study

    config = _config(args)
    if args.dry_run:
        from .planning import plan_study

        print(plan_study(config))
        return
    resources = _resources(args.resources) if args.resources else None
    print(run_study(config, args.out, args.scheduler, args.workers, resources=resources))


def _resources(text: str) -> dict[str, float]:
    """GPU=1,MEMORY=2 as a mapping."""
    try:
        return {name: float(n) for name, n in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise ConfigError(f"--resources must be NAME=NUMBER,..., not {text!r}.") from None


def study_export(args: argparse.Namespace) -> None:
    """Do ``crosslingual study export``."""
    from .records import read_records, scores_table

    records = read_records(args.records)
    if not records:
        raise ConfigError(f"the folder {args.records!r} holds no records yet.")
    _save_csv(scores_table(records), args.out)


def lexical(args: argparse.Namespace) -> None:
    """Do ``crosslingual lexical``."""
    import pandas as pd

    from .lexical import lexical_scores
    from .summaries import matrix, summarise
    from .tasks import get_task

    tables = []
    for name in args.task or ("intents", "slots", "answers"):
        tables.append(lexical_scores(get_task(name), _chosen(args.languages)))
        print(f"{name} (sources in rows, targets in columns)")
        print(matrix(tables[-1], name).round(2).to_string(), "\n")
    scores = pd.concat(tables, ignore_index=True)
    print(summarise(scores).round(3).to_string(index=False))
    if args.out:
        _save_csv(scores, args.out)


def features(args: argparse.Namespace) -> None:
    """Do ``crosslingual features``."""
    from .features import pair_features

    _save_csv(
        pair_features(_chosen(args.languages), model=args.model, corpus=args.corpus), args.out
    )


def given_scores(args: argparse.Namespace, unknown: str = "refuse") -> pd.DataFrame:
    """Scores that the command line names."""
    from .records import read_scores

    columns = {}
    for part in (args.columns or "").split(","):
        if part:
            ours, sign, theirs = part.partition("=")
            if not sign or not ours or not theirs:
                raise ConfigError(f"--columns takes our=theirs, not {part!r}.")
            columns[ours] = theirs
    scores = read_scores(args.scores, columns, unknown)
    if "dropped" in scores.attrs:
        print(scores.attrs["dropped"], file=sys.stderr)
    if getattr(args, "model", None):
        scores = scores[scores["model"] == args.model]
        if scores.empty:
            raise ConfigError(f"{args.scores!r} holds no scores of the model {args.model!r}.")
    return scores


def given_mixtures(args: argparse.Namespace) -> Mixtures:
    """Mixtures of a SUMEval JSON file or a tidy CSV table."""
    from .mixtures import DEFAULT_SIZE, from_scores, read_sumeval
    from .responses import one_task

    if str(args.scores).endswith(".json"):
        return read_sumeval(args.scores)
    scores = one_task(given_scores(args), getattr(args, "task", None))[1]
    return from_scores(scores, getattr(args, "size", DEFAULT_SIZE))


def given_features(args: argparse.Namespace, scores: pd.DataFrame) -> pd.DataFrame:
    """Features of the pairs in the scores: read or computed."""
    from .features import pair_features
    from .regression import read_features

    if args.features:
        return read_features(args.features)
    sources, targets = (sorted(scores[side].unique()) for side in ("source", "target"))
    return pair_features(sources, targets, missing="keep")


def _terms(args: argparse.Namespace) -> tuple[str, ...]:
    from .model_matrix import DEFAULT_TERMS

    return tuple(args.terms.split(",")) if args.terms else DEFAULT_TERMS


def regress(args: argparse.Namespace) -> None:
    """Do ``crosslingual regress``."""
    from .regression import regress

    scores = given_scores(args)
    for result in regress(scores, given_features(args, scores), _terms(args)):
        print(result)
        if args.errors:
            print(result.compare_errors().round(4).to_string())
        print()


def claim(args: argparse.Namespace) -> None:
    """Do ``crosslingual claim``."""
    from .claims import claim
    from .model_matrix import design

    scores = given_scores(args)
    made = design(scores, given_features(args, scores), _terms(args))
    print(claim(made, seed=args.seed))


def validate(args: argparse.Namespace) -> None:
    """Do ``crosslingual validate``."""
    from .validation import validate

    if args.mixtures:
        _validate_mixtures(args)
        return
    scores = given_scores(args, unknown="drop")
    result = validate(
        scores,
        given_features(args, scores),
        _terms(args) if args.terms else None,
        args.hold,
        args.learners.split(","),
        args.folds,
        progress=not args.json and sys.stderr.isatty(),
    )
    if args.json:
        rows = json.loads(result.summary.to_json(orient="records"))  # NaN becomes null
        print(json.dumps({"hold": result.hold, "notes": result.notes, "results": rows}, indent=1))
    else:
        print(result)


def _validate_mixtures(args: argparse.Namespace) -> None:
    from .mixture_validation import validate_mixtures

    mixtures = given_mixtures(args)
    result = validate_mixtures(
        mixtures, args.folds or 5, progress=not args.json and sys.stderr.isatty()
    )
    if args.json:
        rows = json.loads(result.summary.to_json(orient="records"))
        notes = mixtures.notes
        print(json.dumps({"interval": result.interval, "notes": notes, "results": rows}, indent=1))
    else:
        print(result)


def growth(args: argparse.Namespace) -> None:
    """Do ``crosslingual growth``."""
    from .growth_laws import growth

    print(growth(given_scores(args), split=args.split))
