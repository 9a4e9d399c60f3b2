"""Exact copies: documents whose normalised texts have the same 128-bit hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from skypile.dedup.formats import (
    COPY,
    PARTITIONS,
    Records,
    by_partition,
    exact_entry,
    joined,
    preferred_order,
)
from skypile.dedup.signatures import SignatureSet

__all__ = ["copies_of_group", "exact_copies", "exact_entries", "merged_copies", "pack_exact_keys"]


def exact_entries(signatures: SignatureSet) -> Records:
    """Return one `exact_entry` for each document."""
    entries = np.empty(len(signatures), exact_entry(signatures.words))
    entries["high"] = signatures.scoped(signatures.exact[:, 0])
    entries["low"] = signatures.exact[:, 1]
    entries["address"] = signatures.addresses
    entries["preference"] = signatures.preferences
    return entries


def exact_copies(entries: Records) -> Records:
    """Return a COPY for each document with an equal that is preferred, by ascending address.

    `kept` is the most preferred of all equals. Among 1e9 different texts two hashes are equal with
    probability 1.5e-21.
    """
    keys = (entries[name] for name in ("address", "preference", "low", "high"))
    entries = entries[preferred_order(*keys)]
    if entries.size == 0:
        return np.empty(0, COPY)
    high, low = entries["high"], entries["low"]
    first = np.concatenate(([True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
    winners = entries["address"][first][np.cumsum(first) - 1]
    copies = np.empty(np.count_nonzero(~first), COPY)
    copies["address"] = entries["address"][~first]
    copies["kept"] = winners[~first]
    return np.sort(copies, order="address")


def pack_exact_keys(
    signatures: SignatureSet, *, partitions: int = PARTITIONS
) -> Iterator[tuple[int, bytes]]:
    """Yield (partition, `exact_entry` records); equal hashes fall into one partition."""
    entries = exact_entries(signatures)
    for part, at in by_partition(entries["high"], partitions):
        yield part, entries[at].tobytes()


def copies_of_group(chunks: Iterable[bytes], *, words: int = 1) -> bytes:
    """Return the COPY records of one partition's chunks, which may come in any order.

    Preferences are of `words` words.
    """
    return exact_copies(joined(chunks, exact_entry(words))).tobytes()


def merged_copies(chunks: Iterable[bytes]) -> Records:
    """Return the COPY records of all partitions, by ascending address."""
    return np.sort(joined(chunks, COPY), order="address")
