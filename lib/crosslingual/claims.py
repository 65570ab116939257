"""The study's claim as a question: whether grammar predicts transfer beyond words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import check_level
from .decomposition import drawn_importance, feature_groups, relative_importance
from .errors import DataError
from .model_matrix import DEFAULT_TERMS, Design, design
from .permutation import mrqap_block
from .wording import paragraph

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Claim", "block_tests", "claim", "claim_by_task"]

SURE = 0.05
BLOCKS = ("linguistic", "lexical")


@dataclass(frozen=True)
class Claim:
    """An answer with its reasons; prints itself.

    Attributes
    ----------
    name : str
        Of the design.
    blocks : DataFrame
        One row a block (``linguistic``, ``lexical``): features, partial_r2 (of what all other
        features leave), by_chance (its mean when languages are renamed), excess (the
        difference), p (permutation), share (of R2, Owen value), share_low, share_high.
    difference : tuple of float
        Share of the linguistic block minus that of the lexical one: estimate, low, high.
    languages : int
        How many the answer rests on.
    verdict : str
        In words; one of "yes", "no" or "cannot tell" leads each half.
    """

    name: str
    blocks: pd.DataFrame
    difference: tuple[float, float, float]
    languages: int
    verdict: str

    def __str__(self) -> str:
        middle, low, high = self.difference
        return "\n".join(
            [
                f"{self.name}: do features of grammar and sound predict transfer beyond words?",
                self.blocks.round(3).to_string(index=False),
                f"share of R2, linguistic minus lexical: {middle:+.2f} [{low:+.2f}, {high:+.2f}]",
                paragraph(self.verdict),
            ]
        )


def claim(
    made: Design,
    groups: Mapping[str, Sequence[str]] | None = None,
    draws: int = 500,
    permutations: int = 5000,
    seed: int = 0,
    level: float = 0.95,
) -> Claim:
    """Ask whether syntax, morphology and phonology predict transfer beyond lexical similarity.

    Parameters
    ----------
    made : Design
        With at least one linguistic and one lexical feature; others are controls and stay in
        every regression.
    groups : mapping, optional
        Other members of ``linguistic`` and ``lexical`` than those of
        `crosslingual.decomposition.GROUPS`.
    draws : int
        Node-bootstrap draws for the shares.
    permutations : int
        Of languages, for the tests of the blocks.
    seed : int
        Of both.
    level : float
        Of the intervals.

    Returns
    -------
    Claim

    Raises
    ------
    DataError
        If a block has no feature, there are too few languages to draw from, or a number that is
        asked for is out of range.

    Notes
    -----
    Partial R2 favours the block with more features, so it is shown beside what a block of its
    size gets by chance (the mean over permutations). "Beyond" is tested by permuting the
    block's residuals on everything else (`crosslingual.permutation.mrqap_block`). "Larger" is
    said only where the node-bootstrap interval of the difference of shares leaves zero out.
    """
    check_level(level)
    parts = _parts(made, groups)
    rows = made.rows
    languages = len(set(rows["source"]) | set(rows["target"]))
    table = block_tests(made, groups, permutations, seed)
    both = [list(parts).index(name) for name in BLOCKS]
    shares = relative_importance(
        rows[list(made.terms)], made.y.tolist(), parts, made.base().to_numpy()
    )["share"]
    estimate = shares.to_numpy()[both]
    drawn = drawn_importance(made, parts, draws, seed)
    drawn = (drawn / drawn.sum(1, keepdims=True))[:, both]
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(drawn, tails, axis=0)
    table = table.assign(share=estimate, share_low=low, share_high=high)
    gap = drawn[:, 0] - drawn[:, 1]
    between = np.quantile(gap, tails)
    difference = (float(estimate[0] - estimate[1]), float(between[0]), float(between[1]))
    verdict = _verdict(table["p"].tolist(), difference, languages)
    return Claim(made.name, table, difference, languages, verdict)


def _parts(made: Design, groups: Mapping[str, Sequence[str]] | None) -> dict[str, list[str]]:
    parts = feature_groups(made.terms, groups)
    for name in BLOCKS:
        if name not in parts:
            raise DataError(
                f"the design has no {name} feature (its terms: {', '.join(made.terms)}). Add one."
            )
    return parts


def block_tests(
    made: Design,
    groups: Mapping[str, Sequence[str]] | None = None,
    permutations: int = 5000,
    seed: int = 0,
) -> pd.DataFrame:
    """Test what grammar and sound, and what words, add to everything else in a design.

    The first half of `claim`, without shares; it also serves designs with an intercept for every
    source and target, where too few draws of languages can be used for intervals.

    Parameters
    ----------
    made, groups, permutations, seed
        As in `claim`.

    Returns
    -------
    DataFrame
        One row a block (``linguistic``, ``lexical``): features, partial_r2, by_chance, excess, p;
        see `Claim`.

    Raises
    ------
    DataError
        If a block has no feature.
    """
    import pandas as pd

    parts, rows, base = _parts(made, groups), made.rows, made.base().to_numpy()
    table = []
    for name in BLOCKS:
        test = mrqap_block(
            rows[list(made.terms)],
            parts[name],
            made.y.tolist(),
            rows["source"].tolist(),
            rows["target"].tolist(),
            draws=permutations,
            seed=seed,
            fixed=base,
            layer=(rows["task"] + rows["shots"].astype(str)).tolist(),
        )
        table.append(
            {
                "block": name,
                "features": len(parts[name]),
                "partial_r2": test["partial_r2"],
                "by_chance": test["by_chance"],
                "excess": test["partial_r2"] - test["by_chance"],
                "p": test["p"],
            }
        )
    return pd.DataFrame(table)


def claim_by_task(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    terms: Sequence[str] = DEFAULT_TERMS,
    permutations: int = 5000,
    seed: int = 0,
    fixed: str = "both",
    **options: Any,
) -> pd.DataFrame:
    """Ask what grammar and sound, and what words, add in each task by itself.

    Parameters
    ----------
    scores, features, terms
        As in `crosslingual.model_matrix.design`; one model's scores.
    permutations, seed
        As in `claim`.
    fixed : str
        Intercepts; by default of every source and every target, so that what is left belongs
        to the pair.
    **options
        Others of `crosslingual.model_matrix.design`.

    Returns
    -------
    DataFrame
        task, the columns of `block_tests`, and p_holm: p corrected for all tests of the table
        (Holm: the chance that any finding is none stays below the level).
        ``attrs["left_out"]`` says which tasks cannot be tested, and why.

    Raises
    ------
    DataError
        If no task can be tested, with the reasons.
    """
    import pandas as pd
    from statsmodels.stats.multitest import multipletests

    tables, left_out = [], []
    for task in sorted(scores["task"].unique()):
        try:
            made = design(scores, features, terms, task=task, fixed=fixed, **options)
            found = block_tests(made, permutations=permutations, seed=seed)
        except DataError as error:  # nothing varies, too few pairs, a block without a feature
            left_out.append(str(error))
            continue
        found.insert(0, "task", task)
        tables.append(found)
    if not tables:
        raise DataError(f"no task can be tested: {'; '.join(dict.fromkeys(left_out))}")
    table = pd.concat(tables, ignore_index=True)
    table["p_holm"] = multipletests(table["p"], method="holm")[1]
    table.attrs["left_out"] = left_out
    return table


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _verdict(p: Sequence[float], difference: tuple[float, float, float], languages: int) -> str:
    """Both halves of the claim in words, each with its doubt."""
    few = f"with {languages} languages"
    if p[0] < SURE:
        first = f"Yes, beyond words: grammar and sound add to lexical similarity ({_p(p[0])})."
    else:
        first = (
            f"Cannot tell {few} whether grammar and sound add to lexical similarity ({_p(p[0])})."
        )
    other = (
        f"Lexical similarity adds to them, too ({_p(p[1])})."
        if p[1] < SURE
        else f"Whether lexical similarity adds to them cannot be told ({_p(p[1])})."
    )
    middle, low, high = difference
    span = f"{middle:+.2f}, interval {low:+.2f} to {high:+.2f}"
    if low > 0:
        second = f"Yes, their share is larger than that of words ({span})."
    elif high < 0:
        second = f"No, the share of words is larger than theirs ({span})."
    else:
        second = f"Cannot tell {few} whose share is larger ({span})."
    return f"{first} {other} {second}"
