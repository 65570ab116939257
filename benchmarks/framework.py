"""The statistical framework on 6,825 pairs, against loops over statsmodels fits.

Dyadic errors, the decomposition of R2 over eight features and MRQAP with 10,000
permutations, on a simulated matrix of the published one's shape (65 sources, 105 targets,
in-language pairs left out). The loops are timed on a part (``--part`` fits of each) and
scaled up, as the whole takes too long; the column ``scaled`` says so.

    python benchmarks/framework.py --out benchmarks/framework.csv
"""

from __future__ import annotations

import argparse
import time
from typing import Any


def main() -> None:
    """Read the command line, run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", type=int, default=300)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--out", default="benchmarks/framework.csv")
    args = parser.parse_args()

    import numpy as np
    import pandas as pd
    import statsmodels.api as sm

    from crosslingual.decomposition import relative_importance
    from crosslingual.permutation import mrqap
    from crosslingual.standard_errors import covariance

    random = np.random.default_rng(0)
    i, j = (k.ravel() for k in np.meshgrid(range(65), range(105), indexing="ij"))
    i, j = i[i != j], j[i != j]
    places = random.normal(size=(8, 105, 2))
    x = np.stack([np.linalg.norm(p[i] - p[j], axis=1) for p in places], axis=1)
    y = x @ np.linspace(0, 0.2, 8) + random.normal(size=105)[j] + random.normal(size=len(i))
    source, target = [f"l{k:03d}" for k in i], [f"l{k:03d}" for k in j]
    features = pd.DataFrame(x).add_prefix("x")
    matrix = sm.add_constant(x)
    rows = []

    def clock(what: str, ours: Any, loop: Any, whole: int) -> None:
        started = time.perf_counter()
        ours()
        quick = time.perf_counter() - started
        part = min(args.part, whole)
        started = time.perf_counter()
        loop(part)
        slow = (time.perf_counter() - started) * whole / part
        rows.append(
            {"what": what, "seconds": quick, "loop_seconds": slow, "ratio": slow / quick,
             "fits": whole, "scaled": part < whole}
        )  # fmt: skip
        print(pd.DataFrame(rows[-1:]).round(2).to_string(index=False), flush=True)

    fit = sm.OLS(y, matrix).fit()
    codes = np.array(i), np.array(j)

    def clusters(part: int) -> None:
        # V = sum of V by language - V by dyad - (N - 2) V_HC0: one statsmodels call a term
        for k in range(part):
            touches = (codes[0] == k % 105) | (codes[1] == k % 105)
            labels = np.where(touches, 0, np.arange(1, len(y) + 1))
            fit.get_robustcov_results("cluster", groups=labels, use_correction=False)

    clock("dyadic errors", lambda: covariance(matrix, fit.resid, source, target), clusters, 105)

    def subsets(part: int) -> None:
        for bits in range(part):
            chosen = [k for k in range(8) if bits >> k & 1]
            columns = sm.add_constant(x[:, chosen]) if chosen else np.ones(len(y))
            float(sm.OLS(y, columns).fit().rsquared)

    clock("LMG, 8 features", lambda: relative_importance(features, y), subsets, 256)

    def permuted(part: int) -> None:
        cells = np.full((105, 105), np.nan)
        for k in range(part):
            others = np.delete(matrix, 1 + k % 8, axis=1)
            cells[i, j] = sm.OLS(x[:, k % 8], others).fit().resid
            r, c = random.permutation(65), random.permutation(105)
            drawn = cells[r[i], c[j]]
            there = ~np.isnan(drawn)
            sm.OLS(y[there], np.column_stack([others, drawn])[there]).fit().tvalues[-1]

    clock(
        f"MRQAP, 8 features, {args.permutations} permutations",
        lambda: mrqap(features, y, source, target, draws=args.permutations, square=False),
        permuted,
        8 * args.permutations,
    )
    table = pd.DataFrame(rows)
    table.loc[len(table)] = {
        "what": "all",
        "seconds": table["seconds"].sum(),
        "loop_seconds": table["loop_seconds"].sum(),
        "ratio": table["loop_seconds"].sum() / table["seconds"].sum(),
        "fits": table["fits"].sum(),
        "scaled": True,
    }
    print(table.tail(1).round(2).to_string(index=False))
    table.round(3).to_csv(args.out, index=False)


if __name__ == "__main__":
    main()
