"""Where a model computes, and in which precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import ConfigError, UnknownNameError

__all__ = ["autocast", "device_name", "has_bf16", "ready", "visible_gpus", "wanted_device"]


def device_name() -> str:
    """``cuda`` where there is a GPU, else ``cpu``."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; none on a CPU."""
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return [name.strip() for name in named][:count] if named[0] else [*map(str, range(count))]


def wanted_device(name: str | None) -> str:
    """The device that was asked for, or the one at hand.

    Parameters
    ----------
    name : str or None
        ``cpu``, ``cuda``, or None for what is there.

    Raises
    ------
    UnknownNameError
        If it is neither ``cpu`` nor ``cuda``.
    ConfigError
        If it is not there.
    """
    if name not in (None, "cpu", "cuda"):
        raise UnknownNameError(str(name), ("cpu", "cuda"))
    here = device_name()
    if name == "cuda" and here != "cuda":
        raise ConfigError(
            "device 'cuda' was asked for, but torch sees no GPU here. Leave the device out, "
            "or install a build of torch for your GPU."
        )
    return name or here


def autocast(precision: str, device: str | None = None) -> Any:
    """Context for the given precision.

    Parameters
    ----------
    precision : str
        ``auto``, ``bf16`` or ``fp32``.
    device : str, optional
        ``cpu`` or ``cuda``; by default what `device_name` says.
    """
    import torch

    device = device or device_name()
    if precision == "auto":
        precision = "bf16" if has_bf16(device) else "fp32"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16")


def has_bf16(device: str | None = None) -> bool:
    """Whether the GPU, or else the processor, has bf16; others imitate it, very slowly.

    Parameters
    ----------
    device : str, optional
        ``cpu`` or ``cuda``; by default what `device_name` says.
    """
    import torch

    if (device or device_name()) == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def ready(model: Any, precision: str) -> Iterator[None]:
    """Inference in the given precision, the weights rounded once.

    Autocast rounds every weight at every call, up to a sixth of the time of writing answers
    on a CPU. The results are the same to the bit.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        Its weights come back afterwards.
    precision : str
        ``auto``, ``bf16`` or ``fp32``.
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
