"""Statistics of source code: lines with their indentation, comments, letters, data in disguise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.chars import CLASS_MASK, CYRILLIC, DIGIT, KINDS, LATIN, SPACE, decode
from skypile.kernels.counts import scratch_chars

__all__ = ["FIELDS", "source_counts"]

FIELDS = (
    "lines", "chars", "line_max", "full_lines", "comment_lines", "data_chars", "solid", "letters",
    "digits", "lexemes", "visible", "minified",
)  # fmt: skip

# A run of so many letters, digits, `+` and `/` is an encoded blob, not a name.
_BLOB_CHARS = 80
# A line of so many characters with few spaces was written by a program.
_LONG_LINE_CHARS, _FEW_SPACES = 256, 16
# Shorter lines are not judged: `0, 0, 0,` may stand in any program.
_DATA_LINE_CHARS = 16


@njit
def _at(codes: Any, i: Any, stop: Any) -> Any:
    return np.int64(codes[i]) if i < stop else np.int64(0x0A)


@njit
def _opens_comment(codes: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line, whose first character that is no space stands at `start`, is one.

    `#` (before a space, another `#`, `!` or the end, so that `#include` and `#[test]` are none),
    `//`, `/*`, `*` (before a space, `/` or the end), `--`, `;;`, `%` (like `#`) and `<!--`.
    """
    first, second = _at(codes, start, stop), _at(codes, start + 1, stop)
    if first == 0x23 or first == 0x25:
        return second <= 0x21 or second == first
    if first == 0x2F:
        return second == 0x2F or second == 0x2A
    if first == 0x2A:
        return second <= 0x20 or second == 0x2F
    if first == 0x2D:
        return second == 0x2D and _at(codes, start + 2, stop) <= 0x20
    if first == 0x3B:
        return second == 0x3B
    dashes = _at(codes, start + 2, stop) == 0x2D and _at(codes, start + 3, stop) == 0x2D
    return first == 0x3C and second == 0x21 and dashes


@njit
def _has_pair(codes: Any, start: Any, stop: Any, first: Any, second: Any) -> Any:
    for i in range(start, stop - 1):  # noqa: SIM110 - Numba compiles no generators
        if codes[i] == first and codes[i + 1] == second:
            return True
    return False


@njit
def _triple_quotes(codes: Any, start: Any, stop: Any) -> Any:
    found, i = 0, start
    while i + 2 < stop:
        if codes[i] == 0x22 and codes[i + 1] == 0x22 and codes[i + 2] == 0x22:
            found += 1
            i += 3
        else:
            i += 1
    return found


@njit
def _comment(codes: Any, start: Any, stop: Any, state: Any) -> Any:
    """Return whether the line is a comment, and the state behind it.

    States: 0 outside, 1 within /* */, 2 within a triple-quoted string that began a line (a
    docstring, which counts as comment), 3 within another one.
    """
    if state == 1:
        return True, 0 if _has_pair(codes, start, stop, 0x2A, 0x2F) else 1
    odd = _triple_quotes(codes, start, stop) % 2 == 1
    if state >= 2:
        return state == 2, 0 if odd else state
    opens = start + 2 < stop and codes[start] == 0x22
    opens = opens and codes[start + 1] == 0x22 and codes[start + 2] == 0x22
    if odd:
        return opens, 2 if opens else 3
    if _opens_comment(codes, start, stop):
        block = codes[start] == 0x2F and _at(codes, start + 1, stop) == 0x2A
        return True, 1 if block and not _has_pair(codes, start + 2, stop, 0x2A, 0x2F) else 0
    return opens, 0


@njit
def _line_chars(codes: Any, kinds: Any, start: Any, stop: Any, out: Any) -> Any:
    """Add the line's solid characters, letters, digits and lexemes; return its data characters."""
    solid, letters, digits, names, run, blob = 0, 0, 0, 0, 0, 0
    inside = False
    for i in range(start, stop):
        group, code = kinds[i] & CLASS_MASK, codes[i]
        letter = group <= CYRILLIC and group != DIGIT and group != SPACE
        solid += group != SPACE
        letters += letter
        digits += group == DIGIT
        # Letters of hexadecimal numbers and of C's suffixes do not make a name.
        low = np.int64(code) | 32
        names += letter and not (97 <= low <= 102 or low == 108 or low == 117 or low == 120)
        part = letter or group == DIGIT or code == 0x5F
        out[9] += group != SPACE and not (part and inside)
        inside = part
        blobby = group in (LATIN, DIGIT) or code in (0x2B, 0x2F)
        run = run + 1 if blobby else 0
        blob += run if run == _BLOB_CHARS else run > _BLOB_CHARS
    out[6] += solid
    out[7] += letters
    out[8] += digits
    if solid >= _DATA_LINE_CHARS and digits * 10 >= solid * 3 and names * 10 <= solid:
        return solid
    return blob


@njit
def _minified(chars: Any, solid: Any) -> Any:
    """Return the solid characters of a line of so many characters where it is minified, else 0."""
    few = (chars - solid) * _FEW_SPACES <= chars
    return solid if chars >= _LONG_LINE_CHARS and few else 0


@njit
def _visible(codes: Any, kinds: Any, count: Any) -> Any:
    """Return how many characters, spaces aside, stand outside of <tags>."""
    found, inside = 0, False
    for i in range(count):
        if codes[i] == 0x3C:
            inside = True
        found += not inside and kinds[i] & CLASS_MASK != SPACE
        if codes[i] == 0x3E:
            inside = False
    return found


@njit
def _source_counts(data: Any, offsets: Any, table: Any, room: Any, out: Any) -> None:
    codes = np.empty(room, np.uint32)
    kinds = np.empty(room, np.uint32)
    for row in range(offsets.size - 1):
        count = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        counted = out[row]
        state, first = 0, 0
        while first < count:
            last = first
            while last < count and codes[last] != 0x0A:
                last += 1
            start = first
            while start < last and kinds[start] & CLASS_MASK == SPACE:
                start += 1
            counted[0] += 1
            counted[1] += last - first
            counted[2] = max(counted[2], last - first)
            if start < last:
                comment, state = _comment(codes, start, last, state)
                counted[3] += 1
                counted[4] += comment
                before = counted[6]
                counted[5] += _line_chars(codes, kinds, start, last, counted)
                counted[11] += _minified(last - first, counted[6] - before)
            first = last + 1
        counted[10] = _visible(codes, kinds, count)


def source_counts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the counts (rows, fields), columns in the order of FIELDS.

    `lines` and `chars` hold blank lines and indentation, `full_lines` are those not blank, `solid`
    characters those that are no spaces; a lexeme is a run of letters, digits and `_`, or any other
    solid character; `minified` are solid characters in lines of 256 characters and more, of which
    no more than a sixteenth are spaces.
    """
    out = np.zeros((offsets.size - 1, len(FIELDS)), np.int64)
    _source_counts(data, offsets, KINDS, scratch_chars(offsets), out)
    return out
