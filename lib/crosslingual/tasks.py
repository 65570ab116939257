"""What a task is: a language and a split turned into examples of text in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .answer_metrics import compare_answers
from .errors import DataError
from .languages import find_language, resolve
from .metrics import get_counts, ratio

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Example",
    "Task",
    "baselines",
    "counted",
    "describe",
    "scored",
    "subset",
]

SPLITS = ("train", "dev", "test")
_DRAWN = 100  # targets of a random answer, where few repeat


@dataclass(frozen=True)
class Example:
    """One example, text in and text out.

    Attributes
    ----------
    input : str
        What the model reads.
    target : str
        What it should write.
    language : str
        ISO 639-3 code.
    key : str
        Where the example comes from (template, sentence id); splits share none.
    spans : tuple of (label, start, end)
        For structured tasks: where the target's spans stand in ``input``.
    answers : tuple of str
        For questions with several right answers: all of them, ``target`` first.
    """

    input: str
    target: str
    language: str
    key: str = ""
    spans: tuple[tuple[str, int, int], ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A task for text-to-text models.

    Attributes
    ----------
    name : str
        Short, lower case; part of every signature.
    kind : str
        ``classification``, ``structured`` or ``answering``.
    load : callable
        ``load(language code, split)`` gives a list of `Example`, the same at every call.
    languages : callable
        Gives the ISO 639-3 codes that the task has.
    metrics : tuple of str
        Names in `crosslingual.metrics.METRICS`; the first one is the task's score.
    legal : callable
        Whether an output has the form of an answer; how often it has not is recorded.
    labels : tuple of str
        The allowed outputs of a classification task, else empty.
    max_output : int
        Longest output in tokens.
    casting : str
        How it became text to text.
    licence : str
        Who may use it.
    citation : str
        Whom to cite.
    version : str
        Which sample.
    """

    name: str
    kind: str
    load: Callable[[str, str], list[Example]] = field(repr=False)
    languages: Callable[[], list[str]] = field(repr=False)
    metrics: tuple[str, ...]
    legal: Callable[[str], bool] = field(repr=False)
    labels: tuple[str, ...] = ()
    max_output: int = 16
    casting: str = ""
    licence: str = ""
    citation: str = ""
    version: str = "1"

    def examples(self, language: str, split: str) -> list[Example]:
        """Examples of one language and split.

        Raises
        ------
        UnknownLanguageError
            If the language is unknown or the task does not have it.
        DataError
            If the split is not train, dev or test.
        """
        if split not in SPLITS:
            raise DataError(f"unknown split {split!r}. Allowed: {', '.join(SPLITS)}.")
        return self.load(find_language(language).code, split)


def counted(
    metric: str, outputs: Sequence[str], examples: Sequence[Example]
) -> list[tuple[float, float]]:
    """What of every example was right and what was counted: their sums' ratio is the score.

    ``squad_em``, ``squad_f1``, ``mlqa_em`` and ``mlqa_f1`` are the official scorers' (see
    `crosslingual.answer_metrics`), against the best of several answers; other names are those of
    `crosslingual.metrics.METRICS`.

    Parameters
    ----------
    metric : str
        Its name.
    outputs : sequence of str
        What was written.
    examples : sequence of Example
        What it is about.

    Raises
    ------
    DataError
        If there are not as many outputs as examples, or none.
    UnknownNameError
        For another metric.
    """
    if len(outputs) != len(examples) or not examples:
        raise DataError(f"{len(outputs)} outputs cannot be scored for {len(examples)}.")
    style, _, part = metric.partition("_")
    if style in ("squad", "mlqa"):
        right = [e.answers or (e.target,) for e in examples]
        pairs = compare_answers(outputs, right, [e.language for e in examples], style)
        return [(em if part == "em" else f1, 1) for em, f1 in pairs]
    return list(map(get_counts(metric), outputs, [e.target for e in examples]))


def scored(metric: str, outputs: Sequence[str], examples: Sequence[Example]) -> float:
    """Score of outputs for examples, see `counted`.

    Parameters
    ----------
    metric : str
        Its name.
    outputs : sequence of str
        What was written.
    examples : sequence of Example
        What it is about.

    Raises
    ------
    DataError
        If outputs and examples are not as many.
    """
    return ratio(counted(metric, outputs, examples))


def baselines(task: Task, language: str) -> dict[str, float]:
    """Scores that need no learning, on the test split.

    Parameters
    ----------
    task : Task
        From `get_task`, or of your own.
    language : str
        One that it has.

    Returns
    -------
    dict
        ``chance``: expected score of a random training target (where there are more than 100
        different ones, the mean over 100 drawn); ``majority``: score of always giving the most
        frequent training target.
    """
    train = [e.target for e in task.examples(language, "train")]
    test = task.examples(language, "test")

    def score(answer: str) -> float:
        return scored(task.metrics[0], [answer] * len(test), test)

    frequent = Counter(train).most_common(1)[0][0]
    drawn = Counter(train)
    if len(drawn) > _DRAWN:  # sentences of entities are nearly all different
        drawn = Counter(np.random.default_rng(0).choice(train, _DRAWN).tolist())
    chance = sum(n / drawn.total() * score(t) for t, n in drawn.items())
    return {"chance": chance, "majority": score(frequent)}


def subset(examples: list[Example], limit: int | None) -> list[Example]:
    """A random sample of so many examples, the same at every call, in their order.

    Parameters
    ----------
    examples : list of Example
        All of them.
    limit : int or None
        How many; None for all.
    """
    if limit is None or limit >= len(examples):
        return examples
    chosen = np.random.default_rng(0).permutation(len(examples))[:limit]
    return [examples[i] for i in sorted(chosen)]


def describe(task: Task, languages: Iterable[str]) -> pd.DataFrame:
    """Sizes, trivial baselines and an example, one row a language.

    Parameters
    ----------
    task : Task
        From `get_task`, or of your own.
    languages : iterable of str
        Some that it has.

    Returns
    -------
    DataFrame
        Columns task, language, train, dev, test (numbers of examples), inputs
        (distinct), targets (distinct), chance, majority, input, target (one example).
    """
    import pandas as pd

    rows = []
    for code in resolve(languages):
        split = {name: task.examples(code, name) for name in SPLITS}
        everything = [e for part in split.values() for e in part]
        shown = split["test"][0]
        rows.append(
            {
                "task": task.name,
                "language": code,
                **{name: len(part) for name, part in split.items()},
                "inputs": len({e.input for e in everything}),
                "targets": len({e.target for e in everything}),
                **baselines(task, code),
                "input": shown.input,
                "target": shown.target,
            }
        )
    return pd.DataFrame(rows)
