"""Where a target starts: levels of languages without scores, from those of others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from .exchange import language_distances
from .languages import find_language
from .mixtures import is_known

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PRIOR_SLOPES", "krige", "likeness"]

LEAST = 4  # targets from which levels of others are learned
NEAR = 0.15  # distance at which likeness of languages has fallen to 1/e
WILD = 3.0  # robust deviations from the median beyond which a level is drawn in
UNREAD = 0.05  # billions of tokens ascribed to a language that mC4 does not list
PRIOR_SLOPES = (0.1, 1.2, -3.0)
"""Where the slopes of `_traits` begin: what a regression of the targets' mean log odds in the
published matrix of de Vries et al. 2022 gives (105 targets; 0.06 to 0.13 a tenfold of text,
1.21 for having been seen by XLM-R, -3.2 to -4.2 a unit of distance)."""


def likeness(names: Sequence[str]) -> NDArray[np.float64]:
    """Similarity of languages in [0, 1], 1 on the diagonal.

    Parameters
    ----------
    names : sequence of str
        ISO 639-3, or what else the scores call a language.
    """
    near: NDArray[np.float64] = np.exp(-language_distances(names, names).mean(-1) / NEAR)
    return near


def _traits(names: Sequence[str], sources: Sequence[str]) -> NDArray[np.float64]:
    """What a level may depend on: text read in pre-training, and distance to the sources."""
    rows = []
    distances = language_distances(names, sources).mean(-1)
    for name, row in zip(names, distances, strict=True):
        tokens, seen = UNREAD, 0.0
        if is_known(name):
            language = find_language(name)
            tokens = language.mc4_tokens if language.mc4_tokens > 0 else UNREAD
            seen = float(language.xlmr)
        apart = row[[s != name for s in sources]]
        rows.append([np.log10(tokens), seen, apart.mean() if len(apart) else 0.0])
    return np.array(rows)


def krige(
    targets: Sequence[str],
    levels: NDArray[np.float64],
    new: Sequence[str],
    sources: Sequence[str],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Levels of unseen languages from those of seen ones.

    Kriging with a trend: a level is a mean, plus slopes drawn to `PRIOR_SLOPES` on pre-training
    text (log mC4 tokens; whether XLM-R saw it) and on the mean distance to the sources, plus a
    part that like languages share, plus its own. Averaged over a grid of variances and
    lengths, each weighted by its likelihood.

    Parameters
    ----------
    targets : sequence of str
        Languages with levels.
    levels : array, shape (targets,)
        In log odds.
    new : sequence of str
        Languages without.
    sources : sequence of str
        What the models learned from.

    Returns
    -------
    mean, sd
        Log odds, shape (new,).
    """
    n = len(targets)
    if n < LEAST:
        return np.full(len(new), levels.mean()), np.full(len(new), max(float(levels.std()), 0.5))
    old, fresh = _traits(targets, sources), _traits(new, sources)
    slopes = np.array(PRIOR_SLOPES)
    levels, ahead = levels - old @ slopes, fresh @ slopes
    middle = float(np.median(levels))
    usual = 1.4826 * float(np.median(np.abs(levels - middle)))
    levels = np.clip(levels, middle - WILD * usual, middle + WILD * usual)
    centre, spread = old.mean(0), old.std(0) + 1e-9
    x = (old - centre) / spread
    x_new = np.clip((fresh - centre) / spread, -3, 3)
    apart = language_distances([*targets, *new], [*targets, *new]).mean(-1)
    ones = np.ones(n)
    found = []
    for near, shared, alone, stiff in product(
        (0.1, 0.2, 0.4), (0.1, 0.5, 1.0, 3.0), (0.1, 0.3, 1.0), (1.0, 5.0, 20.0)
    ):
        alike = shared * np.exp(-apart / near)
        cover = alike[:n, :n] + alone * np.eye(n) + x @ x.T / stiff
        inverse = np.linalg.inv(cover)
        mean = float(ones @ inverse @ levels / (ones @ inverse @ ones))
        off = levels - mean
        variance = max(float(off @ inverse @ off) / n, 1e-12)
        fits = -0.5 * (n * np.log(variance) + np.linalg.slogdet(cover)[1])
        across = alike[n:, :n] + x_new @ x.T / stiff
        own = shared + alone + (x_new**2).sum(1) / stiff
        left = np.maximum(own - np.einsum("ij,jk,ik->i", across, inverse, across), 1e-6)
        found.append((fits, ahead + mean + across @ inverse @ off, left * variance))
    fits, means, variances = (np.array(part) for part in zip(*found, strict=True))
    weights = np.exp(fits - fits.max())
    weights /= weights.sum()
    mean = weights @ means
    return mean, np.sqrt(weights @ (variances + (means - mean) ** 2))
