import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score
from sklearn.metrics import f1_score as words_f1_score

from crosslingual.errors import DataError
from crosslingual.metrics import (
    COUNTS,
    METRICS,
    accuracy,
    exact_match,
    ratio_error,
    span_f1,
    token_f1,
    word_f1,
)
from crosslingual.spans import format_spans, parse_spans, span_errors

LABELS = st.sampled_from(["a", "b", "c"])


def test_span_errors_worked_case() -> None:
    text = "mach das rote Licht in der Küche viel heller"
    want = "color: rote ; area: Küche ; name: Licht ; level: heller ; by: viel"
    got = "by: viel ; shade: rote ; area: der Küche ; name: Lucht ; name: Licht an"
    assert span_errors([got], [want], [text]) == {
        "right": 1,
        "other label": 1,
        "other words": 1,
        "miswritten": 1,
        "missing": 1,
    }
    with pytest.raises(DataError):
        span_errors([got], [], [])
    with pytest.raises(DataError):
        span_errors([got], [want], [])


@given(st.data())
def test_span_errors_add_up_and_agree_with_f1(data: st.DataObject) -> None:
    one = st.lists(st.tuples(LABELS, st.sampled_from(["x", "y", "x y", "z"])), max_size=4)
    pairs = data.draw(st.lists(st.tuples(one, one), min_size=1, max_size=4))
    outputs, targets = (
        [format_spans(side) for side in sides] for sides in zip(*pairs, strict=True)
    )
    found = span_errors(outputs, targets, ["x y"] * len(pairs))
    got, want = (sum(len(side) for side in sides) for sides in zip(*pairs, strict=True))
    assert sum(found.values()) == want
    assert span_f1(outputs, targets) == (2 * found["right"] / (got + want) if got + want else 1)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1))
def test_accuracy_is_sklearns(pairs: list[tuple[str, str]]) -> None:
    outputs, targets = zip(*pairs, strict=True)
    assert math.isclose(accuracy(outputs, targets), accuracy_score(targets, outputs))


@given(st.lists(st.tuples(*2 * [st.sampled_from(["O", "PER", "LOC"])]), min_size=1))
def test_word_f1_is_sklearns(pairs: list[tuple[str, str]]) -> None:
    outputs, targets = zip(*pairs, strict=True)
    theirs = words_f1_score(
        targets, outputs, labels=["PER", "LOC"], average="micro", zero_division=1.0
    )
    assert math.isclose(word_f1(outputs, targets), theirs)


def _spans(tags: list[str]) -> str:
    """Spans of IOB2 tags as text; words are numbered, so that equal text is equal place."""
    spans: list[tuple[str, list[str]]] = []
    for i, tag in enumerate(tags):
        if tag.startswith("B-"):
            spans.append((tag[2:], [f"w{i}"]))
        elif tag.startswith("I-"):
            spans[-1][1].append(f"w{i}")
    return format_spans([(name, " ".join(words)) for name, words in spans])


@st.composite
def _tags(draw: st.DrawFn, length: int) -> list[str]:
    tags: list[str] = []
    for _ in range(length):
        options = ["O", "B-x", "B-y"]
        if tags and tags[-1] != "O":
            options.append("I-" + tags[-1][2:])
        tags.append(draw(st.sampled_from(options)))
    return tags


@given(st.data())
def test_span_f1_is_seqevals(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 6))
    count = data.draw(st.integers(1, 4))
    gold = [data.draw(_tags(length)) for _ in range(count)]
    guess = [data.draw(_tags(length)) for _ in range(count)]
    if all(t == "O" for row in gold + guess for t in row):
        return  # seqeval calls 0/0 a 0; with nothing to find and nothing found we say 1
    ours = span_f1([_spans(g) for g in guess], [_spans(g) for g in gold])
    assert math.isclose(ours, f1_score(gold, guess, zero_division=0))


def test_span_f1_worked_case() -> None:
    # 2 of 3 given are right, 2 of 2 wanted are found: P = 2/3, R = 1, F = 0.8.
    outputs = ["area: Küche ; color: rot ; color: rot"]
    assert math.isclose(span_f1(outputs, ["color: rot ; area: Küche"]), 0.8)


