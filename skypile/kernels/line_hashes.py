"""Hashes of lines or paragraphs, and texts without those of a set.

A **line** ends at U+000A; a **paragraph** is a run of lines that are not blank. Two are the same
where their letters are, in order: case (of Latin, Greek and Cyrillic), full-width forms, white
space, punctuation and symbols do not count, and every ASCII digit is a 0, so that `第 3 页` is
`第 4 页` (as in CCNet, Wenzek et al. 2020, section 3.1, but for accents, which stay). Hashes have
64 bits: that any of 10^8 different lines is taken for one of 10^6 in the set by mistake has a
chance of 5 in a million.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.hash_table import EMPTY, find
from skypile.kernels.line_edits import Bytes, Ints, copied
from skypile.kernels.shingles import CJK, CODE_POINT_CLASSES, LETTER, SPACE, WIDE, code_point
from skypile.kernels.term_tokens import FOLDED

__all__ = ["is_in_table", "line_hashes", "without_listed_lines"]

U64 = npt.NDArray[np.uint64]

_SALT = np.uint64(0x9E3779B97F4A7C15)
_K1 = np.uint64(0xE7037ED1A0B428DB)
_K2 = np.uint64(0xFF51AFD7ED558CCD)


@njit
def _mixed(value: Any) -> Any:
    value = (value ^ value >> np.uint64(33)) * _K2
    return value ^ value >> np.uint64(29)


@njit
def _line(data: Any, at: Any, stop: Any, value: Any, classes: Any, folded: Any) -> Any:
    """Go on with the hash to the end of the line.

    Return where it ends, the hash, how many bytes its letters have, and whether it is blank.
    """
    size, blank = 0, True
    while at < stop and data[at] != 0x0A:
        code, width = np.int64(data[at]), 1
        if code >= 0x80:
            code, width = code_point(data, at)
        at += width
        kind = classes[code]
        blank = blank and kind & SPACE != 0
        if kind & WIDE:
            code -= 0xFEE0
            kind = classes[code]
        if not kind & (LETTER | CJK):
            continue
        if code < 0x10000:
            code = np.int64(folded[code])
        if 0x30 <= code <= 0x39:
            code = np.int64(0x30)
        value = (value ^ np.uint64(code)) * _K1
        value ^= value >> np.uint64(32)
        size += width
    return at, value, size, blank


@njit
def _block(
    data: Any, start: Any, stop: Any, seed: Any, paragraphs: Any, classes: Any, folded: Any
) -> Any:
    """Return end, hash, bytes of letters and blankness of the line or paragraph at data[start].

    The end is at the line feed of its last line, or at `stop`.
    """
    end, value, size, blank = _line(data, start, stop, seed ^ _SALT, classes, folded)
    while paragraphs and not blank and end < stop:
        last, more, bytes_more, empty = _line(data, end + 1, stop, value, classes, folded)
        if empty:
            break
        end, value, size = last, more, size + bytes_more
    return end, _mixed(value), size, blank


@njit
def _hash(
    data: Any, offsets: Any, seeds: Any, paragraphs: Any, min_bytes: Any, classes: Any,
    folded: Any, out: Any, spans: Any, ends: Any, seen: Any,
) -> None:  # fmt: skip
    found = 0
    for row in range(offsets.size - 1):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            end, value, size, _ = _block(data, at, stop, seeds[row], paragraphs, classes, folded)
            seen[row] += size > 0
            if size >= min_bytes:
                out[found], spans[found, 0], spans[found, 1] = value, at, end
                found += 1
            at = end + 1
        ends[row + 1] = found


@njit
def _without(
    data: Any, offsets: Any, seeds: Any, paragraphs: Any, min_bytes: Any, classes: Any,
    folded: Any, table: Any, out: Any, ends: Any, counted: Any,
) -> None:  # fmt: skip
    write = 0
    for row in range(offsets.size - 1):
        at, stop, begin, gone = offsets[row], offsets[row + 1], write, False
        while at < stop:
            end, value, size, blank = _block(
                data, at, stop, seeds[row], paragraphs, classes, folded
            )
            counted[row, 1] += not blank
            gone = size >= min_bytes and find(table, value)[0] != EMPTY
            counted[row, 0] += gone
            if not gone:
                write = copied(data, at, min(end + 1, stop), out, write)
            at = end + 1
        # A text without a line feed at its end has none afterwards.
        if gone and at > stop and write > begin:
            write -= 1
        ends[row + 1] = write


@njit
def _is_in(hashes: Any, table: Any, out: Any) -> None:
    for i in range(hashes.size):
        out[i] = find(table, hashes[i])[0] != EMPTY


def is_in_table(hashes: U64, table: U64) -> npt.NDArray[np.bool_]:
    """Return bool (n,): which hashes `table` (kernels.hash_table) has."""
    out = np.empty(hashes.size, np.bool_)
    _is_in(hashes, table, out)
    return out


def line_hashes(
    data: Bytes, offsets: Ints, seeds: U64, *, paragraphs: bool, min_bytes: int
) -> tuple[U64, Ints, Ints, Ints]:
    """Return hashes (n,), where each stands (n, 2), borders by text (rows + 1,), lines (rows,).

    Of lines whose letters have `min_bytes` bytes of UTF-8 or more; `lines` counts all that have a
    letter. `seeds` (rows,) sets texts apart: lines are the same where these are, too. `data` must
    be UTF-8 followed by 64 readable bytes.
    """
    rows = offsets.size - 1
    room = int(offsets[-1] - offsets[0]) // max(min_bytes, 1) + 1
    out, spans = np.empty(room, np.uint64), np.empty((room, 2), np.int64)
    ends, seen = np.zeros(rows + 1, np.int64), np.zeros(rows, np.int64)
    _hash(
        data, offsets, seeds, paragraphs, min_bytes, CODE_POINT_CLASSES, FOLDED, out, spans, ends,
        seen,
    )  # fmt: skip
    return out[: ends[-1]], spans[: ends[-1]], ends, seen


def without_listed_lines(
    data: Bytes, offsets: Ints, seeds: U64, table: U64, *, paragraphs: bool, min_bytes: int
) -> tuple[Bytes, Ints, Ints]:
    """Return the texts without lines whose hash `table` (kernels.hash_table) has.

    Bytes, borders (rows + 1,), and (rows, 2): lines taken out, lines that are not blank.
    """
    rows = offsets.size - 1
    out = np.empty(data.size, np.uint8)
    ends, counted = np.zeros(rows + 1, np.int64), np.zeros((rows, 2), np.int64)
    _without(
        data, offsets, seeds, paragraphs, min_bytes, CODE_POINT_CLASSES, FOLDED, table, out, ends,
        counted,
    )  # fmt: skip
    return out[: ends[-1]], ends, counted
