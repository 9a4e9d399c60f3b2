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

from skypile.kernels.cache import inlined, njit
from skypile.kernels.counts import scratch_chars
from skypile.kernels.narrow import NARROW, ROOM, narrowed
from skypile.kernels.repeats import (
    cleared,
    covered_chars,
    followed,
    linked,
    relinked,
    rolled_on,
    slot,
)  # fmt: skip
from skypile.kernels.units import pieces, units
from skypile.kernels.vectors import ones_count, trailing_zeros

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
# N-grams at the last places may be looked at beyond the end.
_SPARE = 16
# Where a number in the table of counts stays.
_MANY = 0xFF


# --- exact counts ------------------------------------------------------------------------------


@inlined
def _repeats(hashes: Any, sizes: Any, count: Any, keys: Any, work: Any, out: Any) -> None:
    """Fill `out` with pieces, those said before, their characters, those of pieces said before."""
    bits = cleared(keys, count)
    out[0] = count
    for i in range(count):
        at = slot(keys, bits, hashes[i], work)
        out[2] += sizes[i]
        if keys[at] == _ZERO:
            keys[at] = hashes[i]
        else:
            out[1] += 1
            out[3] += sizes[i]


# --- counts of hashes --------------------------------------------------------------------------


@inlined
def _bucket_bits(wanted: Any) -> Any:
    bits = 6
    while 1 << bits < 4 * wanted:
        bits += 1
    return bits


@inlined
def _counted_pairs(hashes: Any, count: Any, slots: Any, times: Any) -> None:
    """Count the pairs of units at all places; slots[i] is where that at `i` is in `times`."""
    bits = _bucket_bits(count)
    times[: 1 << bits] = 0
    for i in range(count):
        slot = rolled_on(hashes[i], hashes[i + 1]) >> np.uint64(64 - bits)
        slots[i] = slot
        times[slot] += times[slot] != _MANY


@inlined
def _counted(
    hashes: Any, rolled: Any, alive: Any, count: Any, size: Any, slots: Any, times: Any, work: Any
) -> None:
    """Count the n-grams of 3 or 4 units at the places whose bits are set in `alive`."""
    wanted = np.int64(0)
    for word in range(_words(count)):
        wanted += ones_count(alive[word])
    work[0] += wanted
    bits = _bucket_bits(wanted)
    times[: 1 << bits] = 0
    for word in range(_words(count)):
        places = alive[word]
        while places != _ZERO:
            i = word * 64 + trailing_zeros(places)
            places &= places - _ONE
            first = rolled_on(hashes[i], hashes[i + 1]) if size == 3 else rolled[i]
            rolled[i] = rolled_on(first, hashes[i + size - 1])
            slot = rolled[i] >> np.uint64(64 - bits)
            slots[i] = slot
            times[slot] += times[slot] != _MANY


@inlined
def _words(count: Any) -> Any:
    return (count + 63) >> 6


@inlined
def _repeated(alive: Any, count: Any, slots: Any, times: Any) -> Any:
    """Leave of `alive` the places whose number is over 1; return the highest number."""
    most = np.int64(1)
    for word in range(_words(count)):
        places, again = alive[word], _ZERO
        while places != _ZERO:
            place = trailing_zeros(places)
            places &= places - _ONE
            number = np.int64(times[slots[word * 64 + place]])
            most = number if number > most else most
            again |= np.uint64(number > 1) << np.uint64(place)
        alive[word] = again
    return most


@inlined
def _repeated_pairs(alive: Any, count: Any, slots: Any, times: Any) -> Any:
    """Set in `alive` the bits of the places whose number is over 1; return the highest number."""
    most = np.int64(1)
    for word in range(_words(count)):
        again = _ZERO
        for i in range(word * 64, min(word * 64 + 64, count)):
            number = np.int64(times[slots[i]])
            most = number if number > most else most
            again |= np.uint64(number > 1) << np.uint64(i & 63)
        alive[word] = again
    return most


@inlined
def _listed(alive: Any, count: Any, slots: Any, times: Any, least: Any, live: Any) -> Any:
    """Write the places in `alive` whose number is `least` or more; return how many."""
    found = 0
    for word in range(_words(count)):
        places = alive[word]
        while places != _ZERO:
            i = word * 64 + trailing_zeros(places)
            places &= places - _ONE
            live[found] = i
            found += times[slots[i]] >= least
    return found


@inlined
def _ngram(hashes: Any, rolled: Any, i: Any, size: Any) -> Any:
    return rolled_on(hashes[i], hashes[i + 1]) if size == 2 else rolled[i]


@inlined
def _most_frequent(
    hashes: Any, rolled: Any, live: Any, found: Any, size: Any, keys: Any, counts: Any, work: Any
) -> Any:
    """Return how often the most frequent n-gram at `live` occurs there, and its first place."""
    bits, best, place = cleared(keys, found), np.int64(1), np.int64(0)
    for k in range(found):
        key = _ngram(hashes, rolled, live[k], size) | _ONE
        at = slot(keys, bits, key, work)
        counts[at] = 1 if keys[at] == _ZERO else counts[at] + 1
        keys[at] = key
        best = max(best, np.int64(counts[at]))
    for k in range(found):
        at = slot(keys, bits, _ngram(hashes, rolled, live[k], size) | _ONE, work)
        if counts[at] == best:
            place = np.int64(live[k])
            break
    return best, place


