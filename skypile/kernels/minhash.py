"""MinHash signatures and normalised bytes of texts, straight from UTF-8.

MinHash value k of a text is the minimum of ``a[k] * fmix32(fold) + b[k] mod 2^32`` over its set of
shingles, fold being the xor of the two halves of the shingle's 64-bit hash. This is the family
"affine32" of datasketch 2.0: given equal 32-bit hashes all values are equal.

Texts must be valid UTF-8 with at least 64 readable bytes behind the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.shingles import (
    CHUNK_TOKENS,
    CODE_POINT_CLASSES,
    SPACE,
    WIDE,
    code_point,
    fmix32,
    next_shingles,
)

__all__ = [
    "EMPTY_VALUE",
    "SIGNATURE_VALUES",
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


# --- normalised bytes --------------------------------------------------------------------------


@njit
def _normalize(data: Any, start: Any, stop: Any, classes: Any, out: Any, written: Any) -> Any:
    at = start
    while at < stop:
        byte = data[at]
        if byte < 0x80:
            upper = (byte >= ord("A")) & (byte <= ord("Z"))
            out[written] = byte | np.uint8(upper << 5)
            written += (classes[byte] & SPACE) == 0
            at += 1
            continue
        code, size = code_point(data, at)
        kind = classes[code]
        if kind & WIDE:
            code -= 0xFEE0
            upper = (code >= ord("A")) & (code <= ord("Z"))
            out[written] = np.uint8(code | (upper << 5))
            written += 1
        elif kind & SPACE == 0:
            for i in range(size):
                out[written + i] = data[at + i]
            written += size
        at += size
    return written


@njit
def _normalize_all(data: Any, offsets: Any, classes: Any, out: Any, out_offsets: Any) -> None:
    written = 0
    for document in range(offsets.size - 1):
        start, stop = offsets[document], offsets[document + 1]
        written = _normalize(data, start, stop, classes, out, written)
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


def normalized_bytes(data: Bytes, offsets: I64) -> tuple[Bytes, I64]:
    """Return n texts as `skypile.text.normalized` leaves them, as bytes and n + 1 offsets."""
    # Damaged UTF-8 may read, and write, three bytes past the end of each text.
    out = np.empty(int(offsets[-1] - offsets[0]) + 4 * offsets.size, np.uint8)
    out_offsets = np.zeros(offsets.size, np.int64)
    _normalize_all(data, offsets, CODE_POINT_CLASSES, out, out_offsets)
    return out, out_offsets
