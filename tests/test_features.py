"""Features against lang2vec's own values, hand-worked cases and symmetries."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cityblock, jaccard

from crosslingual import DEFAULT_LANGUAGES, find_language, language_table, pair_features
from crosslingual.errors import DataError, UnknownLanguageError, UnknownNameError
from crosslingual.features import FEATURES, SIMILARITIES, pretraining_tokens
from crosslingual.similarity import levenshtein_similarity, names, subword_overlap
from crosslingual.typology import (
    DOMAINS,
    MORPHOLOGY,
    _archive,
    _vector,
    domain_features,
    typological_distance,
)

LANGUAGES = st.sampled_from(list(language_table()["code"]))


@pytest.fixture(scope="module")
def table():
    return pair_features(DEFAULT_LANGUAGES)


def test_every_ordered_pair_is_there(table) -> None:
    assert len(table) == 100
    assert not table.duplicated(["source", "target"]).any()
    assert not table.isna().any().any()
    assert set(FEATURES) < set(table.columns)


@pytest.mark.parametrize("name", [*DOMAINS, *SIMILARITIES])
def test_symmetric_and_extreme_on_the_diagonal(table, name) -> None:
    square = table.pivot(index="source", columns="target", values=name).to_numpy()
    np.testing.assert_allclose(square, square.T, atol=1e-12)
    np.testing.assert_allclose(np.diag(square), 0 if name in DOMAINS else 1, atol=1e-12)
    assert (square >= 0).all()
    assert (square <= 1).all()


@settings(max_examples=60, deadline=None)
@given(LANGUAGES, LANGUAGES, st.sampled_from(DOMAINS))
def test_distances_of_any_two_languages(a: str, b: str, domain: str) -> None:
    try:
        there, back = typological_distance(a, b, domain), typological_distance(b, a, domain)
    except (UnknownLanguageError, DataError):
        return
    assert there == back
    assert 0 <= there[0] <= 1
    assert 0 <= there[1] <= 1
    assert typological_distance(a, a, domain)[0] == 0


def test_syntax_and_morphology_share_no_feature_and_make_up_uriels_syntax() -> None:
    syntax, morphology = domain_features("syntax"), domain_features("morphology")
    everything = [n for n in _archive("features")["names"] if n.startswith("S_")]
    assert sorted(syntax + morphology) == sorted(everything)
    assert (len(syntax), len(morphology), len(MORPHOLOGY)) == (61, 42, 42)


def test_distance_is_scipys_on_lang2vecs_vectors() -> None:
    for domain in ("syntax", "morphology", "inventory"):
        x, y = (_vector("feature_averages", code, domain) for code in ("deu", "fin"))
        known = ~np.isnan(x) & ~np.isnan(y)
        expected = cityblock(x[known], y[known]) / known.sum()
        assert typological_distance("de", "fi", domain)[0] == pytest.approx(expected)


def test_missing_values_never_enter() -> None:
    """lang2vec marks them -1 (or '--'): as numbers they would make distances above 1."""
    raw = _archive("feature_averages")["values"]
    assert (raw == -1).any()
    for code in DEFAULT_LANGUAGES:
        for domain in DOMAINS[:4]:
            values = _vector("feature_averages", code, domain)
            assert np.nanmin(np.append(values, 0)) >= 0


def test_gaps_fall_back_on_predictions(table) -> None:
    """URIEL has no phonology of Italian and Ukrainian."""
    rows = table.set_index(["source", "target"])
    assert rows.loc[("ita", "deu"), "phonology_coverage"] == 0
    x, y = (_vector("feature_predictions", code, "phonology") for code in ("ita", "deu"))
    assert rows.loc[("ita", "deu"), "phonology"] == pytest.approx(np.abs(x - y).mean())
    assert rows.loc[("deu", "eng"), "phonology_coverage"] > 0.8


def test_genealogy_is_scipys_jaccard() -> None:
    table = _archive("family_features")
    rows = {c: table["values"][table["row"][c]] > 0 for c in ("deu", "eng", "rus", "zho")}
    for a, b in combinations(rows, 2):
        expected = jaccard(rows[a], rows[b])
        assert typological_distance(a, b, "genealogy")[0] == pytest.approx(expected)


def test_geography_on_a_known_distance() -> None:
    # Great circle from (53 N, 1 W) to (48.6 N, 12.5 E): 1066 km on a sphere of 6371 km
    # (spherical law of cosines).
    a, b = find_language("en"), find_language("de")
    phi, psi = math.radians(a.latitude), math.radians(b.latitude)
    turn = math.radians(b.longitude - a.longitude)
    angle = math.acos(
        math.sin(phi) * math.sin(psi) + math.cos(phi) * math.cos(psi) * math.cos(turn)
    )
    assert typological_distance("en", "de", "geography")[0] == pytest.approx(angle / math.pi)
    assert 950 < 6371 * angle < 1150


def test_close_pairs_are_close(table) -> None:
    rows = table.set_index(["source", "target"])
    for close, far in ((("rus", "ukr"), ("rus", "kor")), (("spa", "ita"), ("spa", "zho"))):
        for name in ("syntax", "genealogy", "geography"):
            assert rows.loc[close, name] < rows.loc[far, name]
        assert rows.loc[close, "subword_overlap"] > rows.loc[far, "subword_overlap"]
        romanised = "levenshtein_romanised"
        assert rows.loc[close, romanised] > rows.loc[far, romanised]


def test_levenshtein_worked_case(monkeypatch) -> None:
    import crosslingual.similarity as module

    parallel = {"eng": {"x": "Monday", "y": "only"}, "deu": {"x": "Montag", "z": "nur"}}
    monkeypatch.setattr(module, "names", parallel.__getitem__)
    monkeypatch.setattr(module, "MIN_NAMES", 1)
    module._spellings.cache_clear()
    # monday -> montag: d->t, y->g ... "mon" + "day" against "tag": 2 substitutions of 6
    assert levenshtein_similarity("en", "de") == pytest.approx(1 - 2 / 6)
    module._spellings.cache_clear()


def test_scripts_matter_unless_romanised() -> None:
    assert levenshtein_similarity("ru", "en") < 0.1 < 0.4 < levenshtein_similarity("ru", "en", True)


def test_subword_overlap_is_a_share(table) -> None:
    assert subword_overlap("de", "de") == pytest.approx(1)
    assert 0 < subword_overlap("es", "it") < 1


def test_tokens_of_the_three_corpora() -> None:
    assert pretraining_tokens("mc4")["eng"] == 2733e9
    mini = pretraining_tokens("mini")
    assert len(mini) == 19
    assert min(mini.values()) > 1e4
    assert pretraining_tokens("none") == {}
    assert pretraining_tokens({"German": 5.0}) == {"deu": 5.0}
    with pytest.raises(DataError, match="mc4, mini, none"):
        pretraining_tokens("oscar")


def test_token_columns_belong_to_their_sides(table) -> None:
    mini = pretraining_tokens("mini")
    row = table.set_index(["source", "target"]).loc[("deu", "fin")]
    assert row["log_tokens_source"] == pytest.approx(math.log10(1 + mini["deu"]))
    assert row["log_tokens_target"] == pytest.approx(math.log10(1 + mini["fin"]))


def test_bad_requests() -> None:
    with pytest.raises(UnknownLanguageError, match="Klingon"):
        pair_features("de, Klingon")
    with pytest.raises(DataError, match="at least one"):
        pair_features([])
    with pytest.raises(UnknownNameError, match="syntax"):
        domain_features("semantics")


def test_names_do_not_depend_on_what_was_loaded_before() -> None:
    """Babel's root months leak into other languages once a poor one has been loaded."""
    import subprocess
    import sys

    code = (
        "from crosslingual.similarity import names;"
        "{}; found = names('lav'); print(len(found), found['months/1'], found['days/0'])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code.format(before)], capture_output=True, text=True, check=True
        ).stdout
        for before in ("names('wbp')", "names('quc'); names('deu')", "pass")
    }
    assert len(outputs) == 1
    assert "janv" in outputs.pop()
    assert not {"M01", "Mon"} & set(names("wbp").values())


def test_too_few_names_are_no_similarity() -> None:
    with pytest.raises(DataError, match="needs 20"):
        levenshtein_similarity("deu", "quc")
    kept = pair_features("deu, quc, grc", missing="keep")
    pair = kept[(kept["source"] == "deu") & (kept["target"] == "quc")].iloc[0]
    assert np.isnan(pair["levenshtein"])
    assert pair["names"] < 20
    assert kept[["syntax", "genealogy", "same_script"]].notna().all().all()
    with pytest.raises(UnknownLanguageError, match="CLDR"):
        pair_features("deu, grc")
    with pytest.raises(DataError, match="unknown rule"):
        pair_features("deu, eng", missing="guess")
