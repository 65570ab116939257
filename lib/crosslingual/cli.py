"""The console command ``crosslingual``."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ConfigError, CrosslingualError
from .version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]

EXIT_BAD_INPUT = 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crosslingual",
        description="Measure, explain and predict cross-lingual transfer.",
        epilog="Languages are given by ISO 639-1 or 639-3 codes or English names.",
    )
    parser.add_argument("--version", action="version", version=f"crosslingual {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    p = commands.add_parser("languages", help="list the registry of languages")
    p.set_defaults(run=_languages)

    p = commands.add_parser("tasks", help="describe the tasks: sizes, trivial baselines, examples")
    p.add_argument("--task", help="one task; all by default")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.set_defaults(run=_tasks)

    p = commands.add_parser("pretrain", help="pre-train a small mT5 on a folder of text")
    p.add_argument(
        "--corpus", help="folder of LL.txt[.xz] files; default $CROSSLINGUAL_DATA/corpus"
    )
    p.add_argument("--out", required=True, help="folder; rerunning with it resumes")
    p.add_argument("--steps", type=int, default=2900, help="updates (default %(default)s)")
    p.add_argument("--batch", type=int, default=40, help="examples an update (%(default)s)")
    p.add_argument("--optimiser", default="bounded-muon", help="of the matrices (%(default)s)")
    p.add_argument("--rate", type=float, default=0.03, help="its peak rate (%(default)s)")
    p.add_argument("--embedding-lr", type=float, default=0.01, help="AdamW's (%(default)s)")
    p.add_argument("--warmup", type=float, default=0.01, help="share of the steps (%(default)s)")
    p.add_argument("--decay", type=float, default=0.69, help="share of the steps (%(default)s)")
    p.add_argument(
        "--copying",
        type=float,
        default=0.0,
        help="share of updates with the whole text as target (%(default)s)",
    )
    p.add_argument("--start", help="folder of an earlier run whose weights are the start")
    p.add_argument("--vocab-size", type=int, default=16_000, help="pieces (%(default)s)")
    p.add_argument("--width", type=int, default=256, help="d_model (%(default)s)")
    p.add_argument("--threads", type=int, help="of the processor; all by default")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--note", default="", help="what the corpus is, with licence, for the card")
    p.add_argument("--no-compile", action="store_true", help="do without torch.compile")
    p.set_defaults(run=_pretrain)

    study = commands.add_parser("study", help="run a study, export its scores")
    verbs = study.add_subparsers(dest="verb", required=True, metavar="VERB")
    p = verbs.add_parser("run", help="measure all cells that are not measured yet")
    p.add_argument("--config", required=True, help="YAML file")
    p.add_argument("--out", default="runs/study", help="folder of the records (%(default)s)")
    p.add_argument("--scheduler", help="address of a Dask scheduler; a local cluster by default")
    p.add_argument("--workers", type=int, help="local processes; one a core by default, 0 for none")
    p.set_defaults(run=_study_run)
    p = verbs.add_parser("export", help="write the records of a study as one CSV table")
    p.add_argument("--records", default="runs/study", help="folder of the records (%(default)s)")
    p.add_argument("--out", required=True, help="CSV file")
    p.set_defaults(run=_study_export)

    p = commands.add_parser("lexical", help="scores of the lexical-only control")
    p.add_argument("--task", action="append", help="repeatable; the three embedded ones otherwise")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.add_argument("--out", help="CSV file; matrices are printed either way")
    p.set_defaults(run=_lexical)

    p = commands.add_parser("features", help="features of every ordered pair of languages")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.add_argument("--model", default="mini", help="whose subwords (%(default)s)")
    p.add_argument("--corpus", help="whose pre-training tokens: mini, mc4 or none")
    p.add_argument("--out", required=True, help="CSV file")
    p.set_defaults(run=_features)

    p = commands.add_parser("regress", help="regress scores on features of the pairs")
    p.add_argument("--scores", required=True, help="CSV with task, source, target, score")
    p.add_argument("--features", help="CSV as 'features' writes it; computed otherwise")
    p.add_argument("--terms", help="comma-separated names of features")
    p.add_argument("--model", help="which model, if the scores hold several")
    p.set_defaults(run=_regress)
    return parser


def _chosen(text: str | None) -> list[str]:
    from .languages import DEFAULT_LANGUAGES, resolve

    return resolve(text) if text else list(DEFAULT_LANGUAGES)


def _save_csv(table: pd.DataFrame, out: str) -> None:
    from .files import write_csv

    write_csv(out, table)
    print(f"{len(table)} rows written to {out}")


def _languages(args: argparse.Namespace) -> None:
    from .languages import language_table

    print(language_table().to_string(index=False))


def _tasks(args: argparse.Namespace) -> None:
    from .tasks import describe, get_task, task_names

    for name in [args.task] if args.task else task_names():
        task = get_task(name)
        print(f"{task.name}: {task.kind}; {task.casting}; metric {task.metrics[0]}; {task.licence}")
        print(describe(task, _chosen(args.languages)).drop(columns="task").to_string(index=False))
        print()


def _pretrain(args: argparse.Namespace) -> None:
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


def _study_run(args: argparse.Namespace) -> None:
    from .running import run_study

    print(run_study(args.config, args.out, args.scheduler, args.workers))


def _study_export(args: argparse.Namespace) -> None:
    from .records import read_records, scores_table

    records = read_records(args.records)
    if not records:
        raise ConfigError(f"the folder {args.records!r} holds no records yet.")
    _save_csv(scores_table(records), args.out)


def _lexical(args: argparse.Namespace) -> None:
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


def _features(args: argparse.Namespace) -> None:
    from .features import pair_features

    _save_csv(
        pair_features(_chosen(args.languages), model=args.model, corpus=args.corpus), args.out
    )


def _regress(args: argparse.Namespace) -> None:
    from .features import pair_features
    from .model_matrix import DEFAULT_TERMS
    from .records import read_scores
    from .regression import read_features, regress

    scores = read_scores(args.scores)
    if args.model:
        scores = scores[scores["model"] == args.model]
        if scores.empty:
            raise ConfigError(f"{args.scores!r} holds no scores of the model {args.model!r}.")
    if args.features:
        features = read_features(args.features)
    else:
        features = pair_features(
            sorted(scores["source"].unique()), sorted(scores["target"].unique())
        )
    terms = tuple(args.terms.split(",")) if args.terms else DEFAULT_TERMS
    for result in regress(scores, features, terms):
        print(result, "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console command.

    Returns
    -------
    int
        0, or 2 after bad input (the message goes to standard error).
    """
    # Before torch is loaded: large blocks from huge pages, 1.4 times faster steps.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except CrosslingualError as error:
        print(f"crosslingual: {type(error).__name__}: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
