"""Distances between languages from URIEL (through lang2vec): what is compared and how.

lang2vec 1.1.2 publishes vectors, no distances, and the distances published elsewhere
cannot be computed from them; so every distance here is defined by this module alone.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataError, UnknownLanguageError, UnknownNameError
from .languages import find_language

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DOMAINS", "MORPHOLOGY", "domain_features", "typological_distance"]

MIN_SHARED = 0.25
"""Where two languages share values for less than this part of a domain's features, the
domain's distance is computed from URIEL's kNN-predicted values instead."""

MORPHOLOGY = (
    # how much the language glues, and on which side
    "S_TEND_PREFIX",
    "S_TEND_SUFFIX",
    "S_ANY_REDUP",
    # marking on heads or on dependents
    "S_TEND_HEADMARK",
    "S_TEND_DEPMARK",
    "S_OBJECT_HEADMARK",
    "S_OBJECT_DEPMARK",
    "S_POSSESSIVE_HEADMARK",
    "S_POSSESSIVE_DEPMARK",
    "S_POSSESSIVE_PREFIX",
    "S_POSSESSIVE_SUFFIX",
    # case
    "S_CASE_MARK",
    "S_CASE_PREFIX",
    "S_CASE_SUFFIX",
    "S_CASE_PROCLITIC",
    "S_CASE_ENCLITIC",
    "S_NOMINATIVE_VS_ACCUSATIVE_MARK",
    "S_ERGATIVE_VS_ABSOLUTIVE_MARK",
    "S_COMITATIVE_VS_INSTRUMENTAL_MARK",
    # number, gender, definiteness, agreement on nouns and adjectives
    "S_PLURAL_PREFIX",
    "S_PLURAL_SUFFIX",
    "S_PLURAL_WORD",
    "S_NUMCLASS_MARK",
    "S_GENDER_MARK",
    "S_SEX_MARK",
    "S_DEFINITE_AFFIX",
    "S_INDEFINITE_AFFIX",
    "S_DEMONSTRATIVE_PREFIX",
    "S_DEMONSTRATIVE_SUFFIX",
    "S_ANY_AGREEMENT_ON_ADJECTIVES",
    # tense, aspect, negation, questions, subordination and subjects on the verb
    "S_TAM_PREFIX",
    "S_TAM_SUFFIX",
    "S_FUTURE_AFFIX",
    "S_PAST_VS_PRESENT_MARK",
    "S_PERFECTIVE_VS_IMPERFECTIVE_MARK",
    "S_NEGATIVE_PREFIX",
    "S_NEGATIVE_SUFFIX",
    "S_NEGATIVE_AFFIX",
    "S_POLARQ_AFFIX",
    "S_SUBORDINATOR_SUFFIX",
    "S_PROSUBJECT_AFFIX",
    "S_PROSUBJECT_CLITIC",
)
"""URIEL files morphology under syntax. These 42 of its 103 ``S_`` features say what is
expressed by affixes, clitics, marks and agreement (WALS chapters 20 to 57, 66 to 70, 101,
112 and 116); the other 61 say in which order words come, and are the domain ``syntax``."""

_STAND_IN = {"fil": "tgl", "hyw": "hye"}
"""Languages that URIEL lacks, and the one whose values are taken: a standard of the same
language, as ISO 639-3 or its history has it."""

DOMAINS = ("syntax", "morphology", "phonology", "inventory", "genealogy", "geography")


@cache
def _archive(name: str) -> dict[str, Any]:
    # The package itself cannot be imported with setuptools >= 82 (pkg_resources), and where
    # the console command runs, its own script lang2vec.py stands before it on the path; so its
    # data files are asked for by the name of the distribution.
    try:
        folder = distribution("lang2vec").locate_file("lang2vec/data")
    except PackageNotFoundError:
        raise DataError("lang2vec is not installed: pip install lang2vec==1.1.2.") from None
    with np.load(Path(str(folder)) / f"{name}.npz") as archive:
        return {
            "values": archive["data"][:, :, 0].astype(float),
            "row": {str(code): i for i, code in enumerate(archive["langs"])},
            "names": [str(name) for name in archive["feats"]],
        }


def domain_features(domain: str) -> list[str]:
    """Names of the URIEL features that a domain is made of.

    Parameters
    ----------
    domain : str
        ``syntax``, ``morphology``, ``phonology`` or ``inventory``.

    Raises
    ------
    UnknownNameError
        If there is no such domain.
    DataError
        If lang2vec is not installed.
    """
    names: list[str] = _archive("feature_averages")["names"]
    if domain == "morphology":
        return list(MORPHOLOGY)
    if domain == "syntax":
        return [n for n in names if n.startswith("S_") and n not in MORPHOLOGY]
    if domain == "phonology":
        return [n for n in names if n.startswith("P_")]
    if domain == "inventory":
        return [n for n in names if n.startswith("INV_")]
    raise UnknownNameError(domain, DOMAINS)


@cache
def _vector(archive: str, language: str, domain: str) -> NDArray[np.float64]:
    """Values of a language, NaN where missing; mean over URIEL's sources."""
    table = _archive(archive)
    code = _STAND_IN.get(language, language)
    if code not in table["row"]:
        raise UnknownLanguageError(language, table["row"], "URIEL (lang2vec) lacks it.")
    position = {name: i for i, name in enumerate(table["names"])}
    values = table["values"][table["row"][code], [position[n] for n in domain_features(domain)]]
    return np.where(values < 0, np.nan, values)


