"""Write the stored result tables of the chapters on advice.

    python book/advice_tables.py [NAME of a SUMEval file ... | advisor | few_shot]

Needs $CROSSLINGUAL_DATA with published/sumeval and the matrix of de Vries et al. 2022; neither
is part of this repository. Without names all files are validated, about a quarter of an hour.
"""

from __future__ import annotations

import datetime
import os
import sys
import time
from pathlib import Path

import pandas as pd

from crosslingual.chances import interval_reach
from crosslingual.conformal import calibrate
from crosslingual.demand_validation import demand_errors, validate_demands
from crosslingual.demands import fit_advice
from crosslingual.effective import fit_effective
from crosslingual.files import write_csv, write_text
from crosslingual.mixture_validation import coverage_by_level, validate_mixtures
from crosslingual.mixtures import from_scores
from crosslingual.published import XPOS_TERMS, find_xpos, xpos_features, xpos_scores
from crosslingual.responses import of_training
from crosslingual.score_tables import read_scores
from crosslingual.sources import held_out_errors
from crosslingual.sumeval import read_sumeval
from crosslingual.validation import validate
from crosslingual.version import __version__

OUT = Path(__file__).parent / "data" / "advice"
BASELINES = (
    "always eng", "nearest syntax", "nearest genealogy", "nearest geography", "source mean",
)  # fmt: skip


def add(name: str, file: str, table: pd.DataFrame) -> None:
    """Write a file's rows in the place of its old ones."""
    path = OUT / f"{name}.csv"
    table = table.assign(file=file)
    old = pd.read_csv(path) if path.exists() else table.head(0)
    both = pd.concat([old[old["file"] != file], table], ignore_index=True)
    write_csv(path, both.round(6))


def sumeval(folder: Path, names: list[str]) -> None:
    """Held-out errors, coverage, exchange rates, and seconds of each training file."""
    for path in sorted(folder.glob("*.json")):
        if names and path.stem not in names:
            continue
        mixtures = read_sumeval(path)
        started = time.monotonic()
        model = fit_effective(mixtures)
        model.predict(mixtures)
        seconds = time.monotonic() - started
        table = validate_mixtures(mixtures).summary.assign(seconds=seconds)
        learned = {**model.exchange.weights, "slope": model.exchange.slope}
        add("sumeval", path.stem, table)
        add("weights", path.stem, pd.DataFrame([learned]))
        add("levels", path.stem, coverage_by_level(calibrate(model)))
        print(path.stem, table.round(4).to_string(index=False), sep="\n", flush=True)


def few_shot() -> None:
    """Coverage by predicted score, and labels foretold, on this book's own few-shot tables."""
    scores = of_training(read_scores(OUT.parent / "few_shot_benchmarks.csv"), "sequential")
    for task, part in scores.groupby("task"):
        add("levels", f"{task} (mini)", coverage_by_level(fit_advice(part).calibration))
        add("demands", f"{task} (mini)", demand_errors(validate_demands(from_scores(part))))
    commands = from_scores(read_scores(OUT.parent / "few_shot.csv"), COMMANDS)
    add("demands", "intents (mini)", demand_errors(validate_demands(commands)))


def ranking() -> None:
    """Ranking on the published matrix against each baseline, and coverage of the intervals."""
    path = find_xpos("", download=True)
    if path is None:
        sys.exit("the published matrix is not at hand: set CROSSLINGUAL_DATA.")
    scores = xpos_scores(path)
    features = xpos_features(scores)
    # Text amounts, for the baseline that takes the source with most of them.
    from crosslingual.languages import language_table

    tokens = language_table().set_index("code")["mc4_tokens"].fillna(0.0)
    features["log_tokens_source"] = features["source"].map(tokens)
    result = validate(scores, features, XPOS_TERMS)
    most = validate(scores, features, [*XPOS_TERMS, "log_tokens_source"], learners=())
    rows = []
    for name in (*BASELINES, "most log_tokens_source"):
        for measure in ("ndcg3", "regret"):
            both = result
            if name not in set(result.folds["predictor"]):
                extra = most.folds[most.folds["predictor"] == name]
                folds = pd.concat([result.folds, extra], ignore_index=True)
                both = type(result)(result.summary, folds, result.predictions, result.hold, [])
            gap = both.against("linear", name, measure).iloc[0]
            mean = both.folds.set_index("predictor").loc[name, measure].mean()
            ours = both.folds.set_index("predictor").loc["linear", measure].mean()
            rows.append(
                {"baseline": name, "measure": measure, "ours": ours, "theirs": mean,
                 "difference": gap["difference"], "low": gap["low"], "high": gap["high"]}
            )  # fmt: skip
    write_csv(OUT / "ranking.csv", pd.DataFrame(rows).round(6))
    print(pd.DataFrame(rows).round(3).to_string(index=False), flush=True)
    errors = held_out_errors(scores, features, XPOS_TERMS)
    covered = []
    for level in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        for target, part in errors.groupby("target"):
            reach = interval_reach(errors[errors["target"] != target], level)
            gap = (part["score"] - part["predicted"]).abs()
            covered.append({"level": level, "target": target, "coverage": (gap <= reach).mean()})
    table = pd.DataFrame(covered).groupby("level")["coverage"].mean().reset_index()
    write_csv(OUT / "coverage.csv", table.round(6))
    print(table.round(3).to_string(index=False), flush=True)


