"""Whether answers need their questions.

A model that was fine-tuned on questions and answers may have learned only what answers look like:
a number, a name, some words of the context. What it scores with another question in place of its
own, and what is scored without any reading, say how much of its score that is (Kaushik and Lipton
2018, How much reading does reading comprehension require?, EMNLP).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .arguments import generator
from .errors import DataError
from .evaluation import evaluate, judge
from .models import Loaded
from .tasks import Example, Task

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["exchange_questions", "question_use", "trivial_answers"]

_CASTING = re.compile(r"question: (.*?) context: (.*)", re.DOTALL)
_LONG = 20  # letters a word, on average, are no words: the script writes without blanks


def _parts(example: Example) -> tuple[str, str]:
    """Question and context."""
    found = _CASTING.fullmatch(example.input)
    if found is None:
        raise DataError(
            f"the input {example.input[:60]!r} is not of the form 'question: ... context: ...': "
            "only tasks with that casting have questions to exchange."
        )
    return found[1], found[2]


def exchange_questions(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Every context with the question of another example, in the same language.

    Parameters
    ----------
    examples : sequence of Example
        Inputs ``question: ... context: ...``.
    seed : int
        Of what is drawn.

    Returns
    -------
    list of Example
        In their order; answers, keys and contexts as they were.

    Raises
    ------
    DataError
        If an input has another form, or a language has one question only.

    Examples
    --------
    >>> two = [Example("question: Who? context: Ann.", "Ann", "eng"),
    ...        Example("question: When? context: In 1990.", "1990", "eng")]
    >>> [e.input for e in exchange_questions(two)]
    ['question: When? context: Ann.', 'question: Who? context: In 1990.']
    """
    random = generator(seed)
    parts = [_parts(e) for e in examples]
    asked: dict[str, list[str]] = {}
    for example, (question, _) in zip(examples, parts, strict=True):
        asked.setdefault(example.language, []).append(question)
    exchanged = []
    for example, (question, context) in zip(examples, parts, strict=True):
        others = [other for other in asked[example.language] if other != question]
        if not others:
            raise DataError(
                f"all {len(asked[example.language])} examples of {example.language!r} ask "
                f"{question!r}: there is no other question to put in its place."
            )
        other = others[int(random.integers(len(others)))]
        exchanged.append(replace(example, input=f"question: {other} context: {context}"))
    return exchanged


def _units(text: str) -> tuple[list[str], str]:
    """Words, or letters where blanks are rare; and what stands between them."""
    words = text.split()
    return (list(text), "") if len(text) > _LONG * max(1, len(words)) else (words, " ")


def trivial_answers(examples: Sequence[Example], seed: int = 0) -> dict[str, list[str]]:
    """Answers that need no reading.

    Parameters
    ----------
    examples : sequence of Example
        Inputs ``question: ... context: ...``.
    seed : int
        Of what is drawn.

    Returns
    -------
    dict
        ``whole context``: the context; ``any words``: a run of its words from a place by chance, as
        long as the answer of an example by chance (letters, in a script without blanks).

    Raises
    ------
    DataError
        If an input has another form.
    """
    random = generator(seed)
    contexts = [_parts(e)[1] for e in examples]
    pieces = []
    for context in contexts:
        units, between = _units(context)
        answer = examples[int(random.integers(len(examples)))].target
        size = min(len(answer.split() if between else list(answer)) or 1, len(units))
        start = int(random.integers(len(units) - size + 1))
        pieces.append(between.join(units[start : start + size]))
    return {"whole context": contexts, "any words": pieces}


def question_use(
    loaded: Loaded,
    examples: Sequence[Example],
    task: Task,
    max_input: int = 128,
    precision: str = "auto",
    seed: int = 0,
) -> pd.DataFrame:
    """What a fine-tuned model scores with its questions, with others, and what needs no model.

    Parameters
    ----------
    loaded : Loaded
        A fine-tuned model.
    examples : sequence of Example
        Of one language.
    task : Task
        Answers questions; gives the metrics.
    max_input, precision
        As in `crosslingual.evaluation.evaluate`.
    seed : int
        Of what is drawn.

    Returns
    -------
    DataFrame
        Columns how (``own question``, ``another question``, ``whole context``, ``any words``),
        metric, score (in [0, 1]), n; one row for each of the task's metrics.

    Raises
    ------
    DataError
        As `exchange_questions`.
    """
    import pandas as pd

    others = exchange_questions(examples, seed)
    trivial = trivial_answers(examples, seed)
    found = {
        "own question": evaluate(loaded, examples, task, "generate", max_input, precision),
        "another question": evaluate(loaded, others, task, "generate", max_input, precision),
        **{how: judge(outputs, examples, task) for how, outputs in trivial.items()},
    }
    return pd.DataFrame(
        {"how": how, "metric": metric, "score": score, "n": result.n}
        for how, result in found.items()
        for metric, score in result.scores.items()
    )
