"""The arrays that cross a shuffle, as packed little-endian structured dtypes, and their bytes.

An address is ``unit << 32 | row``. A preference is a number whose smaller values stay
(`signatures.preferences`); ties go to the smaller address, so that the order is total.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

__all__ = [
    "BAND_ENTRY",
    "COPY",
    "EDGE",
    "EXACT_ENTRY",
    "PAIR",
    "PARTITIONS",
    "U64",
    "Records",
    "joined",
    "top_bits",
]

# A structured array; NumPy's types cannot say of which dtype.
Records = npt.NDArray[np.void]
U64 = npt.NDArray[np.uint64]

# 14 bands of 16 partitions: 224 keys, one array per key and unit. Few and large elements.
PARTITION_BITS = 4
PARTITIONS = 1 << PARTITION_BITS

EXACT_ENTRY = np.dtype([("high", "<u8"), ("low", "<u8"), ("address", "<u8"), ("preference", "<u8")])
COPY = np.dtype([("address", "<u8"), ("kept", "<u8")])
BAND_ENTRY = np.dtype([("hash", "<u8"), ("address", "<u8"), ("preference", "<u8")])
PAIR = np.dtype([("left", "<u8"), ("right", "<u8")])
EDGE = np.dtype([("left", "<u8"), ("right", "<u8"), ("jaccard", "<f4"), ("checked", "?")])


def joined(chunks: Iterable[bytes], dtype: np.dtype[np.void]) -> Records:
    """Return the records of all chunks in one array."""
    return np.frombuffer(b"".join(chunks), dtype)


def top_bits(hashes: U64) -> npt.NDArray[np.intp]:
    """Return the partition of each hash, 0..PARTITIONS-1."""
    return (hashes >> np.uint64(64 - PARTITION_BITS)).astype(np.intp)
