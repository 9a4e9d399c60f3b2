"""Statistics of words: maximal runs of characters that are not spaces (``skypile.text.words``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.chars import ASCII_PUNCT, CLASS_MASK, CYRILLIC, DIGIT, ELLIPSIS, HASH, SPACE

__all__ = ["STOP_WORDS", "word_counts"]

# Rae et al. 2021 (Gopher): English prose has at least two of these.
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def _packed(word: str) -> int:
    value = 0
    for char in word:
        value = value << 8 | ord(char)
    return value


_STOP_CODES = np.array([_packed(word) for word in STOP_WORDS], np.int64)


@njit
def _ascii_letter(code: Any) -> Any:
    return 97 <= code | 32 <= 122 and code < 128


@njit
def _stop_word(codes: Any, start: Any, stop: Any) -> Any:
    """Return 1 + the number of the stop word that the word is, or 0.

    Case and what stands around the ASCII letters do not matter.
    """
    while start < stop and not _ascii_letter(codes[start]):
        start += 1
    while start < stop and not _ascii_letter(codes[stop - 1]):
        stop -= 1
    if not 2 <= stop - start <= 4:
        return 0
    value = np.int64(0)
    for i in range(start, stop):
        if not _ascii_letter(codes[i]):
            return 0
        value = value << 8 | np.int64(codes[i]) | 32
    for number in range(_STOP_CODES.size):
        if _STOP_CODES[number] == value:
            return number + 1
    return 0


@njit
def _word(codes: Any, kinds: Any, start: Any, stop: Any, out: Any) -> None:
    out[0] += 1
    letter, joints = 0, 0
    for i in range(start, stop):
        group = kinds[i] & CLASS_MASK
        letter |= group <= CYRILLIC and group != DIGIT
        inner = group == ASCII_PUNCT and start < i < stop - 1
        joints |= inner and codes[i] != 0x27 and codes[i] != 0x2D
    out[1] += letter
    out[7] += letter and not joints
    number = _stop_word(codes, start, stop)
    if number:
        out[2] += 1
        out[4] |= np.int64(1) << np.int64(number)


@njit
def word_counts(codes: Any, kinds: Any, count: Any, out: Any) -> None:
    """Fill `out` (8,), zero before the call, with these counts.

    Words, words with a letter, stop words, distinct stop words, the same as bits, `#` signs,
    ellipses (runs of `…` or of three and more full stops), plain words: with a letter, and
    without ASCII punctuation but at their ends, apart from `'` and `-`.
    """
    start, dots = -1, 0
    for i in range(count):
        kind = kinds[i]
        code = codes[i]
        if kind & CLASS_MASK == SPACE:
            if start >= 0:
                _word(codes, kinds, start, i, out)
                start = -1
        elif start < 0:
            start = i
        out[5] += kind & HASH != 0
        out[6] += code != 0x2E and dots >= 3
        dots = dots + 1 if code == 0x2E else 0
        out[6] += kind & ELLIPSIS != 0 and (i == 0 or kinds[i - 1] & ELLIPSIS == 0)
    if start >= 0:
        _word(codes, kinds, start, count, out)
    out[6] += dots >= 3
    for number in range(1, _STOP_CODES.size + 1):
        out[3] += out[4] >> number & 1
