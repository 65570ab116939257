"""Labels and purchases: inversions by hand, prices, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from data_mixtures import SLOPE, mixture_world, truth

from crosslingual.demands import demand, first_reaching, fit_advice
from crosslingual.errors import DataError, UnknownLanguageError
from crosslingual.exchange import logit
from crosslingual.purchases import cheapest_mixture, next_batch


@pytest.fixture(scope="module")
def advice():
    return fit_advice(mixture_world(runs=60, noise=0.02))


def _needed(target: str, goal: float, already: float = 0.0) -> float:
    """Labels that solve the known world's equation."""
    start = truth().levels[target]
    return float(np.expm1((logit(np.array([goal]))[0] - start) / SLOPE)) - already


def test_labels_invert_the_curve(advice) -> None:
    for goal in (0.6, 0.7, 0.75):
        made = demand(advice, "de", goal, "en", size=1000)
        rate = truth().rates(["eng"], ["deu"])[0, 0]
        wanted = _needed("deu", goal, already=rate * 1000)
        assert made.labels == pytest.approx(max(wanted, 0), rel=0.35, abs=30)
        assert made.low <= made.labels <= made.high
    curve = made.curve
    assert (np.diff(curve["score"]) >= 0).all()
    assert "needs about" in str(made)


def test_a_curve_is_crossed_where_it_jumps() -> None:
    """Rising curves of known places: a line, a step between two points, a flat one, a high one."""
    grid = np.array([1.0, 10.0, 100.0, 1000.0])
    curves = [lambda n: n / 50, lambda n: float(n > 777), lambda n: 0.5, lambda n: 2.0]

    def enough(numbers: np.ndarray) -> np.ndarray:
        return np.array([curve(n) >= 1 for curve, n in zip(curves, numbers, strict=True)])

    reached = np.array([[curve(n) >= 1 for n in grid] for curve in curves])
    found = first_reaching(grid, reached, enough)
    assert found == pytest.approx([50, 777, np.inf, 1], rel=1e-3)
    assert not first_reaching(grid, np.zeros((0, 4), dtype=bool), enough).size


def test_a_goal_out_of_reach_is_said(advice) -> None:
    made = demand(advice, "ara", 0.98, "en")
    assert not made.reachable
    assert made.ceiling[1] <= made.ceiling[0] <= made.ceiling[2] < 0.98
    assert "not reachable" in str(made)
    assert f"{made.ceiling[0]:.2f}" in str(made)


def test_a_target_without_scores_has_a_demand(advice) -> None:
    made = demand(advice, "sw", 0.6, "en")
    sure = demand(advice, "de", 0.6, "en")
    assert made.high - made.low > sure.high - sure.low


def test_the_source_helps(advice) -> None:
    assert demand(advice, "fr", 0.65, "es").labels < demand(advice, "fr", 0.65).labels


def test_the_cheapest_mixture_follows_prices(advice) -> None:
    dear = cheapest_mixture(advice, "fr", 0.7, {"fr": 1.0, "es": 0.01})
    own = cheapest_mixture(advice, "fr", 0.7, {"fr": 1.0, "es": 5.0})
    assert dear.loc[0, "cost"] < own.loc[0, "cost"]
    assert own.loc[0, "mixture"].startswith("fra")
    assert "spa" in dear.loc[0, "mixture"]
    assert (own["score"] >= 0.7).all()
    assert own["cost"].is_monotonic_increasing
    assert cheapest_mixture(advice, "ara", 0.99).empty


def test_the_cheapest_labels_are_those_of_a_fine_grid(advice) -> None:
    """All mixtures of two languages, in steps of five per cent, and what `demand` says of one."""
    goal, price = 0.7, {"fra": 1.0, "spa": 0.02}
    found = cheapest_mixture(advice, "fr", goal, price)
    languages = sorted(price)
    steps = np.round(np.geomspace(1, advice.most, 180))
    amounts = np.array([(a, b) for a in [0.0, *steps] for b in [0.0, *steps] if a + b])
    costs = amounts @ [price[name] for name in languages]
    reached = advice.score(amounts, languages, "fra", 0.8)[0] >= goal
    assert costs[reached].min() * 0.94 <= found["cost"].iloc[0] <= costs[reached].min() * 1.02
    assert (found["score"] >= goal - 1e-3).all()
    alone = cheapest_mixture(advice, "fr", goal, {"fr": 1.0})
    assert len(alone) == 1
    assert alone["cost"].iloc[0] == pytest.approx(demand(advice, "fr", goal).labels, rel=0.03)


