"""What to buy: the cheapest mixture of labels for a goal, and the next batch to annotate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .bootstrap import check_level
from .demands import Advice, as_goal, code_among, fit_advice, known_code, known_mixtures
from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from .mixtures import Mixtures

__all__ = ["cheapest_mixture", "next_batch"]


def _by_code(numbers: Mapping[str, float], languages: Sequence[str], what: str) -> dict[str, float]:
    """A number for each language, as the scores call it; the same one twice is refused."""
    found: dict[str, float] = {}
    names: dict[str, str] = {}
    for name, number in numbers.items():
        code = known_code(name, languages)
        if code in found:
            raise DataError(f"{what} name {code} twice, as {names[code]!r} and {name!r}: keep one.")
        found[code], names[code] = float(number), name
    return found


def _prices(prices: Mapping[str, float] | None, languages: Sequence[str]) -> dict[str, float]:
    if prices is None:
        return dict.fromkeys(sorted(set(languages)), 1.0)
    for name, price in prices.items():
        if not (np.isfinite(price) and price > 0):
            raise DataError(f"the price of a label in {name} is {price:g}. Allowed: above 0.")
    return _by_code(prices, languages, "the prices")


def cheapest_mixture(
    advice: Advice | Mixtures,
    target: str,
    goal: float,
    prices: Mapping[str, float] | None = None,
    interval: float = 0.8,
    languages_tried: int = 6,
) -> pd.DataFrame:
    """The cheapest mixtures that are predicted to reach a goal.

    Effective data are a sum, so by them alone one language would always be the cheapest: the
    one with the lowest price of an effective example. What the process adds can favour two;
    so all mixtures of up to two of the six best languages are tried, on a grid of amounts.

    Parameters
    ----------
    advice : Advice or Mixtures
        See `fit_advice`, which mixtures are given to.
    target : str
        A language.
    goal : float
        A fraction.
    prices : mapping, optional
        Language -> price of a label; only these are bought. 1 for all by default.
    interval : float
        Nominal coverage of ``low`` and ``high``.
    languages_tried : int
        How many languages enter pairs.

    Returns
    -------
    DataFrame
        At most ten, cheapest first, each better than all cheaper ones: mixture (language:
        labels), cost, score, low, high; empty if none reaches the goal.

    Raises
    ------
    DataError
        If the goal, the interval or a price is out of range, or a language is priced twice.
    UnknownLanguageError
        For a language that neither the scores nor the registry have.
    """
    import pandas as pd

    goal = as_goal(goal)
    check_level(interval)
    known = known_mixtures(advice)
    code = code_among(target, known)
    price = _prices(prices, [*known.languages, code])
    languages = sorted({*known.languages, code, *price})
    advice = advice if isinstance(advice, Advice) else fit_advice(advice)
    rates = dict(zip(languages, advice.model.exchange.rates(languages, [code])[:, 0], strict=True))
    best = sorted(price, key=lambda name: price[name] / max(rates[name], 1e-12))
    best = best[:languages_tried]
    grid = np.round(np.expm1(np.linspace(np.log(11), np.log1p(advice.most), 14)))
    rows = []
    for name in best:
        for n in grid:
            rows.append({name: n})
    for one, two in combinations(best, 2):
        for n in grid[::2]:
            for m in grid[::2]:
                rows.append({one: n, two: m})
    amounts = np.zeros((len(rows), len(languages)))
    for i, row in enumerate(rows):
        for name, n in row.items():
            amounts[i, languages.index(name)] = n
    score, low, high = advice.score(amounts, languages, code, interval)
    table = pd.DataFrame(
        {
            "mixture": [", ".join(f"{k}: {n:.0f}" for k, n in row.items()) for row in rows],
            "cost": [sum(price[k] * n for k, n in row.items()) for row in rows],
            "score": score,
            "low": low,
            "high": high,
        }
    )
    reached = table[table["score"] >= goal].sort_values("cost", kind="stable")
    better = reached["score"] > reached["score"].cummax().shift(fill_value=0.0)
    return reached[better].head(10).reset_index(drop=True)


def next_batch(
    advice: Advice | Mixtures,
    target: str,
    have: Mapping[str, float],
    budget: float,
    prices: Mapping[str, float] | None = None,
    interval: float = 0.8,
) -> pd.DataFrame:
    """What one budget of new labels would bring, spent on each language.

    Parameters
    ----------
    advice : Advice or Mixtures
        See `fit_advice`, which mixtures are given to.
    target : str
        A language.
    have : mapping
        Language -> labels there are already; at least one.
    budget : float
        To spend, in the unit of the prices.
    prices : mapping, optional
        Language -> price of a label, 1 for all by default.
    interval : float
        Nominal coverage of ``low`` and ``high``.

    Returns
    -------
    DataFrame
        Best first: language, labels (what the budget buys), score, low, high (after buying them),
        gain (score minus that of what there is).

    Raises
    ------
    DataError
        If the budget, the interval, a price or the labels there are are out of range, or a
        language is named twice.
    UnknownLanguageError
        For a language that neither the scores nor the registry have.
    """
    import pandas as pd

    if not (np.isfinite(budget) and budget > 0):
        raise DataError(f"the budget is {budget:g}. Allowed: above 0.")
    check_level(interval)
    known = known_mixtures(advice)
    code = code_among(target, known)
    price = _prices(prices, [*known.languages, code])
    there = _by_code(have, known.languages, "the labels there are")
    if any(not n >= 0 for n in there.values()) or not sum(there.values()) > 0:
        raise DataError(f"the labels there are must be 0 or more, and some: {dict(have)}.")
    languages = sorted({*known.languages, code, *price, *there})
    advice = advice if isinstance(advice, Advice) else fit_advice(advice)
    base = np.array([there.get(name, 0.0) for name in languages])
    amounts = np.tile(base, (len(price) + 1, 1))
    for i, (name, cost) in enumerate(price.items(), start=1):
        amounts[i, languages.index(name)] += budget / cost
    score, low, high = advice.score(amounts, languages, code, interval)
    table = pd.DataFrame(
        {
            "language": list(price),
            "labels": [budget / cost for cost in price.values()],
            "score": score[1:],
            "low": low[1:],
            "high": high[1:],
            "gain": score[1:] - score[0],
        }
    )
    return table.sort_values("gain", ascending=False, kind="stable").reset_index(drop=True)
