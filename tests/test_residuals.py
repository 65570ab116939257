"""The process over mixtures: its gradient, and scikit-learn's predictions."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import check_grad

from crosslingual import residuals
from crosslingual.residuals import HYPERPARAMETERS, LEVEL, Points, Residuals, fit_residuals


def _points(n=30, targets=3, seed=0) -> Points:
    random = np.random.default_rng(seed)
    return Points(
        random.uniform(0, 8, size=(n, 3)),
        random.uniform(0, 8, size=(n, 4)),
        random.integers(targets, size=n),
        random.integers(5, size=n),
    )


def _like(targets=3) -> np.ndarray:
    return 0.4 + 0.6 * np.eye(targets)


def test_gradient_is_that_of_finite_differences() -> None:
    points, start = _points(), np.log(np.array(list(HYPERPARAMETERS.values())))
    y = np.random.default_rng(1).standard_normal(30)
    parts = residuals._parts(points, points, _like())
    same = (points.run[:, None] == points.run[None]).astype(float)
    away = start + 0.3

    def value(h):
        return residuals._misfit(h, parts, same, y, start)[0]

    def slope(h):
        return residuals._misfit(h, parts, same, y, start)[1]

    assert check_grad(value, slope, away) < 1e-3 * np.linalg.norm(slope(away))


def test_one_target_is_scikit_learns_process() -> None:
    """Theirs has every repetition as a cell of its own, ours their mean."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    random = np.random.default_rng(7)
    rows = np.r_[np.arange(30), random.integers(30, size=40)]  # from once to a few times each
    points = replace(_points(targets=1).take(rows), run=np.arange(70))
    y = np.sin(points.few[:, 0]) + 0.1 * points.few[:, 1] + 0.2 * random.standard_normal(70)
    h = np.full(len(HYPERPARAMETERS), 1e-12)
    h[0], h[3:6], h[11] = 1.5, (0.5, 0.2, 0.1), 0.05
    ours = Residuals(points, y, _like(1), h)
    new = _points(n=8, targets=1, seed=5)
    kernel = ConstantKernel(1.5) * RBF(1 / np.sqrt(h[3:6])) + ConstantKernel(LEVEL)
    kernel += WhiteKernel(0.05)
    theirs = GaussianProcessRegressor(kernel, optimizer=None).fit(points.few, y)
    mean, sd = theirs.predict(new.few, return_std=True)
    got, variance = ours.predict(new)
    assert np.allclose(got, mean, atol=1e-5)
    assert np.allclose(variance, sd**2 - 0.05, atol=1e-5)


def test_runs_that_share_their_noise_are_no_repetitions() -> None:
    """Two cells of each of 20 kinds: by hand with all 40 cells, where whole runs lie apart."""
    kinds = _points(n=20)
    points = replace(kinds.take(np.tile(np.arange(20), 2)), run=np.repeat([0, 1], 20))
    y = np.random.default_rng(2).standard_normal(40) + np.repeat([0.5, -0.5], 20)
    h = np.array(list(HYPERPARAMETERS.values()))
    h[12] = 0.7
    new, like = _points(n=6, seed=4), _like()

    def cover(a, b):
        parts = residuals._parts(a, b, like)
        return sum(residuals._covariance(h, parts)) + LEVEL * parts.own

    total = cover(points, points) + h[12] * (points.run[:, None] == points.run[None])
    total += (h[11] + 1e-8) * np.eye(40)
    by_hand = cover(new, points) @ np.linalg.solve(total, y)
    assert np.allclose(Residuals(points, y, like, h).predict(new)[0], by_hand, atol=1e-6)


def test_a_target_with_one_end_of_its_curve_is_put_on_the_common_one() -> None:
    """Its own cells are centred, as all are: only others know that they lie low."""
    own = np.tile(np.linspace(0, 8, 9), 6)
    target = np.repeat(np.arange(6), 9)
    shape = np.where(own > 4, 1.0, -1.0)
    kept = ~((target == 5) & (own > 4))
    few = np.column_stack([own, np.zeros(54), own])
    points = Points(few, np.zeros((54, 1)), target, np.arange(54))
    values = shape - shape.mean()
    values = np.where(target == 5, 0.0, values)  # centred: one height throughout
    told = HYPERPARAMETERS | dict.fromkeys(("few_own", "few_like", "all_own", "all_like"), 0.01)
    h = np.array(list(told.values()))
    made = Residuals(points.take(np.flatnonzero(kept)), values[kept], _like(6), h)
    rise = made.predict(points.take(np.flatnonzero(~kept)))[0]
    assert rise[1:] == pytest.approx(np.full(3, 2.0), abs=0.35)  # the step itself is smoothed


def test_many_cells_are_told_from_their_own_target(monkeypatch) -> None:
    points = _points(n=300)
    y = np.sin(points.few[:, 0]) + points.target
    monkeypatch.setattr(residuals, "MOST", 120)
    made = fit_residuals(points, y - y.mean(), _like())
    new = _points(n=60, seed=9)
    truth = np.sin(new.few[:, 0]) + new.target - y.mean()
    near, _ = made.predict(new)
    assert np.sqrt(((near - truth) ** 2).mean()) < 0.5 * truth.std()


def test_noise_is_told_from_signal() -> None:
    random = np.random.default_rng(0)
    points = _points(n=200)
    made = fit_residuals(points, random.standard_normal(200), _like())
    mean, _ = made.predict(_points(n=50, seed=3))
    assert np.abs(mean).mean() < 0.5
    assert made.hyperparameters[11] > 0.5 * made.hyperparameters[:2].sum()


def test_shapes_of_variances() -> None:
    points = _points(n=20)
    made = Residuals(points, np.zeros(20), _like(), np.array(list(HYPERPARAMETERS.values())))
    mean, variance = made.predict(_points(n=4, seed=2))
    assert mean == pytest.approx(np.zeros(4))
    assert (variance > 0).all()
