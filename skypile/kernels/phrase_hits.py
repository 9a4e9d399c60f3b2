"""Where phrases of boilerplate and gambling stand in a document.

A phrase may begin with an ASCII letter or digit, or with a character that a kind of its own marks
(``skypile.kernels.narrow``). What a filter of a kilobyte lets through is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined
from skypile.kernels.chars import CLASS_MASK, SPACE
from skypile.kernels.narrow import BYTE_KINDS, code_at, latin_mask, wide_phrase_mask
from skypile.kernels.phrases import BOILERPLATE, GAMBLING, PHRASES, SLOTS
from skypile.kernels.search_masks import byte_mask
from skypile.kernels.vectors import WINDOW, eight_bytes, trailing_zeros

__all__ = ["phrase_hits"]

_ZERO, _ONE, _LOW6 = np.uint64(0), np.uint64(1), np.uint64(63)

# One bit for each hash of the first three bytes of phrases, set 0x20 in each.
_MIXER, _FILTER_SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - 13)
_THREE_BYTES, _SMALL = np.uint64(0xFFFFFF), np.uint64(0x202020)


def _start_filter() -> npt.NDArray[np.uint64]:
    bits = np.zeros((1 << 13) // 64, np.uint64)
    for phrase in BOILERPLATE + GAMBLING:
        if phrase[0].isascii():
            assert phrase[:3].isascii()
            first = int.from_bytes(phrase[:3].encode(), "little") | int(_SMALL)
            place = (first * int(_MIXER) & (1 << 64) - 1) >> int(_FILTER_SHIFT)
            bits[place >> 6] |= np.uint64(1 << (place & 63))
    return bits


_STARTS = _start_filter()
_digit_starts = {phrase[0] for phrase in BOILERPLATE + GAMBLING if phrase[0] in "0123456789"}
_digit_mask = byte_mask(*((ord(digit), ord(digit)) for digit in sorted(_digit_starts)))
_SLOTS, _ENTRIES = PHRASES
# One bit for each slot in use.
_PAIRS = np.packbits(_SLOTS >= 0, bitorder="little").view(np.uint64)


@inlined
def _lowered(code: Any) -> Any:
    return code + 32 if 65 <= code <= 90 else code


@inlined
def _matches(codes: Any, narrow: Any, i: Any, at: Any) -> Any:
    for k in range(_ENTRIES[at]):
        if _lowered(code_at(codes, narrow, i + k)) != _ENTRIES[at + 2 + k]:
            return False
    return True


@inlined
def _slot(codes: Any, narrow: Any, i: Any) -> Any:
    first, second = code_at(codes, narrow, i), code_at(codes, narrow, i + 1)
    return (_lowered(first) * 31 + _lowered(second)) & (SLOTS - 1)


@inlined
def _phrase_at(codes: Any, narrow: Any, i: Any) -> Any:
    """Return where among the entries the longest phrase stands that begins at `i`, or -1."""
    at = _SLOTS[_slot(codes, narrow, i)]
    while at >= 0 and _ENTRIES[at]:
        if _matches(codes, narrow, i, at):
            return at
        at += _ENTRIES[at] + 2
    return -1


@inlined
def _likely(narrow: Any, at: Any, starts: Any) -> Any:
    """Return those of `starts` that pass the filter of ASCII phrases."""
    found = _ZERO
    while starts != _ZERO:
        place = trailing_zeros(starts)
        first = eight_bytes(narrow, at + place) & _THREE_BYTES | _SMALL
        hashed = (first * _MIXER) >> _FILTER_SHIFT
        bit = _STARTS[hashed >> np.uint64(6)] >> (hashed & _LOW6) & _ONE
        found |= bit << np.uint64(place)
        starts &= starts - _ONE
    return found


@inlined
def _likely_wide(codes: Any, narrow: Any, at: Any, starts: Any) -> Any:
    """Return those of `starts` that pass the filter of the other phrases."""
    found = _ZERO
    while starts != _ZERO:
        place = trailing_zeros(starts)
        slot = np.uint64(_slot(codes, narrow, at + place))
        bit = _PAIRS[slot >> np.uint64(6)] >> (slot & _LOW6) & _ONE
        found |= bit << np.uint64(place)
        starts &= starts - _ONE
    return found


@inlined
def phrase_hits(codes: Any, narrow: Any, count: Any, plain: Any, hits: Any, out: Any) -> Any:
    """Write where boilerplate begins to `hits`, and return how often.

    Adds the characters, but spaces, of gambling terms to out[0], and the terms as bits to out[1].
    Of phrases that overlap the first counts, of those at one place the longest. One that begins
    with a Latin letter does so only where no such letter stands before. `plain` tells that all
    characters are ASCII. `hits` has room for half of the characters.
    """
    found, resume, latin_before = 0, 0, _ZERO
    for at in range(0, count, WINDOW):
        latin = latin_mask(narrow, at)
        starts = latin & ~(latin << _ONE | latin_before)
        latin_before = latin >> np.uint64(63)
        likely = _likely(narrow, at, starts | _digit_mask(narrow, at))
        if not plain:
            likely |= _likely_wide(codes, narrow, at, wide_phrase_mask(narrow, at))
        while likely != _ZERO:
            i = at + trailing_zeros(likely)
            likely &= likely - _ONE
            entry = _phrase_at(codes, narrow, i) if i >= resume else -1
            if entry < 0:
                continue
            resume = i + _ENTRIES[entry]
            if _ENTRIES[entry + 1] == 0:
                hits[found] = i
                found += 1
                continue
            out[1] |= np.int64(1) << np.int64(_ENTRIES[entry + 1])
            for k in range(i, resume):
                out[0] += BYTE_KINDS[narrow[k]] & CLASS_MASK != SPACE
    return found
