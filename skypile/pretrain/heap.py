"""Memory that the C library keeps for the next step, instead of giving it back after each."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["kept_heap"]

# M_TRIM_THRESHOLD and M_MMAP_MAX of glibc's malloc.h, and what they are by default.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_DEFAULT_TRIM_BYTES, _DEFAULT_MAPS = 128 << 10, 65_536


@contextmanager
def kept_heap() -> Iterator[None]:
    """Within the block glibc returns no memory to the system; another C library is left as it is.

    A step allocates the same tensors as the step before, logits of hundreds of MB among them. glibc
    maps each of these anew, and the kernel fills its pages with zeros (benchmarks/train_heap.py).
    """
    library = ctypes.CDLL(None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_MMAP_MAX, 0)
    try:
        yield
    finally:
        mallopt(_MMAP_MAX, _DEFAULT_MAPS)
        mallopt(_TRIM_THRESHOLD, _DEFAULT_TRIM_BYTES)
        library.malloc_trim(0)
