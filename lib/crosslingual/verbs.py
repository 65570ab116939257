"""What the console command's verbs do; heavy imports stay inside them."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

    from .mixtures import Mixtures

__all__ = [
    "claim",
    "features",
    "given_features",
    "given_mixtures",
    "given_scores",
    "growth",
    "languages",
    "lexical",
    "regress",
    "save_csv",
    "tasks",
    "validate",
    "worth",
]


def _chosen(text: str | None) -> list[str]:
    from .languages import DEFAULT_LANGUAGES, resolve

    return resolve(text) if text else list(DEFAULT_LANGUAGES)


def save_csv(table: pd.DataFrame, out: str) -> None:
    """Write a table and say so."""
    from .files import write_csv

    write_csv(out, table)
    print(f"{len(table)} rows written to {out}")


def languages(args: argparse.Namespace) -> None:
    """Do ``crosslingual languages``."""
    from .languages import language_table

    print(language_table().to_string(index=False))


def tasks(args: argparse.Namespace) -> None:
    """Do ``crosslingual tasks``; a list of all of them goes on past data that are not here."""
    from .hub import quick_without_hub

    quick_without_hub()
    from .registry import get_task, task_names
    from .tasks import describe

    asked = _chosen(args.languages)
    for name in [args.task] if args.task else task_names():
        task = get_task(name)
        print(f"{task.name}: {task.kind}; {task.casting}; metric {task.metrics[0]}; {task.licence}")
        codes = asked if args.task else [code for code in asked if code in task.languages()]
        try:
            table = describe(task, codes).drop(columns="task") if codes else None
        except DataError as error:
            if args.task:
                raise
            print(f"not counted: {error}")
        else:
            print("not in these languages" if table is None else table.to_string(index=False))
        print()


def lexical(args: argparse.Namespace) -> None:
    """Do ``crosslingual lexical``."""
    import pandas as pd

    from .lexical import lexical_scores
    from .registry import get_task
    from .summaries import matrix, summarise

    tables = []
    for name in args.task or ("intents", "slots", "answers"):
        limits = {"train_limit": args.train_limit, "test_limit": args.test_limit}
        tables.append(lexical_scores(get_task(name), _chosen(args.languages), **limits))
        print(f"{name} (sources in rows, targets in columns)")
        print(matrix(tables[-1], name).round(2).to_string(), "\n")
    scores = pd.concat(tables, ignore_index=True)
    print(summarise(scores).round(3).to_string(index=False))
    if args.out:
        save_csv(scores, args.out)


def features(args: argparse.Namespace) -> None:
    """Do ``crosslingual features``."""
    from .features import pair_features

    save_csv(pair_features(_chosen(args.languages), model=args.model, corpus=args.corpus), args.out)


def given_scores(args: argparse.Namespace, unknown: str = "refuse") -> pd.DataFrame:
    """Scores that the command line names."""
    from .responses import of_training
    from .score_tables import read_scores

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
    for name in ("model", "settings", "training"):
        wanted = getattr(args, name, None)
        if not wanted:
            continue
        there = sorted(map(str, scores[name].unique())) if name in scores else []
        if wanted not in there:
            raise ConfigError(
                f"{args.scores!r} holds no scores of the {name} {wanted!r}. "
                f"There are: {', '.join(there) or 'none'}."
            )
        if name == "training":
            scores = of_training(scores, wanted)
        else:
            scores = scores[scores[name] == wanted]
    return scores


def given_mixtures(args: argparse.Namespace) -> Mixtures:
    """Mixtures of a SUMEval JSON file or a tidy CSV table."""
    from .mixtures import DEFAULT_SIZE, from_scores
    from .responses import one_task
    from .sumeval import read_sumeval

    if str(args.scores).endswith(".json"):
        return read_sumeval(args.scores)
    scores = one_task(given_scores(args), getattr(args, "task", None))[1]
    return from_scores(scores, getattr(args, "size", DEFAULT_SIZE))


def given_features(args: argparse.Namespace, scores: pd.DataFrame) -> pd.DataFrame:
    """Features of the pairs in the scores: read or computed."""
    from .feature_tables import read_features
    from .features import pair_features

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
    features = given_features(args, scores)
    for result in regress(scores, features, _terms(args), fixed=args.fixed):
        print(result)
        if args.errors:
            print(result.compare_errors().round(4).to_string())
        print()


def claim(args: argparse.Namespace) -> None:
    """Do ``crosslingual claim``."""
    from .claims import claim, claim_by_task
    from .model_matrix import design

    scores = given_scores(args)
    features = given_features(args, scores)
    if args.by_task:
        table = claim_by_task(scores, features, _terms(args), seed=args.seed, fixed=args.fixed)
        print(table.round(3).to_string(index=False))
        for told in table.attrs["left_out"]:
            print(f"left out: {told}")
        return
    print(claim(design(scores, features, _terms(args), fixed=args.fixed), seed=args.seed))


def validate(args: argparse.Namespace) -> None:
    """Do ``crosslingual validate``."""
    from .mixtures import DEFAULT_SIZE
    from .validation import validate

    if args.mixtures or args.demands:
        _validate_mixtures(args)
        return
    if args.size != DEFAULT_SIZE:
        raise ConfigError("--size has a use with --mixtures or --demands only. Leave it out.")
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
    from .demand_validation import demand_errors, validate_demands
    from .mixture_validation import validate_mixtures

    usual = {"features": None, "terms": None, "hold": "target", "learners": "linear"}
    unused = [f"--{name}" for name, value in usual.items() if getattr(args, name) != value]
    if unused:
        raise ConfigError(
            f"--{'demands' if args.demands else 'mixtures'} has no use for {', '.join(unused)}: "
            "scores are predicted from effective data. Leave it out."
        )
    mixtures = given_mixtures(args)
    progress = not args.json and sys.stderr.isatty()
    if args.demands:
        table = demand_errors(validate_demands(mixtures, progress=progress))
        print(
            table.to_json(orient="records") if args.json else table.round(3).to_string(index=False)
        )
        return
    result = validate_mixtures(mixtures, args.folds or 5, progress=progress)
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


def worth(args: argparse.Namespace) -> None:
    """Do ``crosslingual worth``."""
    from .comparisons import compare_trainings
    from .worth import source_worth

    scores = given_scores(args)
    found = source_worth(scores, args.interval)
    print(
        "what a source is worth beside target examples, and examples that alone score as much "
        f"(low and high: {args.interval:.0%} for other languages)"
    )
    print(found.to_string(index=False, na_rep="", float_format="{:.3f}".format))
    trainings = set(found["training"])
    if trainings == {"joint", "sequential"}:
        compared = compare_trainings(scores, level=args.interval)
        print("joint (a) against sequential (b), where draws are the same")
        print(compared.to_string(index=False, na_rep="", float_format="{:.3f}".format))
