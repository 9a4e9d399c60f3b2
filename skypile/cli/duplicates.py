"""Duplicates among ad-hoc documents: judged pieces wait on disk until all signatures are known.

``skypile dedup`` and ``skypile filter --dedup`` both go through `compared`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.cli.against import NO_EARLIER, Earlier
from skypile.cli.curated import Piece
from skypile.cli.documents import Documents
from skypile.cli.waiting import Waiting, WaitingSignatures
from skypile.curate import annotate
from skypile.dedup.cluster import REASONS, Drops, alarm_notes, large_families
from skypile.dedup.documents import open_signatures
from skypile.dedup.earlier import EarlierCorpus, EarlierDocuments, EarlierShard, earlier_sets
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import U64
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureIndex
from skypile.dedup.verify import estimate
from skypile.phases.merge import DROP_SCHEMA, with_drops

__all__ = ["PAIR_SCHEMA", "Compared", "compared", "without_duplicates"]

PAIR_SCHEMA = pa.schema(
    [
        ("kept_id", pa.string()),
        ("dropped_id", pa.string()),
        ("jaccard_estimate", pa.float32()),
        ("jaccard", pa.float32()),  # null where the estimate has decided
    ]
)
PAIRS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Compared:
    """All documents, waiting on disk, and what was found out about the open ones."""

    waiting: Waiting
    documents: Documents  # those that wait, and earlier ones
    index: SignatureIndex
    drops: Drops
    settings: Dedup
    first: int  # address of the first new document; those below are earlier ones

    def pieces(self, *, drop_all_copies: bool = False) -> Iterator[Piece]:
        """Yield all pieces with their duplicates rejected.

        Each names the record that stays in `duplicate_of`. With `drop_all_copies` those that would
        stay are rejected, too, and name the most similar of their copies.
        """
        drops = with_kept(self.drops) if drop_all_copies else self.drops
        records = self.documents.names(np.unique(drops.kept), "record")
        for piece in self.waiting:
            if piece.number << 32 < self.first:
                continue
            rows = np.asarray(piece.batch.column("row"))
            first, last = (piece.number << 32 | int(row) for row in (rows[0], rows[-1]))
            table = _drop_table(drops.between(first, last), records)
            batch = with_drops(piece.batch, table, self.settings.threshold)
            yield Piece(piece.number - (self.first >> 32), piece.unit, batch, piece.original)

    def alarms(self) -> list[str]:
        """Return a sentence about each family of more documents than the alarm allows."""
        families = large_families(self.drops, self.settings.alarm)
        addresses = np.array(sorted(kept for kept, _ in families), np.uint64)
        records = self.documents.names(addresses, "record")
        named = [(records[kept], size) for kept, size in families]
        return alarm_notes(named, self.settings.alarm)

    def pairs(self) -> Iterator[pa.RecordBatch]:
        """Yield PAIR_SCHEMA for each dropped document, in input order.

        An id that had occurred before is told by its record, as in a corpus.
        """
        drops, index = self.drops, self.index
        ids = self.documents.unique_ids(np.union1d(drops.address, drops.kept))
        for start in range(0, len(drops), PAIRS_AT_ONCE):
            rows = slice(start, start + PAIRS_AT_ONCE)
            kept, dropped = drops.kept[rows], drops.address[rows]
            agreeing = estimate(index.minhashes(kept), index.minhashes(dropped))
            known = drops.exact_checked[rows] & ~np.isnan(drops.jaccard[rows])
            columns = [
                pa.array([ids[address] for address in kept.tolist()], pa.string()),
                pa.array([ids[address] for address in dropped.tolist()], pa.string()),
                pa.array(agreeing, pa.float32()),
                pa.array(drops.jaccard[rows], pa.float32(), mask=~known),
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=PAIR_SCHEMA)


@contextmanager
def compared(
    pieces: Iterator[Piece], settings: Dedup, earlier: Earlier = NO_EARLIER
) -> Iterator[Compared]:
    """Read `earlier` and `pieces` to their ends, and yield what is found among the open documents.

    Texts and signatures wait in temporary files, which the kernel may keep in memory or not.
    Earlier documents all stay; of those that have an index only the texts of candidates are read.
    """
    with Waiting() as waiting, WaitingSignatures(settings.words) as sets:
        shards, units = _read_earlier(earlier, settings, waiting, sets)
        documents = Documents(waiting, EarlierDocuments(shards))
        for piece in pieces:
            piece = Piece(units + piece.number, piece.unit, piece.batch, piece.original)
            batch = annotate(piece.batch, [settings.signature])
            sets.add(open_signatures(batch, settings, unit=piece.number))
            names = [n for n in batch.schema.names if n not in settings.signature.writes]
            waiting.add(piece.with_batch(batch.select(names)))
        drops = find_duplicates(
            sets.mapped(),
            documents.texts,
            threshold=settings.threshold,
            bands=settings.bands,
            rows=settings.rows,
            first=units << 32,
            levels=settings.levels,
        )
        index = SignatureIndex(sets.mapped())
        yield Compared(waiting, documents, index, drops, settings, units << 32)


def _read_earlier(
    earlier: Earlier, settings: Dedup, waiting: Waiting, sets: WaitingSignatures
) -> tuple[dict[int, EarlierShard], int]:
    """Return the shards of `earlier` by number, and the number behind the last.

    Signatures are added to `sets`; what has no index is read, signed and added to `waiting`.
    """
    shards: dict[int, EarlierShard] = {}
    units = 0
    for source in earlier.sources:
        first = units
        if isinstance(source, EarlierCorpus):
            for units, shard in enumerate(source.shards, first + 1):
                shards[units - 1] = shard
                sets.add_mapped(earlier_sets(shard, settings, units - 1, settings.words))
            continue
        for piece in source:
            piece = Piece(first + piece.number, piece.unit, piece.batch, None)
            batch = annotate(piece.batch, [settings.signature])
            sets.add(open_signatures(batch, settings, unit=piece.number, ranked=False))
            waiting.add(piece)
            units = piece.number + 1
    return shards, units


def without_duplicates(
    pieces: Iterator[Piece], settings: Dedup, notes: list[str], earlier: Earlier
) -> Iterator[Piece]:
    """Yield `pieces` with the duplicates among their open documents rejected.

    Nothing is yielded before all is read. Alarms are added to `notes`.
    """
    with compared(pieces, settings, earlier) as found:
        notes += [*earlier.notes(), *found.alarms()]
        yield from found.pieces()


def with_kept(drops: Drops) -> Drops:
    """Return `drops` and, for each document that would stay, one more.

    It names the most similar of its copies (of equals the first) and takes over how similar they
    are. Here alone a document that is named is itself dropped.
    """
    order = np.lexsort((drops.address, -drops.jaccard.astype(np.float64), drops.kept))
    kept, first = np.unique(drops.kept[order], return_index=True)
    best = order[first]
    return drops.merged(
        Drops(
            address=kept,
            kept=drops.address[best],
            reason=drops.reason[best],
            jaccard=drops.jaccard[best],
            exact_checked=drops.exact_checked[best],
        )
    )


def _drop_table(drops: Drops, records: dict[int, str]) -> pa.Table:
    columns = [
        pa.array(_rows(drops.address)),
        pa.array([REASONS[reason] for reason in drops.reason], pa.string()),
        pa.array(drops.jaccard.astype(np.float64), from_pandas=True),  # NaN is null
        pa.array([records[address] for address in drops.kept.tolist()], pa.string()),
        pa.array(np.zeros(len(drops), np.bool_)),
    ]
    return pa.Table.from_arrays(columns, schema=DROP_SCHEMA)


def _rows(addresses: U64) -> npt.NDArray[np.uint32]:
    return (addresses & np.uint64(0xFFFFFFFF)).astype(np.uint32)
