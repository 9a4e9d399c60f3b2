"""Parquet as input: row groups streamed, each row a document or an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.io.fields import TooDeepError, identifier, meta_json, take_columns
from skypile.io.footers import group_rows, open_parquet
from skypile.io.formats import PARQUET_MAGIC
from skypile.io.rowgroups import BATCH_ROWS, RowGroups, Sizes, pieces
from skypile.io.rows import ReadOptions, RowBuffer, Tally, too_large
from skypile.io.units import Unit

__all__ = ["Originals", "parquet_batches"]

DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)


@dataclass
class Originals:
    """The rows of the file that the last batch was made of."""

    batch: pa.RecordBatch | None = None


def parquet_batches(
    unit: Unit, file: BinaryIO, options: ReadOptions, tally: Tally, originals: Originals
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the unit's row groups, each as a document or an error.

    Rows are counted from the footer before they are decoded. What cannot be decoded of a row group
    is one error row and counts as one; the row groups behind it are read. A file without a footer
    is one error row.
    """
    reader = _Rows(unit, options, tally, originals)
    opened = open_parquet(file)
    if isinstance(opened, str):
        yield from reader.no_footer(file, opened)
        return
    groups = RowGroups(file, opened)
    first_row = unit.first_record
    for group in range(unit.start, unit.end):
        if reader.finished:
            return
        rows = group_rows(opened.metadata, group)
        if rows is None:
            told = opened.metadata.row_group(group).num_rows
            yield reader.lost(first_row, f"the footer says that row group {group} has {told} rows")
        else:
            yield from reader.row_group(opened, groups, group, first_row)
        first_row += 1 if rows is None else rows


class _Rows:
    """Turns row groups into batches and keeps count of their rows."""

    def __init__(
        self, unit: Unit, options: ReadOptions, tally: Tally, originals: Originals
    ) -> None:
        self.unit, self.options, self.tally, self.originals = unit, options, tally, originals

    @property
    def finished(self) -> bool:
        return self.options.limit is not None and self.tally.read >= self.options.limit

    def row_group(
        self, opened: pq.ParquetFile, groups: RowGroups, group: int, first_row: int
    ) -> Iterator[pa.RecordBatch]:
        rows = opened.metadata.row_group(group).num_rows
        if self.options.limit is not None:
            rows = min(rows, self.options.limit - self.tally.read)
        self.tally.read += rows
        done, why = 0, ""
        # Damage that ends a batch ends it for rows in front of it as well: they are asked for
        # one by one then.
        for at_a_time in (BATCH_ROWS, 1):
            seen = 0
            try:
                for batch in groups.decoded(group, at_a_time):
                    fresh = batch.slice(max(0, done - seen), rows - max(done, seen))
                    seen += batch.num_rows
                    for piece, sizes in pieces(fresh):
                        yield self._batch(piece, sizes, opened.schema_arrow, first_row + done)
                        done += piece.num_rows
                    if done == rows:
                        return
                why = f"{rows:,} rows in the footer, {done:,} found"
                break
            except DAMAGE as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                why = str(error)
        lost = rows - done
        if lost:
            self.tally.read -= lost
            message = f"{lost:,} rows from here on cannot be decoded: {why}"
            yield self.lost(first_row + done, message)

    def lost(self, row: int, message: str) -> pa.RecordBatch:
        """Return an error row, which counts as one, for rows that are lost from `row` on."""
        return self._single(row, "bad_compression", message, None)

    def no_footer(self, file: BinaryIO, why: str) -> Iterator[pa.RecordBatch]:
        if self.finished:
            return
        size = file.seek(0, 2)
        file.seek(max(0, size - len(PARQUET_MAGIC)))
        ends_well = size > 2 * len(PARQUET_MAGIC) and file.read(4) == PARQUET_MAGIC
        file.seek(0)
        head = file.read(1 << 16)
        begins_well = not head or head.startswith(PARQUET_MAGIC)
        reason = "truncated" if begins_well and not ends_well else "bad_compression"
        yield self._single(0, reason, f"no Parquet footer can be read: {why}", head)

    def _single(self, row: int, reason: str, message: str, raw: bytes | None) -> pa.RecordBatch:
        self.tally.read += 1
        return self._error_batch(row, reason, message, raw)

    def _error_batch(
        self, row: int, reason: str, message: str, raw: bytes | None = None
    ) -> pa.RecordBatch:
        self.originals.batch = None
        rows = RowBuffer(self.options)
        self._error(rows, row, None, reason, message, raw)
        batch = rows.take()
        assert batch is not None
        return batch

    def _error(
        self,
        rows: RowBuffer,
        row: int,
        id_: str | None,
        reason: str,
        message: str,
        raw: bytes | None,
    ) -> None:
        rows.error(
            row - self.unit.first_record,
            f"{self.unit.name}#{row}",
            reason=reason,
            message=message[:2000],
            source=self.unit.name,
            raw=raw,
            id=id_,
        )

    def _batch(
        self, piece: pa.RecordBatch, sizes: Sizes, schema: pa.Schema, first_row: int
    ) -> pa.RecordBatch:
        options = self.options
        if piece.num_rows == 1 and sizes[0] > options.max_document_bytes:
            return self._error_batch(first_row, "too_large", too_large(int(sizes[0]), options))
        if piece.schema != schema:
            # Taken, for a cast would decode what the lists of other rows hold as well.
            piece = piece.take(pa.array(range(piece.num_rows))).cast(schema)
        column, no_text = _text_column(piece, options.text_field)
        texts = None if column is None else column.to_pylist()
        utf8 = column is not None and _is_utf8(column)
        names = piece.schema.names
        places = [number for number, name in enumerate(names) if name != options.text_field]
        others = [_values(piece.column(number)) for number in places]
        rows = RowBuffer(options)
        for index in range(piece.num_rows):
            fields = {names[n]: values[index] for n, values in zip(places, others, strict=True)}
            row = first_row + index
            text = texts[index] if texts else None
            self._row(rows, row, text, int(sizes[index]), no_text, fields, utf8=utf8)
        if options.keep_lines:
            self.originals.batch = piece
        batch = rows.take()
        assert batch is not None
        return batch

    def _row(
        self,
        rows: RowBuffer,
        row: int,
        text: bytes | None,
        size: int,
        no_text: str,
        fields: dict[str, Any],
        *,
        utf8: bool,
    ) -> None:
        bad = [name for name, value in fields.items() if value is NOT_UTF8]
        for name in bad:
            del fields[name]
        id_value, url, source = take_columns(fields, self.options)
        meta, id_ = None, None
        reason = message = ""
        try:
            id_ = identifier(id_value)
            meta = meta_json(fields) if fields else None
        except TooDeepError as error:
            reason, message = "bad_json", f"the row is {error}"
        if text is None:
            reason, message = "bad_text_type", no_text
        elif size > self.options.max_document_bytes:
            reason, message = "too_large", too_large(size, self.options)
        elif bad:
            reason, message = "bad_utf8", f"column {bad[0]!r} is not UTF-8"
        elif not reason and not utf8:
            reason, message = _utf8_error(text)
        if reason:
            self._error(rows, row, id_, reason, message, text)
            return
        rows.document(
            row - self.unit.first_record,
            f"{self.unit.name}#{row}",
            id=id_,
            text=text,
            url=url,
            source=source or self.unit.name,
            meta=meta,
        )