def test_what_there_is_costs_nothing(advice) -> None:
    price = {"fr": 2.0}
    after = cheapest_mixture(advice, "fr", 0.65, price, have={"es": 1000})["cost"].iloc[0]
    assert after == pytest.approx(2 * demand(advice, "fr", 0.65, "es", size=1000).labels, rel=0.03)
    assert after < cheapest_mixture(advice, "fr", 0.65, price)["cost"].iloc[0]
    enough = cheapest_mixture(advice, "de", 0.5, have={"de": advice.most})
    assert enough[["mixture", "cost"]].values.tolist() == [["", 0.0]]
    assert enough["score"].iloc[0] >= 0.5


def test_the_next_batch_is_the_targets_own_at_equal_prices(advice) -> None:
    table = next_batch(advice, "tr", {"zh": 1000}, budget=500)
    assert table.loc[0, "language"] == "tur"
    assert table["gain"].is_monotonic_decreasing
    cheap = next_batch(advice, "tr", {"zh": 1000}, 500, {"tr": 50, "de": 0.1})
    assert cheap.set_index("language").loc["tur", "labels"] == 10


@pytest.mark.parametrize("goal", [1.2, 0, -0.1, float("nan"), 70])
def test_goals_that_are_none(advice, goal) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        demand(advice, "de", goal)


def test_nonsense_is_named(advice) -> None:
    with pytest.raises(DataError, match="same language"):
        demand(advice, "de", 0.5, "German")
    with pytest.raises(DataError, match="needs examples"):
        demand(advice, "de", 0.5, "en", size=0)
    with pytest.raises(UnknownLanguageError):
        demand(advice, "Germn", 0.5)
    with pytest.raises(DataError, match="price"):
        cheapest_mixture(advice, "de", 0.5, {"de": -1})
    with pytest.raises(DataError, match="budget"):
        next_batch(advice, "de", {"en": 5}, 0)
    with pytest.raises(
        DataError, match="the labels there are name eng twice, as 'en' and 'English'"
    ):
        next_batch(advice, "de", {"en": 5, "English": 50}, 10)
    with pytest.raises(DataError, match="the prices name deu twice"):
        cheapest_mixture(advice, "de", 0.5, {"de": 1, "deu": 2})
    with pytest.raises(DataError, match="labels there are"):
        next_batch(advice, "de", {"en": 0}, 5)
    with pytest.raises(DataError, match="0 or more"):
        cheapest_mixture(advice, "de", 0.5, have={"en": -3})
    with pytest.raises(DataError, match="too few"):
        demand(mixture_world(runs=1).take(np.arange(5)), "de", 0.5)


def test_a_matrix_does_not_say_what_more_examples_bring() -> None:
    """Every language has 1,000 examples: rates and the slope cannot be told apart."""
    codes = ["ara", "deu", "eng", "fin", "rus", "tur"]
    random = np.random.default_rng(0)
    rows = [
        {"source": s, "target": t, "score": 0.8 if s == t else 0.2 + 0.2 * random.random()}
        for s in codes
        for t in codes
    ]
    matrix = pd.DataFrame(rows).assign(task="t", model="m", shots=0, seed=0)
    with pytest.raises(DataError, match="same number of them"):
        demand(matrix, "de", 0.5)
    some = matrix[matrix["source"] != matrix["target"]].assign(
        shots=50, training="sequential", score=lambda d: d["score"] + 0.2
    )
    assert demand(pd.concat([matrix.assign(training="source"), some]), "de", 0.5).labels < 1000
