"""Records: one JSON file for each measured cell."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .errors import RecordError
from .files import write_json
from .languages import find_language
from .version import __version__

__all__ = [
    "TRAININGS",
    "Cell",
    "Record",
    "settings_hash",
    "signature",
]


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Short, stable digest of settings: another recipe is another cell.

    Examples
    --------
    >>> settings_hash({"lr": 0.01, "epochs": 3}) == settings_hash({"epochs": 3, "lr": 0.01})
    True
    """
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def signature(
    task: str,
    source: str,
    target: str,
    shots: int,
    model: str,
    seed: int,
    training: str = "source",
    version: str = "",
) -> str:
    """How a score was made, in one line (after sacreBLEU, Post 2018).

    Parameters
    ----------
    task : str
        Its name.
    source : str
        ISO 639-3.
    target : str
        The same.
    shots : int
        Number of target examples.
    model : str
        Its name.
    seed : int
        Of the repetition.
    training : str
        One of `TRAININGS`.
    version : str
        Of the package; this one by default.

    Raises
    ------
    UnknownLanguageError
        If a language is unknown.

    Examples
    --------
    >>> signature("intents", "deu", "tur", 0, "mini", 1, version="0.1")
    'task:intents|src:de|tgt:tr|shots:0|model:mini|seed:1|v:0.1'
    >>> signature("intents", "deu", "tur", 5, "mini", 1, "joint", "0.1")
    'task:intents|src:de|tgt:tr|shots:5|train:joint|model:mini|seed:1|v:0.1'
    """
    parts: dict[str, object] = {
        "task": task,
        "src": find_language(source).short,
        "tgt": find_language(target).short,
        "shots": shots,
    }
    if training != "source":
        parts["train"] = training
    parts |= {"model": model, "seed": seed, "v": version or __version__}
    return "|".join(f"{key}:{value}" for key, value in parts.items())


TRAININGS = ("source", "joint", "sequential", "target")
"""What a cell's model was trained on: the source's examples alone (zero-shot), the source's
and the target's mixed, the source's and then the target's, or the target's alone."""


@dataclass(frozen=True)
class Cell:
    """One number to be measured; its identity.

    Attributes
    ----------
    task, source, target : str
        Names; languages by ISO 639-3. Source and target are the same where the training is
        on the target alone.
    shots : int
        Number of target examples in the training data.
    training : str
        One of `TRAININGS`; ``source`` where there are no shots.
    seed : int
        Order of examples, dropout, the draw of the target examples, and initial weights
        where the model is untrained.
    model : str
        Name of the model.
    settings : str
        Digest of everything else that the score depends on.
    """

    task: str
    source: str
    target: str
    shots: int
    training: str
    seed: int
    model: str
    settings: str

    @property
    def file_name(self) -> str:
        """Name of the record's file: equal cells, equal names."""
        model = "".join(c if c.isalnum() or c in "-_." else "_" for c in self.model)
        return (
            f"{self.task}.{self.source}.{self.target}.{self.training}{self.shots}.s{self.seed}."
            f"{model}.{self.settings}.json"
        )


@dataclass(frozen=True)
class Record(Cell):
    """One measured cell.

    Attributes
    ----------
    metric : str
        The task's own metric; ``score`` is its value in [0, 1].
    scores : dict
        All metrics of the task.
    n_test : int
        Number of test examples.
    illegal : float
        Share of outputs that have not the form of an answer.
    version : str
        Of this package.
    seconds : float
        Time of fine-tuning (shared by the cells of one source) and evaluation.
    signature : str
        See `signature`.
    se : float, optional
        Standard error of ``score`` by the size of the test set; None where it is not known.
    examples : dict
        ``<split> <language>`` -> digest of the examples there, see
        `crosslingual.provenance.examples_used`; empty where it is not known.
    """

    metric: str
    score: float
    scores: dict[str, float]
    n_test: int
    illegal: float
    version: str
    seconds: float
    signature: str
    se: float | None = None
    examples: dict[str, str] = field(default_factory=dict)


def write_record(folder: str | Path, record: Record) -> Path:
    """Write a record atomically into ``folder``."""
    return write_json(Path(folder) / record.file_name, asdict(record))


def read_record(path: str | Path) -> Record:
    """Read one record.

    Raises
    ------
    RecordError
        If the file is empty, truncated, or has other fields; the message says which
        file and that deleting it makes the study measure the cell again.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise RecordError(f"the record {str(path)!r} cannot be read ({error}). {_ADVICE}") from None
    return parse_record(content, str(path))


_ADVICE = "Delete the file and rerun the study: the cell will be measured again."


def parse_record(content: bytes, where: str) -> Record:
    """Make a record of a file's content; ``where`` is for messages.

    Raises
    ------
    RecordError
        As `read_record`.
    """
    named = f"the record {where!r}"
    try:
        text = content.decode("utf-8")
        record = Record(**json.loads(text))
    except UnicodeDecodeError as error:
        raise RecordError(f"{named} cannot be read ({error}). {_ADVICE}") from None
    except json.JSONDecodeError as error:
        what = "is empty" if not text.strip() else f"is truncated or no JSON ({error})"
        raise RecordError(f"{named} {what}. {_ADVICE}") from None
    except TypeError as error:
        raise RecordError(f"{named} has other fields ({error}). {_ADVICE}") from None
    if not isinstance(record.score, (int, float)) or not math.isfinite(record.score):
        raise RecordError(f"{named} has the score {record.score!r}. {_ADVICE}")
    digests = record.examples
    if not isinstance(digests, dict) or not all(len(key.split()) == 2 for key in digests):
        raise RecordError(f"{named} has the examples {digests!r}. {_ADVICE}")
    return record
