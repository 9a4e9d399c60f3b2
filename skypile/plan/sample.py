"""What is read of an input to predict the whole: some units of each kind, some records of each.

Units of one kind (format and compression) are a stratum. Of each stratum the units with the
smallest hashes are drawn, and of a drawn unit a quota of bytes:

* plain JSON Lines: windows of 1 MiB, evenly between the unit's ends from a hashed start;
* Parquet: rows at the start of row groups with the smallest hashes;
* source and text files: the files with the smallest hashes;
* everything that is packed, WET, WARC, and lines by http: at least its first 8 MB, since there is
  no way into the middle, of which records are taken by hash until the quota is filled.
"""

from __future__ import annotations

import io
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import xxhash

from skypile.errors import InputError
from skypile.io import files
from skypile.io.codefiles import code_batches
from skypile.io.footers import open_parquet
from skypile.io.jsonl import jsonl_batches
from skypile.io.parquet import Originals, parquet_batches
from skypile.io.remote import is_http, shown, why
from skypile.io.rows import BATCH_BYTES, ReadOptions, Tally
from skypile.io.units import CodeFile, Unit
from skypile.io.wet import wet_batches
from skypile.schema import set_columns

__all__ = ["Drawn", "Sampling", "Stratum", "draw"]

MOST_UNITS = 32
WINDOW_BYTES = 1 << 20
STREAM_BYTES = 8 << 20
MOST_GROUPS = 4
PIECE_BYTES = 1 << 16
FIRST_RECORDS = 1 << 40  # apart: the records of two windows have different names


@dataclass(frozen=True)
class Sampling:
    """How much is read: `frac` of the bytes on disk, within two bounds; what depends on `seed`."""

    frac: float = 0.001
    min_bytes: int = 4 << 20
    max_bytes: int = 16 << 20
    seed: int = 0

    def budget(self, whole: int) -> int:
        """Return how many of `whole` bytes are to be drawn."""
        wanted = min(max(round(self.frac * whole), self.min_bytes), self.max_bytes)
        return min(whole, wanted)

    def place(self, *parts: object) -> int:
        """Return the 64-bit hash of `parts`: smaller ones are drawn first."""
        return xxhash.xxh3_64_intdigest(repr(parts).encode("utf-8", "surrogatepass"), self.seed)


@dataclass(frozen=True)
class Stratum:
    """All units of one kind, and those that are drawn."""

    name: str
    sizes: np.ndarray  # int64 (units,): bytes on disk
    drawn: tuple[Drawn, ...]
    is_divided: bool  # whether a build makes units of about TARGET_BYTES of a large file

    @property
    def size(self) -> int:
        """Bytes on disk of all units."""
        return int(self.sizes.sum())

    @property
    def units(self) -> int:
        """How many units there are: whole files, or runs of small ones."""
        return len(self.sizes)

    @property
    def is_whole(self) -> bool:
        """Whether every unit is drawn."""
        return len(self.drawn) == self.units


