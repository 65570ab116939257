"""Examples as batches of token ids, and the precision that they are computed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .models import Loaded
from .tasks import Example

if TYPE_CHECKING:
    import torch

__all__ = ["Encoded", "autocast", "bucketed", "device_name", "encode", "pad", "ready"]


def device_name() -> str:
    """``cuda`` where there is a GPU, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def autocast(precision: str) -> Any:
    """Context for the given precision on the CPU or GPU at hand."""
    import torch

    if precision == "auto":
        precision = "bf16" if _has_bf16() else "fp32"
    return torch.autocast(device_name(), dtype=torch.bfloat16, enabled=precision == "bf16")


def _has_bf16() -> bool:
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def ready(model: Any, precision: str) -> Iterator[None]:
    """Inference in the given precision, the weights rounded once.

    Autocast rounds every weight at every call, up to a sixth of the time of writing answers
    on a CPU. The results are the same to the bit.
    """
    import torch

    with torch.inference_mode(), autocast(precision):
        device = model.device.type
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        full = [m._parameters["weight"] for m in linear]
        if torch.is_autocast_enabled(device):
            kind = torch.get_autocast_dtype(device)
            for module, weight in zip(linear, full, strict=True):
                rounded = weight.detach().to(kind)  # type: ignore[union-attr]
                module._parameters["weight"] = torch.nn.Parameter(rounded, requires_grad=False)
        try:
            yield
        finally:
            for module, weight in zip(linear, full, strict=True):
                module._parameters["weight"] = weight


@dataclass
class Encoded:
    """Token ids of examples, ready for batching."""

    inputs: list[list[int]]
    targets: list[list[int]]


def encode(loaded: Loaded, examples: Sequence[Example], max_input: int) -> Encoded:
    """Tokenise once; batches only pad."""
    tokenizer = loaded.tokenizer
    inputs = tokenizer([e.input for e in examples], truncation=True, max_length=max_input)
    targets = tokenizer([e.target for e in examples], truncation=True, max_length=max_input)
    return Encoded(inputs["input_ids"], targets["input_ids"])


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Right-pad to the longest row; shape (rows, longest)."""
    import torch

    width = max(map(len, rows))
    return torch.tensor([list(row) + [value] * (width - len(row)) for row in rows])


def bucketed(
    lengths: Sequence[int], batch: int, random: np.random.Generator | None = None
) -> list[list[int]]:
    """Batches of examples of like length: little padding, and yet a random order.

    With no generator the order is by length (for evaluation).
    """
    order = np.arange(len(lengths)) if random is None else random.permutation(len(lengths))
    span = max(1, len(order)) if random is None else 8 * batch
    batches: list[list[int]] = []
    for start in range(0, len(order), span):
        chunk = sorted(order[start : start + span].tolist(), key=lambda i: lengths[i])
        batches += [chunk[i : i + batch] for i in range(0, len(chunk), batch)]
    if random is not None:
        batches = [batches[i] for i in random.permutation(len(batches))]
    return batches
