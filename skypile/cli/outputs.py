"""What ``skypile filter`` writes: kept documents, rejected ones, explanations."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.cli.curated import TEXT_READ, Piece
from skypile.cli.jsonlines import INPUT_PREFIX, Value, extended, with_text
from skypile.errors import InputError, OutputError, UsageError
from skypile.io.files import open_input, write_atomic
from skypile.io.footers import open_parquet
from skypile.io.sinks import JsonlWriter
from skypile.io.store import output_error
from skypile.io.units import STDIN, Unit
from skypile.schema import ERROR

__all__ = ["Lines", "Output", "common_schema", "is_parquet", "kept_lines", "open_output"]

EXTENSIONS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
ROW_GROUP_BYTES = 64 << 20
# Documents that were no rows of a Parquet file, as columns of one.
PLAIN_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "text", "url", "source", "prog_lang", "meta")]
)
# Such records are no JSON objects that could be given more fields.
BROKEN = (
    "bad_json", "bad_utf8", "bad_warc", "bad_http", "bad_html", "truncated", "bad_compression",
    "too_large",
)  # fmt: skip


def is_parquet(path: str) -> bool:
    """Tell whether the output `path` is Parquet; UsageError where its name tells no format."""
    name = path.lower()
    if path == "-" or name.endswith(EXTENSIONS[:-1]) or _is_device(path):
        return False
    if name.endswith(EXTENSIONS[-1]):
        return True
    raise UsageError(
        f"{path}: the name of an output ends in {', '.join(EXTENSIONS)}, or it is - for stdout"
    )


def _is_device(path: str) -> bool:
    """Tell whether `path` is a pipe or a device, such as /dev/null, that is not to be replaced."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path}: is a folder; an output is a file")
    return not stat.S_ISREG(mode)


class Lines(Protocol):
    """A writer of lines."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, which takes its name where all went well."""

    def write(self, line: bytes) -> None:
        """Append `line` and a newline."""

    def flush(self) -> None:
        """Hand on what was written so far, where somebody may be waiting for it."""


class _DeviceLines:
    def __init__(self, path: str) -> None:
        self.path = path
        with self._explained():
            self._stream = Path(path).open("wb")  # noqa: SIM115 -- closed by __exit__

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise output_error(error, self.path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._explained():
                self._stream.close()
        except OutputError:
            if kind is None:  # else it has been said why
                raise

    def write(self, line: bytes) -> None:
        with self._explained():
            self._stream.write(line + b"\n")

    def flush(self) -> None:
        with self._explained():
            self._stream.flush()


class Output(Protocol):
    """Where some rows of each piece go."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, which takes its name where all went well."""

    def add(self, piece: Piece, rows: np.ndarray) -> None:
        """Write the rows of `piece` with the numbers `rows`."""


def open_lines(path: str) -> Lines:
    """Return a writer of the JSON Lines file `path`."""
    if path != "-" and _is_device(path):
        return _DeviceLines(path)
    return JsonlWriter(path)


def open_output(
    path: str, schema: pa.Schema | None, text_field: str, extra: Sequence[pa.Field] = ()
) -> Output:
    """Return the output `path` for documents and, behind each, the columns `extra` of its piece.

    `schema` is that of Parquet inputs, None where there are others or none.
    """
    if is_parquet(path):
        return _ParquetOutput(path, schema, text_field, extra)
    return _JsonOutput(path, text_field, extra)


class _JsonOutput:
    def __init__(self, path: str, text_field: str, extra: Sequence[pa.Field]) -> None:
        self._text_field, self._extra = text_field, extra
        self._lines = open_lines(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.__exit__(kind, error, trace)

    def add(self, piece: Piece, rows: np.ndarray) -> None:
        """Write the documents as they were read, others as id, text and url."""
        batch = piece.batch.take(pa.array(rows))
        lines = kept_lines(batch, self._text_field)
        if self._extra:
            lines = _extended_lines(batch, lines, self._extra)
        for line in lines:
            self._lines.write(line)
        self._lines.flush()


def kept_lines(batch: pa.RecordBatch, text_field: str) -> Iterator[bytes]:
    """Yield each document as a line: the very bytes read where it was one.

    A carriage return in front of the newline belongs to the line's end. Only the text is replaced
    where a stage has rewritten it.
    """
    changed = _changed(batch)
    lines = batch.column("raw_line")
    shown = batch.select(["id", "text", "url"]).to_pylist() if lines.null_count else []
    for index, line in enumerate(lines.to_pylist()):
        if line is None:
            yield orjson.dumps(shown[index])
            continue
        line = line.removesuffix(b"\r")
        if changed[index]:
            line = with_text(line, text_field, batch.column("text")[index].as_py())
        yield line


def _changed(batch: pa.RecordBatch) -> np.ndarray:
    if TEXT_READ not in batch.schema.names:
        return np.zeros(batch.num_rows, np.bool_)
    same = pa.compute.equal(batch.column("text"), batch.column(TEXT_READ))
    return ~np.asarray(same.fill_null(True))


def _extended_lines(
    batch: pa.RecordBatch, lines: Iterator[bytes], extra: Sequence[pa.Field]
) -> Iterator[bytes]:
    told = outcome_table(batch, extra).to_pylist()
    records = batch.column("record").to_pylist()
    raws = batch.column("raw").to_pylist()
    for line, values, record, raw in zip(lines, told, records, raws, strict=True):
        found = {name: value for name, value in values.items() if _is_told(name, value)}
        if values["outcome"] == ERROR and values["reason"] in BROKEN:
            read = {
                "id": record,
                "record": record,
                "raw": (raw or b"").decode(errors="backslashreplace"),
            }
            yield orjson.dumps(read | found)
        else:
            yield extended(line, found)


def _is_told(name: str, value: Value) -> bool:
    return value is not None or name not in ("message", "duplicate_of")


def outcome_table(batch: pa.RecordBatch, extra: Sequence[pa.Field]) -> pa.RecordBatch:
    """Return the columns `extra`; `score` and `limit` are the deciding ones, null where none is."""
    sources = {"score": "reason_score", "limit": "reason_limit"}
    columns = [
        batch.column(sources.get(field.name, field.name)).cast(field.type) for field in extra
    ]
    for number, column in enumerate(columns):
        if pa.types.is_floating(column.type):
            missing = pa.compute.is_nan(column).fill_null(False)
            nothing = pa.scalar(None, column.type)
            columns[number] = pa.compute.if_else(missing, nothing, column)
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(extra))


class _ParquetOutput:
    def __init__(
        self, path: str, schema: pa.Schema | None, text_field: str, extra: Sequence[pa.Field]
    ) -> None:
        self.path, self._text_field, self._extra = path, text_field, extra
        self._schema: pa.Schema | None = schema
        self._file = write_atomic(path)
        self._stream = self._file.__enter__()
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
            self._opened(None).close()
        self._file.__exit__(kind, error, trace)

    def add(self, piece: Piece, rows: np.ndarray) -> None:
        """Write the rows of the Parquet file that the documents were, others as PLAIN_SCHEMA."""
        if not len(rows):
            return
        documents = self._documents(piece, pa.array(rows))
        columns = documents.columns
        if self._extra:
            told = outcome_table(piece.batch.take(pa.array(rows)), self._extra)
            columns = [*columns, *told.columns]
        writer = self._opened(documents.schema)
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=writer.schema))
        if sum(batch.nbytes for batch in self._waiting) >= ROW_GROUP_BYTES:
            self._flush()

    def _documents(self, piece: Piece, rows: pa.Array) -> pa.RecordBatch:
        batch = piece.batch.take(rows)
        if piece.original is not None:
            found = piece.original.take(rows)
            return _with_new_texts(found, batch, self._text_field)
        if piece.unit.format != "parquet":
            return batch.select(PLAIN_SCHEMA.names)
        # What is lost of a damaged file: there is no row to show.
        schema = self._schema or PLAIN_SCHEMA
        return pa.RecordBatch.from_arrays(
            [pa.nulls(len(rows), field.type) for field in schema], schema=schema
        )

    def _opened(self, schema: pa.Schema | None) -> pq.ParquetWriter:
        """Return the writer, whose schema is that of the first rows, as all others must be."""
        if self._schema is None:
            self._schema = schema
        base = self._schema or PLAIN_SCHEMA
        if schema is not None and not schema.equals(base):
            raise UsageError(_several_formats(self.path))
        if self._writer is None:
            whole = base
            if self._extra:
                whole = pa.schema([*_loose(base, self._extra), *self._extra], base.metadata)
            self._writer = pq.ParquetWriter(self._stream, whole, compression="zstd")
        return self._writer

    def _flush(self) -> None:
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).unify_dictionaries()
            self._opened(None).write_table(table)
            self._waiting = []


