"""Statistics of words: maximal runs of characters that are not spaces (``skypile.text.words``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.chars import ASCII_LETTER, CLASS_MASK, JOINT, LETTER, SPACE

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
def word_counts(codes: Any, kinds: Any, count: Any, out: Any) -> None:
    """Fill `out` (6,), zero before the call, with these counts.

    Words; words with a letter; stop words; distinct stop words; the same as bits; plain words: with
    a letter, and without ASCII punctuation but at their ends, apart from `'` and `-`.
    """
    words, alpha, plain, stops, bits = 0, 0, 0, 0, np.int64(0)
    size, letters = 0, 0
    # Flags of any character of the word, of any but the first and the last, of the last one.
    whole, inner, last = np.uint32(0), np.uint32(0), np.uint32(0)
    for i in range(count + 1):
        kind = kinds[i] if i < count else np.uint32(SPACE)
        if kind & CLASS_MASK != SPACE:
            inner |= last if size > 1 else np.uint32(0)
            whole |= kind
            last = kind
            size += 1
            letters += kind & ASCII_LETTER != 0
        elif size:
            words += 1
            alpha += whole & LETTER != 0
            plain += whole & LETTER != 0 and inner & JOINT == 0
            if 2 <= letters <= 4:
                number = _stop_word(codes, i - size, i)
                stops += number > 0
                bits |= np.int64(1) << np.int64(number)
            size, letters, whole, inner = 0, 0, np.uint32(0), np.uint32(0)
    out[0], out[1], out[2], out[4], out[5] = words, alpha, stops, bits, plain
    for number in range(1, _STOP_CODES.size + 1):
        out[3] += bits >> number & 1
