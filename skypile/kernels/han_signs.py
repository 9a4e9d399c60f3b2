"""The characters of Chinese text as `skypile.kernels.han` sees them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import uncounted_inlined

__all__ = ["BORDER", "COUNT", "FIRST", "LETTER", "SIGNS", "SIGN_COUNT"]
__all__ += ["back", "han_at", "is_letter", "is_plain", "is_space", "sign"]

U8 = npt.NDArray[np.uint8]

FIRST = 0x4E00
COUNT = 0x9FA5 - FIRST + 1

# What stands beside a Han character, where it is none itself.
LETTER = -1  # a letter, or not known to be none: it may share its piece with the Han
BORDER = -2  # between it and Han two pieces meet: newline, digit, an end of the text
SIGNS = COUNT  # from here on the numbers of signs, spaces and the letters of ASCII
SIGN_COUNT = 128 + 16 * 64


@uncounted_inlined
def han_at(data: U8, i: int, end: int) -> int:
    """Return the index of the Han character at byte i, or -1."""
    if i >= end or data[i] < 0xE4 or data[i] > 0xE9:
        return -1
    code = (
        (np.int64(data[i]) & 15) << 12
        | (np.int64(data[i + 1]) & 63) << 6
        | (np.int64(data[i + 2]) & 63)
    ) - FIRST
    return int(code) if 0 <= code < COUNT else -1


@uncounted_inlined
def sign(data: U8, i: int, end: int) -> int:
    """Return what the character at byte i is beside Han: border, letter, or its number.

    A letter of ASCII has a number like a sign.
    """
    if i >= end:
        return BORDER
    first = data[i]
    if first < 0x80:
        if first == 10 or first == 13 or 48 <= first <= 57:
            return BORDER
        return int(SIGNS + first)
    third = data[i + 2] if first >= 0xE0 else np.uint8(0)
    is_sign = False
    if first == 0xEF and data[i + 1] == 0xBC:  # U+FF01..FF0F and U+FF1A..FF20
        is_sign = bool(0x81 <= third <= 0x8F or 0x9A <= third <= 0xA0)
    elif first == 0xE3 and data[i + 1] == 0x80:  # U+3000..3003 and U+3008..3011
        is_sign = bool(third <= 0x83 or 0x88 <= third <= 0x91)
    elif first == 0xE2 and data[i + 1] == 0x80:  # U+2010..2027: dashes, quotation marks, dots
        is_sign = bool(0x90 <= third <= 0xA7)
    return SIGNS + 128 + (first & 15) * 64 + (third & 63) if is_sign else LETTER


@uncounted_inlined
def is_letter(number: int) -> bool:
    """Tell whether the number of a sign is that of a letter of ASCII."""
    return 97 <= ((number - SIGNS) | 32) <= 122 and number < SIGNS + 128


@uncounted_inlined
def is_space(number: int) -> bool:
    """Tell of the number of a sign: U+0020 or U+3000; a tab is left alone, as are controls."""
    return number == SIGNS + 32 or number == SIGNS + 128 + 3 * 64


@uncounted_inlined
def is_plain(number: int) -> bool:
    """Tell of the number of a sign: neither space nor control nor letter."""
    return number > SIGNS + 32 and number != SIGNS + 127 and not (
        is_letter(number) or number == SIGNS + 128 + 3 * 64
    )  # fmt: skip


@uncounted_inlined
def back(data: U8, i: int, begin: int) -> int:
    """Return where the character before byte i begins."""
    i -= 1
    while i > begin and data[i] & 0xC0 == 0x80:
        i -= 1
    return i
