"""Arrow files of plain columns that can be memory-mapped."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from skypile.errors import InputError

__all__ = ["read_columns", "write_columns"]

_KIND = b"skypile"


def write_columns(path: Path, columns: dict[str, pa.Array], kind: bytes) -> None:
    """Write `columns` to `path` in one uncompressed batch: beside it, then renamed."""
    batch = pa.RecordBatch.from_pydict(columns, metadata={_KIND: kind})
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_columns(path: Path, kind: bytes, *, mmap: bool) -> dict[str, pa.Array]:
    """Return the columns of a file that `write_columns` wrote.

    InputError if it is not a whole file of this kind.
    """
    try:
        source = pa.memory_map(str(path)) if mmap else pa.OSFile(str(path))
        reader = pa.ipc.open_file(source)
        found = (reader.schema.metadata or {}).get(_KIND)
        if found != kind or reader.num_record_batches != 1:
            raise InputError(f"{path} holds {found!r}, expected {kind!r}; remove it and run again")
        batch = reader.get_batch(0)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it and run again") from error
    return dict(zip(batch.schema.names, batch.columns, strict=True))
