"""Numbers that a caller chooses: levels, counts of draws, seeds. Checked before the work."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np

from .errors import DataError

__all__ = ["check_count", "check_level", "generator"]


def check_level(level: float, name: str = "the level of an interval") -> None:
    """Raise a `DataError` for a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise DataError(f"{name} must be between 0 and 1, not {level}.")


def check_count(name: str, value: SupportsIndex, least: int = 1) -> None:
    """Raise a `DataError` for a count that is no whole number, or too small.

    Parameters
    ----------
    name : str
        Of the parameter.
    value : int
        Given.
    least : int
        Allowed.
    """
    try:
        count = operator.index(value)
    except TypeError:
        count = least - 1
    if count < least:
        raise DataError(f"{name} must be a whole number from {least}, not {value!r}.")


def generator(seed: int) -> np.random.Generator:
    """The generator of random numbers that a seed starts; a `DataError` if it can start none."""
    check_count("seed", seed, 0)
    return np.random.default_rng(seed)
