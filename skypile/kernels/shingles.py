"""The shingles of ``skypile.text`` as 64-bit hashes, straight from UTF-8.

The tables of code points are those of ``skypile.text``. Hashes, from the inside out:

* token (32 bits): a CJK character is the MurmurHash3 finaliser of its code point (a bijection);
  any other token folds its bytes, ASCII letters lower-cased, eight at a time;
* shingle (64 bits): a polynomial of its token hashes plus a salt, finalised by fmix64. The salt
  tells CJK shingles from others and shingles of 5 tokens from those of 1 to 4.

Texts must be valid UTF-8 with at least 64 readable bytes behind the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.vectors import (
    WINDOW,
    alphanumeric_mask,
    eight_bytes,
    high_mask,
    trailing_zeros,
)
from skypile.text import (
    CJK_RANGES,
    SHINGLE_TOKENS,
    SPACES,
    SYMBOL_RANGES,
    is_letter_or_digit,
)

__all__ = [
    "CHUNK_TOKENS",
    "CJK",
    "CODE_POINT_CLASSES",
    "LETTER",
    "SPACE",
    "WIDE",
    "code_point",
    "fmix32",
    "next_shingles",
    "shared_count",
    "shingle_hashes",
]

Bytes = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]

LETTER, CJK, SPACE, WIDE = 1, 2, 4, 8
CHUNK_TOKENS = 1024
_CARRIED = SHINGLE_TOKENS - 1
assert SHINGLE_TOKENS == 5, "_shingles spells out five terms"

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(int(_K1) ** 2 % 2**64)
_K3 = np.uint64(int(_K1) ** 3 % 2**64)
_K4 = np.uint64(int(_K1) ** 4 % 2**64)
_WORD_SALT = np.uint64(0x2545F4914F6CDD1D)
_CHAR_SALT = np.uint64(0xD1342543DE82EF95)
_SHORT_SALT = np.uint64(0xA0761D6478BD642F)
_FOLD_MULTIPLIER = np.uint64(0xE7037ED1A0B428DB)


def _code_point_classes() -> Bytes:
    # Indexed by whatever 21 bits a sequence of four bytes can hold, so that damaged UTF-8 cannot
    # read outside. Only the pages that a text touches are ever resident.
    classes = np.zeros(1 << 21, np.uint8)
    classes[0xC0:0x110000] = LETTER
    classes[0:0xC0] = [LETTER * is_letter_or_digit(chr(code)) for code in range(0xC0)]
    for first, last in SYMBOL_RANGES:
        classes[first : last + 1] = 0
    for first, last in CJK_RANGES:
        classes[first : last + 1] = CJK
    classes[[ord(space) for space in SPACES]] |= SPACE
    classes[0xFF01:0xFF5F] |= WIDE
    classes.flags.writeable = False
    return classes


CODE_POINT_CLASSES = _code_point_classes()


# --- hashes ------------------------------------------------------------------------------------


@njit
def fmix32(value: Any) -> Any:
    """Return the MurmurHash3 finaliser of a uint32: a bijection."""
    # Numba widens uint32 op uint32 to uint64: every step is cut back.
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    value = np.uint32((value ^ (value >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ (value >> np.uint32(16)))


@njit
def _fmix64(value: Any) -> Any:
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit
def _lowered(eight: Any) -> Any:
    # The ASCII bytes of a token are letters and digits, and digits carry 0x20 already; bytes of
    # other letters must stay, or U+00C1 would equal U+00E1.
    return eight | ((~eight & np.uint64(0x8080808080808080)) >> np.uint64(2))


@njit
def _token_hash(data: Any, start: Any, stop: Any) -> Any:
    size = stop - start
    value = np.uint64(size) * _K1
    while size > 8:
        value = (value ^ _lowered(eight_bytes(data, start))) * _FOLD_MULTIPLIER
        value ^= value >> np.uint64(29)
        start += 8
        size -= 8
    rest = _lowered(eight_bytes(data, start)) << np.uint64(64 - 8 * size)
    return np.uint32(_fmix64((value ^ rest) * _FOLD_MULTIPLIER) >> np.uint64(32))


# --- tokens ------------------------------------------------------------------------------------


@njit
def code_point(data: Any, at: Any) -> Any:
    """Return the code point that starts at data[at], and its length in bytes."""
    lead = np.int64(data[at])
    if lead >= 0xF0:
        high = (lead & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        return high | (np.int64(data[at + 2]) & 0x3F) << 6 | np.int64(data[at + 3]) & 0x3F, 4
    if lead >= 0xE0:
        middle = (np.int64(data[at + 1]) & 0x3F) << 6
        return (lead & 0x0F) << 12 | middle | np.int64(data[at + 2]) & 0x3F, 3
    if lead >= 0xC0:
        return (lead & 0x1F) << 6 | np.int64(data[at + 1]) & 0x3F, 2
    return lead, 1


@njit
def _ascii_tokens(data: Any, at: Any, size: Any, start: Any, words: Any, count: Any) -> Any:
    """Append the tokens that end among `size` ASCII bytes; return the open token and the count."""
    zero, one = np.uint64(0), np.uint64(1)
    keep = ~zero >> np.uint64(WINDOW - size)
    inside = alphanumeric_mask(data, at) & keep
    shifted = inside << one
    if start >= 0:
        shifted |= one
    starts = inside & ~shifted
    ends = shifted & ~inside & keep
    while ends != zero:
        if start < 0:
            start = at + trailing_zeros(starts)
            starts &= starts - one
        words[count] = _token_hash(data, start, at + trailing_zeros(ends))
        count += 1
        start = -1
        ends &= ends - one
    if starts != zero:
        start = at + trailing_zeros(starts)
    return start, count


@njit
def _three_byte_run(
    data: Any, classes: Any, at: Any, stop: Any, chars: Any, count: Any, room: Any
) -> Any:
    """Append the code points of the CJK characters in a run of characters of three bytes.

    Chinese prose is such a run, its punctuation included, which is written and then overwritten: no
    branch but the end. It ends before a letter as well; no word may be open.
    """
    while at < stop and count < room:
        eight = eight_bytes(data, at)
        code = (eight & np.uint64(0xF)) << np.uint64(12)
        code |= eight >> np.uint64(2) & np.uint64(0xFC0)
        code |= eight >> np.uint64(16) & np.uint64(0x3F)
        kind = classes[code]
        if eight & np.uint64(0xF0) != np.uint64(0xE0) or kind & LETTER:
            break
        chars[count] = np.uint32(code)
        count += np.int64(kind & CJK) >> 1
        at += 3
    return at, count


@njit
def _fill(data: Any, classes: Any, stop: Any, state: Any, words: Any, chars: Any) -> None:
    """Read on until the text or the room for tokens ends: hashes of words, code points of chars.

    `state` is (position, start of an open token or -1, number of words, number of chars).
    """
    at, start, word_count, char_count = state[0], state[1], state[2], state[3]
    word_room, char_room = words.size - WINDOW, chars.size - 1
    while at < stop and word_count < word_room and char_count < char_room:
        if data[at] < 0x80:
            size = min(stop - at, trailing_zeros(high_mask(data, at)))
            start, word_count = _ascii_tokens(data, at, size, start, words, word_count)
            at += size
            continue
        if start < 0 and 0xE3 <= data[at] < 0xF0:
            before = at
            at, char_count = _three_byte_run(data, classes, at, stop, chars, char_count, char_room)
            if at > before:
                continue
        code, size = code_point(data, at)
        kind = classes[code]
        if kind & LETTER:
            if start < 0:
                start = at
        else:
            if start >= 0:
                words[word_count] = _token_hash(data, start, at)
                word_count += 1
                start = -1
            if kind & CJK:
                chars[char_count] = np.uint32(code)
                char_count += 1
        at += size
    if at >= stop and start >= 0:
        words[word_count] = _token_hash(data, start, stop)
        word_count += 1
        start = -1
    state[0], state[1], state[2], state[3] = at, start, word_count, char_count


# --- shingles ----------------------------------------------------------------------------------


@njit
def _shingles(tokens: Any, count: Any, salt: Any, out: Any, at: Any) -> Any:
    """Write the hashes of all 5-grams from out[at] on, keep the last 4 tokens; return them."""
    produced = count - _CARRIED
    if produced <= 0:
        return 0, count
    for i in range(produced):
        high = np.uint64(tokens[i]) * _K4 + np.uint64(tokens[i + 1]) * _K3
        low = np.uint64(tokens[i + 2]) * _K2 + np.uint64(tokens[i + 3]) * _K1
        out[at + i] = _fmix64(high + low + np.uint64(tokens[i + 4]) + salt)
    for i in range(_CARRIED):
        tokens[i] = tokens[produced + i]
    return produced, _CARRIED


@njit
def _short_shingle(tokens: Any, count: Any, salt: Any) -> Any:
    value = np.uint64(0)
    for i in range(count):
        value = value * _K1 + np.uint64(tokens[i])
    return _fmix64(value + salt + np.uint64(count) * _SHORT_SALT)


@njit
def next_shingles(
    data: Any, classes: Any, stop: Any, state: Any, words: Any, chars: Any, out: Any, at: Any
) -> Any:
    """Write the next shingle hashes of a text from out[at] on; return how many.

    At most 2 * CHUNK_TOKENS in one call, repeats included. `state` starts as (offset of the text,
    -1, 0, 0, 0, 0); the text is done when state[0] has reached `stop`. state[4] and state[5]
    count the shingles of words and of chars so far.
    """
    hashed = state[3]
    _fill(data, classes, stop, state, words, chars)
    # Apart from the reading: this loop is vectorised.
    for i in range(hashed, state[3]):
        chars[i] = fmix32(chars[i])
    word_count, state[2] = _shingles(words, state[2], _WORD_SALT, out, at)
    char_count, state[3] = _shingles(chars, state[3], _CHAR_SALT, out, at + word_count)
    state[4] += word_count
    state[5] += char_count
    produced = word_count + char_count
    if state[0] >= stop and state[4] == 0 and state[2] > 0:
        out[at + produced] = _short_shingle(words, state[2], _WORD_SALT)
        produced += 1
    if state[0] >= stop and state[5] == 0 and state[3] > 0:
        out[at + produced] = _short_shingle(chars, state[3], _CHAR_SALT)
        produced += 1
    return produced


@njit
def _shingle_list(data: Any, classes: Any, start: Any, stop: Any, out: Any) -> Any:
    words = np.empty(CHUNK_TOKENS, np.uint32)
    chars = np.empty(CHUNK_TOKENS, np.uint32)
    state = np.array([start, -1, 0, 0, 0, 0], np.int64)
    count = 0
    while state[0] < stop:
        count += next_shingles(data, classes, stop, state, words, chars, out, count)
    return count


@njit
def _shared_count(left: Any, right: Any) -> Any:
    i, j, shared = 0, 0, 0
    while i < left.size and j < right.size:
        shared += left[i] == right[j]
        step_left, step_right = left[i] <= right[j], right[j] <= left[i]
        i += step_left
        j += step_right
    return shared


# --- what other packages call ------------------------------------------------------------------


def shingle_hashes(data: Bytes, start: int, stop: int) -> U64:
    """Return the sorted distinct shingle hashes of the text data[start:stop]."""
    # Two neighbouring tokens of one kind are at least a byte apart or three bytes long, and two of
    # different kinds make at least four bytes: never more tokens than half of the bytes, plus one.
    out = np.empty((stop - start) // 2 + 2, np.uint64)
    return np.unique(out[: _shingle_list(data, CODE_POINT_CLASSES, start, stop, out)])


def shared_count(left: U64, right: U64) -> int:
    """Return how many values two sorted arrays without repetition share."""
    return int(_shared_count(left, right))
