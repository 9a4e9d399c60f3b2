"""Cross-entropy of next tokens, summed, with the logits made in pieces or all at once.

All logits of 65,536 tokens by a vocabulary of 65,536 take 8.6 GB in bfloat16, and their gradient
as much again. `chunked_loss` never holds more than one chunk of them: it makes the gradients while
the chunk's logits are there, so nothing is computed twice. Both divide by nothing: whoever knows
the count of targets of the whole step does, and accumulation does not change the result.

Shape suffixes: N tokens, C tokens of a chunk, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch.autograd.function import FunctionCtx, once_differentiable

__all__ = ["IGNORED", "chunked_loss", "full_loss"]

Tensor = torch.Tensor
# What PyTorch and Hugging Face use for a target that counts for nothing.
IGNORED = -100


def full_loss(hidden_ND: Tensor, weight_VD: Tensor, targets_N: Tensor) -> Tensor:
    """Return the float32 sum of cross-entropies in nats, with all logits at once."""
    logits_NV = F.linear(hidden_ND, weight_VD.to(hidden_ND.dtype)).float()
    return F.cross_entropy(logits_NV, targets_N, ignore_index=IGNORED, reduction="sum")


def chunked_loss(
    hidden_ND: Tensor,
    weight_VD: Tensor,
    targets_N: Tensor,
    *,
    chunk_tokens: int,
    is_compiled: bool = False,
) -> Tensor:
    """Return what `full_loss` returns, holding `chunk_tokens` x V logits at a time.

    Logits and their gradient have the dtype of `hidden_ND`, the loss and the sum of weight
    gradients are float32. The gradients of `hidden_ND` and `weight_VD` are made in the forward
    pass; there is no second derivative. Compiling fuses all that happens between the matrix
    products, and wants every chunk of one size.
    """
    if is_compiled and len(hidden_ND) % chunk_tokens:
        raise ValueError(f"{len(hidden_ND)} tokens are no multiple of a chunk's {chunk_tokens}")
    loss = _ChunkedLoss.apply(hidden_ND, weight_VD, targets_N, chunk_tokens, is_compiled)  # type: ignore[no-untyped-call]
    assert isinstance(loss, torch.Tensor)
    return loss


def _loss_and_gradient(logits_CV: Tensor, targets_C: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed loss (float32) and its gradient by the logits (in their dtype)."""
    wide_CV = logits_CV.float()
    is_target_C = targets_C != IGNORED
    safe_C = targets_C.clamp(min=0)
    log_sum_C = wide_CV.logsumexp(dim=-1)
    loss_C = log_sum_C - wide_CV.gather(1, safe_C[:, None])[:, 0]
    is_picked_CV = torch.arange(wide_CV.shape[1], device=wide_CV.device) == safe_C[:, None]
    gradient_CV = torch.exp(wide_CV - log_sum_C[:, None]) - is_picked_CV.float()
    gradient_CV = torch.where(is_target_C[:, None], gradient_CV, 0.0)
    return torch.where(is_target_C, loss_C, 0.0).sum(), gradient_CV.to(logits_CV.dtype)


_PieceLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_compiled_loss_and_gradient: _PieceLoss = torch.compile(
    _loss_and_gradient, dynamic=False, fullgraph=True
)


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        targets_N: Tensor,
        chunk_tokens: int,
        is_compiled: bool,  # noqa: FBT001 - autograd.Function passes by position
    ) -> Tensor:
        piece_loss = _compiled_loss_and_gradient if is_compiled else _loss_and_gradient
        cast_VD = weight_VD.to(hidden_ND.dtype)
        total = torch.zeros((), dtype=torch.float32, device=hidden_ND.device)
        hidden_gradient_ND = torch.empty_like(hidden_ND)
        # Summed in float32: eight bfloat16 parts of a frequent token's row would lose three bits.
        weight_gradient_VD = torch.zeros_like(weight_VD, dtype=torch.float32)
        pieces = zip(
            torch.split(hidden_ND, chunk_tokens),
            torch.split(targets_N, chunk_tokens),
            torch.split(hidden_gradient_ND, chunk_tokens),
            strict=True,
        )
        for hidden_CD, targets_C, hidden_gradient_CD in pieces:
            loss, gradient_CV = piece_loss(hidden_CD @ cast_VD.T, targets_C)
            total += loss
            if any(ctx.needs_input_grad):  # type: ignore[attr-defined]
                torch.mm(gradient_CV, cast_VD, out=hidden_gradient_CD)
                weight_gradient_VD += gradient_CV.T @ hidden_CD
        ctx.save_for_backward(hidden_gradient_ND, weight_gradient_VD)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, scale: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden_gradient_ND, weight_gradient_VD = ctx.saved_tensors  # type: ignore[attr-defined]
        return (
            hidden_gradient_ND * scale,
            weight_gradient_VD * scale,
            None,
            None,
            None,
        )
