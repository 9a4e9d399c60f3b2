"""Statistics of lines. A line ends at U+000A; blank lines do not count.

Unless said otherwise a line is looked at without the spaces at both of its ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.chars import (
    BULLET,
    CJK_PUNCT,
    CLASS_MASK,
    CODE_END,
    CYRILLIC,
    DASH_BULLET,
    ELLIPSIS,
    LATIN,
    SPACE,
    TERMINAL,
)  # fmt: skip
from skypile.kernels.phrases import phrase_at

__all__ = ["CHROME_CHARS", "LONG_LINE_CHARS", "SHORT_LINE_CHARS", "line_counts"]

# Chinese navigation has lines of up to 10 characters (rules of MAP-NEO and ChineseWebText),
# English of up to 30 (FineWeb).
SHORT_LINE_CHARS = 10
LONG_LINE_CHARS = 30
# A longer line is content: an article that comes as one line is neither chrome nor a teaser.
CHROME_CHARS = 100


@njit
def _phrases(
    codes: Any, kinds: Any, start: Any, stop: Any, slots: Any, entries: Any, out: Any
) -> Any:
    """Add the gambling terms of the line to `out`; tell whether it has a boilerplate phrase."""
    boilerplate, inside = False, False
    i = start
    while i < stop:
        group = kinds[i] & CLASS_MASK
        at = -1
        if LATIN <= group < CYRILLIC and not (inside and group == LATIN):
            at = phrase_at(codes, i, stop, slots, entries)
        inside = group == LATIN
        if at < 0:
            i += 1
            continue
        tag = entries[at + 1]
        if tag:
            for k in range(i, i + entries[at]):
                out[11] += kinds[k] & CLASS_MASK != SPACE
            out[12] |= np.int64(1) << np.int64(tag)
        else:
            boilerplate = True
        i += entries[at]
        inside = kinds[i - 1] & CLASS_MASK == LATIN
    return boilerplate and stop - start <= CHROME_CHARS


@njit
def _bullet(kinds: Any, start: Any, stop: Any) -> Any:
    if kinds[start] & DASH_BULLET:
        return start + 1 < stop and kinds[start + 1] & CLASS_MASK == SPACE
    return kinds[start] & BULLET != 0


@njit
def _ellipsis(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    if kinds[stop - 1] & ELLIPSIS:
        return True
    dots = codes[stop - 1] == 0x2E and stop - start >= 3
    return dots and codes[stop - 2] == 0x2E and codes[stop - 3] == 0x2E


@njit
def _starts_code(codes: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line begins with `//`, `/*`, `*/`, `}`, `@` or `#` and a small letter."""
    one = codes[start]
    two = codes[start + 1] if start + 1 < stop else 0
    if one == 0x2F or one == 0x2A:
        return two == 0x2F or (one == 0x2F and two == 0x2A)
    return one == 0x7D or one == 0x40 or (one == 0x23 and 97 <= two <= 122)


@njit
def _shape(codes: Any, kinds: Any, start: Any, stop: Any, out: Any) -> None:
    """Count what the line at codes[start:stop], spaces at its ends cut off, looks like."""
    size, last = stop - start, kinds[stop - 1]
    out[0] += 1
    out[1] += size
    out[2] = max(out[2], size)
    out[3] += size <= SHORT_LINE_CHARS
    out[4] += size <= LONG_LINE_CHARS
    out[5] += _bullet(kinds, start, stop)
    out[6] += size <= CHROME_CHARS and _ellipsis(codes, kinds, start, stop)
    out[7] += last & TERMINAL != 0
    out[10] += last & CODE_END != 0
    out[14] += size <= SHORT_LINE_CHARS and last & CLASS_MASK < CJK_PUNCT
    out[15] += _starts_code(codes, start, stop)


@njit
def line_counts(codes: Any, kinds: Any, count: Any, slots: Any, entries: Any, out: Any) -> None:
    """Fill `out` (17,), zero before the call, with these counts of lines that are not blank.

    Lines; their characters; characters of the longest; lines of up to 10 and up to 30 characters;
    that start with a bullet; of up to 100 characters that end in an ellipsis; that end in a
    terminal mark; of up to 100 characters with a boilerplate phrase; indented by a tab or two ASCII
    spaces and more; that end in one of `{};:),`. Characters in gambling terms, distinct terms as
    bits, and their number. Lines of up to 10 characters that do not end in punctuation; that begin
    like code. Line ends, of blank lines too.
    """
    first = 0
    while first < count:
        last = first
        while last < count and codes[last] != 0x0A:
            last += 1
        out[16] += last < count
        start, stop = first, last
        while start < stop and kinds[start] & CLASS_MASK == SPACE:
            start += 1
        while stop > start and kinds[stop - 1] & CLASS_MASK == SPACE:
            stop -= 1
        if stop > start:
            _shape(codes, kinds, start, stop, out)
            out[8] += _phrases(codes, kinds, start, stop, slots, entries, out)
            out[9] += codes[first] == 0x09 or (codes[first] == 0x20 and codes[first + 1] == 0x20)
        first = last + 1
    for tag in range(1, 64):
        out[13] += out[12] >> tag & 1
