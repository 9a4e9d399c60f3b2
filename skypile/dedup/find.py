"""Duplicates of one set of documents, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skypile.dedup.bands import BANDS, MAX_BUCKET, ROWS, band_entries, merged_pairs, pairs_of_group
from skypile.dedup.cluster import Drops, cluster
from skypile.dedup.exact import exact_copies, exact_entries
from skypile.dedup.formats import COPY
from skypile.dedup.same_url import drops_by_page, same_urls, url_entries
from skypile.dedup.settings import Level
from skypile.dedup.signatures import SignatureIndex, SignatureSet
from skypile.dedup.verify import THRESHOLD, Fetch, verified_edges

__all__ = ["find_duplicates"]


def find_duplicates(
    signatures: SignatureSet,
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

    With the level `url` also documents of one URL, whose hashes `signatures` then holds.
    Documents at addresses below `first` all stay, and are preferred to the others; they are not
    compared with each other. `fetch` returns the UTF-8 texts of ascending addresses; only
    candidates near the threshold are fetched. Equal to the partitioned steps that `skypile.dedup`
    describes, however these are cut.
    """
    if first:
        signatures = _with_earlier(signatures, first)
    index = SignatureIndex([signatures])
    copies = np.empty(0, COPY)
    if "exact" in levels:
        copies = exact_copies(exact_entries(signatures))
    chosen = None if "near" in levels else ()
    every = band_entries(signatures, skip=copies["address"], bands=bands, rows=rows, chosen=chosen)
    pairs = merged_pairs(
        [
            pairs_of_group([entries.tobytes()], max_bucket=max_bucket, words=signatures.words)
            for entries in every
        ]
    )
    # The left address is the smaller one: where the right one is an earlier document, both are.
    pairs = pairs[pairs["right"] >= np.uint64(first)]
    edges = verified_edges(index, pairs, fetch, threshold=threshold)
    if "url" in levels:
        same_url = same_urls(url_entries(signatures))
        return drops_by_page(index, copies, edges, same_url, earlier=(0, first))
    drops = cluster(index, copies, edges)
    return drops.between(first, (1 << 64) - 1) if first else drops


def _with_earlier(signatures: SignatureSet, first: int) -> SignatureSet:
    """Return the set with a further word of preference, by which earlier documents come first."""
    is_new = (signatures.addresses >= np.uint64(first)).astype(np.uint64)
    return replace(signatures, preferences=np.column_stack([is_new, signatures.preferences]))
