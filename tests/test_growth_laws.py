"""Growth laws: truths are found, and each law knows its own curve."""

import numpy as np
import pandas as pd
import pytest

from crosslingual.comparisons import over_pairs
from crosslingual.errors import DataError, UnknownNameError
from crosslingual.growth_laws import growth
from crosslingual.growth_lines import growth_by_similarity
from crosslingual.laws import LAWS, fit_law

SHOTS = np.array([0, 5, 10, 25, 50, 100, 250])
TRUE = {
    "log": (0.2, 0.08),
    "power": (0.8, 0.5, 0.6),
    "michaelis-menten": (0.2, 0.5, 20.0),
    "logistic": (0.1, 0.7, 3.0, 0.6),
}


def _scores(law: str, pairs: int = 6, noise: float = 0.0, draws: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(0)
    codes = ["ara", "deu", "eng", "spa", "fin", "ita", "kor", "rus"]
    rows = []
    for k in range(pairs):
        for n in SHOTS:
            for seed in range(draws):
                value = LAWS[law].curve(np.array([float(n)]), *TRUE[law])[0]
                rows.append(
                    {
                        "task": "t",
                        "source": codes[k % 8],
                        "target": codes[(k + 1 + k // 8) % 8],
                        "shots": n,
                        "training": "sequential" if n else "source",
                        "seed": seed,
                        "score": float(np.clip(value + noise * random.normal(), 0, 1)),
                    }
                )
    return pd.DataFrame(rows)


@pytest.mark.parametrize("law", LAWS)
def test_a_law_finds_its_own_parameters(law: str) -> None:
    curve = LAWS[law].curve(SHOTS.astype(float), *TRUE[law])
    found, sse = fit_law(law, SHOTS.tolist(), curve.tolist())
    assert sse < 1e-6
    np.testing.assert_allclose(found, TRUE[law], rtol=0.1)


def test_the_log_law_is_polyfit() -> None:
    random = np.random.default_rng(0)
    y = random.random(7)
    slope, start = np.polyfit(np.log1p(SHOTS), y, 1)
    found, _ = fit_law("log", SHOTS.tolist(), y.tolist())
    np.testing.assert_allclose(found, (start, slope))


@pytest.mark.parametrize("law", ["log", "logistic", "michaelis-menten"])
def test_the_true_law_extrapolates_best(law: str) -> None:
    result = growth(_scores(law, noise=0.003))
    table = result.comparison.set_index("law")
    assert table.loc[law, "extrapolation"] <= table["extrapolation"].min() + 0.01
    other = "log" if law != "log" else "logistic"
    assert table.loc[law, "aicc"] < table.loc[other, "aicc"]
    assert "foretold best" in str(result)


def test_no_law_is_best_where_not_all_can_compete() -> None:
    """AICc of the logistic law needs seven points: of five, the log law would win unopposed."""
    scores = _scores("logistic", noise=0.003)
    fewer = scores[scores["shots"].isin([0, 10, 25, 50, 250]) & (scores["seed"] == 0)]
    table = growth(fewer).comparison.set_index("law")
    assert np.isfinite(table.loc["log", "aicc"])
    assert np.isnan(table.loc["logistic", "aicc"])
    assert table["best"].isna().all()
    assert growth(scores).comparison["best"].sum() == pytest.approx(1.0)


def test_every_task_and_training_has_its_own_comparison() -> None:
    """Two worlds with different laws: each is told by itself, as it would be alone."""
    one, two = _scores("log", noise=0.01), _scores("logistic", noise=0.01).assign(task="u")
    both = growth(pd.concat([one, two])).comparison
    for scores in (one, two):
        alone = growth(scores).comparison
        rows = both[both["task"] == scores["task"].iloc[0]].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone)
    foretold = both.loc[both.groupby("task")["extrapolation"].idxmin()].set_index("task")["law"]
    assert foretold["u"] == "logistic"
    assert str(growth(pd.concat([one, two]))).count("foretold best") == 2


def test_noise_is_what_draws_differ_by() -> None:
    """Two draws 0.01 above and below the right law: it misses them by that, and none by less."""
    scores = _scores("log", draws=2)
    scores["score"] += np.where(scores["seed"] == 0, 0.01, -0.01)
    table = growth(scores, ["log", "power"]).comparison.set_index("law")
    assert table["noise"].tolist() == pytest.approx([0.01, 0.01])
    assert table.loc["log", "rmse"] == pytest.approx(0.01)
    assert table.loc["power", "rmse"] > 0.01
    one = growth(scores[scores["seed"] == 0], ["log"]).comparison
    assert np.isnan(one["noise"].item())


def test_one_draw_hides_a_bend() -> None:
    """A logistic truth with noise: AICc finds it with three draws, and a line with one."""
    scores = _scores("logistic", pairs=8, noise=0.04)
    one, three = growth(scores[scores["seed"] == 0]), growth(scores)
    best = [grown.comparison.set_index("law")["best"] for grown in (one, three)]
    assert best[0]["logistic"] < 0.2 < 0.8 < best[1]["logistic"]
    assert ["One draw" in str(grown) for grown in (one, three)] == [True, False]


def test_laws_side_by_side() -> None:
    grown = growth(_scores("logistic", pairs=8, noise=0.01))
    table = grown.against("log").set_index("rival")
    assert set(table.index) == set(LAWS) - {"log"}
    mean = grown.comparison.set_index("law")["extrapolation"] ** 2
    for rival, row in table.iterrows():
        assert row["difference"] == pytest.approx(mean["log"] - mean[rival])
        assert row["low"] <= row["difference"] <= row["high"]
    assert table.loc["logistic", "low"] > 0  # the truth is surely better
    errors = grown.curves.set_index(["source", "target"])
    gap = errors[errors["law"] == "log"]["extrapolation"] ** 2
    gap -= errors[errors["law"] == "power"]["extrapolation"] ** 2
    found = table.loc["power", ["difference", "low", "high"]].tolist()
    assert found == pytest.approx(list(over_pairs(gap)))
    assert "surely better than" in " ".join(str(grown).split())
    unbeaten = table.index[table["high"] >= 0].tolist()
    assert grown.even_with("log", task="t", training="sequential") == unbeaten
    with pytest.raises(UnknownNameError, match="'line'"):
        grown.against("line")
    alone = growth(_scores("log"), laws=["log"])
    assert alone.against("log").empty
    assert "surely" not in str(alone)


def test_a_law_with_too_many_parameters_foretells_nothing() -> None:
    """Three numbers up to the split: the logistic law has four parameters, and is no rival."""
    grown = growth(_scores("log", pairs=8, noise=0.01), split=10)
    table = grown.against("log").set_index("rival")
    assert table["curves"].to_dict() == {"power": 8, "michaelis-menten": 8, "logistic": 0}
    assert table.loc["logistic", ["difference", "low", "high"]].isna().all()
    assert "logistic" not in grown.even_with("log")
    told = str(grown)
    assert "foretold best" in told
    assert "logistic" not in told.splitlines()[-1]
    only = growth(_scores("log"), ["logistic"], split=10)
    assert str(only).endswith("Too few numbers of examples up to 10 to foretell the rest.")


def test_zero_shot_heads_every_curve() -> None:
    scores = _scores("log")
    curves = growth(scores, ["log"]).curves
    assert len(curves) == 6
    np.testing.assert_allclose(curves["p0"], 0.2, atol=1e-8)


def test_slopes_by_similarity() -> None:
    """A world in which likeness raises the start and lowers the slope."""
    random = np.random.default_rng(0)
    codes = ["ara", "deu", "eng", "spa", "fin", "ita", "kor", "rus", "ukr", "zho"]
    places = random.normal(size=10)
    rows, features = [], []
    for i, s in enumerate(codes):
        for j, t in enumerate(codes):
            if i == j:
                continue
            far = abs(places[i] - places[j])
            features.append({"source": s, "target": t, "syntax": far})
            for n in SHOTS:
                value = 0.5 - 0.1 * far + (0.03 + 0.01 * far) * np.log1p(n)
                rows.append({"source": s, "target": t, "shots": n, "score": value})
    scores = pd.DataFrame(rows).assign(
        task="t", training=lambda d: np.where(d["shots"] > 0, "joint", "source")
    )
    scores["score"] += 0.01 * random.normal(size=len(scores))
    lines, (start, slope) = growth_by_similarity(scores, pd.DataFrame(features), ["syntax"])
    assert len(lines) == 90
    sd = pd.DataFrame(features)["syntax"].std(ddof=0)
    assert start.fit.params["syntax"] == pytest.approx(0.1 * sd, rel=0.1)
    assert slope.fit.params["syntax"] == pytest.approx(-0.01 * sd, rel=0.15)
    assert lines["b"].std() <= lines["b_alone"].std()  # drawn together
    assert lines.attrs["pooled"] == (abs(np.corrcoef(lines["a"], lines["b"])[0, 1]) < 0.99)


def test_starts_and_slopes_that_collapse_are_told() -> None:
    """Curves that bend upwards, all alike but for a factor: one dimension of difference."""
    random = np.random.default_rng(0)
    codes = ["ara", "deu", "eng", "spa", "fin", "ita", "kor", "rus"]
    rows, features = [], []
    for s in codes:
        for t in codes:
            if s == t:
                continue
            factor = 0.5 + 0.3 * random.random()
            features.append({"source": s, "target": t, "syntax": random.random()})
            for n in SHOTS:
                value = factor * (0.05 + 0.9 * np.log1p(n) ** 2 / np.log1p(250) ** 2)
                rows.append({"source": s, "target": t, "shots": n, "score": value})
    scores = pd.DataFrame(rows).assign(
        task="t", training=lambda d: np.where(d["shots"] > 0, "joint", "source")
    )
    lines, (start, _) = growth_by_similarity(scores, pd.DataFrame(features), ["syntax"])
    assert not lines.attrs["pooled"]
    assert "own least squares line" in str(start)
    assert np.isfinite(start.tidy()["std_error"]).all()


def test_what_has_no_growth() -> None:
    with pytest.raises(UnknownNameError, match="cubic"):
        fit_law("cubic", [0, 1], [0, 1])
    with pytest.raises(DataError, match="from 0"):
        fit_law("log", [-1, 2], [0.1, 0.2])
    assert np.isnan(fit_law("logistic", [0, 5, 10], [0.1, 0.2, 0.3])[0]).all()
    with pytest.raises(DataError, match="few-shot study"):
        growth(_scores("log").query("shots <= 50"))
    two = pd.concat([_scores("log"), _scores("log").assign(task="u")])
    with pytest.raises(DataError, match=r"several tasks \(t, u\)"):
        growth_by_similarity(two, pd.DataFrame(), ["syntax"])
    one = _scores("log")
    both = pd.concat([one, one.query("shots > 0").assign(training="joint")])
    with pytest.raises(DataError, match="several ways of using target examples"):
        growth_by_similarity(both, pd.DataFrame(), ["syntax"])
