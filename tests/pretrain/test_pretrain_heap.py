"""Memory of a step is there for the next one."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys

import pytest

# Pages that the system gives while large tensors come and go: before, within and behind the block.
COUNT = """
import json, resource, torch
from skypile.pretrain.heap import kept_heap
def faults():
    torch.zeros(10_000_000).add_(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.zeros(10_000_000).add_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
found = [faults()]
with kept_heap():
    found.append(faults())
found.append(faults())
print(json.dumps(found))
"""


def test_pages_are_given_once_within_the_block_and_each_time_behind_it() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("not glibc")
    # Where something else comes to lie behind a tensor, glibc cannot give its memory back, and
    # takes other memory for the next. Addresses are drawn for each process, so a few show that.
    found = [counted() for _ in range(3)]
    if not found[0][0]:
        pytest.skip("this system counts no pages")
    assert any(within * 4 < before and within * 4 < behind for before, within, behind in found)


def counted() -> list[int]:
    """Return what a process of its own counts: threads of others have heaps of their own."""
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[int] = json.loads(done.stdout)
    return found
