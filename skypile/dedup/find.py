"""Duplicates of one set of documents, in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skypile.dedup.bands import BANDS, MAX_BUCKET, ROWS, band_entries, merged_pairs, pairs_of_group
from skypile.dedup.cluster import Drops, cluster
from skypile.dedup.exact import exact_copies, exact_entries
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
) -> Drops:
    """Return every exact copy and every near duplicate with a Jaccard of `threshold` or more.

    Documents at addresses below `first` all stay, and are preferred to the others; they are not
    compared with each other. `fetch` returns the UTF-8 texts of ascending addresses; only
    candidates near the threshold are fetched. Equal to the partitioned steps that `skypile.dedup`
    describes, however these are cut.
    """
    if first:
        signatures = _with_earlier(signatures, first)
    index = SignatureIndex([signatures])
    copies = exact_copies(exact_entries(signatures))
    every = band_entries(signatures, skip=copies["address"], bands=bands, rows=rows)
    pairs = merged_pairs(
        [
            pairs_of_group([entries.tobytes()], max_bucket=max_bucket, words=signatures.words)
            for entries in every
        ]
    )
    # The left address is the smaller one: where the right one is an earlier document, both are.
    pairs = pairs[pairs["right"] >= np.uint64(first)]
    edges = verified_edges(index, pairs, fetch, threshold=threshold)
    drops = cluster(index, copies, edges)
    return drops.between(first, (1 << 64) - 1) if first else drops


def _with_earlier(signatures: SignatureSet, first: int) -> SignatureSet:
    """Return the set with a further word of preference, by which earlier documents come first."""
    is_new = (signatures.addresses >= np.uint64(first)).astype(np.uint64)
    return replace(signatures, preferences=np.column_stack([is_new, signatures.preferences]))
