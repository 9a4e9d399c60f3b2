"""Records read and judged, piece by piece, as ``skypile filter`` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from skypile.curate import TEXT_READ, close, fully_scored, run_steps
from skypile.io.sources import ReadOptions, UnitReader, open_unit
from skypile.io.units import Unit
from skypile.ledger import Ledger, outcome_counts, removed_chars
from skypile.recipe import Recipe, Step
from skypile.schema import ERROR, set_columns

__all__ = [
    "TEXT_READ", "Counts", "Piece", "closed", "curated", "fully_scored", "judged", "read_pieces",
    "with_removed",
]  # fmt: skip

# The first results should come out at once; later pieces are as large as readers make them.
FIRST_ROWS = (16, 128, 1024)


@dataclass(frozen=True)
class Piece:
    """Some records of one unit, with the rows of the Parquet file that they were, if they were."""

    number: int  # of the unit
    unit: Unit
    batch: pa.RecordBatch
    original: pa.RecordBatch | None

    def with_batch(self, batch: pa.RecordBatch) -> Piece:
        """Return the piece with other columns for the same rows."""
        assert batch.num_rows == self.batch.num_rows
        return Piece(self.number, self.unit, batch, self.original)


@dataclass
class Counts:
    """What was read, what became of it, and what to tell about it."""

    ledger: Ledger = field(default_factory=Ledger)
    text_bytes: int = 0
    stage_errors: int = 0
    first_stage_error: str = ""
    unreadable: dict[str, int] = field(default_factory=dict)  # by unit
    aside: dict[str, dict[str, int]] = field(default_factory=dict)  # by unit and kind of record

    def add(self, piece: Piece) -> None:
        """Count the records of a judged piece."""
        batch = piece.batch
        self.ledger.counts += outcome_counts(batch)
        self.text_bytes += batch.column("text").nbytes
        errors = batch.filter(pc.equal(batch.column("outcome"), ERROR))
        for row in errors.select(["record", "reason", "message"]).to_pylist():
            if not row["reason"].startswith("stage:"):
                self.unreadable[piece.unit.name] = self.unreadable.get(piece.unit.name, 0) + 1
                continue
            self.stage_errors += 1
            if not self.first_stage_error:
                self.first_stage_error = f"{row['record']}: {row['reason']}: {row['message']}"


def read_pieces(
    units: Sequence[Unit], options: ReadOptions, counts: Counts, *, rewrites: bool
) -> Iterator[Piece]:
    """Yield all records of `units` in order and count them in `counts` as they are read."""
    sizes = list(FIRST_ROWS)
    before = 0
    for number, unit in enumerate(units):
        reader = open_unit(unit, options)
        for batch in reader:
            counts.ledger.read = before + reader.read
            if rewrites:
                batch = set_columns(batch, {TEXT_READ: batch.column("text")})
            yield from _cut(number, unit, batch, _original(reader, batch), sizes)
        if reader.aside:
            counts.aside[unit.name] = reader.aside
        before += reader.read
        counts.ledger.read = before


def _original(reader: UnitReader, batch: pa.RecordBatch) -> pa.RecordBatch | None:
    original = reader.original
    assert original is None or original.num_rows == batch.num_rows
    return original


def with_removed(pieces: Iterator[Piece], counts: Counts) -> Iterator[Piece]:
    """Yield `pieces` whose `steps` are done, and count what these took out of texts.

    Before `fully_scored`, which tells what would have been taken out of documents rejected earlier.
    """
    for piece in pieces:
        counts.ledger.removed_chars.update(removed_chars(piece.batch))
        yield piece


def _cut(
    number: int,
    unit: Unit,
    batch: pa.RecordBatch,
    original: pa.RecordBatch | None,
    sizes: list[int],
) -> Iterator[Piece]:
    """Cut `batch` at the row counts `sizes`, which are used up."""
    start = 0
    while start < batch.num_rows:
        rows = sizes.pop(0) if sizes else batch.num_rows
        rest = None if original is None else original.slice(start, rows)
        yield Piece(number, unit, batch.slice(start, rows), rest)
        start += rows


def judged(pieces: Iterator[Piece], steps: Sequence[Step]) -> Iterator[Piece]:
    """Yield `pieces` with the columns and outcomes of `steps`."""
    for piece in pieces:
        yield piece.with_batch(run_steps(piece.batch, steps))


def curated(pieces: Iterator[Piece], recipe: Recipe, *, score_all: bool) -> Iterator[Piece]:
    """Yield `pieces` whose `steps` are done with the recipe's `score` section done and closed."""
    return closed(judged(pieces, recipe.score), recipe, score_all=score_all)


def closed(pieces: Iterator[Piece], recipe: Recipe, *, score_all: bool) -> Iterator[Piece]:
    """Yield `pieces` that all sections have judged; what is still open is kept."""
    for piece in pieces:
        batch = close(piece.batch)
        yield piece.with_batch(fully_scored(batch, recipe) if score_all else batch)
