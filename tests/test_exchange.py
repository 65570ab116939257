"""Exchange rates: identities, and a known world found again."""

import numpy as np
import pytest
from data_mixtures import SLOPE, SOURCES, mixture_world, truth

from crosslingual.errors import DataError
from crosslingual.exchange import fit_exchange, language_distances, logistic, logit


def test_rates_are_one_at_home_and_symmetric() -> None:
    rates = truth().rates(SOURCES, SOURCES)
    assert np.allclose(np.diag(rates), 1)
    assert np.allclose(rates, rates.T)
    assert (rates > 0).all()
    assert (rates <= 1).all()


def test_effective_data_by_hand() -> None:
    world = mixture_world(runs=1)
    rates = truth().rates(world.languages, ["deu"])[:, 0]
    cell = world.take(np.flatnonzero(world.targets == "deu"))
    assert truth().effective(cell)[0] == pytest.approx(cell.amounts[0] @ rates)


def test_a_known_world_is_found_again() -> None:
    found = fit_exchange(mixture_world(runs=120, noise=0.02))
    assert found.slope == pytest.approx(SLOPE, rel=0.05)
    gap = np.log(found.rates(SOURCES, SOURCES)) - np.log(truth().rates(SOURCES, SOURCES))
    assert np.sqrt((gap**2).mean()) < 0.15
    levels = truth().levels
    assert all(abs(found.levels[name] - levels[name]) < 0.2 for name in SOURCES)
    assert "slope" not in str(found)
    assert "genealogy" in str(found)


def test_unknown_languages_are_average_ones() -> None:
    known = language_distances(SOURCES, SOURCES)
    with_one = language_distances([*SOURCES, "qqq"], SOURCES)
    off = ~np.eye(len(SOURCES), dtype=bool)
    assert np.allclose(with_one[-1], known[off].mean(0))
    assert np.allclose(language_distances(["qqq"], ["eng"]), 0.5)
    assert np.allclose(language_distances(["qqq"], ["qqq"]), 0)


def test_too_little_to_learn_from() -> None:
    world = mixture_world(runs=10)
    with pytest.raises(DataError, match="too few"):
        fit_exchange(world.take(np.arange(7)))
    one = world.take(np.flatnonzero(world.runs == 0))
    again = one.take(np.tile(np.arange(len(one)), 3))
    with pytest.raises(DataError, match="same training data"):
        fit_exchange(again)


def test_logit_and_logistic_are_inverse() -> None:
    scores = np.linspace(0.01, 0.99, 50)
    assert np.allclose(logistic(logit(scores)), scores)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
