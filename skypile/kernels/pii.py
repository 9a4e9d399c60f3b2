"""Where personal data may stand: one pass for bytes that are seldom, a close look at these.

The kernel knows shapes only (so many digits, such signs between them). What a number must fulfil
besides, and which words must stand beside it, `skypile.stages` decides on what is found here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.growing import grown
from skypile.kernels.pii_numbers import number
from skypile.kernels.pii_shapes import (
    CUE_BYTES,
    CUE_LENGTHS,
    CUE_NEEDS,
    CUE_ROWS,
    CUE_SHAPES,
    CUE_WINDOW,
    DOTS,
    EMAIL,
    IPV6,
    LATIN_FIRST,
    LATIN_LAST,
    NOTHING,
    PLATE,
    QQ,
    WECHAT,
)
from skypile.kernels.search_masks import personal_mask
from skypile.kernels.vectors import WINDOW, digit_mask, trailing_zeros

__all__ = ["candidates"]

MAX_LOCAL_BYTES = 64  # RFC 5321, 4.5.3.1
MAX_DOMAIN_BYTES = 253
MAX_IPV6_BYTES = 46  # with an IPv4 address behind
_DOT_SIZES = np.array([len(dot.encode()) for dot in DOTS])
_DOT_BYTES = np.array([list(dot.encode().ljust(3, b" ")) for dot in DOTS], np.uint8)


@njit
def _digit(byte: Any) -> Any:
    return 0x30 <= byte <= 0x39


@njit
def _letter(byte: Any) -> Any:
    return 0x61 <= (byte | 0x20) <= 0x7A


@njit
def _word(byte: Any) -> Any:
    return _letter(byte) or _digit(byte) or byte == 0x5F


@njit
def _hex(byte: Any) -> Any:
    return _digit(byte) or 0x61 <= (byte | 0x20) <= 0x66


@njit
def _email(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Look at the `@` at `at`: what may stand before it, and a name with a full stop behind."""
    start, stop = at, at + 1
    while start > begin and at - start <= MAX_LOCAL_BYTES:
        byte = data[start - 1]
        if not (_word(byte) or byte == 0x2E or byte == 0x25 or byte == 0x2B or byte == 0x2D):
            break
        start -= 1
    if start == at or at - start > MAX_LOCAL_BYTES:
        return NOTHING, start, stop, at - start + 1
    dots = 0
    while stop < end and stop - at <= MAX_DOMAIN_BYTES:
        byte = data[stop]
        if not (_letter(byte) or _digit(byte) or byte == 0x2E or byte == 0x2D):
            break
        dots += byte == 0x2E
        stop += 1
    while data[stop - 1] == 0x2E or data[stop - 1] == 0x2D:
        dots -= data[stop - 1] == 0x2E
        stop -= 1
    good = dots > 0 and not (stop < end and (data[stop] == 0x40 or data[stop] == 0x5F))
    return EMAIL if good else NOTHING, start, stop, stop - start + 2


