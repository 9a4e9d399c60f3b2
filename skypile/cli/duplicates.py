"""Duplicates among ad-hoc documents: judged pieces wait on disk until all signatures are known."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from skypile.cli.curated import Piece
from skypile.curate import annotate
from skypile.dedup.cluster import REASONS, Drops
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import U64
from skypile.dedup.signatures import SignatureSet, address_of, pack
from skypile.errors import OutputError
from skypile.phases.merge import DROP_SCHEMA, with_drops
from skypile.policy import open_mask
from skypile.recipe import Dedup
from skypile.stages.signature import Signature

__all__ = ["Waiting", "without_duplicates"]


def without_duplicates(pieces: Iterator[Piece], settings: Dedup) -> Iterator[Piece]:
    """Yield `pieces` with the duplicates among their open documents rejected.

    Each names the record that stays in `duplicate_of`. Nothing is yielded before all is read; text
    waits in a temporary file, signatures (about 0.6 kB a document) in memory.
    """
    with Waiting() as waiting:
        sets = []
        for piece in pieces:
            batch = annotate(piece.batch, [Signature()])
            sets.append(_signatures(piece.number, batch, settings))
            names = [n for n in batch.schema.names if n not in Signature().writes]
            waiting.add(piece.with_batch(batch.select(names)))
        drops = find_duplicates(
            _joined(sets),
            waiting.texts,
            threshold=settings.threshold,
            bands=settings.bands,
            rows=settings.rows,
        )
        records = waiting.records(np.unique(drops.kept))
        for piece in waiting:
            table = _drop_table(drops.for_unit(piece.number), records)
            yield piece.with_batch(with_drops(piece.batch, table, settings.threshold))


def _signatures(number: int, batch: pa.RecordBatch, settings: Dedup) -> SignatureSet | None:
    rows = batch.take(pa.array(np.flatnonzero(open_mask(batch))))
    if not rows.num_rows:
        return None
    sources = pa.array(settings.sources, pa.string())
    place = pc.index_in(rows.column("source"), value_set=sources).fill_null(len(sources))
    return pack(
        addresses=address_of(number, np.asarray(rows.column("row"))),
        exact_hash=rows.column("exact_hash"),
        minhash=rows.column("minhash"),
        shingle_count=rows.column("shingle_count"),
        length=np.asarray(pc.utf8_length(rows.column("text"))).astype(np.int64),
        priority=np.asarray(place).astype(np.int32),
    )


def _joined(sets: list[SignatureSet | None]) -> SignatureSet:
    names = ("addresses", "exact", "minhash", "shingle_count", "length", "priority")
    filled = [each for each in sets if each is not None]
    if not filled:
        shapes = {"exact": (0, 2), "minhash": (0, 128)}
        types = {"addresses": np.uint64, "exact": np.uint64, "minhash": np.uint32}
        types |= {"shingle_count": np.int32, "length": np.int64, "priority": np.int32}
        return SignatureSet(**{n: np.zeros(shapes.get(n, (0,)), types[n]) for n in names})
    return SignatureSet(**{n: np.concatenate([getattr(s, n) for s in filled]) for n in names})


def _drop_table(drops: Drops, records: dict[int, str]) -> pa.Table:
    columns = [
        pa.array((drops.address & np.uint64(0xFFFFFFFF)).astype(np.uint32)),
        pa.array([REASONS[reason] for reason in drops.reason], pa.string()),
        pa.array(drops.jaccard.astype(np.float64)),
        pa.array([records[address] for address in drops.kept.tolist()], pa.string()),
        pa.array(np.zeros(len(drops), np.bool_)),
    ]
    return pa.Table.from_arrays(columns, schema=DROP_SCHEMA)


class Waiting:
    """Pieces in a temporary file, read again in order, or single rows by address.

    An address is ``unit << 32 | row``. Raises OutputError where the temporary folder is full.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="skypile-")  # noqa: SIM115
        self._places: list[tuple[Piece, int, int, int]] = []
        self._first: list[int] = []
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

    def add(self, piece: Piece) -> None:
        """Append `piece`, whose addresses come after all that are there."""
        start = self._file.seek(0, 2)
        middle = self._write(piece.batch)
        end = middle if piece.original is None else self._write(piece.original)
        nothing = piece.batch.slice(0, 0)
        self._places.append((Piece(piece.number, piece.unit, nothing, None), start, middle, end))
        self._first.append(piece.number << 32 | piece.batch.column("row")[0].as_py())

    def _write(self, batch: pa.RecordBatch) -> int:
        try:
            with pa.ipc.new_stream(self._file, batch.schema, options=self._options) as writer:
                writer.write_batch(batch)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"{tempfile.gettempdir()}: cannot hold the documents that --dedup compares: "
                f"{error}; set TMPDIR to a folder with more room"
            ) from error
        return self._file.tell()

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces in order."""
        for known, start, middle, end in self._places:
            original = self._read(middle, end) if end > middle else None
            yield Piece(known.number, known.unit, self._read(start, middle), original)

    def _read(self, start: int, end: int) -> pa.RecordBatch:
        self._file.seek(start)
        with pa.ipc.open_stream(self._file.read(end - start)) as reader:
            return reader.read_next_batch()

    def texts(self, addresses: U64) -> list[bytes]:
        """Return the texts of ascending `addresses` as UTF-8."""
        return [bytes(value.as_buffer()) for value in self._values(addresses, "text")]

    def records(self, addresses: U64) -> dict[int, str]:
        """Return address -> record of ascending `addresses`."""
        values = self._values(addresses, "record")
        named = zip(addresses.tolist(), values, strict=True)
        return {address: value.as_py() for address, value in named}

    def _values(self, addresses: U64, column: str) -> Iterator[pa.Scalar]:
        held, batch, rows = -1, None, np.empty(0, np.uint64)
        first = np.array(self._first, np.uint64)
        for address in addresses:
            place = int(np.searchsorted(first, address, side="right")) - 1
            if place != held or batch is None:
                known, start, middle, _ = self._places[place]
                held, batch = place, self._read(start, middle)
                rows = address_of(known.number, np.asarray(batch.column("row")))
            at = int(np.searchsorted(rows, address))
            assert rows[at] == address
            yield batch.column(column)[at]
