"""Reading a unit: every record of it comes out as one row, an open document or an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from skypile.errors import InputError
from skypile.io import files
from skypile.io.codefiles import code_batches
from skypile.io.jsonl import jsonl_batches
from skypile.io.parquet import Originals, parquet_batches
from skypile.io.remote import shown, why
from skypile.io.rows import ReadOptions, Tally
from skypile.io.stdin import stdin_unit
from skypile.io.units import STDIN, Unit
from skypile.io.wet import wet_batches

__all__ = ["ReadOptions", "UnitReader", "open_unit", "read_unit"]


class UnitReader:
    """Iterates over the batches of one unit, once.

    `read` is the number of records met so far, counted before their content is looked at: lines
    that are not blank, rows of Parquet footers, records of WET that are no mere description, source
    and text files, and one for each lost rest.
    """

    def __init__(self, unit: Unit, options: ReadOptions) -> None:
        self.unit = unit
        self.options = options
        self._tally = Tally()
        self._originals = Originals()

    @property
    def read(self) -> int:
        """How many records have been met so far."""
        return self._tally.read

    @property
    def aside(self) -> dict[str, int]:
        """How many records were met that are no documents by their nature, by kind."""
        return dict(sorted(self._tally.aside.items()))

    @property
    def original(self) -> pa.RecordBatch | None:
        """The rows of a Parquet file that the last batch was made of, row by row, else None.

        Only with ReadOptions.keep_lines. None as well for the one row of a lost rest.
        """
        return self._originals.batch

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of skypile.schema.input_schema(), with `raw_line` for `keep_lines`.

        A batch holds about 4 MB of text, or one larger document. Raises InputError where the file
        cannot be read, or is not the one that was planned.
        """
        try:
            yield from self._batches()
        except OSError as error:
            raise InputError(f"{shown(self.unit.path)}: cannot be read: {why(error)}") from error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        unit = self.unit
        if unit.format == "files":
            yield from code_batches(unit, self.options, self._tally)
            return
        if unit.path == STDIN:
            told, file = stdin_unit(unit, sys.stdin.buffer)
            with file:
                yield from self._of_file(told, file)
            return
        _check_unchanged(unit)
        with files.open_input(unit.path) as file:
            yield from self._of_file(unit, file)
        _check_unchanged(unit)

    def _of_file(self, unit: Unit, file: BinaryIO) -> Iterator[pa.RecordBatch]:
        if unit.format == "parquet":
            yield from parquet_batches(unit, file, self.options, self._tally, self._originals)
        elif unit.format == "wet":
            yield from wet_batches(unit, file, self.options, self._tally)
        else:
            yield from jsonl_batches(unit, file, self.options, self._tally)


def _check_unchanged(unit: Unit) -> None:
    files.check_unchanged(unit.path, (unit.size, unit.mtime_ns, unit.etag))


def open_unit(unit: Unit, options: ReadOptions) -> UnitReader:
    """Return a reader of `unit`; nothing is opened before it is iterated over."""
    return UnitReader(unit, options)


def read_unit(unit: Unit, options: ReadOptions) -> Iterator[pa.RecordBatch]:
    """Yield the batches of `unit`, for those who need no count."""
    yield from UnitReader(unit, options)
