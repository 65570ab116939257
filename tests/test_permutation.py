"""MRQAP against exact enumeration, statsmodels and a simulation of its size."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crosslingual.errors import DataError
from crosslingual.permutation import mrqap, mrqap_block


def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array([(i, j) for i, j in product(range(n), repeat=2) if i != j])
    return pairs[:, 0], pairs[:, 1]


def _names(codes: np.ndarray) -> list[str]:
    return [f"l{code:02d}" for code in codes]


def _data(seed: int, n: int, effect: float = 0.0):
    random = np.random.default_rng(seed)
    i, j = _pairs(n)
    u, v, w = random.normal(size=(3, n))
    x = pd.DataFrame({"a": u[i] + u[j], "b": np.abs(v[i] - v[j]) + 0.3 * (u[i] + u[j])})
    y = effect * x["a"].to_numpy() + w[i] + w[j] + 0.5 * random.normal(size=len(i))
    return x, y, i, j


def test_exact_enumeration_at_five_languages() -> None:
    """Oracle: all 120 permutations with statsmodels, one regression each."""
    x, y, i, j = _data(0, 5)
    got = mrqap(x, y, _names(i), _names(j), draws=200).set_index("term")
    assert got["exact"].all()
    assert (got["permutations"] == 120).all()
    for term, other in (("a", "b"), ("b", "a")):
        z = sm.add_constant(x[[other]])
        residual = sm.OLS(x[term], z).fit().resid.to_numpy()
        cells = np.full((5, 5), np.nan)
        cells[i, j] = residual
        fit = sm.OLS(y, np.column_stack([z, x[term]])).fit()
        beyond = 0
        for order in permutations(range(5)):
            p = np.array(order)
            t = sm.OLS(y, np.column_stack([z, cells[p[i], p[j]]])).fit().tvalues[-1]
            beyond += abs(t) >= abs(fit.tvalues[-1]) - 1e-9
        assert got.loc[term, "t"] == pytest.approx(fit.tvalues[-1])
        assert got.loc[term, "estimate"] == pytest.approx(fit.params[-1])
        assert got.loc[term, "p"] == pytest.approx(beyond / 120)


def test_random_permutations_come_near_the_exact_p() -> None:
    x, y, i, j = _data(1, 6)
    exact = mrqap(x, y, _names(i), _names(j), draws=720)
    drawn = mrqap(x, y, _names(i), _names(j), draws=719)
    assert exact["exact"].all()
    assert not drawn["exact"].any()
    np.testing.assert_allclose(drawn["p"], exact["p"], atol=0.06)


def test_size_is_near_5_percent_where_ols_rejects_far_more_often() -> None:
    ols = mr = 0
    for seed in range(120):
        x, y, i, j = _data(seed, 12)
        ols += sm.OLS(y, sm.add_constant(x)).fit().pvalues["a"] < 0.05
        mr += mrqap(x, y, _names(i), _names(j), draws=199).loc[0, "p"] < 0.05
    assert ols / 120 > 0.3
    assert mr / 120 < 0.12


def test_a_real_effect_is_found() -> None:
    x, y, i, j = _data(3, 12, effect=3.0)
    table = mrqap(x, y, _names(i), _names(j), draws=999).set_index("term")
    assert table.loc["a", "p"] < 0.01


def test_rectangular_tables_permute_sources_and_targets_apart() -> None:
    random = np.random.default_rng(0)
    i, j = map(np.ravel, np.meshgrid(range(6), range(9), indexing="ij"))
    x = pd.DataFrame({"a": random.normal(size=(6, 9))[i, j]})
    y = 0.8 * x["a"].to_numpy() + 0.3 * random.normal(size=54)
    source, target = [f"s{k}" for k in i], [f"t{k}" for k in j]
    table = mrqap(x, y, source, target, draws=499)
    assert table.loc[0, "p"] == pytest.approx(1 / 500)
    shuffled = mrqap(x, random.permutation(y), source, target, draws=499)
    assert shuffled.loc[0, "p"] > 0.01


def test_missing_pairs_are_left_out_permutation_by_permutation() -> None:
    x, y, i, j = _data(5, 8, effect=2.0)
    keep = np.arange(len(y)) % 9 != 0
    table = mrqap(x[keep], y[keep], _names(i[keep]), _names(j[keep]), draws=199)
    assert table["p"].between(1 / 200, 1).all()
    fit = sm.OLS(y[keep], sm.add_constant(x[keep])).fit()
    np.testing.assert_allclose(table["t"], fit.tvalues.iloc[1:], rtol=1e-8)


def test_what_cannot_be_tested() -> None:
    x, y, i, j = _data(0, 5)
    names = (_names(i), _names(j))
    with pytest.raises(DataError, match="collinear"):
        mrqap(x.assign(c=x["a"] * 2), y, *names)
    with pytest.raises(DataError, match="finite"):
        mrqap(x.assign(a=np.nan), y, *names)
    few = (i < 3) & (j < 3)
    with pytest.raises(DataError, match="at least four"):
        mrqap(x[few], y[few], _names(i[few]), _names(j[few]))
    with pytest.raises(DataError, match="there twice"):
        mrqap(pd.concat([x, x]), [*y, *y], _names(i) * 2, _names(j) * 2)
    with pytest.raises(DataError, match="permutations must be a whole number from 1"):
        mrqap(x, y, *names, draws=0)
    with pytest.raises(DataError, match="no features"):
        mrqap_block(x, ["c"], y, *names)


def test_missing_pairs_agree_with_regressions_one_by_one() -> None:
    """Oracle: for each of 120 permutations, statsmodels on the rows that remain."""
    x, y, i, j = _data(2, 5)
    keep = np.arange(len(y)) % 7 != 3
    x, y, i, j = x[keep].reset_index(drop=True), y[keep], i[keep], j[keep]
    got = mrqap(x, y, _names(i), _names(j), draws=120).set_index("term")
    assert got["exact"].all()
    z = sm.add_constant(x[["b"]]).to_numpy()
    cells = np.full((5, 5), np.nan)
    cells[i, j] = sm.OLS(x["a"], z).fit().resid
    observed = sm.OLS(y, np.column_stack([z, x["a"]])).fit()
    own_df, beyond = observed.df_resid, 0
    for order in permutations(range(5)):
        p = np.array(order)
        drawn = cells[p[i], p[j]]
        there = ~np.isnan(drawn)
        fit = sm.OLS(y[there], np.column_stack([z, drawn])[there]).fit()
        # t squared over df compares fits on different numbers of rows
        beyond += fit.tvalues[-1] ** 2 / fit.df_resid >= observed.tvalues[-1] ** 2 / own_df - 1e-9
    assert got.loc["a", "p"] == pytest.approx(beyond / 120)


def test_tasks_are_layers_permuted_alike() -> None:
    x, y, i, j = _data(4, 6)
    two = pd.concat([x, x], ignore_index=True)
    task = ["s"] * len(y) + ["t"] * len(y)
    dummies = np.column_stack([np.array(task) == "s", np.array(task) == "t"]).astype(float)
    both = mrqap(two, [*y, *(y + 5)], _names(i) * 2, _names(j) * 2, 720, fixed=dummies, layer=task)
    alone = mrqap(x, y, _names(i), _names(j), 720)
    np.testing.assert_allclose(both["p"], alone["p"])
    np.testing.assert_allclose(both["estimate"], alone["estimate"])


def test_a_block_of_one_is_the_single_test_and_a_block_is_an_f_test() -> None:
    x, y, i, j = _data(1, 6)
    x["c"] = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))[i, j].astype(float)
    names = (_names(i), _names(j))
    single = mrqap(x, y, *names, draws=720).set_index("term")
    block = mrqap_block(x, ["a"], y, *names, draws=720)
    assert block["p"] == single.loc["a", "p"]
    several = mrqap_block(x, ["a", "b"], y, *names, draws=720)
    full = sm.OLS(y, sm.add_constant(x)).fit()
    less = sm.OLS(y, sm.add_constant(x[["c"]])).fit()
    assert several["partial_r2"] == pytest.approx(1 - full.ssr / less.ssr)
    # exact enumeration of the block test
    z = sm.add_constant(x[["c"]]).to_numpy()
    cells = np.full((6, 6, 2), np.nan)
    for k, term in enumerate(("a", "b")):
        cells[i, j, k] = sm.OLS(x[term], z).fit().resid
    partial = []
    for order in permutations(range(6)):
        p = np.array(order)
        fit = sm.OLS(y, np.column_stack([z, cells[p[i], p[j]]])).fit()
        partial.append(1 - fit.ssr / less.ssr)
    partial = np.array(partial)
    assert several["p"] == pytest.approx((partial >= several["partial_r2"] - 1e-9).mean())
    assert several["by_chance"] == pytest.approx(partial.mean())
