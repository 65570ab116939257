"""A copy of a model that is ready for training, and what updates its weights."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from .adapters import add_adapters
from .devices import device_name
from .models import Loaded
from .parallel import world
from .train_settings import TrainSettings

if TYPE_CHECKING:
    import torch

__all__ = ["compiled_body", "optimiser_of", "recompute", "trainable_copy"]


def optimiser_of(model: Any, settings: TrainSettings) -> torch.optim.Optimizer:
    """The optimiser of the weights that are trained, at its peak rates.

    AdamW's rate for a matrix is ``lr`` times the root mean square of its values at the start, so
    that one ``lr`` serves weights of every scale. mT5's Adafactor scales by itself.

    Parameters
    ----------
    model : transformers model
        From `trainable_copy`.
    settings : TrainSettings
        Optimiser and rate.
    """
    import torch

    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if settings.optimiser == "adafactor":
        from transformers.optimization import Adafactor

        return Adafactor(
            list(trained.values()),
            lr=settings.lr,
            relative_step=False,
            scale_parameter=True,
            warmup_init=False,
        )
    groups = []
    for name, parameter in trained.items():
        scale = max(float(parameter.detach().square().mean().sqrt()), 1e-3)
        if "lora_B" in name:  # starts at zero and has no scale of its own
            scale = parameter.shape[0] ** -0.5
        groups.append({"params": [parameter], "lr": settings.lr * scale})
    return torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def trainable_copy(loaded: Loaded, settings: TrainSettings) -> Any:
    """A copy of a model, on the device, with a recipe's dropout, adapters and frozen vectors.

    Parameters
    ----------
    loaded : Loaded
        Left as it is.
    settings : TrainSettings
        What is trained, and how memory is saved.
    """
    import torch

    from .quick_layers import quicken

    device = device_name()
    model: Any = copy.deepcopy(loaded.model).to(device).requires_grad_(True)
    if device == "cpu":  # plain matrix products beat the fused kernel on short sequences
        model.set_attn_implementation("eager")
    quicken(model, dropout=device == "cpu" and not settings.compile)  # compiled, it is quick
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = settings.dropout
    for module in model.modules():  # attention weights have a rate of their own
        if hasattr(module, "relative_attention_num_buckets"):
            module.dropout = settings.dropout
        if isinstance(module, torch.nn.Embedding) and module.weight is model.shared.weight:
            # A batch has few of the rows, and the tied output layer has a gradient to add them to.
            alone = world().size == 1 and not settings.compile  # sparse rows cannot be compiled
            module.sparse = alone and model.lm_head.weight is module.weight
    model.shared.weight.requires_grad_(not settings.freeze_embeddings)
    if settings.lora_rank:
        add_adapters(model, settings.lora_rank)
    if settings.checkpointing:
        recompute(model)
    return model


def recompute(model: Any, on: bool = True) -> None:
    """Keep no activations for the backward pass (or do); transformers 6 has the newer name only."""
    kind = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    if on:
        getattr(model, f"{kind}_checkpointing_enable")({"use_reentrant": False})
    else:
        getattr(model, f"{kind}_checkpointing_disable")()


def compiled_body() -> Any:
    """The pass through the layers, compiled for whatever lengths come."""
    import torch

    from .losses import states

    torch.compiler.reset()  # else the models of earlier fine-tunings count as changes, and too many
    return torch.compile(states, dynamic=True)
