"""Published score tables: where they are, and how they become ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataError
from .features import pair_features
from .languages import language_table
from .score_tables import read_scores

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["XPOS_COLUMNS", "find_xpos", "xpos_features", "xpos_scores"]

XPOS_URL = (
    "https://raw.githubusercontent.com/wietsedv/xpos/"
    "29e83f205e8c325e639887baf99bd95b0b62caa9/results/udpos-ft-10000.csv"
)
XPOS_SHA256 = "8b8b4c75034f867d0b7dc6c12f159ee565265e9923ec1aaf7cd3c1193f5674e3"
XPOS_COLUMNS = {"task": "task_name", "source": "lang_train", "target": "lang_pred"}
"""Our names of the columns, and the file's."""


def find_xpos(path: str | Path = "", download: bool = False) -> Path | None:
    """Look for the table of de Vries, Wieling and Nissim 2022.

    XLM-R base, fine-tuned for part of speech on each of 65 languages with 10,000 updates,
    tested on 105: accuracy in percent. It is not part of this package.

    Parameters
    ----------
    path : str or Path
        The file; by default ``published/xpos_udpos_10000.csv`` under ``$CROSSLINGUAL_DATA``.
    download : bool
        Where it is not there, take it from its authors' repository (600 kB, through pooch,
        checked against a hash).

    Returns
    -------
    Path or None
        None where it is not at hand.

    Raises
    ------
    DataError
        If a path is given that does not exist, or the download fails.
    """
    if path:
        if not Path(path).is_file():
            raise DataError(
                f"the published table {str(path)!r} does not exist. Get it from {XPOS_URL}."
            )
        return Path(path)
    root = os.environ.get("CROSSLINGUAL_DATA")
    if root:
        usual = Path(root) / "published" / "xpos_udpos_10000.csv"
        if usual.is_file():
            return usual
    if not download:
        return None
    import pooch

    try:
        return Path(pooch.retrieve(XPOS_URL, XPOS_SHA256, fname="xpos_udpos_10000.csv"))
    except (OSError, ValueError) as error:  # no network, no file, another hash
        raise DataError(
            f"the published table could not be had from {XPOS_URL} ({type(error).__name__}). "
            "Download it by hand and give its path."
        ) from None


def xpos_scores(path: str | Path) -> pd.DataFrame:
    """Read the table: one row a pair, languages as ISO 639-3, scores in percent.

    Parameters
    ----------
    path : str or Path
        CSV of de Vries et al. 2022.
    """
    return read_scores(path, XPOS_COLUMNS)


def xpos_features(scores: pd.DataFrame) -> pd.DataFrame:
    """Features of its pairs, with two controls for what XLM-R saw.

    Parameters
    ----------
    scores : DataFrame
        From `xpos_scores`.

    Returns
    -------
    DataFrame
        As `crosslingual.features.pair_features` (languages without CLDR names keep their
        rows, with gaps), and ``xlmr_source`` and ``xlmr_target``: 1 where the language is
        among XLM-R's pre-training languages. The text amounts are left out: mC4 is mT5's.
    """
    pairs = pair_features(
        sorted(scores["source"].unique()),
        sorted(scores["target"].unique()),
        corpus="none",
        missing="keep",
    ).drop(columns=["log_tokens_source", "log_tokens_target", "subword_overlap"])
    seen = language_table().set_index("code")["xlmr"].astype(float)
    for side in ("source", "target"):
        pairs[f"xlmr_{side}"] = pairs[side].map(seen)
    return pairs


XPOS_TERMS = (
    "syntax", "morphology", "phonology", "inventory", "genealogy", "geography",
    "levenshtein_romanised", "same_script", "xlmr_source", "xlmr_target",
)  # fmt: skip


def study_xpos(
    scores: pd.DataFrame,
    features: pd.DataFrame,
    draws: int = 300,
    permutations: int = 2000,
    validated: bool = True,
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Run the whole framework on the published matrix.

    Parameters
    ----------
    scores, features : DataFrame
        See `xpos_scores` and `xpos_features`.
    draws, permutations : int
        Of languages, for intervals and tests.
    validated : bool
        Also predict held-out languages, the slow part.
    seed : int
        Of everything random.

    Returns
    -------
    dict
        ``samples`` (what each specification was fitted to), ``coefficients`` (by
        specification and kind of errors), ``components`` (crossed random effects), ``shares``
        (by group), ``claims`` (blocks, and the verdict in words), and ``validation``.
        Specifications: ``with words`` (languages with CLDR names), ``all languages`` (no
        lexical similarity), ``within targets`` (with words, an intercept for each target).
    """
    import pandas as pd

    from .claims import claim
    from .decomposition import importance
    from .mixed import random_effects
    from .model_matrix import design
    from .regression import fit
    from .validation import validate

    words = list(XPOS_TERMS)
    bare = [t for t in words if t != "levenshtein_romanised"]
    inner = [t for t in words if t != "xlmr_target"]
    specifications = {
        "with words": (words, "none"),
        "all languages": (bare, "none"),
        "within targets": (inner, "target"),
    }
    found: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("samples", "coefficients", "components", "shares", "claims")
    }
    for name, (terms, fixed) in specifications.items():
        made = design(scores, features, terms, fixed=fixed)
        fitted = fit(made)
        rows = made.rows
        sample = {
            "specification": name,
            "pairs": len(rows),
            "sources": rows["source"].nunique(),
            "targets": rows["target"].nunique(),
            "r2": fitted.fit.rsquared,
            "condition": made.condition,
            "without_features": made.dropped["without features"],
            "in_language": made.dropped["in-language"],
        }
        found["samples"].append(pd.DataFrame([sample]))
        for kind in ("classical", "HC3", "dyadic", "jackknife"):
            tidy = fitted.tidy(kind)
            tidy = tidy[tidy["term"].isin(terms)].drop(columns="name")
            found["coefficients"].append(tidy.assign(specification=name))
        if fixed == "none":
            components = random_effects(made).components
            found["components"].append(components.assign(specification=name))
        shares = importance(made, by_group=True, draws=draws, seed=seed)
        found["shares"].append(shares.assign(specification=name))
        if "levenshtein_romanised" in terms:
            answer = claim(made, draws=draws, permutations=permutations, seed=seed)
            middle, low, high = answer.difference
            found["claims"].append(
                answer.blocks.assign(
                    specification=name,
                    difference=middle,
                    difference_low=low,
                    difference_high=high,
                    verdict=answer.verdict,
                )
            )
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    if validated:
        tables["validation"] = validate(scores, features, words, seed=seed).summary
    return tables
