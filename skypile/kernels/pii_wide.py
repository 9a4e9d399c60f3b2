"""Numbers in full-width digits, or with the dashes and spaces of typographers between them.

Where a document has some, it is folded to ASCII, looked at once more, and what is found is led back
to the bytes of the document itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.cache import njit
from skypile.kernels.search_masks import unusual_mask
from skypile.kernels.vectors import WINDOW, trailing_zeros

__all__ = ["FOLDED", "disguised", "folded"]

_SPACES = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_FULL_WIDTH = "".join(
    chr(0xFF00 + byte - 0x20) for byte in range(0x21, 0x7F) if chr(byte).isalnum()
)
# Full-width letters, digits and ＠．－＋＿; spaces and dashes of one character.
FOLDED: dict[str, str] = (
    dict.fromkeys(_SPACES, " ")
    | dict.fromkeys(_DASHES, "-")
    | {char: chr(ord(char) - 0xFEE0) for char in _FULL_WIDTH + "＠．－＋＿"}
)


def _table() -> npt.NDArray[np.uint8]:
    """Return by U+0080 to U+FFFF the byte that a character is folded to, 0 where it stays."""
    table = np.zeros(1 << 16, np.uint8)
    for char, to in FOLDED.items():
        table[ord(char)] = ord(to)
    return table


_TO = _table()


@njit
def _folds(data: Any, at: Any, end: Any) -> Any:
    """Return what the character at `at` is folded to, 0 where it stays, and its length."""
    if data[at] & 0xE0 == 0xC0 and at + 1 < end:
        return _TO[(data[at] & 0x1F) << 6 | (data[at + 1] & 0x3F)], 2
    if data[at] & 0xF0 == 0xE0 and at + 2 < end:
        code = np.int64(data[at] & 0x0F) << 12 | np.int64(data[at + 1] & 0x3F) << 6
        return _TO[code | (data[at + 2] & 0x3F)], 3
    return np.uint8(0), 1


@njit
def _digit(byte: Any) -> Any:
    return 0x30 <= byte <= 0x39


@njit
def _disguises(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Tell whether a full-width digit, capital or at sign is at `at`, or a digit before a sign.

    The sign is one that is folded; three digits must stand on either side of it, or 86 before it.
    """
    if not _digit(data[at]):
        to, _ = _folds(data, at, end)
        return _digit(to) or 0x40 <= to <= 0x5A
    to, size = _folds(data, at + 1, end)
    place = at + 1 + size
    if not to or place + 2 >= end or at - 1 < begin or not _digit(data[at - 1]):
        return False
    behind = _digit(data[place]) and _digit(data[place + 1])
    chinese = data[at] == 0x36 and data[at - 1] == 0x38
    three = at - 2 >= begin and _digit(data[at - 2]) and _digit(data[place + 2])
    return behind and (three or chinese)


@njit
def _rows(data: Any, offsets: Any) -> Any:
    found = np.zeros(offsets.size - 1, np.bool_)
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        for window in range(begin, end, WINDOW):
            bits = unusual_mask(data, window)
            while bits and not found[row]:
                at = window + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                found[row] = at < end and _disguises(data, begin, end, at)
            if found[row]:
                break
    return found


def disguised(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell for each document whether its numbers look different when folded.

    `data` must be followed by 72 readable bytes.
    """
    found: npt.NDArray[np.bool_] = _rows(data, offsets)
    return found


@njit
def _fold(data: Any, begin: Any, end: Any, out: Any, source: Any, count: Any) -> Any:
    at = begin
    while at < end:
        to, size = np.uint8(0), 1
        if data[at] >= 0xC0:
            to, size = _folds(data, at, end)
        if to:
            out[count], source[count] = to, at - begin
            count += 1
        else:
            for place in range(at, at + size):
                out[count], source[count] = data[place], place - begin
                count += 1
        at += size
    return count


def folded(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return these documents folded, and where in its document each byte came from.

    data uint8 with PADDING_BYTES behind; offsets int64 (rows + 1) from 0; source int64, as long as
    the bytes and one more.
    """
    sizes = offsets[rows + 1] - offsets[rows]
    out = np.zeros(int(sizes.sum()) + PADDING_BYTES, np.uint8)
    source = np.zeros(int(sizes.sum()) + 1, np.int64)
    borders = np.zeros(len(rows) + 1, np.int64)
    for place, row in enumerate(rows.tolist()):
        first, last = offsets[row], offsets[row + 1]
        borders[place + 1] = _fold(data, first, last, out, source, borders[place])
    out[borders[-1] :] = 0
    return out[: borders[-1] + PADDING_BYTES], borders, source
