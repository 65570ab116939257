"""What enters a regression: scales, duplicates, collinearity, fixed effects."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.outliers_influence import variance_inflation_factor

from crosslingual import DEFAULT_LANGUAGES, pair_features
from crosslingual.errors import DataError
from crosslingual.model_matrix import design
from crosslingual.regression import fit
from crosslingual.responses import as_fractions


@pytest.fixture(scope="module")
def features():
    return pair_features(DEFAULT_LANGUAGES)


@pytest.fixture(scope="module")
def scores(features):
    random = np.random.default_rng(0)
    part = features[["source", "target"]].copy()
    rows = []
    for task in ("s", "t"):
        for seed in (0, 1):
            noise = 0.05 * random.normal(size=len(part))
            value = (0.6 - 0.5 * features["syntax"] + noise).clip(0, 1)
            rows.append(part.assign(task=task, seed=seed, shots=0, score=value))
    return pd.concat(rows, ignore_index=True)


TERMS = ["syntax", "genealogy", "same_script"]


def test_one_row_a_cell_and_what_was_left_out(scores, features) -> None:
    made = design(scores, features, TERMS)
    assert len(made.rows) == 180
    assert made.dropped["in-language"] == 20
    assert set(made.rows["seeds"]) == {2}
    np.testing.assert_allclose(made.x.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(made.x.std(0), 1)
    # more alike = larger: the turned distance goes with the score
    assert np.corrcoef(made.x[:, 0], made.y)[0, 1] > 0
    assert "20 in-language" in str(made)


def test_vif_is_statsmodels(scores, features) -> None:
    made = design(scores, features, TERMS, task="s")
    matrix = sm.add_constant(made.x)
    expected = [variance_inflation_factor(matrix, i) for i in (1, 2, 3)]
    np.testing.assert_allclose(made.collinearity()["vif"], expected)


def test_noise_ceiling_is_the_reliability_of_the_mean(features) -> None:
    """Oracle: simulated signal and noise of known variances."""
    random = np.random.default_rng(1)
    part = features[["source", "target"]].assign(task="t")
    signal = 0.5 + 0.1 * random.normal(size=len(part))
    rows = [
        part.assign(seed=k, score=signal + 0.1 * random.normal(size=len(part))) for k in range(5)
    ]
    made = design(pd.concat(rows), features, ["syntax"])
    assert made.ceiling == pytest.approx(0.01 / (0.01 + 0.01 / 5), abs=0.05)


def test_fixed_effects_are_those_of_statsmodels_formula(scores, features) -> None:
    import statsmodels.formula.api as smf

    made = design(scores, features, TERMS, fixed="both", task="s")
    expected = smf.ols(
        "response ~ syntax + genealogy + same_script + C(source) + C(target)", made.rows
    ).fit()
    got = fit(made).fit
    for term in TERMS:
        assert got.params[term] == pytest.approx(expected.params[term])
        assert got.bse[term] == pytest.approx(expected.bse[term])


def test_within_is_the_same_regression(scores, features) -> None:
    """Frisch, Waugh and Lovell."""
    made = design(scores, features, TERMS, fixed="target")
    x, y = made.within()
    slopes = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(slopes, fit(made).fit.params[TERMS], atol=1e-10)


def test_interactions_are_the_tasks_own_slopes(scores, features) -> None:
    both = design(scores, features, ["syntax", "genealogy"], interactions=True)
    assert both.terms == ("syntax[s]", "genealogy[s]", "syntax[t]", "genealogy[t]")
    alone = fit(design(scores, features, ["syntax", "genealogy"], task="t")).fit.params
    got = fit(both).fit.params
    assert got["syntax[t]"] == pytest.approx(alone["syntax"])


def test_responses(scores, features) -> None:
    logit = design(scores, features, TERMS, "logit").rows
    raw = design(scores, features, TERMS).rows
    assert (np.argsort(logit["response"]) == np.argsort(raw["response"])).mean() > 0.99
    assert np.isfinite(logit["response"]).all()
    ratio = design(scores, features, TERMS, "ratio").rows
    home = scores[scores["source"] == scores["target"]].groupby(["task", "target"])["score"].mean()
    row = ratio.iloc[7]
    assert row["response"] == pytest.approx(row["score"] / home[(row["task"], row["target"])])
    lacking = scores[(scores["source"] != scores["target"]) | (scores["target"] != "deu")]
    made = design(lacking, features, TERMS, "ratio")
    assert made.dropped["without an in-language score"] == 18


@given(st.floats(0.02, 1.0), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_percentages_and_fractions_are_one_scale(largest: float, seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, largest, size=60)
    table = pd.DataFrame({"task": "t", "source": "deu", "target": "eng", "score": values})
    same, notes = as_fractions(table)
    np.testing.assert_allclose(same["score"], values)
    assert not notes
    values = np.append(np.random.default_rng(seed).uniform(20, 100, size=60), [0.0])
    table = pd.DataFrame({"task": "t", "source": "deu", "target": "eng", "score": values})
    scaled, notes = as_fractions(table)
    np.testing.assert_allclose(scaled["score"], values / 100)
    assert "percent" in notes[0]


def test_what_no_design_can_be_made_of(scores, features) -> None:
    def refused(part: str, s=scores, f=features, terms=TERMS, **options) -> None:
        with pytest.raises(DataError, match=part):
            design(s, f, terms, **options)

    refused("unknown choice 'log'", response="log")
    refused("unknown choice 'all'", fixed="all")
    refused("no task 'u'", task="u")
    refused("semantics", terms=["semantics"])
    refused("there twice", pd.concat([scores, scores.head(1)]))
    refused("mixed", scores.assign(score=np.where(scores.index < 100, 1, 100) * scores["score"]))
    one = scores["score"].copy()
    one.iloc[3] = np.inf
    refused("score of s", scores.assign(score=one))
    refused("Allowed: fractions", scores.assign(score=-0.1))
    refused("response is 0.5", scores.assign(score=0.5))
    refused("same for every pair", f=features.assign(syntax=0.3))
    refused("infinite", f=features.assign(syntax=features["syntax"] / 0.0 + np.inf))
    refused(
        "combination of syntax", f=features.assign(copy=-2 * features["syntax"] + 1),
        terms=["syntax", "copy"],
    )  # fmt: skip
    three = scores["source"].isin(["deu", "eng", "fin"]) & scores["target"].isin(
        ["deu", "eng", "fin"]
    )
    refused("languages are too few", scores[three], terms=["syntax"])
    german = scores[scores["source"] == "deu"]
    refused("cannot be told from the fixed effects", german, terms=["syntax"], fixed="target")
    refused("fixed effects", terms=["log_tokens_source"], fixed="source")
    refused("several models", pd.concat([scores.assign(model="a"), scores.assign(model="b")]))


def test_collinearity_is_told(scores, features) -> None:
    random = np.random.default_rng(0)
    near = features.assign(copy=-features["syntax"] + 0.01 * random.normal(size=len(features)))
    made = design(scores, near, ["syntax", "copy"])
    text = str(made)
    assert "hardly to be told apart" in text
    assert "variance inflation" in text


def test_one_source_is_enough_for_a_design(scores, features) -> None:
    """One source: nine pairs, ten languages."""
    made = design(scores[scores["source"] == "deu"], features, ["syntax"], task="s")
    assert len(made.rows) == 9
    assert np.isfinite(fit(made).tidy("HC3")["std_error"]).all()


def test_missing_features_are_counted(scores, features) -> None:
    gaps = features.copy()
    gaps.loc[gaps["source"] == "fin", "syntax"] = np.nan
    assert design(scores, gaps, TERMS).dropped["without features"] == 18


def test_shots_are_a_term(scores, features) -> None:
    few = scores.assign(shots=10, score=(scores["score"] + 0.2).clip(0, 1))
    made = design(pd.concat([scores, few]), features, ["syntax", "log_shots"], shots=None)
    assert len(made.rows) == 360
    assert fit(made).fit.params["log_shots"] == pytest.approx(0.1, abs=0.01)  # half of 0.2


def test_small_percentages_are_no_fractions() -> None:
    """BLEU runs from under 1 to 40 without a gap; fractions beside percentages leave one."""
    from crosslingual.responses import as_fractions

    bleu = np.concatenate([np.linspace(0.1, 0.9, 20), np.linspace(1.1, 40, 80)])
    table = pd.DataFrame({"task": "mt", "source": "deu", "target": "eng", "score": bleu})
    assert as_fractions(table)[0]["score"].max() == pytest.approx(0.4)
    mixed = table.assign(score=np.where(np.arange(100) < 50, 0.6, 70.0))
    with pytest.raises(DataError, match="mixed"):
        as_fractions(mixed)
    mixed.loc[0, "score"] = 8.0
    with pytest.raises(DataError, match="mixed"):
        as_fractions(mixed)
