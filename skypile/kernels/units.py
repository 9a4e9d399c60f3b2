"""What repeats within a document: its lines, paragraphs and units, each as a hash.

All are read straight from UTF-8. A unit is one CJK character, or as much of a word
(``skypile.text.words``) as stands between such. Strings are compared by 64-bit hashes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined
from skypile.kernels.chars import CLASS_MASK, SPACE, TOKEN_CJK
from skypile.kernels.narrow import BYTE_KINDS, newline_mask
from skypile.kernels.shingles import code_point
from skypile.kernels.vectors import (
    WINDOW,
    byte_mask,
    eight_bytes,
    high_mask,
    ones_count,
    trailing_zeros,
)

__all__ = ["pieces", "units"]

_ZERO, _ONE, _ALL = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
_TRIPLES = np.uint64(0x9249249249249249)

_space_mask = byte_mask((0x09, 0x0D), (0x1C, 0x20))
_rest_mask = byte_mask((0x80, 0xBF))
# U+4000-U+9FFF but U+4DC0-U+4DFF: all of it CJK, and most of what Chinese is written in.
_common_lead_mask = byte_mask((0xE4, 0xE9))
_hexagram_lead_mask = byte_mask((0xE4, 0xE4))
_hexagram_rest_mask = byte_mask((0xB7, 0xB7))


@inlined
def _folded(value: Any, eight: Any) -> Any:
    value = (value ^ eight) * _MULTIPLIER
    return value ^ (value >> np.uint64(29))


@inlined
def _first_bytes(data: Any, at: Any, size: Any) -> Any:
    """Return the first `size` bytes, 0 to 8 of them, as a number."""
    # In two steps, since a shift by 64 is undefined.
    half = np.uint64(32 - 4 * size)
    return (eight_bytes(data, at) << half) << half


@inlined
def _bytes_hash(data: Any, start: Any, stop: Any) -> Any:
    """Return the hash of data[start:stop]; four sums in parallel where that is long."""
    size = stop - start
    value = np.uint64(size) * _MIXER
    if size > 16:
        one, two, three = value, ~value, value ^ _MULTIPLIER
        while size >= 32:
            value = _folded(value, eight_bytes(data, start))
            one = _folded(one, eight_bytes(data, start + 8))
            two = _folded(two, eight_bytes(data, start + 16))
            three = _folded(three, eight_bytes(data, start + 24))
            start += 32
            size -= 32
        value = _folded(_folded(_folded(value, one), two), three)
        while size > 16:
            value = _folded(value, eight_bytes(data, start))
            start += 8
            size -= 8
    value = _folded(value, _first_bytes(data, start, min(size, 8)))
    return _folded(value, _first_bytes(data, start + 8, max(size - 8, 0)))


# --- lines and paragraphs ----------------------------------------------------------------------


@inlined
def _is_wide_space(data: Any, at: Any, table: Any) -> Any:
    code, _ = code_point(data, at)
    return BYTE_KINDS[table[code]] & CLASS_MASK == SPACE


@inlined
def _line_start(data: Any, start: Any, stop: Any, table: Any) -> Any:
    """Return where the line begins, its first spaces left out."""
    while start < stop:
        if data[start] < 0x80:
            spaces = trailing_zeros(~_space_mask(data, start))
            if spaces == 0:
                break
            start += spaces
        elif _is_wide_space(data, start, table):
            start += code_point(data, start)[1]
        else:
            break
    return min(start, stop)


@inlined
def _line_stop(data: Any, start: Any, stop: Any, table: Any) -> Any:
    """Return where the line ends, its last spaces left out."""
    while stop > start:
        last = stop - 1
        if data[last] < 0x80:
            if not (data[last] == 0x20 or 9 <= data[last] <= 13 or 28 <= data[last] <= 31):
                break
        else:
            while data[last] < 0xC0:
                last -= 1
            if not _is_wide_space(data, last, table):
                break
        stop = last
    return stop


@inlined
def _char_count(data: Any, start: Any, stop: Any) -> Any:
    rest = 0
    for at in range(start, stop, WINDOW):
        mask = _rest_mask(data, at)
        if stop - at < WINDOW:
            mask &= (_ONE << np.uint64(stop - at)) - _ONE
        rest += ones_count(mask)
    return stop - start - rest


@inlined
def pieces(
    data: Any, start: Any, stop: Any, table: Any,
    lines: Any, line_chars: Any, parts: Any, part_chars: Any,
) -> Any:  # fmt: skip
    """Write hash and size of every line that is not blank, and of every paragraph of such lines.

    Without the spaces at both ends of lines. `table` is that of the bytes of code points. Returns
    how many of each.
    """
    line_count, part_count, first, size = 0, 0, start, 0
    part, at, ends = _ZERO, start, newline_mask(data, start)
    while first <= stop:
        while ends == _ZERO and at + WINDOW < stop:
            at += WINDOW
            ends = newline_mask(data, at)
        last = min(at + trailing_zeros(ends), stop)
        ends &= ends - _ONE
        begin = _line_start(data, first, last, table)
        end = _line_stop(data, begin, last, table)
        if end > begin:
            lines[line_count] = _bytes_hash(data, begin, end) | _ONE
            line_chars[line_count] = _char_count(data, begin, end)
            part = _folded(part + _MIXER, lines[line_count])
            size += line_chars[line_count]
            line_count += 1
        if size and (end == begin or last >= stop):
            parts[part_count], part_chars[part_count] = part | _ONE, size
            part, size = _ZERO, 0
            part_count += 1
        first = last + 1
    return line_count, part_count


# --- units -------------------------------------------------------------------------------------


@inlined
def _ascii_units(
    data: Any, at: Any, size: Any, start: Any, rest: Any, hashes: Any, ends: Any, count: Any,
    chars: Any,
) -> Any:  # fmt: skip
    """Append the units that end among `size` ASCII bytes; return the open one and the counts.

    The open unit has `rest` bytes that begin no character.
    """
    keep = _ALL >> np.uint64(WINDOW - size)
    word = ~_space_mask(data, at) & keep
    before = word << _ONE | np.uint64(start >= 0)
    starts, stops = word & ~before, before & ~word & keep
    if start >= 0 and stops != _ZERO:
        stop = at + trailing_zeros(stops)
        stops &= stops - _ONE
        hashes[count] = _bytes_hash(data, start, stop)
        chars += stop - start - rest
        ends[count] = chars
        count += 1
        start = -1
    while stops != _ZERO:
        start, stop = at + trailing_zeros(starts), at + trailing_zeros(stops)
        starts &= starts - _ONE
        stops &= stops - _ONE
        hashes[count] = _bytes_hash(data, start, stop)
        chars += stop - start
        ends[count] = chars
        count += 1
        start = -1
    if starts != _ZERO:
        start = at + trailing_zeros(starts)
    return start, count, chars


@inlined
def _common_run(data: Any, at: Any, stop: Any) -> Any:
    """Return how many of the next characters, up to 21, are CJK ones of three common bytes."""
    leads = _common_lead_mask(data, at)
    leads &= ~(_hexagram_lead_mask(data, at) & _hexagram_rest_mask(data, at + 1))
    return min(trailing_zeros(leads ^ _TRIPLES) * 171 >> 9, (stop - at + 2) // 3)


@inlined
def _common_units(
    data: Any, at: Any, run: Any, hashes: Any, ends: Any, count: Any, chars: Any
) -> None:
    for k in range(run):
        bytes_ = eight_bytes(data, at + 3 * k) & np.uint64(0xFFFFFF)
        hashes[count + k] = _folded(_ZERO, bytes_)
        ends[count + k] = chars + k + 1


@inlined
def units(data: Any, start: Any, stop: Any, table: Any, hashes: Any, ends: Any) -> Any:
    """Write each unit's hash and the number of characters up to its end; return how many.

    `table` is that of the bytes of code points. Both arrays have room for half of the bytes, and
    two.
    """
    at, opened, rest, count, chars = start, -1, 0, 0, 0
    while at < stop:
        size = min(trailing_zeros(high_mask(data, at)), stop - at)
        if size:
            opened, count, chars = _ascii_units(
                data, at, size, opened, rest, hashes, ends, count, chars
            )
            rest = rest if opened >= 0 and opened < at else 0
            at += size
            continue
        run = _common_run(data, at, stop)
        code, size = code_point(data, at)
        kind = np.uint32(TOKEN_CJK) if run else BYTE_KINDS[table[code]]
        cjk, space = kind & TOKEN_CJK != 0, kind & CLASS_MASK == SPACE
        if opened >= 0 and (cjk or (space and not cjk)):
            hashes[count] = _bytes_hash(data, opened, at)
            chars += at - opened - rest
            ends[count] = chars
            count += 1
            opened, rest = -1, 0
        if cjk:
            if run == 0:
                hashes[count] = _folded(
                    _ZERO, eight_bytes(data, at) & ~(_ALL << np.uint64(8 * size))
                )
                ends[count] = chars + 1
                run = 1
            else:
                _common_units(data, at, run, hashes, ends, count, chars)
                size = 3 * run
            count += run
            chars += run
        elif not space:
            opened = at if opened < 0 else opened
            rest += size - 1
        at += size
    if opened >= 0:
        hashes[count] = _bytes_hash(data, opened, stop)
        chars += stop - opened - rest
        ends[count] = chars
        count += 1
    return count
