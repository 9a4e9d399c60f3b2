"""What normalisation does with each code point.

Classes come from lists of ranges; what NFC may change comes from Python's own `unicodedata`, the
version of which is part of the stage's fingerprint.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = [
    "BIDI", "CLASS_MASK", "CONTROL", "FULL_WIDTH", "GARBLED", "JOINER", "LINE_END", "LOST", "MARK",
    "RECOMPOSED", "SELECTOR", "SOFT_HYPHEN", "TAG", "UNSEEN", "ZERO_WIDTH", "code_table",
    "garbled_han", "gbk_pairs", "mark_classes", "recomposed_chars",
]  # fmt: skip

# Classes, in the low four bits: exactly one for each code point.
CONTROL, LINE_END, BIDI, ZERO_WIDTH, UNSEEN, JOINER, SELECTOR, TAG, SOFT_HYPHEN = range(1, 10)
FULL_WIDTH = 10
CLASS_MASK = 15
# Flags: what NFC may change in itself or with its neighbours, what has a combining class, U+FFFD,
# what UTF-8 becomes when it is read as GBK.
RECOMPOSED, MARK, LOST, GARBLED = 1 << 4, 1 << 5, 1 << 6, 1 << 7

# Not for use in plain text, by Unicode Technical Report 20 (Unicode in XML and other Markup
# Languages), besides ASCII and C1 controls; and noncharacters (The Unicode Standard, 23.7).
_CONTROLS = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0x206A, 0x206F), (0xFFF9, 0xFFFC),
    (0xE0001, 0xE0001), (0xFDD0, 0xFDEF),
)  # fmt: skip
# New line functions (The Unicode Standard, 5.8): CR, NEL, LS, PS, VT, FF.
_LINE_ENDS = "\x0b\x0c\r\x85\u2028\u2029"
# Marks, embeddings, overrides and isolates (Unicode Standard Annex 9).
_BIDI = ((0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
# Word joiner and byte order mark are seen by no reader and no tokenizer needs them. U+2061 to
# U+2064 stay: they say what juxtaposed symbols of a formula mean.
_UNSEEN = "\u2060\ufeff"


def _ranges() -> Iterator[tuple[int, int, int]]:
    yield from ((first, last, CONTROL) for first, last in _CONTROLS)
    yield from ((first, last, BIDI) for first, last in _BIDI)
    yield from ((ord(char), ord(char), LINE_END) for char in _LINE_ENDS)
    yield from ((ord(char), ord(char), UNSEEN) for char in _UNSEEN)
    yield from ((plane + 0xFFFE, plane + 0xFFFF, CONTROL) for plane in range(0, 0x110000, 0x10000))
    yield (0x200B, 0x200B, ZERO_WIDTH)
    yield (0x200C, 0x200D, JOINER)
    yield (0xAD, 0xAD, SOFT_HYPHEN)
    yield (0xFE00, 0xFE0F, SELECTOR)
    yield (0xE0100, 0xE01EF, SELECTOR)
    yield (0xE0020, 0xE007F, TAG)
    yield (0xFF10, 0xFF19, FULL_WIDTH)
    yield (0xFF21, 0xFF3A, FULL_WIDTH)
    yield (0xFF41, 0xFF5A, FULL_WIDTH)


# Blocks of many code points that NFC leaves alone and that have no marks. Without them the table
# takes 20 ms to fill, with them 0.5 s.
_INERT = (
    (0x3400, 0x4DBF), (0x4E00, 0xA4CF), (0xAC00, 0xD7AF), (0xD800, 0xF8FF), (0x17000, 0x18CFF),
    (0x20000, 0x2F7FF), (0x2FA20, 0x10FFFF),
)  # fmt: skip


def _active() -> Iterator[int]:
    start = 0xC0
    for first, last in _INERT:
        yield from range(start, first)
        start = last + 1


@cache
def recomposed_chars() -> frozenset[int]:
    """Return the code points that NFC may change: those whose quick check is No or Maybe.

    (Unicode Standard Annex 15.) Maybe are the second halves of what canonical composition makes,
    Hangul vowels and trailing consonants among them.
    """
    found = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    for code in _active():
        char = chr(code)
        parts = unicodedata.decomposition(char)
        if not parts or parts[0] == "<":
            continue
        if unicodedata.normalize("NFC", char) != char:
            found.add(code)
        elif " " in parts:
            found.add(int(parts.split()[1], 16))
    return frozenset(found)


@cache
def mark_classes() -> npt.NDArray[np.uint8]:
    """Return the canonical combining class of every code point."""
    classes = np.zeros(1 << 21, np.uint8)
    for code in _active():
        classes[code] = unicodedata.combining(chr(code))
    classes.flags.writeable = False
    return classes


def _common(char: str) -> bool:
    """Tell whether the first levels of GB 2312 or Big5 (frequent characters) have it."""
    for codec, last in (("gb2312", 0xD7), ("big5", 0xC6)):
        try:
            if char.encode(codec)[0] <= last:
                return True
        except UnicodeEncodeError:
            continue
    return False


@cache
def garbled_han() -> frozenset[int]:
    """Return rare characters into which UTF-8 turns when it is read as GBK: 鈥, 锛, 銆, 鐨, 鍦, …

    And those into which these turn when it happens again.
    """
    block = [*range(0x9200, 0x9480), *map(ord, "锛閵閸閺閿")]
    return frozenset(code for code in block if not _common(chr(code)))


@cache
def gbk_pairs() -> npt.NDArray[np.uint16]:
    """Return the two bytes of each code point below U+10000 in GBK, 0 where it has none."""
    pairs = np.zeros(0x10000, np.uint16)
    for lead in range(0x81, 0xFF):
        for trail in (*range(0x40, 0x7F), *range(0x80, 0xFF)):
            shown = bytes((lead, trail)).decode("gb18030", "ignore")
            if len(shown) == 1 and shown < "\U00010000":
                pairs[ord(shown)] = lead << 8 | trail
    pairs.flags.writeable = False
    return pairs


@cache
def code_table() -> npt.NDArray[np.uint8]:
    """Return class and flags of every code point.

    Indexed by whatever 21 bits four bytes can hold, so that no input reads outside of it.
    """
    table = np.zeros(1 << 21, np.uint8)
    for first, last, kind in _ranges():
        table[first : last + 1] = kind
    table[sorted(recomposed_chars())] |= RECOMPOSED
    table[np.flatnonzero(mark_classes())] |= MARK
    table[sorted(garbled_han())] |= GARBLED
    table[0xFFFD] |= LOST
    table.flags.writeable = False
    return table
