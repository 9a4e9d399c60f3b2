"""Earlier documents that new ones are compared with: `--against`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.cli.curated import Counts, Piece, read_pieces
from skypile.cli.inputs import Inputs, ordered_plan
from skypile.dedup.earlier import AGAINST, EarlierCorpus, labels
from skypile.dedup.settings import Dedup
from skypile.errors import InputError, RunError, UsageError
from skypile.io.files import absolute
from skypile.io.sources import ReadOptions
from skypile.io.store import Store, is_remote
from skypile.io.units import STDIN, Unit
from skypile.policy import open_mask
from skypile.schema import set_columns
from skypile.verify.earlier import open_corpus
from skypile.verify.manifest import MANIFEST, read_manifest

__all__ = ["AGAINST", "NO_EARLIER", "Earlier", "add_against", "earlier"]

# What is compared of an earlier document, and what it is called.
NEEDED = ("id", "record", "row", "text", "url", "source", "outcome")
OF_SHARD = ("id", "record", "text", "url", "source", "domain")


def add_against(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="EARLIER",
        help="documents that stay whatever comes: a corpus (by its index, where that was drawn "
        "alike), the folder of a dedup, or what INPUT may be; a new document that is a duplicate "
        "of one is rejected and names it; repeatable",
    )


@dataclass
class Earlier:
    """Where earlier documents come from, in order: corpora with an index, else pieces to be read.

    The counts are of pieces, once they have been read.
    """

    sources: list[EarlierCorpus | Iterator[Piece]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    told: list[str] = field(default_factory=list)

    @property
    def documents(self) -> int:
        """How many earlier documents there are."""
        corpora = [one for one in self.sources if isinstance(one, EarlierCorpus)]
        return self.counts.ledger.read + sum(corpus.documents for corpus in corpora)

    def notes(self) -> list[str]:
        """Return what a person should know of them, once they have been read."""
        if not self.documents:
            return self.told
        bad = sum(self.counts.unreadable.values())
        more = f", {bad:,} of which could not be read" if bad else ""
        whole = f"--against: compared with {self.documents:,} earlier documents{more}"
        return [whole, *self.told]


NO_EARLIER = Earlier()


def earlier(paths: Sequence[str], options: ReadOptions, settings: Dedup) -> Earlier:
    """Return the documents of `paths`; of a corpus, or the folder of a dedup, those that it kept.

    Corpora come first, ordered by path, and are compared by their index where it can be used.
    Raises UsageError for standard input and for documents that have no domain to be compared
    within, and what the plan of inputs raises.
    """
    if STDIN in paths:
        raise UsageError("--against -: earlier documents cannot be read from stdin; name files")
    found = Earlier()
    given = list(dict.fromkeys(absolute(path.rstrip("/") or "/") for path in paths))
    named = dict(zip(given, labels(given), strict=True)) if given else {}
    corpora = sorted(path for path in given if _is_corpus(path))
    for path in corpora:
        found.sources.append(_corpus(path, named[path], settings, found))
    others = [path for path in paths if absolute(path.rstrip("/") or "/") not in corpora]
    if others and settings.within == "domain":
        raise UsageError(
            f"--against {others[0]}: the recipe compares within domain, which documents outside a "
            "corpus do not tell; build a corpus of them"
        )
    if others:
        plan = ordered_plan(Inputs(tuple(kept for path in others for kept in _kept_of(path))))
        read = read_pieces(plan.units, options, found.counts, rewrites=False)
        found.sources.append(_open_ones(read, found.counts))
    return found


def _is_corpus(path: str) -> bool:
    return _is_folder(path) and Store(path).size(MANIFEST) is not None


def _is_folder(path: str) -> bool:
    return not path.startswith("http") and (is_remote(path) or Path(path).is_dir())


def _kept_of(path: str) -> list[str]:
    """Return where the documents that a dedup kept lie; `path` itself where it is of no dedup."""
    if not _is_folder(path):
        return [path]
    store = Store(path.rstrip("/") or "/")
    kept = [name for name in store.names() if name in ("kept.parquet", "kept.jsonl.zst")]
    if store.size("report.json") is not None and kept:
        return [f"{path.rstrip('/')}/{name}" for name in kept]
    return [path]


def _corpus(
    path: str, label: str, settings: Dedup, found: Earlier
) -> EarlierCorpus | Iterator[Piece]:
    """Return a corpus by its index, or what reads its documents where that cannot be used."""
    try:
        corpus = open_corpus(path, settings, label)
    except InputError as error:
        found.told.append(f"--against: texts were read and signed again: {error}")
        prefix = AGAINST + (f"{label}/" if label else "")
        return _documents(path, prefix, found.counts)
    found.told.append(f"--against {path}: compared by its index")
    return corpus


def _documents(root: str, prefix: str, counts: Counts) -> Iterator[Piece]:
    """Yield the kept documents of a corpus, a row group at a time, by their records in it."""
    store = Store(root)
    for number, shard in enumerate(read_manifest(store).shards):
        path = f"{root}/{shard.path}"
        unit = Unit(path, shard.path, "parquet", "none", 0, 0, 0, shard.bytes, 0)
        row = 0
        try:
            with store.open(shard.path) as stream, pq.ParquetFile(stream) as parquet:
                for group in range(parquet.num_row_groups):
                    table = parquet.read_row_group(group, columns=list(OF_SHARD))
                    batch = table.combine_chunks().to_batches()[0]
                    counts.ledger.read += batch.num_rows
                    yield Piece(number, unit, _as_read(batch, row, prefix), None)
                    row += batch.num_rows
        except (RunError, OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error


def _as_read(batch: pa.RecordBatch, first: int, prefix: str) -> pa.RecordBatch:
    rows = np.arange(first, first + batch.num_rows, dtype=np.uint32)
    columns = {
        "record": pc.binary_join_element_wise(prefix, batch.column("record"), ""),
        "row": pa.array(rows),
        "outcome": pa.nulls(batch.num_rows, pa.string()),
    }
    return set_columns(batch, columns)


def _open_ones(pieces: Iterator[Piece], counts: Counts) -> Iterator[Piece]:
    """Yield what could be read, under records of its own."""
    for piece in pieces:
        counts.add(piece)
        batch = piece.batch.select(list(NEEDED)).filter(pa.array(open_mask(piece.batch)))
        if batch.num_rows:
            record = pc.binary_join_element_wise(AGAINST, batch.column("record"), "")
            batch = set_columns(batch, {"record": record})
            yield Piece(piece.number, piece.unit, batch, None)
