"""Banding: which pairs of documents are worth comparing.

Documents that agree in all rows of at least one band are candidates (Leskovec, Rajaraman, Ullman,
Mining of Massive Datasets, 3.4.2): with 16 bands of 8 rows a pair of Jaccard J is found with
probability 1 - (1 - J^8)^16: .95 at .8, .9999 at .9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from skypile.dedup.formats import (
    PAIR,
    PARTITIONS,
    THRESHOLD,
    U64,
    Records,
    band_entry,
    by_partition,
    joined,
    preferred_order,
)
from skypile.dedup.signatures import SignatureSet
from skypile.errors import RecipeError

__all__ = [
    "BANDS",
    "MAX_BUCKET",
    "ROWS",
    "VALUES",
    "band_entries",
    "band_hashes",
    "candidate_pairs",
    "merged_pairs",
    "optimal_bands",
    "pack_band_keys",
    "pack_pair_keys",
    "pairs_of_group",
]

VALUES = 128
BANDS = 16  # optimal_bands(THRESHOLD), spelt out for defaults; a test holds them to it
ROWS = 8
MAX_BUCKET = 64
# What a pair below the threshold costs that is proposed, and one above it that is not. Candidates
# are verified, so the first costs time and the second a duplicate; datasketch's (.5, .5) would give
# 9 bands of 13 rows at .8 and lose a tenth of the pairs at .9.
FALSE_WEIGHTS = (0.05, 0.95)

_SLICE_ROWS = 1 << 14  # three columns of 8 bytes stay in the second-level cache
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FINAL_MULTIPLIER = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)


@lru_cache(maxsize=64)
def optimal_bands(threshold: float = THRESHOLD, values: int = VALUES) -> tuple[int, int]:
    """Return the bands and rows, of at most `values` values, that lose least at `threshold`.

    Least is the sum, by FALSE_WEIGHTS, of the chance of being proposed over all J below the
    threshold and of not being proposed over all J above it: what `_optimal_param` of datasketch
    minimises (there by adaptive integration, here by Gauss and Legendre's rule, which is exact for
    polynomials of degree up to 2 n - 1). Of equals the fewest bands, then the fewest rows.
    """
    bands = np.repeat(np.arange(1, values + 1), values // np.arange(1, values + 1))
    rows = np.concatenate([np.arange(1, values // each + 1) for each in range(1, values + 1)])
    nodes, weights = np.polynomial.legendre.leggauss(values // 2 + 1)
    unproposed = []
    for low, high in ((0.0, threshold), (threshold, 1.0)):
        jaccard = low + (nodes + 1) * (high - low) / 2
        missed = (1 - jaccard ** rows[:, None]) ** bands[:, None]
        unproposed.append(missed @ weights * (high - low) / 2)
    false_positive, false_negative = threshold - unproposed[0], unproposed[1]
    loss = FALSE_WEIGHTS[0] * false_positive + FALSE_WEIGHTS[1] * false_negative
    best = int(np.argmin(loss))
    return int(bands[best]), int(rows[best])


def band_hashes(
    minhash: npt.NDArray[np.uint32],
    bands: int = BANDS,
    rows: int = ROWS,
    *,
    chosen: Sequence[int] | None = None,
) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of each band: uint64 (n, bands) from the first bands * rows values.

    With `chosen` those of these bands only, (n, len(chosen)). RecipeError where a signature has
    fewer values.
    """
    if bands < 1 or rows < 1 or bands * rows > minhash.shape[1]:
        raise RecipeError(
            f"dedup: {bands} bands of {rows} rows need {bands * rows} MinHash values; "
            f"a signature has {minhash.shape[1]}"
        )
    chosen = range(bands) if chosen is None else chosen
    hashes = np.empty((minhash.shape[0], len(chosen)), np.uint64)
    for start in range(0, minhash.shape[0], _SLICE_ROWS):
        values = minhash[start : start + _SLICE_ROWS].astype(np.uint64)
        for column, band in enumerate(chosen):
            folded = np.full(values.shape[0], band + 1, np.uint64)
            for row in range(band * rows, (band + 1) * rows):
                folded = (folded ^ values[:, row]) * _MULTIPLIER
                folded ^= folded >> _SHIFT
            folded *= _FINAL_MULTIPLIER
            hashes[start : start + _SLICE_ROWS, column] = folded ^ (folded >> _SHIFT)
    return hashes


def band_entries(
    signatures: SignatureSet,
    *,
    skip: U64,
    bands: int = BANDS,
    rows: int = ROWS,
    chosen: Sequence[int] | None = None,
) -> Iterator[Records]:
    """Yield the `band_entry` records of each band, or of the bands `chosen`.

    Documents without a shingle and those at the addresses `skip` (exact copies) are left out.
    """
    entering = (signatures.shingle_count > 0) & ~np.isin(signatures.addresses, skip)
    # Hashing all and choosing then copies 112 bytes for a document, the other way round 512.
    hashes = band_hashes(signatures.minhash, bands, rows, chosen=chosen)[entering]
    addresses, preferences = signatures.addresses[entering], signatures.preferences[entering]
    scope = None if signatures.scope is None else signatures.scope[entering]
    for column in range(hashes.shape[1]):
        entries = np.empty(hashes.shape[0], band_entry(signatures.words))
        entries["hash"] = hashes[:, column] if scope is None else hashes[:, column] ^ scope
        entries["address"] = addresses
        entries["preference"] = preferences
        yield entries


