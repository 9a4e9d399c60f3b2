"""The lines of a list of terms: where each begins and ends, and its second field."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit

__all__ = ["term_lines"]


@njit
def _is_space(byte: Any) -> Any:
    return byte == 0x20 or byte == 0x09 or byte == 0x0D


@njit
def _trimmed(data: Any, start: Any, stop: Any) -> Any:
    """Return start and stop without spaces around, and without commas behind more than a comma."""
    while start < stop and _is_space(data[start]):
        start += 1
    while stop > start and _is_space(data[stop - 1]):
        stop -= 1
    while True:
        last = stop
        if stop - start > 1 and data[stop - 1] == 0x2C:
            last = stop - 1
        elif stop - start > 3 and data[stop - 3] == 0xEF and data[stop - 2] == 0xBC:
            last = stop - 3 if data[stop - 1] == 0x8C else stop
        while last > start and _is_space(data[last - 1]):
            last -= 1
        if last in (start, stop):
            return start, stop
        stop = last


@njit
def _lines(data: Any, size: Any, out: Any) -> Any:
    found, line, at = 0, 0, 0
    while at < size:
        line += 1
        end = at
        while end < size and data[end] != 0x0A:
            end += 1
        first, last = at, end
        at = end + 1
        while first < last and _is_space(data[first]):
            first += 1
        if first == last or data[first] == 0x23 or (last - first == 1 and data[first] == 0x0D):
            continue
        tab = first
        while tab < last and data[tab] != 0x09:
            tab += 1
        while last > tab and _is_space(data[last - 1]):
            last -= 1
        out[found, 0], out[found, 1] = _trimmed(data, first, tab)
        out[found, 2], out[found, 3] = last, last
        if tab < last:
            out[found, 2], out[found, 3] = _trimmed(data, tab + 1, last)
        out[found, 4] = line
        found += 1
    return found


def term_lines(data: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.int64]:
    """Return the lines of data[:size] that are not blank and do not begin with `#`.

    int64 (n, 5): start and stop of what stands before the first tab, start and stop of what stands
    behind it (equal where nothing does), number of the line from 1 on. Spaces around fields are
    left out, and commas behind them, with which some lists end each line.
    """
    out = np.empty((int(np.count_nonzero(data[:size] == 0x0A)) + 1, 5), np.int64)
    return out[: _lines(data, size, out)]
