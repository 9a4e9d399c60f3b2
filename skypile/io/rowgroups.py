"""Row groups of Parquet, decoded in bounded memory.

A megabyte of text that a million rows share stands once in the file, in the dictionary of its
column chunk, and a million times in memory. So it is the size of the dictionaries that says how
many rows are decoded at a time; and rows are then cut into pieces by what they really hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.io.footers import raw_footer, reopened
from skypile.io.rows import BATCH_BYTES
from skypile.io.thrift import Reader, ThriftError

__all__ = ["BATCH_ROWS", "RowGroups", "Sizes", "pieces", "row_bytes"]

Sizes = npt.NDArray[np.int64]

BATCH_ROWS = 1024
# What one call may decode, unless a single row is larger.
DECODED_BYTES = 64 << 20
# Of parquet.thrift.
BYTE_ARRAYS = (6, 7)  # of any, of fixed length
DELTA_BYTE_ARRAY = 7
DICTIONARY_PAGE = 2
PAGE_HEADER_BYTES = 32  # kind and size, which come first, take 16
LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_map)
VIEWS = (pa.types.is_string_view, pa.types.is_binary_view)
STRINGS = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
)  # fmt: skip


@dataclass(frozen=True)
class _Chunk:
    """What a footer tells of one column of a row group."""

    physical_type: int
    encodings: tuple[int, ...]
    path: str
    values: int
    bytes: int  # before compression
    pages_offset: int

    @classmethod
    def of(cls, told: dict[int, Any]) -> Self:
        about = told[3]
        path = ".".join(part.decode() for part in about[3])
        kind, values, size, start = (int(about[number]) for number in (1, 5, 6, 9))
        dictionary = int(about.get(11, 0))
        offset = dictionary if 0 < dictionary < start else start
        return cls(kind, tuple(about[2]), path, values, size, offset)


class RowGroups:
    """Decodes the row groups of one file."""

    def __init__(self, file: BinaryIO, opened: pq.ParquetFile) -> None:
        self._file, self._opened = file, opened
        self._chunks = _chunks(file)

    def decoded(self, group: int, most_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a row group in batches of up to BATCH_ROWS and about BATCH_BYTES.

        They are decoded `most_rows` at a time or fewer: memory is bounded by DECODED_BYTES, or by
        the largest row and page. Strings within lists may come as dictionaries, whatever the
        schema says.
        """
        opened = self._opened
        rows, nested = self._decoding(group)
        rows = min(rows, most_rows)
        if nested:
            opened = reopened(self._file, opened, nested)
        waiting: list[pa.RecordBatch] = []
        held = held_bytes = 0
        found = opened.iter_batches(batch_size=rows, row_groups=[group], use_threads=False)
        try:
            for batch in found:
                waiting.append(batch)
                held += batch.num_rows
                held_bytes += batch.nbytes
                if held_bytes >= BATCH_BYTES or held + rows > BATCH_ROWS:
                    joined, waiting, held, held_bytes = _joined(waiting), [], 0, 0
                    yield joined
        finally:
            if waiting and not isinstance(sys.exception(), GeneratorExit):
                yield _joined(waiting)

    def _decoding(self, group: int) -> tuple[int, list[str]]:
        """Return how many rows to decode at a time, and the columns to leave as dictionaries."""
        about = self._opened.metadata.row_group(group)
        if self._chunks is None:
            return 1, []
        row_size = max(1, about.total_byte_size // max(1, about.num_rows))
        most = min(BATCH_ROWS, max(16, BATCH_BYTES // row_size))
        shared, nested = 0, []
        for number, chunk in enumerate(self._chunks[group]):
            if chunk.physical_type not in BYTE_ARRAYS:
                continue
            lists = self._opened.schema.column(number).max_repetition_level > 0
            size = _shared_bytes(self._file, chunk)
            if not lists:
                shared += size
            elif chunk.values * size > DECODED_BYTES:
                nested.append(chunk.path)
        return max(1, min(most, DECODED_BYTES // max(1, shared))), nested


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _chunks(file: BinaryIO) -> list[list[_Chunk]] | None:
    """Return what the footer tells of each column of each row group; None where it cannot be told.

    Rows are decoded one by one then.
    """
    try:
        footer = Reader(raw_footer(file)).struct()
        return [[_Chunk.of(told) for told in group[1]] for group in footer[4]]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _shared_bytes(file: BinaryIO, chunk: _Chunk) -> int:
    """Return how large a value that several rows of a column chunk share may be."""
    if DELTA_BYTE_ARRAY in chunk.encodings:  # values share what they begin with
        return chunk.bytes
    file.seek(max(0, chunk.pages_offset))
    try:
        page = Reader(file.read(PAGE_HEADER_BYTES)).struct(fields=2)
    except ThriftError:
        return 0  # and no page either
    kind, size = page.get(1), page.get(2)
    return size if kind == DICTIONARY_PAGE and isinstance(size, int) else 0


def pieces(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, Sizes]]:
    """Cut `batch` so that no piece holds more than about BATCH_BYTES; a larger row stands alone.

    Yields each piece with the bytes of its rows.
    """
    sizes = sum((row_bytes(column) for column in batch.columns), np.zeros(batch.num_rows, np.int64))
    full = np.diff(np.cumsum(sizes) // BATCH_BYTES).astype(bool)
    cuts = np.flatnonzero(full | (sizes[:-1] > BATCH_BYTES)) + 1
    for start, end in pairwise([0, *cuts.tolist(), batch.num_rows]):
        if end > start:
            yield batch.slice(start, end - start), sizes[start:end]


def row_bytes(column: pa.Array) -> Sizes:
    """Return how many bytes each row of `column` holds, with all that it shares with others."""
    return np.zeros(len(column), np.int64) + np.asarray(_row_bytes(column), np.int64)


def _row_bytes(column: pa.Array) -> Any:
    kind, rows = column.type, len(column)
    if isinstance(column, pa.ExtensionArray):
        return row_bytes(column.storage)
    if pa.types.is_dictionary(kind):
        shared = np.append(row_bytes(column.dictionary), 0)
        return shared[np.asarray(column.indices.cast(pa.int64()).fill_null(-1))]
    if pa.types.is_struct(kind):
        return sum(row_bytes(column.field(number)) for number in range(kind.num_fields))
    if pa.types.is_fixed_size_list(kind):
        inner = row_bytes(column.values).reshape(-1, kind.list_size)
        return inner[column.offset : column.offset + rows].sum(axis=1)
    if any(test(kind) for test in LISTS):
        ends = np.append(0, np.cumsum(row_bytes(column.values)))
        return np.diff(ends[np.asarray(column.offsets)])
    if any(test(kind) for test in VIEWS):
        column, kind = column.cast(pa.large_binary()), pa.large_binary()
    if any(test(kind) for test in STRINGS):
        return pc.binary_length(column).fill_null(0)
    return 0 if pa.types.is_null(kind) else kind.bit_width // 8
