"""Crossed random effects against lme4's printed output."""

import numpy as np
import pandas as pd
import pytest
from data_penicillin import DIAMETERS

from crosslingual import DEFAULT_LANGUAGES, pair_features
from crosslingual.errors import DataError
from crosslingual.mixed import crossed_effects, random_effects
from crosslingual.model_matrix import design


def test_penicillin_agrees_with_lme4() -> None:
    """Oracle: ``summary(lmer(diameter ~ 1 + (1|plate) + (1|sample), Penicillin))``.

    As printed by lme4 (REML criterion 330.9; plate 0.7169, sd 0.8467; sample 3.7311;
    residual 0.3024; intercept 22.9722, se 0.8086), for instance in
    https://rstudio-pubs-static.s3.amazonaws.com/764433_17c45a95d6364cf395699435b9109a2b.html
    """
    y = np.array(DIAMETERS.split(), dtype=float)
    groups = {
        "plate": np.repeat(np.arange(24), 6).astype(str),
        "sample": np.tile(list("ABCDEF"), 24),
    }
    fit = crossed_effects(y, pd.DataFrame({"const": np.ones(144)}), groups)
    assert fit.criterion == pytest.approx(330.9, abs=0.05)
    variance = fit.components.set_index("group")["variance"]
    assert variance["plate"] == pytest.approx(0.7169, abs=5e-4)
    assert variance["sample"] == pytest.approx(3.7311, abs=2e-3)
    assert variance["residual"] == pytest.approx(0.3024, abs=5e-4)
    row = fit.coefficients.iloc[0]
    assert row["estimate"] == pytest.approx(22.9722, abs=1e-4)
    assert row["std_error"] == pytest.approx(0.8086, abs=5e-4)
    assert fit.components["share"].sum() == pytest.approx(1)


def test_simulated_variances_are_found_and_printed() -> None:
    features = pair_features(DEFAULT_LANGUAGES)
    random = np.random.default_rng(0)
    part = features[["source", "target"]].assign(task="t")
    u = dict(zip(DEFAULT_LANGUAGES, 0.2 * random.normal(size=10), strict=True))
    v = dict(zip(DEFAULT_LANGUAGES, 0.02 * random.normal(size=10), strict=True))
    noise = 0.02 * random.normal(size=len(part))
    score = 0.5 + part["source"].map(u) * 0.3 + part["target"].map(v) + noise
    fit = random_effects(design(part.assign(score=score.clip(0, 1)), features, ["syntax"]))
    sd = fit.components.set_index("group")["sd"]
    assert sd["source"] > sd["target"]
    assert sd["residual"] == pytest.approx(0.02, abs=0.004)
    assert "crossed random effects" in str(fit)
    with pytest.raises(DataError, match="beside fixed"):
        random_effects(design(part.assign(score=score), features, ["syntax"], fixed="target"))


def test_too_few_levels() -> None:
    with pytest.raises(DataError, match="three levels, not 2"):
        crossed_effects(
            np.arange(4.0),
            pd.DataFrame({"const": np.ones(4)}),
            {"source": np.array(list("aabb")), "target": np.array(list("abab"))},
        )
