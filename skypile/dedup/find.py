"""Duplicates of one set of documents, in memory."""

from __future__ import annotations

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
) -> Drops:
    """Return every exact copy and every near duplicate with a Jaccard of `threshold` or more.

    `fetch` returns the UTF-8 texts of ascending addresses; only candidates near the threshold are
    fetched. Equal to the partitioned steps that `skypile.dedup` describes, however these are cut.
    """
    index = SignatureIndex([signatures])
    copies = exact_copies(exact_entries(signatures))
    every = band_entries(signatures, skip=copies["address"], bands=bands, rows=rows)
    pairs = merged_pairs(
        [
            pairs_of_group([entries.tobytes()], max_bucket=max_bucket, words=signatures.words)
            for entries in every
        ]
    )
    edges = verified_edges(index, pairs, fetch, threshold=threshold)
    return cluster(index, copies, edges)
