"""Pieces of documents that wait in temporary files, read again in order or by address.

Their signatures wait in such files as well.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from skypile.cli.curated import Piece
from skypile.dedup.formats import U64
from skypile.dedup.signatures import SignatureSet, address_of
from skypile.errors import OutputError
from skypile.io.units import Unit
from skypile.kernels.buffers import utf8_view
from skypile.policy import open_mask

__all__ = ["Waiting", "WaitingSignatures"]

HELD_SIGNATURES = 1 << 16  # 36 MB


@dataclass(frozen=True)
class _Place:
    """Where the rows of a piece lie, and the texts of its open documents.

    Not an empty slice of it: that would hold on to all of its memory.
    """

    number: int
    unit: Unit
    start: int
    middle: int
    end: int
    addresses: U64
    text_addresses: U64
    text_borders: npt.NDArray[np.int64]


class Waiting:
    """Pieces in a temporary file, and beside them the bare texts that are compared.

    An address is ``unit << 32 | row``. A text alone is one read of its own bytes: candidates lie
    anywhere, and to unpack a piece of megabytes for each would read everything many times over.
    Raises OutputError where the temporary folder is full.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="skypile-")  # noqa: SIM115
        self._texts: IO[bytes] = tempfile.TemporaryFile(prefix="skypile-")  # noqa: SIM115
        self._places: list[_Place] = []
        self._first: list[int] = []
        self._text_bytes = 0
        self._id_hashes: list[U64] = []
        self._options = pa.ipc.IpcWriteOptions(compression="lz4")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._texts.close()

    def add(self, piece: Piece) -> None:
        """Append `piece`, whose addresses come after all that are there."""
        batch = piece.batch
        addresses = address_of(piece.number, np.asarray(batch.column("row")))
        with _explained():
            start = self._file.seek(0, 2)
            middle = self._write(batch)
            end = middle if piece.original is None else self._write(piece.original)
            rows = np.flatnonzero(open_mask(batch))
            borders = self._write_texts(batch.column("text").take(pa.array(rows)))
        places = (start, middle, end, addresses, addresses[rows], borders)
        self._places.append(_Place(piece.number, piece.unit, *places))
        self._first.append(int(addresses[0]))
        hashes = [xxhash.xxh3_64_intdigest(value.as_buffer()) for value in batch.column("id")]
        self._id_hashes.append(np.array(hashes, np.uint64))

    def _write(self, batch: pa.RecordBatch) -> int:
        with pa.ipc.new_stream(self._file, batch.schema, options=self._options) as writer:
            writer.write_batch(batch)
        self._file.flush()
        return self._file.tell()

    def _write_texts(self, texts: pa.Array) -> npt.NDArray[np.int64]:
        data, offsets = utf8_view(texts)
        self._texts.write(data[: offsets[-1]].data)
        self._texts.flush()
        borders = offsets + self._text_bytes
        self._text_bytes = int(borders[-1])
        return borders

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces in order."""
        for place in self._places:
            original = self._read(place.middle, place.end) if place.end > place.middle else None
            batch = self._read(place.start, place.middle)
            yield Piece(place.number, place.unit, batch, original)

    def _read(self, start: int, end: int, names: Sequence[str] = ()) -> pa.RecordBatch:
        """Return a batch, or these columns of it, which alone are then unpacked."""
        self._file.seek(start)
        data = self._file.read(end - start)
        options = pa.ipc.IpcReadOptions()
        if names:
            with pa.ipc.open_stream(data) as reader:
                fields = [reader.schema.get_field_index(name) for name in names]
            options = pa.ipc.IpcReadOptions(included_fields=fields)
        with pa.ipc.open_stream(data, options=options) as reader:
            return reader.read_next_batch()

    def _located(self, addresses: U64) -> Iterator[tuple[_Place, U64]]:
        """Yield each piece that holds some of the ascending `addresses`, with these."""
        owner = np.searchsorted(np.array(self._first, np.uint64), addresses, side="right") - 1
        numbers, starts = np.unique(owner, return_index=True)
        for number, asked in zip(numbers.tolist(), np.split(addresses, starts)[1:], strict=True):
            yield self._places[number], asked

    def texts(self, addresses: U64) -> list[bytes]:
        """Return the texts of ascending `addresses` of open documents as UTF-8."""
        found = []
        for place, asked in self._located(addresses):
            rows = np.searchsorted(place.text_addresses, asked)
            assert np.array_equal(place.text_addresses[rows], asked)
            for row in rows.tolist():
                start, end = place.text_borders[row : row + 2].tolist()
                found.append(os.pread(self._texts.fileno(), end - start, start))
        return found

    def names(self, addresses: U64, column: str) -> dict[int, str]:
        """Return address -> value of the string column `column` of ascending `addresses`."""
        found: dict[int, str] = {}
        for place, asked in self._located(addresses):
            rows = np.searchsorted(place.addresses, asked)
            assert np.array_equal(place.addresses[rows], asked)
            batch = self._read(place.start, place.middle, [column])
            values = batch.column(column).take(pa.array(rows)).to_pylist()
            found.update(zip(asked.tolist(), values, strict=True))
        return found

    def id_hashes(self) -> tuple[U64, U64]:
        """Return the addresses of all documents, ascending, and the xxh3-64 of their ids."""
        if not self._places:
            return np.empty(0, np.uint64), np.empty(0, np.uint64)
        every = np.concatenate([place.addresses for place in self._places])
        return every, np.concatenate(self._id_hashes)


class WaitingSignatures:
    """Signatures, added by ascending address, in temporary files that are memory-mapped.

    Raises OutputError where the temporary folder is full.
    """

    def __init__(self, words: int) -> None:
        """Take the words of a preference."""
        self._words = words
        self._folder = tempfile.TemporaryDirectory(prefix="skypile-")
        self._mapped: list[SignatureSet] = []
        self._held: list[SignatureSet] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def add(self, signatures: SignatureSet) -> None:
        """Append the signatures of some documents."""
        self._held.append(signatures)
        if sum(map(len, self._held)) >= HELD_SIGNATURES:
            self._spill()

    def add_mapped(self, sets: Sequence[SignatureSet]) -> None:
        """Append sets that lie in files already."""
        self._spill()
        self._mapped += sets

    def mapped(self) -> Sequence[SignatureSet]:
        """Return all sets that were added, by ascending address."""
        self._spill()
        return self._mapped

    def _spill(self) -> None:
        if any(map(len, self._held)):
            path = Path(self._folder.name) / f"{len(self._mapped)}.arrow"
            with _explained():
                SignatureSet.joined(self._held, words=self._words).save(path)
            self._mapped.append(SignatureSet.load(path))
        self._held = []


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{tempfile.gettempdir()}: cannot hold the documents that are compared: "
            f"{error}; set TMPDIR to a folder with more room"
        ) from error
