"""Fine-tuning a text-to-text model on the examples of one (or several) languages."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ConfigError, DataError
from .models import Loaded
from .tasks import Example

if TYPE_CHECKING:
    import torch

__all__ = ["TrainSettings", "Tuned", "fine_tune"]


@dataclass(frozen=True)
class TrainSettings:
    """Recipe of a fine-tuning.

    Parameters
    ----------
    epochs : int
        Passes over the training examples.
    few_updates : int
        Where there are only a few target examples to learn from, so many updates at least:
        three passes over five examples would be three updates.
    batch : int
        Examples an update.
    lr : float
        Peak step relative to the scale of each weight matrix (its root mean square), as
        Adafactor's: weights of a pre-trained model are larger than fresh ones, and
        absolute steps that suit the one leave the other behind.
    optimiser : str
        ``adamw`` (steps relative to the scale of the weights) or ``adafactor`` (mT5's).
    warmup : float
        Share of the updates with growing steps; a linear fall to zero follows.
    dropout : float
        Dropout rate while fine-tuning.
    freeze_embeddings : bool
        Leave the (tied) embeddings as pre-training made them.
    max_input : int
        Inputs are cut to so many tokens.
    precision : str
        ``auto`` (bf16 where the processor has it), ``bf16`` or ``fp32``. fp16 is refused:
        mT5's activations overflow it.
    """

    epochs: int = 2
    few_updates: int = 40
    batch: int = 16
    lr: float = 0.05
    optimiser: str = "adamw"
    warmup: float = 0.05
    dropout: float = 0.1
    freeze_embeddings: bool = False
    max_input: int = 128
    precision: str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "fp32"):
            raise ConfigError(
                f"precision {self.precision!r} cannot be used. Allowed: auto, bf16, fp32. "
                "(fp16 is left out: mT5's activations overflow its range.)"
            )
        if self.optimiser not in ("adamw", "adafactor"):
            raise ConfigError(f"unknown optimiser {self.optimiser!r}. Allowed: adafactor, adamw.")
        if min(self.epochs, self.batch, self.few_updates) < 1 or not 0 < self.lr < 10:
            raise ConfigError(
                f"epochs ({self.epochs}), few_updates ({self.few_updates}) and batch "
                f"({self.batch}) must be at least 1 and lr ({self.lr}) between 0 and 10."
            )


@dataclass
class Tuned:
    """A fine-tuned model.

    Attributes
    ----------
    loaded : Loaded
        The model after the epoch with the lowest development loss.
    history : list of dict
        Per epoch: epoch, train_loss, dev_loss (nats a token; NaN without development data),
        seconds.
    best_epoch : int
        Which epoch was kept, from 1.
    """

    loaded: Loaded
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0


def autocast(precision: str) -> Any:
    """Context for the given precision on the CPU or GPU at hand."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if precision == "auto":
        precision = "bf16" if _has_bf16() else "fp32"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")


def _has_bf16() -> bool:
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


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


def _loss(model: Any, data: Encoded, rows: Sequence[int], pad_id: int) -> torch.Tensor:
    from .losses import seq2seq_loss

    inputs = pad([data.inputs[i] for i in rows], pad_id).to(model.device)
    labels = pad([data.targets[i] for i in rows], -100).to(model.device)
    fuse = bool(model.training and model.lm_head.weight.requires_grad)
    return seq2seq_loss(model, inputs, labels, pad_id, fuse=fuse)


def _optimiser(model: Any, settings: TrainSettings) -> torch.optim.Optimizer:
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    if settings.optimiser == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(
            trained, lr=settings.lr, relative_step=False, scale_parameter=True, warmup_init=False
        )
    groups = []
    for parameter in trained:
        scale = max(float(parameter.detach().square().mean().sqrt()), 1e-3)
        groups.append({"params": [parameter], "lr": settings.lr * scale})
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def fine_tune(
    loaded: Loaded,
    train: Sequence[Example],
    dev: Sequence[Example] | None,
    settings: TrainSettings | None = None,
    seed: int = 0,
) -> Tuned:
    """Fine-tune a copy of a model.

    Parameters
    ----------
    loaded : Loaded
        Left as it is.
    train : sequence of Example
        What is learned.
    dev : sequence of Example or None
        The epoch is chosen by the loss on it, so no target data may be in it. With None
        the last epoch is kept: for a handful of examples, where nothing is left to choose by.
    settings : TrainSettings, optional
        The recipe.
    seed : int
        Order of the examples and dropout.

    Returns
    -------
    Tuned

    Raises
    ------
    DataError
        If ``train`` or a given ``dev`` is empty, or the loss is not finite.
    """
    import torch

    settings = settings or TrainSettings()
    if not train or (dev is not None and not dev):
        raise DataError(
            f"fine-tuning needs training and development examples, not {len(train)} and "
            f"{'none' if dev is None else len(dev)}."
        )
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model: Any = copy.deepcopy(loaded.model).to(device).requires_grad_(True)
    if device == "cpu":  # plain matrix products beat the fused kernel on short sequences
        model.set_attn_implementation("eager")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.dropout
    for module in model.modules():  # attention weights have a rate of their own
        if hasattr(module, "relative_attention_num_buckets"):
            module.dropout = settings.dropout
        if isinstance(module, torch.nn.Embedding) and module.weight is model.shared.weight:
            module.sparse = True  # a batch has few of the rows
    model.shared.weight.requires_grad_(not settings.freeze_embeddings)

    pad_id = int(loaded.tokenizer.pad_token_id)
    data = encode(loaded, train, settings.max_input)
    held = encode(loaded, dev, settings.max_input) if dev else Encoded([], [])
    lengths = [len(row) for row in data.inputs]
    dev_batches = bucketed([len(row) for row in held.inputs], 4 * settings.batch)
    optimiser = _optimiser(model, settings)
    peaks = [group["lr"] for group in optimiser.param_groups]
    total = settings.epochs * math.ceil(len(train) / settings.batch)
    tuned = Tuned(Loaded(loaded.name, model, loaded.tokenizer))
    best, best_state, step = math.inf, None, 0
    for epoch in range(1, settings.epochs + 1):
        started, losses = time.monotonic(), []
        model.train()
        for rows in bucketed(lengths, settings.batch, random):
            factor = min((step + 1) / max(1.0, settings.warmup * total), 1 - step / total)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            with autocast(settings.precision):
                loss = _loss(model, data, rows, pad_id)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=False)
            losses.append(float(loss.detach()))
            step += 1
        model.eval()
        with torch.inference_mode(), autocast(settings.precision):
            held_losses = [float(_loss(model, held, b, pad_id)) for b in dev_batches]
        dev_loss = float(np.mean(held_losses)) if held_losses else math.nan
        if not math.isfinite(float(np.mean(held_losses or losses))):
            raise DataError(
                f"the loss became {np.mean(held_losses or losses)} in epoch {epoch}: lower lr "
                f"(now {settings.lr})."
            )
        tuned.history.append(
            {
                "epoch": epoch,
                "train_loss": float(np.mean(losses)),
                "dev_loss": dev_loss,
                "seconds": time.monotonic() - started,
            }
        )
        if dev is None:
            tuned.best_epoch = epoch
        elif dev_loss < best:
            best, tuned.best_epoch = dev_loss, epoch
            best_state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    if best_state is not None:
        model.load_state_dict(best_state)
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    return tuned