def typological_distance(a: str, b: str, domain: str) -> tuple[float, float]:
    """Distance of two languages in one domain, and how much data it rests on.

    Parameters
    ----------
    a, b : str
        Languages.
    domain : str
        One of `DOMAINS`.

    Returns
    -------
    distance : float
        In [0, 1]; 0 for a language and itself, the same in both directions.
    coverage : float
        Share of the domain's features known for both, in [0, 1]. Below `MIN_SHARED` the
        distance rests on predicted values.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown here or to URIEL.
    UnknownNameError
        If there is no such domain.
    DataError
        If URIEL has no values for the pair, or lang2vec is not installed.

    Notes
    -----
    ``syntax``, ``morphology``, ``phonology``, ``inventory``: mean absolute difference over
    the features that are known for both (Gower's coefficient); values are means over
    URIEL's sources, in [0, 1]. With too few shared features, kNN-predicted values.

    ``genealogy``: 1 - shared / all ancestors of the two in Glottolog's tree (Jaccard).

    ``geography``: great-circle distance over half the Earth's circumference.

    References
    ----------
    Littell et al. 2017, URIEL and lang2vec. https://aclanthology.org/E17-2002
    """
    a, b = find_language(a).code, find_language(b).code
    if domain == "geography":
        return _great_circle(a, b), 1.0
    if domain == "genealogy":
        return _genealogy(a, b), 1.0
    x, y = (_vector("feature_averages", code, domain) for code in (a, b))
    known = ~np.isnan(x) & ~np.isnan(y)
    coverage = float(known.mean())
    if a == b:
        return 0.0, coverage
    if coverage < MIN_SHARED:
        x, y = (_vector("feature_predictions", code, domain) for code in (a, b))
        known = ~np.isnan(x) & ~np.isnan(y)
        if not known.any():
            raise DataError(f"URIEL has no {domain} values for the pair {a}, {b}.")
    return float(np.abs(x[known] - y[known]).mean()), coverage


def _genealogy(a: str, b: str) -> float:
    table = _archive("family_features")
    rows = []
    for name in (a, b):
        code = _STAND_IN.get(name, name)
        if code not in table["row"]:
            raise UnknownLanguageError(code, table["row"], "URIEL (lang2vec) lacks it.")
        rows.append(table["values"][table["row"][code]] > 0)
    union = (rows[0] | rows[1]).sum()
    if a == b or union == 0:
        return 0.0 if a == b else 1.0
    return float(1 - (rows[0] & rows[1]).sum() / union)


def _great_circle(a: str, b: str) -> float:
    """Angle between two places over pi (haversine, stable for near places)."""
    x, y = find_language(a), find_language(b)
    phi, psi = math.radians(x.latitude), math.radians(y.latitude)
    rise = math.sin((psi - phi) / 2) ** 2
    turn = math.sin(math.radians(y.longitude - x.longitude) / 2) ** 2
    return 2 * math.asin(math.sqrt(min(1.0, rise + math.cos(phi) * math.cos(psi) * turn))) / math.pi
