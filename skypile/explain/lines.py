"""What decided on documents, as JSON: one line for each, as ``skypile filter --explain`` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from skypile.recipe import Recipe

__all__ = ["explanations", "score_columns", "values"]

# Key of a line -> the column that it shows. `score` and `limit` are the deciding ones.
HEAD = {
    "id": "id",
    "record": "record",
    "domain": "domain",
    "language": "language",
    "outcome": "outcome",
    "reason": "reason",
    "score": "reason_score",
    "limit": "reason_limit",
}
WHERE_ANY = ("message", "duplicate_of")


def score_columns(recipe: Recipe) -> list[str]:
    """Return the columns that `recipe` writes and a line can show, in recipe order."""
    written = recipe.columns((*recipe.steps, *recipe.score))
    return [
        name
        for name, kind in written.items()
        if name not in (*HEAD, "text") and not _is_binary(kind) and not pa.types.is_nested(kind)
    ]


def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def explanations(batch: pa.RecordBatch, scores: Sequence[str]) -> Iterator[bytes]:
    """Yield a JSON object for each document: HEAD, what went wrong if anything, and `scores`.

    Null and NaN are null. A number of 32 bits has as many digits as tell it from others.
    """
    known = set(batch.schema.names)
    rows = batch.num_rows
    columns = {
        key: values(batch.column(name)) if name in known else [None] * rows
        for key, name in HEAD.items()
    }
    sparse = {name: values(batch.column(name)) for name in WHERE_ANY if name in known}
    columns |= {name: values(batch.column(name)) for name in scores}
    for row in range(rows):
        line = {key: column[row] for key, column in columns.items()}
        line |= {name: found[row] for name, found in sparse.items() if found[row] is not None}
        yield orjson.dumps(line, option=orjson.OPT_SERIALIZE_NUMPY)


def values(column: pa.Array) -> list[Any]:
    """Return the values of `column` for orjson: NaN is None, float32 stays NumPy's."""
    if not pa.types.is_floating(column.type):
        return list(column.to_pylist())
    numbers = column.to_numpy(zero_copy_only=False)  # a null is NaN
    if not np.isnan(numbers).any():
        return list(numbers)
    return [None if number != number else number for number in numbers]
