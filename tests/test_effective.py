"""Prediction from effective data: known worlds, unseen languages, real files where they are."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_mixtures import SOURCES, mixture_world
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crosslingual.conformal import calibrate, weighted_quantile
from crosslingual.effective import KINDS, fit_effective
from crosslingual.errors import DataError
from crosslingual.exchange import logit
from crosslingual.levels import PRIOR_SLOPES, _traits, krige, likeness
from crosslingual.mixture_validation import validate_mixtures
from crosslingual.mixtures import Mixtures
from crosslingual.sumeval import read_sumeval


def _split(world, share=0.75):
    last = int(world.runs.max() * share)
    return world.take(np.flatnonzero(world.runs <= last)), world.take(
        np.flatnonzero(world.runs > last)
    )


@pytest.fixture(scope="module")
def world():
    return mixture_world(runs=40)


@pytest.fixture(scope="module")
def model(world):
    return fit_effective(_split(world)[0])


def test_new_runs_are_foretold_to_the_noise(world, model) -> None:
    train, test = _split(world)
    error = np.abs(model.predict(test).score - test.scores).mean()
    means = {t: train.scores[train.targets == t].mean() for t in model.targets}
    baseline = np.abs(np.array([means[t] for t in test.targets]) - test.scores).mean()
    assert error < 0.25 * baseline
    assert error < 0.012  # 0.03 of log odds are at most 0.006 of a score


def test_parts_sum_to_the_prediction_and_scores_are_not_looked_at(world, model) -> None:
    test = _split(world)[1]
    made = model.predict(test)
    assert np.allclose(made.level + made.data + made.rest, made.mean)
    assert not np.isin(made.kind, ("unseen", "unseen_first")).any()
    blind = Mixtures(
        test.languages, test.amounts, test.runs, test.targets, np.full(len(test), np.nan)
    )
    assert np.array_equal(model.predict(blind).mean, made.mean)


def test_an_unseen_target_is_foretold_and_less_surely(world) -> None:
    kept = world.take(np.flatnonzero(world.targets != "fra"))
    gone = world.take(np.flatnonzero((world.targets == "fra") & (world.own() == 0)))
    made = fit_effective(kept).predict(gone)
    assert set(made.kind) == {"unseen"}
    assert np.isfinite(made.mean).all()
    inner = fit_effective(kept).predict(kept)
    assert made.sd.mean() > 2 * inner.sd.mean()
    # which mixtures are better is known although the level is a guess
    assert np.corrcoef(made.mean, gone.scores)[0, 1] > 0.9


def _without(world, target, own):
    """Cells that are learned from, and the target's with more examples of its own."""
    out = (world.targets == target) & (world.own() > own)
    return world.take(np.flatnonzero(~out)), world.take(np.flatnonzero(out))


@pytest.mark.parametrize("own", [0, 100])
def test_more_examples_than_a_target_ever_had(own) -> None:
    """Trees alone would leave the target where its scores were: at the low end of its curve."""
    train, test = _without(mixture_world(runs=80), "fra", own)
    made = fit_effective(train)
    assert made.boosted is not None
    predicted = made.predict(test)
    assert set(predicted.kind) == {"more" if own else "first"}
    assert abs(np.mean(logit(test.scores) - predicted.mean)) < 0.03
    assert abs(np.mean(logit(test.scores) - made.boosted.predict(test))) > 0.1


def test_what_is_known_of_what_is_asked() -> None:
    """A hand-worked table: A has scores with 0 and 50 of its own, B only without."""
    base = fit_effective(mixture_world(runs=8))
    languages, targets = ("A", "B", "S"), ["A", "A", "B"]
    amounts = np.array([[0.0, 0, 9], [50, 0, 9], [0, 0, 9]])
    known = Mixtures(languages, amounts, np.arange(3), np.array(targets), np.full(3, 0.5))
    model = replace(base, mixtures=known, targets=["A", "B"])
    asked = {"A": (0, 20, 50, 51), "B": (0, 1), "C": (0, 1)}
    cells = [(target, n) for target, some in asked.items() for n in some]
    names = ("A", "B", "C", "S")
    wanted = np.array([[n if t == name else 9 * (name == "S") for name in names] for t, n in cells])
    kinds = model.kinds(
        Mixtures(
            names,
            wanted.astype(float),
            np.arange(len(cells)),
            np.array([t for t, _ in cells]),
            np.full(len(cells), np.nan),
        )
    )
    told = ["seen", "seen", "seen", "more", "seen", "first", "unseen", "unseen_first"]
    assert kinds.tolist() == told
    assert set(told) == set(KINDS)


