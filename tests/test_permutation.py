"""MRQAP against exact enumeration, statsmodels and a simulation of its size."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from crosslingual.errors import DataError
from crosslingual.permutation import mrqap


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
    twice = pd.concat([x, x + np.random.default_rng(0).normal(size=x.shape)])
    with pytest.raises(DataError, match="differs between"):
        mrqap(twice, [*y, *y], _names(i) * 2, _names(j) * 2)
