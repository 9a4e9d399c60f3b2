"""Which documents normalisation has to look at: one pass over the bytes, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.cache import njit
from skypile.kernels.normal_table import (
    CLASS_MASK,
    FULL_WIDTH,
    GARBLED,
    LOST,
    MARK,
    RECOMPOSED,
    code_table,
    gbk_pairs,
    mark_classes,
)
from skypile.kernels.suspects import (
    ampersand_mask,
    odd_mask,
    rare_mask,
    space_end_mask,
    suspect_mask,
    wide_form_mask,
)
from skypile.kernels.vectors import WINDOW, trailing_zeros

__all__ = [
    "AMPERSANDS", "CLEAN", "COMPOSE", "ENTITY", "REPAIR", "SPACE_ENDS", "WIDE_FORMS", "code_at",
    "misread_byte", "scan",
]  # fmt: skip

_LOST_CODE = 0xFFFD
# What a document needs, as bits.
CLEAN, COMPOSE, REPAIR, ENTITY = 1, 2, 4, 8
# What is looked for besides, as bits.
SPACE_ENDS, AMPERSANDS, WIDE_FORMS = 1, 2, 4
# U+0080 to U+009F as Windows-1252 shows them, where it does (WHATWG Encoding, windows-1252).
_CP1252 = np.array(
    [ord(bytes((byte,)).decode("cp1252", "ignore") or chr(byte)) for byte in range(0x80, 0xA0)],
    np.int64,
)


@njit
def code_at(data: Any, at: Any) -> Any:
    """Return the code point that begins at `at`, and where the next one does."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, at + 1
    second = np.int64(data[at + 1]) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | second, at + 2
    third = np.int64(data[at + 2]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | second << 6 | third, at + 3
    return (lead & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[at + 3]) & 0x3F, at + 4


@njit
def misread_byte(code: Any) -> Any:
    """Return the byte from 0x80 on that Latin-1 or Windows-1252 shows as `code`, or -1."""
    if code < 0x80 or code > 0x2122:
        return -1
    if code <= 0xFF:
        return code
    for number in range(_CP1252.size):
        if _CP1252[number] == code:
            return 0x80 + number
    return -1


@njit
def _misread(data: Any, at: Any, end: Any, lead: Any) -> Any:
    """Tell whether bytes follow that make a UTF-8 sequence with the lead byte `lead`."""
    needed = 1 if lead < 0xE0 else (2 if lead < 0xF0 else 3)
    while needed and at < end:
        code, at = code_at(data, at)
        byte = misread_byte(code)
        if byte < 0x80 or byte > 0xBF:
            return False
        needed -= 1
    return needed == 0


@njit
def _garbled(data: Any, code: Any, at: Any, end: Any, pairs: Any) -> Any:
    """Tell whether `code` and the character at `at` may be bytes of UTF-8 that were read as GBK.

    Two bytes of the first one, then the last of its character and the first of another one.
    """
    first = pairs[code]
    if at >= end or first & 0xC0 != 0x80:
        return False
    following, _ = code_at(data, at)
    if following < 0x80 or following == _LOST_CODE:
        return following == 0x3F or following == _LOST_CODE
    pair = pairs[following] if following < pairs.size else 0
    low = pair & 0xFF
    return pair >> 14 == 2 and (low < 0x80 or low >= 0xC2)


@njit
def _mark_before(data: Any, begin: Any, at: Any, classes: Any) -> Any:
    """Return the combining class of the character before `at`, 0 at the beginning."""
    if at == begin:
        return np.uint8(0)
    at -= 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    code, _ = code_at(data, at)
    return classes[code]


@njit
def _runs(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Return the length of the run of one character (three bytes) that begins at `at`, 0 within."""
    first, second, third = data[at], data[at + 1], data[at + 2]
    inside = at - begin >= 3 and data[at - 3] == first
    if inside and data[at - 2] == second and data[at - 1] == third:
        return 0
    size = 1
    at += 3
    while at + 3 <= end and data[at] == first and data[at + 1] == second and data[at + 2] == third:
        size += 1
        at += 3
    return size


@njit
def _look(
    data: Any, begin: Any, end: Any, at: Any, table: Any, classes: Any, pairs: Any, lost: Any
) -> Any:
    """Return what the character at `at` asks for, as bits; count in `lost` what is lost there."""
    code, behind = code_at(data, at)
    kind = table[code]
    needs = 0
    if kind & CLASS_MASK and kind & CLASS_MASK != FULL_WIDTH:
        needs |= CLEAN
        if 0x80 <= code <= 0x9F:
            needs |= REPAIR
    if kind & RECOMPOSED:
        needs |= COMPOSE
    if kind & MARK and _mark_before(data, begin, at, classes) > classes[code]:
        needs |= COMPOSE
    latin = 0xC2 <= code <= 0xF4 and _misread(data, behind, end, code)
    if latin or (kind & GARBLED and _garbled(data, code, behind, end, pairs)):
        needs |= REPAIR
    if kind & LOST:
        lost[0] += 1
    elif code == 0x951F:  # 锟斤拷: two U+FFFD in UTF-8, read as GBK
        if behind + 6 <= end:
            second, third = code_at(data, behind)[0], code_at(data, behind + 3)[0]
            lost[1] += 3 * (second == 0x65A4 and third == 0x62F7)
    elif code == 0x70EB or code == 0x5C6F:  # 烫 and 屯: memory never written, read as GBK
        size = _runs(data, begin, end, at)
        lost[1] += size * (size >= 3)
    return needs


@njit
def _extra(data: Any, at: Any, end: Any, table: Any, wanted: Any) -> Any:
    """Return what an ASCII byte or a full-width form asks for by the options `wanted`."""
    byte = data[at]
    if byte == 0x26:  # the mask has looked at the byte behind it, which may be the next text's
        return ENTITY if wanted & AMPERSANDS and at + 1 < end else 0
    if byte == 0x20 or byte == 0x09:
        return CLEAN if wanted & SPACE_ENDS else 0
    if byte == 0xEF and wanted & WIDE_FORMS:
        code, _ = code_at(data, at)
        return CLEAN if table[code] & CLASS_MASK == FULL_WIDTH else 0
    return 0


@njit
def _scan(
    data: Any, moved: Any, offsets: Any, first: Any, last: Any, table: Any, classes: Any,
    pairs: Any, wanted: Any, needs: Any, lost: Any,
) -> None:  # fmt: skip
    """Scan the windows from `first` to `last`; byte i of the text is data[i - moved]."""
    row = np.searchsorted(offsets, first, side="right") - 1
    for window in range(first, last, WINDOW):
        at = window - moved
        rare = odd_mask(data, at) and rare_mask(data, at)
        bits = suspect_mask(data, at) if rare else np.uint64(0)
        if wanted:
            if wanted & SPACE_ENDS:
                bits |= space_end_mask(data, at)
            if wanted & AMPERSANDS:
                bits |= ampersand_mask(data, at)
            if wanted & WIDE_FORMS:
                bits |= wide_form_mask(data, at)
        while bits:
            at = window + trailing_zeros(bits)
            bits &= bits - np.uint64(1)
            if at >= last:
                break
            while offsets[row + 1] <= at:
                row += 1
            begin, end = max(offsets[row] - moved, 0), offsets[row + 1] - moved
            needs[row] |= _look(data, begin, end, at - moved, table, classes, pairs, lost[row])
            if wanted:
                needs[row] |= _extra(data, at - moved, end, table, wanted)


def scan(
    texts: pa.StringArray | pa.LargeStringArray, wanted: int = 0
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return what each text needs (n,), as bits, and the characters lost in it (n, 2).

    Lost are U+FFFD; and 锟斤拷 and runs of three and more of 烫 or 屯. The texts are read where
    they lie, but for the last bytes, which are copied to where 64 more can be read.
    """
    rows = len(texts)
    needs, lost = np.zeros(rows, np.uint8), np.zeros((rows, 2), np.int64)
    data, offsets = _in_place(texts)
    if rows == 0 or offsets[-1] == offsets[0]:
        return needs, lost
    begin, end = int(offsets[0]), int(offsets[-1])
    # Whole windows that end so early that a mask may read on behind them.
    safe = begin + max(0, (end - begin - PADDING_BYTES) // WINDOW) * WINDOW
    tables = code_table(), mark_classes(), gbk_pairs()
    _scan(data, 0, offsets, begin, safe, *tables, wanted, needs, lost)
    # The rest is looked at with the two characters before it, for marks and for runs.
    moved = max(begin, safe - 8)
    tail = np.zeros(end - moved + PADDING_BYTES, np.uint8)
    tail[: end - moved] = data[moved:end]
    tail.flags.writeable = False  # one type for both calls
    _scan(tail, moved, offsets, safe, end, *tables, wanted, needs, lost)
    if wanted & SPACE_ENDS:
        filled = np.flatnonzero(np.diff(offsets))
        ends = data[offsets[filled + 1] - 1]
        needs[filled[(ends == 0x20) | (ends == 0x09)]] |= CLEAN
    return needs, lost


def _in_place(
    texts: pa.StringArray | pa.LargeStringArray,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the bytes of the array's own buffer, and the borders of the values in it."""
    large = pa.types.is_large_string(texts.type)
    _, borders, values = texts.buffers()
    kind = np.dtype(np.int64 if large else np.int32)
    if borders is None or values is None or len(texts) == 0:
        return np.zeros(0, np.uint8), np.zeros(len(texts) + 1, np.int64)
    offsets = np.frombuffer(borders, kind, len(texts) + 1, texts.offset * kind.itemsize)
    return np.frombuffer(values, np.uint8), offsets.astype(np.int64)
