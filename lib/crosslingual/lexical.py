"""The control: a learner that sees letters only.

Character n-grams and logistic regression connect two languages where their words look
alike, and nowhere else. What a pre-trained model gets above this is what pre-training
connected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from .errors import DataError
from .evaluation import judge
from .languages import resolve
from .records import settings_hash, signature
from .spans import format_spans
from .tasks import Example, Task, subset
from .version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

__all__ = ["LexicalClassifier", "LexicalTagger", "lexical_scores"]

MODEL = "lexical"


class Learner(Protocol):
    """Fits on examples, writes outputs."""

    def fit(self, examples: Sequence[Example]) -> Any:
        """Learn from examples.

        Parameters
        ----------
        examples : sequence of Example
            In one language.
        """

    def predict(self, examples: Sequence[Example]) -> list[str]:
        """Write an output for each example.

        Parameters
        ----------
        examples : sequence of Example
            In any language.

        Returns
        -------
        list of str
            In the form of the examples' targets.
        """


def _logistic() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=30.0, max_iter=200, tol=1e-3)


class LexicalClassifier:
    """Character 1- to 4-grams of the whole input, one class a distinct target."""

    def vectors(self) -> Any:
        """What is counted of an input."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)

    def fit(self, examples: Sequence[Example]) -> Self:
        """Learn from examples."""
        from sklearn.pipeline import make_pipeline

        self.pipeline = make_pipeline(self.vectors(), _logistic())
        self.pipeline.fit([e.input for e in examples], [e.target for e in examples])
        return self

    def predict(self, examples: Sequence[Example]) -> list[str]:
        """The most probable of the targets seen in training."""
        return [str(label) for label in self.pipeline.predict([e.input for e in examples])]


class LexicalWordClassifier(LexicalClassifier):
    """Words in brackets (``pud_words``, ``ner_words``), seen as `LexicalTagger` sees them."""

    def vectors(self) -> Any:
        """What is counted of an input."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(analyzer=_bracketed_ngrams, sublinear_tf=True, min_df=2)


def _bracketed_ngrams(text: str) -> list[str]:
    left, _, rest = text.partition(" [ ")
    word, _, right = rest.partition(" ]")
    before, after = left.split()[-1], (right.split() or ["$"])[0]
    return _marked_ngrams(f"{word}\n\x01{before}\n\x02{after}")


# Words where they are separated by spaces, single characters where they are not.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


class LexicalTagger:
    """Tags each word by the characters in it and in its neighbours; spans from the tags."""

    def _tokens(self, example: Example) -> list[tuple[str, int, int]]:
        return [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(example.input)]

    def _features(self, tokens: list[tuple[str, int, int]]) -> list[str]:
        words = ["^", *(word for word, _, _ in tokens), "$"]
        # Control characters mark whose n-grams they are, without mixing them.
        return [
            f"{words[i]}\n\x01{words[i - 1]}\n\x02{words[i + 1]}" for i in range(1, len(words) - 1)
        ]

    def fit(self, examples: Sequence[Example]) -> LexicalTagger:
        """Learn from examples with ``spans``."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        features: list[str] = []
        tags: list[str] = []
        for example in examples:
            tokens = self._tokens(example)
            features += self._features(tokens)
            tags += [self._tag(example, start, end) for _, start, end in tokens]
        self.pipeline = make_pipeline(
            TfidfVectorizer(
                analyzer=_marked_ngrams,
                sublinear_tf=True,
                min_df=2,
            ),
            _logistic(),
        )
        self.pipeline.fit(features, tags)
        return self

    @staticmethod
    def _tag(example: Example, start: int, end: int) -> str:
        for name, first, last in example.spans:
            if start < last and end > first:
                return name
        return "O"

    def predict(self, examples: Sequence[Example]) -> list[str]:
        """Runs of equal tags, written as the task writes spans."""
        outputs = []
        per_example = [self._tokens(e) for e in examples]
        features = [f for tokens in per_example for f in self._features(tokens)]
        tags = iter(self.pipeline.predict(features)) if features else iter(())
        for example, tokens in zip(examples, per_example, strict=True):
            spans: list[list[Any]] = []
            previous = "O"
            for _, start, end in tokens:
                tag = str(next(tags))
                if tag != "O" and tag == previous:
                    spans[-1][2] = end
                elif tag != "O":
                    spans.append([tag, start, end])
                previous = tag
            outputs.append(format_spans([(n, example.input[a:b]) for n, a, b in spans]))
        return outputs


def _marked_ngrams(text: str) -> list[str]:
    grams = []
    for part in text.split("\n"):
        mark, word = (part[0], part[1:]) if part[:1] in "\x01\x02" and part else ("", part)
        padded = f"<{word}>"
        for n in (1, 2, 3, 4) if not mark else (3, 4):
            grams += [mark + padded[i : i + n] for i in range(len(padded) - n + 1)]
        grams.append(mark + padded)
    return grams


def lexical_scores(
    task: Task,
    sources: Iterable[str],
    targets: Iterable[str] | None = None,
    workers: int | None = None,
    train_limit: int | None = None,
    test_limit: int | None = None,
) -> pd.DataFrame:
    """Train the lexical learner on every source, test it on every target.

    Parameters
    ----------
    task : Task
        Tasks of spans are tagged, others classified.
    sources, targets : iterable of str
        Languages; targets are the sources where not given.
    workers : int, optional
        Processes; by default one a core where there are more than two sources.
    train_limit, test_limit : int, optional
        Use so many examples only: those that a study with these limits uses.

    Returns
    -------
    DataFrame
        The columns of `crosslingual.score_tables.scores_table`, with model ``lexical``. There
        is no randomness in it: the seed is 0.

    Raises
    ------
    DataError
        If a limit is below 1.
    """
    import pandas as pd
    from joblib import Parallel, delayed

    for limit in (train_limit, test_limit):
        if limit is not None and limit < 1:
            raise DataError(f"a limit of examples is {limit}. Allowed: 1 and more, or none.")
    codes = resolve(sources)
    goals = resolve(targets) if targets is not None else codes
    if workers is None:
        workers = (os.cpu_count() or 1) if len(codes) > 2 else 1
    parts = Parallel(n_jobs=workers)(
        delayed(_from_source)(task, code, goals, train_limit, test_limit) for code in codes
    )
    return pd.DataFrame([row for part in parts for row in part])


def _learner(task: Task) -> Learner:
    if task.kind != "structured":
        return LexicalClassifier()
    return LexicalWordClassifier() if task.labels else LexicalTagger()


def _from_source(
    task: Task, source: str, targets: list[str], train_limit: int | None, test_limit: int | None
) -> list[dict[str, object]]:
    learner = _learner(task)
    learner.fit(subset(task.examples(source, "train"), train_limit))
    limits = {"train_limit": train_limit, "test_limit": test_limit}
    settings = {"task_version": task.version} | {k: v for k, v in limits.items() if v}
    rows: list[dict[str, object]] = []
    for target in targets:
        test = subset(task.examples(target, "test"), test_limit)
        result = judge(learner.predict(test), test, task)
        rows.append(
            {
                "task": task.name,
                "source": source,
                "target": target,
                "shots": 0,
                "training": "source",
                "seed": 0,
                "model": MODEL,
                "metric": task.metrics[0],
                "score": result.scores[task.metrics[0]],
                "n_test": result.n,
                "illegal": result.illegal,
                "settings": settings_hash(settings),
                "version": __version__,
                "signature": signature(task.name, source, target, 0, MODEL, 0),
                "se": result.se,
            }
        )
    return rows
