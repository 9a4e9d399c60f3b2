"""Characters that nobody sees taken out, and line ends made one: texts rewritten as bytes.

What an invisible character means depends on its neighbours; "before" is the last character that
was written, "behind" the next one that is seen. A text that was rewritten is not changed again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.normal_scan import code_at
from skypile.kernels.normal_table import (
    BIDI,
    CLASS_MASK,
    CONTROL,
    FULL_WIDTH,
    JOINER,
    LINE_END,
    SELECTOR,
    SOFT_HYPHEN,
    TAG,
    ZERO_WIDTH,
    code_table,
)

__all__ = ["CONTROLS", "COUNTS", "DIRECTIONS", "LINES", "SPACES", "WIDTHS", "ZEROS", "cleaned"]

# What is rewritten, as bits of `wanted`; COUNTS are the columns of what is counted.
CONTROLS, DIRECTIONS, LINES, SPACES, WIDTHS, ZEROS = 1, 2, 4, 8, 16, 32
COUNTS = ("control", "bidi", "line_end", "trailing_space", "full_width", "zero_width")

# Classes of what readers see, a line end included.
_SEEN = (0, LINE_END, FULL_WIDTH)
# By class: what must be wanted for it, and the column in which it is counted.
_NEEDED = np.array(
    [0, CONTROLS, LINES, DIRECTIONS, ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, ZEROS, WIDTHS], np.int64
)
_COLUMN = np.array([0, 0, 2, 1, 5, 5, 5, 5, 5, 5, 4], np.int64)

_LF, _TAB, _BLANK, _CR = 0x0A, 0x09, 0x20, 0x0D


@njit
def _joins(code: Any) -> Any:
    """Tell whether joiners mean something beside `code`: Arabic, Indic and the like."""
    return (
        0x0600 <= code <= 0x109F
        or 0x1700 <= code <= 0x18AF
        or 0x1900 <= code <= 0x1CFF
        or 0xA800 <= code <= 0xAAFF
        or 0xFB50 <= code <= 0xFDFF
        or 0xFE70 <= code <= 0xFEFC
        or 0x10A00 <= code <= 0x11FFF
        or 0x1E900 <= code <= 0x1E95F
    )


@njit
def _spaceless(code: Any) -> Any:
    """Tell whether `code` is of a script that parts words by U+200B: Thai to Khmer, Balinese."""
    return 0x0E00 <= code <= 0x109F or 0x1780 <= code <= 0x17FF or 0x1950 <= code <= 0x1CFF


@njit
def _pictures(code: Any) -> Any:
    """Tell whether `code` may be a part of an emoji sequence (Unicode Technical Standard 51)."""
    return (
        (code >= 0x1F000 and code <= 0x1FAFF)
        or 0x2190 <= code <= 0x27BF
        or 0x2900 <= code <= 0x2BFF
        or code == 0xA9
        or code == 0xAE
        or 0x203C <= code <= 0x2139
        or 0x3030 <= code <= 0x3299
    )


@njit
def _rightward(data: Any, at: Any, end: Any) -> Any:
    """Tell whether a letter of a script written from the right stands in data[at:end]."""
    while at < end:
        code, at = code_at(data, at)
        if 0x0590 <= code <= 0x08FF and code != 0x061C:
            return True
        if 0xFB1D <= code <= 0xFDCF or 0xFDF0 <= code <= 0xFDFF or 0xFE70 <= code <= 0xFEFC:
            return True
        if 0x10800 <= code <= 0x10FFF or 0x1E800 <= code <= 0x1EEFF:
            return True
    return False


@njit
def _behind(data: Any, at: Any, end: Any, table: Any) -> Any:
    """Return the next code point that is seen (a line end is), or LF, and where it begins."""
    while at < end:
        code, after = code_at(data, at)
        kind = table[code] & CLASS_MASK
        if kind in _SEEN:
            return code, at
        at = after
    return np.int64(_LF), end


@njit
def _gap(code: Any) -> Any:
    return code in (_BLANK, _TAB)


@njit
def _blank(code: Any) -> Any:
    return _gap(code) or code in (_LF, _CR)


@njit
def _letter(code: Any) -> Any:
    return 0x61 <= (code | 0x20) <= 0x7A


@njit
def _hyphen(before: Any, direct: Any) -> Any:
    """Tell whether a soft hyphen was meant as a hyphen, since it does not part a word.

    Behind a space and before a letter or digit (an option of a command), between a letter and a
    digit, and at the end of a line, the one place where readers saw it.
    """
    digit = 0x30 <= direct <= 0x39
    if _blank(before):
        return digit or _letter(direct)
    return _letter(before) and (digit or direct in (_LF, _CR))


@njit
def _stays(kind: Any, code: Any, last: Any, last_kind: Any, before: Any, behind: Any) -> Any:
    """Tell whether an invisible character means something where it stands."""
    if kind == JOINER:
        if last_kind == JOINER:
            return False
        emoji = code == 0x200D and _pictures(before) and _pictures(behind)
        return emoji or _joins(before) or _joins(behind)
    if kind == ZERO_WIDTH:
        return last_kind != ZERO_WIDTH and (_spaceless(before) or _spaceless(behind))
    if kind == SELECTOR:
        # Behind what has variants: signs, ideographs, and the digits of keycaps.
        if last_kind != 0:
            return False
        signs = last == 0x23 or last == 0x2A or 0x30 <= last <= 0x39
        return signs or (last >= 0xA9 and last != 0x3000 and not 0x2000 <= last <= 0x200A)
    return kind == TAG and (last == 0x1F3F4 or last_kind == TAG)


@njit
def _put(out: Any, size: Any, data: Any, at: Any, after: Any) -> Any:
    for place in range(at, after):
        out[size] = data[place]
        size += 1
    return size


@njit
def _trimmed(out: Any, begin: Any, size: Any, counts: Any) -> Any:
    """Return `size` without the spaces and tabs at the end of out[begin:size]; count them."""
    while size > begin and (out[size - 1] == _BLANK or out[size - 1] == _TAB):
        size -= 1
        counts[3] += 1
    return size


@njit
def _soft_hyphen(data: Any, after: Any, end: Any, last: Any, wanted: Any) -> Any:
    """Return what to write for a soft hyphen: itself, a hyphen, or nothing (-1).

    It stays where it stands alone between spaces, as in a table of characters.
    """
    direct = code_at(data, after)[0] if after < end else np.int64(_LF)
    if _gap(last) and _gap(direct) and not wanted & SPACES:
        return np.int64(0xAD)
    return np.int64(0x2D) if _hyphen(last, direct) else np.int64(-1)


@njit
def _direction(data: Any, after: Any, end: Any, last: Any, rightward: Any, wanted: Any) -> Any:
    """Tell whether a directional character goes: no letter written from the right is there."""
    following = np.int64(data[after]) if after < end else np.int64(_LF)
    alone = _gap(last) and _gap(following) and not wanted & SPACES
    return not rightward and not alone


@njit
def _shown(
    data: Any, begin: Any, after: Any, end: Any, kind: Any, code: Any, last: Any, last_kind: Any,
    before: Any, memo: Any, table: Any, wanted: Any,
) -> Any:  # fmt: skip
    """Return what to write for a character that is not plain: itself, ASCII, or nothing (-1).

    `memo` holds whether a letter from the right is in the text (-1: not yet looked for), up to
    where what stands behind is known, and what that is: so that runs are looked over once.
    """
    if kind == LINE_END:
        return np.int64(_LF)
    if kind == FULL_WIDTH:
        return code - 0xFEE0
    if kind == SOFT_HYPHEN:
        return _soft_hyphen(data, after, end, last, wanted)
    if kind == BIDI:
        if memo[0] < 0:
            memo[0] = _rightward(data, begin, end)
        stays = not _direction(data, after, end, last, memo[0], wanted)
    else:
        if after > memo[1]:
            memo[2], memo[1] = _behind(data, after, end, table)
        stays = kind != CONTROL and _stays(kind, code, last, last_kind, before, memo[2])
    return code if stays else np.int64(-1)


@njit
def _clean(
    data: Any, begin: Any, end: Any, table: Any, wanted: Any, out: Any, start: Any, counts: Any
) -> Any:
    """Write data[begin:end], cleaned, to out[start:]; return where it ends there."""
    size, at = start, begin
    last, last_kind, before = np.int64(_LF), np.uint8(0), np.int64(_LF)
    memo = np.full(3, -1, np.int64)
    while at < end:
        lead = data[at]
        if 0x20 <= lead < 0x7F:
            out[size] = lead
            size += 1
            at += 1
            last, last_kind, before = np.int64(lead), np.uint8(0), np.int64(lead)
            continue
        code, after = code_at(data, at)
        kind = table[code] & CLASS_MASK
        shown = code
        if kind and wanted & _NEEDED[kind]:
            shown = _shown(
                data, begin, after, end, kind, code, last, last_kind, before, memo, table, wanted
            )
            counts[_COLUMN[kind]] += shown != code
            after += kind == LINE_END and code == _CR and after < end and data[after] == _LF
        if shown == _LF and wanted & SPACES:
            size = _trimmed(out, start, size, counts)
        if shown == code:
            size = _put(out, size, data, at, after)
            last, last_kind = code, kind
            before = code if kind in _SEEN else before
        elif shown >= 0:
            out[size] = shown
            size += 1
            last, last_kind, before = shown, np.uint8(0), shown
        at = after
    return _trimmed(out, start, size, counts) if wanted & SPACES else size


@njit
def _cleaned(
    data: Any, offsets: Any, table: Any, wanted: Any, out: Any, ends: Any, counts: Any
) -> None:
    size = 0
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        size = _clean(data, begin, end, table, wanted, out, size, counts[row])
        ends[row + 1] = size


def cleaned(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], wanted: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the texts rewritten as `wanted` says, their borders, and what was done to each.

    out uint8, ends int64 (n + 1), counts int64 (n, COUNTS). No text becomes longer.
    """
    rows = offsets.size - 1
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends, counts = np.zeros(rows + 1, np.int64), np.zeros((rows, len(COUNTS)), np.int64)
    _cleaned(data, offsets, code_table(), wanted, out, ends, counts)
    return out[: ends[-1]], ends, counts
