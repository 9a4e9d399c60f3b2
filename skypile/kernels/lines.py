"""Statistics of lines. A line ends at U+000A; blank lines do not count.

Unless said otherwise a line is looked at without the spaces at both of its ends. `narrow` holds
the characters of a document (``skypile.kernels.narrow``), with line ends behind the last.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined
from skypile.kernels.chars import (
    BULLET,
    CJK_PUNCT,
    CLASS_MASK,
    CODE_END,
    DASH_BULLET,
    ELLIPSIS,
    SPACE,
    TERMINAL,
)  # fmt: skip
from skypile.kernels.narrow import BYTE_KINDS, newline_mask, space_mask
from skypile.kernels.vectors import WINDOW, ones_count, trailing_zeros

__all__ = ["CHROME_CHARS", "LONG_LINE_CHARS", "SHORT_LINE_CHARS", "line_counts"]

# Chinese navigation has lines of up to 10 characters (rules of MAP-NEO and ChineseWebText),
# English of up to 30 (FineWeb).
SHORT_LINE_CHARS = 10
LONG_LINE_CHARS = 30
# A longer line is content: an article that comes as one line is neither chrome nor a teaser.
CHROME_CHARS = 100

_ZERO, _ONE = np.uint64(0), np.uint64(1)


@inlined
def _is_space(narrow: Any, i: Any) -> Any:
    return BYTE_KINDS[narrow[i]] & CLASS_MASK == SPACE


@inlined
def _starts_code(one: Any, two: Any) -> Any:
    """Tell whether the line begins with `//`, `/*`, `*/`, `}`, `@` or `#` and a small letter."""
    slash, star = one == 0x2F, one == 0x2A
    comment = (slash | star) & (two == 0x2F) | slash & (two == 0x2A)
    return comment | (one == 0x7D) | (one == 0x40) | (one == 0x23) & (two >= 97) & (two <= 122)


@inlined
def _shape(narrow: Any, first: Any, start: Any, stop: Any, out: Any) -> None:
    """Count what the line at [start:stop], without the spaces from `first` on, looks like."""
    # No branch depends on what stands in the line: one that is guessed wrong costs more than all.
    size, head, last = stop - start, BYTE_KINDS[narrow[start]], BYTE_KINDS[narrow[stop - 1]]
    inner = size > 1
    two = narrow[start + 1] if inner else np.uint8(0)
    spaced = inner & (BYTE_KINDS[two] & CLASS_MASK == SPACE)
    dashed = head & DASH_BULLET != 0
    dots = (narrow[stop - 1] == 0x2E) & (narrow[max(stop - 2, 0)] == 0x2E)
    dots &= (narrow[max(stop - 3, 0)] == 0x2E) & (size >= 3)
    indent = (narrow[first] == 0x20) & (narrow[first + 1] == 0x20) | (narrow[first] == 0x09)
    out[0] += 1
    out[1] += size
    out[2] = max(out[2], size)
    out[3] += size <= SHORT_LINE_CHARS
    out[4] += size <= LONG_LINE_CHARS
    out[5] += (dashed & spaced) | (~dashed & (head & BULLET != 0))
    out[6] += (size <= CHROME_CHARS) & ((last & ELLIPSIS != 0) | dots)
    out[7] += last & TERMINAL != 0
    out[9] += indent
    out[10] += last & CODE_END != 0
    out[14] += (size <= SHORT_LINE_CHARS) & (last & CLASS_MASK < CJK_PUNCT)
    out[15] += _starts_code(narrow[start], two)


@inlined
def _line(narrow: Any, first: Any, last: Any, hits: Any, hit: Any, out: Any) -> Any:
    """Count the line [first:last] and return the first of `hits` behind it, `hit` being in it."""
    start, stop = first, last
    while start < stop and _is_space(narrow, start):
        start += trailing_zeros(~space_mask(narrow, start))
    start = min(start, stop)
    while stop > start and _is_space(narrow, stop - 1):
        stop -= 1
    if stop > start:
        _shape(narrow, first, start, stop, out)
        out[8] += hits[hit] < stop and stop - start <= CHROME_CHARS
        while hits[hit] < stop:
            hit += 1
    return hit


@inlined
def line_counts(narrow: Any, count: Any, hits: Any, out: Any) -> None:
    """Fill `out` (17,), with 11 and 12 as `phrase_hits` left them, with these counts of lines that
    are not blank.

    Lines; their characters; characters of the longest; lines of up to 10 and up to 30 characters;
    that start with a bullet; of up to 100 characters that end in an ellipsis; that end in a
    terminal mark; of up to 100 characters with a boilerplate phrase; indented by a tab or two ASCII
    spaces and more; that end in one of `{};:),`. Characters in gambling terms, distinct terms as
    bits, and their number. Lines of up to 10 characters that do not end in punctuation; that begin
    like code. Line ends, of blank lines too. `hits` is where boilerplate begins, and `count`.
    """
    first, hit = 0, 0
    for at in range(0, count + 1, WINDOW):
        ends = newline_mask(narrow, at)
        if at + WINDOW > count + 1:
            ends &= ~_ZERO >> np.uint64(at + WINDOW - count - 1)
        out[16] += ones_count(ends)
        while ends != _ZERO:
            last = at + trailing_zeros(ends)
            hit = _line(narrow, first, last, hits, hit, out)
            first = last + 1
            ends &= ends - _ONE
    out[16] -= 1  # the one behind the last character
    out[13] = ones_count(np.uint64(out[12]) & ~_ONE)
