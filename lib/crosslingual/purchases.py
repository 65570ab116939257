"""What to buy: the cheapest mixture of labels for a goal, and the next batch to annotate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_count, check_level
from .demands import (
    Advice,
    as_goal,
    code_among,
    first_reaching,
    fit_advice,
    known_code,
    known_mixtures,
)
from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from .mixtures import Mixtures

__all__ = ["cheapest_mixture", "next_batch"]

# Of the money, for one of two languages.
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_STEPS = 24  # of the grid of sums of money


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


def _labels(have: Mapping[str, float], languages: Sequence[str]) -> dict[str, float]:
    there = _by_code(have, languages, "the labels there are")
    if any(not 0 <= n < np.inf for n in there.values()):
        raise DataError(f"the labels there are must be 0 or more: {dict(have)}.")
    return there


def cheapest_mixture(
    advice: Advice | Mixtures,
    target: str,
    goal: float,
    prices: Mapping[str, float] | None = None,
    interval: float = 0.8,
    languages_tried: int = 6,
    have: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The cheapest labels that are predicted to reach a goal, of one language or of two.

    Effective data are a sum, so by them alone one language would always be the cheapest: the
    one with the lowest price of an effective example. What the process adds can favour two;
    so the six best languages are tried alone and in pairs, a pair with the money shared in
    different ways. Of each way the smallest sum that reaches the goal is found as
    `crosslingual.demands.demand` finds a number of labels.

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
        How many languages are tried.
    have : mapping, optional
        Language -> labels there are already, which cost nothing; none by default.

    Returns
    -------
    DataFrame
        One row a language or a pair, cheapest first, at most ten: mixture (language: labels to
        buy), cost, score, low, high (with them). A pair is there if it is cheaper than either of
        the two. Empty if nothing reaches the goal; one row that costs nothing if what there is
        does.

    Raises
    ------
    DataError
        If the goal, the interval, a price, the labels there are or ``languages_tried`` are out of
        range, or a language is named twice.
    UnknownLanguageError
        For a language that neither the scores nor the registry have.
    """
    import pandas as pd

    goal = as_goal(goal)
    check_level(interval)
    check_count("languages_tried", languages_tried)
    known = known_mixtures(advice)
    code = code_among(target, known)
    price = _prices(prices, [*known.languages, code])
    there = _labels(have or {}, known.languages)
    languages = sorted({*known.languages, code, *price, *there})
    advice = advice if isinstance(advice, Advice) else fit_advice(advice)
    base = np.array([there.get(name, 0.0) for name in languages])
    cost = np.array([price.get(name, 0.0) for name in languages])

    def scores(amounts: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        return advice.score(base + amounts, languages, code, interval)

    rates = dict(zip(languages, advice.model.exchange.rates(languages, [code])[:, 0], strict=True))
    best = sorted(price, key=lambda name: price[name] / max(rates[name], 1e-12))[:languages_tried]
    nothing = np.zeros((1, len(languages)))
    if base.any() and scores(nothing)[0][0] >= goal:
        bought, spent = nothing, np.zeros(1)
    else:
        room = np.maximum(advice.most - base, 0.0)
        ways = _ways([languages.index(name) for name in best], cost, room)
        bought = np.ceil(_least(lambda amounts: scores(amounts)[0], ways, goal) - 1e-9)
        spent = bought @ cost
        kept = _apart(bought > 0, spent)[:10]
        bought, spent = bought[kept], spent[kept]
    score, low, high = scores(bought) if len(bought) else bought.T[:3]
    mixtures = [
        ", ".join(f"{name}: {n:.0f}" for name, n in zip(languages, row, strict=True) if n)
        for row in bought
    ]
    return pd.DataFrame(
        {"mixture": mixtures, "cost": spent, "score": score, "low": low, "high": high}
    )


def _ways(
    best: Sequence[int], cost: NDArray[np.float64], room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The most that each way of spending buys, shape (ways, languages): of one, or of two."""
    ways = []
    for one in best:
        ways.append({one: room[one]})
    for one, two in combinations(best, 2):
        for share in _SHARES:
            money = min(room[one] * cost[one] / share, room[two] * cost[two] / (1 - share))
            ways.append({one: money * share / cost[one], two: money * (1 - share) / cost[two]})
    amounts = np.zeros((len(ways), len(cost)))
    for row, way in zip(amounts, ways, strict=True):
        row[list(way)] = list(way.values())
    return amounts[amounts.sum(1) > 0]


def _least(
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ways: NDArray[np.float64],
    goal: float,
) -> NDArray[np.float64]:
    """The smallest part of each way that reaches the goal; ways that do not are left out."""
    if not len(ways):
        return ways
    parts = np.geomspace(1 / ways.max(), 1, _STEPS)
    asked = ways[:, None, :] * parts[:, None]
    reached = score(asked.reshape(-1, ways.shape[1])).reshape(len(ways), _STEPS) >= goal
    ways, reached = ways[reached.any(1)], reached[reached.any(1)]
    least = first_reaching(parts, reached, lambda part: score(ways * part[:, None]) >= goal)
    return ways * least[:, None]


def _apart(bought: NDArray[np.bool_], spent: NDArray[np.float64]) -> list[int]:
    """Rows, cheapest first, without those of whose languages some suffice for less."""
    kept: list[int] = []
    for i in np.argsort(spent, kind="stable").tolist():
        if not any((bought[j] <= bought[i]).all() for j in kept):
            kept.append(i)
    return kept


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
    there = _labels(have, known.languages)
    if not sum(there.values()) > 0:
        raise DataError(f"the labels there are must be some: {dict(have)}.")
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
