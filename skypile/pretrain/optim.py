"""AdamW with the settings of Skywork-13B, and learning rates as pure functions of the step.

Betas 0.9 and 0.95, decay 0.1, clipping at norm 1, and a cosine from 6e-4 to 6e-5 are those of the
Skywork-13B report (arXiv 2310.19341), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import nn

__all__ = ["adamw", "adamw_of", "clip_gradients", "constant_rate", "cosine_rate"]


def adamw(
    model: nn.Module,
    *,
    learning_rate: float = 6e-4,
    betas: tuple[float, float] = (0.9, 0.95),
    weight_decay: float = 0.1,
) -> torch.optim.AdamW:
    """Return the fused AdamW of all weights; only those of two dimensions or more decay."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return adamw_of(weights, learning_rate=learning_rate, betas=betas, weight_decay=weight_decay)


def adamw_of(
    weights: Sequence[nn.Parameter], *, learning_rate: float, betas: tuple[float, float],
    weight_decay: float,
) -> torch.optim.AdamW:  # fmt: skip
    """Return the fused AdamW of these weights; only those of two dimensions or more decay."""
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=True)


def clip_gradients(weights: Iterable[torch.Tensor], *, max_norm: float = 1.0) -> torch.Tensor:
    """Scale gradients down to `max_norm` where they exceed it; return the norm that they had."""
    return nn.utils.clip_grad_norm_(list(weights), max_norm, foreach=True)


def cosine_rate(
    step: int, *, step_count: int, warmup_steps: int, peak: float = 6e-4, floor: float = 6e-5
) -> float:
    """Return the rate of step 0, 1, ...: linear up to `peak`, then half a cosine down to `floor`.

    The last warm-up step and the first after it have the peak; the last step has the floor.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    share = (step - warmup_steps) / max(step_count - 1 - warmup_steps, 1)
    return floor + (peak - floor) * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))


def constant_rate(step: int, *, rate: float = 6e-5, warmup_steps: int = 0) -> float:
    """Return `rate`, reached linearly where there are warm-up steps."""
    return rate * min(1.0, (step + 1) / warmup_steps) if warmup_steps else rate
