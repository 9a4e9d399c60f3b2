"""Where n-grams repeat, exactly: by tables of their hashes, and by chains of places.

For each place the last one before it with the same n-gram is known, or -1. With one more unit that
is the first, on the chain of such places, that is followed by the same unit: no hash, no table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined

__all__ = ["cleared", "covered_chars", "followed", "linked", "relinked", "rolled_on", "slot"]

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)


@inlined
def cleared(keys: Any, wanted: Any) -> Any:
    """Free enough slots of `keys` for `wanted` values, at most half full; return log2 of them."""
    bits = 4
    while 1 << bits < 2 * wanted:
        bits += 1
    keys[: 1 << bits] = 0
    return bits


@inlined
def slot(keys: Any, bits: Any, key: Any, work: Any) -> Any:
    """Return where `key` stands or may be put. 0 marks a free slot; keys are never 0.

    The highest bits of a key choose the slot; each that other keys hold adds to work[1].
    """
    at = np.int64(key >> np.uint64(64 - bits))
    while keys[at] != _ZERO and keys[at] != key:
        at = (at + 1) & ((1 << bits) - 1)
        work[1] += 1
    return at


@inlined
def rolled_on(value: Any, following: Any) -> Any:
    """Return the hash of an n-gram from that of its first n - 1 units and that of its last."""
    value = value * _MULTIPLIER + following
    return (value ^ (value >> np.uint64(32))) * _MIXER


@inlined
def linked(
    rolled: Any, live: Any, left: Any, earlier: Any, again: Any, keys: Any, lasts: Any, work: Any
) -> None:
    """Write to `earlier` the last place before each of `live` whose n-gram has the same hash.

    `again` tells of both that their n-gram repeats.
    """
    bits = cleared(keys, left)
    for k in range(left):
        i = live[k]
        key = rolled[i] | _ONE
        at = slot(keys, bits, key, work)
        place = np.int64(lasts[at]) if keys[at] != _ZERO else np.int64(-1)
        keys[at], lasts[at], earlier[i] = key, i, place
        again[i] = place >= 0
        if place >= 0:
            again[place] = 1


@inlined
def _same(hashes: Any, one: Any, other: Any, count: Any) -> Any:
    for k in range(count):  # noqa: SIM110 - Numba compiles no generators
        if hashes[one + k] != hashes[other + k]:
            return False
    return True


@inlined
def followed(
    hashes: Any, count: Any, live: Any, left: Any, size: Any, more: Any, earlier: Any, again: Any,
    work: Any,
) -> Any:  # fmt: skip
    """Bring `earlier` from n-grams of `size` units to those of `more` more; tell if it is done.

    It is not where chains are so long that work would not stay linear.
    """
    # From the last place on: those before it still have what they had.
    steps, limit = 0, 8 * left + 64
    for k in range(left - 1, -1, -1):
        i, place = np.int64(live[k]), np.int64(-1)
        if i + size + more <= count:
            place = np.int64(earlier[i])
            while place >= 0 and not _same(hashes, place + size, i + size, more):
                place = np.int64(earlier[place])
                steps += 1
                if steps > limit:
                    return False
        earlier[i] = place
        if place >= 0:
            again[i] = 1
            again[place] = 1
    work[1] += steps
    return True


@inlined
def relinked(
    hashes: Any, count: Any, rolled: Any, live: Any, left: Any, size: Any, earlier: Any,
    again: Any, keys: Any, lasts: Any, work: Any,
) -> Any:  # fmt: skip
    """Do by a table what `followed` did not; return how many places can have so long n-grams."""
    kept = 0
    for k in range(left):
        i = np.int64(live[k])
        again[i] = 0
        if i + size <= count:
            live[kept] = i
            kept += 1
            rolled[i] = hashes[i]
            for following in range(i + 1, i + size):
                rolled[i] = rolled_on(rolled[i], hashes[following])
    linked(rolled, live, kept, earlier, again, keys, lasts, work)
    work[0] += kept
    return kept


@inlined
def covered_chars(live: Any, left: Any, size: Any, earlier: Any, again: Any, borders: Any) -> Any:
    """Return the characters in n-grams that occurred before, each counted once, and how many places
    stay in `live`: those whose n-gram repeats.

    borders[i] is the number of characters before unit `i`.
    """
    covered, chars, kept = np.int64(0), np.int64(0), 0
    for k in range(left):
        i = np.int64(live[k])
        # Without branches: half of them would be guessed wrong.
        seen = np.int64(earlier[i] >= 0)
        chars += seen * (borders[i + size] - borders[max(i, covered)])
        covered = i + size if seen else covered
        live[kept] = i
        kept += again[i]
        again[i] = 0
    return chars, kept
