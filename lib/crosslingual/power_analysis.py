"""How many languages would it take? Power of a test of transfer regressions, by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_count, check_level, generator
from .errors import DataError
from .feature_tables import check_features

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["TESTS", "power"]

TESTS = ("OLS", "dyadic", "jackknife", "MRQAP")


def power(
    features: pd.DataFrame,
    term: str,
    effect: float,
    sd_source: float,
    sd_target: float,
    sd_residual: float,
    languages: Sequence[int] = (10, 20, 40),
    others: Sequence[str] = (),
    tests: Sequence[str] = TESTS,
    draws: int = 200,
    permutations: int = 199,
    alpha: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of simulated studies in which a test finds an effect.

    Each study draws so many languages from those of the feature table, and scores from
    ``effect * feature + source + target + residual``, all normal; the features are the real
    ones, with their dependence and their collinearity. A draw of languages among which a feature
    does not vary finds nothing, and counts.

    Parameters
    ----------
    features : DataFrame
        Pair features of a pool of languages, every ordered pair; see
        `crosslingual.features.pair_features`.
    term : str
        The feature that has the effect.
    effect : float
        Change of the score for one standard deviation of the feature; 0 gives the size of
        the test.
    sd_source, sd_target, sd_residual : float
        Standard deviations, as `crosslingual.mixed.random_effects` estimates them.
    languages : sequence of int
        Numbers of languages, each from 5 to the size of the pool.
    others : sequence of str
        Features that stand beside it in the regression.
    tests : sequence of str
        Of `TESTS`: t test of least squares, with dyadic or jackknife errors, or permutation.
    draws : int
        Simulated studies for each number.
    permutations : int
        In each MRQAP.
    alpha : float
        Level of the tests.
    seed : int
        Of everything.

    Returns
    -------
    DataFrame
        Columns languages, test, effect, rejected, low, high (95 %, Wilson), draws.

    Raises
    ------
    DataError
        For unknown names, standard deviations that are no positive numbers, too few languages, and
        numbers out of range.
    """
    import pandas as pd
    from statsmodels.stats.proportion import proportion_confint

    terms = [term, *others]
    unknown = [t for t in terms if t not in features]
    if unknown or any(t not in TESTS for t in tests):
        raise DataError(
            f"no feature or test {unknown or list(tests)}. Tests: {', '.join(TESTS)}; features: "
            f"{', '.join(str(c) for c in features if c not in ('source', 'target'))}."
        )
    check_features(features, terms)
    check_count("draws", draws)
    check_count("permutations", permutations)
    check_level(alpha, "alpha")
    pool = sorted(set(features["source"]) & set(features["target"]))
    given = np.array([effect, sd_source, sd_target, sd_residual], dtype=float)
    if not np.isfinite(given).all() or (given[1:] < 0).any() or sd_residual == 0:
        raise DataError(
            f"the standard deviations ({sd_source}, {sd_target}, {sd_residual}) must not be "
            f"negative, the last not zero, and all be finite, as the effect ({effect})."
        )
    for count in languages:
        check_count("a number of languages", count, 5)
    if not languages or max(languages) > len(pool):
        raise DataError(
            f"numbers of languages must be from 5 to {len(pool)} (the pool), not "
            f"{', '.join(map(str, languages))}."
        )
    cube = np.stack(
        [
            features.pivot(index="source", columns="target", values=t)
            .reindex(index=pool, columns=pool)
            .to_numpy(float)
            for t in terms
        ]
    )
    off = ~np.eye(len(pool), dtype=bool)
    if not np.isfinite(cube[:, off]).all():
        raise DataError("the feature table misses pairs or values; every ordered pair is needed.")
    random = generator(seed)
    rows = []
    for count in languages:
        found = dict.fromkeys(tests, 0)
        for draw in range(draws):
            chosen = random.choice(len(pool), count, replace=False)
            i, j = np.nonzero(~np.eye(count, dtype=bool))
            x = cube[:, chosen[i], chosen[j]].T
            if (x.std(0) < 1e-9).any():  # a draw of like languages finds nothing
                continue
            x = (x - x.mean(0)) / x.std(0)
            y = (
                effect * x[:, 0]
                + sd_source * random.normal(size=count)[i]
                + sd_target * random.normal(size=count)[j]
                + sd_residual * random.normal(size=len(i))
            )
            for name, p in _tests(x, y, i, j, tests, permutations, draw).items():
                found[name] += p < alpha
        for name in tests:
            low, high = proportion_confint(found[name], draws, method="wilson")
            rows.append(
                {
                    "languages": count,
                    "test": name,
                    "effect": effect,
                    "rejected": found[name] / draws,
                    "low": low,
                    "high": high,
                    "draws": draws,
                }
            )
    return pd.DataFrame(rows)


def _tests(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    i: NDArray[np.intp],
    j: NDArray[np.intp],
    tests: Sequence[str],
    permutations: int,
    seed: int,
) -> dict[str, float]:
    """P of the first feature under each test."""
    import pandas as pd
    from scipy.stats import t as student

    from .permutation import mrqap
    from .standard_errors import covariance

    matrix = np.column_stack([np.ones(len(y)), x])
    slope = np.linalg.lstsq(matrix, y, rcond=None)[0]
    residual = y - matrix @ slope
    source, target = [f"{k:03d}" for k in i], [f"{k:03d}" for k in j]
    found = {}
    for name, kind in (("OLS", "classical"), ("dyadic", "dyadic"), ("jackknife", "jackknife")):
        if name in tests:
            v = covariance(matrix, residual, source, target, kind)
            se = v.std_errors[1]
            found[name] = float(2 * student.sf(abs(slope[1]) / se, v.df)) if se > 0 else 1.0
    if "MRQAP" in tests:
        table = pd.DataFrame(x).add_prefix("x")
        found["MRQAP"] = float(mrqap(table, y.tolist(), source, target, permutations, seed)["p"][0])
    return found
