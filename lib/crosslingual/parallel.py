"""One fine-tuning on several GPUs: each process has a share of every batch.

Started by ``accelerate launch``; without it there is one process and nothing happens here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

__all__ = ["World", "await_all", "share_gradients", "world"]


@dataclass(frozen=True)
class World:
    """Which process this is, and of how many."""

    rank: int = 0
    size: int = 1


def world() -> World:
    """The processes that ``accelerate launch`` or torchrun started, this one's place among them."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    from accelerate import PartialState

    state = PartialState()
    return World(state.process_index, state.num_processes)


def await_all() -> None:
    """Wait until every process has come here."""
    if world().size > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def share_gradients(model: Any, loss: float) -> float:
    """Add up gradients and loss over the processes.

    Each process's loss is weighted by its share of the batch's tokens beforehand, so the sum is
    the gradient of the whole batch, whatever the number of processes.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        With gradients.
    loss : float
        Of this process, weighted.
    """
    if world().size == 1:
        return loss
    import torch
    from accelerate.utils import reduce

    for parameter in model.parameters():
        if parameter.requires_grad:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad.copy_(reduce(parameter.grad, "sum"))
    return float(reduce(torch.tensor(loss, device=model.device), "sum"))
