"""The console command ``crosslingual``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from . import advice_verbs, study_verbs, verbs
from .errors import CrosslingualError
from .version import __version__

__all__ = ["all_help", "main"]

EXIT_BAD_INPUT = 2


def whole(text: str) -> int:
    """A whole number from 0, as seeds and counts are."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crosslingual",
        description="Measure, explain and predict cross-lingual transfer.",
        epilog="Languages are given by ISO 639-1 or 639-3 codes or English names.",
    )
    parser.add_argument("--version", action="version", version=f"crosslingual {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    p = commands.add_parser("languages", help="list the registry of languages")
    p.set_defaults(run=verbs.languages)

    p = commands.add_parser("tasks", help="describe the tasks: sizes, trivial baselines, examples")
    p.add_argument("--task", help="one task; all by default")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.set_defaults(run=verbs.tasks)

    p = commands.add_parser("pretrain", help="pre-train a small mT5 on a folder of text")
    p.add_argument(
        "--corpus", help="folder of LL.txt[.xz] files; default $CROSSLINGUAL_DATA/corpus"
    )
    p.add_argument("--out", required=True, help="folder; rerunning with it resumes")
    p.add_argument("--steps", type=whole, default=2900, help="updates (default %(default)s)")
    p.add_argument("--batch", type=whole, default=40, help="examples an update (%(default)s)")
    p.add_argument("--optimiser", default="bounded-muon", help="of the matrices (%(default)s)")
    p.add_argument("--rate", type=float, default=0.03, help="its peak rate (%(default)s)")
    p.add_argument(
        "--embeddings",
        choices=("random", "shared"),
        default="random",
        help="start of token embeddings: shared is from co-occurrence with shared pieces",
    )
    p.add_argument("--embedding-lr", type=float, default=0.01, help="AdamW's (%(default)s)")
    p.add_argument("--warmup", type=float, default=0.01, help="share of the steps (%(default)s)")
    p.add_argument("--decay", type=float, default=0.69, help="share of the steps (%(default)s)")
    p.add_argument(
        "--copying",
        type=float,
        default=0.0,
        help="share of updates with the whole text as target (%(default)s)",
    )
    p.add_argument(
        "--sample",
        type=whole,
        default=0,
        help="pieces that an update's softmax runs over, besides its labels; 0 for all (0)",
    )
    p.add_argument("--start", help="folder of an earlier run whose weights are the start")
    p.add_argument("--vocab-size", type=whole, default=16_000, help="pieces (%(default)s)")
    p.add_argument("--vocab-sample", type=whole, default=30, help="MB it is learned from (30)")
    p.add_argument("--width", type=whole, default=256, help="d_model (%(default)s)")
    p.add_argument("--length", type=whole, default=140, help="tokens an example (%(default)s)")
    p.add_argument("--device", choices=("cpu", "cuda"), help="default: a GPU if there is one")
    p.add_argument("--snapshots", help="updates after which the weights are kept: 400,1600")
    p.add_argument("--threads", type=whole, help="of the processor; all by default")
    p.add_argument("--seed", type=whole, default=0)
    p.add_argument("--note", default="", help="what the corpus is, with licence, for the card")
    p.add_argument("--no-compile", action="store_true", help="do without torch.compile")
    p.set_defaults(run=study_verbs.pretrain)

    p = commands.add_parser("corpus", help="mix messages of catalogues into a corpus")
    p.add_argument("--corpus", help="folder of LL.txt[.xz]; default $CROSSLINGUAL_DATA/corpus")
    p.add_argument("--catalogues", required=True, help="folder of .mo, .json, .html files")
    p.add_argument("--out", required=True, help="folder of the new corpus")
    p.add_argument("--repeat", type=whole, default=2, help="how often a message stands there (2)")
    p.set_defaults(run=study_verbs.corpus)

    study = commands.add_parser("study", help="run a study, export and import its scores")
    studies = study.add_subparsers(dest="verb", required=True, metavar="VERB")
    p = studies.add_parser("run", help="measure all cells that are not measured yet")
    p.add_argument("--config", required=True, help="YAML file")
    p.add_argument(
        "--out", default="runs/study", help="folder or address of the records (%(default)s)"
    )
    p.add_argument("--scheduler", help="address of a Dask scheduler; a local cluster by default")
    p.add_argument(
        "--workers", type=whole, help="local processes; one a GPU or core by default, 0 for none"
    )
    p.add_argument("--resources", help="what a worker must offer for each job, such as GPU=1")
    p.add_argument(
        "--wait",
        type=float,
        default=60.0,
        help="seconds until the scheduler must have such a worker (%(default)g); inf for ever",
    )
    p.add_argument("--data-dir", help="folder of public benchmarks, instead of the config's")
    p.add_argument(
        "--dry-run", action="store_true", help="print the plan of what is left, run nothing"
    )
    p.set_defaults(run=study_verbs.study_run)
    p = studies.add_parser("plan", help="count cells, foresee hours, memory and disk")
    p.add_argument("--config", required=True, help="YAML file")
    p.add_argument("--data-dir", help="folder of public benchmarks, instead of the config's")
    p.add_argument(
        "--device",
        default="here",
        help="a GPU by name (a100-40, h100 ...), or this machine, measured (%(default)s)",
    )
    p.add_argument("--out", help="folder or address of the records; cells there are not counted")
    p.set_defaults(run=study_verbs.study_plan)
    p = studies.add_parser("export", help="write the records of a study as one CSV table")
    p.add_argument("--records", default="runs/study", help="folder of the records (%(default)s)")
    p.add_argument("--out", required=True, help="CSV file")
    p.set_defaults(run=study_verbs.study_export)
    p = studies.add_parser(
        "import", help="make records of an exported table: a study then measures what it lacks"
    )
    p.add_argument("--scores", required=True, help="CSV that 'study export' wrote")
    p.add_argument(
        "--out", default="runs/study", help="folder or address of the records (%(default)s)"
    )
    p.set_defaults(run=study_verbs.study_import)

    p = commands.add_parser("lexical", help="scores of the lexical-only control")
    p.add_argument("--task", action="append", help="repeatable; the three embedded ones otherwise")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.add_argument("--train-limit", type=whole, help="use so many training examples only")
    p.add_argument("--test-limit", type=whole, help="use so many test examples only")
    p.add_argument("--out", help="CSV file; matrices are printed either way")
    p.set_defaults(run=verbs.lexical)

    p = commands.add_parser("features", help="features of every ordered pair of languages")
    p.add_argument("--languages", help="comma-separated; the ten default ones otherwise")
    p.add_argument("--model", default="mini", help="whose subwords (%(default)s)")
    p.add_argument("--corpus", help="whose pre-training tokens: mini, mc4 or none")
    p.add_argument("--out", required=True, help="CSV file")
    p.set_defaults(run=verbs.features)

    p = commands.add_parser("regress", help="regress scores on features of the pairs")
    _scores_arguments(p)
    p.add_argument("--terms", help="comma-separated names of features")
    p.add_argument("--errors", action="store_true", help="all standard errors side by side")
    _fixed_argument(p)
    p.set_defaults(run=verbs.regress)

    p = commands.add_parser(
        "claim", help="ask whether grammar and sound predict transfer beyond lexical similarity"
    )
    _scores_arguments(p)
    p.add_argument("--terms", help="comma-separated names of features")
    p.add_argument("--seed", type=whole, default=0, help="of draws and permutations")
    _fixed_argument(p)
    p.add_argument(
        "--by-task", action="store_true", help="each task by itself; without shares of R2"
    )
    p.set_defaults(run=verbs.claim)

    p = commands.add_parser(
        "validate", help="predict scores of languages held out, beside baselines"
    )
    _scores_arguments(p)
    p.add_argument("--terms", help="comma-separated names of features; all otherwise")
    p.add_argument("--hold", default="target", help="target, source or both (%(default)s)")
    p.add_argument("--learners", default="linear", help="of linear, boosted, gp (%(default)s)")
    p.add_argument("--folds", type=whole, help="groups of languages, instead of one at a time")
    p.add_argument(
        "--mixtures", action="store_true", help="scores are of mixtures (CSV or SUMEval JSON)"
    )
    p.add_argument(
        "--demands", action="store_true", help="how well numbers of labels are foretold instead"
    )
    _size_argument(p)
    p.add_argument("--json", action="store_true", help="print the table as JSON")
    p.set_defaults(run=verbs.validate)

    p = commands.add_parser("growth", help="compare laws of growth with target examples")
    _table_arguments(p, "CSV with shots")
    p.add_argument("--split", type=whole, default=50, help="fit up to so many (%(default)s)")
    p.set_defaults(run=verbs.growth)

    p = commands.add_parser("worth", help="what a source is worth beside target examples")
    _table_arguments(p, "CSV with shots and training")
    p.add_argument("--interval", type=float, default=0.95, help="coverage (%(default)s)")
    p.set_defaults(run=verbs.worth)

    _advice_commands(commands)
    return parser


def _advice_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    p = commands.add_parser("rank", help="rank sources for a target, measured or not")
    _scores_arguments(p)
    p.add_argument("--target", required=True, help="a language")
    p.add_argument("--task", help="which task, if the scores hold several")
    p.add_argument("--sources", help="comma-separated; those in the scores otherwise")
    p.add_argument("--terms", help="comma-separated names of features; all otherwise")
    p.add_argument("--interval", type=float, default=0.8, help="coverage (%(default)s)")
    p.add_argument("--seed", type=whole, default=0, help="of what is drawn")
    p.add_argument("--json", action="store_true", help="print as JSON")
    p.set_defaults(run=advice_verbs.rank)

    p = commands.add_parser("demand", help="how many labels of a target reach a goal")
    _mixture_arguments(p)
    p.add_argument("--source", help="a language that is learned first; none otherwise")
    p.add_argument("--goal", type=float, required=True, help="score to reach, a fraction")
    p.set_defaults(run=advice_verbs.demand)

    p = commands.add_parser("buy", help="the cheapest labels for a goal, or the next batch")
    _mixture_arguments(p)
    p.add_argument("--goal", type=float, help="score to reach, a fraction")
    p.add_argument("--have", help="labels there are: en=1000,sw=50")
    p.add_argument("--budget", type=float, help="what may be spent on the next batch")
    p.add_argument("--prices", help="of a label: en=0.1,sw=1; 1 for all otherwise")
    p.set_defaults(run=advice_verbs.buy)

    p = commands.add_parser("predict", help="SUMEval in, SUMEval out: predict the 'x' scores")
    p.add_argument("--train", required=True, help="JSON with scores")
    p.add_argument("--configs", required=True, help="JSON with 'x' for scores to predict")
    p.add_argument("--out", required=True, help="JSON file to write")
    p.add_argument("--intervals", help="CSV file for intervals")
    p.add_argument("--interval", type=float, default=0.8, help="their coverage (%(default)s)")
    p.set_defaults(run=advice_verbs.predict)


def _mixture_arguments(p: argparse.ArgumentParser) -> None:
    _table_arguments(p, "CSV with amounts, or SUMEval JSON")
    p.add_argument("--task", help="which task, if the scores hold several")
    p.add_argument(
        "--training", help="sequential or joint: which use of target examples, if there are both"
    )
    p.add_argument("--target", required=True, help="a language")
    _size_argument(p)
    p.add_argument("--interval", type=float, default=0.8, help="coverage (%(default)s)")
    p.add_argument("--json", action="store_true", help="print as JSON")


def _size_argument(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--size",
        type=float,
        default=1000,
        help="examples of a source where the scores do not say (%(default)s)",
    )


def _fixed_argument(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--fixed", default="none", help="intercepts: none, target, source or both (%(default)s)"
    )


def _table_arguments(p: argparse.ArgumentParser, told: str) -> None:
    p.add_argument("--scores", required=True, help=told)
    p.add_argument("--columns", help="our=theirs, comma-separated, where names differ")
    p.add_argument("--model", help="which model, if the scores hold several")
    p.add_argument("--settings", help="which recipe, by its digest, if there are several")


def _scores_arguments(p: argparse.ArgumentParser) -> None:
    _table_arguments(p, "CSV with task, source, target, score")
    p.add_argument("--features", help="CSV as 'features' writes it; computed otherwise")


def all_help() -> str:
    """What ``--help`` says, of the command and of all its verbs, one below the other."""

    def told(parser: argparse.ArgumentParser) -> list[str]:
        found = [parser.format_help().strip()]
        for action in parser._actions:  # argparse has no other way to them
            if isinstance(action, argparse._SubParsersAction):
                found += [text for one in action.choices.values() for text in told(one)]
        return found

    return "\n\n\n".join(told(_parser())) + "\n"


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
