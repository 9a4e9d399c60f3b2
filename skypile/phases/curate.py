"""Phase curate: a unit's records through the recipe's steps, into parts and signatures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from skypile.curate import annotate, run_steps
from skypile.dedup.documents import open_signatures
from skypile.dedup.signatures import SignatureSet
from skypile.errors import RunError
from skypile.io.remote import shown
from skypile.io.sources import open_unit
from skypile.io.units import Unit
from skypile.phases.context import Context, UnitRef, part_schema
from skypile.phases.work import Entry, digest, finished, open_whole, write_entry
from skypile.policy import open_mask
from skypile.recipe import Dedup
from skypile.schema import ERROR

__all__ = [
    "FEW_VALUES",
    "ID_SCHEMA",
    "PART_TEXT_BYTES",
    "Records",
    "curate_records",
    "curate_unit",
    "curated",
    "opened",
    "part_batches",
    "stage_faults",
    "unit_folder",
]

PART_TEXT_BYTES = 64 << 20
# Signatures are held until their part is complete, 600 bytes for a document however short it is.
PART_ROWS = 1 << 18
# Key in a part's description, first part of the file's name, extension.
PART_FILES = (
    ("file", "part", "parquet"),
    ("signatures", "signatures", "arrow"),
    ("ids", "ids", "arrow"),
)
NAMED_FAULTS = 3
# Columns of few different values. Others are written without a dictionary, which would be begun and
# given up for each column chunk: a quarter of the time that a part takes to write, and more bytes.
FEW_VALUES = ["source", "prog_lang", "language", "domain", "script", "outcome", "reason"]
ID_SCHEMA = pa.schema([("row", pa.uint32()), ("id_hash", pa.binary(16))])


def unit_folder(context: Context, ref: UnitRef) -> str:
    """Return the work folder of a unit: a hash of what it reads and of what is done to it."""
    dedup = context.recipe.dedup or Dedup()
    done = digest(context.recipe.steps_fingerprint(), asdict(context.read), dedup.packed)
    return f"curate/{ref.unit.key(done)}"


def curated(context: Context, ref: UnitRef, *, hashes: bool = False) -> Entry | None:
    """Return the unit's entry where phase curate has finished it."""
    return finished(context.work, f"{unit_folder(context, ref)}/unit", hashes=hashes)


class _Parts:
    """Writes batches into parts of about PART_TEXT_BYTES of text, each with its signatures."""

    def __init__(self, context: Context, folder: str, unit: str) -> None:
        self.context, self.folder, self.unit = context, folder, unit
        self.schema = part_schema(context.recipe)
        self.settings = context.recipe.dedup or Dedup()
        self.done: list[dict[str, Any]] = []
        self._stack = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._sets: list[SignatureSet] = []
        self._ids: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows, and close the part when it is large enough."""
        if self._writer is None:
            self._begin()
        assert self._writer is not None
        self._writer.write_batch(batch.select(self.schema.names).cast(self.schema))
        ranked = self.settings.after == "steps"
        self._sets.append(open_signatures(batch, self.settings, ranked=ranked))
        self._ids.append(_id_hashes(batch))
        part = self.done[-1]
        part["rows"] += batch.num_rows
        part["text_bytes"] += batch.column("text").nbytes
        part["last_row"] = batch.column("row")[-1].as_py()
        if part["text_bytes"] >= PART_TEXT_BYTES or part["rows"] >= PART_ROWS:
            self.close()

    def _begin(self) -> None:
        names = {
            key: f"{self.folder}/{stem}-{len(self.done):05d}.{extension}"
            for key, stem, extension in PART_FILES
        }
        stream = self._stack.enter_context(self.context.work.create(names["file"]))
        self._writer = pq.ParquetWriter(
            stream, self.schema, compression="zstd", compression_level=1, use_dictionary=FEW_VALUES
        )
        self.done.append({"unit": self.unit, **names, "rows": 0, "text_bytes": 0, "last_row": -1})

    def close(self) -> None:
        """Finish the part that is being written, if there is one."""
        if self._writer is None:
            return
        self._writer.close()
        self._stack.close()
        self._writer = None
        work, part = self.context.work, self.done[-1]
        signatures = SignatureSet.joined(self._sets, words=self.settings.words)
        work.create_by(part["signatures"], signatures.save)
        with work.create(part["ids"]) as stream, pa.ipc.new_file(stream, ID_SCHEMA) as writer:
            for one in self._ids:
                writer.write_batch(one)
        self._sets, self._ids = [], []

    def files(self) -> list[str]:
        """Return the names of all files of all parts."""
        return [str(part[key]) for part in self.done for key, _, _ in PART_FILES]

    def abandon(self, error: BaseException) -> None:
        """Leave nothing of a part that is not complete."""
        self._stack.__exit__(type(error), error, error.__traceback__)


def curate_unit(context: Context, ref: UnitRef) -> Entry:
    """Run the recipe's steps over one unit and return its entry.

    Writes parts (all records, in order, with their columns so far) and, beside each, the signatures
    of its documents that are still open and a hash of each record's id. A finished unit is not done
    again. Raises RunError where the reader's own count and the rows do not agree.
    """
    before = curated(context, ref, hashes=True)
    if before is not None:
        return before
    return curate_records(context, ref, open_unit(ref.unit, context.read))


class Records(Protocol):
    """Batches of a unit's records, to be iterated over once, and how many records were met."""

    @property
    def read(self) -> int:
        """How many records have been met so far, by the reader's own count."""

    @property
    def aside(self) -> dict[str, int]:
        """How many records were met that are no documents, by kind."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches in order."""


