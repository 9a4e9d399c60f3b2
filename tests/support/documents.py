"""Batches of documents for tests, as readers make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from skypile.schema import input_schema


def batch_of(texts: Sequence[str], **columns: Sequence[Any]) -> pa.RecordBatch:
    """Return open documents with these texts; `columns` replace or add columns."""
    rows = len(texts)
    values: dict[str, pa.Array] = {}
    for field in input_schema():
        values[field.name] = pa.nulls(rows, field.type)
    names = [f"doc#{row}" for row in range(rows)]
    values["id"] = values["record"] = pa.array(names, pa.string())
    values["row"] = pa.array(range(rows), pa.uint32())
    values["text"] = pa.array(texts, pa.string())
    values["source"] = pa.array(["test"] * rows, pa.string())
    for name, column in columns.items():
        known = values[name].type if name in values else None
        values[name] = pa.array(column, known)
    return pa.RecordBatch.from_pydict(values)