def _loose(schema: pa.Schema, extra: Sequence[pa.Field]) -> list[pa.Field]:
    """Return the fields of `schema`, renamed where `extra` has such a name, none of them required.

    A row that could not be read has no values.
    """
    taken = {field.name for field in extra}
    return [
        field.with_nullable(True).with_name(
            INPUT_PREFIX + field.name if field.name in taken else field.name
        )
        for field in schema
    ]


def _with_new_texts(
    original: pa.RecordBatch, batch: pa.RecordBatch, text_field: str
) -> pa.RecordBatch:
    if not _changed(batch).any():
        return original
    place = original.schema.get_field_index(text_field)
    kind = original.schema.field(place).type
    texts = batch.column("text")
    if pa.types.is_dictionary(kind):
        texts = texts.cast(kind.value_type).dictionary_encode()
    columns = [*original.columns[:place], texts.cast(kind), *original.columns[place + 1 :]]
    return pa.RecordBatch.from_arrays(columns, schema=original.schema)


def common_schema(units: Sequence[Unit], path: str) -> pa.Schema | None:
    """Return the one schema of Parquet inputs, None where all are of other kinds, or on stdin.

    Raises UsageError where inputs of several formats would go into the Parquet file `path`.
    """
    formats = {unit.format for unit in units if unit.path != STDIN}
    if len(formats) > 1 or (len(units) > 1 and any(unit.path == STDIN for unit in units)):
        raise UsageError(_several_formats(path))
    schemas = [_schema(unit) for unit in units if unit.format == "parquet"]
    known = [schema for schema in schemas if schema is not None]
    if any(not schema.equals(known[0]) for schema in known):
        raise UsageError(_several_formats(path))
    return known[0] if known else None


def _schema(unit: Unit) -> pa.Schema | None:
    try:
        with open_input(unit.path) as file:
            opened = open_parquet(file)
            return None if isinstance(opened, str) else opened.schema_arrow
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        return None


def _several_formats(path: str) -> str:
    return (
        f"{path}: the inputs have several formats, or columns of several types, and one Parquet "
        "file has one; filter them one by one, or into JSON Lines"
    )