def candidate_pairs(
    hashes: U64, addresses: U64, preferences: U64, *, max_bucket: int = MAX_BUCKET
) -> tuple[U64, U64]:
    """Return the pairs (left < right, uint64) of documents with equal hashes in one band.

    `preferences` is (n, words). A bucket of up to `max_bucket` documents gives all its pairs. A
    larger one of n documents gives at most 2n - 3: its most preferred document with every other,
    and each with the next in order of preference. What is lost there are copies that resemble
    neither: they are found only if another band brings them together. The centre is the most
    preferred, not any document, since it is the one that clustering keeps; around another one about
    half of a large family of copies would be left standing. Sorted, without repetition, whatever
    the order of the input.
    """
    shared = _with_company(hashes)
    hashes, addresses, preferences = hashes[shared], addresses[shared], preferences[shared]
    order = preferred_order(addresses, preferences, hashes)
    hashes, addresses = hashes[order], addresses[order]
    first, size = _buckets(hashes)
    position = np.arange(hashes.size)
    small = np.flatnonzero((size > 1) & (size <= max_bucket))
    left, right = [], []
    for distance in range(1, max_bucket):
        small = small[position[small] + distance < first[small] + size[small]]
        if small.size == 0:
            break
        left.append(small)
        right.append(small + distance)
    other = np.flatnonzero((size > max_bucket) & (size > 1) & (position > first))
    chained = other[other - 1 > first[other]]
    left += [first[other], chained - 1]
    right += [other, chained]
    one, two = addresses[np.concatenate(left)], addresses[np.concatenate(right)]
    pairs = _sorted_pairs(np.minimum(one, two), np.maximum(one, two))
    return pairs["left"], pairs["right"]


def _with_company(hashes: U64) -> npt.NDArray[np.intp]:
    """Return the positions of the hashes that occur more than once: mostly few, so sort those."""
    order = np.argsort(hashes)
    ascending = hashes[order]
    same = ascending[1:] == ascending[:-1]
    member = np.zeros(hashes.size, np.bool_)
    member[1:] |= same
    member[:-1] |= same
    return order[member]


def _buckets(hashes: U64) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the first position and the size of the bucket of each of the sorted hashes."""
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    starts = starts[: hashes.size]
    sizes = np.diff(np.append(starts, hashes.size))
    return np.repeat(starts, sizes), np.repeat(sizes, sizes)


def _sorted_pairs(left: U64, right: U64) -> Records:
    """Return the distinct PAIR records, ascending."""
    order = np.lexsort((right, left))
    pairs = np.empty(order.size, PAIR)
    pairs["left"], pairs["right"] = left[order], right[order]
    if pairs.size == 0:
        return pairs
    left, right = pairs["left"], pairs["right"]
    new = np.concatenate(([True], (left[1:] != left[:-1]) | (right[1:] != right[:-1])))
    return pairs[new]


def pack_band_keys(
    signatures: SignatureSet,
    *,
    skip: U64,
    bands: int = BANDS,
    rows: int = ROWS,
    partitions: int = PARTITIONS,
    first_key: int = 0,
    end_key: int = 1 << 32,
    wanted: Callable[[U64], npt.NDArray[np.bool_]] | None = None,
) -> Iterator[tuple[int, bytes]]:
    """Yield (band * partitions + partition, `band_entry` records); see `band_entries`.

    Only keys from `first_key` to before `end_key`, and hashes that are `wanted`.
    """
    end_key = min(end_key, bands * partitions)
    chosen = range(first_key // partitions, -(-end_key // partitions))
    every = band_entries(signatures, skip=skip, bands=bands, rows=rows, chosen=chosen)
    for band, entries in zip(chosen, every, strict=True):
        if wanted is not None:
            entries = entries[wanted(entries["hash"])]
        for part, at in by_partition(entries["hash"], partitions):
            key = band * partitions + part
            if first_key <= key < end_key:
                yield key, entries[at].tobytes()


def pairs_of_group(
    chunks: Iterable[bytes], *, max_bucket: int = MAX_BUCKET, words: int = 1
) -> bytes:
    """Return the PAIR records of the chunks of one band and partition, in any order.

    Preferences are of `words` words.
    """
    entries = joined(chunks, band_entry(words))
    left, right = candidate_pairs(
        entries["hash"], entries["address"], entries["preference"], max_bucket=max_bucket
    )
    pairs = np.empty(left.size, PAIR)
    pairs["left"], pairs["right"] = left, right
    return pairs.tobytes()


def pack_pair_keys(pairs: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (unit of the pair's left document, PAIR records).

    So a pair that several bands found meets itself, and each group reads one unit and those that
    it resembles.
    """
    records = np.frombuffer(pairs, PAIR)
    units = records["left"] >> np.uint64(32)
    for unit in np.unique(units).tolist():
        yield unit, records[units == unit].tobytes()


def merged_pairs(chunks: Iterable[bytes]) -> Records:
    """Return the distinct PAIR records of all chunks, ascending."""
    pairs = joined(chunks, PAIR)
    return _sorted_pairs(pairs["left"], pairs["right"])
