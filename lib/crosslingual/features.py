"""Features of language pairs: the right-hand side of every regression here."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING

from .errors import DataError
from .languages import find_language, resolve
from .similarity import MIN_NAMES, levenshtein_similarity, shared_names, subword_overlap
from .typology import DOMAINS, typological_distance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FEATURES", "SIMILARITIES", "pair_features", "pretraining_tokens"]

SIMILARITIES = ("subword_overlap", "levenshtein", "levenshtein_romanised", "same_script")
FEATURES = (*DOMAINS, *SIMILARITIES, "log_tokens_source", "log_tokens_target")
"""Columns of `pair_features` that describe a pair; the domains are distances (larger =
farther), the next four similarities (larger = closer), the last two amounts of text."""

_CORPUS_OF = {"mini": "mini", "mini-scratch": "none"}


def pretraining_tokens(corpus: str | Mapping[str, float] = "mc4") -> dict[str, float]:
    """Tokens of each language in a pre-training corpus.

    Parameters
    ----------
    corpus : str or mapping
        ``mc4`` (mT5's corpus, Xue et al. 2021), ``mini`` (that of the shipped model, as
        its provenance file says), ``none``, or language -> tokens.

    Returns
    -------
    dict
        ISO 639-3 -> number of tokens; languages that are not in it are missing.

    Raises
    ------
    DataError
        If the corpus is unknown.
    UnknownLanguageError
        If a language is unknown.
    """
    if not isinstance(corpus, str):
        return {find_language(name).code: float(n) for name, n in corpus.items()}
    if corpus == "none":
        return {}
    if corpus == "mini":
        from .models import mini_folder

        provenance = json.loads((mini_folder() / "provenance.json").read_text("utf-8"))
        return {find_language(c).code: float(n) for c, n in provenance["corpus_tokens"].items()}
    if corpus != "mc4":
        raise DataError(f"unknown corpus {corpus!r}. Allowed: mc4, mini, none, or a mapping.")
    from .languages import language_table

    table = language_table().dropna(subset="mc4_tokens")
    return dict(zip(table["code"], 1e9 * table["mc4_tokens"], strict=True))


def pair_features(
    sources: Iterable[str] | str,
    targets: Iterable[str] | str | None = None,
    model: str = "mini",
    corpus: str | Mapping[str, float] | None = None,
    missing: str = "refuse",
) -> pd.DataFrame:
    """Features of every ordered pair of languages.

    Parameters
    ----------
    sources, targets : iterable of str
        Languages; targets are the sources where not given.
    model : str
        Whose tokenizer cuts words into subwords.
    corpus : str or mapping, optional
        Whose pre-training tokens are counted, see `pretraining_tokens`; by default
        ``mini`` for the shipped model and ``mc4`` for others.
    missing : str
        What to do where CLDR lacks a language's names: ``refuse`` with an error, or
        ``keep`` the pair with NaN for the three lexical similarities, which
        `crosslingual.model_matrix.design` drops and counts.

    Returns
    -------
    DataFrame
        One row a pair, in-language pairs included: source, target (ISO 639-3), the
        columns of `FEATURES`, ``<domain>_coverage`` for the four domains that miss data,
        and ``names``, the number of parallel names that the lexical similarities rest on.
        Token counts are log10(1 + tokens).

    Raises
    ------
    DataError, UnknownLanguageError
        For bad requests; for languages without names unless ``missing`` is ``keep``.

    See Also
    --------
    crosslingual.typology.typological_distance : the distances and the rule for gaps.

    Examples
    --------
    >>> pairs = pair_features("de, en")
    >>> len(pairs), float(pairs.loc[0, "syntax"])
    (4, 0.0)
    """
    import pandas as pd

    first = resolve(sources)
    second = resolve(targets) if targets is not None else first
    if not first or not second:
        raise DataError("features need at least one source and one target.")
    if corpus is None:
        corpus = _CORPUS_OF.get(model, "mc4")
    if missing not in ("refuse", "keep"):
        raise DataError(f"unknown rule {missing!r} for missing names. Allowed: keep, refuse.")
    tokens = pretraining_tokens(corpus)
    rows = []
    for source, target in product(first, second):
        row: dict[str, object] = {"source": source, "target": target}
        for domain in DOMAINS:
            row[domain], coverage = typological_distance(source, target, domain)
            if domain in DOMAINS[:4]:
                row[f"{domain}_coverage"] = coverage
        row["names"] = shared_names(source, target)
        if row["names"] < MIN_NAMES and missing == "keep":  # type: ignore[operator]
            row |= dict.fromkeys(SIMILARITIES[:3], math.nan)
        else:
            row["levenshtein"] = levenshtein_similarity(source, target)
            row["levenshtein_romanised"] = levenshtein_similarity(source, target, romanise=True)
            row["subword_overlap"] = subword_overlap(source, target, model)
        row["same_script"] = float(find_language(source).script == find_language(target).script)
        row["log_tokens_source"] = math.log10(1 + tokens.get(source, 0.0))
        row["log_tokens_target"] = math.log10(1 + tokens.get(target, 0.0))
        rows.append(row)
    coverage_columns = [f"{domain}_coverage" for domain in DOMAINS[:4]]
    return pd.DataFrame(rows)[["source", "target", *FEATURES, *coverage_columns, "names"]]
