"""Muon that makes its steps orthogonal a stack of matrices at a time."""

from __future__ import annotations

import math
from typing import Any

import torch

from .devices import has_bf16

__all__ = ["StackedMuon", "orthogonal"]


def orthogonal(
    stack: torch.Tensor, coefficients: tuple[float, float, float], rounds: int, eps: float
) -> torch.Tensor:
    """Approximately orthogonal factors of a stack of matrices, by Newton and Schulz's iteration.

    Parameters
    ----------
    stack : Tensor, shape (matrices, rows, columns)
        Rows not more than columns.
    coefficients : (float, float, float)
        Of the odd polynomial of degree five that is iterated.
    rounds : int
        How often.
    eps : float
        Least norm to divide by.

    Returns
    -------
    Tensor of bfloat16 (where the device has it), same shape
        Singular values near 1.

    References
    ----------
    Jordan et al. 2024, Muon. https://kellerjordan.github.io/posts/muon/
    """
    a, b, c = coefficients
    x = stack.bfloat16() if has_bf16(stack.device.type) else stack
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


class StackedMuon(torch.optim.Muon):
    """torch's Muon, all matrices of a shape in one product.

    A small model has dozens of small matrices, and Newton and Schulz's iteration is fifteen
    products of each. One after the other they leave a GPU idle between launches; stacked they are
    fifteen products in all. Steps and state are those of ``torch.optim.Muon`` (with
    ``adjust_lr_fn="match_rms_adamw"``), but for rounding in bf16.
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update all matrices that have a gradient."""
        stacks: dict[tuple[int, ...], list[tuple[torch.Tensor, dict[str, Any]]]] = {}
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shape = tuple(sorted(matrix.shape))
                    stacks.setdefault(shape, []).append((matrix, group))
        for (_, longer), members in stacks.items():
            matrices, groups = [m for m, _ in members], [g for _, g in members]
            gradients: list[Any] = [m.grad for m in matrices]
            first = groups[0]
            for matrix in matrices:
                if "momentum_buffer" not in self.state[matrix]:
                    self.state[matrix]["momentum_buffer"] = torch.zeros_like(matrix)
            momenta = [self.state[m]["momentum_buffer"] for m in matrices]
            torch._foreach_lerp_(momenta, gradients, 1 - first["momentum"])
            wanted = momenta
            if first["nesterov"]:
                wanted = list(torch._foreach_lerp(gradients, momenta, first["momentum"]))
            tall = [m.shape[0] > m.shape[1] for m in matrices]
            stack = torch.stack([w.T if t else w for w, t in zip(wanted, tall, strict=True)])
            steps = orthogonal(stack, first["ns_coefficients"], first["ns_steps"], first["eps"])
            scale = -0.2 * math.sqrt(longer)
            for matrix, group, step, lying in zip(matrices, groups, steps, tall, strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(step.T if lying else step, alpha=scale * group["lr"])
