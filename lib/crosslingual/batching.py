"""Examples as batches of token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .models import Loaded
from .tasks import Example

if TYPE_CHECKING:
    import torch

__all__ = ["Encoded", "bucketed", "encode", "pad"]


@dataclass
class Encoded:
    """Token ids of examples, ready for batching."""

    inputs: list[list[int]]
    targets: list[list[int]]


def encode(loaded: Loaded, examples: Sequence[Example], max_input: int) -> Encoded:
    """Tokenise once; batches only pad.

    Parameters
    ----------
    loaded : Loaded
        Its tokenizer is used.
    examples : sequence of Example
        Inputs and targets.
    max_input : int
        Both are cut to so many tokens.
    """
    tokenizer = loaded.tokenizer
    inputs = tokenizer([e.input for e in examples], truncation=True, max_length=max_input)
    targets = tokenizer([e.target for e in examples], truncation=True, max_length=max_input)
    return Encoded(inputs["input_ids"], targets["input_ids"])


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Right-pad to the longest row; shape (rows, longest).

    Parameters
    ----------
    rows : sequence of sequence of int
        Token ids.
    value : int
        What fills.
    """
    import torch

    width = max(map(len, rows))
    return torch.tensor([list(row) + [value] * (width - len(row)) for row in rows])


def bucketed(
    lengths: Sequence[int], batch: int, random: np.random.Generator | None = None
) -> list[list[int]]:
    """Batches of examples of like length: little padding, and yet a random order.

    With no generator the order is by length (for evaluation).

    Parameters
    ----------
    lengths : sequence of int
        Of the examples, in tokens.
    batch : int
        Examples a batch.
    random : numpy Generator, optional
        Of the order.
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
