"""Lines of prose and lines of programs: what tells a page from a listing.

A page on programming holds code, and a program holds comments, so shares of signs and words over a
whole document say little. Here comments, fenced blocks and markup are set aside, and each other
line is prose, code or neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit, uncounted
from skypile.kernels.chars import CLASS_MASK, DIGIT, KINDS, LETTER, SPACE, decode
from skypile.kernels.code_lines import (
    at,
    has_pair,
    hash_comment,
    keyword_line,
    letter_counts,
    markup_line,
    opens_block,
    prose_line,
    quoted_line,
    scan_quotes,
    slash_comment,
    solid_chars,
    starts_code,
    thrice,
)

__all__ = ["FIELDS", "HEAD_BYTES", "listing_counts"]

# What a document is shows in its first pages.
HEAD_BYTES = 1 << 14

FIELDS = (
    "solid", "bare", "bare_lines", "prose", "code", "code_lines", "comment", "hash", "hash_lines",
    "quoted", "markup", "heads", "names", "scopes", "quotes", "math", "foreign", "ends", "starts",
    "keywords", "indented",
)  # fmt: skip
(
    SOLID, BARE, BARE_LINES, PROSE, CODE, CODE_LINES, COMMENT, HASH, HASH_LINES,
    QUOTED, MARKUP, HEADS, NAMES, SCOPES, QUOTES, MATH, FOREIGN, ENDS, STARTS,
    KEYWORD_LINES, INDENTED,
) = range(len(FIELDS))  # fmt: skip

_HEAD_LETTERS = 4

# What is open between lines, by the character that opened it: nothing, a comment by `/*`, a fence,
# a string of triple quotes.
_OUTSIDE, _COMMENT, _BACKTICKS, _TILDES, _DOUBLE, _SINGLE = 0, 0x2A, 0x60, 0x7E, 0x22, 0x27


@inlined
def _sign(codes: Any, kinds: Any, i: Any, start: Any, stop: Any, out: Any) -> Any:
    """Count the sign at `i`; tell whether prose would not have it."""
    code = codes[i]
    before = np.int64(codes[i - 1]) if i > start else np.int64(0x20)
    after = at(codes, i + 1, stop)
    named = i > start and (
        kinds[i - 1] & LETTER != 0 or kinds[i - 1] & CLASS_MASK == DIGIT or before == 0x5F
    )
    letter = i + 1 < stop and kinds[i + 1] & LETTER != 0
    if code == 0x28:  # a call; not open(2), nor word(s)
        plural = after == 0x73 and at(codes, i + 2, stop) == 0x29
        return named and not plural and not 0x30 <= after <= 0x39
    if code == 0x3D:  # any but the first of `==`
        return before != 0x3D
    if code == 0x3E:
        return before == 0x2D
    if code == 0x3A:
        scope = after == 0x3A and before != 0x3A
        out[SCOPES] += scope
        return scope
    if code == 0x26 or code == 0x7C:
        return after == code and before != code
    if code == 0x5F:
        digit = i + 1 < stop and kinds[i + 1] & CLASS_MASK == DIGIT
        out[NAMES] += named and (letter or digit)
    elif code == 0x24:  # closes a formula; `$name` opens none
        closes = named or before == 0x29 or before == 0x7D or before == 0x27
        out[MATH] += closes and not letter and after != 0x7B and after != 0x5F
    elif code == 0x22:
        out[QUOTES] += 1
    elif 0x41 <= code <= 0x5A:
        out[NAMES] += 0x61 <= before <= 0x7A
    return False


@uncounted
def _bare_line(
    codes: Any, kinds: Any, first: Any, start: Any, stop: Any, solid: Any, out: Any
) -> None:
    """Count the line at codes[start:stop], spaces and comments cut off; it began at `first`."""
    letters, foreign, capital = letter_counts(codes, kinds, start, stop)
    out[BARE] += solid
    out[BARE_LINES] += 1
    out[FOREIGN] += foreign
    out[INDENTED] += codes[first] == 0x09 or (codes[first] == 0x20 and codes[first + 1] == 0x20)
    keyword = keyword_line(codes, start, stop)
    if prose_line(codes, kinds, start, stop, solid, keyword):
        out[PROSE] += solid
        return
    if markup_line(codes, kinds, start, stop):
        out[MARKUP] += solid
        return
    if capital and letters >= _HEAD_LETTERS:
        out[HEADS] += start == first
        return
    last = codes[stop - 1]
    opens, starts = opens_block(last), starts_code(codes, start, stop)
    if letters == 0 and solid > 1 and not opens and not starts:
        return  # a rule, a row of numbers
    signs = keyword or opens or starts
    for i in range(start, stop):
        signs |= _sign(codes, kinds, i, start, stop, out)
    out[KEYWORD_LINES] += keyword
    out[ENDS] += opens or last == 0x2C or last == 0x29 or last == 0x3A
    out[STARTS] += starts
    if signs:
        out[CODE] += solid
        out[CODE_LINES] += 1


@uncounted
def _open_line(
    codes: Any, kinds: Any, first: Any, start: Any, stop: Any, solid: Any, out: Any
) -> Any:
    """Count a line that lies in no comment, quote or fence; return the state behind it."""
    if thrice(codes, start, stop, 0x60):
        return _BACKTICKS
    if thrice(codes, start, stop, 0x7E):
        return _TILDES
    if slash_comment(codes, kinds, first, start, stop):
        out[COMMENT] += solid
        block = codes[start] == 0x2F and codes[start + 1] == 0x2A
        closed = not block or has_pair(codes, start + 2, stop, 0x2A, 0x2F)
        return _OUTSIDE if closed else _COMMENT
    state, end = scan_quotes(codes, kinds, start, stop, _OUTSIDE)
    if quoted_line(codes, start, stop, state):
        out[QUOTED] += solid
        return state
    if hash_comment(codes, kinds, start, stop):
        out[HASH] += solid
        out[HASH_LINES] += 1
        return _OUTSIDE
    if end < stop:
        comment = solid_chars(kinds, end, stop)
        out[COMMENT] += comment
        solid -= comment
        block = codes[end + 1] == 0x2A
        if block and not has_pair(codes, end + 2, stop, 0x2A, 0x2F):
            state = _COMMENT
    while kinds[end - 1] & CLASS_MASK == SPACE:
        end -= 1
    _bare_line(codes, kinds, first, start, end, solid, out)
    return state


@uncounted
def _line(codes: Any, kinds: Any, first: Any, start: Any, stop: Any, state: Any, out: Any) -> Any:
    """Count the line at codes[start:stop], spaces at its ends cut off; return the state behind."""
    solid = solid_chars(kinds, start, stop)
    out[SOLID] += solid
    if state == _OUTSIDE:
        return _open_line(codes, kinds, first, start, stop, solid, out)
    if state == _COMMENT:
        out[COMMENT] += solid
        return _OUTSIDE if has_pair(codes, start, stop, 0x2A, 0x2F) else state
    if state in (_DOUBLE, _SINGLE):
        out[QUOTED] += solid
        return scan_quotes(codes, kinds, start, stop, state)[0]
    return _OUTSIDE if thrice(codes, start, stop, state) else state


@njit
def _listing_counts(data: Any, offsets: Any, rows: Any, table: Any, room: Any, out: Any) -> None:
    codes = np.empty(room, np.uint32)
    kinds = np.empty(room, np.uint32)
    for place in range(rows.size):
        row = rows[place]
        stop = min(offsets[row + 1], offsets[row] + HEAD_BYTES)
        count = decode(data, offsets[row], stop, table, codes, kinds)
        state, first = _OUTSIDE, 0
        while first < count:
            last = first
            while last < count and codes[last] != 0x0A:
                last += 1
            start, end = first, last
            while start < end and kinds[start] & CLASS_MASK == SPACE:
                start += 1
            while end > start and kinds[end - 1] & CLASS_MASK == SPACE:
                end -= 1
            if start < end:
                state = _line(codes, kinds, first, start, end, state, out[place])
            first = last + 1


def listing_counts(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Return the counts (len(rows), fields) of these rows, columns in the order of FIELDS.

    Characters are those that are no spaces, of the first HEAD_BYTES; lines are those not blank.
    `solid`: all. `comment`: in `//` and `/* */`; `hash`, `hash_lines`: in lines that begin like
    comments with `#`, `--` and others; `quoted`: in lines of triple-quoted strings. What is in none
    of these, nor in fences, is `bare`, `bare_lines`; of these `foreign`: letters that are not
    Latin; `indented`: lines; `prose`: in lines of words; `markup`: in other lines of TeX,
    reStructuredText and Markdown's links; `heads`: other lines at the margin all in capitals.
    Of what is left, `code`, `code_lines`: lines with a sign of a program; `names`: snake_case and
    camelCase; `scopes`: `::`; `quotes`: `"`; `math`: `$` that close formulas; `ends`: lines that
    end in one of `;{}([,):`; `starts`: that begin like none of prose; `keywords`: with a keyword.
    """
    out = np.zeros((rows.size, len(FIELDS)), np.int64)
    longest = int(np.diff(offsets).max(initial=0))
    room = min(longest, HEAD_BYTES + 4)
    _listing_counts(data, offsets, rows, KINDS, room, out)
    return out
