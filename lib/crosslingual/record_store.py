"""Where records are kept: a folder here, on a shared disk, or in a bucket."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import OutputError, RecordError
from .files import is_address, prepare_folder
from .records import Record, parse_record, read_record, write_record

__all__ = ["RecordStore", "open_store", "read_records"]

STATES = "unfinished"  # folder of saved states


@dataclass(frozen=True)
class RecordStore:
    """A folder of records, one JSON file each; its address travels to workers, nothing else.

    Attributes
    ----------
    place : str
        A path, or any address that fsspec knows: ``s3://bucket/study``, ``gs://``, ``sftp://`` ...

    Notes
    -----
    States of long fine-tunings are saved in the folder ``unfinished`` there (`states`).

    On a local disk a record is written beside its place and moved there: a reader, or a killed
    process, sees the old file or the whole new one. NFS and the like do the same within one
    folder. Object stores (S3, GCS, Azure) make an object visible when it is whole. On other
    file systems a record that was being written when the machine died may be cut short; it is
    then refused by name when read, and measuring it again is one deletion away.
    """

    place: str

    @property
    def is_local(self) -> bool:
        """Whether the place is an ordinary path."""
        return not is_address(self.place)

    def _remote(self) -> tuple[Any, str]:
        import fsspec

        try:
            filesystem, root = fsspec.core.url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise OutputError(
                f"records cannot be kept at {self.place!r} ({error}). Install the package that it "
                "needs, or give a folder."
            ) from None
        return filesystem, root.rstrip("/")

    def prepare(self) -> RecordStore:
        """Make the folder, make sure that it can be written to; local paths become absolute.

        Raises
        ------
        OutputError
        """
        if self.is_local:
            return RecordStore(str(prepare_folder(self.place).resolve()))
        filesystem, root = self._remote()
        probe = f"{root}/.probe"
        try:
            filesystem.makedirs(root, exist_ok=True)
            filesystem.pipe_file(probe, b"")
            filesystem.rm_file(probe)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            raise OutputError(
                f"cannot write to {self.place!r} ({type(error).__name__}: {error}). "
                "Choose another place with --out, or give access."
            ) from None
        return self

    def names(self) -> set[str]:
        """File names of the records there."""
        return self._list("", ".json")

    def states(self) -> set[str]:
        """File names of the saved states of fine-tunings, which lie beside the records."""
        return self._list(f"/{STATES}", ".pt")

    def state(self, name: str) -> str:
        """Path or address of one of them."""
        return f"{self.place.rstrip('/')}/{STATES}/{name}"

    def _list(self, folder: str, ending: str) -> set[str]:
        if self.is_local:
            return {path.name for path in Path(f"{self.place}{folder}").glob(f"*{ending}")}
        filesystem, root = self._remote()
        filesystem.invalidate_cache()
        if not filesystem.exists(f"{root}{folder}"):
            return set()
        found = filesystem.ls(f"{root}{folder}", detail=False)
        return {PurePosixPath(name).name for name in found if name.endswith(ending)}

    def read(self, name: str) -> Record:
        """Read one record.

        Raises
        ------
        RecordError
            See `crosslingual.records.read_record`.
        """
        if self.is_local:
            return read_record(Path(self.place) / name)
        filesystem, root = self._remote()
        where = f"{self.place.rstrip('/')}/{name}"
        try:
            content = filesystem.cat_file(f"{root}/{name}")
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            raise RecordError(f"the record {where!r} cannot be read ({error}).") from None
        return parse_record(content, where)

    def write(self, record: Record) -> None:
        """Write a record; see Notes on what is guaranteed."""
        if self.is_local:
            write_record(self.place, record)
            return
        filesystem, root = self._remote()
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1, allow_nan=False)
        try:
            filesystem.pipe_file(f"{root}/{record.file_name}", (text + "\n").encode())
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            raise OutputError(
                f"cannot write {record.file_name!r} to {self.place!r} ({error})."
            ) from None


def open_store(place: str | Path) -> RecordStore:
    """The records at a path or an fsspec address."""
    return RecordStore(str(place))


def read_records(place: str | Path) -> list[Record]:
    """Read all records of a folder or fsspec address, in the order of their names.

    Parameters
    ----------
    place : str or Path
        Folder or address that a study was run into (``out``).

    Raises
    ------
    RecordError
        If the folder is missing, or any record is broken.
    """
    store = open_store(place)
    if store.is_local and not Path(place).is_dir():
        raise RecordError(
            f"the folder {str(place)!r} does not exist. Run 'crosslingual study run' first."
        )
    return [store.read(name) for name in sorted(store.names())]
