"""Ranking measures: worked cases, and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from crosslingual.errors import DataError
from crosslingual.ranking import hit_at_1, ndcg, regret

values = st.lists(st.integers(0, 1000), min_size=2, max_size=25, unique=True)


def test_worked_case() -> None:
    """Three sources; the second best is put first: gains 1023, 511, 255."""
    got = ndcg([0.9, 0.8, 0.7], [2, 3, 1])
    best = 1023 + 511 / np.log2(3) + 255 / 2
    assert got == pytest.approx((511 + 1023 / np.log2(3) + 255 / 2) / best)
    assert regret([0.9, 0.8, 0.7], [2, 3, 1]) == pytest.approx(0.1)
    assert hit_at_1([0.9, 0.8, 0.7], [2, 3, 1]) == 0
    assert hit_at_1([0.9, 0.8, 0.7], [1, 1, 0]) == 0.5


@given(values, st.integers(0, 10_000))
def test_ndcg_is_sklearns_with_langranks_gain(scores, seed) -> None:
    guess = np.random.default_rng(seed).permutation(len(scores)).astype(float)
    order = np.argsort(-np.array(scores))
    gain = np.zeros(len(scores))
    gain[order[:10]] = 2.0 ** (10 - np.arange(min(10, len(scores)))) - 1
    assert ndcg(scores, guess) == pytest.approx(ndcg_score([gain], [guess], k=3))


@given(values)
def test_the_truth_is_a_perfect_ranking(scores) -> None:
    assert ndcg(scores, scores) == pytest.approx(1)
    assert regret(scores, scores) == 0
    assert hit_at_1(scores, scores) == 1


@given(values, st.integers(1, 5))
def test_ties_are_the_mean_of_their_orders(scores, k) -> None:
    """Against sklearn, which averages ties, too."""
    guess = [float(s % 3) for s in scores]
    order = np.argsort(-np.array(scores))
    gain = np.zeros(len(scores))
    gain[order[:10]] = 2.0 ** (10 - np.arange(min(10, len(scores)))) - 1
    assert ndcg(scores, guess, k) == pytest.approx(ndcg_score([gain], [guess], k=k))


def test_bad_rankings() -> None:
    with pytest.raises(DataError, match="as many"):
        ndcg([1.0], [1.0, 2.0])
    with pytest.raises(DataError, match="finite"):
        regret([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(DataError, match="whole number from 1"):
        ndcg([1.0], [1.0], k=0)
