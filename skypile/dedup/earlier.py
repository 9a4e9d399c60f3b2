"""Documents of earlier corpora, which stay: their signatures from the index, the rest by address.

A shard of an earlier corpus has a number, as a unit of new documents has one; its documents'
addresses are ``number << 32 | row``. What is asked of them by address, texts and names, is read
from the shard, a row group at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.dedup.documents import scopes, url_hashes
from skypile.dedup.formats import U64
from skypile.dedup.index import index_sets
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet, address_of
from skypile.dedup.verify import Fetch
from skypile.errors import InputError, SkyPileError
from skypile.io.store import Store, local_copy

__all__ = [
    "AGAINST", "EarlierCorpus", "EarlierDocuments", "EarlierShard", "earlier_sets", "fetch_both",
    "labels",
]  # fmt: skip

# What the records of earlier documents begin with, so that none is taken for a new one.
AGAINST = "against/"
T = TypeVar("T")
CACHED_GROUPS = 8  # of at most 16 MB of text each, unless a document is larger


@dataclass(frozen=True)
class EarlierShard:
    """A shard of an earlier corpus and its index."""

    root: str
    prefix: str  # what stands before the records of its documents in `duplicate_of`
    path: str
    documents: int
    bytes: int
    sha256: str
    index: str
    index_sha256: str


@dataclass(frozen=True)
class EarlierCorpus:
    """A finished corpus that new documents are compared with."""

    root: str
    prefix: str
    recipe: str  # fingerprint
    digest: str  # of its manifest
    shards: tuple[EarlierShard, ...]

    @property
    def documents(self) -> int:
        """How many documents it kept."""
        return sum(shard.documents for shard in self.shards)

    def identity(self) -> list[list[str]]:
        """Return what a comparison with it depends on: texts, signatures, names."""
        return [[self.prefix], *([shard.sha256, shard.index_sha256] for shard in self.shards)]


def labels(paths: Sequence[str]) -> list[str]:
    """Return what each of some different folders is called: as few last parts as tell them apart.

    Nothing where there is only one.

    >>> labels(["/data/2023/corpus", "/data/2024/corpus", "/data/books"])
    ['2023/corpus', '2024/corpus', 'books']
    >>> labels(["/data/corpus"])
    ['']
    """
    if len(paths) == 1:
        return [""]
    parts = [path.rstrip("/").split("/") for path in paths]
    found = []
    for own in parts:
        others = [other for other in parts if other is not own]
        kept = 1
        while kept < len(own) and any(other[-kept:] == own[-kept:] for other in others):
            kept += 1
        found.append("/".join(own[-kept:]))
    return found


def earlier_sets(
    shard: EarlierShard, settings: Dedup | None, unit: int, words: int
) -> list[SignatureSet]:
    """Return the signatures of a shard's documents, memory-mapped, with preferences of 0.

    What `settings` compare besides, URLs and scopes, is read from the shard.
    """
    store = Store(shard.root)
    try:
        path = local_copy(store, shard.index, shard.index_sha256)
        found = list(index_sets(path, unit=unit, words=words))
    except (OSError, SkyPileError) as error:
        raise InputError(
            f"{shard.root}: its index {shard.index} cannot be read: {error}; skypile index "
            f"{shard.root} draws it anew"
        ) from error
    if settings is None or not (names := settings.compared_columns):
        return found
    with _read(shard, lambda: pq.ParquetFile(store.open(shard.path))) as file:
        columns = _read(shard, lambda: file.read(columns=names))
    sets, start = [], 0
    for each in found:
        batch = columns.slice(start, len(each)).combine_chunks().to_batches()[0]
        sets.append(replace(each, url=url_hashes(batch, settings), scope=scopes(batch, settings)))
        start += len(each)
    return sets


def fetch_both(border: int, below: Fetch, above: Fetch) -> Fetch:
    """Return what fetches the texts of addresses below `border` by one, of all others by another.

    Addresses ascend.
    """

    def fetch(addresses: U64) -> list[bytes]:
        at = int(np.searchsorted(addresses, np.uint64(border)))
        found = list(below(addresses[:at])) if at else []
        return found + (list(above(addresses[at:])) if at < addresses.size else [])

    return fetch


class EarlierDocuments:
    """Texts and names of earlier documents by address."""

    def __init__(self, shards: Mapping[int, EarlierShard]) -> None:
        """Take the shards by their numbers."""
        self.shards = shards
        self._files: OrderedDict[int, tuple[pq.ParquetFile, npt.NDArray[np.int64]]] = OrderedDict()
        self._groups: OrderedDict[tuple[int, int, str], pa.Array] = OrderedDict()

    def texts(self, addresses: U64) -> list[bytes]:
        """Return the UTF-8 texts of ascending `addresses`."""
        found: list[bytes] = []
        for _, column, rows in self._located(addresses, "text"):
            found.extend(bytes(column[row].as_buffer()) for row in rows.tolist())
        return found

    def names(self, addresses: U64, column: str) -> dict[int, str]:
        """Return address -> value of the string column `column` of ascending `addresses`.

        Of column record with what marks records of earlier documents before it.
        """
        found: dict[int, str] = {}
        start = 0
        for number, values, rows in self._located(addresses, column):
            prefix = self.shards[number].prefix if column == "record" else ""
            asked = addresses[start : start + rows.size].tolist()
            start += rows.size
            taken = values.take(pa.array(rows)).to_pylist()
            found.update(zip(asked, (prefix + value for value in taken), strict=True))
        return found

    def columns(self, name: str) -> Iterator[tuple[U64, pa.Array]]:
        """Yield addresses and values of a column of all documents, by row group."""
        for number in self.shards:
            ends = self._file(number)[1]
            starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
            for group, (start, end) in enumerate(zip(starts, ends, strict=True)):
                rows = np.arange(start, end).astype(np.uint32)
                yield address_of(number, rows), self._group(number, group, name)

    def _located(
        self, addresses: U64, column: str
    ) -> Iterator[tuple[int, pa.Array, npt.NDArray[np.int64]]]:
        """Yield shard, values of a row group and rows in it for runs of ascending `addresses`."""
        numbers = (addresses >> np.uint64(32)).astype(np.int64)
        rows = (addresses & np.uint64(0xFFFFFFFF)).astype(np.int64)
        for number in np.unique(numbers).tolist():
            ends = self._file(number)[1]
            here = rows[numbers == number]
            groups = np.searchsorted(ends, here, side="right")
            for group in np.unique(groups).tolist():
                first = int(ends[group - 1]) if group else 0
                yield number, self._group(number, group, column), here[groups == group] - first

    def _file(self, number: int) -> tuple[pq.ParquetFile, npt.NDArray[np.int64]]:
        """Return a shard, and how many rows there are up to the end of each row group."""
        if number not in self._files:
            if len(self._files) >= 64:
                self._files.popitem(last=False)[1][0].close()
            shard = self.shards[number]
            file = _read(shard, lambda: pq.ParquetFile(Store(shard.root).open(shard.path)))
            sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
            if sum(sizes) != shard.documents:
                raise InputError(
                    f"{shard.root}/{shard.path}: holds {sum(sizes):,} documents, its manifest says "
                    f"{shard.documents:,}; skypile verify tells what is off"
                )
            self._files[number] = (file, np.cumsum(sizes))
        return self._files[number]

    def _group(self, number: int, group: int, column: str) -> pa.Array:
        key = (number, group, column)
        if key not in self._groups:
            if len(self._groups) >= CACHED_GROUPS:
                self._groups.popitem(last=False)
            file = self._file(number)[0]
            table = _read(self.shards[number], lambda: file.read_row_group(group, columns=[column]))
            self._groups[key] = table.column(column).combine_chunks()
        self._groups.move_to_end(key)
        return self._groups[key]


def _read(shard: EarlierShard, read: Callable[[], T]) -> T:
    try:
        return read()
    except (SkyPileError, OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"{shard.root}/{shard.path}: cannot be read: {error}; skypile verify tells what is off"
        ) from error
