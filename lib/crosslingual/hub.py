"""The hub of data sets: reading from it, or from a folder in its own format."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from .errors import DataError

__all__ = ["quick_without_hub", "read_hub"]

MADE = "refs/convert/parquet"  # the hub's branch of a data set's rows


def quick_without_hub() -> None:
    """Without a network, say at once what is not here; the hub's library tries for 20 s."""
    hub = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    if getproxies():  # then only a proxy can tell
        return
    try:
        port = hub.port or (80 if hub.scheme == "http" else 443)
        socket.create_connection((hub.hostname or "", port), timeout=5).close()
    except (OSError, ValueError):
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _load(target: str, config: str | None, split: str) -> Any:
    import datasets

    try:
        return datasets.load_dataset(target, config, split=split)
    except RuntimeError as error:
        if config is None or "scripts are no longer supported" not in str(error):
            raise
    # A program makes this data set, and none is run; the hub keeps what it has made.
    files = {split: f"{config}/{split}/*.parquet"}
    return datasets.load_dataset(target, data_files=files, split=split, revision=MADE)


def read_hub(name: str, config: str | None, split: str) -> list[dict[str, Any]]:
    """Read a split of a data set: a hub id, or a local folder in the hub's own format.

    Parameters
    ----------
    name : str
        Hub id, or folder (parquet, arrow or jsonl files, as ``datasets`` finds them; with a
        subfolder for each configuration, or a ``README.md`` that declares them).
    config : str, optional
        Configuration, usually a language.
    split : str
        As the data set calls it.

    Raises
    ------
    DataError
        If it cannot be loaded; the message says what was tried.
    """
    import datasets

    folder = Path(name)
    target, rest = name, config
    if folder.is_dir() and config and (folder / config).is_dir():
        target, rest = str(folder / config), None
    quiet = datasets.utils.logging
    datasets.disable_progress_bars()
    quiet.set_verbosity_error()
    try:
        loaded = _load(target, rest, split)
    except Exception as error:  # noqa: BLE001 - the library raises whatever its parts raise
        raise DataError(
            f"the data set {name!r} (configuration {config!r}, split {split!r}) cannot be loaded: "
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}. Without a network give a "
            "folder with data_dir."
        ) from None
    return [dict(row) for row in loaded]
