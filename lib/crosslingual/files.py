"""Atomic writing and careful reading of small files."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import CrosslingualError, DataError, OutputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "is_address",
    "prepare_folder",
    "read_json",
    "remove_file",
    "write_atomic",
    "write_bytes",
    "write_csv",
    "write_json",
    "write_text",
]


def is_address(place: str) -> bool:
    """Whether a place is an address that fsspec reads, and not an ordinary path."""
    return "://" in place


def prepare_folder(path: str | Path) -> Path:
    """Create a folder and make sure that it can be written to.

    Parameters
    ----------
    path : str or Path
        The folder; parents are made too.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be made, is a file, or refuses a new file.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # os.access lies for root and on network disks: only writing tells.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-"):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write to the folder {str(folder)!r} ({error.strerror or error}). "
            "Choose another folder with --out, or make this one writable."
        ) from None
    return folder


def read_json(path: str | Path, error: type[CrosslingualError] = DataError) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : str or Path
        The file, in UTF-8.
    error : type of CrosslingualError
        What is raised if it cannot be read.

    Raises
    ------
    DataError
        Or ``error``: if there is no such file, or it is no valid JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as fault:
        raise error(f"{str(path)!r} cannot be read ({fault.strerror}).") from None
    except ValueError as fault:
        raise error(f"{str(path)!r} is no valid JSON ({fault}).") from None


def write_atomic(path: str | Path, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place.

    A reader sees the old file or the whole new one, also after ``kill -9``.

    Parameters
    ----------
    path : str or Path
        Where the file shall be. Its folder is made if need be.
    write : callable
        Called with the temporary path.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        before, after = _around(target)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=before, suffix=after)
        os.close(handle)
        write(Path(temporary))
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(
            f"cannot write {str(target)!r} ({error.strerror or error}). "
            "Choose another place, or make this one writable."
        ) from None
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
    return target


def _around(target: Path) -> tuple[str, str]:
    """How names of its temporary files begin and end."""
    return f".{target.name}-", ".tmp"


def remove_file(path: str | Path) -> None:
    """Delete a file if it is there, with what killed writers (`write_atomic`) left beside it.

    Parameters
    ----------
    path : str or Path
        The file; nobody may be writing it.
    """
    target = Path(path)
    target.unlink(missing_ok=True)
    before, after = _around(target)
    for left in target.parent.glob(f"{glob.escape(before)}*{after}"):
        left.unlink(missing_ok=True)


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write a binary file atomically."""
    return write_atomic(path, lambda temporary: _fill(temporary, content))


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file atomically (UTF-8)."""
    return write_bytes(path, text.encode("utf-8"))


def write_csv(path: str | Path, table: pd.DataFrame) -> Path:
    """Write a table atomically as CSV, without its index."""
    return write_text(path, table.to_csv(index=False))


def write_json(path: str | Path, value: Any) -> Path:
    """Write a JSON file atomically; NaN and infinity are refused by the format."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    return write_text(path, text + "\n")


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)
