"""The claim and its power: simulated truths must be found, and doubt admitted."""

import numpy as np
import pandas as pd
import pytest

from crosslingual.claims import block_tests, claim, claim_by_task
from crosslingual.decomposition import importance, subset_r2
from crosslingual.errors import DataError
from crosslingual.model_matrix import design
from crosslingual.power_analysis import power


def _features(n: int, seed: int = 0) -> pd.DataFrame:
    """Distances of points: three independent grammars, one lexicon."""
    random = np.random.default_rng(seed)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    names = np.array([f"l{k:02d}" for k in range(n)])
    table = {"source": names[i], "target": names[j]}
    for feature in ("syntax", "morphology", "phonology", "levenshtein"):
        places = random.normal(size=(n, 2))
        table[feature] = np.linalg.norm(places[i] - places[j], axis=1)
    return pd.DataFrame(table)


def _scores(features: pd.DataFrame, grammar: float, words: float, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    names = sorted(set(features["source"]))
    u = dict(zip(names, 0.05 * random.normal(size=len(names)), strict=True))
    value = (
        0.5
        - grammar * (features["syntax"] + features["morphology"] + features["phonology"] - 5)
        + words * (features["levenshtein"] - 1.8)
        + features["target"].map(u)
        + 0.03 * random.normal(size=len(features))
    )
    return features[["source", "target"]].assign(task="t", score=value.clip(0, 1))


TERMS = ["syntax", "morphology", "phonology", "levenshtein"]


def test_a_true_claim_is_found() -> None:
    features = _features(25)
    made = design(_scores(features, grammar=0.06, words=0.0), features, TERMS)
    answer = claim(made, draws=200, permutations=500)
    assert "Yes, beyond words" in answer.verdict
    assert "Yes, their share is larger" in answer.verdict
    assert answer.difference[1] > 0
    assert answer.languages == 25


def test_a_false_claim_is_refused() -> None:
    features = _features(25)
    made = design(_scores(features, grammar=0.0, words=0.12), features, TERMS)
    answer = claim(made, draws=200, permutations=500)
    assert "Cannot tell with 25 languages whether grammar" in answer.verdict
    assert "No, the share of words is larger" in answer.verdict
    assert "share of R2" in str(answer)


def test_few_languages_cannot_tell() -> None:
    features = _features(8)
    made = design(_scores(features, grammar=0.002, words=0.002), features, TERMS)
    answer = claim(made, draws=200, permutations=300)
    assert "Cannot tell with 8 languages" in answer.verdict


def test_pure_noise_explains_what_chance_does() -> None:
    """Partial R2 of a block beside its mean over permutations, over ten worlds."""
    excess = []
    for seed in range(10):
        features = _features(10, seed)
        made = design(_scores(features, 0, 0, seed + 1000), features, TERMS)
        excess.append(claim(made, draws=100, permutations=200).blocks["excess"].to_numpy())
    assert abs(np.mean(excess)) < 0.03


def test_blocks_are_what_they_add_to_intercepts_of_languages() -> None:
    """Partial R2 by two least-squares fits; a target's difficulty and a true block apart."""
    features = _features(12)
    made = design(_scores(features, grammar=0.06, words=0.0), features, TERMS, fixed="both")
    found = block_tests(made, permutations=400).set_index("block")
    rest = np.column_stack([np.ones(len(made.y)), made.base()])

    def left(columns: list[str]) -> float:
        x = np.column_stack([rest, made.rows[columns]])
        return float(np.square(made.y - x @ np.linalg.lstsq(x, made.y)[0]).sum())

    for block, others in (("linguistic", TERMS[3:]), ("lexical", TERMS[:3])):
        expected = 1 - left(TERMS) / left(others)
        assert found.loc[block, "partial_r2"] == pytest.approx(expected)
    assert found.loc["linguistic", "p"] < 0.01
    assert found.loc["lexical", "p"] > 0.05
    assert (found["excess"] == found["partial_r2"] - found["by_chance"]).all()


def test_tasks_are_tested_apart_and_those_that_cannot_be_are_named() -> None:
    features = _features(12)
    one = _scores(features, grammar=0.06, words=0.0)
    flat = one.assign(task="flat", score=0.2)
    found = claim_by_task(pd.concat([flat, one]), features, TERMS, permutations=100)
    alone = block_tests(design(one, features, TERMS, fixed="both"), permutations=100)
    pd.testing.assert_frame_equal(found.drop(columns=["task", "p_holm"]), alone, check_like=True)
    low, high = sorted(found["p"])  # Holm: twice the lower, and the higher not below that
    assert sorted(found["p_holm"]) == pytest.approx([min(2 * low, 1), max(min(2 * low, 1), high)])
    assert found["task"].unique().tolist() == ["t"]
    assert found.attrs["left_out"] == ["flat: the response is 0.2 in every row."]
    with pytest.raises(DataError, match="no task can be tested: flat"):
        claim_by_task(flat, features, TERMS)
    two = pd.concat([one, one.assign(task="u")])
    with pytest.raises(DataError, match=r"tested: unknown choice 'pair'. Allowed: [^;]*both.$"):
        claim_by_task(two, features, TERMS, fixed="pair")


def test_a_block_is_needed() -> None:
    features = _features(8)
    made = design(_scores(features, 0.05, 0), features, ["syntax", "morphology"])
    with pytest.raises(DataError, match="no lexical feature"):
        claim(made)


def test_weights_are_repeated_rows() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(30, 4)), random.normal(size=30)
    base = random.normal(size=(30, 2))
    counts = random.integers(0, 4, size=30)
    repeated = np.repeat(np.arange(30), counts)
    np.testing.assert_allclose(
        subset_r2(x, y, base, counts), subset_r2(x[repeated], y[repeated], base[repeated])
    )


def test_importance_has_intervals_that_hold_the_truth_together() -> None:
    features = _features(15)
    made = design(_scores(features, 0.05, 0.03), features, TERMS)
    table = importance(made, draws=200).set_index("term")
    assert table["share"].sum() == pytest.approx(1)
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()
    groups = importance(made, by_group=True, draws=0).set_index("term")
    assert list(groups.index) == ["linguistic", "lexical"]
    # the Owen value of two groups, by hand
    r2 = subset_r2(made.x, made.y, made.base().to_numpy())
    grammar, words, full = r2[0b0111], r2[0b1000], r2[0b1111]
    expected = (grammar + full - words) / 2
    assert groups.loc["linguistic", "importance"] == pytest.approx(expected)


def test_power_grows_and_its_size_is_right_where_that_of_ols_is_not() -> None:
    features = _features(30)
    options = {"sd_source": 0.03, "sd_target": 0.06, "sd_residual": 0.02, "permutations": 99}
    size = power(features, "syntax", 0.0, languages=[12], draws=150, **options)
    rejected = size.set_index("test")["rejected"]
    assert rejected["OLS"] > 0.25
    assert rejected["MRQAP"] < 0.11
    found = power(features, "syntax", 0.03, languages=[6, 24], draws=60, tests=["MRQAP"], **options)
    assert found["rejected"].iloc[1] > found["rejected"].iloc[0]
    assert found["rejected"].iloc[1] > 0.8
    with pytest.raises(DataError, match="from 5 to 30"):
        power(features, "syntax", 0.1, languages=[31], **options)
    with pytest.raises(DataError, match="no feature or test"):
        power(features, "semantics", 0.1, **options)
    with pytest.raises(DataError, match="must not be"):
        power(features, "syntax", 0.1, 0.1, 0.1, 0.0)
