"""Variance estimators against statsmodels, brute force and an algebraic identity."""

from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from crosslingual.errors import DataError, UnknownNameError
from crosslingual.standard_errors import KINDS, _dyadic_meat, _semidefinite, covariance


def _data(seed: int, languages: int = 6, tasks: int = 2, drop: float = 0.2, own: bool = False):
    """A fitted regression on pairs, some of them missing, some repeated by tasks."""
    random = np.random.default_rng(seed)
    pairs = [
        (i, j)
        for _ in range(tasks)
        for i, j in product(range(languages), repeat=2)
        if (own or i != j) and random.random() > drop
    ]
    source, target = np.array(pairs).T
    effect = random.normal(size=languages)
    x = np.column_stack([np.ones(len(pairs)), random.normal(size=(len(pairs), 2))])
    x[:, 1] += effect[source] + effect[target]
    y = x @ [1, 0.5, 0] + effect[source] + effect[target] + random.normal(size=len(pairs))
    fit = sm.OLS(y, x).fit()
    return x, np.asarray(fit.resid), source, target, fit


def _brute(x, e, source, target):
    """The definition, two loops over observations."""
    meat = np.zeros((x.shape[1],) * 2)
    for a in range(len(e)):
        for b in range(len(e)):
            if {source[a], target[a]} & {source[b], target[b]}:
                meat += e[a] * e[b] * np.outer(x[a], x[b])
    bread = np.linalg.inv(x.T @ x)
    return bread @ meat @ bread