NOT_UTF8 = object()  # stands for a value that holds a string that is no UTF-8


def _utf8_error(text: bytes) -> tuple[str, str]:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return "bad_utf8", f"not UTF-8: {error.reason} at byte {error.start} of the text"
    return "", ""


def _text_column(batch: pa.RecordBatch, name: str) -> tuple[pa.Array | None, str]:
    """Return the text column as bytes, or None and why there is none."""
    places = batch.schema.get_all_field_indices(name)
    if len(places) != 1:
        known = ", ".join(batch.schema.names[:20])[:500]
        many = "no" if not places else f"{len(places)}"
        return None, f"{many} columns {name!r}; the file has: {known}"
    column = batch.column(places[0])
    while isinstance(column, pa.DictionaryArray | pa.ExtensionArray):
        extended = isinstance(column, pa.ExtensionArray)
        column = column.storage if extended else column.dictionary_decode()
    kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.large_binary())
    elif pa.types.is_string(kind):
        column = column.view(pa.binary())
    elif pa.types.is_large_string(kind):
        column = column.view(pa.large_binary())
    elif not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return None, f"column {name!r} holds {kind}, not strings"
    return column, f"column {name!r} is null"


def _is_utf8(column: pa.Array) -> bool:
    """Tell whether all values are UTF-8; where not all are, each is looked at."""
    wide = pa.types.is_large_binary(column.type)
    try:
        column.view(pa.large_string() if wide else pa.string()).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _values(column: pa.Array) -> list[Any]:
    """Return the values of `column`, NOT_UTF8 for those that hold broken strings."""
    try:
        if str(column.type).startswith(("timestamp[ns", "time64[ns")):
            # Python's own types hold microseconds; with pandas installed others would come.
            column = column.cast(pa.string())
        return list(column.to_pylist())
    except (ValueError, OverflowError, LookupError):
        return [_value(item) for item in column]


class _NotUtf8Error(Exception):
    pass


def _value(item: pa.Scalar) -> Any:
    try:
        return _plain(item)
    except _NotUtf8Error:
        return NOT_UTF8


def _plain(item: pa.Scalar) -> Any:
    """Return the value of `item`; of what Python has no type for, as Arrow writes it.

    Such are times to the nanosecond, dates behind the year 9999, and times of unknown zones.
    """
    try:
        return item.as_py()
    except UnicodeDecodeError:
        known = None
    except (ValueError, OverflowError, LookupError):
        known = pa.string()
    if isinstance(item, pa.DictionaryScalar | pa.ExtensionScalar):
        return _plain(item.value)
    if isinstance(item, pa.StructScalar):
        names = [field.name for field in item.type]
        return {name: _plain(item[number]) for number, name in enumerate(names)}
    if isinstance(item, pa.ListScalar):
        return [_plain(one) for one in item.values]
    if known is None:
        raise _NotUtf8Error
    try:
        return pc.cast(item, known).as_py()
    except (pa.ArrowException, ValueError):
        return str(item.value)
