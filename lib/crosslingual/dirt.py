"""Lines of data files that cannot be right: refused, or skipped and reported by file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import ConfigError, DataError

__all__ = ["DIRT", "Dirt", "check_rule", "note", "read_lines"]

DIRT = ("refuse", "skip")


@dataclass(frozen=True)
class Dirt:
    """A line that cannot be right; prints itself as ``file:line: what``."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def note(found: list[Dirt], dirt: Dirt, rule: str) -> None:
    """Add to what was found, or refuse it, as one of `DIRT` says."""
    if rule == "refuse":
        raise DataError(f"{dirt}. Mend the line, or let such lines be skipped (dirty='skip').")
    found.append(dirt)


def check_rule(dirty: str) -> None:
    """Refuse a rule that is not one of `DIRT`."""
    if dirty not in DIRT:
        raise ConfigError(f"unknown rule {dirty!r} for dirty lines. Allowed: {', '.join(DIRT)}.")


def read_lines(path: str | Path, found: list[Dirt], rule: str) -> list[str]:
    """Lines of a text file without their ends.

    A file whose UTF-8 was encoded as UTF-8 once more (``espaÃ±ola``) is mended and noted, or
    refused.

    Raises
    ------
    DataError
        If the file cannot be read, is not UTF-8, or is refused.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{str(path)!r} is not UTF-8 ({error.reason} at {error.start}).") from None
    try:
        mended = text.encode("latin-1").decode()
    except UnicodeError:  # as it should be
        mended = text
    lines = mended.split("\n")
    if mended != text:
        number = next(k for k, was in enumerate(text.split("\n")) if was != lines[k])
        what = f"encoded as UTF-8 twice, as is the whole file; read as {lines[number].strip()!r}"
        note(found, Dirt(str(path), number + 1, what), rule)
    return lines
