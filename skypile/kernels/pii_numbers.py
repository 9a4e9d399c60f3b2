"""Numbers that may be somebody's: runs of digits and the separators between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.pii_shapes import (
    AREA,
    CARD,
    DIALLED,
    IPV4,
    LANDLINE,
    LONG,
    MOBILE,
    NANP,
    NOTHING,
    REGION,
    SOLID,
)
from skypile.kernels.vectors import digit_mask, ones_count

__all__ = ["number"]

# Numbers with fewer than 4 digits in so many bytes have none of the shapes.
_NEAR = np.uint64((1 << 28) - 1)
_MAX_RUN = 21
_MAX_DIALLED_BYTES = 32
_SPACE, _DASH, _DOT = 0x20, 0x2D, 0x2E


@njit
def _digit(byte: Any) -> Any:
    return 0x30 <= byte <= 0x39


@njit
def _word(byte: Any) -> Any:
    return 0x61 <= (byte | 0x20) <= 0x7A or _digit(byte) or byte == 0x5F


@njit
def _sign(byte: Any) -> Any:
    return byte in (_SPACE, _DASH, _DOT)


@njit
def _runs(data: Any, at: Any, end: Any, lens: Any, signs: Any) -> Any:
    """Fill in the lengths of runs of digits from `at` on, their ends, and the signs between them.

    A sign is a space, a dash, a full stop, or a dash between spaces. Returns how many bytes were
    looked at.
    """
    begun = at
    lens[:] = 0
    signs[:] = 0
    for place in range(signs.size):
        stop = at
        while stop < end and stop - at < _MAX_RUN and _digit(data[stop]):
            stop += 1
        lens[0, place], lens[1, place] = stop - at, stop
        if stop + 1 >= end:
            return stop - begun
        sign, size = data[stop], 1
        if (
            sign == _SPACE
            and data[stop + 1] == _DASH
            and stop + 2 < end
            and data[stop + 2] == _SPACE
        ):
            sign, size = _DASH, 3
        if not _sign(sign):
            return stop - begun
        if stop + size >= end or not _digit(data[stop + size]):
            return stop + size - begun
        signs[place] = sign
        at = stop + size
    return at - begun


@njit
def _solid(first: Any, second: Any, third: Any, size: Any) -> Any:
    if size == 11 and first == 0x31:
        return MOBILE
    if size == 13 and first == 0x38 and second == 0x36 and third == 0x31:
        return MOBILE
    if size == 10 and first >= 0x32:
        return NANP
    if 14 <= size <= 19:
        return LONG
    if 10 <= size <= 12 and first == 0x30 and second != 0x30:
        return SOLID
    return NOTHING


@njit
def _even(lens: Any, signs: Any) -> Any:
    """Return the shape of runs parted by one sign throughout, and how many of them it takes."""
    a, b, c, d = lens[0], lens[1], lens[2], lens[3]
    if a == 3 and b == 3 and c == 4:
        return NANP, 3
    if signs[0] == _DOT:
        return NOTHING, 0
    if a == 4 and b == 6 and 4 <= c <= 5:
        return CARD, 3
    if a == 4 and b == 4 and c == 4 and d == 4 and signs[2] == signs[0]:
        return CARD, 5 if signs[3] == signs[0] and 1 <= lens[4] <= 3 else 4
    return NOTHING, 0


@njit
def _mobile_runs(lens: Any, signs: Any) -> Any:
    """Return how many runs, two or three with one sign between them, make 11 digits; else 0."""
    a, b, c = lens[0], lens[1], lens[2]
    if not 3 <= a <= 5 or b < 3:
        return 0
    if signs[1] == signs[0] and c >= 3 and a + b + c == 11:
        return 3
    return 2 if a + b == 11 and signs[0] != _DOT else 0


@njit
def _region(first: Any, lens: Any, signs: Any) -> Any:
    """Return how many runs a number has that is written as in Hong Kong or Taiwan, else 0."""
    a, b, c = lens[0], lens[1], lens[2]
    if first == 0x38 and a == 3:
        return 2 if b == 8 else 3 if b == 4 and c == 4 and signs[1] != _DOT else 0
    if first != 0x30 or signs[1] == _DOT:
        return 0
    if (a == 4 and b == 3 and c == 3) or (a == 2 and 3 <= b <= 4 and c == 4):
        return 3
    return 2 if (a == 4 and b == 6) or (a == 2 and 7 <= b <= 8) else 0


@njit
def _parted(first: Any, lens: Any, signs: Any) -> Any:
    """Return the shape of several runs, the first of which begins with `first`, and their number.

    An area code and a number of two parts need not have one sign throughout.
    """
    a, b, c = lens[0], lens[1], lens[2]
    if signs[0] == _DOT and signs[1] == _DOT and signs[2] == _DOT:
        good = a <= 3 and b <= 3 and c <= 3 and lens[3] <= 3 and signs[3] != _DOT
        return IPV4 if good else NOTHING, 4
    if signs[0] == signs[1]:
        shape, runs = _even(lens, signs)
        if shape:
            return shape, runs
        if a == 6 and b == 8 and 3 <= c <= 4 and signs[0] != _DOT:
            return LONG, 3
    if first == 0x31:
        runs = _mobile_runs(lens, signs)
        if runs:
            return MOBILE, runs
    if first == 0x30 and 3 <= a <= 4 and 7 <= b <= 8:
        return LANDLINE, 2
    if signs[0] == _DOT:
        return NOTHING, 0
    if first == 0x30 and 3 <= a <= 4 and 3 <= b <= 4 and c == 4 and signs[1] != _DOT:
        return LANDLINE, 3
    if a == 6 and 10 <= b <= 13:
        return CARD, 2
    runs = _region(first, lens, signs)
    return REGION if runs else NOTHING, runs


@njit
def _dialled(data: Any, begin: Any, end: Any, start: Any, at: Any) -> Any:
    """Look at the digits from `at` on, with at most two signs between any of them.

    Brackets may be full-width. One behind 8 digits opens another number.
    """
    stop, place, digits, gap = at, at, 0, 0
    while place < end and place - at < _MAX_DIALLED_BYTES and gap <= 2:
        byte, size = data[place], 1
        if byte == 0xEF and place + 2 < end and data[place + 1] == 0xBC:
            byte, size = data[place + 2] - 0x60, 3
        if size == 1 and _digit(byte):
            digits += 1
            gap = 0
            stop = place + 1
        elif byte == 0x29 or (byte == 0x28 and digits < 8) or (size == 1 and _sign(byte)):
            gap += 1
        else:
            break
        place += size
    bounded = (start == begin or not _word(data[start - 1])) and not (
        stop < end and _word(data[stop])
    )
    good = bounded and 8 <= digits <= 20
    return DIALLED if good else NOTHING, start, stop, place - at


@njit
def _bracket(data: Any, begin: Any, end: Any, at: Any, last: Any) -> Any:
    """Return the length of the bracket before `at`, or behind it: ASCII or full-width; else 0."""
    closing = last - 0x88
    if closing:
        if at < end and data[at] == 0x29:
            return 1
        wide = at + 2 < end and data[at] == 0xEF and data[at + 1] == 0xBC
        return 3 if wide and data[at + 2] == 0x89 else 0
    if at > begin and data[at - 1] == 0x28:
        return 1
    wide = at - 2 > begin and data[at - 3] == 0xEF and data[at - 2] == 0xBC
    return 3 if wide and data[at - 1] == 0x88 else 0


@njit
def _area(data: Any, begin: Any, end: Any, at: Any, lens: Any, signs: Any) -> Any:
    """Look at what stands behind 2 to 4 digits: a closing bracket and 7 or 8 more, as one or two.

    There is an opening bracket before `at`.
    """
    start = at - _bracket(data, begin, end, at, 0x88)
    place = lens[1, 0]
    closing = _bracket(data, begin, end, place, 0x89)
    if not closing:
        return NOTHING, start, place, 1
    place += closing
    if place < end and (data[place] == _SPACE or data[place] == _DASH):
        place += 1
    looked = _runs(data, place, end, lens, signs)
    if 7 <= lens[0, 0] <= 8:
        stop = lens[1, 0]
    elif 3 <= lens[0, 0] <= 4 and lens[0, 1] == 4:
        stop = lens[1, 1]
    else:
        return NOTHING, start, place, looked + 5
    good = not (stop < end and _word(data[stop]))
    return AREA if good else NOTHING, start, stop, looked + 5


@njit
def _ip_word(data: Any, begin: Any, at: Any, shape: Any) -> Any:
    """Tell whether an IPv4 address follows `IP` without a space, as it does in Chinese."""
    if shape != IPV4 or at - 1 <= begin or (data[at - 1] | 0x20) != 0x70:
        return False
    return (data[at - 2] | 0x20) == 0x69 and not (at - 2 > begin and _word(data[at - 3]))


@njit
def _shaped(data: Any, begin: Any, end: Any, at: Any, lens: Any, signs: Any) -> Any:
    """Look at runs of digits that are bounded on both sides and no part of a decimal number."""
    looked = _runs(data, at, end, lens, signs)
    sizes = lens[0]
    shape, runs = _solid(data[at], data[at + 1], data[at + 2], sizes[0]), 1
    if not shape and signs[0]:
        shape, runs = _parted(data[at], sizes, signs)
    stop = lens[1, max(runs, 1) - 1]
    x = sizes[0] == 17 or (runs == 3 and sizes[2] == 3)
    if shape == LONG and x and stop < end and (data[stop] | 0x20) == 0x78:
        stop += 1
    if at > begin:
        before = data[at - 1]
        point = before == _DOT and at - 1 > begin and _digit(data[at - 2])
        if (
            (_word(before) and not _ip_word(data, begin, at, shape))
            or point
            or (shape == IPV4 and before == _DOT)
        ):
            shape = NOTHING
    if stop < end and _word(data[stop]):
        shape = NOTHING
    return shape, at, stop, looked


@njit
def number(data: Any, begin: Any, end: Any, at: Any, lens: Any, signs: Any) -> Any:
    """Look at the run of digits that begins at `at`; return shape, start, stop, bytes looked at.

    `lens` and `signs` are room for two rows of six numbers, and for six.
    """
    if ones_count(digit_mask(data, at) & _NEAR) < np.uint64(4):
        return NOTHING, at, at, 1
    if at > begin and data[at - 1] == 0x2B:
        return _dialled(data, begin, end, at - 1, at)
    if at + 3 < end and data[at] == 0x30 and data[at + 1] == 0x30:
        if 0x31 <= data[at + 2] <= 0x39:
            return _dialled(data, begin, end, at, at)
        return NOTHING, at, at, 4
    if at + 3 < end and data[at] == 0x38 and data[at + 1] == 0x36 and not _digit(data[at + 2]):
        shape, start, stop, looked = _dialled(data, begin, end, at, at)
        if shape:
            return shape, start, stop, looked
    shape, start, stop, looked = _shaped(data, begin, end, at, lens, signs)
    short = shape == NOTHING and 2 <= lens[0, 0] <= 4 and not signs[0]
    if short and _bracket(data, begin, end, at, 0x88):
        return _area(data, begin, end, at, lens, signs)
    return shape, start, stop, looked
