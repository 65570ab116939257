"""Intervals: what they owe to errors on held-out cells, and to the score that is predicted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from crosslingual.conformal import Calibration
from crosslingual.effective import Predicted
from crosslingual.errors import DataError
from crosslingual.exchange import logistic, logit
from crosslingual.mixture_validation import coverage_by_level, interval_score
from crosslingual.tilt import fit_tilt


def _errors(slope: float, targets: int = 12, cells: int = 100, seed: int = 0) -> pd.DataFrame:
    """Cells whose errors (log odds) shrink or grow with the prediction, by a known law."""
    random = np.random.default_rng(seed)
    mean = random.normal(-1, 1, targets * cells)
    off = random.normal(0, 0.3, len(mean)) * np.exp(slope * (mean + 1))
    return pd.DataFrame(
        {
            "kind": "seen",
            "target": np.repeat([f"t{i:02d}" for i in range(targets)], cells),
            "score": logistic(mean + off),
            "predicted": logistic(mean),
            "mean": mean,
            "sd": 0.3,
            "ratio": np.abs(off) / 0.3,
        }
    )


def _asked(mean: np.ndarray) -> Predicted:
    nothing = np.zeros(len(mean))
    sd, kind = np.full(len(mean), 0.3), np.full(len(mean), "seen")
    return Predicted(mean, sd, nothing, nothing, nothing, kind)


def test_the_tilt_is_statsmodels_gamma_regression() -> None:
    """With many targets the prior says nothing any more; weights make targets count the same."""
    errors = _errors(-0.4, targets=400, cells=4)
    errors = errors[~((errors["target"] < "t20") & (errors.index % 4 > 1))]  # unequal targets
    counts = errors.groupby("target")["mean"].transform("size")
    theirs = sm.GLM(
        errors["ratio"],
        sm.add_constant(errors["mean"]),
        family=sm.families.Gamma(sm.families.links.Log()),
        var_weights=1 / counts,
    ).fit()
    assert fit_tilt(errors).slope == pytest.approx(theirs.params["mean"], abs=0.005)


def test_few_targets_draw_the_slope_to_nothing() -> None:
    slopes = [fit_tilt(_errors(-0.4, targets, 3000 // targets)).slope for targets in (3, 30)]
    assert -0.4 < slopes[0] < 0
    assert abs(slopes[0]) < abs(slopes[1])


def test_one_prediction_throughout_has_no_tilt() -> None:
    tilt = fit_tilt(_errors(0).assign(mean=-1.0))
    assert tilt.slope == 0
    assert tilt.at(np.array([-3.0, 2.0])).tolist() == [1, 1]


def test_nothing_changes_beyond_what_was_seen() -> None:
    tilt = fit_tilt(_errors(-0.4))
    assert tilt.at(np.array([tilt.high, 99])).tolist() == [tilt.at(np.array([tilt.high]))[0]] * 2


def test_coverage_is_even_once_the_level_counts() -> None:
    table = coverage_by_level(Calibration(_errors(-0.5, targets=60, cells=20)))
    plain, told = (table[table["by_level"] == way] for way in (False, True))
    assert np.ptp(plain["coverage"]) > 0.25
    assert np.ptp(told["coverage"]) < 0.08
    for part in (plain, told):
        assert np.average(part["coverage"], weights=part["cells"]) == pytest.approx(0.8, abs=0.02)
    assert told["interval_score"].mean() < plain["interval_score"].mean()
    assert told["predicted"].is_monotonic_increasing
    assert table["cells"].eq(300).all()


def test_even_errors_are_left_as_they_are() -> None:
    errors = _errors(0)
    asked = _asked(np.linspace(-3, 1, 9))
    told = Calibration(errors).interval(asked)
    plain = Calibration(errors, by_level=False).interval(asked)
    assert np.allclose(told, plain, atol=0.015)


def test_a_target_s_own_errors_do_not_make_its_interval() -> None:
    errors = _errors(-0.3, targets=8, cells=30)
    mine = errors["target"] == "t03"
    worse = errors.assign(ratio=errors["ratio"].where(~mine, 50.0))
    before, after = (
        Calibration(each).held_out().query("target == 't03'")[["low", "high"]]
        for each in (errors, worse)
    )
    pd.testing.assert_frame_equal(before, after)


def test_an_interval_that_reaches_the_edge_has_the_end() -> None:
    """Errors are counted on scores kept within the edge: a score of 0 is no miss there."""
    errors = _errors(0).assign(score=0.0, predicted=logistic(np.array(-5.5)), mean=-5.5)
    errors["ratio"] = np.abs(logit(errors["score"].to_numpy()) + 5.5) / 0.3
    low, high = Calibration(errors).interval(_asked(np.array([-5.5, 0.0])))
    assert low[0] == 0
    assert 0 < high[0] < 0.02
    assert 0 < low[1] < high[1] < 1
    assert Calibration(errors).held_out()["inside"].all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 0.95))
def test_the_interval_score_is_two_quantile_losses(middle, half, level) -> None:
    """Gneiting and Raftery 2007: the pinball losses of both ends, times 2 / (1 - level)."""
    scores = np.linspace(-0.5, 1.5, 21)
    low, high, tail = middle - half, middle + half, (1 - level) / 2

    def pinball(end, share):
        return np.maximum(share * (scores - end), (share - 1) * (scores - end))

    losses = (pinball(low, tail) + pinball(high, 1 - tail)) / tail
    made = interval_score(scores, np.full(21, low), np.full(21, high), level)
    assert np.allclose(made, losses)


def test_what_is_not_known_is_refused_by_name() -> None:
    calibration = Calibration(_errors(0))
    with pytest.raises(DataError, match="two targets"):
        Calibration(_errors(0, targets=1)).held_out()
    with pytest.raises(
        DataError, match="intervals for no example of a target without scores cannot"
    ):
        calibration.interval(replace(_asked(np.zeros(1)), kind=np.array(["unseen"])))
