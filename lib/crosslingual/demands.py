"""How many labels a target needs to reach a goal, after a source or alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .arguments import check_level
from .boosting import one_thread
from .conformal import Calibration, calibrate
from .effective import Effective, fit_effective
from .errors import DataError
from .languages import find_language
from .mixtures import DEFAULT_SIZE, Mixtures, from_scores, is_known

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Advice", "Demand", "as_goal", "demand", "fit_advice", "known_code"]

BEYOND = 4.0  # times the most examples of any language that were seen: farther is no prediction
STEPS = 60  # points of a curve
HALVINGS = 12  # between two of them: to a thousandth of the gap


@dataclass(frozen=True)
class Advice:
    """A fitted model with calibrated intervals: what the questions below are put to.

    Attributes
    ----------
    model : Effective
        Exchange rates, levels, process.
    calibration : Calibration
        Of its intervals.
    """

    model: Effective
    calibration: Calibration

    def score(
        self, amounts: NDArray[np.float64], languages: Sequence[str], target: str, level: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Predicted score of mixtures (rows of ``amounts``), low and high.

        Parameters
        ----------
        amounts : array, shape (mixtures, languages)
            Examples of each language.
        languages : sequence of str
            The columns, as the scores call them.
        target : str
            In which language the model is tested.
        level : float
            Coverage of the interval, in (0, 1).

        Returns
        -------
        score, low, high : array, shape (mixtures,)
            Fractions.
        """
        rows = len(amounts)
        asked = Mixtures(
            tuple(languages),
            np.asarray(amounts, dtype=float),
            np.arange(rows) + 1_000_000,  # runs of their own
            np.full(rows, target),
            np.full(rows, np.nan),
        )
        with one_thread():
            predicted = self.model.predict(asked)
        low, high = self.calibration.interval(predicted, level)
        return predicted.score, low, high

    def along(
        self,
        labels: NDArray[np.float64],
        base: NDArray[np.float64],
        languages: Sequence[str],
        target: str,
        level: float,
    ) -> NDArray[np.float64]:
        """Predicted score, low and high with so many labels of the target beside others' examples.

        Parameters
        ----------
        labels : array, shape (points,)
            Of the target.
        base : array, shape (languages,)
            Examples that are there already.
        languages : sequence of str
            Their order, as the scores call them; the target is among them.
        target : str
            In which language the model is tested.
        level : float
            Coverage of the interval, in (0, 1).

        Returns
        -------
        array, shape (3, points)
            Fractions.
        """
        amounts = np.tile(base, (len(labels), 1))
        amounts[:, list(languages).index(target)] += labels
        return np.array(self.score(amounts, languages, target, level))

    def curve(
        self, base: NDArray[np.float64], languages: Sequence[str], target: str, level: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Growth with labels, up to the largest number asked about; more of them do no harm.

        Parameters
        ----------
        base, languages, target, level
            As in `along`.

        Returns
        -------
        numbers : array, shape (points,)
            Of labels, from 0, or from 1 where nothing else is learned from.
        curves : array, shape (3, points)
            Score, low and high there, as fractions that do not fall.
        """
        start = 0 if base.any() else np.log(2)
        numbers = np.expm1(np.linspace(start, np.log1p(self.most), STEPS))
        curves = self.along(numbers, base, languages, target, level)
        return numbers, np.maximum.accumulate(curves, axis=1)

    @property
    def most(self) -> float:
        """The largest number of examples of one language that is asked about."""
        return BEYOND * float(self.model.mixtures.amounts.max())


def fit_advice(
    scores: pd.DataFrame | Mixtures, size: float = DEFAULT_SIZE, seed: int = 0
) -> Advice:
    """Fit and calibrate once, to ask several questions.

    Parameters
    ----------
    scores : DataFrame or Mixtures
        See `crosslingual.mixtures.from_scores`.
    size : float
        Examples of a source where the scores do not say.
    seed : int
        Of what is held out together.

    Raises
    ------
    DataError
        If every language always has the same number of examples, as in a zero-shot matrix: what
        more of them would bring cannot be told apart from what languages are worth to each other.
    """
    mixtures = known_mixtures(scores, size)
    with one_thread():
        model = fit_effective(mixtures)
        if not any(len(np.unique(column[column > 0])) > 1 for column in mixtures.amounts.T):
            raise DataError(
                "cannot tell what more examples bring: in these scores every language always has "
                "the same number of them. Scores with several numbers of target examples are "
                "needed, see configs/few_shot.yaml."
            )
        return Advice(model, calibrate(model, seed=seed))


def known_mixtures(given: pd.DataFrame | Mixtures | Advice, size: float = DEFAULT_SIZE) -> Mixtures:
    """The cells behind what a question is put to: it can be checked before anything is fitted."""
    if isinstance(given, Advice):
        return given.model.mixtures
    return given if isinstance(given, Mixtures) else from_scores(given, size)


@dataclass(frozen=True)
class Demand:
    """Labels of a target that a goal needs; prints itself.

    Attributes
    ----------
    target : str
        ISO 639-3.
    source : str or None
        The same; None for labels of the target alone.
    goal : float
        A fraction.
    labels : float
        Predicted number, infinity where the goal is out of reach.
    low : float
        Number at which the upper end of the interval reaches the goal.
    high : float
        Number at which the lower end does.
    ceiling : tuple of float
        Predicted score at the largest number asked about, low, high.
    most : float
        That number: predictions do not go beyond four times the largest amount seen.
    interval : float
        Nominal coverage.
    curve : DataFrame
        labels, score, low, high.
    notes : list of str
        Where the question goes beyond what was seen.
    """

    target: str
    source: str | None
    goal: float
    labels: float
    low: float
    high: float
    ceiling: tuple[float, float, float]
    most: float
    interval: float
    curve: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    @property
    def reachable(self) -> bool:
        """Whether the goal is predicted to be reached."""
        return bool(np.isfinite(self.labels))

    def __str__(self) -> str:
        who = find_language(self.target).name if is_known(self.target) else self.target
        after = f" after {find_language(self.source).name}" if self.source else ""
        middle, low, high = self.ceiling
        if not self.reachable:
            hope = "" if not np.isfinite(self.low) else f" At best {_count(self.low)} might do."
            return (
                f"{self.goal:.2f} for {who}{after} is not reachable with up to "
                f"{_count(self.most)} labels: there {middle:.2f} is expected "
                f"({low:.2f} to {high:.2f}).{hope}" + "".join(f"\n{note}" for note in self.notes)
            )
        return (
            f"{self.goal:.2f} for {who}{after} needs about {_count(self.labels)} labels "
            f"({_count(self.low)} to {_count(self.high)}; {self.interval:.0%} interval)."
            + "".join(f"\n{note}" for note in self.notes)
        )


def _count(number: float) -> str:
    return f"{number:,.0f}" if np.isfinite(number) else "more than can be foretold"


def _beyond(mixtures: Mixtures, languages: int) -> list[str]:
    fewest = int((mixtures.amounts > 0).sum(1).min())
    if languages >= fewest:
        return []
    return [
        f"Every run that was learned from had {fewest} languages or more; this is asked of "
        f"{languages}, beyond what was seen, and the interval may be too narrow."
    ]


def as_goal(goal: float) -> float:
    """A goal that can be one, or a `DataError`."""
    if not 0 < goal < 1:
        raise DataError(f"the goal is {goal:g}. Allowed: a fraction between 0 and 1.")
    return goal


def first_reaching(
    grid: NDArray[np.float64],
    reached: NDArray[np.bool_],
    enough: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
) -> NDArray[np.float64]:
    """Where each of several rising curves is first high enough; infinity where it never is.

    Parameters
    ----------
    grid : array, shape (points,)
        Rising numbers at which all curves were looked at.
    reached : array of bool, shape (curves, points)
        Which were high enough there.
    enough : callable
        Says so of one number a curve: between the points the place is found by bisection, as
        trees make steps that no interpolation sees.
    """
    at = reached.argmax(1)
    low, high = grid[np.maximum(at - 1, 0)], grid[at]
    for _ in range(HALVINGS if reached.any() else 0):
        middle = (low + high) / 2
        there = enough(middle)
        low, high = np.where(there, low, middle), np.where(there & (at > 0), middle, high)
    return np.where(reached.any(1), high, np.inf)


def known_code(name: str, languages: Sequence[str]) -> str:
    """A language as the scores call it; ISO 639-3 for others."""
    return name if name in languages else find_language(name).code


def code_among(name: str, mixtures: Mixtures) -> str:
    """A language, tested or trained on or neither, as the mixtures call it."""
    return known_code(name, [*mixtures.languages, *mixtures.targets.tolist()])


def demand(
    scores: pd.DataFrame | Mixtures | Advice,
    target: str,
    goal: float,
    source: str | None = None,
    size: float = DEFAULT_SIZE,
    interval: float = 0.8,
) -> Demand:
    """How many labels of a target reach a goal, after a source or alone.

    Parameters
    ----------
    scores : DataFrame, Mixtures or Advice
        One task's and one model's scores, with target examples for some of them; or what
        `fit_advice` made of them.
    target : str
        A language; it may have no scores.
    goal : float
        Score to reach, a fraction.
    source : str, optional
        A language that is learned first, with ``size`` examples.
    size : float
        Its number of examples.
    interval : float
        Nominal coverage.

    Returns
    -------
    Demand

    Raises
    ------
    DataError
        If the goal is no fraction, the source is the target, or the scores never vary the
        number of examples.
    """
    import pandas as pd

    goal = as_goal(goal)
    check_level(interval)
    known = known_mixtures(scores, size)
    code = code_among(target, known)
    first = known_code(source, known.languages) if source is not None else None
    if first == code:
        raise DataError(f"the source and the target are the same language, {code}.")
    if first is not None and not size > 0:
        raise DataError(f"the source needs examples: size is {size:g}.")
    languages = sorted({*known.languages, code, *([first] if first is not None else [])})
    base = np.zeros(len(languages))
    if first is not None:
        base[languages.index(first)] = size
    advice = scores if isinstance(scores, Advice) else fit_advice(known)
    if advice.model.exchange.slope <= 0:
        raise DataError(
            "cannot tell how many labels are needed: in these scores more data do not help, or "
            "their amounts hardly vary."
        )
    numbers, (score, low, high) = advice.curve(base, languages, code, interval)
    # Each number by its own curve: the score, and the ends of its interval.
    reached = np.array([score, high, low]) >= goal

    def enough(three: NDArray[np.float64]) -> NDArray[np.bool_]:
        there = advice.along(three, base, languages, code, interval)[[0, 2, 1], [0, 1, 2]]
        return there >= goal

    labels, fewest, most = first_reaching(numbers, reached, enough)
    return Demand(
        code,
        first,
        goal,
        float(labels),
        float(fewest),
        float(most),
        (float(score[-1]), float(low[-1]), float(high[-1])),
        float(advice.most),
        interval,
        pd.DataFrame({"labels": numbers, "score": score, "low": low, "high": high}),
        _beyond(known, 1 + (first is not None)),
    )