@njit
def _ipv6(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Look at the first colon of a run of hexadecimal digits, colons and full stops.

    A time of the day or a hardware address has neither two colons in a row nor seven.
    """
    start, stop = at, at
    while start > begin and at - start < 5 and _hex(data[start - 1]):
        start -= 1
    if start > begin:
        byte = data[start - 1]
        if at - start == 5 or _word(byte) or byte == 0x3A or byte == 0x2E:
            return NOTHING, start, stop, at - start + 1
    colons, pairs, dots = 0, 0, 0
    while stop < end and stop - start <= MAX_IPV6_BYTES:
        byte = data[stop]
        if not (_hex(byte) or byte == 0x3A or byte == 0x2E):
            break
        colons += byte == 0x3A
        pairs += byte == 0x3A and data[stop - 1] == 0x3A and stop > at
        dots += byte == 0x2E
        stop += 1
    reach = stop
    if stop - start > MAX_IPV6_BYTES or (stop < end and _word(data[stop])):
        return NOTHING, start, stop, reach - start
    while data[stop - 1] == 0x2E:
        stop -= 1
    if data[stop - 1] == 0x3A and data[stop - 2] != 0x3A:
        stop -= 1
        colons -= 1
    good = pairs > 0 or colons == 7 or (colons == 6 and dots >= 3)
    return IPV6 if good else NOTHING, start, stop, reach - start


@njit
def _dot(data: Any, end: Any, at: Any) -> Any:
    """Return the length of the sign between the parts of a plate at `at`, 0 where there is none."""
    if at < end and (data[at] == 0x20 or data[at] == 0x2D or data[at] == 0x2E):
        return 1
    for row in range(_DOT_BYTES.shape[0]):
        size = _DOT_SIZES[row]
        same = at + size <= end
        for place in range(size):
            same = same and data[at + place] == _DOT_BYTES[row, place]
        if same:
            return size
    return 0


@njit
def _plate(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Look at the last byte of a character before a capital: 5 or 6 letters and digits behind it.

    Four do where another character follows (police, schools, trailers). A space may stand before
    the capital.
    """
    start, stop = at - 2, at + 2
    if start < begin or data[start] < 0xE0:
        return NOTHING, at, at, 1
    if data[at + 1] == 0x20:
        stop += 1
    stop += _dot(data, end, stop)
    first, digits = stop, 0
    while stop < end and stop - first < 7:
        byte = data[stop]
        if not (_digit(byte) or 0x41 <= byte <= 0x5A):
            break
        digits += _digit(byte)
        stop += 1
    size = stop - first
    looked = stop - start + 1
    if size == 4 and digits >= 2 and stop + 2 < end and data[stop] >= 0xE0:
        return PLATE, start, stop + 3, looked
    if not 5 <= size <= 6 or digits < 3 or (stop < end and _word(data[stop])):
        return NOTHING, start, stop, looked
    return PLATE, start, stop, looked


@njit
def _same(data: Any, at: Any, row: Any) -> Any:
    for place in range(CUE_LENGTHS[row]):
        byte = data[at + place]
        if _letter(byte):
            byte |= 0x20
        if byte != CUE_BYTES[row, place]:
            return False
    return True


@njit
def _cue(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Look for a cue word at `at` that is followed by something that it may speak of."""
    byte = data[at] | 0x20 if _letter(data[at]) else data[at]
    for row in range(CUE_ROWS[byte], CUE_ROWS[byte + 1]):
        stop = at + CUE_LENGTHS[row]
        if stop > end or not _same(data, at, row):
            continue
        if LATIN_FIRST[row] and at > begin and _word(data[at - 1]):
            return NOTHING, at, stop, 9
        if LATIN_LAST[row] and stop < end and _letter(data[stop]) and not _account(row, at, data):
            return NOTHING, at, stop, 9
        shape, last = CUE_SHAPES[row], min(end, stop + CUE_WINDOW)
        run, good = 0, False
        for place in range(stop, last):
            byte = data[place]
            if _digit(byte) or (shape == WECHAT and (_word(byte) or byte == 0x2D)):
                run += 1
            elif shape in (WECHAT, QQ):
                run = 0
            good = good or run >= CUE_NEEDS[row]
        return shape if good else NOTHING, at, stop, last - at
    return NOTHING, at, at, 9


@njit
def _account(row: Any, at: Any, data: Any) -> Any:
    """Tell whether an account may follow the cue at once: behind 加v."""
    return CUE_SHAPES[row] == WECHAT and data[at] >= 0x80


@njit
def _other(data: Any, begin: Any, end: Any, at: Any) -> Any:
    byte = data[at]
    if byte == 0x40:
        return _email(data, begin, end, at)
    if byte == 0x3A:
        return _ipv6(data, begin, end, at)
    if byte >= 0x80 and at + 2 < end:
        behind = data[at + 2] if data[at + 1] == 0x20 else data[at + 1]
        if 0x41 <= behind <= 0x5A:
            return _plate(data, begin, end, at)
    return _cue(data, begin, end, at)


@njit
def _put(found: Any, count: Any, row: Any, start: Any, stop: Any, shape: Any) -> Any:
    if count == found.shape[0]:
        found = grown(found)
    found[count, 0], found[count, 1], found[count, 2], found[count, 3] = row, start, stop, shape
    return found


@njit
def _candidates(data: Any, offsets: Any, work: Any) -> Any:
    found = np.empty((64, 4), np.int64)
    count = 0
    lens, signs = np.empty((2, 6), np.int64), np.empty(6, np.int64)
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        carry, seen = np.uint64(0), begin
        for window in range(begin, end, WINDOW):
            digits = digit_mask(data, window)
            others = personal_mask(data, window)
            bits = others | digits & ~(digits << np.uint64(1) | carry)
            carry = digits >> np.uint64(63)
            work[0] += min(WINDOW, end - window)
            while bits:
                at = window + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                if at >= end:
                    break
                if _digit(data[at]):
                    shape, start, stop, looked = number(data, begin, end, at, lens, signs)
                elif data[at] == 0x3A and at < seen:
                    continue
                else:
                    shape, start, stop, looked = _other(data, begin, end, at)
                if data[at] == 0x3A:
                    seen = max(seen, stop)
                work[0] += looked
                if shape:
                    found = _put(found, count, row, start, stop, shape)
                    count += 1
    return found[:count].copy()


def candidates(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Return what may be personal data, and how many bytes were visited to find it.

    The array (n, 4) holds row, start, stop (into `data`) and shape of each find, in order of the
    byte that gave it away; finds may overlap. `data` must be followed by 72 readable bytes.
    """
    work = np.zeros(1, np.int64)
    found = _candidates(data, offsets, work)
    return found, int(work[0])
