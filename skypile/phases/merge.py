"""A part's rows together with what the later phases found out about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.phases.context import Context
from skypile.phases.curate import opened, part_batches
from skypile.policy import open_mask
from skypile.recipe import Recipe
from skypile.schema import OUTCOME_FIELDS, REJECTED, set_columns

__all__ = [
    "DROP_SCHEMA",
    "merged_batches",
    "read_drops",
    "read_scores",
    "score_schema",
    "with_drops",
    "with_scores",
]

# What phases pair and cluster say about single rows of a unit, by row. `reason` is null where the
# row is no duplicate and only its id had occurred before.
DROP_SCHEMA = pa.schema(
    [
        ("row", pa.uint32()),
        ("reason", pa.string()),
        ("jaccard", pa.float64()),
        ("duplicate_of", pa.string()),
        ("id_replaced", pa.bool_()),
    ]
)


def score_schema(recipe: Recipe) -> pa.Schema:
    """Return the schema of what phase score writes for the documents that it saw."""
    fields = [pa.field("row", pa.uint32()), *OUTCOME_FIELDS, pa.field("message", pa.string())]
    return pa.schema([*fields, *(pa.field(n, t) for n, t in recipe.columns(recipe.score).items())])


def read_drops(context: Context, name: str, unit: str) -> pa.Table:
    """Return the drop list of the unit called `unit`, sorted by row; RunError if it is gone."""
    with opened(context, name, unit) as stream, pa.ipc.open_file(stream) as reader:
        return reader.read_all()


def read_scores(context: Context, name: str, unit: str) -> pa.Table:
    """Return the scores of a part of the unit called `unit`, by row; RunError if they are gone."""
    with opened(context, name, unit) as stream:
        return pq.read_table(stream)


def _found(batch: pa.RecordBatch, table: pa.Table) -> pa.Array:
    """Return int64 (rows,): where each row of `batch` stands in `table`, null where it does not."""
    rows = np.asarray(batch.column("row"))
    listed = table.column("row").to_numpy()
    if not len(listed):
        return pa.nulls(len(rows), pa.int64())
    place = np.minimum(np.searchsorted(listed, rows), len(listed) - 1)
    return pa.array(place.astype(np.int64), mask=listed[place] != rows)


def _taken(table: pa.Table, name: str, place: pa.Array) -> pa.Array:
    return table.column(name).combine_chunks().take(place)


def with_drops(batch: pa.RecordBatch, drops: pa.Table, threshold: float | None) -> pa.RecordBatch:
    """Return `batch` with the duplicates of `drops` rejected and repeated ids replaced.

    Adds `duplicate_of`. Only open rows are deduplicated, so an outcome that is set stays.
    """
    place = _found(batch, drops)
    reason = _taken(drops, "reason", place)
    hit = pc.and_(reason.is_valid(), pa.array(open_mask(batch)))
    replaced = _taken(drops, "id_replaced", place).fill_null(False)
    jaccard = _taken(drops, "jaccard", place)
    limit = pc.if_else(jaccard.is_valid(), pa.scalar(threshold, pa.float64()), None)
    columns = {
        "outcome": pc.if_else(hit, REJECTED, batch.column("outcome")),
        "reason": pc.if_else(hit, reason, batch.column("reason")),
        "reason_score": pc.if_else(hit, jaccard, batch.column("reason_score")),
        "reason_limit": pc.if_else(hit, limit, batch.column("reason_limit")),
        "duplicate_of": _taken(drops, "duplicate_of", place),
    }
    if "id" in batch.schema.names and "record" in batch.schema.names:
        columns["id"] = pc.if_else(replaced, batch.column("record"), batch.column("id"))
    return set_columns(batch, columns)


def with_scores(batch: pa.RecordBatch, scores: pa.Table) -> pa.RecordBatch:
    """Return `batch` with the columns of phase score, and its outcomes where it set one."""
    place = _found(batch, scores)
    seen = place.is_valid()
    columns: dict[str, Any] = {}
    for name in scores.column_names[1:]:
        value = _taken(scores, name, place)
        if name in batch.schema.names:
            value = pc.if_else(seen, value, batch.column(name))
        columns[name] = value
    return set_columns(batch, columns)


def merged_batches(
    context: Context,
    part: dict[str, Any],
    drops: pa.Table,
    scores: pa.Table | None,
    columns: list[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield a part's rows with all that phases pair, cluster and score say about them.

    Outcomes that are still null afterwards belong to good documents.
    """
    dedup = context.recipe.dedup
    threshold = dedup.threshold if dedup else None
    scores_first = dedup is not None and dedup.after == "score"
    wanted = None
    if columns is not None:
        wanted = [*columns, "row", "outcome", "reason", "reason_score", "reason_limit"]
    for batch in part_batches(context, part, wanted):
        # What is done first closes rows for what comes next.
        if scores is not None and scores_first:
            batch = with_scores(batch, scores)
        batch = with_drops(batch, drops, threshold)
        if scores is not None and not scores_first:
            batch = with_scores(batch, scores)
        yield batch