def test_a_language_nobody_knows_gets_a_prediction(model, world) -> None:
    cell = world.take(np.array([0]))
    odd = Mixtures(("qqq",), np.array([[50.0]]), cell.runs, np.array(["zzz"]), np.array([np.nan]))
    assert 0 < model.predict(odd).score[0] < 1


def test_many_runs_grow_trees_too() -> None:
    world = mixture_world(runs=80)
    train, test = _split(world)
    made = fit_effective(train)
    assert made.boosted is not None
    assert set(made.relevance) == set(SOURCES)
    assert all(made.relevance[name].max() == 1 for name in SOURCES)
    alone = fit_effective(train, like=made, trees=False)
    for each in (made, alone):
        assert np.abs(each.predict(test).score - test.scores).mean() < 0.02


def test_levels_that_follow_the_trend_are_found() -> None:
    names = [*SOURCES, "ita", "kor", "swa", "vie"]
    levels = 2.0 + _traits(names, SOURCES) @ np.array(PRIOR_SLOPES)
    mean, sd = krige(names[:-2], levels[:-2], names[-2:], SOURCES)
    assert mean == pytest.approx(levels[-2:], abs=0.05)
    assert (sd < 0.2).all()


def test_likeness_is_a_similarity() -> None:
    near = likeness(SOURCES)
    assert np.allclose(np.diag(near), 1)
    assert np.allclose(near, near.T)
    assert near[SOURCES.index("spa"), SOURCES.index("fra")] > near[0, SOURCES.index("fra")]


@given(arrays.arrays(float, st.integers(1, 40), elements=st.floats(0, 10)), st.floats(0.01, 0.99))
def test_equal_weights_are_hazens_quantile(values, level) -> None:
    theirs = np.quantile(values, level, method="hazen")
    assert weighted_quantile(values, np.ones(len(values)), level) == pytest.approx(theirs)


def test_intervals_cover_what_they_say(world) -> None:
    train, test = _split(world)
    calibration = calibrate(fit_effective(train))
    predicted = fit_effective(train).predict(test)
    for level in (0.5, 0.8):
        low, high = calibration.interval(predicted, level)
        inside = ((low <= test.scores) & (test.scores <= high)).mean()
        assert abs(inside - level) < 0.15
    assert set(calibration.errors["kind"]) == set(KINDS)
    with pytest.raises(DataError, match=r"1\.5"):
        calibration.factors("seen", np.zeros(1), 1.5)


def test_a_target_s_first_examples_get_intervals_of_their_own(world) -> None:
    """Held out as they are asked about, they are covered, and surest where most is known."""
    model = fit_effective(world)
    calibration = calibrate(model)
    held = calibration.held_out()
    for kind, part in held.groupby("kind"):
        assert 0.6 < part["inside"].mean() < 0.95, kind
    width = (held["high"] - held["low"]).groupby(held["kind"]).mean()
    assert max(width["seen"], width["first"], width["more"]) < 0.5 * width["unseen_first"]
    only = replace(calibration, errors=calibration.errors.query("kind == 'seen'"))
    instead = only.factors("more", np.zeros(1))
    assert instead == only.factors("seen", np.zeros(1))
    with pytest.raises(DataError, match="for the first examples of a target without scores"):
        only.factors("unseen_first", np.zeros(1))


def test_validation_holds_out_runs_and_languages(world) -> None:
    result = validate_mixtures(world, folds=3)
    table = result.summary.set_index("kind")
    assert table.loc["seen", "mae"] < 0.3 * table.loc["seen", "baseline"]
    held = result.predictions
    assert (held["low"] <= held["predicted"]).all()
    assert "coverage" in str(result)
    assert (table["interval_score"] >= table["width"]).all()
    with pytest.raises(DataError, match="too few"):
        validate_mixtures(world, folds=60)


DATA = Path(os.environ.get("CROSSLINGUAL_DATA", "")) / "published" / "sumeval" / "train"


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the SUMEval files")
@pytest.mark.parametrize(
    ("name", "bound"), [("XNLI_XLMR", 0.0034), ("TyDiQA_XLMR_ID", 0.03), ("TyDiQA_XLMR_OOD", 0.03)]
)
def test_sumeval_runs_are_foretold(name, bound) -> None:
    """Held-out runs, below the language mean and below what LITMUS gets on the test files."""
    result = validate_mixtures(read_sumeval(DATA / f"{name}.json"))
    table = result.summary.set_index("kind")
    assert table.loc["seen", "mae"] < min(bound, table.loc["seen", "baseline"])
    assert table.loc["unseen", "mae"] < table.loc["unseen", "baseline"]
