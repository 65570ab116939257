"""Comparisons: by hand, against scipy and a jackknife in a loop, and whether intervals cover."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crosslingual.cli import main
from crosslingual.comparisons import (
    compare_models,
    compare_trainings,
    compare_variants,
    over_pairs,
)
from crosslingual.errors import DataError, UnknownNameError
from crosslingual.growth_laws import growth
from crosslingual.responses import one_row_a_cell
from crosslingual.summaries import matrix, summarise
from crosslingual.worth import source_worth

CODES = ["ara", "deu", "eng", "fin", "hin", "ita", "rus", "swa", "tur", "zho"]


def _pairs(n: int) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples([(s, t) for s in CODES[:n] for t in CODES[:n] if s != t])


@given(st.integers(3, 6), st.integers(0, 10_000), st.floats(0.5, 0.99))
def test_intervals_are_those_of_a_jackknife_in_a_loop(n: int, seed: int, level: float) -> None:
    values = pd.Series(np.random.default_rng(seed).normal(size=n * (n - 1)), _pairs(n))
    mean, low, high = over_pairs(values, level)
    left = [values[[code not in pair for pair in values.index]].mean() for code in CODES[:n]]
    error = np.sqrt((n - 1) / n * np.sum((np.array(left) - values.mean()) ** 2))
    assert mean == pytest.approx(values.mean())
    assert high - mean == pytest.approx(error * stats.t.ppf((1 + level) / 2, n - 1))
    assert mean - low == pytest.approx(high - mean)


def test_intervals_hold_the_truth_and_those_of_independent_pairs_do_not() -> None:
    """Every language has a part in all its pairs, as a source and as a target."""
    random, pairs = np.random.default_rng(0), _pairs(10)
    one, two = (pairs.get_level_values(i).map(CODES.index).to_numpy() for i in (0, 1))
    held = naive = 0
    for _ in range(400):
        as_source, as_target = random.normal(size=(2, 10))
        values = pd.Series(as_source[one] + as_target[two] + random.normal(size=90), pairs)
        _, low, high = over_pairs(values)
        held += low < 0 < high
        ends = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        naive += ends.low < 0 < ends.high
    assert 0.92 < held / 400 < 0.995
    assert naive / 400 < 0.8


def test_what_cannot_be_told_is_nan() -> None:
    one_source = pd.MultiIndex.from_product([["deu"], ["eng", "fin", "rus"]])
    for values in (pd.Series([0.1, 0.2], _pairs(2)), pd.Series([0.1], one_source[:1])):
        mean, *ends = over_pairs(values)
        assert mean == pytest.approx(values.mean())
        assert np.isnan(ends).all()
    assert np.isnan(over_pairs(pd.Series([], one_source[:0], dtype=float))).all()
    with pytest.raises(DataError, match="between 0 and 1"):
        over_pairs(pd.Series([0.1, 0.2], _pairs(2)), 95)
    # One source for all: its targets are left out in turn, 0.25, 0.2, 0.15.
    mean, low, high = over_pairs(pd.Series([0.1, 0.2, 0.3], one_source))
    error = np.sqrt(3 / 4 * (0.05**2 + 0.05**2))
    assert (high - low) / 2 == pytest.approx(error * stats.t.ppf(0.975, 3))


def test_models_side_by_side() -> None:
    random = np.random.default_rng(1)
    rows = [
        {"task": "t", "source": s, "target": t, "shots": 0, "seed": seed, "model": model,
         "score": better + random.normal(scale=0.1)}
        for s in CODES[:6] for t in CODES[:6] for seed in (0, 1)
        for model, better in (("a", 0.6), ("b", 0.4))
    ]  # fmt: skip
    scores = pd.DataFrame(rows)
    found = compare_models(scores, "a", "b").set_index("where")
    assert found["pairs"].to_dict() == {"in-language": 6, "across": 30}
    means = scores.pivot_table(index=["source", "target"], columns="model", values="score")
    gap = (means["a"] - means["b"]).reset_index()
    same = gap["source"] == gap["target"]
    own = found.loc["in-language"]
    ends = stats.ttest_1samp(gap.loc[same, 0], 0).confidence_interval(0.95)  # each stands alone
    assert (own["low"], own["high"]) == pytest.approx((ends.low, ends.high))
    across = found.loc["across"]
    assert across["difference"] == pytest.approx(gap.loc[~same, 0].mean())
    assert across["difference"] == pytest.approx(across["a"] - across["b"])
    assert across["wins"] == (gap.loc[~same, 0] > 0).mean()
    assert across["low"] < 0.2 < across["high"]
    assert compare_models(scores, "a", "c").empty
    variants = scores.rename(columns={"model": "variant"})
    part = variants[(variants["variant"] == "a") & (variants["source"] == "deu")]
    third = part.assign(variant="c")
    both = compare_variants(pd.concat([variants, third]), "b")
    assert both["variant"].tolist() == ["a", "a", "c", "c"]
    same_as = both[both["variant"] == "a"].set_index("where")[["difference", "low", "high"]]
    pd.testing.assert_frame_equal(same_as, found[["difference", "low", "high"]])
    assert both["pairs"].tolist() == [6, 30, 1, 5]  # only what both have
    with pytest.raises(UnknownNameError, match="'d'"):
        compare_variants(variants, "d")


def _row(source: str, target: str, training: str, shots: int, score: float, seed: int = 0) -> dict:
    return {
        "task": "t", "model": "m", "source": source, "target": target, "training": training,
        "shots": shots, "score": score, "seed": seed,
    }  # fmt: skip


def test_only_draws_that_both_ways_have_count() -> None:
    rows = [
        _row("deu", "eng", "sequential", 5, 0.4),
        _row("deu", "eng", "sequential", 5, 0.9, seed=1),  # not drawn jointly
        _row("deu", "eng", "joint", 5, 0.5),
        _row("eng", "fin", "sequential", 5, 0.6),
        _row("eng", "fin", "joint", 5, 0.5),
        _row("fin", "deu", "sequential", 5, 0.2),
        _row("fin", "deu", "joint", 5, 0.5),
        _row("fin", "fin", "joint", 5, 0.9),  # no pair of two languages
        _row("fin", "deu", "sequential", 10, 0.2),  # one way only
    ]
    found = compare_trainings(pd.DataFrame(rows))
    assert len(found) == 1
    told = found.iloc[0]
    assert told[["shots", "pairs", "draws"]].tolist() == [5, 3, 1]
    assert told[["a", "b", "difference"]].tolist() == pytest.approx([0.5, 0.4, 0.1])
    assert told["wins"] == pytest.approx(2 / 3)
    # Leaving a language out leaves one pair of the three: -0.1, 0.3 or 0.1.
    error = np.sqrt(2 / 3 * (0.2**2 + 0.2**2))
    assert told["high"] - 0.1 == pytest.approx(error * stats.t.ppf(0.975, 2))
    back = compare_trainings(pd.DataFrame(rows), "sequential", "joint").iloc[0]
    assert (back["low"], back["high"]) == pytest.approx((-told["high"], -told["low"]))
    with pytest.raises(DataError, match="'sequential'"):
        compare_trainings(pd.DataFrame(rows[:2]))


def test_what_a_source_is_worth_by_hand() -> None:
    few = [
        _row("deu", "eng", "source", 0, 0.5),
        _row("eng", "deu", "source", 0, 0.3),
        _row("deu", "deu", "source", 0, 0.9),  # no pair
        _row("deu", "eng", "sequential", 8, 0.4),
        _row("deu", "eng", "sequential", 8, 0.5, seed=1),  # draws: variance 0.005
        _row("eng", "deu", "sequential", 8, 0.5),
        _row("eng", "deu", "sequential", 8, 0.5, seed=1),  # variance 0
        *(_row("deu", "deu", "target", 8, 0.2, seed=k) for k in (0, 1)),
        *(_row("eng", "eng", "target", 8, 0.4, seed=k) for k in (0, 1)),
        _row("deu", "deu", "target", 80, 0.7),
    ]
    worth = source_worth(pd.DataFrame(few))
    assert len(worth) == 1
    found = worth.iloc[0]
    assert found["pairs"] == 2
    assert found["score"] == pytest.approx((0.45 + 0.5) / 2)
    assert found["worth"] == pytest.approx((0.45 - 0.4 + 0.5 - 0.2) / 2)
    assert found[["low", "high"]].isna().all()  # two languages
    assert found["harmed"] == 0.5
    assert found["draw"] == pytest.approx(np.sqrt(0.005 / 2))
    # Alone: 0.3 with 8, 0.7 with 80, 0.475 between; log(1 + n) goes from log 9 to log 81.
    assert found["equal_to"] == pytest.approx(9 * 9 ** ((0.475 - 0.3) / 0.4) - 1)
    # Draws that only one side has do not count.
    lucky = [_row(code, code, "target", 8, 0.9, seed=2) for code in ("deu", "eng")]
    pd.testing.assert_frame_equal(source_worth(pd.DataFrame([*few, *lucky])), worth)
    for seed in (0, 1):
        half = [r for r in few if r["training"] != "target" or r["seed"] == seed]
        found = source_worth(pd.DataFrame(half)).iloc[0]
        assert found["score"] == pytest.approx((0.4 + 0.1 * seed + 0.5) / 2)
        assert found["worth"] == pytest.approx(found["score"] - 0.3)
    # Where there is none of the same draw, all there are.
    other = [r | {"seed": 7} if r["training"] == "target" else r for r in few]
    assert source_worth(pd.DataFrame(other)).iloc[0]["score"] == pytest.approx(0.475)
    # A control that falls before it rises, from above the score: fewer than 8 would do, not 50.
    points = (("deu", 8, 0.6), ("eng", 8, 0.6), ("deu", 80, 0.1), ("deu", 800, 0.7))
    falls = [_row(code, code, "target", shots, score) for code, shots, score in points]
    steep = [r for r in few if r["training"] != "target"] + falls
    assert np.isnan(source_worth(pd.DataFrame(steep)).iloc[0]["equal_to"])
    wide = [{**r, "target": "fin", "score": r["score"] + 0.1} for r in few[3:5]]
    three = pd.DataFrame([*few, *wide, _row("fin", "fin", "target", 8, 0.1)])
    gaps = pd.Series([0.05, 0.45, 0.3], pd.MultiIndex.from_tuples(
        [("deu", "eng"), ("deu", "fin"), ("eng", "deu")]))  # fmt: skip
    told = source_worth(three, level=0.8).iloc[0]
    assert (told["worth"], told["low"], told["high"]) == pytest.approx(over_pairs(gaps, 0.8))
    without = source_worth(pd.DataFrame([r for r in few if r["training"] != "target"])).iloc[0]
    assert without[["alone", "worth", "equal_to"]].isna().all()
    with pytest.raises(DataError, match="no score is of a source with target examples"):
        source_worth(pd.DataFrame(few[:3]))


def test_the_command_prints_both_tables(tmp_path, capsys) -> None:
    random, path = np.random.default_rng(2), tmp_path / "scores.csv"
    rows = [
        _row(s, t, training, 5, random.uniform())
        for s in CODES[:4] for t in CODES[:4] if s != t
        for training in ("joint", "sequential")
    ] + [_row(t, t, "target", 5, 0.1) for t in CODES[:4]]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    assert main(["worth", "--scores", str(path), "--interval", "0.8"]) == 0
    told = capsys.readouterr().out
    expected = source_worth(pd.DataFrame(rows), 0.8).set_index("training")
    assert "80% for other languages" in told
    for name, row in expected.iterrows():
        printed = next(line for line in told.splitlines() if f"m {name:>10}" in line).split()
        assert f"{row['low']:.3f}" in printed
        assert f"{row['high']:.3f}" in printed
    assert f"{compare_trainings(pd.DataFrame(rows)).loc[0, 'difference']:.3f}" in told
    pd.DataFrame(rows[:1]).to_csv(path, index=False)
    assert main(["worth", "--scores", str(path)]) == 0
    assert "against sequential" not in capsys.readouterr().out
    pd.DataFrame([_row("deu", "eng", "source", 0, 0.5)]).to_csv(path, index=False)
    assert main(["worth", "--scores", str(path)]) == 2
    assert "configs/few_shot.yaml" in capsys.readouterr().err


def test_two_recipes_are_not_averaged(tmp_path, capsys) -> None:
    """A study rerun with another recipe into the same folder exports both, cell by cell."""
    shots, random = (0, 5, 10, 50, 250), np.random.default_rng(3)
    rows = [
        {**_row("deu", "eng", "sequential" if n else "source", n, random.uniform()), "settings": s}
        for n in shots
        for s in ("0e01", "77c9")
    ]
    both, path = pd.DataFrame(rows), tmp_path / "scores.csv"
    one = both[both["settings"] == "77c9"]
    for verb in (
        source_worth,
        summarise,
        growth,
        lambda table: matrix(table, "t"),
        lambda table: compare_models(table, "m", "n"),
        lambda table: compare_trainings(table, "sequential", "sequential"),
        one_row_a_cell,
    ):
        with pytest.raises(DataError, match=r"in several ways \(settings 0e01, 77c9\)"):
            verb(both)
    # Other draws, other ways and other models may each have their own.
    apart = [both.loc[both["settings"] == "0e01"].assign(**{k: v}) for k, v in
             (("seed", 1), ("model", "n"), ("source", "fin"))]  # fmt: skip
    assert len(source_worth(pd.concat([one, *apart]))) == 2 * 4
    both.to_csv(path, index=False)
    assert main(["worth", "--scores", str(path)]) == 2
    assert "keep one" in capsys.readouterr().err
    assert main(["worth", "--scores", str(path), "--settings", "77c9"]) == 0
    assert f"{one['score'].iloc[1]:.3f}" in capsys.readouterr().out
    assert main(["worth", "--scores", str(path), "--settings", "77"]) == 2
    assert "There are: 0e01, 77c9." in capsys.readouterr().err
    both.drop(columns="settings").assign(seed=range(10)).to_csv(path, index=False)
    assert main(["growth", "--scores", str(path), "--settings", "77c9"]) == 2
    assert "There are: none." in capsys.readouterr().err
