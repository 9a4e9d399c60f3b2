"""The beginnings of texts in characters, and pieces from within them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.cache import njit
from skypile.kernels.fasttext_vectors import character_mask
from skypile.kernels.vectors import WINDOW, ones_count, trailing_zeros

__all__ = ["heads", "thirds"]

Bytes = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@njit
def _after(data: Any, start: Any, stop: Any, count: Any) -> Any:
    """Return where character number `count` behind `start` begins, or `stop`; and how many left."""
    at = start
    while at < stop:
        begins = character_mask(data, at)
        if stop - at < WINDOW:
            begins &= ~(~np.uint64(0) << np.uint64(stop - at))
        found = ones_count(begins)
        if found > count:
            for _ in range(count):
                begins &= begins - np.uint64(1)
            return at + trailing_zeros(begins), 0
        count -= found
        at += WINDOW
    return stop, count


@njit
def _heads(data: Any, starts: Any, stops: Any, count: Any, ends: Any, full: Any) -> None:
    for row in range(starts.size):
        ends[row], left = _after(data, starts[row], stops[row], count)
        full[row] = left == 0


@njit
def _thirds(data: Any, starts: Any, stops: Any, count: Any, out: Any, borders: Any) -> Any:
    written = 0
    for row in range(starts.size):
        start, stop = starts[row], stops[row]
        _, left = _after(data, start, stop, stop - start)
        third = (stop - start - left) // 3
        for piece in range(3):
            begin, _ = _after(data, start, stop, piece * third)
            end, _ = _after(data, begin, stop, count)
            if piece:
                out[written] = 0x20
                written += 1
            for place in range(end - begin):
                out[written + place] = data[begin + place]
            written += end - begin
        borders[row + 1] = written
    return written


def heads(data: Bytes, starts: I64, stops: I64, count: int) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Return where the first `count` characters of each text end, and whether it has so many."""
    ends, full = np.empty(starts.size, np.int64), np.empty(starts.size, np.bool_)
    _heads(data, starts, stops, count, ends, full)
    return ends, full


def thirds(data: Bytes, starts: I64, stops: I64, count: int) -> tuple[Bytes, I64]:
    """Return `count` characters from the start and from behind each third of each text.

    The bytes of the three, with a space between, and their borders int64 (n + 1). A third is the
    number of characters divided by three, rounded down.
    """
    size = int(np.minimum(stops - starts, 4 * count).sum()) * 3 + 2 * starts.size
    out = np.zeros(size + PADDING_BYTES, np.uint8)
    borders = np.zeros(starts.size + 1, np.int64)
    _thirds(data, starts, stops, count, out, borders)
    return out, borders
