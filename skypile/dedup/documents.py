"""From judged documents to what deduplication knows of them, the start of all ways to find copies.

``skypile build`` keeps the set of each part as a file; ``skypile dedup`` and ``filter --dedup``
keep those of all documents in memory.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.dedup.formats import U64
from skypile.dedup.preference import preferences
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet, address_of, pack
from skypile.policy import open_mask
from skypile.urls import hosts, page_hashes, value_hashes

__all__ = ["open_signatures", "scopes", "url_hashes"]


def open_signatures(
    batch: pa.RecordBatch, settings: Dedup, *, unit: int = 0, ranked: bool = True
) -> SignatureSet:
    """Return the signatures of the documents of `batch` that no rule has closed.

    `batch` has the columns of stage `signature` and those that `settings` names. Without `ranked`
    none is preferred to another: what `prefer` names need not be there.
    """
    rows = batch.take(pa.array(np.flatnonzero(open_mask(batch))))
    preferred: U64 = np.zeros((rows.num_rows, settings.words), np.uint64)
    if ranked:
        preferred = preferences(rows, settings.prefer, settings.sources)
    return pack(
        addresses=address_of(unit, np.asarray(rows.column("row"))),
        exact_hash=rows.column("exact_hash"),
        minhash=rows.column("minhash"),
        shingle_count=rows.column("shingle_count"),
        length=np.asarray(pc.utf8_length(rows.column("text"))).astype(np.int64),
        preferences=preferred,
        url=url_hashes(rows, settings),
        scope=scopes(rows, settings),
    )


def url_hashes(batch: pa.RecordBatch, settings: Dedup) -> U64 | None:
    """Return the hash of each document's page, uint64 (rows, 2), where URLs are compared."""
    return page_hashes(batch.column("url")) if "url" in settings.levels else None


def scopes(batch: pa.RecordBatch, settings: Dedup) -> U64 | None:
    """Return what each document is compared within, uint64 (rows,); None where within all."""
    if settings.within is None:
        return None
    if settings.within == "site":
        return value_hashes(hosts(batch.column("url")))
    return value_hashes(batch.column(settings.within))
