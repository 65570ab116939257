"""The state of a fine-tuning on disk, so that a killed one goes on where it was."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .batching import Encoded
from .files import write_atomic
from .train_settings import TrainSettings, settings_identity

if TYPE_CHECKING:
    import torch

__all__ = ["Checkpoint"]


class Checkpoint:
    """A file that holds the state of one fine-tuning.

    Parameters
    ----------
    path : str or Path
        The file; its folder is made when first needed.
    every : float
        Seconds between savings. Short runs, as `mini`'s, end before the first one.
    """

    def __init__(self, path: str | Path, every: float = 300.0) -> None:
        self.path = Path(path)
        self.every = every
        self.identity = ""
        self.last = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() - self.last >= self.every

    def load(
        self, name: str, train: Encoded, dev: Encoded, settings: TrainSettings, seed: int
    ) -> dict[str, Any] | None:
        """The saved state of this very run; None where there is none or it is another's."""
        import torch

        what = [name, train.inputs, train.targets, dev.inputs, settings_identity(settings), seed]
        self.identity = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        try:
            # Our own file: besides tensors it holds the plain states of random generators.
            saved: dict[str, Any] = torch.load(self.path, weights_only=True)
        except Exception:  # noqa: BLE001 - absent or unreadable: then the run starts anew
            return None
        return saved if saved.get("identity") == self.identity else None

    def save(
        self,
        state: dict[str, Any],
        weights: dict[str, torch.nn.Parameter],
        optimiser: torch.optim.Optimizer,
    ) -> None:
        """Write the state atomically."""
        import torch

        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        whole = {
            **state,
            "identity": self.identity,
            "weights": {name: weight.detach() for name, weight in weights.items()},
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "cuda": cuda,
        }
        write_atomic(self.path, lambda path: torch.save(whole, path))
        self.last = time.monotonic()

    @staticmethod
    def restore_random(saved: dict[str, Any]) -> None:
        """Set torch's generators to where they were."""
        import torch

        torch.set_rng_state(saved["random"])
        if saved["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(saved["cuda"])

    def remove(self) -> None:
        """Delete the file: the run is over."""
        self.path.unlink(missing_ok=True)
