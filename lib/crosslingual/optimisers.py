"""Optimisers of pre-training, and why the plain ones spoil a model for fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .errors import UnknownNameError

if TYPE_CHECKING:
    import torch

__all__ = ["OPTIMISERS", "pretraining_optimisers"]

OPTIMISERS = ("bounded-muon", "muon", "adamw")


def _spectral_norm(shape: Sequence[int], std: float) -> float:
    """Largest singular value to expect of a random matrix of independent entries."""
    return std * (math.sqrt(shape[0]) + math.sqrt(shape[1]))


def pretraining_optimisers(
    model: Any, name: str, rate: float, embedding_lr: float
) -> list[torch.optim.Optimizer]:
    """Optimisers for the matrices and for everything else of an mT5.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        Freshly initialised: its scale is the reference of ``bounded-muon``.
    name : str
        ``bounded-muon``, ``muon`` or ``adamw`` for the matrices; embeddings, biases and
        gains have AdamW in any case.
    rate : float
        For ``bounded-muon`` the share of a matrix that an update replaces; for the others
        the learning rate (of ``adamw`` a fifth of it, Muon's root mean square).
    embedding_lr : float
        Learning rate of AdamW.

    Returns
    -------
    list of torch optimisers
        Every group has its peak learning rate under ``peak``.

    Raises
    ------
    UnknownNameError
        If there is no such optimiser.

    Notes
    -----
    Muon's steps are orthogonal matrices, all of one size. ``bounded-muon`` gives each matrix
    the weight decay that makes it W <- (1 - rate) W + rate * bound * step, a moving average
    of steps whose largest singular value stays below ``bound``, and takes as bound what the
    matrix started with. So nothing that the initialisation balanced can drift: the attention
    (mT5 does not scale its logits; its queries start small instead) does not saturate, and
    the token embeddings are not drowned in the residual stream.

    With ``muon`` and the usual weight decay of 0.1 the bound is over ten times larger, and
    both happen within 400 updates; what the encoder then says of a text has an effective
    rank below 10 instead of over 30, and fine-tuning cannot recover what was lost
    (``benchmarks/collapse.py``).

    References
    ----------
    Jordan et al. 2024, Muon. https://kellerjordan.github.io/posts/muon/
    """
    import torch

    if name not in OPTIMISERS:
        raise UnknownNameError(name, OPTIMISERS)
    groups: list[dict[str, Any]] = []
    biases, gains = [], []
    for key, parameter in model.named_parameters():
        if key in ("shared.weight", "decoder.final_layer_norm.weight"):
            continue
        if "relative_attention_bias" in key:
            biases.append(parameter)
        elif parameter.ndim < 2:
            gains.append(parameter)
        else:
            group: dict[str, Any] = {"params": [parameter], "lr": rate, "weight_decay": 0.1}
            if name == "adamw":
                group["lr"] = 0.2 * rate
            elif name == "bounded-muon":
                bound = _spectral_norm(parameter.shape, float(parameter.detach().std()))
                # torch's Muon scales a step by 0.2 sqrt(longer side) ("match_rms_adamw").
                decay = 0.2 * math.sqrt(max(parameter.shape)) / bound
                group |= {"lr": rate / decay, "weight_decay": decay}
            groups.append(group)
    small = [
        {"params": [model.shared.weight], "lr": embedding_lr},
        {"params": biases, "lr": 2 * embedding_lr},
        {"params": gains, "lr": embedding_lr},
        {
            "params": [model.decoder.final_layer_norm.weight],
            "lr": embedding_lr / math.sqrt(model.config.d_model),
        },
    ]
    rest = torch.optim.AdamW(small, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    main: torch.optim.Optimizer
    if name == "adamw":
        main = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    else:
        from .muon import StackedMuon

        main = StackedMuon(groups, adjust_lr_fn="match_rms_adamw")
    for optimiser in (main, rest):
        for each in optimiser.param_groups:
            each["peak"] = each["lr"]
    return [main, rest]
