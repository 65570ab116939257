"""Whatever part of a study a table holds: an answer, or an error that has a name and says why."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crosslingual as cl
from crosslingual.errors import CrosslingualError
from crosslingual.growth_lines import growth_by_similarity
from crosslingual.score_tables import COLUMNS

LANGUAGES = ("ara", "deu", "eng", "fin", "fra", "hin", "rus", "zho")
TERMS = ("syntax", "phonology")


def _study() -> pd.DataFrame:
    """Scores of a made-up study: two models and tasks, all trainings, two seeds."""
    random = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for task in ("t", "u"):
        for model in ("m", "n"):
            for seed in (0, 1):
                for source in LANGUAGES:
                    for target in LANGUAGES:
                        ways = [("source", 0)]
                        few = "target" if source == target else "sequential"
                        ways += [(few, shots) for shots in (5, 10, 50, 250)]
                        ways += [("joint", 50)] if source != target else []
                        for training, shots in ways:
                            mean = 0.2 + 0.1 * np.log1p(shots) + 0.2 * (source == target)
                            rows.append(
                                dict.fromkeys(COLUMNS, "0")
                                | {"task": task, "model": model, "seed": seed, "source": source}
                                | {"target": target, "training": training, "shots": shots}
                                | {"score": float(np.clip(mean + random.normal(0, 0.05), 0, 1))}
                                | {"n_test": 100, "illegal": 0.0, "se": 0.05}
                            )
    return pd.DataFrame(rows)


def _features() -> pd.DataFrame:
    random = np.random.default_rng(1)
    apart = {term: random.random((len(LANGUAGES), len(LANGUAGES))) for term in TERMS}
    return pd.DataFrame(
        {"source": s, "target": t} | {f: (apart[f][i, j] + apart[f][j, i]) / 2 for f in TERMS}
        for i, s in enumerate(LANGUAGES)
        for j, t in enumerate(LANGUAGES)
    )


STUDY, FEATURES = _study(), _features()


def _design(table: pd.DataFrame, **options: Any) -> Any:
    return cl.design(table, FEATURES, TERMS, **options)


def _fewer(table: pd.DataFrame) -> pd.DataFrame:
    """For slow questions."""
    return table[table["source"].isin(("ara", "deu", "fin"))] if "source" in table else table


def _grown(table: pd.DataFrame) -> list[str]:
    found = [cl.growth(_fewer(table), split=split) for split in (5, 50)]
    return [str(one) for one in found] + [str(one.against()) for one in found]


QUESTIONS: dict[str, Callable[[pd.DataFrame], object]] = {
    "matrix": lambda table: cl.matrix(table, "t"),
    "summarise": cl.summarise,
    "growth": _grown,
    "growth by similarity": lambda table: growth_by_similarity(table, FEATURES, TERMS),
    "worth": cl.source_worth,
    "models": lambda table: cl.compare_models(table, "m", "n"),
    "trainings": cl.compare_trainings,
    "regress": lambda table: [str(each) for each in cl.regress(table, FEATURES, TERMS)],
    "effects": lambda table: [
        str(each) for each in cl.regress(table, FEATURES, TERMS, fixed="both", response="ratio")
    ],
    "importance": lambda table: cl.importance(_design(table), draws=5),
    "random effects": lambda table: str(cl.random_effects(_design(table))),
    "mrqap": lambda table: _permuted(_design(table)),
    "rank": lambda table: str(cl.rank_sources(table, "fin", features=FEATURES)),
    "validate": lambda table: str(cl.validate(table, FEATURES, TERMS)),
    "demand": lambda table: str(cl.demand(_fewer(table), "fin", 0.5, "deu")),
    "exchange": lambda table: str(cl.fit_exchange(cl.from_scores(table))),
    "records": cl.records_of,
}


def _permuted(made: Any) -> pd.DataFrame:
    rows = made.rows
    return cl.mrqap(rows[list(TERMS)], made.y.tolist(), rows["source"], rows["target"], draws=20)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Some languages, numbers of examples, trainings, columns of the study."""
    table = STUDY
    for column in ("task", "model"):
        if draw(st.integers(0, 3)):
            table = table[table[column] == draw(st.sampled_from(sorted(STUDY[column].unique())))]
    some = st.sets(st.sampled_from(LANGUAGES), min_size=1)
    for side in ("source", "target"):
        if draw(st.booleans()):
            table = table[table[side].isin(draw(some))]
    for column in ("shots", "training", "seed"):
        if draw(st.booleans()):
            values = st.sets(st.sampled_from(sorted(STUDY[column].unique())))
            table = table[table[column].isin(draw(values))]
    change = draw(st.sampled_from(["", "", "", "percent", "equal", "missing", "twice"]))
    if change == "percent":
        table = table.assign(score=100 * table["score"])
    elif change == "equal":
        table = table.assign(score=0.5)
    elif change == "missing":
        table = table.assign(score=table["score"].where(table["source"] != "deu"))
    elif change == "twice":
        table = pd.concat([table, table])
    optional = st.sets(st.sampled_from(["shots", "seed", "model", "training", "settings", "score"]))
    gone = draw(optional) if not draw(st.integers(0, 2)) else set()
    return table.drop(columns=sorted(gone))


