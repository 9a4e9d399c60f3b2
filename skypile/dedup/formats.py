"""The arrays that cross a shuffle, as packed little-endian structured dtypes, and their bytes.

An address is ``unit << 32 | row``. A preference is one or more numbers whose smaller values stay
(`skypile.dedup.preference`); ties go to the smaller address, so that the order is total.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = [
    "ALARM",
    "COPY",
    "EDGE",
    "PAIR",
    "PARTITIONS",
    "THRESHOLD",
    "U64",
    "Records",
    "band_entry",
    "exact_entry",
    "joined",
    "preferred_order",
    "top_bits",
]

# A structured array; NumPy's types cannot say of which dtype.
Records = npt.NDArray[np.void]
U64 = npt.NDArray[np.uint64]

THRESHOLD = 0.8
ALARM = 10_000  # documents of one family

# 16 bands of 16 partitions: 256 keys, one array per key and unit. Few and large elements.
PARTITION_BITS = 4
PARTITIONS = 1 << PARTITION_BITS

COPY = np.dtype([("address", "<u8"), ("kept", "<u8")])
PAIR = np.dtype([("left", "<u8"), ("right", "<u8")])
EDGE = np.dtype([("left", "<u8"), ("right", "<u8"), ("jaccard", "<f4"), ("checked", "?")])


def exact_entry(words: int = 1) -> np.dtype[np.void]:
    """Return the record of a document's exact hash, with a preference of `words` words."""
    names = ("high", "low", "address")
    return np.dtype([*((name, "<u8") for name in names), ("preference", "<u8", (words,))])


def band_entry(words: int = 1) -> np.dtype[np.void]:
    """Return the record of one band of a document, with a preference of `words` words."""
    return np.dtype([("hash", "<u8"), ("address", "<u8"), ("preference", "<u8", (words,))])


def preferred_order(addresses: U64, preferences: U64, *groups: U64) -> npt.NDArray[np.intp]:
    """Return the positions by group (the last of `groups` first), preference (n, words), address.

    Total where addresses differ.
    """
    return np.lexsort((addresses, *reversed(preferences.T), *groups))


def joined(chunks: Iterable[bytes], dtype: np.dtype[np.void]) -> Records:
    """Return the records of all chunks in one array."""
    return np.frombuffer(b"".join(chunks), dtype)


def top_bits(hashes: U64) -> npt.NDArray[np.intp]:
    """Return the partition of each hash, 0..PARTITIONS-1."""
    return (hashes >> np.uint64(64 - PARTITION_BITS)).astype(np.intp)