def _unrepaired(x, e, source, target):
    bread = np.linalg.inv(x.T @ x)
    return bread @ _dyadic_meat(x * e[:, None], source, target)[0] @ bread


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 7), st.integers(1, 2), st.booleans())
def test_dyadic_is_its_definition(seed: int, languages: int, tasks: int, own: bool) -> None:
    x, e, source, target, _ = _data(seed, languages, tasks, own=own)
    expected = _brute(x, e, source, target)
    np.testing.assert_allclose(_unrepaired(x, e, source, target), expected, rtol=1e-7, atol=1e-10)
    if np.linalg.eigvalsh(expected)[0] > 1e-9:  # a variance already: nothing is repaired
        got = covariance(x, e, source, target, "dyadic", correct=False)
        np.testing.assert_allclose(got.matrix, expected, rtol=1e-7, atol=1e-10)
        assert got.note == ""


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(4, 7), st.integers(1, 2))
def test_identity_of_aronow_samii_and_assenova(seed: int, languages: int, tasks: int) -> None:
    """V = sum_i V_cluster(i) - V_dyad - (N - 2) V_HC0."""
    x, e, source, target, fit = _data(seed, languages, tasks)
    languages = len({*source.tolist(), *target.tolist()})
    scores = x * e[:, None]
    bread = np.linalg.inv(x.T @ x)

    def clustered(codes) -> np.ndarray:
        sums = np.array([scores[np.asarray(codes) == c].sum(0) for c in set(codes)])
        return bread @ sums.T @ sums @ bread

    alone = list(range(len(e)))
    total = np.zeros_like(bread)
    for i in {*source.tolist(), *target.tolist()}:
        total += clustered([-1 if i in (source[a], target[a]) else a for a in alone])
    dyads = [str(sorted((source[a], target[a]))) for a in alone]
    expected = (
        total - clustered(dyads) - (languages - 2) * fit.get_robustcov_results("HC0").cov_params()
    )
    np.testing.assert_allclose(_unrepaired(x, e, source, target), expected, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_others_are_statsmodels(seed: int) -> None:
    x, e, source, target, fit = _data(seed)
    two = np.column_stack([source, target])
    theirs = {
        "classical": fit.cov_params(),
        "HC3": fit.get_robustcov_results("HC3").cov_params(),
        "source": fit.get_robustcov_results("cluster", groups=source).cov_params(),
        "target": fit.get_robustcov_results("cluster", groups=target).cov_params(),
        "both": fit.get_robustcov_results("cluster", groups=two).cov_params(),
    }
    for kind, expected in theirs.items():
        got = covariance(x, e, source, target, kind)
        if not got.note:
            np.testing.assert_allclose(got.matrix, expected, rtol=1e-8, err_msg=kind)


def test_direction_and_order_do_not_matter() -> None:
    x, e, source, target, _ = _data(1)
    swap = np.arange(len(e)) % 2 == 0
    a, b = np.where(swap, target, source), np.where(swap, source, target)
    one = covariance(x, e, source, target).matrix
    np.testing.assert_allclose(one, covariance(x, e, a, b).matrix)
    order = np.random.default_rng(0).permutation(len(e))
    again = covariance(x[order], e[order], source[order], target[order]).matrix
    np.testing.assert_allclose(one, again)


def test_degrees_of_freedom_count_languages() -> None:
    x, e, source, target, _ = _data(2, languages=6)
    df = {kind: covariance(x, e, source, target, kind).df for kind in KINDS}
    assert df["dyadic"] == df["source"] == df["target"] == df["both"] == 5
    assert df["classical"] == df["HC3"] == len(e) - 3


def test_a_variance_that_is_none_is_repaired_and_reported() -> None:
    bad = np.diag([2.0, -1.0])
    repaired, note = _semidefinite(bad)
    np.testing.assert_allclose(repaired, np.diag([2.0, 0.0]), atol=1e-12)
    assert "1 negative eigenvalue" in note
    for seed in range(40):  # whatever comes out is a variance
        result = covariance(*_data(seed, languages=4, tasks=1)[:4])
        assert np.linalg.eigvalsh(result.matrix)[0] > -1e-10
        assert np.isfinite(result.std_errors).all()


def test_under_dyadic_dependence_classical_errors_are_too_small() -> None:
    """Simulation: a feature without effect, errors that share languages.

    Dyadic errors are right in the limit of many languages only: with 50 they reject nearer
    to 5 % than with 10, where a permutation test is the better choice.
    """
    random = np.random.default_rng(0)
    rates = {}
    for languages in (10, 50):
        pairs = np.array([p for p in product(range(languages), repeat=2) if p[0] != p[1]])
        source, target = pairs.T
        rejected = dict.fromkeys(("classical", "dyadic"), 0.0)
        for _ in range(150):
            effect, place = random.normal(size=(2, languages))
            x = np.column_stack([np.ones(len(source)), place[source] + place[target]])
            y = effect[source] + effect[target] + random.normal(size=len(source))
            fit = sm.OLS(y, x).fit()
            for kind in rejected:
                v = covariance(x, fit.resid, source, target, kind)
                beyond = abs(fit.params[1] / v.std_errors[1]) > t.ppf(0.975, v.df)
                rejected[kind] += beyond / 150
        rates[languages] = rejected
    assert rates[50]["classical"] > 0.5
    assert rates[50]["dyadic"] < 0.15
    assert rates[50]["dyadic"] < rates[10]["dyadic"] < rates[10]["classical"]


def test_what_cannot_be_estimated() -> None:
    x, e, source, target, _ = _data(0)
    with pytest.raises(UnknownNameError, match="dyadic"):
        covariance(x, e, source, target, "diadic")
    with pytest.raises(DataError, match="not determined"):
        covariance(np.column_stack([x, x[:, 1]]), e, source, target)
    with pytest.raises(DataError, match="three languages"):
        covariance(x, e, ["a"] * len(e), ["b"] * len(e))
    with pytest.raises(DataError, match="two clusters"):
        covariance(x, e, ["a"] * len(e), target, "source")


def test_jackknife_is_refitting_without_each_language() -> None:
    """Oracle: as many regressions as languages, by statsmodels."""
    import statsmodels.api as sm

    random = np.random.default_rng(0)
    i, j = np.nonzero(~np.eye(7, dtype=bool))
    x = sm.add_constant(random.normal(size=(len(i), 2)))
    y = x @ [0.3, 0.2, 0.0] + random.normal(size=7)[i] + 0.1 * random.normal(size=len(i))
    fit = sm.OLS(y, x).fit()
    got = covariance(x, fit.resid, i.astype(str), j.astype(str), "jackknife")
    left = [sm.OLS(y[(i != k) & (j != k)], x[(i != k) & (j != k)]).fit().params for k in range(7)]
    d = np.array(left) - fit.params
    np.testing.assert_allclose(got.matrix, 6 / 7 * d.T @ d)
    assert got.df == 6


def test_jackknife_is_right_for_ten_languages_where_the_others_are_not() -> None:
    """False alarms of a feature that does nothing, under dependence by language."""
    from scipy.stats import t as student

    alarms = dict.fromkeys(("classical", "dyadic", "jackknife"), 0)
    i, j = np.nonzero(~np.eye(10, dtype=bool))
    for seed in range(200):
        random = np.random.default_rng(seed)
        places = random.normal(size=(10, 2))
        x = np.column_stack([np.ones(90), np.linalg.norm(places[i] - places[j], axis=1)])
        y = random.normal(size=10)[i] + random.normal(size=10)[j] + 0.5 * random.normal(size=90)
        slope = np.linalg.lstsq(x, y, rcond=None)[0]
        for kind in alarms:
            v = covariance(x, y - x @ slope, i.astype(str), j.astype(str), kind)
            alarms[kind] += 2 * student.sf(abs(slope[1]) / v.std_errors[1], v.df) < 0.05
    assert alarms["jackknife"] / 200 < 0.09
    assert alarms["classical"] / 200 > 0.15
    assert alarms["dyadic"] / 200 > 0.12


def test_jackknife_where_one_language_alone_determines_a_coefficient() -> None:
    random = np.random.default_rng(0)
    i, j = np.nonzero(~np.eye(6, dtype=bool))
    x = np.column_stack([np.ones(30), (i == 2) | (j == 2), random.normal(size=30)]).astype(float)
    v = covariance(x, random.normal(size=30), i.astype(str), j.astype(str), "jackknife")
    # the dummy goes with language 2, as an intercept would; the others stay
    assert np.isfinite(v.matrix[2, 2])
    x[:, 1] += 5  # now a feature that varies by that language only
    v = covariance(x, random.normal(size=30), i.astype(str), j.astype(str), "jackknife")
    assert v.std_errors[1] == np.inf
    assert "without 2" in v.note
    assert np.isfinite(v.std_errors[2])


def test_hc3_where_one_pair_alone_determines_a_coefficient() -> None:
    """The pair and its coefficient taken away, the others have statsmodels' errors."""
    random = np.random.default_rng(1)
    source, target = list("aaabbbcccd"), list("bcdacdabda")
    alone = np.array(source) == "d"
    x = np.column_stack([np.ones(10), random.normal(size=10), np.array(source) == "b", alone])
    y = random.normal(size=10)
    e = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    v = covariance(x, e, source, target, "HC3")
    assert v.std_errors[3] == np.inf
    assert v.note == "without d->a a coefficient is not determined"
    theirs = sm.OLS(y[~alone], x[~alone, :3]).fit().get_robustcov_results("HC3").bse
    np.testing.assert_allclose(v.std_errors[:3], theirs, rtol=1e-8)
