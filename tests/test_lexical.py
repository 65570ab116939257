"""The control learns in-language, and across only where words look alike."""

import pytest

from crosslingual import Example, get_task, lexical_scores, matrix
from crosslingual.errors import DataError
from crosslingual.lexical import LexicalClassifier, LexicalTagger, LexicalWordClassifier
from crosslingual.spans import format_spans


def test_classifier_on_words_that_decide() -> None:
    train = [Example(f"{w} {i}", w, "eng") for i in range(6) for w in ("stop", "go", "wait")]
    learner = LexicalClassifier().fit(train)
    assert learner.predict([Example("stop 9", "", "eng"), Example("go 8", "", "eng")]) == [
        "stop",
        "go",
    ]


def test_words_in_brackets_are_told_by_their_letters_and_neighbours() -> None:
    def example(left: str, word: str, tag: str) -> Example:
        return Example(f"pos: {left} [ {word} ] then", tag, "eng")

    words = {"the": "dog cat house", "we": "walk talk sing"}
    tags = {"the": "NOUN", "we": "VERB"}
    train = [example(k, w, tags[k]) for k, ws in words.items() for w in ws.split() * 3]
    learner = LexicalWordClassifier().fit(train)
    unseen = [example("the", "zzz", ""), example("we", "zzz", ""), example("", "walk", "")]
    assert learner.predict(unseen) == ["NOUN", "VERB", "VERB"]


@pytest.mark.parametrize(
    ("text", "target"), [("light {} now please", "area"), ("打开{}的灯", "area")]
)
def test_tagger_finds_spans_with_and_without_spaces(text: str, target: str) -> None:
    words = ["kitchen", "garage", "office"] if " " in text else ["厨房", "车库", "阳台"]

    def example(word: str) -> Example:
        start = text.index("{")
        spans = ((target, start, start + len(word)),)
        return Example(text.format(word), format_spans([(target, word)]), "x", spans=spans)

    learner = LexicalTagger().fit([example(w) for w in words for _ in range(3)])
    assert learner.predict([example(words[0])]) == [f"area: {words[0]}"]


@pytest.mark.parametrize("limits", [{"train_limit": 0}, {"test_limit": -1}])
def test_limits_leave_something(limits) -> None:
    with pytest.raises(DataError, match="1 and more"):
        lexical_scores(get_task("intents"), ["ru"], **limits)


def test_high_at_home_low_abroad_between_unlike_languages() -> None:
    scores = lexical_scores(get_task("intents"), ["ru", "uk", "ko"])
    fewer = lexical_scores(get_task("intents"), ["ru"], train_limit=100, test_limit=50)
    assert fewer["n_test"].tolist() == [50]
    assert fewer["score"].iloc[0] < scores["score"].iloc[0]
    assert fewer["settings"].iloc[0] != scores["settings"].iloc[0]
    table = matrix(scores, "intents")
    assert min(table.loc[c, c] for c in table.index) > 0.8
    assert table.loc["ru", "uk"] > 0.35  # one script, many shared words
    assert table.loc["ko", "ru"] < 0.3
    assert set(scores["model"]) == {"lexical"}
    assert scores["signature"].str.contains("model:lexical").all()
