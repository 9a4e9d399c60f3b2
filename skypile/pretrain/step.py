"""One step of training: gradients over micro-batches, clipping, and the optimizer.

The loss is summed over targets and divided by the count of the whole step's, so the split into
micro-batches changes rounding only. Nothing here waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from skypile.pretrain.config import CompileScope, ExecutionConfig, ModelConfig
from skypile.pretrain.loss import chunked_loss, full_loss
from skypile.pretrain.model import Llama
from skypile.pretrain.optim import clip_gradients
from skypile.pretrain.ranks import Ranks, whole
from skypile.pretrain.rows import Batch

__all__ = ["LossOf", "StepResult", "built_model", "loss_function", "training_step"]

Tensor = torch.Tensor
# Returns the float32 sum of a batch's losses in nats.
LossOf = Callable[[Batch], Tensor]
_Forward = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class StepResult:
    """What a step did, on the device: reading a value waits for the step's end."""

    loss: Tensor  # mean nats per target
    gradient_norm: Tensor  # before clipping


def built_model(
    config: ModelConfig,
    execution: ExecutionConfig,
    *,
    device: torch.device,
    dtype: torch.dtype,
    seed: int,
) -> Llama:
    """Return an initialised model on a device, its blocks compiled if `execution` says blocks."""
    with device:
        model = Llama(
            config, attention=execution.attention, dtype=dtype, is_fused=execution.is_fused
        )
    model.initialise(seed)
    if execution.compiled == "blocks":
        for block in model.model.layers:
            block.compile(dynamic=False, fullgraph=True)
    return model


def loss_function(model: Llama, execution: ExecutionConfig) -> LossOf:
    """Return the summed loss of batches as `execution` says: whole or chunked, compiled or not.

    A compiled one takes batches of one shape; another shape compiles again.
    """
    if execution.loss == "full":
        return _with_all_logits(model, execution.compiled)
    forward: _Forward = model
    if execution.compiled == "model":
        forward = torch.compile(model.forward, dynamic=False, fullgraph=True)

    def loss_of(batch: Batch) -> Tensor:
        hidden_ND = forward(batch.ids_BT, batch.positions_BT, batch.cu_seqlens_S).flatten(0, 1)
        return chunked_loss(
            hidden_ND,
            model.output_weight,
            batch.targets_BT.flatten(),
            chunk_tokens=min(execution.loss_chunk_tokens, len(hidden_ND)),
            is_compiled=execution.compiled != "none",
        )

    return loss_of


def _with_all_logits(model: Llama, compiled: CompileScope) -> LossOf:
    head_loss = full_loss
    if compiled == "blocks":
        head_loss = torch.compile(full_loss, dynamic=False, fullgraph=True)

    def loss(ids_BT: Tensor, positions_BT: Tensor, cu_S: Tensor, targets_BT: Tensor) -> Tensor:
        hidden_ND = model(ids_BT, positions_BT, cu_S).flatten(0, 1)
        return head_loss(hidden_ND, model.output_weight, targets_BT.flatten())

    whole = loss
    if compiled == "model":
        whole = torch.compile(loss, dynamic=False, fullgraph=True)
    return lambda batch: whole(
        batch.ids_BT, batch.positions_BT, batch.cu_seqlens_S, batch.targets_BT
    )


def training_step(
    loss_of: LossOf,
    optimizer: torch.optim.Optimizer,
    micro_batches: Sequence[Batch],
    *,
    learning_rate: float,
    max_norm: float = 1.0,
    ranks: Ranks | None = None,
) -> StepResult:
    """Update the optimizer's weights by the mean loss over the targets of all micro-batches.

    With several `ranks`, the mean is over those of all of them.
    """
    count = torch.tensor(sum(batch.target_count for batch in micro_batches))
    target_count, rank_count = int(count), 1
    if ranks is not None and ranks.count > 1:
        target_count, rank_count = int(ranks.summed(count.to(ranks.device))), ranks.count
    losses = []
    for batch in micro_batches:
        loss = loss_of(batch) / target_count
        # FSDP takes the mean over ranks, and the count is that of all.
        (loss * rank_count).backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    gradient_norm = whole(clip_gradients(weights, max_norm=max_norm))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    mean = torch.stack(losses).sum()
    return StepResult(mean if ranks is None else ranks.summed(mean), gradient_norm)
