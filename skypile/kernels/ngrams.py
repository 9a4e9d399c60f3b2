"""Repetition within a document: lines and paragraphs said twice, n-grams of units.

A unit is one CJK character, or as much of a word (``skypile.text.words``) as stands between such:
n-grams are those of words in English, as in Rae et al. 2021, and of characters in Chinese.
Punctuation belongs to the words, so that an address counts once and not part by part. Strings are
compared by 64-bit hashes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.chars import CLASS_MASK, KINDS, SPACE, TOKEN_CJK, decode
from skypile.kernels.counts import scratch_chars

__all__ = ["DUP_SIZES", "FIELDS", "TOP_SIZES", "repetition"]

TOP_SIZES = (2, 3, 4)
DUP_SIZES = (4, 5, 6, 7, 8, 9, 10, 13)
_LARGEST = max(DUP_SIZES)

FIELDS = (
    "lines", "dup_lines", "line_chars", "dup_line_chars",
    "paragraphs", "dup_paragraphs", "paragraph_chars", "dup_paragraph_chars",
    "unit_chars",
    *(f"top_{size}gram_chars" for size in TOP_SIZES),
    *(f"dup_{size}gram_chars" for size in DUP_SIZES),
)  # fmt: skip
_TOP_AT = FIELDS.index("top_2gram_chars")
# n -> column of its duplicate characters, or -1.
_DUP_COLUMN = np.full(_LARGEST + 1, -1, np.int64)
for _size in DUP_SIZES:
    _DUP_COLUMN[_size] = FIELDS.index(f"dup_{_size}gram_chars")

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)


@njit
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> np.uint64(32))) * _MIXER
    return value ^ (value >> np.uint64(29))


@njit
def _slot(keys: Any, mask: Any, key: Any) -> Any:
    """Return where `key` stands or may be put. 0 marks a free slot; keys are never 0."""
    at = np.int64(_mixed(key) & np.uint64(mask))
    while keys[at] != np.uint64(0) and keys[at] != key:
        at = (at + 1) & mask
    return at


@njit
def _cleared(keys: Any, wanted: Any) -> Any:
    """Free enough slots of `keys` for `wanted` values, at most half full; return the mask."""
    size = 16
    while size < 2 * wanted:
        size *= 2
    keys[:size] = 0
    return size - 1


@njit
def _pieces(
    codes: Any, kinds: Any, count: Any, lines: Any, line_chars: Any, parts: Any, part_chars: Any
) -> Any:
    """Write hash and size of every line that is not blank, and of every paragraph of such lines.

    Returns how many of each.
    """
    line_count, part_count, first = 0, 0, 0
    part, size = np.uint64(0), 0
    while first <= count:
        last = first
        while last < count and codes[last] != 0x0A:
            last += 1
        start, stop = first, last
        while start < stop and kinds[start] & CLASS_MASK == SPACE:
            start += 1
        while stop > start and kinds[stop - 1] & CLASS_MASK == SPACE:
            stop -= 1
        if stop > start:
            value = _MULTIPLIER  # not 0, which U+0000 would leave as it is
            for i in range(start, stop):
                value = (value ^ np.uint64(codes[i])) * _MULTIPLIER
                value ^= value >> np.uint64(29)
            lines[line_count] = _mixed(value) | np.uint64(1)
            line_chars[line_count] = stop - start
            part = _mixed(part * _MULTIPLIER + lines[line_count])
            size += stop - start
            line_count += 1
        if size and (stop == start or last >= count):
            parts[part_count], part_chars[part_count] = part | np.uint64(1), size
            part, size = np.uint64(0), 0
            part_count += 1
        first = last + 1
    return line_count, part_count


@njit
def _repeats(hashes: Any, sizes: Any, count: Any, keys: Any, out: Any) -> None:
    """Fill `out` with pieces, those said before, their characters, those of pieces said before."""
    mask = _cleared(keys, count)
    out[0] = count
    for i in range(count):
        at = _slot(keys, mask, hashes[i])
        out[2] += sizes[i]
        if keys[at] == np.uint64(0):
            keys[at] = hashes[i]
        else:
            out[1] += 1
            out[3] += sizes[i]


@njit
def _units(codes: Any, kinds: Any, count: Any, hashes: Any, ends: Any) -> Any:
    """Write each unit's hash and the number of characters up to its end; return how many."""
    found, chars, i = 0, 0, 0
    while i < count:
        kind = kinds[i]
        if kind & CLASS_MASK == SPACE:
            i += 1
            continue
        value = _MULTIPLIER
        size = 0
        while i < count and kinds[i] & CLASS_MASK != SPACE:
            if kinds[i] & TOKEN_CJK and size:
                break
            value = (value ^ np.uint64(codes[i])) * _MULTIPLIER
            value ^= value >> np.uint64(29)
            size += 1
            i += 1
            if kind & TOKEN_CJK:
                break
        chars += size
        hashes[found] = _mixed(value)
        ends[found] = chars
        found += 1
    return found