COMMANDS = 560  # training commands of a language
LABELS = (0, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)


def advisor(folder: Path) -> None:
    """Answers of the interactive page: ranks and growth, for every language with text in mC4."""
    from crosslingual.features import pair_features
    from crosslingual.languages import language_table
    from crosslingual.sources import rank_sources

    table = language_table()
    targets = table[table["mc4_tokens"] > 0]["code"].tolist()
    data = OUT.parent
    ranks, curves = [], []

    def ranked(task: str, scores: pd.DataFrame, features: pd.DataFrame, terms: list[str]) -> None:
        errors = held_out_errors(scores, features, terms)
        name = scores["task"].iloc[0]
        for target in sorted(features["target"].unique()):
            made = rank_sources(scores, target, name, features, None, terms, held_out=errors)
            keep = made.table.head(10).assign(task=task, target=target)
            ranks.append(keep[["task", "target", "source", "predicted", "low", "high"]])

    def grown(task: str, advice: object, of: str, sources: list[str], size: float) -> None:
        known = advice.model.mixtures  # type: ignore[attr-defined]
        languages = sorted({*known.languages, of, *sources})
        amounts, rows = [], []
        for source in sources:
            for labels in LABELS:
                row = [size if name == source else 0.0 for name in languages]
                row[languages.index(of)] += labels
                amounts.append(row)
                rows.append({"task": task, "target": of, "source": source, "labels": labels})
        score, low, high = advice.score(amounts, languages, of, 0.8)  # type: ignore[attr-defined]
        made = pd.DataFrame(rows).assign(score=score, low=low, high=high)
        tops = made.groupby("source", sort=False)[["score", "low", "high"]].cummax()
        curves.append(made.assign(**tops))

    mini = read_scores(data / "zero_shot.csv")
    mini = mini[(mini["model"] == "mini") & (mini["task"] == "intents")]
    pairs = pair_features(sorted(mini["source"].unique()), targets, missing="keep")
    terms = ["syntax", "genealogy", "levenshtein_romanised", "same_script", "log_tokens_target"]
    ranked("intents", mini, pairs, terms)
    shots = read_scores(data / "few_shot.csv")
    advice = fit_advice(shots, size=COMMANDS)
    for part in list(ranks):
        of = part["target"].iloc[0]
        grown("intents", advice, of, part["source"].head(6).tolist(), COMMANDS)

    path = find_xpos("", download=True)
    if path is None:
        sys.exit("the published matrix is not at hand: set CROSSLINGUAL_DATA.")
    scores = xpos_scores(path)
    ranked("part of speech", scores, xpos_features(scores), list(XPOS_TERMS))

    answering = fit_advice(read_sumeval(folder / "TyDiQA_XLMR_ID.json"))
    sources = [s for s in answering.model.mixtures.languages]
    for of in targets:
        others = [s for s in sources if s != of]
        grown("question answering", answering, of, others, 3000)
        zero = curves[-1][curves[-1]["labels"] == 0].rename(columns={"score": "predicted"})
        ranks.append(zero[["task", "target", "source", "predicted", "low", "high"]])
    write_csv(OUT / "ranks.csv", pd.concat(ranks).round(3))
    write_csv(OUT / "curves.csv", pd.concat(curves).round(3))
    print(f"{sum(map(len, ranks))} ranks, {sum(map(len, curves))} points of curves", flush=True)


def main() -> None:
    """Compute and write."""
    root = os.environ.get("CROSSLINGUAL_DATA")
    if not root:
        sys.exit("set CROSSLINGUAL_DATA to the folder that holds published/.")
    OUT.mkdir(parents=True, exist_ok=True)
    files = Path(root) / "published" / "sumeval" / "train"
    if sys.argv[1:] == ["advisor"]:
        advisor(files)
        return
    if sys.argv[1:] == ["few_shot"]:
        few_shot()
        return
    if not sys.argv[1:]:
        ranking()
        advisor(files)
        few_shot()
    sumeval(files, sys.argv[1:])
    write_text(
        OUT / "SIGNATURE",
        f"sumeval-2022 train + xpos-udpos-10000|date:{datetime.date.today()}|v:{__version__}\n",
    )


if __name__ == "__main__":
    main()
