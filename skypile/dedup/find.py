"""Duplicates of one set of documents, in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from skypile.dedup.bands import BANDS, MAX_BUCKET, ROWS, band_entries, merged_pairs, pairs_of_group
from skypile.dedup.cluster import NO_DROPS, Drops, cluster
from skypile.dedup.exact import exact_copies, exact_entries
from skypile.dedup.formats import COPY, PAIR, U64
from skypile.dedup.same_url import drops_by_page, same_urls, url_entries
from skypile.dedup.settings import Level
from skypile.dedup.signatures import SignatureIndex, SignatureSet
from skypile.dedup.verify import THRESHOLD, Fetch, verified_edges

__all__ = ["find_duplicates"]


def find_duplicates(
    signatures: SignatureSet | Sequence[SignatureSet],
    fetch: Fetch,
    *,
    threshold: float = THRESHOLD,
    bands: int = BANDS,
    rows: int = ROWS,
    max_bucket: int = MAX_BUCKET,
    first: int = 0,
    levels: Sequence[Level] = ("exact", "near"),
) -> Drops:
    """Return every exact copy and every near duplicate with a Jaccard of `threshold` or more.

    `signatures` may be several sets, none of which is copied; they may be memory-mapped. With the
    level `url` also documents of one URL, whose hashes they then hold. Documents at addresses
    below `first` all stay, and are preferred to the others; they are not compared with each other.
    `fetch` returns the UTF-8 texts of ascending addresses; only candidates near the threshold are
    fetched. Equal to the partitioned steps that `skypile.dedup` describes, however these are cut.
    """
    given = [signatures] if isinstance(signatures, SignatureSet) else signatures
    sets = [each for each in given if len(each)]
    if not sets:
        return NO_DROPS
    if first:
        sets = [_with_earlier(each, first) for each in sets]
    index = SignatureIndex(sets)
    copies = np.empty(0, COPY)
    if "exact" in levels:
        copies = exact_copies(np.concatenate([exact_entries(each) for each in sets]))
    pairs = np.empty(0, PAIR)
    if "near" in levels:
        every = _entries_by_band(sets, copies["address"], bands, rows, first)
        words = sets[0].words
        found = (pairs_of_group(e, max_bucket=max_bucket, words=words) for e in every)
        pairs = merged_pairs(found)
    # The left address is the smaller one: where the right one is an earlier document, both are.
    pairs = pairs[pairs["right"] >= np.uint64(first)]
    edges = verified_edges(index, pairs, fetch, threshold=threshold)
    if "url" in levels:
        same_url = same_urls(np.concatenate([url_entries(each) for each in sets]))
        return drops_by_page(index, copies, edges, same_url, earlier=(0, first))
    drops = cluster(index, copies, edges)
    return drops.between(first, (1 << 64) - 1) if first else drops


def _entries_by_band(
    sets: Sequence[SignatureSet], skip: U64, bands: int, rows: int, first: int
) -> Iterator[list[bytes]]:
    """Yield the `band_entry` records of all sets, band by band.

    Of earlier documents only those that share the band with a new one.
    """
    every = [band_entries(each, skip=skip, bands=bands, rows=rows) for each in sets]
    for entries in zip(*every, strict=True):
        if first:
            new = np.concatenate([e["hash"][e["address"] >= np.uint64(first)] for e in entries])
            new = np.unique(new)
            entries = tuple(
                e[(e["address"] >= np.uint64(first)) | _holds(new, e["hash"])] for e in entries
            )
        yield [entry.tobytes() for entry in entries]


def _holds(ascending: U64, values: U64) -> npt.NDArray[np.bool_]:
    """Tell which of `values` are among the `ascending` ones."""
    if not ascending.size:
        return np.zeros(values.size, np.bool_)
    at = np.minimum(np.searchsorted(ascending, values), ascending.size - 1)
    found: npt.NDArray[np.bool_] = ascending[at] == values
    return found


def _with_earlier(signatures: SignatureSet, first: int) -> SignatureSet:
    """Return the set with a further word of preference, by which earlier documents come first."""
    is_new = (signatures.addresses >= np.uint64(first)).astype(np.uint64)
    return replace(signatures, preferences=np.column_stack([is_new, signatures.preferences]))
