"""Parquet footers: how many rows a file has, and how its row groups fall into units."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.errors import InputError
from skypile.io.files import open_input, read_head
from skypile.io.formats import PARQUET_MAGIC

BUFFER_BYTES = 1 << 20

__all__ = ["footer", "footer_metadata", "footer_rows", "open_parquet", "row_group_runs"]


def open_parquet(file: BinaryIO) -> pq.ParquetFile | str:
    """Return the Parquet file, or what is wrong with it where its footer cannot be read.

    Raises OSError where the file system fails.
    """
    try:
        # Row groups are streamed: buffering ahead would hold whole ones in memory.
        return pq.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return str(error)


def row_group_runs(file: BinaryIO, target_bytes: int) -> list[tuple[int, int, int]]:
    """Return (first row group, end, number of the first row) of runs of about `target_bytes`.

    Sizes are those of the footer, before compression. A file without a footer, and one without
    rows, is one run (0, 0, 0).
    """
    opened = open_parquet(file)
    if isinstance(opened, str) or opened.metadata.num_row_groups == 0:
        return [(0, 0, 0)]
    runs: list[tuple[int, int, int]] = []
    start = rows = first_row = size = 0
    for group in range(opened.metadata.num_row_groups):
        about = opened.metadata.row_group(group)
        if group > start and size + about.total_byte_size > target_bytes:
            runs.append((start, group, first_row))
            start, first_row, size = group, rows, 0
        rows += about.num_rows
        size += about.total_byte_size
    return [*runs, (start, opened.metadata.num_row_groups, first_row)]


def footer(path: str) -> pq.FileMetaData:
    """Return the footer of the Parquet file at `path`; InputError where it has none."""
    with open_input(path) as file:
        try:
            opened = open_parquet(file)
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
    if isinstance(opened, str):
        known = "damaged" if read_head(path, 4) == PARQUET_MAGIC else "not a Parquet file"
        raise InputError(f"{path}: {known}: {opened}")
    return opened.metadata


def footer_rows(path: str) -> int:
    """Return the number of rows in the footer of the Parquet file at `path`."""
    return int(footer(path).num_rows)


def footer_metadata(path: str) -> dict[str, str]:
    """Return the key-value metadata of the Parquet file at `path`, Arrow's own schema left out."""
    found: dict[bytes, Any] = footer(path).metadata or {}
    pairs = {key.decode(): value.decode() for key, value in found.items()}
    pairs.pop("ARROW:schema", None)
    return pairs
