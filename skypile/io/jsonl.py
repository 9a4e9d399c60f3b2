"""JSON Lines: one JSON object a line, plain, gzip or zstd."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import isfinite
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from skypile.errors import InputError
from skypile.io.compression import blocks
from skypile.io.fields import (
    TooDeepError,
    identifier,
    may_be_rounded,
    meta_json,
    take_columns,
)
from skypile.io.formats import BYTE_ORDER_MARK
from skypile.io.lines import (
    RAW_BYTES,
    BlankLines,
    LongLine,
    LostRest,
    WholeLines,
    range_blocks,
    split_lines,
)
from skypile.io.rows import MAX_ROW, ReadOptions, RowBuffer, Tally, too_large
from skypile.io.units import Unit

__all__ = ["jsonl_batches"]

JSON_KINDS = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def jsonl_batches(
    unit: Unit, file: BinaryIO, options: ReadOptions, tally: Tally
) -> Iterator[pa.RecordBatch]:
    """Yield the records of `unit`, whose file is open as `file`, each as a document or an error.

    Each physical line that is not blank is one record, and so is the lost rest of a damaged
    container; its number is that of its line in the file. A byte order mark at the start is
    dropped; of fields named twice the last one counts.
    """
    offset, found = 0, blocks(file, unit.compression)
    if unit.compression == "none" and unit.end > 0:
        offset, found = range_blocks(file, unit.start, unit.end)
    lines = _Lines(unit, options, tally)
    for event in split_lines(found, offset, options.max_document_bytes):
        yield from lines.batches(event)
        if lines.finished():
            break
    last = lines.rows.take()
    if last is not None:
        yield last


class _Lines:
    """Turns lines into rows and keeps count of them."""

    def __init__(self, unit: Unit, options: ReadOptions, tally: Tally) -> None:
        self.unit, self.options, self.tally = unit, options, tally
        self.rows = RowBuffer(options)
        self.row = 0  # number of the next line within the unit

    def finished(self) -> bool:
        return self.options.limit is not None and self.tally.read >= self.options.limit

    def batches(
        self, event: WholeLines | BlankLines | LongLine | LostRest
    ) -> Iterator[pa.RecordBatch]:
        if self.finished():
            return
        if isinstance(event, BlankLines):
            self._next(event.lines)
            return
        if not isinstance(event, WholeLines):
            self._unreadable(event)
            return
        offset = event.offset
        event.lines.reverse()
        while event.lines:
            line = event.lines.pop()  # a line of 50 MB is let go as soon as it is read
            if len(line) > self.options.max_document_bytes:
                self._unreadable(LongLine(line[:RAW_BYTES], offset, len(line)))
            else:
                self._line(line, offset)
            offset += len(line) + 1
            if self.rows.full and (batch := self.rows.take()) is not None:
                yield batch
            if self.finished():
                return

    def _line(self, line: bytes, offset: int) -> None:
        if offset == 0:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line and not line.isspace():
            self.tally.read += 1
            self._record(line, offset)
        self._next()

    def _next(self, lines: int = 1) -> None:
        self.row += lines
        if self.row > MAX_ROW:
            raise InputError(
                f"{self.unit.path}: more than {MAX_ROW:,} lines in one compressed file; split it"
            )

    def _name(self) -> str:
        return f"{self.unit.name}#{self.unit.first_record + self.row}"

    def _unreadable(self, event: LongLine | LostRest) -> None:
        self.tally.read += 1
        if isinstance(event, LongLine):
            reason, message = "too_large", too_large(event.size, self.options)
        else:
            reason, message = event.reason, event.message
        self.rows.error(
            self.row,
            self._name(),
            reason=reason,
            message=message,
            source=self.unit.name,
            raw=event.head,
            byte_offset=event.offset,
        )
        self._next()

    def _record(self, line: bytes, offset: int) -> None:
        try:
            fields = _loaded(line)
        except orjson.JSONDecodeError as error:
            return self._error(line, offset, *_diagnosis(line, error))
        if type(fields) is not dict:
            kind = JSON_KINDS.get(type(fields), "a number")
            return self._error(line, offset, "bad_json", f"the line is {kind}, not a JSON object")
        text = fields.pop(self.options.text_field, None)
        if type(text) is not str:
            return self._error(line, offset, *_no_text(text, fields, self.options))
        try:
            self._document(line, text, fields)
        except TooDeepError as error:
            self._error(line, offset, "bad_json", f"the record is {error}")
        return None

    def _document(self, line: bytes, text: str, fields: dict[str, Any]) -> None:
        options = self.options
        id_value, url, source = take_columns(fields, options)
        meta = meta_json(fields) if fields else None
        if may_be_rounded(id_value, meta):
            fields = _loaded_exactly(line)
            del fields[options.text_field]
            id_value, url, source = take_columns(fields, options)
            meta = meta_json(fields) if fields else None
        self.rows.document(
            self.row,
            self._name(),
            id=identifier(id_value),
            text=text.encode(),
            url=url,
            source=source or self.unit.name,
            meta=meta,
            line=line if options.keep_lines else None,
        )

    def _error(self, line: bytes, offset: int, reason: str, message: str) -> None:
        self.rows.error(
            self.row,
            self._name(),
            reason=reason,
            message=message,
            source=self.unit.name,
            raw=line,
            byte_offset=offset,
            line=line if self.options.keep_lines else None,
        )


def _loaded(line: bytes) -> Any:
    """Return the JSON value of `line`; raises orjson.JSONDecodeError for what is none."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        if "infinity" not in error.msg:
            raise
        # A number such as 1e999, which is JSON, and which no float holds.
        try:
            value = _loaded_exactly(line)
            json.dumps(value, ensure_ascii=False).encode()  # raises for halves of surrogate pairs
        except (ValueError, RecursionError):
            raise error from None
        return value


def _loaded_exactly(line: bytes) -> Any:
    return json.loads(line, parse_int=_integer, parse_float=_float, parse_constant=_refuse)


def _integer(digits: str) -> int | str:
    # Python refuses to turn more digits into a number; it would take it too long.
    return int(digits) if len(digits) <= sys.get_int_max_str_digits() else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if isfinite(number) else digits


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _diagnosis(line: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    try:
        line.decode()
    except UnicodeDecodeError as found:
        return "bad_utf8", f"not UTF-8: {found.reason} at byte {found.start} of the line"
    if "surrogate" in error.msg:
        return "bad_utf8", f"half of a surrogate pair: {error.msg} (character {error.pos})"
    if b"}\r{" in line:
        return (
            "bad_json",
            "not JSON: lines end in CR alone here; they must end in LF (tr '\\r' '\\n')",
        )
    return "bad_json", f"not JSON: {error.msg} (character {error.pos})"


def _no_text(text: object, fields: dict[str, Any], options: ReadOptions) -> tuple[str, str]:
    name = options.text_field
    if text is None:
        known = ", ".join(list(fields)[:20])
        return "bad_text_type", f"field {name!r} is null or missing; the record has: {known[:500]}"
    kind = "an object" if isinstance(text, dict) else JSON_KINDS.get(type(text), "a number")
    return "bad_text_type", f"field {name!r} is {kind}, not a string"
