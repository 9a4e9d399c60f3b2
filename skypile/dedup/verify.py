"""Verification: which candidates are as similar as the threshold asks.

A MinHash estimate from 128 values has a standard error of sqrt(J (1 - J) / 128), .035 at J = .8.
Farther than `MARGIN` (3.4 standard errors) from the threshold it decides; nearer, the sets of
shingles themselves are compared. On its own the estimate would drop documents that are not
similar enough: only .53 to .67 of the candidates of 14 bands of 8 rows have J >= .8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from skypile.dedup.bands import merged_pairs
from skypile.dedup.formats import EDGE, THRESHOLD, U64, Records
from skypile.dedup.signatures import SignatureIndex
from skypile.kernels.shingles import shared_count, shingle_hashes

__all__ = [
    "MARGIN",
    "THRESHOLD",
    "Fetch",
    "edges_of_group",
    "estimate",
    "exact_jaccard",
    "verified_edges",
]

# Takes distinct addresses in ascending order, returns their texts as UTF-8 in that order.
Fetch = Callable[[U64], Sequence[bytes]]

MARGIN = 0.12

_PADDING = bytes(64)
_SLICE_PAIRS = 1 << 14  # 2 x 8 MB of MinHash values
_FETCH_PAIRS = 1024
_FETCH_CHARS = 16_000_000


def estimate(
    left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]
) -> npt.NDArray[np.float32]:
    """Return the share of equal values of each pair of signatures (n, values): float32 (n,)."""
    agreeing: npt.NDArray[np.float32] = np.mean(left == right, axis=1, dtype=np.float32)
    return agreeing


def exact_jaccard(left: Sequence[bytes], right: Sequence[bytes]) -> npt.NDArray[np.float64]:
    """Return |A and B| / |A or B| of the shingle sets of each pair of UTF-8 texts.

    0 where neither text has a token.
    """
    pairs = zip(left, right, strict=True)
    return np.array([_jaccard(_shingle_set(a), _shingle_set(b)) for a, b in pairs], np.float64)


def _shingle_set(text: bytes) -> U64:
    return shingle_hashes(np.frombuffer(text + _PADDING, np.uint8), 0, len(text))


def _jaccard(left: U64, right: U64) -> float:
    shared = shared_count(left, right)
    return shared / max(left.size + right.size - shared, 1)


def verified_edges(
    index: SignatureIndex, pairs: Records, fetch: Fetch, *, threshold: float = THRESHOLD
) -> Records:
    """Return an EDGE for each of the ascending PAIR records with a Jaccard of `threshold` or more.

    `jaccard` is exact where `checked`, else estimated. `fetch` is asked for the texts of at most
    1,024 pairs at once, and of 16 million characters unless one pair alone has more.
    """
    slices = range(0, pairs.size, _SLICE_PAIRS)
    found = [
        _edges_of_slice(index, pairs[start : start + _SLICE_PAIRS], fetch, threshold)
        for start in slices
    ]
    return np.concatenate([*found, np.empty(0, EDGE)])


def _edges_of_slice(
    index: SignatureIndex, pairs: Records, fetch: Fetch, threshold: float
) -> Records:
    left, right = index.minhashes(pairs["left"]), index.minhashes(pairs["right"])
    jaccard = estimate(left, right).astype(np.float64)
    checked = np.abs(jaccard - threshold) <= MARGIN
    jaccard[checked] = _fetched_jaccard(index, pairs[checked], fetch)
    edges = np.empty(pairs.size, EDGE)
    edges["left"], edges["right"] = pairs["left"], pairs["right"]
    edges["jaccard"], edges["checked"] = jaccard, checked
    return edges[jaccard >= threshold]


def _fetched_jaccard(
    index: SignatureIndex, pairs: Records, fetch: Fetch
) -> npt.NDArray[np.float64]:
    jaccard = np.empty(pairs.size, np.float64)
    chars = index.lengths(pairs["left"]) + index.lengths(pairs["right"])
    for start, stop in _fetch_slices(chars):
        left, right = pairs["left"][start:stop], pairs["right"][start:stop]
        addresses = np.unique(np.concatenate((left, right)))
        texts = fetch(addresses)
        assert len(texts) == addresses.size, "fetch returned another number of texts"
        sets = [_shingle_set(text) for text in texts]
        ends = zip(np.searchsorted(addresses, left), np.searchsorted(addresses, right), strict=True)
        jaccard[start:stop] = [_jaccard(sets[one], sets[two]) for one, two in ends]
    return jaccard


def _fetch_slices(chars: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    start, held = 0, 0
    for at, size in enumerate(chars.tolist()):
        if at > start and (at - start == _FETCH_PAIRS or held + size > _FETCH_CHARS):
            yield start, at
            start, held = at, 0
        held += size
    if chars.size:
        yield start, chars.size


def edges_of_group(
    chunks: Iterable[bytes],
    index: SignatureIndex,
    fetch: Fetch,
    *,
    threshold: float = THRESHOLD,
) -> bytes:
    """Return the EDGE records of the PAIR records of all chunks; a repeated pair counts once."""
    return verified_edges(index, merged_pairs(chunks), fetch, threshold=threshold).tobytes()