@inlined
def _top_chars(
    hashes: Any, rolled: Any, alive: Any, count: Any, size: Any, most: Any, slots: Any, times: Any,
    borders: Any, keys: Any, counts: Any, live: Any, work: Any,
) -> Any:  # fmt: skip
    """Return count x characters of the most frequent n-gram (the first of several), or 0.

    `most` is the highest of the numbers of those in `alive`. An n-gram may occur less often than
    its number says: then those of lower numbers are looked at too, once.
    """
    if most == 1:
        return 0
    found = _listed(alive, count, slots, times, most, live)
    best, place = _most_frequent(hashes, rolled, live, found, size, keys, counts, work)
    work[0] += found
    if best < most:
        found = _listed(alive, count, slots, times, max(best, 2), live)
        best, place = _most_frequent(hashes, rolled, live, found, size, keys, counts, work)
        work[0] += found
    return best * (borders[place + size] - borders[place]) if best > 1 else 0


@inlined
def _with_next(alive: Any, count: Any) -> None:
    """Leave of `alive` the places behind which the next one is in it too."""
    words = _words(count)
    for word in range(words):
        behind = alive[word + 1] << np.uint64(63) if word + 1 < words else _ZERO
        alive[word] &= alive[word] >> _ONE | behind


# --- all sizes ---------------------------------------------------------------------------------


@inlined
def _small_ngrams(
    hashes: Any, borders: Any, count: Any, rolled: Any, live: Any, slots: Any, alive: Any,
    times: Any, keys: Any, counts: Any, work: Any, out: Any,
) -> Any:  # fmt: skip
    """Fill `out` for the top n-grams; return at how many places, in `live`, 4-grams may repeat."""
    places = count - 1
    if places <= 0:
        return 0
    work[0] += places
    _counted_pairs(hashes, places, slots, times)
    most = _repeated_pairs(alive, places, slots, times)
    for size in range(2, 5):
        out[_TOP_AT + size - 2] = _top_chars(
            hashes,
            rolled,
            alive,
            places,
            size,
            most,
            slots,
            times,
            borders,
            keys,
            counts,
            live,
            work,
        )
        if most == 1 or size == 4:
            break
        _with_next(alive, places)
        _counted(hashes, rolled, alive, places, size + 1, slots, times, work)
        most = _repeated(alive, places, slots, times)
    return _listed(alive, places, slots, times, 2, live) if most > 1 else 0


@inlined
def _ngrams(
    hashes: Any, borders: Any, count: Any, rolled: Any, live: Any, slots: Any, alive: Any,
    times: Any, earlier: Any, again: Any, keys: Any, counts: Any, work: Any, out: Any,
) -> None:  # fmt: skip
    """Fill `out` for all sizes; the places looked at are added to work[0]."""
    left = _small_ngrams(
        hashes, borders, count, rolled, live, slots, alive, times, keys, counts, work, out
    )
    linked(rolled, live, left, earlier, again, keys, counts, work)
    for number in range(_SIZES.size):
        size = _SIZES[number]
        work[0] += left
        out[_DUP_AT + number], left = covered_chars(live, left, size, earlier, again, borders)
        if left == 0 or number + 1 == _SIZES.size:
            return
        more = _SIZES[number + 1] - size
        if not followed(hashes, count, live, left, size, more, earlier, again, work):
            left = relinked(
                hashes, count, rolled, live, left, size + more, earlier, again, keys, counts, work
            )


@inlined
def _power(least: Any) -> Any:
    size = 64
    while size < least:
        size *= 2
    return size


@inlined
def _document(
    text: Any, codes: Any, width: Any, narrow: Any, count: Any, scratch: Any, work: Any, out: Any
) -> None:
    keys, counts, times, hashes, rolled, sizes, part_sizes, live, slots, alive, again = scratch
    lines, parts = pieces(text, width, narrow, count, hashes, sizes, rolled, part_sizes)
    _repeats(hashes, sizes, lines, keys, work, out[0:4])
    _repeats(rolled, part_sizes, parts, keys, work, out[4:8])
    found = units(text, width, codes, narrow, count, hashes, sizes)
    out[8] = sizes[found]
    _ngrams(
        hashes, sizes, found, rolled, live, slots, alive, times, part_sizes, again, keys, counts,
        work, out,
    )  # fmt: skip


@njit
def _repetition(data: Any, offsets: Any, table: Any, room: Any, work: Any, out: Any) -> None:
    codes = np.empty(room + ROOM, np.uint32)
    narrow = np.empty(room + ROOM, np.uint8)
    bytes_ = codes.view(np.uint8)
    # Two lines, or units, have a byte between them, or one of them is a character of three bytes.
    room = room // 2 + 2 + _SPARE
    keys = np.empty(_power(2 * room), np.uint64)
    scratch = (
        keys, np.empty(keys.size, np.int32), np.empty(_power(4 * room), np.uint8),
        np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.int32),
        np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32),
        np.empty(room // 64 + 1, np.uint64), np.zeros(room, np.uint8),
    )  # fmt: skip
    for row in range(offsets.size - 1):
        count, plain = narrowed(data, offsets[row], offsets[row + 1], table, codes, narrow)
        text, width = (narrow, 1) if plain else (bytes_, 4)
        _document(text, codes, width, narrow, count, scratch, work, out[row])


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
