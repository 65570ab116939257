"""Fine-tuning a text-to-text model on the examples of one (or several) languages."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .adapters import merge_adapters
from .arguments import generator
from .batching import Encoded, bucketed, encode, pad
from .checkpoints import Checkpoint
from .devices import autocast
from .errors import DataError
from .models import Loaded
from .parallel import await_all, share_gradients, world
from .tasks import Example
from .train_settings import TrainSettings
from .trainable import compiled_body, optimiser_of, recompute, trainable_copy

if TYPE_CHECKING:
    import torch

__all__ = ["TrainSettings", "Tuned", "fine_tune"]


@dataclass
class Tuned:
    """A fine-tuned model.

    Attributes
    ----------
    loaded : Loaded
        The model after the check with the lowest development loss.
    history : list of dict
        Per check (an epoch, unless ``check_every`` says otherwise): epoch (number of the check,
        from 1), step (updates so far), train_loss, dev_loss (nats a token; NaN without
        development data), seconds.
    best_epoch : int
        Which check was kept, from 1.
    """

    loaded: Loaded
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0


def _loss(
    model: Any,
    data: Encoded,
    rows: Sequence[int],
    pad_id: int,
    table: torch.Tensor | None = None,
    body: Any = None,
) -> torch.Tensor:
    from .losses import seq2seq_loss

    inputs = pad([data.inputs[i] for i in rows], pad_id).to(model.device)
    labels = pad([data.targets[i] for i in rows], -100).to(model.device)
    fuse = bool(model.training and model.lm_head.weight.requires_grad)
    return seq2seq_loss(model, inputs, labels, pad_id, body=body, fuse=fuse, table=table)


def _rounded(model: Any, precision: str) -> torch.Tensor | None:
    """The output layer as steps use it, where it is not trained."""
    import torch

    weight, device = model.lm_head.weight, model.device.type
    with autocast(precision):
        if weight.requires_grad or not torch.is_autocast_enabled(device):
            return None
        return weight.detach().to(torch.get_autocast_dtype(device))


def _update(
    model: Any,
    data: Encoded,
    rows: list[int],
    settings: TrainSettings,
    pad_id: int,
    table: torch.Tensor | None,
    body: Any,
) -> float:
    """Gradients of the mean loss a token of a batch, added up over its parts and processes."""
    place = world()
    mine = rows[place.rank :: place.size]
    size = settings.micro_batch or len(mine) or 1
    parts = [mine[i : i + size] for i in range(0, len(mine), size)]
    tokens = sum(len(data.targets[i]) for i in rows)
    total = 0.0
    for part in parts:
        share = sum(len(data.targets[i]) for i in part) / tokens
        with autocast(settings.precision):
            loss = _loss(model, data, part, pad_id, table, body)
        (loss if share == 1 else loss * share).backward()
        total += float(loss.detach()) * share
    return share_gradients(model, total)


def fine_tune(
    loaded: Loaded,
    train: Sequence[Example],
    dev: Sequence[Example] | None,
    settings: TrainSettings | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | None = None,
) -> Tuned:
    """Fine-tune a copy of a model.

    Parameters
    ----------
    loaded : Loaded
        Left as it is.
    train : sequence of Example
        What is learned.
    dev : sequence of Example or None
        The check is chosen by the loss on it, so no target data may be in it. With None
        the last one is kept: for a handful of examples, where nothing is left to choose by.
    settings : TrainSettings, optional
        The recipe.
    seed : int
        Order of the examples and dropout.
    checkpoint : Checkpoint, optional
        Where to save the state from time to time. A run that was killed goes on from there
        and ends, on a CPU, with the same weights to the bit.

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
    random = generator(seed)
    model = trainable_copy(loaded, settings)
    pad_id = int(loaded.tokenizer.pad_token_id)
    data = encode(loaded, train, settings.max_input)
    held = encode(loaded, dev, settings.max_input) if dev else Encoded([], [])
    lengths = [len(row) for row in data.inputs]
    dev_batches = bucketed([len(row) for row in held.inputs], 4 * settings.batch)
    optimiser, table = optimiser_of(model, settings), _rounded(model, settings.precision)
    body = compiled_body() if settings.compile else None
    peaks = [group["lr"] for group in optimiser.param_groups]
    each = math.ceil(len(train) / settings.batch)
    total = settings.updates or settings.epochs * each
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    tuned = Tuned(Loaded(loaded.name, model, loaded.tokenizer))
    best, best_state, step, losses = math.inf, None, 0, []
    position, saved = 0, None
    if checkpoint is not None:
        saved = checkpoint.load(loaded.name, data, held, settings, seed)
        await_all()  # else one that has nothing left to learn could take the file from the others
    if saved is not None:
        step, losses, best, best_state = (saved[k] for k in ("step", "losses", "best", "kept"))
        tuned.history, tuned.best_epoch = saved["history"], saved["best_epoch"]
        position, random.bit_generator.state = saved["position"], saved["order"]
        if step < total:
            optimiser.load_state_dict(saved["optimiser"])
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(saved["weights"][name])
        checkpoint.restore_random(saved)  # type: ignore[union-attr]

    def state(position: int, order: Any) -> dict[str, Any]:
        return {
            "step": step, "position": position, "order": order, "losses": losses, "best": best,
            "kept": best_state, "best_epoch": tuned.best_epoch, "history": tuned.history,
        }  # fmt: skip

    started = time.monotonic()
    while step < total:
        order = random.bit_generator.state
        for place, rows in enumerate(bucketed(lengths, settings.batch, random)):
            if place < position or step == total:
                continue
            model.train()
            factor = min((step + 1) / max(1.0, settings.warmup * total), 1.0)
            if settings.schedule == "linear":
                factor = min(factor, 1 - step / total)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            losses.append(_update(model, data, rows, settings, pad_id, table, body))
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=False)
            step += 1
            looks = step % (settings.check_every or each) == 0 or step == total
            if looks:
                dev_loss = _dev_loss(model, held, dev_batches, settings, pad_id, table)
                shown = dev_loss if dev_batches else float(np.mean(losses))
                if not math.isfinite(shown):
                    raise DataError(
                        f"the loss became {shown} at update {step}: lower lr (now {settings.lr})."
                    )
                tuned.history.append(
                    {
                        "epoch": len(tuned.history) + 1,
                        "step": step,
                        "train_loss": float(np.mean(losses)),
                        "dev_loss": dev_loss,
                        "seconds": time.monotonic() - started,
                    }
                )
                started, losses = time.monotonic(), []
                if dev is None:
                    tuned.best_epoch = len(tuned.history)
                elif dev_loss < best:
                    best, tuned.best_epoch = dev_loss, len(tuned.history)
                    best_state = {k: v.detach().clone() for k, v in trained.items()}
            if checkpoint is not None and checkpoint.is_due() and world().rank == 0:
                checkpoint.save(state(place + 1, order), trained, optimiser)
        position = 0
    if best_state is not None:
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(best_state[name])
        best_state = None  # it is what the weights are now
    if checkpoint is not None and world().rank == 0:
        checkpoint.end(state(0, random.bit_generator.state), trained)
    model.zero_grad(set_to_none=True)
    model.requires_grad_(False)
    if settings.checkpointing:
        recompute(model, False)
    if settings.lora_rank:
        merge_adapters(model)
    model.eval()
    return tuned


def _dev_loss(
    model: Any,
    held: Encoded,
    batches: list[list[int]],
    settings: TrainSettings,
    pad_id: int,
    table: torch.Tensor | None,
) -> float:
    import torch

    model.eval()
    with torch.inference_mode(), autocast(settings.precision):
        losses = [float(_loss(model, held, rows, pad_id, table)) for rows in batches]
    return float(np.mean(losses)) if losses else math.nan
