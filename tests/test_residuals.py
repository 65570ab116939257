"""The process over mixtures: its gradient, and scikit-learn's predictions."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from crosslingual import residuals
from crosslingual.residuals import HYPERPARAMETERS, Points, Residuals, fit_residuals


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
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    points = _points(targets=1)
    y = np.sin(points.few[:, 0]) + 0.1 * points.few[:, 1]
    h = np.full(len(HYPERPARAMETERS), 1e-12)
    h[0], h[3:6], h[11] = 1.5, (0.5, 0.2, 0.1), 0.05
    ours = Residuals(points, y, _like(1), h)
    new = _points(n=8, targets=1, seed=5)
    kernel = ConstantKernel(1.5) * RBF(1 / np.sqrt(h[3:6])) + WhiteKernel(0.05)
    theirs = GaussianProcessRegressor(kernel, optimizer=None).fit(points.few, y)
    mean, sd = theirs.predict(new.few, return_std=True)
    got, variance = ours.predict(new)
    assert np.allclose(got, mean, atol=1e-5)
    assert np.allclose(variance, sd**2 - 0.05, atol=1e-5)


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