@pytest.mark.parametrize("question", QUESTIONS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(table=tables())
def test_an_answer_or_a_named_error(question: str, table: pd.DataFrame) -> None:
    """Nothing from inside pandas, numpy or statsmodels reaches the user, no warning either."""
    with warnings.catch_warnings(), suppress(CrosslingualError):
        warnings.simplefilter("error")
        QUESTIONS[question](table)


@pytest.mark.parametrize(
    ("question", "column"),
    [
        ("matrix", "model"), ("matrix", "shots"), ("summarise", "score"), ("growth", "shots"),
        ("growth by similarity", "training"), ("worth", "training"), ("worth", "model"),
        ("models", "model"), ("trainings", "seed"), ("regress", "score"), ("rank", "target"),
        ("validate", "source"), ("demand", "task"), ("exchange", "score"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named(question: str, column: str) -> None:
    one = STUDY[(STUDY["task"] == "t") & (STUDY["model"] == "m")].drop(columns=column)
    with pytest.raises(CrosslingualError, match=rf"lack {column}; their columns are "):
        QUESTIONS[question](one)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_study_is_answered(question: str) -> None:
    """The questions are no strangers to the table: each has an answer somewhere in it."""
    one = STUDY[(STUDY["task"] == "t") & (STUDY["model"] == "m")]
    if question == "models":
        one = STUDY
    elif question in ("growth by similarity", "demand", "exchange"):
        one = one[one["training"].isin(["source", "sequential"])]
    elif question not in ("growth", "worth", "trainings"):
        one = one[one["shots"] == 0]
    assert QUESTIONS[question](one) is not None


ROWS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "no language": (lambda t: t.assign(target=t["target"].where(t.index > 3)), "name no target"),
    "words": (lambda t: t.assign(score=t["score"].astype(str)), "'score' holds '.*', which is no"),
    "no end": (lambda t: t.assign(score=t["score"].where(t.index > 3, np.inf)), "is inf. Allowed"),
    "no score": (lambda t: t.assign(score=np.nan), "is nan. Allowed"),
    "text": (lambda t: t.assign(shots="few"), "'shots' holds 'few', which is no number"),
    "less than none": (lambda t: t.assign(shots=-1), "'shots' holds -1: numbers from 0"),
}


@pytest.mark.parametrize("fault", ROWS)
@pytest.mark.parametrize("question", sorted(QUESTIONS.keys() - {"models"}))
def test_rows_that_are_none_are_named(question: str, fault: str) -> None:
    one = STUDY[(STUDY["task"] == "t") & (STUDY["model"] == "m")].reset_index(drop=True)
    one = one.assign(settings=one.index.astype(str))  # records are told apart by it
    spoilt, told = ROWS[fault]
    with pytest.raises(CrosslingualError, match=told):
        QUESTIONS[question](spoilt(one))


ZERO = STUDY[(STUDY["task"] == "t") & (STUDY["model"] == "m") & (STUDY["shots"] == 0)]
PAIRS = cl.design(ZERO, FEATURES, TERMS)
NODES = {"x": 1.0}
POWER = ("syntax", 1, 1, 1, 1)
NUMBERS: dict[str, tuple[Callable[..., object], dict[str, object]]] = {
    "claim": (
        partial(cl.claim, PAIRS, {"lexical": ["phonology"], "linguistic": ["syntax"]}),
        {"draws": 0, "seed": -1, "level": 1.5, "permutations": 0},
    ),
    "importance": (partial(cl.importance, PAIRS), {"draws": -1, "seed": -1, "level": 0}),
    "bootstrap": (
        partial(cl.node_bootstrap, PAIRS.rows, lambda _: NODES),
        {"draws": 1.5, "seed": -1},
    ),
    "validate": (partial(cl.validate, ZERO, FEATURES, TERMS, folds=3), {"seed": -1}),
    "power": (
        partial(cl.power, FEATURES, *POWER, languages=[6]),
        {"draws": 0, "alpha": np.nan, "seed": -1, "permutations": 0},
    ),
    "power of none": (partial(cl.power, FEATURES, *POWER), {"languages": [np.nan]}),
    "against": (
        lambda **n: cl.validate(ZERO, FEATURES, TERMS).against("linear", "source mean", **n),
        {"draws": 0},
    ),
    "worth": (partial(cl.source_worth, STUDY), {"level": 1}),
    "cheapest": (partial(cl.cheapest_mixture, ZERO, "fin", 0.5), {"languages_tried": 0}),
}


@pytest.mark.parametrize(("verb", "name"), [(v, n) for v in NUMBERS for n in NUMBERS[v][1]])
def test_numbers_out_of_range_are_named(verb: str, name: str) -> None:
    ask, given = NUMBERS[verb]
    with pytest.raises(CrosslingualError, match=rf"must be .*{given[name]}|not {given[name]}"):
        ask(**{name: given[name]})


def test_a_permutation_test_needs_as_many_of_everything() -> None:
    source, target = PAIRS.rows["source"].tolist(), PAIRS.rows["target"].tolist()
    with pytest.raises(CrosslingualError, match="there are 56, 55, 56 and 56"):
        cl.mrqap(PAIRS.rows[["syntax"]], PAIRS.y.tolist()[1:], source, target)


FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "a pair twice": (lambda table: pd.concat([table, table.head(1)]), "ara -> ara more than once"),
    "no target": (lambda table: table.drop(columns="target"), "lack the column target"),
    "a word": (lambda table: table.assign(syntax="far"), "'syntax' of ara -> ara is 'far'"),
    "without end": (lambda table: table.assign(syntax=np.inf), "infinite|misses pairs or values"),
    "no such": (lambda table: table.drop(columns="syntax"), "'syntax'"),
}
ASKED: dict[str, Callable[[pd.DataFrame, pd.DataFrame], object]] = {
    "regress": lambda scores, features: cl.regress(scores, features, TERMS),
    "rank": lambda scores, features: cl.rank_sources(scores, "fin", features=features, terms=TERMS),
    "validate": lambda scores, features: cl.validate(scores, features, TERMS),
    "growth": lambda scores, features: growth_by_similarity(scores, features, TERMS),
    "power": lambda scores, features: cl.power(features, "syntax", 1, 1, 1, 1, [6]),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("question", ASKED)
def test_features_of_another_form_are_named(question: str, fault: str) -> None:
    one = STUDY[(STUDY["task"] == "t") & (STUDY["model"] == "m")]
    ways = ["source", "sequential"] if question == "growth" else ["source"]
    spoilt, told = FAULTS[fault]
    with pytest.raises(CrosslingualError, match=told):
        ASKED[question](one[one["training"].isin(ways)], spoilt(FEATURES))
