"""Ranking sources: a known world, sums of reasons, chances, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from crosslingual.chances import interval_reach
from crosslingual.errors import DataError, UnknownLanguageError
from crosslingual.languages import language_table
from crosslingual.sources import held_out_errors, rank_sources

LANGUAGES = ("ara", "deu", "eng", "spa", "fin", "ita", "kor", "rus", "ukr", "zho", "fra", "tur")


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    """Two features of made-up likeness, for one language more than has scores."""
    random = np.random.default_rng(0)
    names = [*LANGUAGES, "swa"]
    place = dict(zip(names, random.normal(size=(len(names), 2)), strict=True))
    rows = [
        {"source": s, "target": t, "syntax": abs(place[s][0] - place[t][0]),
         "same_script": float(place[s][1] * place[t][1] > 0)}
        for s in names for t in names
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def scores(features) -> pd.DataFrame:
    """score = level(target) - 0.1 syntax + 0.05 same script + quality(source) + noise."""
    random = np.random.default_rng(1)
    table = features[features["target"] != "swa"]
    table = table[(table["source"] != "swa") & (table["source"] != table["target"])]
    levels = dict(zip(LANGUAGES, random.uniform(0.4, 0.6, len(LANGUAGES)), strict=True))
    quality = dict(zip(LANGUAGES, random.normal(0, 0.03, len(LANGUAGES)), strict=True))
    score = (
        table["target"].map(levels) - 0.1 * table["syntax"] + 0.05 * table["same_script"]
        + table["source"].map(quality) + random.normal(0, 0.005, len(table))
    )  # fmt: skip
    made = table[["source", "target"]].assign(score=score, task="t")
    made.attrs["quality"] = quality
    return made


def test_the_best_source_of_an_unseen_target_is_found(scores, features) -> None:
    made = rank_sources(scores, "Swahili", features=features)
    pairs = features[(features["target"] == "swa") & (features["source"] != "swa")]
    pairs = pairs.set_index("source").loc[made.table["source"]]
    truth = -0.1 * pairs["syntax"] + 0.05 * pairs["same_script"]
    truth += pd.Series(
        made.table.set_index("source").index.map(scores.attrs["quality"]), pairs.index
    )
    assert np.corrcoef(truth, made.table["predicted"])[0, 1] > 0.9
    assert made.table["measured"].isna().all()
    assert made.target == "swa"


def test_reasons_sum_and_chances_are_chances(scores, features) -> None:
    for target in ("swa", "deu"):
        made = rank_sources(scores, target, features=features)
        sums = made.reasons.sum(axis=1).loc[made.table["source"]].to_numpy()
        assert np.allclose(np.clip(sums, 0, 1), made.table["predicted"])
        assert made.table["p_best"].sum() == pytest.approx(1)
        assert made.regret >= 0
        assert (made.table["low"] <= made.table["high"]).all()
        assert made.table["rank"].tolist() == list(range(1, len(made.table) + 1))
        assert "is best with a chance" in str(made)
        known = target == "deu"
        assert ("Where a score is measured, the interval (80%)" in str(made)) == known
        assert ("ntervals hold 80%" in str(made)) != known


def test_known_scores_are_used_with_the_noise_of_their_test(scores, features) -> None:
    made = rank_sources(scores, "deu", features=features)
    known = scores[scores["target"] == "deu"].set_index("source")["score"]
    assert made.table["source"].iloc[0] == known.idxmax()
    assert made.table["p_best"].iloc[0] == 1  # nothing is said of the size of the test
    assert np.allclose(made.table["low"], made.table["high"])
    assert "is not told" in made.notes[-1]
    part = rank_sources(scores[scores["source"] != "eng"], "deu", features=features,
                        sources=["en", *scores["source"].unique()])  # fmt: skip
    assert "Other intervals hold 80%" in str(part)
    small = rank_sources(scores.assign(n_test=50), "deu", features=features)
    assert small.table["p_best"].iloc[0] < 0.9
    deviation = np.sqrt(known.max() * (1 - known.max()) / 50)
    reach = small.table["high"].iloc[0] - small.table["measured"].iloc[0]
    assert reach == pytest.approx(1.2816 * deviation, rel=1e-3)


def test_seeds_share_a_test_set_and_have_noise_of_their_own(scores, features) -> None:
    """Three runs on the same 50 examples are not 150 examples; worked by hand."""
    again = pd.concat([scores.assign(seed=k, n_test=50) for k in range(3)])
    made = rank_sources(again, "deu", features=features).table
    once = rank_sources(scores.assign(n_test=50), "deu", features=features).table
    pd.testing.assert_frame_equal(made, once)
    apart = again.assign(score=again["score"] + 0.03 * (again["seed"] - 1))
    made = rank_sources(apart.drop(columns="n_test"), "deu", features=features).table
    reach = (made["high"] - made["measured"]).iloc[0]
    assert reach == pytest.approx(1.2816 * 0.03 / 3**0.5, rel=1e-3)
    percent = rank_sources(apart.assign(score=100 * apart["score"]), "deu", features=features)
    few = rank_sources(
        pd.concat([apart, apart.assign(shots=9, score=0.9)]).fillna({"shots": 0}),
        "deu", features=features,
    )  # fmt: skip
    pd.testing.assert_frame_equal(percent.table, few.table)


def test_errors_that_are_told_count_instead_of_the_tests_size(scores, features) -> None:
    """Where one is missing the size of the test set is all there is; in percent as in fractions."""
    told = scores.assign(n_test=50, se=0.02)
    made = rank_sources(told, "deu", features=features).table
    assert (made["high"] - made["measured"]).iloc[0] == pytest.approx(1.2816 * 0.02, rel=1e-3)
    partly = told.assign(se=told["se"].where(told["source"] != made["source"].iloc[0]))
    row = rank_sources(partly, "deu", features=features).table.iloc[0]
    by_size = np.sqrt(row["measured"] * (1 - row["measured"]) / 50)
    assert row["high"] - row["measured"] == pytest.approx(1.2816 * by_size, rel=1e-3)
    percent = told.assign(score=100 * told["score"], se=2.0)
    pd.testing.assert_frame_equal(rank_sources(percent, "deu", features=features).table, made)


def test_intervals_cover_held_out_targets(scores, features) -> None:
    errors = held_out_errors(scores, features, ["syntax", "same_script"])
    inside = []
    for target, part in errors.groupby("target"):
        reach = interval_reach(errors[errors["target"] != target], 0.8)
        inside.append(((part["score"] - part["predicted"]).abs() <= reach).mean())
    assert 0.6 < np.mean(inside) < 0.95


def test_features_are_computed_where_none_are_given(scores) -> None:
    made = rank_sources(scores, "uk")
    assert {"level", "syntax", "elsewhere", "own scores"} <= set(made.reasons)
    assert set(made.table["name"]) <= set(language_table()["name"])


def test_what_cannot_be_ranked_is_named(scores, features) -> None:
    with pytest.raises(UnknownLanguageError):
        rank_sources(scores, "Swahilli", features=features)
    with pytest.raises(DataError, match="no task 'u'"):
        rank_sources(scores, "sw", "u", features)
    with pytest.raises(DataError, match="several tasks"):
        rank_sources(pd.concat([scores, scores.assign(task="u")]), "sw", features=features)
    few = scores[scores["target"].isin(["deu", "eng", "spa"])]
    with pytest.raises(DataError, match="at least 6"):
        rank_sources(few, "sw", features=features)
    with pytest.raises(DataError, match="two are needed"):
        rank_sources(scores, "sw", features=features, sources=["de"])
    with pytest.raises(DataError, match="no pairs into hin"):
        rank_sources(scores, "hi", features=features)
    with pytest.raises(DataError, match="between 0 and 1"):
        rank_sources(scores, "sw", features=features, interval=80)
