import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress

from crosslingual import DEFAULT_LANGUAGES, pair_features, regress
from crosslingual.errors import DataError
from crosslingual.feature_tables import read_features


@pytest.fixture(scope="module")
def features():
    return pair_features(DEFAULT_LANGUAGES)


def _scores(features: pd.DataFrame, tasks: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = []
    for task in range(tasks):
        part = features[["source", "target"]].copy()
        part["task"] = f"t{task}"
        part["score"] = (
            0.6 - 0.5 * features["syntax"] + 0.1 * task + 0.02 * random.normal(size=len(part))
        )
        rows.append(part.assign(shots=0, seed=0, model="m"))
    return pd.concat(rows, ignore_index=True)


def test_one_feature_is_scipys_regression(features) -> None:
    scores = _scores(features, tasks=1)
    (fit,) = regress(scores, features, ["syntax"])
    off = features["source"] != features["target"]
    x = -features.loc[off, "syntax"]
    expected = linregress((x - x.mean()) / x.std(ddof=0), scores.loc[off, "score"])
    row = fit.tidy("classical").set_index("term").loc["syntax"]
    assert row["estimate"] == pytest.approx(expected.slope)
    assert row["std_error"] == pytest.approx(expected.stderr)
    assert row["p"] == pytest.approx(expected.pvalue, abs=1e-12)
    assert fit.fit.nobs == 90
    assert row["estimate"] > 0  # a distance that hurts is a similarity that helps


def test_pooled_fit_is_least_squares_with_an_intercept_a_task(features) -> None:
    scores = _scores(features)
    fits = regress(scores, features, ["syntax", "genealogy"])
    assert [f.name for f in fits] == ["pooled", "t0", "t1"]
    merged = scores.merge(features, on=["source", "target"])
    rows = merged[merged["source"] != merged["target"]]
    x = -rows[["syntax", "genealogy"]]
    x = (x - x.mean()) / x.std(ddof=0)
    levels = np.column_stack([rows["task"] == "t0", rows["task"] == "t1"]).astype(float)
    expected = np.linalg.lstsq(np.column_stack([levels, x]), rows["score"], rcond=None)[0]
    np.testing.assert_allclose(fits[0].fit.params.to_numpy(), expected, atol=1e-10)
    assert {k: v for k, v in fits[0].design.dropped.items() if v} == {"in-language": 20}


def test_standard_errors_by_name(features) -> None:
    fit = regress(_scores(features), features, ["syntax", "genealogy"])[0]
    classical = fit.tidy("classical")
    np.testing.assert_allclose(classical["std_error"], fit.fit.bse)
    np.testing.assert_allclose(classical["low"], fit.fit.conf_int()[0])
    robust = fit.fit.get_robustcov_results("cluster", groups=fit.design.rows["source"])
    np.testing.assert_allclose(fit.tidy("source")["std_error"], robust.bse)
    dyadic = fit.tidy("dyadic")
    assert (dyadic["df"] == 9).all()
    np.testing.assert_allclose(dyadic["estimate"], classical["estimate"])


def test_seeds_are_averaged_first(features) -> None:
    one = _scores(features, tasks=1)
    two = pd.concat(
        [
            one.assign(score=one["score"] - 0.1, seed=0),
            one.assign(score=one["score"] + 0.1, seed=1),
        ]
    )
    a, b = (regress(s, features, ["syntax"])[0].fit.params for s in (one, two))
    np.testing.assert_allclose(a, b)


def test_it_prints_itself(features) -> None:
    text = str(regress(_scores(features), features, ["syntax"])[0])
    assert "leave out one language" in text
    assert "20 in-language" in text
    assert "180 pairs" in text


def test_what_cannot_be_fitted(features) -> None:
    scores = _scores(features, 1)
    with pytest.raises(DataError, match="semantics"):
        regress(scores, features, ["semantics"])
    with pytest.raises(DataError, match="same for every pair"):
        regress(scores, features.assign(syntax=0.5), ["syntax"])
    with pytest.raises(DataError, match="too few"):
        regress(scores[scores["source"].isin(["deu"])].head(4), features, ["syntax", "genealogy"])
    with pytest.raises(DataError, match="several models"):
        regress(pd.concat([scores, scores.assign(model="n")]), features, ["syntax"])
    with pytest.raises(DataError, match="more than once"):
        regress(scores, pd.concat([features, features]), ["syntax"])
    with pytest.raises(DataError, match="other languages"):
        regress(scores[scores["source"] == "deu"].assign(source="xho"), features, ["syntax"])


def test_features_file(tmp_path, features) -> None:
    path = tmp_path / "pairs.csv"
    features.head(3).assign(source="German").to_csv(path, index=False)
    assert set(read_features(path)["source"]) == {"deu"}
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="source and target"):
        read_features(path)
    with pytest.raises(DataError, match="cannot be read"):
        read_features(tmp_path / "none.csv")
