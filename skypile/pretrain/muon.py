"""Muon for the matrices of the blocks, AdamW for all else.

Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) takes of a matrix's momentum its
direction alone: the nearest matrix whose singular values are about one, by five Newton-Schulz
steps. Moonlight ("Muon is Scalable for LLM Training", Liu et al. 2025, arXiv 2502.16982, section
2.2) scales that by 0.2 sqrt(max(rows, columns)), so that an update is as large as one of AdamW and
learning rate and decay may be those of AdamW.

torch.optim.Muon does the same on one device, in bfloat16 always; the tests compare with it.
Here a weight that is sharded is gathered first, for its singular values are those of the whole, and
a CPU, on which bfloat16 is slow, computes in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from skypile.pretrain.optim import adamw_of
from skypile.pretrain.ranks import sharded_like, whole

__all__ = ["Muon", "muon", "newton_schulz"]

Tensor = torch.Tensor
# The quintic of Jordan et al.: steepest at nought, and within 0.7 to 1.2 after five steps.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_STEPS = 5
_EPSILON = 1e-7
_SCALE = 0.2


def newton_schulz(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """Return `matrix` with its singular values brought near one, computed in `dtype`."""
    a, b, c = _COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(dtype)
    x = x.T if is_tall else x
    x = x / x.norm().clamp(min=_EPSILON)
    for _ in range(_STEPS):
        gram = x @ x.T
        update = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.addmm(x, update, x, beta=a)
    return x.T if is_tall else x


class Muon(torch.optim.Optimizer):
    """Updates `matrices` as Muon does, and what `others` was made for as `others` does.

    All groups of both are in `param_groups`, and all state in `state`: `momentum_buffer` of
    matrices, and what AdamW keeps. `dtype` is what Newton-Schulz steps are computed in; by default
    bfloat16 on a CUDA device that has it, else float32.
    """

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        others: torch.optim.AdamW,
        *,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        dtype: torch.dtype | None = None,
    ) -> None:
        group = {"params": list(matrices), "weight_decay": weight_decay}
        super().__init__([group], {"lr": learning_rate, "momentum": momentum})
        self._others = others
        self._dtype = dtype or _dtype_on(matrices[0].device)
        # One dict of state and the very groups of the other, so that whoever sets rates or reads
        # moments need not know that there are two.
        self.param_groups = [*self.param_groups, *others.param_groups]
        self.state = others.state

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update all weights that have gradients."""
        assert closure is None
        group = self.param_groups[0]
        rate, momentum = group["lr"], group["momentum"]
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(weight)
            buffer = state["momentum_buffer"]
            buffer.lerp_(weight.grad, 1 - momentum)
            direction = newton_schulz(whole(weight.grad.lerp(buffer, momentum)), self._dtype)
            update = sharded_like(direction.to(weight.dtype), weight)
            weight.mul_(1 - rate * group["weight_decay"])
            weight.add_(update, alpha=-rate * _SCALE * math.sqrt(max(weight.shape)))
        self._others.step()


def _dtype_on(device: torch.device) -> torch.dtype:
    has = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has else torch.float32


def muon(
    model: nn.Module,
    *,
    learning_rate: float = 6e-4,
    momentum: float = 0.95,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.1,
    dtype: torch.dtype | None = None,
) -> Muon:
    """Return Muon of the matrices of all layers, and AdamW of embeddings, head and gains."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        is_matrix = weight.ndim == 2 and ".layers." in f".{name}"
        (matrices if is_matrix else rest).append(weight)
    others = adamw_of(rest, learning_rate=learning_rate, betas=betas, weight_decay=weight_decay)
    return Muon(
        matrices, others, learning_rate=learning_rate, momentum=momentum,
        weight_decay=weight_decay, dtype=dtype,
    )  # fmt: skip
