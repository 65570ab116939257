"""Batches of corrupted text for pre-training, each a function of (seed, step) alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .corpus import language_shares
from .corruption import Corruption, corrupt
from .recipe import PretrainConfig

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["Batches", "feed"]

HELD_OUT = 0.02  # share of every language's tokens that is never trained on


class Batches:
    """Corrupted batches, each a function of (seed, step) alone, so that resuming is exact.

    Parameters
    ----------
    packed : dict
        Language -> token ids, from `crosslingual.corpus.pack`.
    tokenizer : transformers tokenizer
        For the sentinels and the end of sequence.
    config : PretrainConfig
        Batch size, length, sampling, seed.
    """

    def __init__(
        self, packed: dict[str, NDArray[np.uint16]], tokenizer: Any, config: PretrainConfig
    ) -> None:
        self.how = Corruption(config.raw_length)
        self.short = Corruption(max(4, config.raw_length // 5))
        self.packed = packed
        self.config = config
        self.languages = list(packed)
        shares = language_shares({c: len(v) for c, v in packed.items()}, config.alpha)
        self.shares = np.array([shares[c] for c in self.languages])
        ids = [tokenizer.convert_tokens_to_ids(f"<extra_id_{i}>") for i in range(100)]
        self.sentinels = np.array(ids)
        self.eos = int(tokenizer.eos_token_id)

    def _cut(self, language: str, starts: NDArray[np.int64], how: Corruption) -> NDArray[np.int64]:
        tokens = self.packed[language]
        return np.stack([tokens[s : s + how.raw_length] for s in starts]).astype(np.int64)

    def _plan(self, step: int) -> tuple[Corruption, int, bool, np.random.Generator]:
        random = np.random.default_rng([self.config.seed, step])
        whole = bool(self.config.copying) and random.random() < self.config.copying
        if whole:
            return self.short, 4 * self.config.batch, whole, random
        return self.how, self.config.batch, whole, random

    def tokens(self, step: int) -> int:
        """Number of tokens of running text in one update."""
        how, rows, _, _ = self._plan(step)
        return rows * how.raw_length

    def train(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Inputs and targets of one update."""
        how, rows_wanted, whole, random = self._plan(step)
        picks = random.choice(len(self.languages), size=rows_wanted, p=self.shares)
        rows = []
        for pick in picks:
            code = self.languages[pick]
            last = int(len(self.packed[code]) * (1 - HELD_OUT)) - how.raw_length
            rows.append(self._cut(code, random.integers(0, max(1, last), 1), how))
        ids = np.concatenate(rows)
        inputs, targets = corrupt(ids, how, self.sentinels, self.eos, random)
        if whole:
            targets = np.column_stack([ids, np.full(len(ids), self.eos)])
        return inputs, targets

    def held_out(
        self, language: str, examples: int = 32
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A fixed batch of a language's held-out text."""
        random = np.random.default_rng(0)
        tokens = self.packed[language]
        first, last = int(len(tokens) * (1 - HELD_OUT)), len(tokens) - self.how.raw_length
        starts = random.integers(min(first, last), last, examples)
        ids = self._cut(language, starts, self.how)
        return corrupt(ids, self.how, self.sentinels, self.eos, random)


def feed(
    batches: Batches, steps: range, device: str = "cpu", workers: int | None = None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of a run of updates, as tensors on a device.

    Parameters
    ----------
    batches : Batches
        Where they come from.
    steps : range
        The updates.
    device : str
        ``cpu`` or ``cuda``.
    workers : int, optional
        How many processes make them ahead of time; 6 for a GPU, none for a processor, which has
        better to do.

    Yields
    ------
    inputs, targets : Tensor of int64, shape (examples, length)
    """
    import torch

    workers = (6 if device == "cuda" else 0) if workers is None else workers
    if not workers:
        for step in steps:
            inputs, targets = map(torch.from_numpy, batches.train(step))
            yield inputs.to(device), targets.to(device)
        return

    class Steps(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(steps)

        def __getitem__(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            return batches.train(steps[place])

    loader = torch.utils.data.DataLoader(
        Steps(), batch_size=None, num_workers=workers, prefetch_factor=8,
        pin_memory=device == "cuda", multiprocessing_context="fork",
    )  # fmt: skip
    for inputs, targets in loader:
        yield inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)
