"""Words and signs of source code as hashed features, and their scores under a linear model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit

__all__ = ["BUCKET_BITS", "READ_BYTES", "code_words", "language_sums"]

BUCKET_BITS = 12
BUCKETS = 1 << BUCKET_BITS
READ_BYTES = 8192
MAX_WORD_BYTES = 12
SIGN_BYTES = 3
# FNV-1a of 64 bits (Fowler, Noll, Vo); its upper bits choose the bucket.
_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3
WORD, SIGN, FIRST, PAIR = 1, 2, 3, 4
_NEWLINE, _SPACE, _LETTER, _DIGIT, _OTHER, _PUNCTUATION = 0, 1, 2, 3, 4, 5


def _classes() -> npt.NDArray[np.uint8]:
    found = np.full(256, _OTHER, np.uint8)
    found[33:127] = _PUNCTUATION
    for byte in b" \t\r\x0b\x0c":
        found[byte] = _SPACE
    found[10] = _NEWLINE
    for byte in range(128):
        char = chr(byte)
        if char.isalpha() or char == "_":
            found[byte] = _LETTER
        elif char.isdigit():
            found[byte] = _DIGIT
    return found


_CLASSES = _classes()


@njit
def _mixed(state: Any, value: Any) -> Any:
    return (state ^ np.uint64(value)) * np.uint64(_PRIME)


@njit
def _add(bucket: Any, stamp: Any, mark: Any, out: Any, count: Any) -> Any:
    if stamp[bucket] == mark:
        return count
    stamp[bucket] = mark
    out[count] = bucket
    return count + 1


@njit
def _bucket(state: Any, kind: Any) -> Any:
    return np.int64(_mixed(state, kind) >> np.uint64(64 - BUCKET_BITS))


@njit
def _words_of(
    data: Any, start: Any, stop: Any, classes: Any, stamp: Any, mark: Any, out: Any
) -> Any:
    """Write the distinct buckets of one text into `out`; return how many."""
    count, place, at = 0, 0, start
    before = np.uint64(0)
    while at < stop:
        group = classes[data[at]]
        if group == _NEWLINE:
            place = 0
        if group < _LETTER or group == _OTHER:
            at += 1
            continue
        state, first = np.uint64(_BASIS), at
        if group == _PUNCTUATION:
            while at < stop and at - first < SIGN_BYTES and classes[data[at]] == _PUNCTUATION:
                state = _mixed(state, data[at])
                at += 1
        else:
            while at < stop and (classes[data[at]] == _LETTER or classes[data[at]] == _DIGIT):
                state = _mixed(state, data[at])
                at += 1
        known = group != _DIGIT and at - first <= MAX_WORD_BYTES
        if known:
            kind = SIGN if group == _PUNCTUATION else WORD
            count = _add(_bucket(state, kind), stamp, mark, out, count)
            if place == 0:
                count = _add(_bucket(state, FIRST), stamp, mark, out, count)
            elif place == 1:
                count = _add(_bucket(_mixed(before, state), PAIR), stamp, mark, out, count)
        before = state if known else np.uint64(0)
        place += 1
    return count


@njit
def _code_words(data: Any, offsets: Any, classes: Any, borders: Any) -> Any:
    stamp = np.full(BUCKETS, -1, np.int64)
    out = np.empty(BUCKETS, np.int64)
    found = np.empty((offsets.size - 1) * 256 + BUCKETS, np.int64)
    for row in range(offsets.size - 1):
        stop = min(offsets[row + 1], offsets[row] + READ_BYTES)
        count = _words_of(data, offsets[row], stop, classes, stamp, row, out)
        first = borders[row]
        if first + count > found.size:
            larger = np.empty(2 * found.size + count, np.int64)
            larger[:first] = found[:first]
            found = larger
        found[first : first + count] = out[:count]
        borders[row + 1] = first + count
    return found[: borders[offsets.size - 1]].copy()


def code_words(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct buckets of the first READ_BYTES of each text, and borders (n + 1).

    Features are words of letters, digits and `_` of up to MAX_WORD_BYTES that begin with no digit,
    runs of up to SIGN_BYTES signs, the first of both on each line, and the first two together.
    """
    borders = np.zeros(offsets.size, np.int64)
    return _code_words(data, offsets, _CLASSES, borders), borders


@njit
def _language_sums(buckets: Any, borders: Any, weights: Any, out: Any) -> None:
    for row in range(borders.size - 1):
        for place in range(borders[row], borders[row + 1]):
            for language in range(weights.shape[1]):
                out[row, language] += weights[buckets[place], language]


def language_sums(
    buckets: npt.NDArray[np.int64],
    borders: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int8],
) -> npt.NDArray[np.int64]:
    """Return int64 (texts, languages): the sums of the `weights` (buckets, languages) of a text."""
    out = np.zeros((borders.size - 1, weights.shape[1]), np.int64)
    _language_sums(buckets, borders, weights, out)
    return out
