"""Languages are drawn, and pairs follow."""

import numpy as np
import pandas as pd
import pytest

from crosslingual.bootstrap import intervals, node_bootstrap, node_draws
from crosslingual.errors import DataError


def _table(n: int, seed: int = 0, node_sd: float = 1.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    u = node_sd * random.normal(size=n)
    names = np.array([f"l{k:02d}" for k in range(n)])
    y = u[i] + u[j] + random.normal(size=len(i))
    return pd.DataFrame({"source": names[i], "target": names[j], "y": y})


def test_a_pair_is_there_as_often_as_the_product_of_its_languages() -> None:
    table = _table(6)
    counts = node_draws(table["source"].to_numpy(str), table["target"].to_numpy(str), 50)
    names = sorted(set(table["source"]))
    for row in counts:
        cells = np.zeros((6, 6))
        for (s, t), c in zip(table[["source", "target"]].to_numpy(), row, strict=True):
            cells[names.index(s), names.index(t)] = c
        assert (cells == cells.T).all()
        # rows of a product u v' without its diagonal: sum of squares of u is what is missing
        total = cells.sum()
        assert total <= 36
        assert (36 - total) >= 6 - 1e-9  # at least n, when all are drawn once


def test_intervals_know_that_pairs_share_languages() -> None:
    """Coverage of the mean's interval under dyadic dependence; pairs drawn singly fail."""
    node = pair = 0
    for seed in range(60):
        table = _table(20, seed)
        drawn = node_bootstrap(table, lambda t: {"mean": t["y"].mean()}, 200, seed)
        low, high = intervals(drawn).loc["mean", ["low", "high"]]
        node += low <= 0 <= high
        y = table["y"].to_numpy()
        means = [
            y[np.random.default_rng([seed, k]).integers(len(y), size=len(y))].mean()
            for k in range(200)
        ]
        pair += np.quantile(means, 0.025) <= 0 <= np.quantile(means, 0.975)
    assert node >= 48
    assert pair <= 36


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(DataError, match="at least four"):
        node_bootstrap(_table(3), lambda t: {"m": 0.0}, 10)

    def never(table: pd.DataFrame) -> dict[str, float]:
        raise DataError("too few")

    with pytest.raises(DataError, match="only 0 of 10"):
        node_bootstrap(_table(5), never, 10)
    with pytest.raises(DataError, match="between 0 and 1"):
        intervals(pd.DataFrame({"a": [1.0]}), 1.5)
