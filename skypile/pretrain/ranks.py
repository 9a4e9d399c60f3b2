"""The processes that train together: one, or those that torchrun started.

Weights are sharded by FSDP2, block by block; what leaves a rank (losses, counts, checkpoints) is
whole. One process needs none of it and does not initialise torch.distributed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from skypile.errors import UsageError

__all__ = ["Ranks", "device_named", "joined", "sharded_like", "whole"]

Tensor = torch.Tensor


@dataclass(frozen=True)
class Ranks:
    """This process's number among `count`, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and talks."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """Return the sum of `values` over all ranks."""
        if self.count > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Return when all ranks have come here."""
        if self.count > 1:
            dist.barrier()


def device_named(name: str) -> torch.device:
    """Return the device of that name, `auto` being CUDA where there is one; raises UsageError."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: torch finds no CUDA device here; give --device cpu")
    return torch.device(name)


@contextmanager
def joined(device_name: str) -> Iterator[Ranks]:
    """Yield this process's place among those that torchrun started, or alone; raises UsageError."""
    device = device_named(device_name)
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(0, 1, device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(int(os.environ["RANK"]), count, device)
    finally:
        dist.destroy_process_group()


def whole(tensor: Tensor) -> Tensor:
    """Return a sharded tensor gathered, another as it is; every rank has to call it."""
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def sharded_like(tensor: Tensor, weight: Tensor) -> Tensor:
    """Return a copy of a whole tensor as `weight` is laid out: on its device, sharded if it is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(weight, DTensor):
        return distribute_tensor(tensor.to(weight.device), weight.device_mesh, weight.placements)
    return tensor.to(weight.device, copy=True)
