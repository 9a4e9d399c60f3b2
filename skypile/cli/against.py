"""Earlier documents that new ones are compared with: `--against`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from skypile.cli.curated import Counts, Piece, read_pieces
from skypile.cli.inputs import Inputs, ordered_plan
from skypile.errors import UsageError
from skypile.io.sources import ReadOptions
from skypile.io.store import Store, is_remote
from skypile.io.units import STDIN
from skypile.policy import open_mask
from skypile.schema import set_columns

__all__ = ["AGAINST", "Earlier", "add_against", "earlier"]

# What the records of earlier documents begin with, so that none is taken for a new one.
AGAINST = "against/"
# What is compared of an earlier document, and what it is called.
NEEDED = ("id", "record", "row", "text", "url", "source", "outcome")


def add_against(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="EARLIER",
        help="documents that stay whatever comes: a corpus, the folder of a dedup, or what INPUT "
        "may be; a new document that is a duplicate of one is rejected and names it; repeatable",
    )


class Earlier(NamedTuple):
    """Pieces of earlier documents, and the counts of what was read of them."""

    pieces: Iterator[Piece]
    counts: Counts

    def notes(self) -> list[str]:
        """Return what a person should know of them, once they have been read."""
        ledger = self.counts.ledger
        if not ledger.read:
            return []
        bad = sum(self.counts.unreadable.values())
        more = f", {bad:,} of which could not be read" if bad else ""
        return [f"--against: compared with {ledger.read:,} earlier documents{more}"]


def earlier(paths: Sequence[str], options: ReadOptions) -> Earlier:
    """Return the documents of `paths`; of a corpus, or the folder of a dedup, those that it kept.

    Raises UsageError for standard input, and what the plan of inputs raises.
    """
    counts = Counts()
    if not paths:
        return Earlier(iter(()), counts)
    if STDIN in paths:
        raise UsageError("--against -: earlier documents cannot be read from stdin; name files")
    plan = ordered_plan(Inputs(tuple(kept for path in paths for kept in _kept_of(path))))
    read = read_pieces(plan.units, options, counts, rewrites=False)
    return Earlier(_open_ones(read, counts), counts)


def _kept_of(path: str) -> list[str]:
    """Return where the documents that a run kept lie, `path` itself where it is no run's folder."""
    if path.startswith("http") or not (is_remote(path) or Path(path).is_dir()):
        return [path]
    store = Store(path.rstrip("/") or "/")
    if store.size("manifest.json") is not None:
        return [store.path("data") if not is_remote(path) else f"{path.rstrip('/')}/data"]
    kept = [name for name in store.names() if name in ("kept.parquet", "kept.jsonl.zst")]
    if store.size("report.json") is not None and kept:
        return [f"{path.rstrip('/')}/{name}" for name in kept]
    return [path]


def _open_ones(pieces: Iterator[Piece], counts: Counts) -> Iterator[Piece]:
    """Yield what could be read, under records of its own."""
    for piece in pieces:
        counts.add(piece)
        batch = piece.batch.select(list(NEEDED)).filter(pa.array(open_mask(piece.batch)))
        if batch.num_rows:
            record = pc.binary_join_element_wise(AGAINST, batch.column("record"), "")
            batch = set_columns(batch, {"record": record})
            yield Piece(piece.number, piece.unit, batch, None)