def test_repeated_and_malformed_spans_do_not_help() -> None:
    assert span_f1(["a: x ; a: x"], ["a: x"]) < 1
    assert span_f1([": x ; a: ; b"], ["a: x"]) == 0
    assert span_f1(["none"], ["none"]) == 1
    assert span_f1(["a: x"], ["none"]) == 0


WORD = st.text(st.characters(exclude_characters=":;", exclude_categories=["Z", "C"]), min_size=1)


@given(st.lists(st.tuples(WORD, WORD)))
def test_spans_survive_writing_and_reading(spans: list[tuple[str, str]]) -> None:
    assert parse_spans(format_spans(spans)) == spans


@given(st.text())
def test_any_text_can_be_parsed(text: str) -> None:
    for name, span in parse_spans(text):
        assert name
        assert span


def test_exact_match_and_token_f1_worked_cases() -> None:
    assert exact_match(["Red."], ["red"]) == 1
    assert exact_match(["«47»"], ["47"]) == 1
    # "light red lamp" against "red lamp": P = 2/3, R = 1, F = 0.8
    assert math.isclose(token_f1(["light red lamp"], ["red lamp"]), 0.8)
    assert token_f1([""], ["red"]) == 0
    assert token_f1(["..."], ["!"]) == 1


@given(st.lists(st.text(), min_size=1))
def test_every_metric_is_1_on_itself(texts: list[str]) -> None:
    for metric in METRICS.values():
        assert metric(texts, texts) == 1


@pytest.mark.parametrize("name", sorted(METRICS))
def test_nothing_to_score_is_an_error(name: str) -> None:
    with pytest.raises(DataError):
        METRICS[name]([], [])
    with pytest.raises(DataError):
        METRICS[name](["a"], [])


def test_error_of_f1_has_a_closed_form() -> None:
    """With misses and false alarms apart, var F = F (1 - F) (2 - F) / (found + expected)."""
    outputs = ["PER"] * 30 + ["O"] * 20 + ["LOC"] * 10 + ["O"] * 440
    targets = ["PER"] * 30 + ["LOC"] * 20 + ["O"] * 10 + ["O"] * 440
    f, counted, n = word_f1(outputs, targets), 30 + 10 + 30 + 20, len(outputs)
    found = ratio_error(list(map(COUNTS["word_f1"], outputs, targets)))
    assert math.isclose(found**2, f * (1 - f) * (2 - f) / counted * n / (n - 1))
    assert found > 2 * (f * (1 - f) / n) ** 0.5  # an accuracy's would be far too small


@pytest.mark.parametrize("name", sorted(METRICS))
def test_error_is_what_resampled_examples_vary_by(name: str) -> None:
    random = np.random.default_rng(0)
    answers = {
        "span_f1": ["a: x ; b: y", "a: x", "b: y z", "none"],
        "tag_accuracy": ["N V", "N V A", "V", "A A N N"],
        "token_f1": ["red lamp", "lamp", "a red lamp", "no"],
    }.get(name, ["PER", "O", "LOC", "O"])
    targets = random.choice(answers, 300)
    outputs = np.where(random.random(300) < 0.6, targets, random.choice(answers, 300))
    found = ratio_error(list(map(COUNTS[name], outputs.tolist(), targets.tolist())))
    drawn = [random.integers(300, size=300) for _ in range(600)]
    spread = np.std([METRICS[name](outputs[d].tolist(), targets[d].tolist()) for d in drawn])
    assert found == pytest.approx(spread, rel=0.12)


def test_error_of_an_accuracy_is_binomial() -> None:
    assert ratio_error([(1, 1)] * 7 + [(0, 1)] * 3) == pytest.approx((0.7 * 0.3 / 9) ** 0.5)
    assert math.isnan(ratio_error([(1, 1)]))
    assert math.isnan(ratio_error([(0, 0), (0, 0)]))
