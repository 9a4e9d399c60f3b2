"""Text as one byte for each character, so that 64 characters make one vector.

An ASCII character is itself. Any other one is the number, from 0x80 on, of what it is: all code
points of one kind (``skypile.kernels.chars``) have one number. Numbers are given in such an order
that what the masks below look for lies in few ranges. Counting goes over these bytes; the code
points are looked at only where it matters which character it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined
from skypile.kernels.chars import (
    ASCII_LETTER,
    ASCII_PUNCT,
    CJK_PUNCT,
    CLASS_MASK,
    CYRILLIC,
    DIGIT,
    HAN,
    HANGUL,
    JOINT,
    KANA,
    KINDS,
    LATIN,
    LETTER,
    MARKS,
    MAX_BYTES,
    OTHER,
    SPACE,
    SYMBOL,
    TOKEN_CJK,
)  # fmt: skip
from skypile.kernels.phrases import BOILERPLATE, GAMBLING
from skypile.kernels.search_masks import byte_mask
from skypile.kernels.vectors import (  # fmt: skip
    WINDOW,
    code_points,
    copied_window,
    high_mask,
    trailing_zeros,
    triple_code_points,
)

__all__ = [
    "BYTE_KINDS", "NARROW", "PHRASE_START", "ROOM", "ascii_letter_mask", "cjk_mask", "code_at",
    "joint_mask", "latin_mask", "letter_mask", "mark_mask", "narrowed", "newline_mask",
    "punctuation_mask", "run_mask", "space_mask", "wide_phrase_mask",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Kinds = npt.NDArray[np.uint32]

# A character, not ASCII, with which one of the phrases begins. Beside the flags of kernels.chars.
PHRASE_START = 1 << 23
# Vectors are written whole: so much may be written behind the last character.
ROOM = 2 * WINDOW

_CLASS_ORDER = (SPACE, SYMBOL, CJK_PUNCT, DIGIT, OTHER, CYRILLIC, LATIN, HAN, KANA, HANGUL)


def _order(kind: int) -> tuple[int, ...]:
    group, marked = kind & CLASS_MASK, kind & MARKS != 0
    at = _CLASS_ORDER.index(group)
    if group == HAN:
        return (at, not marked, kind & PHRASE_START == 0, kind)
    if group in (SYMBOL, CJK_PUNCT):
        return (_CLASS_ORDER.index(SYMBOL), marked, kind)
    return (at, marked, kind)


def _numbers() -> tuple[Bytes, Kinds]:
    """Return the byte of each code point (2^21,) and the kind of each byte (256,)."""
    kinds = KINDS.copy()
    first = [ord(phrase[0]) for phrase in BOILERPLATE + GAMBLING if not phrase[0].isascii()]
    kinds[first] |= PHRASE_START
    # Runs of equal kinds, since sorting all the two million takes 0.2 s.
    borders = np.flatnonzero(kinds[0x81:] != kinds[0x80:-1]) + 0x81
    starts = np.concatenate([[0x80], borders])
    distinct, places = np.unique(kinds[starts], return_inverse=True)
    ordered = sorted(distinct.tolist(), key=_order)
    assert len(ordered) <= 0x80
    of_kind = np.array([0x80 + ordered.index(kind) for kind in distinct.tolist()], np.uint8)
    narrow = np.empty(kinds.size, np.uint8)
    narrow[:0x80] = np.arange(0x80)
    narrow[0x80:] = np.repeat(of_kind[places], np.diff(np.append(starts, kinds.size)))
    of_byte = np.full(256, SPACE, np.uint32)
    of_byte[:0x80] = kinds[:0x80]
    of_byte[0x80 : 0x80 + len(ordered)] = ordered
    for table in (narrow, of_byte):
        table.flags.writeable = False
    return narrow, of_byte


NARROW, BYTE_KINDS = _numbers()
_USED = int(NARROW.max()) + 1


def _mask(wanted: npt.NDArray[np.bool_]) -> Any:
    """Return the mask of the bytes for which `wanted` (256,) holds."""
    borders = np.flatnonzero(np.diff(wanted[:_USED].astype(np.int8), prepend=0, append=0))
    pairs = borders.reshape(-1, 2).tolist()
    # What no character has may belong to it or not: a range up to 0xFF is cheaper.
    return byte_mask(*((a, 0xFF if b == _USED else b - 1) for a, b in pairs))


_CLASSES = BYTE_KINDS & CLASS_MASK
_ASCII = np.arange(256) < 0x80

space_mask = _mask(_CLASSES == SPACE)
newline_mask = byte_mask((0x0A, 0x0A))
letter_mask = _mask(BYTE_KINDS & LETTER != 0)
ascii_letter_mask = _mask(BYTE_KINDS & ASCII_LETTER != 0)
cjk_mask = _mask(BYTE_KINDS & TOKEN_CJK != 0)
latin_mask = _mask(_CLASSES == LATIN)
joint_mask = _mask(BYTE_KINDS & JOINT != 0)
mark_mask = _mask(BYTE_KINDS & MARKS != 0)
run_mask = _mask(np.isin(_CLASSES, (HAN, KANA, HANGUL)))
punctuation_mask = _mask(np.isin(_CLASSES, (CJK_PUNCT, ASCII_PUNCT, SYMBOL)))
wide_phrase_mask = _mask(BYTE_KINDS & PHRASE_START != 0)

_triple_mask = byte_mask((0xE0, 0xEF))
_TRIPLES = np.uint64(0x9249249249249249)


@inlined
def code_at(codes: Any, narrow: Any, i: Any) -> Any:
    """Return the code point of character `i`; that of ASCII characters may be missing in codes."""
    return np.int64(narrow[i]) if narrow[i] < 0x80 else np.int64(codes[i])


@inlined
def _wide(data: Any, at: Any, stop: Any, table: Any, codes: Any, narrow: Any, count: Any) -> Any:
    """Write the characters from data[at] on, the first of them not ASCII; return place and count.

    Up to 16 of three bytes, or one of two or four.
    """
    run = min(trailing_zeros(_triple_mask(data, at) ^ _TRIPLES) * 171 >> 9, 16)
    if run:
        run = min(run, (stop - at + 2) // 3)
        triple_code_points(data, at, codes, count)
        # By eights, whatever the run: a loop that ends anywhere costs a wrong guess.
        for k in range(8):
            narrow[count + k] = table[codes[count + k]]
        if run > 8:
            for k in range(8, 16):
                narrow[count + k] = table[codes[count + k]]
        return at + 3 * run, count + run
    lead = np.int64(data[at])
    code, size = (lead & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, 2
    if lead >= 0xF0:
        high = (lead & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        code = high | (np.int64(data[at + 2]) & 0x3F) << 6 | np.int64(data[at + 3]) & 0x3F
        size = 4
    codes[count] = code
    narrow[count] = table[code]
    return at + size, count + 1


@inlined
def narrowed(data: Any, start: Any, stop: Any, table: Any, codes: Any, narrow: Any) -> Any:
    """Write the characters of the valid UTF-8 data[start:stop]; return how many, and if all ASCII.

    `narrow` gets their bytes and ROOM line ends behind, `codes` their code points if any is not
    ASCII; both must hold stop - start + ROOM values. At most MAX_BYTES are read, to a character's
    end.
    """
    stop = min(stop, start + MAX_BYTES)
    at, count, plain = start, 0, True
    while at < stop:
        size = min(trailing_zeros(high_mask(data, at)), stop - at)
        if size:
            copied_window(data, at, narrow, count)
            if not plain:
                for k in range(0, size, 16):
                    code_points(data, at + k, codes, count + k)
            at += size
            count += size
        elif plain and count:
            # The first character that is not ASCII: what has been skipped is made up for.
            for k in range(0, count, 16):
                code_points(data, start + k, codes, k)
            plain = False
        else:
            plain = False
            at, count = _wide(data, at, stop, table, codes, narrow, count)
    narrow[count : count + ROOM] = 0x0A
    return count, plain
