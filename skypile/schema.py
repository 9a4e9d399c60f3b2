"""The document schema: which columns a document has, and which of them are written out.

A batch in flight is a ``pa.RecordBatch`` with the INPUT columns, the OUTCOME columns and one
column for each score that a stage has written so far.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

__all__ = [
    "DOMAINS",
    "ERROR",
    "INPUT_FIELDS",
    "KEPT",
    "OUTCOMES",
    "OUTCOME_FIELDS",
    "REJECTED",
    "SURPLUS",
    "Scheme",
    "empty_outcomes",
    "input_schema",
    "set_columns",
]

KEPT = "kept"
SURPLUS = "surplus"
REJECTED = "rejected"
ERROR = "error"
OUTCOMES = (KEPT, SURPLUS, REJECTED, ERROR)

DOMAINS = ("en", "zh", "code")

# How signatures are drawn (skypile.stages.signature).
Scheme = Literal["affine32", "fss"]

# What a reader fills in.
INPUT_FIELDS: tuple[pa.Field, ...] = (
    pa.field("id", pa.string()),  # the input's id, else `record`
    pa.field("record", pa.string()),  # relative path + "#" + 0-based record number
    pa.field("row", pa.uint32()),  # 0-based record number within the unit: half of the address
    pa.field("text", pa.string()),  # null on error rows only
    pa.field("url", pa.string()),
    pa.field("source", pa.string()),  # the input's field of that name, else the file
    pa.field("prog_lang", pa.string()),  # by the file's extension; null for records of other files
    pa.field("meta", pa.string()),  # every other input field, as one JSON object
    pa.field("raw", pa.binary()),  # first 64 KiB of a record that could not be read
    pa.field("byte_offset", pa.int64()),  # where such a record starts, in uncompressed bytes
    pa.field("message", pa.string()),  # what was wrong with it
)

OUTCOME_FIELDS: tuple[pa.Field, ...] = (
    pa.field("outcome", pa.string()),  # null = still open
    pa.field("reason", pa.string()),
    pa.field("reason_score", pa.float64()),
    pa.field("reason_limit", pa.float64()),
)


def input_schema() -> pa.Schema:
    """Return the schema of the batches that readers yield (input and outcome columns)."""
    return pa.schema([*INPUT_FIELDS, *OUTCOME_FIELDS])


def empty_outcomes(rows: int) -> dict[str, pa.Array]:
    """Return the outcome columns of `rows` open documents: all null."""
    return {field.name: pa.nulls(rows, field.type) for field in OUTCOME_FIELDS}


def set_columns(batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    """Return `batch` with `columns` put in place of those of the same name, new ones behind."""
    arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
    arrays.update(columns)
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
