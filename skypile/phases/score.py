"""Phase score: tokens and model scores of the documents that are still open.

It runs between phases cluster and publish; before phase pair where a recipe looks for duplicates
`after` scoring, and then leaves the signatures of what it did not reject.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.cascade import cascades, window_counts
from skypile.dedup.preference import preferences
from skypile.dedup.signatures import SignatureSet
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import NAMED_FAULTS, part_batches, stage_faults
from skypile.phases.merge import read_drops, score_schema, with_drops
from skypile.phases.work import Entry, digest, finished, local_path, write_entry
from skypile.policy import open_mask

__all__ = ["PartBatch", "PartTask", "open_documents", "scored", "write_scores"]

# What no stage of a score section reads, and few rules do.
UNREAD = frozenset({"raw", "byte_offset", "meta", "url", "source", "id", "exact_hash"})


@dataclass(frozen=True)
class PartTask:
    """One part to score: where it lies, what was dropped of it, and what its results depend on."""

    ref: UnitRef
    part: dict[str, Any]
    drops: str  # "" where duplicates are looked for afterwards
    depends: str  # a hash of the unit's entry and of its drop list

    def name(self, context: Context) -> str:
        """Return the work name of the part's scores, without extension."""
        dedup = context.recipe.dedup
        order = dedup.packed if dedup and not self.drops else None
        key = digest(self.depends, self.part["file"], context.recipe.score_fingerprint(), order)
        return f"score/{key}"


@dataclass(frozen=True)
class PartBatch:
    """A part's open documents on their way through the models."""

    task: PartTask
    batch: pa.RecordBatch


def scored(context: Context, task: PartTask, *, hashes: bool = False) -> Entry | None:
    """Return the part's entry where phase score has finished it."""
    return finished(context.work, task.name(context), hashes=hashes)


def open_documents(context: Context, task: PartTask) -> pa.RecordBatch:
    """Return the part's documents that neither a rule nor deduplication has closed.

    One batch of at most a part's text: model batches are cut from it, so they depend on the part
    alone and not on who scores it.
    """
    dedup = context.recipe.dedup
    needed = {rule.column for step in context.recipe.score for rule in step.rules}
    if task.drops:
        drops = read_drops(context, task.drops, task.ref.unit.name)
    else:
        needed |= {"meta", "source"}  # which copy stays may go by them
    kept: list[pa.RecordBatch] = []
    for batch in part_batches(context, task.part):
        if task.drops:
            batch = with_drops(batch, drops, dedup.threshold if dedup else None)
        names = [name for name in batch.schema.names if name not in UNREAD - needed]
        kept.append(batch.select(names).take(pa.array(np.flatnonzero(open_mask(batch)))))
    return pa.Table.from_batches(kept).combine_chunks().to_batches()[0] if _rows(kept) else kept[0]


def _rows(batches: list[pa.RecordBatch]) -> int:
    return sum(batch.num_rows for batch in batches)


def write_scores(context: Context, task: PartTask, batch: pa.RecordBatch) -> Entry:
    """Write the columns of phase score, row by row of the part's open documents.

    Where duplicates are looked for afterwards, also the signatures of those that are still open.
    """
    schema = score_schema(context.recipe)
    name = task.name(context)
    with context.work.create(f"{name}.parquet") as stream:
        writer = pq.ParquetWriter(stream, schema, compression="zstd", compression_level=1)
        writer.write_batch(batch.select(schema.names).cast(schema))
        writer.close()
    faults = stage_faults(batch)
    files = [f"{name}.parquet"]
    if not task.drops:
        files.append(f"{name}.arrow")
        context.work.create_by(files[-1], _ranked(context, task, batch).save)
    data = {
        "file": files[0],
        "signatures": files[1] if files[1:] else None,
        "rows": batch.num_rows,
        "windows": dict(window_counts(batch, cascades(context.recipe.score))),
        "stage_errors": len(faults),
        "stage_faults": faults[:NAMED_FAULTS],
    }
    return write_entry(context.work, name, files, data)


def _ranked(context: Context, task: PartTask, batch: pa.RecordBatch) -> SignatureSet:
    """Return the signatures of the documents of `batch` still open, in the recipe's order."""
    dedup = context.recipe.dedup
    assert dedup is not None
    signed = SignatureSet.load(local_path(context.work, task.part["signatures"]))
    rows = batch.take(pa.array(np.flatnonzero(open_mask(batch))))
    number = np.asarray(rows.column("row")).astype(np.uint64)
    order = np.argsort(number)
    at = np.searchsorted(signed.addresses, number[order])
    assert np.array_equal(signed.addresses[at], number[order])
    ranks = preferences(rows, dedup.prefer, dedup.sources)[order]
    return replace(signed.take(at), preferences=ranks)
