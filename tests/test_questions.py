"""Questions exchanged, by hand and by their laws; a reader and a guesser told apart."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosslingual.answer_metrics import score_answers
from crosslingual.errors import DataError
from crosslingual.models import load_model
from crosslingual.questions import exchange_questions, question_use, trivial_answers
from crosslingual.registry import get_task
from crosslingual.tasks import Example

NAMES = ["Ann", "Bob", "Cem", "Dora"]
PEOPLE = [
    Example(f"question: Who is in room {n}? context: {name} is in room {n} today.", name, "eng")
    for n, name in enumerate(NAMES)
]


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.integers(0, 99))
def test_contexts_stay_and_every_question_is_another(places, seed) -> None:
    examples = [
        replace(PEOPLE[k], language=("eng", "deu")[i % 2], key=str(i)) for i, k in enumerate(places)
    ]
    single = any(len({e.input for e in examples if e.language == c}) == 1 for c in ("eng", "deu"))
    if single:
        with pytest.raises(DataError, match="there is no other question"):
            exchange_questions(examples, seed)
        return
    changed = exchange_questions(examples, seed)
    assert changed == exchange_questions(examples, seed)
    for old, new in zip(examples, changed, strict=True):
        asked = new.input.split(" context: ")[0]
        assert asked != old.input.split(" context: ")[0]
        assert any(e.input.startswith(asked) for e in examples if e.language == old.language)
        assert replace(new, input=old.input) == old
        assert new.input.split(" context: ")[1] == old.input.split(" context: ")[1]


def test_answers_without_reading_by_hand() -> None:
    one = [Example("question: Wer? context: Anna und Otto.", "Anna und Otto", "deu")]
    assert trivial_answers(one) == {
        "whole context": ["Anna und Otto."],
        "any words": ["Anna und Otto."],
    }
    letters = [
        Example(
            "question: 谁? context: 我们明天早上在学校门口见面然后一起去图书馆。", "我们", "zho"
        )
    ]
    piece = trivial_answers(letters)["any words"][0]
    assert len(piece) == 2
    assert piece in letters[0].input
    # A run of three words of six, by chance: each of the four places is as likely.
    six = [Example("question: Q context: a b c d e f", "a b c", "deu", answers=("a b c",))] * 2000
    runs = trivial_answers(six)["any words"]
    assert set(runs) == {"a b c", "b c d", "c d e", "d e f"}
    found = score_answers(runs, [("a b c",)] * 2000, ["deu"] * 2000)["f1"]  # "a" is an article
    assert found == pytest.approx((1 + 4 / 5 + 2 / 5 + 0) / 4, abs=0.03)
    for text in ("topic: x", "question: x", "context: y question: x"):
        with pytest.raises(DataError, match="not of the form"):
            trivial_answers([Example(text, "x", "deu")])


def test_a_reader_and_a_guesser_are_told_apart(tiny_folder, monkeypatch) -> None:
    """One looks up the room that is asked for, the other always takes the first word."""
    loaded, task = load_model(str(tiny_folder)), get_task("answers")

    def reads(_, examples, *args, **kwargs) -> list[str]:
        return [NAMES[int(e.input.split("room ")[1][0])] for e in examples]

    def guesses(_, examples, *args, **kwargs) -> list[str]:
        return [e.input.split(" context: ")[1].split()[0] for e in examples]

    scores = {}
    for name, writes in (("reads", reads), ("guesses", guesses)):
        monkeypatch.setattr("crosslingual.evaluation.generate", writes)
        table = question_use(loaded, PEOPLE, task)
        assert set(table["metric"]) == set(task.metrics)
        assert (table["n"] == 4).all()
        first = table[table["metric"] == task.metrics[0]].set_index("how")["score"]
        scores[name] = first[["own question", "another question"]].tolist()
        assert first["whole context"] == 0
    assert scores == {"reads": [1.0, 0.0], "guesses": [1.0, 1.0]}


def test_a_model_is_asked(tiny_folder) -> None:
    loaded, task = load_model(str(tiny_folder)), get_task("answers")
    examples = task.examples("fi", "test")[:6]
    table = question_use(loaded, examples, task)
    assert len(table) == 4 * len(task.metrics)
    assert table["score"].between(0, 1).all()
    with pytest.raises(DataError, match="not of the form"):
        question_use(loaded, get_task("intents").examples("fi", "test")[:6], task)
