"""What every code point is.

A kind holds one class in its low four bits and flags above. Classes and flags are matters of
ranges and short lists, so that they do not change with the version of Unicode.

Simplified-only characters are those that GB 2312 has and Big5 has not, traditional-only ones the
reverse: the two standards were made for the two scripts.
"""

from __future__ import annotations

from string import ascii_letters, punctuation
from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.text import CJK_RANGES, SPACES, SYMBOL_RANGES

__all__ = [
    "FUNCTION_CHARS", "KINDS", "MAX_BYTES", "PAIRED_MOJIBAKE", "SINGLE_MOJIBAKE", "decode",
]  # fmt: skip

# Statistics are those of the first 8 MiB of a document: scratch space stays under 0.5 GB.
MAX_BYTES = 1 << 23

# Classes: exactly one for each code point.
OTHER, SPACE, LATIN, DIGIT, HAN, KANA, HANGUL, CYRILLIC = range(8)
CJK_PUNCT, ASCII_PUNCT, SYMBOL = 8, 9, 10
CLASSES = 16
CLASS_MASK = CLASSES - 1

# Flags.
ORNAMENT, HANS, HANT, MOJIBAKE = 1 << 4, 1 << 5, 1 << 6, 1 << 7
WIDE_END, ASCII_END, CLOSER, ELLIPSIS = 1 << 8, 1 << 9, 1 << 10, 1 << 11
BULLET, DASH_BULLET, TERMINAL, CODE_END = 1 << 12, 1 << 13, 1 << 14, 1 << 15
TOKEN_CJK, BRACKET, HASH, FULL_STOP = 1 << 16, 1 << 17, 1 << 18, 1 << 19
LETTER, ASCII_LETTER, JOINT = 1 << 20, 1 << 21, 1 << 22
FUNCTION_SHIFT = 24  # five bits: 1 + the number of the function character, or 0
MARKS = WIDE_END | ASCII_END | BRACKET | HASH | ELLIPSIS | MOJIBAKE
SPECIAL = MARKS | ORNAMENT | HANS | HANT | 31 << FUNCTION_SHIFT

# Characters that carry grammar, not content: first the modern 14 (measured on Chinese articles:
# at least 4 of them in any, 0.019 of all characters), then classical ones, since old texts use few
# of the modern. Variants count as one.
FUNCTION_CHARS = (
    "的", "是", "在", "了", "和", "有", "不", "人", "这這", "中", "为為爲", "上", "个個箇", "以",
    "之", "而", "其", "于於", "者", "也", "曰", "乎", "与與", "则則", "乃", "何", "无無", "所",
    "此",
)  # fmt: skip
assert len(FUNCTION_CHARS) <= 31

# What Chinese UTF-8 turns into when it is read as GBK, and what never stands in real text alone.
SINGLE_MOJIBAKE = "\ufffd锟鈥锛銆鐨鍦鏄鍜鐢"
# What Latin letters and quotes in UTF-8 turn into when they are read as Windows-1252 or Latin-1:
# first characters -> first and last code point of the second.
PAIRED_MOJIBAKE = {"Ã": (0x80, 0xBF), "â": (0x20AC, 0x20AC), "烫": (0x70EB, 0x70EB)}

_CJK_PUNCT_RANGES = (
    (0x2014, 0x2014), (0x2018, 0x2019), (0x201C, 0x201D), (0x2026, 0x2026),
    (0x3001, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x303B, 0x303F), (0x30FB, 0x30FB),
    (0xFE30, 0xFE4F), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65),
)  # fmt: skip
# White squares and circles are left out: editions of old texts put them for characters that cannot
# be read, and between notes.
_ORNAMENT_RANGES = (
    (0x203B, 0x203B), (0x25A0, 0x25A0), (0x25A2, 0x25CA), (0x25CC, 0x25EE), (0x25F0, 0x25FF),
    (0x2600, 0x27BF), (0x2B50, 0x2B55),
)  # fmt: skip
_SETS = {
    WIDE_END: "。！？；…｡．",
    ASCII_END: ".!?",
    CLOSER: "\"')]}”’」』）】》",
    ELLIPSIS: "…",
    BULLET: "•‣▪▫◦●○■□◆◇►▶▸·・",
    DASH_BULLET: "-*+",
    TERMINAL: ".!?\"'。！？；…”’」』",
    CODE_END: "{};:),",
    BRACKET: "【】",
    HASH: "#",
    FULL_STOP: ".",
    ASCII_LETTER: ascii_letters,
    JOINT: "".join(mark for mark in punctuation if mark not in "'-"),
    MOJIBAKE: SINGLE_MOJIBAKE + "".join(PAIRED_MOJIBAKE),
}