@njit
def _top_chars(size: Any, live: Any, alive: Any, slots: Any, times: Any, ends: Any) -> Any:
    """Return count x characters of the most frequent n-gram (the first of several), or 0."""
    best, chars = 1, 0
    for k in range(alive):
        i = live[k]
        if times[slots[k]] > best:
            best = times[slots[k]]
            chars = best * (ends[i + size - 1] - (ends[i - 1] if i else 0))
    return chars


@njit
def _ngrams(
    hashes: Any, ends: Any, count: Any, rolled: Any, live: Any, slots: Any, again: Any,
    keys: Any, times: Any, out: Any,
) -> None:  # fmt: skip
    """Fill `out` for all n. An n-gram can repeat only where its (n-1)-gram does: the rest is
    never looked at again."""
    for i in range(count):
        rolled[i] = hashes[i]
        live[i] = i
    alive = count
    for size in range(2, _LARGEST + 1):
        while alive and live[alive - 1] + size > count:
            alive -= 1
        if alive == 0:
            return
        mask = _cleared(keys, alive)
        column = _DUP_COLUMN[size]
        covered, chars = 0, 0
        for k in range(alive):
            i = live[k]
            rolled[i] = _mixed(rolled[i] * _MULTIPLIER + hashes[i + size - 1]) | np.uint64(1)
            at = _slot(keys, mask, rolled[i])
            slots[k] = at
            if keys[at] == np.uint64(0):
                keys[at] = rolled[i]
                times[at] = 1
                continue
            times[at] += 1
            if column >= 0:
                start = max(i, covered)
                covered = i + size
                chars += ends[covered - 1] - (ends[start - 1] if start else 0)
        if column >= 0:
            out[column] = chars
        if size <= 4:
            out[_TOP_AT + size - 2] = _top_chars(size, live, alive, slots, times, ends)
        alive = _still_alive(live, alive, slots, times, again)


@njit
def _still_alive(live: Any, alive: Any, slots: Any, times: Any, again: Any) -> Any:
    """Keep the positions whose n-gram occurs twice, as does the one that starts a token later."""
    for k in range(alive):
        again[k] = times[slots[k]] > 1
    kept = 0
    for k in range(alive - 1):
        if again[k] and again[k + 1] and live[k + 1] == live[k] + 1:
            live[kept] = live[k]
            kept += 1
    return kept


@njit
def _repetition(data: Any, offsets: Any, table: Any, room: Any, out: Any) -> None:
    codes = np.empty(room, np.uint32)
    kinds = np.empty(room, np.uint32)
    size = 16
    while size < 2 * (room + 1):
        size *= 2
    keys = np.empty(size, np.uint64)
    times = np.empty(size, np.int32)
    hashes = np.empty(room + 1, np.uint64)
    rolled = np.empty(room + 1, np.uint64)
    sizes = np.empty(room + 1, np.int64)
    part_sizes = np.empty(room + 1, np.int32)
    live = np.empty(room + 1, np.int32)
    slots = np.empty(room + 1, np.int32)
    again = np.empty(room + 1, np.bool_)
    for row in range(offsets.size - 1):
        count = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        lines, parts = _pieces(codes, kinds, count, hashes, sizes, rolled, part_sizes)
        _repeats(hashes, sizes, lines, keys, out[row, 0:4])
        _repeats(rolled, part_sizes, parts, keys, out[row, 4:8])
        found = _units(codes, kinds, count, hashes, sizes)
        out[row, 8] = sizes[found - 1] if found else 0
        _ngrams(hashes, sizes, found, rolled, live, slots, again, keys, times, out[row])


def repetition(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the counts (rows, fields), columns in the order of FIELDS.

    A piece is repeated from its second occurrence on. A character is repeated if it lies in the
    second or a later occurrence of an n-gram (Rae et al. 2021, table A1: each counted once).
    """
    out = np.zeros((offsets.size - 1, len(FIELDS)), np.int64)
    _repetition(data, offsets, KINDS, scratch_chars(offsets), out)
    return out
