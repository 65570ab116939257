"""The state of a fine-tuning on disk or in a bucket, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .batching import Encoded
from .files import is_address, remove_file, write_atomic
from .train_settings import TrainSettings, settings_identity

if TYPE_CHECKING:
    import torch

__all__ = ["Checkpoint"]

RARELY = 20.0  # times as long as saving took, before it is done again: a large model's is gigabytes


class Checkpoint:
    """A file that holds the state of one fine-tuning.

    Parameters
    ----------
    path : str or Path
        The file, or an address that fsspec knows; its folder is made when first needed.
    every : float
        Seconds between savings, more where one takes longer than a twentieth of that; 0 for after
        every update. Short runs, as `mini`'s, end before the first one.
    keep : bool
        When a run that took longer than that is over, keep what it learned, until `remove`: for
        who has more to do with it and may be killed meanwhile.
    """

    def __init__(self, path: str | Path, every: float = 300.0, keep: bool = False) -> None:
        self.path = str(path)
        self.every = every
        self.cost = 0.0
        self.keep = keep
        self.identity = ""
        self.started = self.last = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time to save."""
        pause = max(self.every, RARELY * self.cost) if self.every else 0.0
        return time.monotonic() - self.last >= pause

    def load(
        self, name: str, train: Encoded, dev: Encoded, settings: TrainSettings, seed: int
    ) -> dict[str, Any] | None:
        """The saved state of this very run; None where there is none or it is another's."""
        import fsspec
        import torch

        what = [name, train.inputs, train.targets, dev.inputs, settings_identity(settings), seed]
        self.identity = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        try:
            # Our own file: besides tensors it holds the plain states of random generators.
            with fsspec.open(self.path, "rb") as stream:
                saved: dict[str, Any] = torch.load(stream, "cpu", weights_only=True)
        except Exception:  # noqa: BLE001 - absent or unreadable: then the run starts anew
            return None
        if saved.get("identity") != self.identity:
            return None
        self.started = -math.inf  # what was spent before counts, too
        return saved

    def save(
        self,
        state: dict[str, Any],
        weights: dict[str, torch.nn.Parameter],
        optimiser: torch.optim.Optimizer | None,
    ) -> None:
        """Write the state; without an optimiser where nothing is left to do.

        On a disk it is there when it is whole. A bucket that cannot be reached costs the state,
        not the run: a warning says so.
        """
        import torch

        # Of the GPU that is used: another machine may have fewer.
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        whole = {
            **state,
            "identity": self.identity,
            "weights": {name: weight.detach() for name, weight in weights.items()},
            "optimiser": optimiser.state_dict() if optimiser else None,
            "random": torch.get_rng_state(),
            "cuda": cuda,
        }
        started = time.monotonic()
        if not is_address(self.path):
            write_atomic(self.path, lambda path: torch.save(whole, path))
        else:
            try:
                self._upload(whole)
            except Exception as error:  # noqa: BLE001 - each store has errors of its own
                warnings.warn(f"no state was saved at {self.path!r} ({error}).", stacklevel=2)
        self.last = time.monotonic()
        self.cost = self.last - started

    def _upload(self, whole: dict[str, Any]) -> None:
        import fsspec
        import torch

        filesystem, place = fsspec.core.url_to_fs(self.path)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "state.pt"
            torch.save(whole, file)
            filesystem.makedirs(place.rsplit("/", 1)[0], exist_ok=True)
            filesystem.put_file(str(file), place)

    @staticmethod
    def restore_random(saved: dict[str, Any]) -> None:
        """Set torch's generators to where they were."""
        import torch

        torch.set_rng_state(saved["random"])
        if saved["cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(saved["cuda"])

    def end(self, state: dict[str, Any], weights: dict[str, torch.nn.Parameter]) -> None:
        """The run is over: keep what it learned (see ``keep``), or delete the file."""
        if self.keep and time.monotonic() - self.started >= self.every:
            self.save(state, weights, None)
        else:
            self.remove()

    def remove(self) -> None:
        """Delete the file."""
        if not is_address(self.path):
            remove_file(self.path)
            return
        import fsspec

        # A bucket that cannot be reached keeps a file too many; all that was wanted of it is done.
        with suppress(Exception):
            filesystem, place = fsspec.core.url_to_fs(self.path)
            filesystem.rm_file(place)
