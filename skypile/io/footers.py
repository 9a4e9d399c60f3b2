"""Parquet footers: how many rows a file has, and how its row groups fall into units."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.errors import InputError
from skypile.io.files import open_input, read_head
from skypile.io.formats import PARQUET_MAGIC
from skypile.io.thrift import Reader

__all__ = [
    "footer",
    "footer_metadata",
    "footer_rows",
    "group_rows",
    "open_parquet",
    "raw_footer",
    "reopened",
    "row_group_runs",
]

# Row groups are streamed: buffering ahead would hold whole ones in memory.
OPEN_OPTIONS: dict[str, Any] = {
    "pre_buffer": False,
    "buffer_size": 1 << 20,
    "page_checksum_verification": True,  # where there are checksums
}
# Arrow calls itself once for each level of a schema, and 100,000 levels end the process. A list in
# a list takes three; what is nested deeper than 254 cannot be written as JSON.
MAX_SCHEMA_LEVELS = 800
SCHEMA_FIELD, CHILDREN_FIELD = 2, 5  # of parquet.thrift
MAX_ROWS = 1 << 32  # a record is numbered within its unit by 32 bits


def open_parquet(file: BinaryIO) -> pq.ParquetFile | str:
    """Return the Parquet file, or what is wrong with it where its footer cannot be read.

    Raises OSError where the file system fails.
    """
    try:
        levels = _schema_levels(raw_footer(file))
        if levels > MAX_SCHEMA_LEVELS:
            return f"columns nested {levels:,} deep; {MAX_SCHEMA_LEVELS} levels can be read"
        return pq.ParquetFile(file, **OPEN_OPTIONS)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return str(error)


def raw_footer(file: BinaryIO) -> bytes:
    """Return the bytes of the footer, as far as they are there."""
    end = max(0, file.seek(0, 2) - 8)
    file.seek(end)
    size = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - size))
    return file.read(min(size, end))


def _schema_levels(raw: bytes) -> int:
    """Return how deep the columns are nested; 0 where the footer is none, which Arrow will say."""
    try:
        schema = Reader(raw).struct(fields=2)[SCHEMA_FIELD]
        children = [max(0, int(element.get(CHILDREN_FIELD, 0))) for element in schema]
    except (ValueError, LookupError, TypeError, AttributeError):
        return 0
    deepest = 0
    waiting: list[int] = []  # how many children each open group still expects
    for count in children:
        while waiting and waiting[-1] == 0:
            waiting.pop()
        if waiting:
            waiting[-1] -= 1
        waiting.append(count)
        deepest = max(deepest, len(waiting))
    return deepest


def reopened(file: BinaryIO, opened: pq.ParquetFile, dictionaries: list[str]) -> pq.ParquetFile:
    """Return the file as `opened`, with the columns at the paths `dictionaries` as dictionaries."""
    return pq.ParquetFile(
        file, metadata=opened.metadata, read_dictionary=dictionaries, **OPEN_OPTIONS
    )


def group_rows(metadata: pq.FileMetaData, group: int) -> int | None:
    """Return how many rows a row group has by the footer; None for a number that cannot be."""
    rows = int(metadata.row_group(group).num_rows)
    return rows if 0 <= rows < MAX_ROWS else None


def row_group_runs(file: BinaryIO, target_bytes: int) -> list[tuple[int, int, int]]:
    """Return (first row group, end, number of the first row) of runs of about `target_bytes`.

    Sizes are those of the footer, before compression. A file without a footer, and one without
    rows, is one run (0, 0, 0).
    """
    opened = open_parquet(file)
    if isinstance(opened, str) or opened.metadata.num_row_groups == 0:
        return [(0, 0, 0)]
    runs: list[tuple[int, int, int]] = []
    start = first_row = rows = size = 0
    for group in range(opened.metadata.num_row_groups):
        # What cannot be is one error.
        more = group_rows(opened.metadata, group) or 1
        grown = size + max(0, opened.metadata.row_group(group).total_byte_size)
        if group > start and (grown > target_bytes or rows + more > MAX_ROWS):
            runs.append((start, group, first_row))
            start, first_row, grown, rows = group, first_row + rows, grown - size, 0
        rows, size = rows + more, grown
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
