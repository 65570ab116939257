"""Overlap of test text with a corpus: planted runs are found, nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslingual.errors import CorpusError, DataError
from crosslingual.overlap import ngram_overlap, ngrams

WORDS = st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op"]), max_size=12)


@given(WORDS, st.integers(1, 5))
def test_a_text_has_as_many_runs_as_places(words: list[str], n: int) -> None:
    assert len(list(ngrams(", ".join(words), n))) == max(0, len(words) - n + 1)


def test_planted_text_is_found(tmp_path) -> None:
    told = "The quick brown fox jumps over the lazy dog near the old mill"  # 13 words
    (tmp_path / "en.txt").write_text(
        "Something else entirely.\n"
        f"As they say: the quick, brown fox jumps over THE lazy dog; {'x ' * 9}\n"
    )
    (tmp_path / "zh.txt").write_text("前言一二三四五六七八九十甲乙丙丁后记\n", encoding="utf-8")
    table = ngram_overlap(
        tmp_path,
        {"en": [told, "short one"], "zh": ["一二三四五六七八九十甲乙丙丁"], "fi": ["a " * 9]},
        n=7,
    ).set_index("language")
    # Of the seven runs of seven words the first three end at "dog".
    assert table.loc["en", ["texts", "ngrams", "seen", "touched"]].tolist() == [1, 7, 3, 1]
    assert table.loc["zh", ["ngrams", "seen"]].tolist() == [1, 1]  # 14 characters, one run
    assert table.loc["fi", "seen"] == 0  # not in the corpus at all
    with pytest.raises(DataError, match="run of 8 words"):
        ngram_overlap(tmp_path, {"en": ["short one"]})
    with pytest.raises(DataError, match="whole number from 1"):
        ngram_overlap(tmp_path, {"en": [told]}, n=0)
    with pytest.raises(CorpusError, match="does not exist"):
        ngram_overlap(tmp_path / "none", {"en": [told]})
