"""MinHash signatures and normalised bytes of texts, straight from UTF-8.

Two schemes. "affine32": MinHash value k of a text is the minimum of
``a[k] * fmix32(fold) + b[k] mod 2^32`` over its set of shingles, fold being the xor of the two
halves of the shingle's 64-bit hash. This is the family of that name in datasketch 2.0: given equal
32-bit hashes all values are equal.

"fss", Fast Similarity Sketching (Dahlgaard, Knudsen, Thorup 2017, algorithm 1): in round i each
shingle falls into a bin and lowers its value to i + u, u in [0, 1), until no bin is empty; from
round 128 on all fall into bin i - 128, so that none stays empty. Values are i * 2^24 + u * 2^24.
Bins share no shingle within a round, so agreeing values vary less than independent ones.

Texts must be valid UTF-8 with at least 64 readable bytes behind the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.shingles import (
    CHUNK_TOKENS,
    CODE_POINT_CLASSES,
    SPACE,
    WIDE,
    code_point,
    fmix32,
    next_shingles,
)
from skypile.kernels.vectors import high_mask, trailing_zeros

__all__ = [
    "EMPTY_VALUE",
    "SIGNATURE_VALUES",
    "fss_of_hashes",
    "fss_signatures",
    "minhash_of_hashes",
    "normalized_bytes",
    "permutations",
    "signatures",
]

Bytes = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

SIGNATURE_VALUES = 128
EMPTY_VALUE = 0xFFFFFFFF


# --- signatures --------------------------------------------------------------------------------


@njit
def _lower(hashes: Any, count: Any, a: Any, b: Any, row: Any) -> None:
    """Lower `row` to the minima over permuted hashes[:count]; room for 7 more is written to."""
    while count % 8:
        hashes[count] = hashes[count - 1]  # a repeated hash lowers nothing
        count += 1
    for i in range(0, count, 8):
        h0, h1, h2, h3 = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        h4, h5, h6, h7 = hashes[i + 4], hashes[i + 5], hashes[i + 6], hashes[i + 7]
        for k in range(row.size):
            x, y = a[k], b[k]
            low = min(np.uint32(x * h0 + y), np.uint32(x * h1 + y))
            low = min(low, min(np.uint32(x * h2 + y), np.uint32(x * h3 + y)))
            low = min(low, min(np.uint32(x * h4 + y), np.uint32(x * h5 + y)))
            low = min(low, min(np.uint32(x * h6 + y), np.uint32(x * h7 + y)))
            row[k] = min(row[k], low)


@njit
def _sign(data: Any, offsets: Any, classes: Any, a: Any, b: Any, values: Any, counts: Any) -> None:
    words = np.empty(CHUNK_TOKENS, np.uint32)
    chars = np.empty(CHUNK_TOKENS, np.uint32)
    hashes = np.empty(2 * CHUNK_TOKENS, np.uint64)
    folded = np.empty(2 * CHUNK_TOKENS + 8, np.uint32)
    state = np.empty(6, np.int64)
    for document in range(offsets.size - 1):
        stop = offsets[document + 1]
        state[0], state[1], state[2:] = offsets[document], -1, 0
        row = values[document]
        row[:] = np.uint32(EMPTY_VALUE)
        while state[0] < stop:
            produced = next_shingles(data, classes, stop, state, words, chars, hashes, 0)
            for i in range(produced):
                folded[i] = fmix32(np.uint32(hashes[i] ^ (hashes[i] >> np.uint64(32))))
            _lower(folded, produced, a, b, row)
            counts[document] += produced


@njit
def _minhash_of_hashes(hashes: Any, a: Any, b: Any, row: Any) -> None:
    folded = np.empty(hashes.size + 8, np.uint32)
    for i in range(hashes.size):
        folded[i] = fmix32(hashes[i])
    _lower(folded, hashes.size, a, b, row)


_FSS_ROUND = np.uint64(0x9E3779B97F4A7C15)
_FSS_SALT = np.uint64(0xD6E8FEB86659FD93)
# A text with more shingles leaves a bin empty in the first round with probability 1e-26.
_FSS_HELD = 8192


@njit
def _fss_round(hashes: Any, count: Any, number: Any, seed: Any, row: Any) -> Any:
    """Lower `row` by round `number` over hashes[:count]; return how many bins are empty.

    Whether a value lowers its bin is a coin's toss in a short text, so there is no branch on it.
    """
    salt = np.uint64(number + 1) * _FSS_ROUND ^ seed
    high = np.uint32(number << 24)
    bins = row.size
    for i in range(count):
        value = (hashes[i] ^ salt) * _FSS_SALT
        value = (value ^ value >> np.uint64(32)) * _FSS_SALT
        value ^= value >> np.uint64(29)
        place = number - bins if number >= bins else np.int64(value >> np.uint64(57))
        low = high | np.uint32(value >> np.uint64(16) & np.uint64(0xFFFFFF))
        row[place] = min(row[place], low)
    empty = 0
    for k in range(bins):
        empty += row[k] == np.uint32(EMPTY_VALUE)
    return empty


@njit
def _fss(data: Any, offsets: Any, classes: Any, seed: Any, values: Any, counts: Any) -> None:
    words = np.empty(CHUNK_TOKENS, np.uint32)
    chars = np.empty(CHUNK_TOKENS, np.uint32)
    hashes = np.empty(2 * CHUNK_TOKENS, np.uint64)
    held = np.empty(_FSS_HELD, np.uint64)
    state = np.empty(6, np.int64)
    for document in range(offsets.size - 1):
        stop = offsets[document + 1]
        state[0], state[1] = offsets[document], -1
        for k in range(2, 6):
            state[k] = 0
        row = values[document]
        for k in range(row.size):
            row[k] = np.uint32(EMPTY_VALUE)
        empty, size = row.size, 0
        while state[0] < stop:
            produced = next_shingles(data, classes, stop, state, words, chars, hashes, 0)
            empty = _fss_round(hashes, produced, 0, seed, row)
            counts[document] += produced
            for i in range(min(produced, _FSS_HELD - size)):
                held[size] = hashes[i]
                size += 1
        number = 1
        while empty and size and number < 2 * row.size:
            empty = _fss_round(held, size, number, seed, row)
            number += 1


@njit
def _fss_of_hashes(hashes: Any, seed: Any, row: Any) -> None:
    empty, number = row.size, 0
    while empty and hashes.size and number < 2 * row.size:
        empty = _fss_round(hashes, hashes.size, number, seed, row)
        number += 1


# --- normalised bytes --------------------------------------------------------------------------


# No byte of UTF-8.
_LEFT_OUT = 0xFF


def _lower_table() -> Bytes:
    """Return what each ASCII character becomes."""
    codes = np.arange(0x80, dtype=np.uint8)
    codes[ord("A") : ord("Z") + 1] += 0x20
    codes[(CODE_POINT_CLASSES[:0x80] & SPACE) != 0] = _LEFT_OUT
    codes.flags.writeable = False
    return codes


_LOWER = _lower_table()


@inlined
def _normalize(
    data: Any, start: Any, stop: Any, classes: Any, lower: Any, out: Any, written: Any
) -> Any:
    at = start
    while at < stop:
        run = min(stop - at, trailing_zeros(high_mask(data, at)))
        for i in range(at, at + run):
            # A space is written as well, and then overwritten: no branch.
            byte = lower[data[i]]
            out[written] = byte
            written += byte != _LEFT_OUT
        at += run
        while at < stop and data[at] >= 0x80:
            if 0xE4 <= data[at] <= 0xE9:
                # U+4000 to U+9FFF: neither spaces nor full-width forms.
                for i in range(3):
                    out[written + i] = data[at + i]
                written += 3
                at += 3
                continue
            code, size = code_point(data, at)
            kind = classes[code]
            if kind & WIDE:
                out[written] = lower[code - 0xFEE0]
                written += 1
            elif kind & SPACE == 0:
                for i in range(size):
                    out[written + i] = data[at + i]
                written += size
            at += size
    return written


@njit
def _normalize_all(
    data: Any, offsets: Any, classes: Any, lower: Any, out: Any, out_offsets: Any
) -> None:
    written = 0
    for document in range(offsets.size - 1):
        start, stop = offsets[document], offsets[document + 1]
        written = _normalize(data, start, stop, classes, lower, out, written)
        out_offsets[document + 1] = written


# --- what other packages call ------------------------------------------------------------------


def permutations(seed: int, count: int = SIGNATURE_VALUES) -> tuple[U32, U32]:
    """Return the odd multipliers and the addends of `count` permutations, as datasketch draws them.

    Both uint32 (count,); `seed` in 0..2^32-1.
    """
    generator = np.random.RandomState(seed)
    a = generator.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return a, generator.randint(0, 1 << 32, count, dtype=np.uint32)


def minhash_of_hashes(hashes: U32, a: U32, b: U32) -> U32:
    """Return the MinHash values of a set of 32-bit hashes; all EMPTY_VALUE where it is empty."""
    row = np.full(a.size, EMPTY_VALUE, np.uint32)
    _minhash_of_hashes(np.ascontiguousarray(hashes, dtype=np.uint32), a, b, row)
    return row


def signatures(data: Bytes, offsets: I64, a: U32, b: U32) -> tuple[U32, npt.NDArray[np.int32]]:
    """Return the MinHash values (n, a.size) of n texts, and how many shingles each has.

    A shingle that occurs twice counts twice. A text without a token has 0, and EMPTY_VALUE
    throughout.
    """
    rows = offsets.size - 1
    values = np.empty((rows, a.size), np.uint32)
    counts = np.zeros(rows, np.int64)
    _sign(data, offsets, CODE_POINT_CLASSES, a, b, values, counts)
    return values, np.minimum(counts, np.iinfo(np.int32).max).astype(np.int32)


def fss_signatures(data: Bytes, offsets: I64, seed: int) -> tuple[U32, npt.NDArray[np.int32]]:
    """Return the values (n, SIGNATURE_VALUES) of n texts by "fss", and shingles as `signatures`."""
    rows = offsets.size - 1
    values = np.empty((rows, SIGNATURE_VALUES), np.uint32)
    counts = np.zeros(rows, np.int64)
    _fss(data, offsets, CODE_POINT_CLASSES, np.uint64(seed), values, counts)
    return values, np.minimum(counts, np.iinfo(np.int32).max).astype(np.int32)


def fss_of_hashes(hashes: npt.NDArray[np.uint64], seed: int) -> U32:
    """Return the values by "fss" of a set of 64-bit hashes; all EMPTY_VALUE where it is empty."""
    row = np.full(SIGNATURE_VALUES, EMPTY_VALUE, np.uint32)
    _fss_of_hashes(np.ascontiguousarray(hashes, dtype=np.uint64), np.uint64(seed), row)
    return row


def normalized_bytes(data: Bytes, offsets: I64) -> tuple[Bytes, I64]:
    """Return n texts as `skypile.text.normalized` leaves them, as bytes and n + 1 offsets."""
    # Damaged UTF-8 may read, and write, three bytes past the end of each text.
    out = np.empty(int(offsets[-1] - offsets[0]) + 4 * offsets.size, np.uint8)
    out_offsets = np.zeros(offsets.size, np.int64)
    _normalize_all(data, offsets, CODE_POINT_CLASSES, _LOWER, out, out_offsets)
    return out, out_offsets