def _encodable(codec: str) -> npt.NDArray[np.bool_]:
    found = np.zeros(0x10000, bool)
    for code in range(0x4E00, 0xA000):
        try:
            chr(code).encode(codec)
        except UnicodeEncodeError:
            continue
        found[code] = True
    return found


def _classes() -> npt.NDArray[np.uint32]:
    kinds = np.full(1 << 21, OTHER, np.uint32)
    kinds[:0xC0] = SYMBOL
    for first, last in SYMBOL_RANGES:
        kinds[first : last + 1] = SYMBOL
    for first, last, kind in (
        (0x21, 0x7E, ASCII_PUNCT), (0x30, 0x39, DIGIT), (0x41, 0x5A, LATIN), (0x61, 0x7A, LATIN),
        (0xC0, 0xD6, LATIN), (0xD8, 0xF6, LATIN), (0xF8, 0x24F, LATIN), (0x1E00, 0x1EFF, LATIN),
        (0x400, 0x52F, CYRILLIC), (0x1100, 0x11FF, HANGUL), (0x3130, 0x318F, HANGUL),
        (0x31F0, 0x31FF, KANA), (0xFF10, 0xFF19, DIGIT), (0xFF21, 0xFF3A, LATIN),
        (0xFF41, 0xFF5A, LATIN), (0xFF66, 0xFF9F, KANA),
    ):  # fmt: skip
        kinds[first : last + 1] = kind
    for first, last in CJK_RANGES:
        kinds[first : last + 1] = HAN
    kinds[0x3040:0x3100] = KANA
    kinds[0xAC00:0xD7A4] = HANGUL
    kinds[[0x3005, 0x3007]] = HAN  # the repetition mark and the zero
    for first, last in _CJK_PUNCT_RANGES:
        kinds[first : last + 1] = CJK_PUNCT
    kinds[[ord(space) for space in SPACES]] = SPACE
    return kinds


def _kinds() -> npt.NDArray[np.uint32]:
    # Indexed by whatever 21 bits four bytes can hold, so that no input reads outside of it.
    kinds = _classes()
    for first, last in _ORNAMENT_RANGES:
        kinds[first : last + 1] |= ORNAMENT
    for flag, chars in _SETS.items():
        kinds[[ord(char) for char in chars]] |= flag
    for number, variants in enumerate(FUNCTION_CHARS):
        kinds[[ord(char) for char in variants]] |= (number + 1) << FUNCTION_SHIFT
    simplified, traditional = _encodable("gb2312"), _encodable("big5")
    kinds[:0x10000][simplified & ~traditional] |= HANS
    kinds[:0x10000][traditional & ~simplified] |= HANT
    for first, last in CJK_RANGES:
        kinds[first : last + 1] |= TOKEN_CJK
    for kind in (OTHER, LATIN, HAN, KANA, HANGUL, CYRILLIC):
        kinds[kinds & CLASS_MASK == kind] |= LETTER
    kinds.flags.writeable = False
    return kinds


KINDS = _kinds()


@njit
def decode(data: Any, start: Any, stop: Any, table: Any, codes: Any, kinds: Any) -> Any:
    """Write the code points of the valid UTF-8 data[start:stop] and their kinds; return how many.

    Both arrays must hold stop - start values. At most MAX_BYTES are read, to a character's end.
    """
    stop = min(stop, start + MAX_BYTES)
    at, count = start, 0
    while at < stop:
        lead = np.int64(data[at])
        if lead < 0x80:
            code = lead
            at += 1
        elif lead < 0xE0:
            code = (lead & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F
            at += 2
        elif lead < 0xF0:
            code = (
                (lead & 0x0F) << 12
                | (np.int64(data[at + 1]) & 0x3F) << 6
                | np.int64(data[at + 2]) & 0x3F
            )
            at += 3
        else:
            code = (
                (lead & 0x07) << 18
                | (np.int64(data[at + 1]) & 0x3F) << 12
                | (np.int64(data[at + 2]) & 0x3F) << 6
                | np.int64(data[at + 3]) & 0x3F
            )
            at += 4
        codes[count] = code
        kinds[count] = table[code]
        count += 1
    return count
