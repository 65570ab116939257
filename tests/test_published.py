"""The published matrix: found, read, studied; the stored tables are what the code makes."""

import os

import numpy as np
import pandas as pd
import pytest
from test_book import ROOT

from crosslingual import DEFAULT_LANGUAGES
from crosslingual.errors import DataError
from crosslingual.published import find_xpos, study_xpos, xpos_features, xpos_scores

DATA = ROOT / "book" / "data" / "published"


@pytest.fixture
def small(tmp_path):
    """A file of the published shape: nine sources, twelve targets, percentages."""
    random = np.random.default_rng(0)
    sources = ["en", "de", "ru", "fi", "ar", "it", "uk", "es", "ko"]
    targets = [*sources, "zh", "akk", "quc"]
    rows = [
        ("token-classification", "udpos28", s, t, 5 + 90 * random.random())
        for s in sources
        for t in targets
    ]
    columns = ["task_type", "task_name", "lang_train", "lang_pred", "score"]
    path = tmp_path / "xpos.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path)
    return path


def test_where_it_is_looked_for(tmp_path, monkeypatch, small) -> None:
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    assert find_xpos() is None
    assert find_xpos(small) == small
    with pytest.raises(DataError, match="does not exist"):
        find_xpos(tmp_path / "none.csv")
    folder = tmp_path / "data" / "published"
    folder.mkdir(parents=True)
    (folder / "xpos_udpos_10000.csv").write_bytes(small.read_bytes())
    monkeypatch.setenv("CROSSLINGUAL_DATA", str(tmp_path / "data"))
    assert find_xpos() == folder / "xpos_udpos_10000.csv"


def test_a_failed_download_is_a_named_error(monkeypatch) -> None:
    import pooch

    def fail(*args: object, **options: object) -> str:
        raise OSError("no network")

    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(DataError, match="by hand"):
        find_xpos(download=True)


def test_the_whole_framework_runs_on_it(small) -> None:
    scores = xpos_scores(small)
    features = xpos_features(scores)
    assert len(features) == 108
    assert features.loc[features["target"] == "akk", "levenshtein"].isna().all()
    assert set(features["xlmr_target"]) == {0.0, 1.0}
    import crosslingual.published as module

    short = ("syntax", "levenshtein_romanised", "same_script")
    original, module.XPOS_TERMS = module.XPOS_TERMS, short
    try:
        tables = study_xpos(scores, features, draws=30, permutations=50)
    finally:
        module.XPOS_TERMS = original
    samples = tables["samples"].set_index("specification")
    assert samples.loc["with words", "pairs"] == 81  # akk and quc have no words
    assert samples.loc["all languages", "pairs"] == 99
    assert tables["claims"]["p"].between(0, 1).all()
    assert tables["coefficients"]["std_error"].gt(0).all()


def test_stored_tables_belong_together() -> None:
    """Stored numbers: t is estimate over error, shares sum to one, the signature is there."""
    coefficients = pd.read_csv(DATA / "coefficients.csv")
    np.testing.assert_allclose(
        coefficients["t"], coefficients["estimate"] / coefficients["std_error"], rtol=0.05
    )
    shares = pd.read_csv(DATA / "shares.csv")
    np.testing.assert_allclose(shares.groupby("specification")["share"].sum(), 1, atol=1e-4)
    assert "date:" in (DATA / "SIGNATURE").read_text("utf-8")
    assert set(pd.read_csv(DATA / "validation.csv")["targets"]) == {105}


@pytest.mark.slow
@pytest.mark.skipif("CROSSLINGUAL_DATA" not in os.environ, reason="the matrix is not at hand")
def test_stored_coefficients_are_what_the_code_finds() -> None:
    path = find_xpos()
    assert path is not None
    from crosslingual.model_matrix import design
    from crosslingual.regression import fit

    scores = xpos_scores(path)
    chosen = [*DEFAULT_LANGUAGES, "fra", "por", "tur", "hin"]
    part = scores[scores["source"].isin(chosen) & scores["target"].isin(chosen)]
    made = design(part, xpos_features(part), ["syntax", "levenshtein_romanised"])
    assert fit(made).fit.params["syntax"] > 0
    samples = pd.read_csv(DATA / "samples.csv").set_index("specification")
    assert len(scores) == 6825
    assert samples.loc["all languages", "pairs"] == 6825 - 65
