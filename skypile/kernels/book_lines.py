"""What the lines and words of scanned or typeset books look like where they are no prose.

A line ends at U+000A; blank lines do not count, and spaces at both ends are cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.chars import (
    ASCII_LETTER,
    CLASS_MASK,
    DIGIT,
    HAN,
    KINDS,
    LATIN,
    LETTER,
    SPACE,
    decode,
)  # fmt: skip
from skypile.kernels.counts import scratch_chars

__all__ = ["BOOK_FIELDS", "book_counts"]

BOOK_FIELDS = (
    "lines", "hyphens", "page_numbers", "contents", "index", "words", "lone_letters", "han",
    "lone_han",
)  # fmt: skip
MAX_PAGE_CHARS = 16  # of a line that holds nothing but the number of a page
MAX_ENTRY_CHARS = 120  # of an entry in a table of contents or an index
MIN_LEADERS = 3  # dots, or spaces, between an entry and its page

_DOT, _MIDDLE_DOT, _ELLIPSIS, _UNDERLINE = 0x2E, 0xB7, 0x2026, 0x5F
_HYPHEN, _DASH, _COMMA = 0x2D, 0x2013, 0x2C


@njit
def _digit(kind: Any) -> Any:
    return kind & CLASS_MASK == DIGIT


@njit
def _roman(code: Any) -> Any:
    """Tell whether `code` is a small Roman numeral: i, v, x, l, c, d, m."""
    return code in (0x69, 0x76, 0x78, 0x6C, 0x63, 0x64, 0x6D)


@njit
def _number_before(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Return where the page number that ends at `stop` begins; `stop` where there is none.

    One to four digits, or up to eight small Roman numerals.
    """
    at = stop
    while at > start and _digit(kinds[at - 1]):
        at -= 1
    if at < stop:
        return at if stop - at <= 4 else stop
    while at > start and _roman(codes[at - 1]):
        at -= 1
    glued = at > start and kinds[at - 1] & LETTER
    return stop if glued or stop - at > 8 else at


@njit
def _page_number(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is a page number, with signs, `page` or 第 and 页 around it or not."""
    if stop - start > MAX_PAGE_CHARS:
        return False
    while stop > start and not kinds[stop - 1] & LETTER and not _digit(kinds[stop - 1]):
        stop -= 1
    if stop > start and codes[stop - 1] in (0x9875, 0x9801):
        stop -= 1
        while stop > start and kinds[stop - 1] & CLASS_MASK == SPACE:
            stop -= 1
    begin = _number_before(codes, kinds, start, stop)
    if begin == stop:
        return False
    letters = 0
    for at in range(start, begin):
        letters += kinds[at] & LETTER != 0
    if letters == 4:
        at = start
        while not kinds[at] & LETTER:
            at += 1
        small = codes[at] | 0x20, codes[at + 1] | 0x20, codes[at + 2] | 0x20, codes[at + 3] | 0x20
        return small == (0x70, 0x61, 0x67, 0x65)
    return letters == 0 or (letters == 1 and codes[start] in (0x70, 0x7B2C))


@njit
def _contents(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is a title, at least three leaders, and a page number."""
    at = _number_before(codes, kinds, start, stop)
    if at == stop or stop - start > MAX_ENTRY_CHARS:
        return False
    leaders, spaces = 0, 0
    while at > start:
        code = codes[at - 1]
        if code in (_DOT, _MIDDLE_DOT, _UNDERLINE):
            leaders += 1
        elif code == _ELLIPSIS:
            leaders += 3
        elif code == 0x09:
            spaces += MIN_LEADERS
        elif kinds[at - 1] & CLASS_MASK == SPACE:
            spaces += 1
        else:
            break
        at -= 1
    return at > start and max(leaders, spaces) >= MIN_LEADERS


@njit
def _index_entry(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is words, a comma, and page numbers: `tides, 12, 45-6`."""
    if stop - start > MAX_ENTRY_CHARS or not kinds[start] & LETTER:
        return False
    while stop > start and codes[stop - 1] in (_DOT, _COMMA, 0x3B):
        stop -= 1
    at, numbers = stop, 0
    while True:
        begin = at
        while begin > start and _digit(kinds[begin - 1]):
            begin -= 1
        if begin == at or at - begin > 4 or begin - start < 3:
            return False
        numbers += 1
        at = begin
        if codes[at - 1] in (_HYPHEN, _DASH):
            at -= 1
            continue
        if kinds[at - 1] & CLASS_MASK != SPACE or codes[at - 2] not in (_COMMA, 0xFF0C):
            return False
        at -= 2
        if not _digit(kinds[at - 1]):
            return kinds[at - 1] & LETTER != 0 and numbers > 0


@njit
def _small(code: Any) -> Any:
    return 0x61 <= code <= 0x7A


@njit
def _words(codes: Any, kinds: Any, count: Any, out: Any) -> None:
    """Count words, those of one letter but `a`, `A`, `I`, `O`; Han characters, and lone ones."""
    for at in range(count):
        group = kinds[at] & CLASS_MASK
        if group == SPACE:
            continue
        first = at == 0 or kinds[at - 1] & CLASS_MASK == SPACE
        last = at + 1 == count or kinds[at + 1] & CLASS_MASK == SPACE
        out[5] += first
        if group == HAN:
            out[7] += 1
            out[8] += first and last
        elif group == LATIN and first and last and kinds[at] & ASCII_LETTER:
            out[6] += codes[at] not in (0x61, 0x41, 0x49, 0x4F)


@njit
def _lines(codes: Any, kinds: Any, count: Any, out: Any) -> None:
    broken, start = False, 0  # whether the last line ended within a word
    while start < count:
        stop = start
        while stop < count and codes[stop] != 0x0A:
            stop += 1
        first, last = start, stop
        while first < last and kinds[first] & CLASS_MASK == SPACE:
            first += 1
        while last > first and kinds[last - 1] & CLASS_MASK == SPACE:
            last -= 1
        start = stop + 1
        if first == last:
            continue
        out[0] += 1
        out[1] += broken and _small(codes[first])
        broken = last - first > 1 and codes[last - 1] == _HYPHEN and _small(codes[last - 2])
        out[2] += _page_number(codes, kinds, first, last)
        out[3] += _contents(codes, kinds, first, last)
        out[4] += _index_entry(codes, kinds, first, last)


@njit
def _book_counts(data: Any, offsets: Any, table: Any, room: Any, out: Any) -> None:
    codes = np.empty(room, np.uint32)
    kinds = np.empty(room, np.uint32)
    for row in range(offsets.size - 1):
        count = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        _lines(codes, kinds, count, out[row])
        _words(codes, kinds, count, out[row])


def book_counts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the counts (rows, BOOK_FIELDS) of texts in valid UTF-8, of their first 8 MiB.

    Lines; those broken within a word (the last letters before a hyphen, and a small letter after
    it); page numbers alone; entries of tables of contents, and of indexes. Words; those of one
    letter. Han characters, and those with spaces on both sides.
    """
    out = np.zeros((offsets.size - 1, len(BOOK_FIELDS)), np.int64)
    _book_counts(data, offsets, KINDS, scratch_chars(offsets), out)
    return out
