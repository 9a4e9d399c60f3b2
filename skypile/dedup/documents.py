"""From judged documents to what deduplication knows of them, the start of all ways to find copies.

``skypile build`` keeps the set of each part as a file; ``skypile dedup`` and ``filter --dedup``
keep those of all documents in memory.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.dedup.preference import preferences
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet, address_of, pack
from skypile.policy import open_mask

__all__ = ["open_signatures"]


def open_signatures(batch: pa.RecordBatch, settings: Dedup, *, unit: int = 0) -> SignatureSet:
    """Return the signatures of the documents of `batch` that no rule has closed.

    `batch` has the columns of stage `signature` and those that `settings.prefer` names.
    """
    rows = batch.take(pa.array(np.flatnonzero(open_mask(batch))))
    return pack(
        addresses=address_of(unit, np.asarray(rows.column("row"))),
        exact_hash=rows.column("exact_hash"),
        minhash=rows.column("minhash"),
        shingle_count=rows.column("shingle_count"),
        length=np.asarray(pc.utf8_length(rows.column("text"))).astype(np.int64),
        preferences=preferences(rows, settings.prefer, settings.sources),
    )
