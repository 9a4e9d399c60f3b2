"""Sets of lines that many documents have: counted over a corpus, kept in a file."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skypile.errors import OutputError, RecipeError
from skypile.kernels.buffers import utf8_view
from skypile.kernels.hash_table import hash_table
from skypile.kernels.line_hashes import is_in_table, line_hashes
from skypile.lists.store import Compiled, read_compiled, write_compiled
from skypile.urls import hosts, value_hashes

__all__ = [
    "LineCounter", "LineSet", "LineSpec", "Listed", "counted_rows", "line_set", "seeds",
    "write_line_set",
]  # fmt: skip

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

KIND = "skypile lines 1"
_PARTITION_BITS = 8
_HELD_HASHES = 8 << 20


class LineSpec(BaseModel):
    """Which lines are counted, and among which documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: Literal["line", "paragraph"] = "line"
    within: Literal["all", "site"] = "all"
    min_bytes: int = Field(default=15, ge=1)
    min_documents: int = Field(default=10, ge=2)
    code: bool = False


@dataclass(frozen=True)
class LineSet:
    """The lines that at least `spec.min_documents` documents have, as a table of their hashes."""

    spec: LineSpec
    table: U64
    counts: dict[str, int]  # documents, lines, different_lines, listed_lines


def seeds(batch: pa.RecordBatch, spec: LineSpec) -> U64:
    """Return the seed of each row, uint64 (rows,): 0, or a hash of the host of its URL."""
    if spec.within == "all":
        return np.zeros(batch.num_rows, np.uint64)
    return value_hashes(hosts(batch.column("url")))


def counted_rows(batch: pa.RecordBatch, spec: LineSpec) -> npt.NDArray[np.bool_]:
    """Return bool (rows,): documents whose lines are looked at.

    Files of source code are left out, whose short lines are no boilerplate; with `within: site`
    so are documents without a URL.
    """
    rows: npt.NDArray[np.bool_] = np.asarray(batch.column("text").is_valid())
    if not spec.code:
        rows = rows & np.asarray(batch.column("prog_lang").is_null())
    if spec.within == "site":
        rows = rows & np.asarray(pc.not_equal(batch.column("url").fill_null(""), ""))
    return rows


def _found(batch: pa.RecordBatch, spec: LineSpec) -> tuple[U64, Ints, Ints, pa.RecordBatch, Ints]:
    """Return the hashes of lines, each once a document: hash, row, place, documents, lines."""
    batch = batch.filter(pa.array(counted_rows(batch, spec)))
    found, spans, borders, seen = line_hashes(
        *utf8_view(batch.column("text")), seeds(batch, spec),
        paragraphs=spec.unit == "paragraph", min_bytes=spec.min_bytes,
    )  # fmt: skip
    rows = np.repeat(np.arange(batch.num_rows), np.diff(borders))
    order = np.lexsort((np.arange(found.size), found, rows))
    found, rows, spans = found[order], rows[order], spans[order]
    first = np.ones(found.size, bool)
    first[1:] = (found[1:] != found[:-1]) | (rows[1:] != rows[:-1])
    return found[first], rows[first], spans[first], batch, seen


class LineCounter:
    """Counts in how many documents each line stands.

    Hashes go to a temporary file by their upper bits, so that memory does not grow with the corpus:
    64 MB, and then for each of 256 pieces three times its hashes.
    """

    def __init__(self, spec: LineSpec) -> None:
        self.spec = spec
        self.documents = self.lines = 0
        self._held: list[U64] = []
        self._size = 0
        self._files: list[IO[bytes]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the lines of a batch, each once a document."""
        found, _, _, documents, seen = _found(batch, self.spec)
        self.documents += documents.num_rows
        self.lines += int(seen.sum())
        self._held.append(found)
        self._size += found.size
        if self._size >= _HELD_HASHES:
            self._spill()

    def _spill(self) -> None:
        if not self._files:
            self._files = [self._temporary() for _ in range(1 << _PARTITION_BITS)]
        held = np.sort(np.concatenate(self._held))
        borders = [*np.searchsorted(held, _borders()), held.size]
        try:
            for file, first, last in zip(self._files, borders[:-1], borders[1:], strict=True):
                file.write(held[first:last].tobytes())
        except OSError as error:
            raise OutputError(
                f"{tempfile.gettempdir()}: cannot hold the hashes of lines: {error}; set TMPDIR to "
                "a folder with more room"
            ) from error
        self._held, self._size = [], 0

    @staticmethod
    def _temporary() -> IO[bytes]:
        return tempfile.TemporaryFile(prefix="skypile-lines-")

    def _partitions(self) -> Iterator[U64]:
        if not self._files:
            yield np.concatenate([*self._held, np.empty(0, np.uint64)])
            return
        if self._held:
            self._spill()
        for file in self._files:
            file.seek(0)
            yield np.frombuffer(file.read(), np.uint64)
            file.close()

    def finish(self) -> LineSet:
        """Return the set; nothing can be added afterwards."""
        listed, different = [], 0
        for hashes in self._partitions():
            found, times = np.unique(hashes, return_counts=True)
            different += found.size
            listed.append(found[times >= self.spec.min_documents])
        keys = np.concatenate(listed)
        counts = {
            "documents": self.documents, "lines": self.lines, "different_lines": different,
            "listed_lines": int(keys.size),
        }  # fmt: skip
        return LineSet(self.spec, hash_table(keys, np.ones(keys.size, np.uint64)), counts)


def _borders() -> U64:
    """Return the least hash of each partition."""
    return np.arange(1 << _PARTITION_BITS, dtype=np.uint64) << np.uint64(64 - _PARTITION_BITS)


class Listed:
    """The lines of a set as they first stand, and how many documents have each."""

    def __init__(self, found: LineSet) -> None:
        self._set = found
        self._lines: dict[int, str] = {}
        self._counts: Counter[int] = Counter()

    def add(self, batch: pa.RecordBatch) -> None:
        """Look for the lines in a batch."""
        found, _, spans, documents, _ = _found(batch, self._set.spec)
        here = np.flatnonzero(is_in_table(found, self._set.table))
        data, _ = utf8_view(documents.column("text"))
        for value, (start, stop) in zip(found[here].tolist(), spans[here].tolist(), strict=True):
            self._counts[value] += 1
            if value not in self._lines:
                self._lines[value] = data[start:stop].tobytes().decode("utf-8")

    def sorted(self) -> list[tuple[int, str]]:
        """Return (documents, line), most frequent first."""
        every = ((self._counts[value], line) for value, line in self._lines.items())
        return sorted(every, key=lambda pair: (-pair[0], pair[1]))


def write_line_set(path: Path, found: LineSet) -> None:
    """Write the set to `path`, beside it first. Raises OutputError."""
    about = {"kind": KIND, "spec": found.spec.model_dump(), "counts": found.counts}
    try:
        write_compiled(path, Compiled({"table": found.table}, about))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


@lru_cache(maxsize=8)
def line_set(path: Path, _: str) -> LineSet:
    """Return the set that was written to `path`, mapped into memory; `_` is its `file_hash`.

    Raises RecipeError where the file is not whole, or something else.
    """
    found = read_compiled(path)
    if found is None or found.about.get("kind") != KIND:
        raise RecipeError(f"{path}: is no set of lines, or not whole; make it by: skypile lines")
    try:
        spec = LineSpec.model_validate(found.about["spec"])
    except (KeyError, ValidationError) as error:
        raise RecipeError(f"{path}: its head is not as SkyPile writes it: {error}") from error
    return LineSet(spec, found.arrays["table"], found.about["counts"])