def curate_records(context: Context, ref: UnitRef, reader: Records) -> Entry:
    """Do what `curate_unit` does with the records that `reader` gives, whatever was done before."""
    folder = unit_folder(context, ref)
    parts = _Parts(context, folder, ref.unit.name)
    tally = {"open": 0, "stage_errors": 0, "unreadable": 0, "stage_faults": []}
    signature = parts.settings.signature
    try:
        for batch in reader:
            batch = annotate(run_steps(batch, context.recipe.steps), [signature])
            parts.write(batch)
            _count(tally, batch)
        parts.close()
    except BaseException as error:
        parts.abandon(error)
        raise
    rows = sum(part["rows"] for part in parts.done)
    if rows != reader.read:
        raise RunError(f"{ref.unit.name}: {reader.read} records were read, {rows} rows written")
    data = {
        "unit": _told(ref.unit),
        "read": reader.read,
        "aside": reader.aside,
        **tally,
        "parts": parts.done,
    }
    return write_entry(context.work, f"{folder}/unit", parts.files(), data)


def _told(unit: Unit) -> dict[str, Any]:
    """Return the unit as JSON values, URLs without users and queries, which may be secret."""
    files = tuple(file._replace(path=shown(file.path)) for file in unit.files)
    return replace(unit, path=shown(unit.path), files=files).to_json()


def _id_hashes(batch: pa.RecordBatch) -> pa.RecordBatch:
    hashes = [xxhash.xxh3_128_digest(value.as_buffer()) for value in batch.column("id")]
    columns = [batch.column("row"), pa.array(hashes, pa.binary(16))]
    return pa.RecordBatch.from_arrays(columns, schema=ID_SCHEMA)


def stage_faults(batch: pa.RecordBatch) -> list[str]:
    """Return one sentence for each document on which a stage failed."""
    failed = pc.starts_with(batch.column("reason"), "stage:").fill_null(False)
    rows = batch.select(["record", "reason", "message"]).filter(failed).to_pylist()
    return [f"{row['record']}: {row['reason']}: {row['message']}" for row in rows]


def _count(tally: dict[str, Any], batch: pa.RecordBatch) -> None:
    tally["open"] += int(open_mask(batch).sum())
    errors = pc.sum(pc.equal(batch.column("outcome"), ERROR)).as_py() or 0
    faults = stage_faults(batch)
    tally["stage_errors"] += len(faults)
    tally["unreadable"] += errors - len(faults)
    tally["stage_faults"] = (tally["stage_faults"] + faults)[:NAMED_FAULTS]


def opened(context: Context, name: str, unit: str) -> pa.NativeFile:
    """Return a file of the work folder; RunError, naming its unit, if it is gone or changed."""
    try:
        return open_whole(context.work, name)
    except RunError as error:
        raise RunError(f"{unit}: {error}") from error


def part_batches(
    context: Context, part: dict[str, Any], columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield a part's rows in order, in the batches in which they were written."""
    with opened(context, part["file"], part["unit"]) as stream:
        file = pq.ParquetFile(stream)
        for group in range(file.num_row_groups):
            yield from file.read_row_group(group, columns=columns).to_batches()
