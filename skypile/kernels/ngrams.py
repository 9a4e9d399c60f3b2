"""Repetition within a document: lines and paragraphs said twice, n-grams of units.

N-grams are those of words in English, as in Rae et al. 2021, and of characters in Chinese
(``skypile.kernels.units``). Punctuation belongs to the words, so that an address counts once and
not part by part.

An n-gram can repeat only where its (n-1)-grams do, so each size looks at the places alone that the
size before left. For the small ones, which most places are looked at for, no n-gram is compared:
hashes are counted in a table of small numbers, and where a number is 1 nothing repeats.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined
from skypile.kernels.chars import MAX_BYTES
from skypile.kernels.counts import scratch_chars
from skypile.kernels.narrow import NARROW
from skypile.kernels.units import pieces, units

__all__ = ["DUP_SIZES", "FIELDS", "TOP_SIZES", "repetition"]

TOP_SIZES = (2, 3, 4)
DUP_SIZES = (4, 5, 6, 7, 8, 9, 10, 13)

FIELDS = (
    "lines", "dup_lines", "line_chars", "dup_line_chars",
    "paragraphs", "dup_paragraphs", "paragraph_chars", "dup_paragraph_chars",
    "unit_chars",
    *(f"top_{size}gram_chars" for size in TOP_SIZES),
    *(f"dup_{size}gram_chars" for size in DUP_SIZES),
)  # fmt: skip
_TOP_AT = FIELDS.index("top_2gram_chars")
_DUP_AT = FIELDS.index("dup_4gram_chars")
_SIZES = np.array(DUP_SIZES, np.int64)
assert TOP_SIZES == (2, 3, 4) and DUP_SIZES[0] == 4

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
# Where a number in the table of counts stays.
_MANY = 0xFFFF


# --- exact counts ------------------------------------------------------------------------------


@inlined
def _cleared(keys: Any, wanted: Any) -> Any:
    """Free enough slots of `keys` for `wanted` values, at most half full; return log2 of them."""
    bits = 4
    while 1 << bits < 2 * wanted:
        bits += 1
    keys[: 1 << bits] = 0
    return bits


@inlined
def _slot(keys: Any, bits: Any, key: Any, work: Any) -> Any:
    """Return where `key` stands or may be put. 0 marks a free slot; keys are never 0.

    The highest bits of a key choose the slot; each that other keys hold adds to work[1].
    """
    at = np.int64(key >> np.uint64(64 - bits))
    while keys[at] != _ZERO and keys[at] != key:
        at = (at + 1) & ((1 << bits) - 1)
        work[1] += 1
    return at


@inlined
def _repeats(hashes: Any, sizes: Any, count: Any, keys: Any, work: Any, out: Any) -> None:
    """Fill `out` with pieces, those said before, their characters, those of pieces said before."""
    bits = _cleared(keys, count)
    out[0] = count
    for i in range(count):
        at = _slot(keys, bits, hashes[i], work)
        out[2] += sizes[i]
        if keys[at] == _ZERO:
            keys[at] = hashes[i]
        else:
            out[1] += 1
            out[3] += sizes[i]


@inlined
def _chars(ends: Any, start: Any, stop: Any) -> Any:
    return ends[stop - 1] - (ends[start - 1] if start else 0)


# --- counts of hashes --------------------------------------------------------------------------


@inlined
def _rolled(value: Any, following: Any) -> Any:
    """Return the hash of an n-gram from that of its first n - 1 units and that of its last."""
    value = value * _MULTIPLIER + following
    return (value ^ (value >> np.uint64(32))) * _MIXER


@inlined
def _counted(hashes: Any, rolled: Any, live: Any, alive: Any, size: Any, times: Any) -> Any:
    """Roll the hashes at `live` on to `size` units, and count them by their highest bits.

    Returns by how many bits a hash is to be shifted for its number in `times`.
    """
    bits = 6
    while 1 << bits < 4 * alive:
        bits += 1
    times[: 1 << bits] = 0
    shift = np.uint64(64 - bits)
    for k in range(alive):
        i = live[k]
        value = _rolled(rolled[i], hashes[i + size - 1])
        rolled[i] = value
        number = times[value >> shift]
        times[value >> shift] = number + (number != _MANY)
    return shift


@inlined
def _most(rolled: Any, live: Any, alive: Any, times: Any, shift: Any) -> Any:
    """Return the first place with the highest number, and this number."""
    most, place = 1, 0
    for k in range(alive):
        number = np.int64(times[rolled[live[k]] >> shift])
        if number > most:
            most, place = number, live[k]
    return place, most


@inlined
def _top_chars(
    rolled: Any, live: Any, alive: Any, size: Any, times: Any, shift: Any, ends: Any,
    keys: Any, counts: Any, likely: Any, work: Any,
) -> Any:  # fmt: skip
    """Return count x characters of the most frequent n-gram (the first of several), or 0."""
    place, most = _most(rolled, live, alive, times, shift)
    if most == 1:
        return 0
    key, exact = rolled[place], 0
    for k in range(alive):
        exact += rolled[live[k]] == key
    if exact == most and most < _MANY:
        return most * _chars(ends, place, place + size)
    # Another n-gram has the same number: those that may occur more often are counted one by one.
    found = 0
    for k in range(alive):
        likely[found] = live[k]
        found += times[rolled[live[k]] >> shift] >= max(min(exact, _MANY), 2)
    bits, best = _cleared(keys, found), 1
    for k in range(found):
        at = _slot(keys, bits, rolled[likely[k]] | _ONE, work)
        counts[at] = 1 if keys[at] == _ZERO else counts[at] + 1
        keys[at] = rolled[likely[k]] | _ONE
    for k in range(found):
        at = _slot(keys, bits, rolled[likely[k]] | _ONE, work)
        if counts[at] > best:
            best, place = counts[at], likely[k]
    return best * _chars(ends, place, place + size) if best > 1 else 0


@inlined
def _repeated(rolled: Any, live: Any, alive: Any, times: Any, shift: Any, neighbours: Any) -> Any:
    """Keep the places whose number is over 1, as are those of `neighbours` places behind."""
    kept, run, last = 0, 0, -1
    for k in range(alive):
        i = live[k]
        run = run + 1 if i == last + 1 else 1
        run *= times[rolled[i] >> shift] > 1
        last = i
        live[kept] = i - neighbours
        kept += run > neighbours
    return kept


# --- all sizes ---------------------------------------------------------------------------------


@inlined
def _dup_chars(
    rolled: Any, live: Any, alive: Any, size: Any, ends: Any, keys: Any, counts: Any, slots: Any,
    work: Any,
) -> Any:  # fmt: skip
    """Return the characters in n-grams at `live` that occurred before, each counted once.

    slots[k] is where the n-gram at live[k] is counted in `counts`.
    """
    bits, covered, chars = _cleared(keys, alive), 0, 0
    for k in range(alive):
        i = live[k]
        at = _slot(keys, bits, rolled[i] | _ONE, work)
        slots[k] = at
        if keys[at] == _ZERO:
            keys[at], counts[at] = rolled[i] | _ONE, 1
            continue
        counts[at] += 1
        chars += _chars(ends, max(i, covered), i + size)
        covered = i + size
    return chars


@inlined
def _still_alive(live: Any, alive: Any, slots: Any, counts: Any, neighbours: Any) -> Any:
    """Keep the places whose n-gram occurs twice, as do those at `neighbours` places behind."""
    kept, run, last = 0, 0, -1
    for k in range(alive):
        i = live[k]
        run = run + 1 if i == last + 1 else 1
        run *= counts[slots[k]] > 1
        last = i
        live[kept] = i - neighbours
        kept += run > neighbours
    return kept


@inlined
def _ngrams(
    hashes: Any, ends: Any, count: Any, rolled: Any, live: Any, slots: Any, times: Any,
    keys: Any, counts: Any, work: Any, out: Any,
) -> None:  # fmt: skip
    """Fill `out` for all sizes; the places looked at are added to work[0]."""
    for i in range(count):
        rolled[i] = hashes[i]
        live[i] = i
    alive = count - 1
    for size in range(2, 5):
        if alive <= 0:
            return
        work[0] += alive
        shift = _counted(hashes, rolled, live, alive, size, times)
        out[_TOP_AT + size - 2] = _top_chars(
            rolled, live, alive, size, times, shift, ends, keys, counts, slots, work
        )
        alive = _repeated(rolled, live, alive, times, shift, 1 if size < 4 else 0)
    for number in range(_SIZES.size):
        size = _SIZES[number]
        work[0] += alive
        for k in range(alive if number else 0):
            i = live[k]
            for following in range(i + _SIZES[number - 1], i + size):
                rolled[i] = _rolled(rolled[i], hashes[following])
        out[_DUP_AT + number] = _dup_chars(
            rolled, live, alive, size, ends, keys, counts, slots, work
        )
        if number + 1 == _SIZES.size or alive == 0:
            return
        alive = _still_alive(live, alive, slots, counts, _SIZES[number + 1] - size)


@inlined
def _last_byte(data: Any, start: Any, stop: Any) -> Any:
    """Return where the characters end that begin within the first MAX_BYTES."""
    end = min(stop, start + MAX_BYTES)
    while end < stop and 0x80 <= data[end] < 0xC0:
        end += 1
    return end


@inlined
def _power(least: Any) -> Any:
    size = 64
    while size < least:
        size *= 2
    return size


@inlined
def _repetition(data: Any, offsets: Any, table: Any, room: Any, work: Any, out: Any) -> None:
    # Two lines, or units, have a byte between them, or one of them is a character of three bytes.
    room = room // 2 + 2
    keys = np.empty(_power(2 * room), np.uint64)
    counts = np.empty(keys.size, np.int32)
    times = np.empty(_power(4 * room), np.uint16)
    hashes = np.empty(room, np.uint64)
    rolled = np.empty(room, np.uint64)
    sizes = np.empty(room, np.int32)
    part_sizes = np.empty(room, np.int32)
    live = np.empty(room, np.int32)
    slots = np.empty(room, np.int32)
    for row in range(offsets.size - 1):
        start, stop = offsets[row], _last_byte(data, offsets[row], offsets[row + 1])
        lines, parts = pieces(data, start, stop, table, hashes, sizes, rolled, part_sizes)
        _repeats(hashes, sizes, lines, keys, work, out[row, 0:4])
        _repeats(rolled, part_sizes, parts, keys, work, out[row, 4:8])
        found = units(data, start, stop, table, hashes, sizes)
        out[row, 8] = sizes[found - 1] if found else 0
        _ngrams(hashes, sizes, found, rolled, live, slots, times, keys, counts, work, out[row])


def repetition(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the counts (rows, fields), columns in the order of FIELDS.

    A piece is repeated from its second occurrence on. A character is repeated if it lies in the
    second or a later occurrence of an n-gram (Rae et al. 2021, table A1: each counted once).
    """
    out = np.zeros((offsets.size - 1, len(FIELDS)), np.int64)
    _repetition(data, offsets, NARROW, scratch_chars(offsets), np.zeros(2, np.int64), out)
    return out
