"""What effective data leave unexplained, as a Gaussian process over mixtures and targets.

Two cells are alike if their targets are the same or alike, and their models learned from
like amounts of the target, of useful other data, of everything, or of each language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["HYPERPARAMETERS", "Points", "Residuals", "fit_residuals"]

HYPERPARAMETERS = {
    "few_shared": 0.3, "few_own": 0.3, "few_like": 0.1,
    "rate_own": 0.3, "rate_others": 0.1, "rate_total": 0.1,
    "all_shared": 0.2, "all_own": 0.3, "all_like": 0.1,
    "rate_own_all": 0.05, "rate_each": 0.1,
    "noise": 0.2, "run": 0.05,
}  # fmt: skip
"""Where the search begins: variances (in units of the residuals' own) of a part that depends
on the few amounts (own, others, total) and of one that depends on the own amount and that of
each language, each shared by all targets, a target's own, or like targets'; inverse squared
lengths; noise of a score, and of a run."""

LEVEL = 1.0  # variance of a target's level about the one read off its own cells, when predicting:
# all may lie on one end of its curve. (Learned with the others it did worse on held-out targets.)
BROAD = 2.0  # standard deviation of each hyperparameter's log around where it begins
MOST = 900  # unlike cells in one system of equations; its cost grows with their cube
SAMPLE = 900  # cells that hyperparameters are learned from


@dataclass(frozen=True)
class Points:
    """Cells as the process sees them.

    Attributes
    ----------
    few : array, shape (cells, 3)
        Logs of own, effective other, and total amounts.
    each : array, shape (cells, languages)
        Logs of the amount of each language, times how relevant it is for the target.
    target : array of int, shape (cells,)
        Index into the similarity of targets.
    run : array of int, shape (cells,)
        Which fine-tuning.
    """

    few: NDArray[np.float64]
    each: NDArray[np.float64]
    target: NDArray[np.intp]
    run: NDArray[np.intp]

    def take(self, rows: NDArray[np.intp]) -> Points:
        """Some of them."""
        return Points(self.few[rows], self.each[rows], self.target[rows], self.run[rows])


@dataclass(frozen=True)
class _Parts:
    """What a covariance is made of, for two sets of points."""

    few: list[NDArray[np.float64]]
    each: NDArray[np.float64]
    own: NDArray[np.float64]
    like: NDArray[np.float64]


def _squares(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    if a.shape[1] == 1:
        gap: NDArray[np.float64] = (a - b.T) ** 2
        return gap
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.maximum(squares, 0.0)


def _parts(a: Points, b: Points, like: NDArray[np.float64]) -> _Parts:
    return _Parts(
        [_squares(a.few[:, [i]], b.few[:, [i]]) for i in range(a.few.shape[1])],
        _squares(a.each, b.each),
        (a.target[:, None] == b.target[None]).astype(float),
        like[np.ix_(a.target, b.target)],
    )


def _covariance(h: NDArray[np.float64], parts: _Parts) -> list[NDArray[np.float64]]:
    """The six parts of the covariance: two shapes, each shared, own and like."""
    near = np.exp(-0.5 * sum(rate * d for rate, d in zip(h[3:6], parts.few, strict=True)))
    each = np.exp(-0.5 * (h[9] * parts.few[0] + h[10] * parts.each))
    return [
        h[0] * near, h[1] * parts.own * near, h[2] * parts.like * near,
        h[6] * each, h[7] * parts.own * each, h[8] * parts.like * each,
    ]  # fmt: skip


def _with_level(h: NDArray[np.float64], parts: _Parts) -> NDArray[np.float64]:
    """The whole covariance when predicting, but for noise."""
    total: NDArray[np.float64] = np.sum(_covariance(h, parts), axis=0) + LEVEL * parts.own
    return total


def _repeated(points: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First cell of each kind that the process can tell apart, and which kind each cell is of."""
    what = np.column_stack([points.target, points.few, points.each]).round(9)
    _, first, kind = np.unique(what, axis=0, return_index=True, return_inverse=True)
    return first, kind.ravel()


def _misfit(
    log_h: NDArray[np.float64],
    parts: _Parts,
    same_run: NDArray[np.float64],
    y: NDArray[np.float64],
    start: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Negative log posterior of hyperparameters, and its gradient."""
    h = np.exp(log_h)
    six = _covariance(h, parts)
    total = sum(six) + h[12] * same_run
    total[np.diag_indices_from(total)] += h[11] + 1e-8
    gap = log_h - start
    prior = 0.5 * float((gap**2).sum()) / BROAD**2
    try:
        lower = np.linalg.cholesky(total)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(log_h)
    from scipy.linalg import cho_solve

    inverse = cho_solve((lower, True), np.eye(len(y)))
    alpha = inverse @ y
    value = 0.5 * float(y @ alpha) + float(np.log(np.diag(lower)).sum()) + prior
    weight = inverse - np.outer(alpha, alpha)  # gradient of the misfit is half its trace product

    def along(change: NDArray[np.float64]) -> float:
        return 0.5 * float(np.vdot(weight, change))

    near, each = six[0] + six[1] + six[2], six[3] + six[4] + six[5]
    slopes = [
        along(six[0]), along(six[1]), along(six[2]),
        *(-0.5 * h[3 + i] * along(d * near) for i, d in enumerate(parts.few)),
        along(six[3]), along(six[4]), along(six[5]),
        -0.5 * h[9] * along(parts.few[0] * each),
        -0.5 * h[10] * along(parts.each * each),
        0.5 * h[11] * float(np.trace(weight)),
        h[12] * along(same_run),
    ]  # fmt: skip
    return value, np.array(slopes) + gap / BROAD**2


@dataclass
class Residuals:
    """A fitted process.

    Attributes
    ----------
    points : Points
        What was learned from.
    values : array, shape (cells,)
        Residuals there, each in units of ``scales`` of its target.
    like : array, shape (targets, targets)
        Similarity of targets; unseen ones included.
    hyperparameters : array
        In the order of `HYPERPARAMETERS`.
    """

    points: Points
    values: NDArray[np.float64]
    like: NDArray[np.float64]
    hyperparameters: NDArray[np.float64]

    @property
    def noise(self) -> float:
        """Variance of a score's own noise and of its run's."""
        return float(self.hyperparameters[11] + self.hyperparameters[12])

    def predict(self, points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of the noiseless residual at other points.

        Where there are more cells than one system of equations should have, each target is
        predicted from the cells of itself and of the targets most like it.

        Parameters
        ----------
        points : Points
            Their ``target`` index the same similarity.
        """
        from scipy.linalg import solve_triangular

        mean, variance = np.zeros(len(points.target)), np.zeros(len(points.target))
        h = self.hyperparameters
        first, kind = _repeated(self.points)
        solved: NDArray[np.intp] | None = None  # the cells that were last solved for
        for target in np.unique(points.target):
            asked = np.flatnonzero(points.target == target)
            chosen = self._neighbours(int(target), self.points.target[first])
            if solved is None or not np.array_equal(chosen, solved):
                known = self.points.take(first[chosen])
                means, noise = self._averages(kind, chosen)
                total = _with_level(h, _parts(known, known, self.like)) + noise
                lower = np.linalg.cholesky(total)
                half = np.linalg.solve(lower, means)
                solved = chosen
            own = h[[0, 1, 6, 7]].sum() + (h[2] + h[8]) * self.like[target, target]
            own += LEVEL * (known.target == target).any()  # a new target's level is not looked for
            for start in range(0, len(asked), 1000):
                part = asked[start : start + 1000]
                across = _with_level(h, _parts(points.take(part), known, self.like))
                reach = solve_triangular(lower, across.T, lower=True)
                mean[part] = reach.T @ half
                variance[part] = np.maximum(own - (reach**2).sum(0), 1e-6)
        return mean, variance

    def _averages(
        self, kind: NDArray[np.intp], chosen: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean of the cells of every chosen kind, and the covariance of the means' noise.

        Cells that differ by seed only say together what their mean says.
        """
        from scipy.sparse import csr_array

        place = np.full(kind.max() + 1, -1)
        place[chosen] = np.arange(len(chosen))
        cells = np.flatnonzero(place[kind] >= 0)
        rows = place[kind[cells]]
        counts = np.bincount(rows)
        means = np.bincount(rows, weights=self.values[cells]) / counts
        runs = np.unique(self.points.run[cells], return_inverse=True)[1]
        shares = csr_array((1 / counts[rows], (rows, runs)))
        noise = self.hyperparameters[12] * (shares @ shares.T).toarray()
        noise[np.diag_indices_from(noise)] += self.hyperparameters[11] / counts + 1e-8
        return means, noise

    def _neighbours(self, target: int, targets: NDArray[np.intp]) -> NDArray[np.intp]:
        """Cells to learn from: of the target itself, then of the most similar ones."""
        if len(targets) <= MOST:
            return np.arange(len(targets))
        order = np.argsort(-self.like[target] - 1e6 * (np.arange(len(self.like)) == target))
        chosen: list[NDArray[np.intp]] = []
        size = 0
        for other in order:
            mine = np.flatnonzero(targets == other)
            if chosen and size + len(mine) > MOST:
                break
            chosen.append(mine)
            size += len(mine)
        return np.sort(np.concatenate(chosen))


def fit_residuals(
    points: Points, values: NDArray[np.float64], like: NDArray[np.float64], seed: int = 0
) -> Residuals:
    """Learn hyperparameters by maximum a posteriori, from a sample of runs where there are many.

    Parameters
    ----------
    points : Points
        Cells.
    values : array, shape (cells,)
        Residuals, about unit variance.
    like : array, shape (targets, targets)
        Similarity in [0, 1].
    seed : int
        Of the sample.
    """
    from scipy.optimize import minimize

    chosen = np.arange(len(values))
    if len(values) > SAMPLE:
        random = np.random.default_rng(seed)
        targets = random.permutation(np.unique(points.target))
        few = targets[: max(5, int(np.ceil(SAMPLE * len(targets) / len(values))))]
        runs = random.permutation(np.unique(points.run))[: SAMPLE // len(few)]
        if len(few) * len(runs) < SAMPLE // 2:  # runs of one target each
            chosen = random.permutation(chosen)[:SAMPLE]
        else:
            chosen = np.flatnonzero(np.isin(points.target, few) & np.isin(points.run, runs))
    known = points.take(chosen)
    parts = _parts(known, known, like)
    same_run = (known.run[:, None] == known.run[None]).astype(float)
    start = np.log(np.array(list(HYPERPARAMETERS.values())))
    found = minimize(
        _misfit,
        start,
        args=(parts, same_run, values[chosen], start),
        jac=True,
        method="L-BFGS-B",
        bounds=[(s - 6, s + 6) for s in start],
        options={"maxiter": 40},
    )
    return Residuals(points, values, like, np.exp(found.x))
