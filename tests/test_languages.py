import contextlib

import langcodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslingual import DEFAULT_LANGUAGES, find_language, language_table, resolve
from crosslingual.errors import UnknownLanguageError


@pytest.mark.parametrize(
    ("given_name", "code"),
    [
        ("de", "deu"),
        ("deu", "deu"),
        ("German", "deu"),
        ("german", "deu"),
        (" DE ", "deu"),
        ("zh-CN", "zho"),
        ("zh_Hans", "zho"),
        ("cmn", "zho"),
        ("arb", "ara"),
        ("Mandarin Chinese", "zho"),
        ("swh", "swa"),
        ("Swahili", "swa"),
        ("nb", "nob"),
        ("fil", "fil"),
    ],
)
def test_names_lead_to_one_code(given_name: str, code: str) -> None:
    assert find_language(given_name).code == code


@pytest.mark.parametrize(
    "name", ["", "xx", "A\x0000", "Germn", "Klingonese", "a" * 40, "qqq", "--"]
)
def test_unknown_names_are_refused_with_suggestions(name: str) -> None:
    with pytest.raises(UnknownLanguageError, match="Allowed") as caught:
        find_language(name)
    assert repr(name) in str(caught.value)


def test_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownLanguageError, match="Did you mean German"):
        find_language("Germn")


@given(st.text(max_size=12))
def test_any_text_is_a_language_or_a_named_error(text: str) -> None:
    with contextlib.suppress(UnknownLanguageError):
        assert len(find_language(text).code) == 3


def test_registry_agrees_with_langcodes() -> None:
    table = language_table()
    assert table["code"].is_unique
    assert table["short"].is_unique
    for row in table.itertuples():
        assert langcodes.Language.get(row.short).to_alpha3() == row.code, row.name
        assert -90 <= row.latitude <= 90
        assert -180 <= row.longitude <= 180


def test_defaults_have_six_scripts() -> None:
    table = language_table(DEFAULT_LANGUAGES)
    assert len(table) == 10
    assert table["script"].nunique() == 5 + ("Hans" in set(table["script"])) - 1
    assert (table["mc4_tokens"] > 0).all()


def test_resolve_keeps_order_and_drops_repeats() -> None:
    assert resolve("uk, de,German , en") == ["ukr", "deu", "eng"]
