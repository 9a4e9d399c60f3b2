"""The arrays that cross a shuffle, as packed little-endian structured dtypes, and their bytes.

An address is ``unit << 32 | row``. A preference is one or more numbers whose smaller values stay
(`skypile.dedup.preference`); ties go to the smaller address, so that the order is total.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

__all__ = [
    "ALARM",
    "COPY",
    "EDGE",
    "PAIR",
    "PARTITIONS",
    "SAME_URL",
    "THRESHOLD",
    "U64",
    "URL_ENTRY",
    "Records",
    "band_entry",
    "by_partition",
    "exact_entry",
    "joined",
    "partitions_for",
    "preferred_order",
    "top_bits",
]

# A structured array; NumPy's types cannot say of which dtype.
Records = npt.NDArray[np.void]
U64 = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.intp]

THRESHOLD = 0.8
ALARM = 10_000  # documents of one family

# 16 bands of 16 partitions: 256 keys, one array per key and unit. Few and large elements.
PARTITIONS = 16
# Of a larger corpus there are more: a group of this many entries takes 0.4 GB to be sorted.
GROUP_ENTRIES = 4_000_000

# A document whose URL another one has; `group` is the same for all of one URL.
SAME_URL = np.dtype([("address", "<u8"), ("group", "<u8")])
URL_ENTRY = np.dtype([("high", "<u8"), ("low", "<u8"), ("address", "<u8")])
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


def partitions_for(documents: int) -> int:
    """Return into how many partitions the hashes of `documents` documents go: a power of two.

    16 up to 64 million, 256 for a billion. What is found does not depend on it.
    """
    return max(PARTITIONS, 1 << (max(documents - 1, 0) // GROUP_ENTRIES).bit_length())


def by_partition(hashes: U64, partitions: int = PARTITIONS) -> Iterator[tuple[int, Indices]]:
    """Yield (partition, positions of its hashes, ascending) for each that has some.

    The partition is the upper bits of a hash; there is a power of two of them.

    >>> list(by_partition(np.empty(0, np.uint64)))
    []
    """
    if not hashes.size:
        return  # np.split makes one part of nothing
    parts = top_bits(hashes, partitions)
    order = np.argsort(parts, kind="stable")
    numbers, starts = np.unique(parts[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)


def top_bits(hashes: U64, partitions: int = PARTITIONS) -> npt.NDArray[np.intp]:
    """Return the partition of each hash, 0..partitions-1."""
    return (hashes >> np.uint64(65 - partitions.bit_length())).astype(np.intp)
