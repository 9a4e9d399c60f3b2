"""Memory of a step is there for the next one."""

from __future__ import annotations

import ctypes
import resource

import pytest
import torch

from skypile.pretrain.heap import kept_heap


def faults(rounds: int) -> int:
    """Return how many pages the system gave while large tensors came and went."""
    torch.zeros(10_000_000).add_(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.zeros(10_000_000).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_pages_are_given_once_within_the_block_and_each_time_behind_it() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("not glibc")
    outside = faults(8)
    if not outside:
        pytest.skip("this system counts no pages")
    with kept_heap():
        assert faults(8) * 4 < outside
    assert faults(8) * 4 > outside
