"""Low-rank adapters (LoRA) by peft: train little, merge it into the weights at the end."""

from __future__ import annotations

from typing import Any

from .errors import ConfigError

__all__ = ["add_adapters", "merge_adapters"]


def add_adapters(model: Any, rank: int) -> None:
    """Freeze the model and put trainable low-rank additions beside queries and values.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        Changed in place.
    rank : int
        Of the additions, from 1.

    Raises
    ------
    ConfigError
        If peft is not installed.

    References
    ----------
    Hu et al. 2022, LoRA, section 4.2: queries and values. https://openreview.net/forum?id=nZeVKeeFYf9
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError(
            "lora_rank needs the package peft: pip install 'crosslingual[lora]'."
        ) from None
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["q", "v"])
    model.requires_grad_(False)
    inject_adapter_in_model(config, model)


def merge_adapters(model: Any) -> None:
    """Add the adapters' products to the weights and take them out of the model.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        From `add_adapters`; changed in place.
    """
    from peft.tuners.lora import LoraLayer

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, LoraLayer):
                child.merge()
                setattr(parent, name, child.get_base_layer())
