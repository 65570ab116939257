"""Answers scored as the official scorers do: worked by hand, and laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslingual.answer_metrics import (
    mlqa_normalise,
    mlqa_tokens,
    score_answers,
    squad_normalise,
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The  Cat, sat!", "cat sat"),
        ("a.b", "ab"),  # punctuation vanishes, it does not part words
        ("An apple a day", "apple day"),
        ("«Ja»", "«ja»"),  # SQuAD knows ASCII punctuation only
    ],
)
def test_squad_normalises_as_evaluate_v1_1(text, wanted) -> None:
    assert squad_normalise(text) == wanted


@pytest.mark.parametrize(
    ("text", "language", "wanted"),
    [
        ("«Ja», die Katze", "deu", "ja katze"),
        ("El niño y la casa", "spa", "niño y casa"),
        ("the end", "zho", "the end"),
        ("我爱NLP 吗。", "zho", "我 爱 nlp 吗"),
        ("của tôi", "vie", "tôi"),
        ("الكتاب", "ara", "كتاب"),
        ("का घर", "hin", "का घर"),
    ],
)
def test_mlqa_normalises_as_its_scorer(text, language, wanted) -> None:
    assert mlqa_normalise(text, language) == wanted


def test_best_of_several_answers() -> None:
    found = score_answers(["the red lamp", "no"], [["lamp", "red lamp"], ["yes"]], ["eng", "eng"])
    assert found == {"exact_match": 0.5, "f1": 0.5}
    part = score_answers(["red big lamp"], [["red lamp"]], ["eng"])
    assert part["f1"] == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))


def test_chinese_is_counted_by_characters() -> None:
    words = score_answers(["我爱"], [["我恨"]], ["zho"], "mlqa")
    assert words["f1"] == pytest.approx(0.5)
    assert score_answers(["我爱"], [["我恨"]], ["zho"], "squad")["f1"] == 0


@given(st.text(max_size=30), st.sampled_from(["eng", "deu", "spa", "vie", "ara", "hin", "zho"]))
def test_normalising_twice_changes_no_spaces_and_scores_are_fractions(text, language) -> None:
    once = mlqa_normalise(text, language)
    assert once == " ".join(once.split())
    assert "".join(mlqa_tokens(text, language)) == "".join(text.split())
    for style in ("squad", "mlqa"):
        found = score_answers([text], [[text, "x"]], [language], style)
        assert found["exact_match"] == 1
        assert 0 <= found["f1"] <= 1
