"""A made-up world of mixtures whose truth is known."""

import numpy as np

from crosslingual.exchange import DECAYS, Exchange, logistic
from crosslingual.mixtures import Mixtures

SOURCES = ("ara", "deu", "eng", "spa", "fin", "hin", "rus", "tur", "zho", "fra")
WEIGHTS = {"other": 0.5, "genealogy": 1.5, "script": 1.0}
SLOPE = 0.4


def truth() -> Exchange:
    """Rates that decay with genealogy and script."""
    weights = {name: WEIGHTS.get(name, 0.0) for name in ("other", *DECAYS)}
    levels = dict(zip(SOURCES, np.linspace(-2.5, -1.0, len(SOURCES)).tolist(), strict=True))
    return Exchange(weights, SLOPE, levels, 0.0)


def mixture_world(runs=40, noise=0.03, seed=0, languages=SOURCES) -> Mixtures:
    """Every run has its own mixture and is tested in every language."""
    random = np.random.default_rng(seed)
    sizes = np.array([0.0, 100.0, 1000.0, 5000.0])
    table = random.choice(sizes, p=[0.5, 0.2, 0.2, 0.1], size=(runs, len(languages)))
    table[:, 0] = np.maximum(table[:, 0], 100.0)
    world = truth()
    cells = Mixtures(
        tuple(languages),
        np.repeat(table, len(languages), axis=0),
        np.repeat(np.arange(runs), len(languages)),
        np.tile(np.array(languages), runs),
        np.full(runs * len(languages), np.nan),
    )
    level = np.array([world.levels[t] for t in cells.targets])
    z = level + SLOPE * np.log1p(world.effective(cells))
    z = z + noise * random.standard_normal(len(z))
    return Mixtures(cells.languages, cells.amounts, cells.runs, cells.targets, logistic(z))
