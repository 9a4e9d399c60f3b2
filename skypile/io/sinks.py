"""Writing Parquet shards and JSON Lines: whole or not at all, the same bytes for the same rows."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, NoReturn, Self, cast

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from skypile.io.files import write_atomic
from skypile.io.footers import footer_metadata, footer_rows
from skypile.io.store import output_error

__all__ = ["JsonlWriter", "ParquetShardWriter", "Shard", "footer_metadata", "footer_rows"]

ROW_GROUP_BYTES = 64 << 20
ZSTD_LEVEL = 3  # levels above it cost twice the time for 8 % fewer bytes


@dataclass(frozen=True)
class Shard:
    """A finished Parquet file: its rows, its size, and the SHA-256 of its bytes in hexadecimal."""

    path: str
    rows: int
    bytes: int
    sha256: str


class _Hashing(io.RawIOBase):
    """Passes bytes on to `target`, and counts and hashes them."""

    def __init__(self, target: BinaryIO) -> None:
        self._target: BinaryIO | None = target
        self.size = 0
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]  # no Buffer yet
        """Write all of `data`."""
        view = memoryview(data)
        if self._target is not None:
            self._target.write(view)
        self.sha256.update(view)
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.size

    def let_go(self) -> None:
        """Drop whatever is written from now on."""
        self._target = None


class _AtomicWriter(ABC):
    """A context whose file takes its final name when the block ends well, and else leaves none."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()
            self._stack.__exit__(kind, error, trace)

    @abstractmethod
    def close(self) -> None:
        """Finish the file and give it its name."""

    def _abandon(self) -> None:  # noqa: B027 -- a hook
        """Let go of what would write once more when it is collected."""


class ParquetShardWriter(_AtomicWriter):
    """Writes batches into one Parquet file, zstd-compressed, in row groups of about 64 MB.

    The bytes are a function of schema, metadata, level and the batches in order. Used as a context:
    the file appears under its name when the block ends well, and `shard` then describes it.
    Raises OutputError for a full disk, an unwritable folder and their like.
    """

    def __init__(
        self,
        path: str,
        schema: pa.Schema,
        *,
        metadata: Mapping[str, str] | None = None,
        level: int = ZSTD_LEVEL,
        row_group_bytes: int = ROW_GROUP_BYTES,
    ) -> None:
        super().__init__()
        self.path = path
        self.schema = schema.with_metadata(dict(metadata) if metadata else None)
        self.shard: Shard | None = None
        self._row_group_bytes = row_group_bytes
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._rows = 0
        self._sink = _Hashing(self._stack.enter_context(write_atomic(path)))
        self._writer = pq.ParquetWriter(
            self._sink, self.schema, compression="zstd", compression_level=level
        )

    @property
    def rows(self) -> int:
        """How many rows have been given to it so far."""
        return self._rows

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch`, which has the columns of the schema in any order."""
        self._waiting.append(batch.select(self.schema.names).cast(self.schema))
        self._waiting_bytes += batch.nbytes
        self._rows += batch.num_rows
        if self._waiting_bytes >= self._row_group_bytes:
            self._write_group()

    def _write_group(self) -> None:
        rows = sum(batch.num_rows for batch in self._waiting)
        if rows:
            table = pa.Table.from_batches(self._waiting, self.schema)
            self._writer.write_table(table, row_group_size=rows)
        self._waiting, self._waiting_bytes = [], 0

    def close(self) -> None:
        """Finish the file and give it its name; `shard` describes it."""
        if self.shard is not None:
            return
        with self._stack:
            try:
                self._write_group()
                self._writer.close()
            except BaseException:
                self._abandon()
                raise
        self.shard = Shard(self.path, self._rows, self._sink.size, self._sink.sha256.hexdigest())

    def _abandon(self) -> None:
        self._sink.let_go()
        self._writer.close()


class JsonlWriter(_AtomicWriter):
    """Writes JSON Lines to a file, gzip or zstd by its extension, or to stdout for ``-``.

    Used as a context: the file appears under its name when the block ends well; what goes to
    stdout is flushed. The bytes are a function of the lines and their order. Raises OutputError for
    a full disk and its like; a closed pipe behind stdout stays a BrokenPipeError.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.lines = 0
        self._stdout = path == "-"
        target = sys.stdout.buffer if self._stdout else self._enter(write_atomic(path))
        self._stream = self._compressed(path.lower(), target)

    def _enter(self, context: AbstractContextManager[object]) -> BinaryIO:
        return cast(BinaryIO, self._stack.enter_context(context))

    def _compressed(self, name: str, target: BinaryIO) -> BinaryIO:
        if name.endswith(".gz"):
            # zlib, not ISA-L: its bytes do not depend on the processor. No name, no time.
            file = gzip.GzipFile("", "wb", 6, target, mtime=0)
            return self._enter(file)
        if name.endswith((".zst", ".zstd")):
            compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
            return self._enter(compressor.stream_writer(target, closefd=False))
        return target

    def write(self, line: bytes) -> None:
        """Append `line`, which holds no newline, and a newline."""
        self.lines += 1
        try:
            self._stream.write(line + b"\n")
        except OSError as error:
            self._explain(error)

    def flush(self) -> None:
        """Hand what was written so far on to the reader of stdout."""
        if self._stdout:
            try:
                self._stream.flush()
            except OSError as error:
                self._explain(error)

    def _explain(self, error: OSError) -> NoReturn:
        if isinstance(error, BrokenPipeError):
            raise error
        name = "stdout" if self._stdout else self.path
        raise output_error(error, name) from error

    def close(self) -> None:
        """Finish the file and give it its name."""
        self.flush()
        self._stack.close()
