"""One model over several ranks: torch's FSDP2, block by block (Zhao et al. 2023)."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from skypile.pretrain.config import ExecutionConfig
from skypile.pretrain.loss import chunked_loss
from skypile.pretrain.model import Llama
from skypile.pretrain.ranks import Ranks
from skypile.pretrain.rows import Batch
from skypile.pretrain.step import LossOf

__all__ = ["sharded_loss"]

Tensor = torch.Tensor


class _SummedLoss(nn.Module):
    """The model with its loss: FSDP gathers the output weight for whoever is called forward."""

    def __init__(self, llama: Llama, execution: ExecutionConfig) -> None:
        super().__init__()
        self.llama, self.execution = llama, execution

    def forward(self, batch: Batch) -> Tensor:
        hidden_ND = self.llama(batch.ids_BT, batch.positions_BT, batch.cu_seqlens_S).flatten(0, 1)
        return chunked_loss(
            hidden_ND,
            self.llama.output_weight,
            batch.targets_BT.flatten(),
            chunk_tokens=min(self.execution.loss_chunk_tokens, len(hidden_ND)),
        )


def sharded_loss(model: Llama, execution: ExecutionConfig, ranks: Ranks) -> LossOf:
    """Shard the model's weights over the ranks; return the summed loss of batches.

    Weights are gathered in the compute dtype, gradients summed in float32.
    """
    mesh = init_device_mesh(ranks.device.type, (ranks.count,))
    policy = MixedPrecisionPolicy(
        param_dtype=None if model.dtype == torch.float32 else model.dtype,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,
    )
    whole_model = _SummedLoss(model, execution)
    for block in model.model.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(whole_model, mesh=mesh, mp_policy=policy)
    assert isinstance(whole_model, FSDPModule)

    def loss_of(batch: Batch) -> Tensor:
        loss: Tensor = whole_model(batch)
        if not torch.is_grad_enabled():
            # Without a backward pass nobody else frees, or renews, what was gathered.
            whole_model.reshard()
        return loss

    return loss_of
