"""What the console command's verbs of advice do: rank, demand, buy, predict."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .verbs import given_mixtures, given_scores

if TYPE_CHECKING:
    import pandas as pd

    from .mixtures import Mixtures

__all__ = ["buy", "demand", "predict", "rank"]


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False))


def _records(table: pd.DataFrame) -> Any:
    return json.loads(table.to_json(orient="records"))  # NaN becomes null


def rank(args: argparse.Namespace) -> None:
    """Do ``crosslingual rank``."""
    from .feature_tables import read_features
    from .sources import rank_sources

    made = rank_sources(
        given_scores(args, unknown="drop"),
        args.target,
        args.task,
        read_features(args.features) if args.features else None,
        args.sources.split(",") if args.sources else None,
        args.terms.split(",") if args.terms else None,
        args.interval,
        args.seed,
    )
    if args.json:
        _print_json(
            {
                "target": made.target,
                "task": made.task,
                "regret": made.regret,
                "interval": made.interval,
                "notes": made.notes,
                "sources": _records(made.table),
                "reasons": json.loads(made.reasons.to_json(orient="index")),
            }
        )
    else:
        print(made)


def _mixtures(args: argparse.Namespace) -> Mixtures:
    mixtures = given_mixtures(args)
    for note in mixtures.notes:
        if not args.json:
            print(note)
    return mixtures


def demand(args: argparse.Namespace) -> None:
    """Do ``crosslingual demand``."""
    from .demands import demand

    made = demand(_mixtures(args), args.target, args.goal, args.source, args.size, args.interval)
    if args.json:
        low, high = (n if n < float("inf") else None for n in (made.low, made.high))
        _print_json(
            {
                "target": made.target,
                "source": made.source,
                "goal": made.goal,
                "reachable": made.reachable,
                "labels": made.labels if made.reachable else None,
                "low": low,
                "high": high,
                "ceiling": made.ceiling,
                "most": made.most,
                "interval": made.interval,
            }
        )
    else:
        print(made)


def _numbers(text: str | None, what: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in (text or "").split(","):
        if part:
            name, sign, number = part.partition("=")
            if name.strip() in found:
                raise ConfigError(f"{what} names {name.strip()!r} twice.")
            try:
                found[name.strip()] = float(number)
            except ValueError:
                sign = ""
            if not sign or not name.strip():
                raise ConfigError(f"{what} takes language=number, comma-separated, not {part!r}.")
    return found


def buy(args: argparse.Namespace) -> None:
    """Do ``crosslingual buy``."""
    from .purchases import cheapest_mixture, next_batch

    prices = _numbers(args.prices, "--prices") or None
    have = _numbers(args.have, "--have")
    if (args.goal is None) == (args.budget is None):
        raise ConfigError(
            "give either --goal (the cheapest labels that reach it) or --budget (the next batch); "
            "--have says what there is."
        )
    mixtures = _mixtures(args)
    if args.goal is not None:
        table = cheapest_mixture(mixtures, args.target, args.goal, prices, args.interval, have=have)
        if table.empty and not args.json:
            print(f"No mixture of up to two languages is predicted to reach {args.goal:.2f}.")
            return
        if table["cost"].iloc[0] == 0 and not args.json:
            reached = table["score"].iloc[0]
            print(f"Nothing has to be bought: what there is is predicted to reach {reached:.2f}.")
            return
    else:
        table = next_batch(mixtures, args.target, have, args.budget, prices, args.interval)
    if args.json:
        _print_json(_records(table))
    else:
        print(table.round(3).to_string(index=False))


def predict(args: argparse.Namespace) -> None:
    """Do ``crosslingual predict``."""
    from .arguments import check_level
    from .conformal import calibrate
    from .effective import fit_effective
    from .files import write_csv
    from .sumeval import read_sumeval, write_sumeval

    check_level(args.interval)
    train, configs = read_sumeval(args.train), read_sumeval(args.configs)
    model = fit_effective(train)
    calibration = calibrate(model) if args.intervals else None
    predicted = model.predict(configs)
    write_sumeval(args.configs, (predicted.score * train.scale).tolist(), args.out)
    for note in dict.fromkeys([*train.notes, *configs.notes]):
        print(note)
    print(f"{len(configs)} predictions written to {args.out}")
    if calibration is not None:
        import pandas as pd

        low, high = calibration.interval(predicted, args.interval)
        table = pd.DataFrame(
            {
                "run": configs.runs,
                "target": configs.targets,
                "predicted": predicted.score * train.scale,
                "low": low * train.scale,
                "high": high * train.scale,
                "kind": predicted.kind,
            }
        )
        out = Path(args.intervals)
        write_csv(out, table)
        print(f"intervals ({args.interval:.0%}) written to {out}")