def draw(units: Sequence[Unit], sampling: Sampling, options: ReadOptions) -> list[Stratum]:
    """Return the strata of `units`, which are whole files, with what is to be read of each."""
    kinds: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        if unit.size:
            packed = "" if unit.compression == "none" else f".{unit.compression}"
            kinds[f"{unit.format}{packed}"].append(unit)
    whole = sum(unit.size for unit in units)
    budget = sampling.budget(whole)
    strata = []
    for name, members in sorted(kinds.items()):
        sizes = np.array([unit.size for unit in members], np.int64)
        size = int(sizes.sum())
        most = max(2, -(-MOST_UNITS * size // whole))
        members.sort(key=lambda unit: sampling.place(unit.name, unit.start))
        chosen = members[:most]
        share = budget * size / whole / sum(unit.size for unit in chosen)
        drawn = (Drawn(unit, min(1.0, share), sampling, options) for unit in chosen)
        first = members[0]
        lines = first.format == "jsonl" and first.compression == "none"
        divided = first.format in ("parquet", "files") or (lines and not is_http(first.path))
        strata.append(Stratum(name, sizes, tuple(drawn), divided))
    return strata


@dataclass
class Drawn:
    """A unit that is drawn; iterated over once, it yields the records that are taken of it.

    Batches are as large as a reader's, and rows are numbered anew. Afterwards `factor` tells how
    many bytes of the unit each byte of what was taken stands for.
    """

    unit: Unit
    share: float  # of the unit's bytes that is wanted
    sampling: Sampling
    options: ReadOptions
    read: int = 0  # records that were taken
    met: int = 0  # records that were read
    met_bytes: int = 0  # of text, of those
    disk_bytes: float = 0.0  # what was read of the unit
    read_seconds: float = 0.0  # CPU time of reading
    timed: list[tuple[int, int, float]] = field(default_factory=list)  # rows, text, CPU seconds
    tally: Tally = field(default_factory=Tally)

    @property
    def aside(self) -> dict[str, int]:
        """How many records were met that are no documents, by kind."""
        return dict(sorted(self.tally.aside.items()))

    @property
    def factor(self) -> float:
        """How many records of the unit a record that was taken stands for; 0 where none was."""
        if not self.read or not self.disk_bytes:
            return 0.0
        return self.unit.size / self.disk_bytes * self.met / self.read

    @property
    def taken_bytes(self) -> float:
        """Bytes on disk that the records taken stand for themselves."""
        return self.unit.size / self.factor if self.factor else 0.0

    @property
    def is_whole(self) -> bool:
        """Whether all of the unit was taken."""
        return self.factor == 1.0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the records taken; the time until the next is asked for is the taker's."""
        begun = time.process_time()
        for batch in self._gathered():
            given = time.process_time()
            self.read_seconds += given - begun
            yield batch
            begun = time.process_time()
            self.timed.append((batch.num_rows, batch.column("text").nbytes, begun - given))
        self.read_seconds += time.process_time() - begun

    def first(self, rows: int) -> pa.RecordBatch | None:
        """Return up to `rows` records of the unit's start; what is counted here stays as it is."""
        limited = replace(self.options, limit=rows)
        head = self.unit
        if head.format == "jsonl" and head.compression == "none" and not is_http(head.path):
            head = replace(head, end=head.size)
        with closing(_opened(head, limited, Tally())) as batches:
            return next(batches, None)

    def _gathered(self) -> Iterator[pa.RecordBatch]:
        """Yield what `_taken` gives in batches of the usual size, numbered on end."""
        waiting: list[pa.RecordBatch] = []
        for batch in self._taken():
            waiting.append(batch)
            if sum(one.column("text").nbytes for one in waiting) >= BATCH_BYTES:
                yield self._numbered(waiting)
                waiting = []
        if waiting:
            yield self._numbered(waiting)

    def _numbered(self, batches: list[pa.RecordBatch]) -> pa.RecordBatch:
        whole = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        rows = np.arange(self.read, self.read + whole.num_rows, dtype=np.uint32)
        self.read += whole.num_rows
        return set_columns(whole, {"row": pa.array(rows)})

    def _taken(self) -> Iterator[pa.RecordBatch]:
        unit = self.unit
        if unit.format == "files":
            yield from self._met(self._files())
        elif unit.format == "parquet":
            yield from self._met(self._row_groups())
        elif unit.format == "jsonl" and unit.compression == "none" and not is_http(unit.path):
            yield from self._met(self._windows())
        else:
            yield from self._stream()

    def _met(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.met += batch.num_rows
            self.met_bytes += batch.column("text").nbytes
            yield batch

    def _files(self) -> Iterator[pa.RecordBatch]:
        wanted = self.share * self.unit.size
        taken: list[CodeFile] = []
        for file in sorted(self.unit.files, key=lambda file: self.sampling.place(file.name)):
            if taken and self.disk_bytes >= wanted:
                break
            taken.append(file)
            self.disk_bytes += file.size
        taken.sort(key=lambda file: file.name)
        part = replace(self.unit, files=tuple(taken), end=len(taken))
        yield from code_batches(part, self.options, self.tally)

    def _windows(self) -> Iterator[pa.RecordBatch]:
        size = self.unit.size
        number = max(1, -(-round(self.share * size) // WINDOW_BYTES))
        if number * WINDOW_BYTES >= size or self.share == 1.0:
            self.disk_bytes = size
            yield from _opened(replace(self.unit, start=0, end=size), self.options, self.tally)
            return
        stride = size / number
        begin = self.sampling.place(self.unit.name, "window") / 2**64 * (stride - WINDOW_BYTES)
        for window in range(number):
            start = round(begin + window * stride)
            part = replace(
                self.unit, start=start, end=start + WINDOW_BYTES,
                first_record=window * FIRST_RECORDS,
            )  # fmt: skip
            self.disk_bytes += WINDOW_BYTES
            yield from _opened(part, self.options, self.tally)

    def _row_groups(self) -> Iterator[pa.RecordBatch]:
        rows = _rows_by_group(self.unit)
        if not sum(rows) or self.share == 1.0:
            self.disk_bytes = self.unit.size
            yield from _opened(self.unit, self.options, self.tally)
            return
        wanted = max(1, round(self.share * sum(rows)))
        groups = [group for group, count in enumerate(rows) if count]
        groups.sort(key=lambda group: self.sampling.place(self.unit.name, group))
        groups, taken = groups[: min(MOST_GROUPS, wanted)], 0
        for at, group in enumerate(groups):
            limit = min(rows[group], -(-(wanted - taken) // (len(groups) - at)))
            part = replace(self.unit, start=group, end=group + 1, first_record=sum(rows[:group]))
            yield from _opened(part, replace(self.options, limit=limit), self.tally)
            self.tally.read = 0  # which is what the limit bounds
            taken += limit
        self.disk_bytes = self.unit.size * taken / sum(rows)

    def _stream(self) -> Iterator[pa.RecordBatch]:
        """Read on from the start, and take records by hash.

        A decoder reads ahead: what a stretch of text takes on disk is told by the difference of two
        places, not by one.
        """
        size = self.unit.size
        aim = size if self.share == 1.0 else min(size, max(round(self.share * size), STREAM_BYTES))
        taken = min(1.0, self.share * size / aim)
        counted, marks = _Counted(_open(self.unit)), []
        ended = True
        with counted:
            source = cast(BinaryIO, counted)
            for batch in _batches(self.unit, source, self.options, self.tally):
                self.met += batch.num_rows
                self.met_bytes += batch.column("text").nbytes
                marks.append((self.met_bytes, counted.place))
                if (part := self._by_hash(batch, taken)).num_rows:
                    yield part
                if aim < size and counted.place >= aim:
                    ended = False
                    break
        self.disk_bytes = size if ended else _on_disk(marks)

    def _by_hash(self, batch: pa.RecordBatch, share: float) -> pa.RecordBatch:
        if share >= 1.0:
            return batch
        limit = int(share * 2**64)
        names = batch.column("record").to_pylist()
        rows = [row for row, name in enumerate(names) if self.sampling.place(name) < limit]
        return batch.take(pa.array(rows, pa.int64()))


def _on_disk(marks: Sequence[tuple[int, int]]) -> float:
    """Return the bytes on disk of all the text read, given (text read, place on disk) at times."""
    (first, begun), (last, ended) = marks[0], marks[-1]
    return last * (ended - begun) / (last - first) if last > first else float(ended)


def _rows_by_group(unit: Unit) -> list[int]:
    with _open(unit) as file:
        opened = open_parquet(file)
        if isinstance(opened, str):
            return []
        found = opened.metadata
        return [max(0, found.row_group(group).num_rows) for group in range(found.num_row_groups)]


def _open(unit: Unit) -> BinaryIO:
    return files.open_input(unit.path)


def _opened(
    unit: Unit, options: ReadOptions, tally: Tally
) -> Generator[pa.RecordBatch, None, None]:
    if unit.format == "files":
        yield from code_batches(unit, options, tally)
        return
    with _open(unit) as file:
        yield from _batches(unit, file, options, tally)


def _batches(
    unit: Unit, file: BinaryIO, options: ReadOptions, tally: Tally
) -> Iterator[pa.RecordBatch]:
    try:
        if unit.format == "parquet":
            yield from parquet_batches(unit, file, options, tally, Originals())
        elif unit.format == "wet":
            yield from wet_batches(unit, file, options, tally)
        else:
            yield from jsonl_batches(unit, file, options, tally)
    except OSError as error:
        raise InputError(f"{shown(unit.path)}: cannot be read: {why(error)}") from error


class _Counted(io.RawIOBase):
    """A file that is read in small pieces, so that `place` is close to what has been used."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.place = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, PIECE_BYTES at most."""
        data = self._file.read(min(size, PIECE_BYTES) if size >= 0 else PIECE_BYTES)
        self.place += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go elsewhere."""
        self.place = self._file.seek(offset, whence)
        return self.place

    def tell(self) -> int:
        """Return where the file stands."""
        return self.place

    def seekable(self) -> bool:
        """Tell whether the file can be read twice."""
        return self._file.seekable()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
