"""What repeats within a document: its lines, paragraphs and units, each as a 64-bit hash.

A unit is one CJK character, or as much of a word (``skypile.text.words``) as stands between such.
`narrow` holds the characters of the document (``skypile.kernels.narrow``), with line ends behind
the last. `text` is what is hashed, as bytes: `narrow` itself where all is ASCII (`width` 1), the
code points elsewhere (`width` 4).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined
from skypile.kernels.chars import CLASS_MASK, SPACE
from skypile.kernels.narrow import BYTE_KINDS, cjk_mask, code_at, newline_mask, space_mask
from skypile.kernels.vectors import WINDOW, eight_bytes, high_mask, trailing_zeros

__all__ = ["pieces", "units"]

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)


@inlined
def _folded(value: Any, eight: Any) -> Any:
    value = (value ^ eight) * _MULTIPLIER
    return value ^ (value >> np.uint64(29))


@inlined
def _first_bytes(text: Any, at: Any, size: Any) -> Any:
    """Return the first `size` bytes, 0 to 8 of them, as a number."""
    # In two steps, since a shift by 64 is undefined.
    half = np.uint64(32 - 4 * size)
    return (eight_bytes(text, at) << half) << half


@inlined
def _hash(text: Any, start: Any, stop: Any) -> Any:
    """Return the hash of text[start:stop]; four sums in parallel where that is long."""
    size = stop - start
    value = np.uint64(size) * _MIXER
    if size > 32:
        # Sums that start or end alike would cancel each other out in text with a period.
        one, two, three = value + _MIXER, ~value, value ^ _MULTIPLIER
        while size >= 32:
            value = _folded(value, eight_bytes(text, start))
            one = _folded(one, eight_bytes(text, start + 8))
            two = _folded(two, eight_bytes(text, start + 16))
            three = _folded(three, eight_bytes(text, start + 24))
            start += 32
            size -= 32
        value = _folded(_folded(value * _MIXER, one) * _MIXER, two)
        value = _folded(value * _MIXER, three)
    while size > 16:
        value = _folded(value, eight_bytes(text, start))
        start += 8
        size -= 8
    value = _folded(value, _first_bytes(text, start, min(size, 8)))
    return _folded(value, _first_bytes(text, start + 8, max(size - 8, 0)))


@inlined
def _is_space(narrow: Any, i: Any) -> Any:
    return BYTE_KINDS[narrow[i]] & CLASS_MASK == SPACE


@inlined
def pieces(
    text: Any, width: Any, narrow: Any, count: Any,
    lines: Any, line_chars: Any, parts: Any, part_chars: Any,
) -> Any:  # fmt: skip
    """Write hash and size of every line that is not blank, and of every paragraph of such lines.

    Without the spaces at both ends of lines. Returns how many of each.
    """
    line_count, part_count, first, part, size = 0, 0, 0, _ZERO, 0
    for at in range(0, count + 1, WINDOW):
        ends = newline_mask(narrow, at)
        while ends != _ZERO and first <= count:
            start, stop = first, at + trailing_zeros(ends)
            first = stop + 1
            ends &= ends - _ONE
            last = stop >= count
            while start < stop and _is_space(narrow, start):
                start += trailing_zeros(~space_mask(narrow, start))
            while stop > start and _is_space(narrow, stop - 1):
                stop -= 1
            if stop > start:
                lines[line_count] = _hash(text, width * start, width * stop) | _ONE
                line_chars[line_count] = stop - start
                part = _folded(part + _MIXER, lines[line_count])
                size += stop - start
                line_count += 1
            if size and (stop <= start or last):
                parts[part_count], part_chars[part_count] = part | _ONE, size
                part, size = _ZERO, 0
                part_count += 1
    return line_count, part_count


@inlined
def _unit_hash(
    text: Any, width: Any, codes: Any, narrow: Any, start: Any, stop: Any, wide: Any
) -> Any:
    """Return the hash of a unit, of its code points if it has one alone or is not all ASCII."""
    if stop - start == 1:
        return _folded(_ZERO, np.uint64(code_at(codes, narrow, start)))
    if wide:
        return _hash(text, width * start, width * stop)
    return _hash(narrow, start, stop)


@inlined
def units(
    text: Any, width: Any, codes: Any, narrow: Any, count: Any, hashes: Any, borders: Any
) -> Any:
    """Write each unit's hash and the number of characters before it; return how many units.

    Both arrays have room for one more than there can be; the last of `borders` is the number of
    all characters but spaces.
    """
    found, chars, start, wide = 0, 0, -1, False
    inside, part = _ZERO, _ZERO
    borders[0] = 0
    for at in range(0, count + 1, WINDOW):
        word, cjk = ~space_mask(narrow, at), cjk_mask(narrow, at)
        high = high_mask(narrow, at) & word
        starts = word & (cjk | ~((word & ~cjk) << _ONE | part))
        stops = (word << _ONE | inside) & (starts | ~word)
        inside, part = word >> np.uint64(63), (word & ~cjk) >> np.uint64(63)
        while stops != _ZERO:
            before = stops ^ (stops - _ONE)
            if start < 0:
                start = at + trailing_zeros(starts)
                starts &= starts - _ONE
            stop = at + trailing_zeros(stops)
            stops &= stops - _ONE
            wide |= high & (before >> _ONE) != _ZERO
            high &= ~(before >> _ONE)
            hashes[found] = _unit_hash(text, width, codes, narrow, start, stop, wide)
            chars += stop - start
            found += 1
            borders[found] = chars
            start, wide = -1, False
        if starts != _ZERO:
            start = at + trailing_zeros(starts)
        wide |= high != _ZERO
    return found
