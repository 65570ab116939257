"""Whole languages held out: nothing of them leaks, and what can be learned is."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosslingual import language_table
from crosslingual.cli import main
from crosslingual.errors import DataError, UnknownNameError
from crosslingual.prediction import make_predictor
from crosslingual.validation import leave_one_language_out, validate


def _world(n: int = 12, noise: float = 0.02, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    codes = list(language_table()["code"])[5 : 5 + n]
    codes[-1] = "eng"
    names = np.array(codes)
    places = random.normal(size=(n, 2))
    features = pd.DataFrame(
        {
            "source": names[i],
            "target": names[j],
            "syntax": np.linalg.norm(places[i] - places[j], axis=1),
            "genealogy": random.random(len(i)),
        }
    )
    hard = dict(zip(codes, 0.1 * random.normal(size=n), strict=True))
    value = 0.6 - 0.1 * features["syntax"] + features["target"].map(hard)
    value += noise * random.normal(size=len(i))
    return features[["source", "target"]].assign(task="t", score=value.clip(0, 1)), features


@given(st.integers(4, 9), st.sampled_from(["target", "source", "both"]), st.booleans())
@settings(max_examples=25, deadline=None)
def test_no_pair_of_a_held_out_language_is_learned_from(n: int, hold: str, grouped: bool) -> None:
    scores, _ = _world(n)
    seen = []
    for held, train, test in leave_one_language_out(scores, hold, 2 if grouped else None):
        learned = scores.iloc[train]
        assert not set(held) & (set(learned["source"]) | set(learned["target"]))
        judged = scores.iloc[test]
        touches = judged["source"].isin(held) if hold == "source" else judged["target"].isin(held)
        if hold == "both":
            touches |= judged["source"].isin(held)
        assert touches.all()
        seen += test.tolist()
    if hold != "both":
        assert sorted(seen) == list(range(len(scores)))  # every pair is judged once


def test_what_can_be_learned_is_and_baselines_stand_beside() -> None:
    scores, features = _world()
    result = validate(scores, features, learners=["linear", "boosted", "gp"], folds=4)
    table = result.summary.set_index("predictor")
    assert table.loc["linear", "ndcg3"] > 0.7
    assert table.loc["linear", "ndcg3"] > table.loc["nearest genealogy", "ndcg3"] + 0.2
    assert table.loc["linear", "rmse"] < table.loc["global mean", "rmse"]
    assert np.isnan(table.loc["nearest syntax", "rmse"])
    assert {"source mean", "always eng", "not centred", "gp"} <= set(table.index)
    assert (table["pairs"] == 132).all()
    gap = result.against("linear", "nearest genealogy")
    assert gap["low"].iloc[0] > 0
    assert "Held out" in str(result)
    with pytest.raises(DataError, match="no predictor 'best'"):
        result.against("linear", "best")
    with pytest.raises(DataError, match="no measure 'rmse'"):
        result.against("linear", "gp", measure="rmse")
    sources = validate(scores, features, learners=["linear"], hold="source", folds=4)
    with pytest.raises(DataError, match="no target has two sources"):
        sources.against("linear", "global mean")


def test_the_global_mean_is_the_mean_of_the_others() -> None:
    """Oracle by hand: RMSE of predicting each target by the mean of pairs without it."""
    scores, features = _world(6)
    result = validate(scores, features, learners=[])
    errors = []
    for name in sorted(set(scores["target"])):
        others = scores[(scores["source"] != name) & (scores["target"] != name)]
        errors += (scores.loc[scores["target"] == name, "score"] - others["score"].mean()).tolist()
    got = result.summary.set_index("predictor").loc["global mean", "rmse"]
    assert got == pytest.approx(np.sqrt(np.mean(np.square(errors))))


def test_other_roles() -> None:
    scores, features = _world(7)
    source = validate(scores, features, hold="source").summary
    assert "target mean" in set(source["predictor"])
    assert source["ndcg3"].isna().all()
    both = validate(scores, features, hold="both").summary
    assert {"source mean", "target mean"}.isdisjoint(both["predictor"])


def test_a_targets_own_difficulty_does_not_swamp_the_ranking() -> None:
    """Where targets differ far more than sources, centring is what finds the source."""
    scores, features = _world(14, noise=0.01)
    hard = pd.Series(np.linspace(-0.3, 0.25, 14), sorted(set(scores["target"])))
    scores["score"] = (scores["score"] + scores["target"].map(hard)).clip(0, 1)
    table = validate(scores, features).summary.set_index("predictor")
    assert table.loc["linear", "regret"] <= table.loc["not centred", "regret"] + 1e-9


def test_gaps_are_filled_and_said() -> None:
    scores, features = _world(6)
    features.loc[3, "syntax"] = np.nan
    result = validate(scores * 1, features)
    assert "syntax: 1 missing values" in " ".join(result.notes)


def test_console_prints_json(tmp_path, capsys) -> None:
    scores, features = _world(7)
    scores.assign(score=100 * scores["score"]).to_csv(tmp_path / "s.csv", index=False)
    features.to_csv(tmp_path / "f.csv", index=False)
    command = ["validate", "--scores", str(tmp_path / "s.csv"), "--features"]
    assert main([*command, str(tmp_path / "f.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"predictor", "rmse", "ndcg3", "regret", "hit1"} <= set(found["results"][0])
    assert "percent" in found["notes"][0]
    assert found["results"][1]["ndcg3"] is not None
    bad = [*command, str(tmp_path / "f.csv"), "--columns", "source"]
    assert main(bad) == 2
    assert "our=theirs" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "f.csv"), "--hold", "all"]) == 2


def test_columns_are_mapped(tmp_path, capsys) -> None:
    scores, features = _world(7)
    renamed = scores.rename(columns={"source": "lang_train", "target": "lang_pred"})
    renamed.to_csv(tmp_path / "s.csv", index=False)
    features.to_csv(tmp_path / "f.csv", index=False)
    command = ["validate", "--scores", str(tmp_path / "s.csv"), "--features"]
    columns = ["--columns", "source=lang_train,target=lang_pred"]
    assert main([*command, str(tmp_path / "f.csv"), *columns, "--json"]) == 0
    capsys.readouterr()
    assert main([*command, str(tmp_path / "f.csv"), "--columns", "source=train"]) == 2
    assert "no column 'train'" in capsys.readouterr().err


def test_what_cannot_be_validated() -> None:
    scores, features = _world(6)
    both = pd.concat([scores.assign(model="a"), scores.assign(model="b")])
    with pytest.raises(DataError, match="several models"):
        validate(both, features)
    with pytest.raises(DataError, match="other languages"):
        validate(scores, features.head(5).assign(source="xho"))
    with pytest.raises(DataError, match="no zero-shot score of two different"):
        validate(scores.assign(target=scores["source"]), features)
    with pytest.raises(DataError, match="rows are there twice"):
        validate(pd.concat([scores, scores]), features)
    with pytest.raises(DataError, match="folds must be"):
        validate(scores, features, folds=99)
    few = scores[
        scores["source"].isin(scores["source"].unique()[:2])
        & scores["target"].isin(scores["source"].unique()[:2])
    ]
    with pytest.raises(DataError, match="too few"):
        validate(few, features)
    with pytest.raises(DataError, match="infinite"):
        validate(scores, features.assign(syntax=np.inf), terms=["syntax"])
    with pytest.raises(UnknownNameError, match="tree"):
        make_predictor("tree", ["syntax"])


def test_one_source_cannot_be_ranked_but_foretold() -> None:
    scores, features = _world(8)
    one = scores[scores["source"] == scores["source"].iloc[0]]
    found = validate(one, features)
    assert found.folds.empty
    assert found.summary["rmse"].notna().any()
    assert found.summary["ndcg3"].isna().all()
    assert "nothing to rank" in str(found)
