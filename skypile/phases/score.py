"""Phase score: tokens and model scores of the documents that are still open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import NAMED_FAULTS, part_batches, stage_faults
from skypile.phases.merge import read_drops, score_schema, with_drops
from skypile.phases.work import Entry, digest, finished, write_entry
from skypile.policy import open_mask

__all__ = ["PartBatch", "PartTask", "open_documents", "scored", "write_scores"]

# What no stage of a score section reads, and few rules do.
UNREAD = frozenset({"raw", "byte_offset", "meta", "url", "source", "id", "exact_hash"})


@dataclass(frozen=True)
class PartTask:
    """One part to score: where it lies, what was dropped of it, and what its results depend on."""

    ref: UnitRef
    part: dict[str, Any]
    drops: str
    depends: str  # a hash of the unit's entry and of its drop list

    def name(self, context: Context) -> str:
        """Return the work name of the part's scores, without extension."""
        key = digest(self.depends, self.part["file"], context.recipe.score_fingerprint())
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
    drops = read_drops(context, task.drops, task.ref.unit.name)
    threshold = context.recipe.dedup.threshold if context.recipe.dedup else None
    tested = {rule.column for step in context.recipe.score for rule in step.rules}
    kept: list[pa.RecordBatch] = []
    for batch in part_batches(context, task.part):
        batch = with_drops(batch, drops, threshold)
        names = [name for name in batch.schema.names if name not in UNREAD - tested]
        kept.append(batch.select(names).take(pa.array(np.flatnonzero(open_mask(batch)))))
    return pa.Table.from_batches(kept).combine_chunks().to_batches()[0] if _rows(kept) else kept[0]


def _rows(batches: list[pa.RecordBatch]) -> int:
    return sum(batch.num_rows for batch in batches)


def write_scores(context: Context, task: PartTask, batch: pa.RecordBatch) -> Entry:
    """Write the columns of phase score, row by row of the part's open documents."""
    schema = score_schema(context.recipe)
    name = task.name(context)
    with context.work.create(f"{name}.parquet") as stream:
        writer = pq.ParquetWriter(stream, schema, compression="zstd", compression_level=1)
        writer.write_batch(batch.select(schema.names).cast(schema))
        writer.close()
    faults = stage_faults(batch)
    data = {
        "file": f"{name}.parquet",
        "rows": batch.num_rows,
        "stage_errors": len(faults),
        "stage_faults": faults[:NAMED_FAULTS],
    }
    return write_entry(context.work, name, [f"{name}.parquet"], data)
