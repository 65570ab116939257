"""Named errors. Each says what was given, what is allowed and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "CorpusError",
    "CrosslingualError",
    "DataError",
    "ModelError",
    "OutputError",
    "RecordError",
    "UnknownLanguageError",
    "UnknownModelError",
    "UnknownNameError",
    "UnknownTaskError",
]


class CrosslingualError(Exception):
    """Base of every error that this package raises on purpose.

    The console command prints its message and ends with exit code 2.
    """


class UnknownNameError(CrosslingualError):
    """A name is not among the allowed ones.

    Parameters
    ----------
    given : str
        What was asked for.
    allowed : iterable of str
        What could have been asked for.
    hint : str, optional
        The next step, appended to the message.
    """

    kind = "name"

    def __init__(self, given: object, allowed: Iterable[str], hint: str = "") -> None:
        self.given = given
        self.allowed = sorted({str(a) for a in allowed})
        near = get_close_matches(str(given), self.allowed, n=3, cutoff=0.5)
        message = f"unknown {self.kind} {given!r}."
        if near:
            message += f" Did you mean {', '.join(near)}?"
        shown = ", ".join(self.allowed[:40]) + (" ..." if len(self.allowed) > 40 else "")
        message += f" Allowed: {shown}."
        self.hint = hint
        super().__init__(message + (f" {hint}" if hint else ""))

    def __reduce__(self) -> tuple[type, tuple[object, list[str], str]]:
        """Let it travel from a worker: pickle would call it with its message alone."""
        return type(self), (self.given, self.allowed, self.hint)


class UnknownLanguageError(UnknownNameError):
    """A language is not known, or a resource does not cover it."""

    kind = "language"


class UnknownTaskError(UnknownNameError):
    """A task is not registered."""

    kind = "task"


class UnknownModelError(CrosslingualError):
    """A model is neither shipped, nor a local folder, nor on the hub."""


class ModelError(CrosslingualError):
    """A model folder is there but cannot be used."""


class ConfigError(CrosslingualError):
    """A study configuration cannot be used."""


class DataError(CrosslingualError):
    """A table or a data file cannot be used."""


class CorpusError(DataError):
    """A pre-training corpus is missing, empty or unreadable."""


class RecordError(DataError):
    """A record file is empty, truncated or of another shape."""


class OutputError(CrosslingualError):
    """An output cannot be written."""
