"""Machines: how fast they multiply, and how much memory they have."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from .devices import has_bf16
from .errors import UnknownNameError

__all__ = ["DEVICES", "GIB", "Device", "find_device", "memory_here", "product_speed"]

GIB = 2**30


@dataclass(frozen=True)
class Device:
    """What computes.

    Attributes
    ----------
    name : str
    flops : float
        Operations a second in bf16 (fp32 where it has no bf16), dense, at best.
    memory : float
        Bytes.
    bf16 : bool
        Whether it has bf16, and does not imitate it.
    """

    name: str
    flops: float
    memory: float
    bf16: bool = True


# Dense bf16 rates and memory from NVIDIA's data sheets; T4 and V100 have no bf16: fp32.
DEVICES = {
    name: Device(name, rate * 1e12, gib * GIB, name not in ("t4", "v100"))
    for name, rate, gib in (
        ("t4", 8.1, 15), ("v100", 15.7, 32), ("l4", 121.0, 23), ("a10", 125.0, 23),
        ("a100-40", 312.0, 39.5), ("a100-80", 312.0, 79.0), ("h100", 989.0, 79.0),
        ("h200", 989.0, 140.0),
    )
}  # fmt: skip


def find_device(name: str = "here") -> Device:
    """A device by name; ``here`` is this machine's GPU or its processor, measured for a second.

    Parameters
    ----------
    name : str
        One of `DEVICES`, or ``here``.

    Raises
    ------
    UnknownNameError
        With the names there are.
    """
    if name in DEVICES:
        return DEVICES[name]
    if name != "here":
        raise UnknownNameError(name, ["here", *DEVICES])
    import torch

    half = has_bf16()
    kind = "bfloat16" if half else "float32"
    if torch.cuda.is_available():
        speed = product_speed("cuda", shape=(8192, 8192, 8192), kind=kind)
        return Device(torch.cuda.get_device_name(), speed, memory_here(), half)
    speed = product_speed("cpu", kind=kind)
    return Device(f"{os.cpu_count()} cores here", speed, memory_here(), half)


def memory_here() -> float:
    """Bytes of this machine's GPU, or what programs can still have where there is none."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[1])
    return _free_memory()


def product_speed(
    device: str,
    seconds: float = 0.5,
    shape: tuple[int, int, int] = (2048, 2048, 2048),
    kind: str = "bfloat16",
) -> float:
    """Operations a second of a matrix product: what no way of training can exceed.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``.
    seconds : float
        How long to measure.
    shape : (int, int, int)
        Rows, inner dimension, columns.
    kind : str
        Name of torch's type.
    """
    import torch

    rows, inner, columns = shape
    a, b = (
        torch.randn(size, dtype=getattr(torch, kind), device=device)
        for size in ((rows, inner), (inner, columns))
    )
    a @ b
    started, done = time.monotonic(), 0
    while (spent := time.monotonic() - started) < seconds:
        a @ b
        done += 1
        if device == "cuda":
            torch.cuda.synchronize()
    return 2 * rows * inner * columns * done / spent


def _free_memory() -> float:
    """Bytes that programs can still have on this machine, its container's limit included."""
    import psutil

    free = float(psutil.virtual_memory().available)
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:  # not Linux, or no container
        return free
    return min(free, float(limit)) if limit.isdigit() else free
