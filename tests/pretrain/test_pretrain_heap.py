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
    # A process of its own: threads of others have heaps of their own, kept by other rules.
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, within, behind = json.loads(done.stdout)
    if not before:
        pytest.skip("this system counts no pages")
    assert within * 4 < before and within * 4 < behind
