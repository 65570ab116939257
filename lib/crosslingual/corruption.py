"""Span corruption, the pre-training objective of T5 and mT5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Corruption", "corrupt"]


@dataclass(frozen=True)
class Corruption:
    """How much is hidden, in spans of which mean length.

    Parameters
    ----------
    raw_length : int
        Tokens of running text in one example.
    density : float
        Share of tokens hidden, in (0, 1); mT5: 0.15.
    mean_span : float
        Mean length of a hidden span in tokens; mT5: 3.
    """

    raw_length: int = 140
    density: float = 0.15
    mean_span: float = 3.0

    @property
    def hidden(self) -> int:
        """Number of hidden tokens; the same in every example, so shapes are fixed."""
        return int(np.clip(round(self.raw_length * self.density), 1, self.raw_length - 1))

    @property
    def spans(self) -> int:
        """Number of hidden spans."""
        most = min(self.hidden, self.raw_length - self.hidden)
        return int(np.clip(round(self.hidden / self.mean_span), 1, most))

    @property
    def input_length(self) -> int:
        """Encoder tokens: what is visible, one sentinel a span, end of sequence."""
        return self.raw_length - self.hidden + self.spans + 1

    @property
    def target_length(self) -> int:
        """Decoder tokens: what is hidden, one sentinel a span, end of sequence."""
        return self.hidden + self.spans + 1


def _split(total: int, parts: int, rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Cut ``total`` into positive integers, uniformly over all ways; shape (rows, parts)."""
    keys = random.random((rows, total - 1))
    cuts = np.sort(np.argpartition(keys, parts - 2, axis=1)[:, : parts - 1], axis=1) + 1
    edges = np.concatenate([np.zeros((rows, 1), int), cuts, np.full((rows, 1), total)], axis=1)
    return np.diff(edges, axis=1)


def corrupt(
    ids: NDArray[np.integer],
    how: Corruption,
    sentinels: NDArray[np.integer],
    eos: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hide random spans of a batch of token sequences.

    Parameters
    ----------
    ids : array, shape (batch, how.raw_length)
        Running text.
    how : Corruption
        Density and mean span.
    sentinels : array, shape (at least how.spans,)
        Ids that stand for the first, second, ... hidden span.
    eos : int
        End-of-sequence id, last in inputs and targets.
    random : numpy Generator
        Source of the spans.

    Returns
    -------
    inputs : array, shape (batch, how.input_length)
        Visible text, each hidden span replaced by its sentinel.
    targets : array, shape (batch, how.target_length)
        Each sentinel followed by what it hides.

    References
    ----------
    Raffel et al. 2020, section 3.1.4. https://jmlr.org/papers/v21/20-074.html
    """
    rows, length = ids.shape
    if how.spans == 1:
        hidden_parts = np.full((rows, 1), how.hidden)
        visible_parts = np.full((rows, 1), length - how.hidden)
    else:
        hidden_parts = _split(how.hidden, how.spans, rows, random)
        visible_parts = _split(length - how.hidden, how.spans, rows, random)
    # Text always starts visible: visible, hidden, visible, hidden, ...
    parts = np.stack([visible_parts, hidden_parts], axis=2).reshape(rows, -1)
    ends = np.cumsum(parts, axis=1)
    piece = (np.arange(length)[None, :, None] >= ends[:, None, :]).sum(axis=2)
    is_hidden = piece % 2 == 1
    starts = np.diff(is_hidden.astype(int), axis=1, prepend=0) == 1
    span = np.cumsum(starts, axis=1) - 1
    mark = np.asarray(sentinels)[np.maximum(span, 0)]

    end = np.full((rows, 1), eos)
    # A hidden span gives one token to the inputs (its sentinel, where it starts) ...
    keep = ~is_hidden | starts
    inputs = np.where(starts, mark, ids)[keep].reshape(rows, -1)
    # ... and sentinel + text to the targets: order by (position, sentinel first).
    doubled = np.stack([mark, ids], axis=2)
    wanted = np.stack([starts, is_hidden], axis=2)
    targets = doubled[wanted].reshape(rows, -1)
    return (
        np.concatenate([inputs, end], axis=1).astype(np.int64),
        np.concatenate([targets, end], axis=1).astype(np.int64),
    )
