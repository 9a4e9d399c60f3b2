"""Stages that stages of the package are not: one that fails, one that rewrites."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from skypile.stage import Stage


class Faulty(Stage):
    """Raises on every batch with a text that says so."""

    @property
    def writes(self) -> dict[str, pa.DataType]:
        return {"fault_count": pa.int64()}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        if pc.any(pc.match_substring(batch.column("text"), "boom")).as_py():
            raise ValueError("boom, as the text says")
        return {"fault_count": pa.array([0] * batch.num_rows, pa.int64())}


class Shout(Stage):
    """Rewrites `word1` in upper case."""

    @property
    def writes(self) -> dict[str, pa.DataType]:
        return {"text": pa.string()}

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {"text": pc.replace_substring(batch.column("text"), "word1 ", "WORD1 ")}
