"""The index of a corpus: the signatures of its kept documents, row for row beside its shards.

Row i of ``index/domain=X/part-NNNNN.arrow`` is the signature of row i of the shard
``data/domain=X/part-NNNNN.parquet``: exact hash, MinHash values, number of shingles, length in
characters, 540 bytes together. Names and texts are not repeated; they are read from the shard. The
bytes of a file depend on these values and on how signatures are drawn, on nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.dedup.formats import U64
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet, fixed_binary, fixed_values
from skypile.errors import InputError

__all__ = [
    "BATCH_ROWS",
    "INDEX_SCHEMA",
    "Drawn",
    "IndexWriter",
    "copy_without",
    "index_batches",
    "index_name",
    "index_rows",
    "index_sets",
    "signed_rows",
]

INDEX_SCHEMA = pa.schema(
    [
        ("exact", pa.binary(16)),
        ("minhash", pa.binary(512)),
        ("shingle_count", pa.int32()),
        ("length", pa.int64()),
    ]
)
# Every file is cut into batches of this many rows, 9 MB, however its rows came.
BATCH_ROWS = 1 << 14

_KIND = b"index 1"
_KIND_KEY = b"skypile"
_DRAWN_KEY = b"skypile.signature"


@dataclass(frozen=True)
class Drawn:
    """How signatures were drawn; only such as were drawn alike can be compared."""

    scheme: str
    seed: int
    version: int  # of stage `signature`

    @classmethod
    def by(cls, settings: Dedup) -> Self:
        """Return how `settings` draw signatures now."""
        stage = settings.signature.model_dump()
        return cls(settings.scheme, stage["seed"], settings.signature.version)

    def __str__(self) -> str:
        return f"scheme {self.scheme}, seed {self.seed}, version {self.version}"


def index_name(shard: str) -> str:
    """Return where the index of a shard of kept documents lies.

    >>> index_name("data/domain=zh/part-00002.parquet")
    'index/domain=zh/part-00002.arrow'
    """
    return f"index/{shard.removeprefix('data/').removesuffix('.parquet')}.arrow"


class IndexWriter:
    """Writes the rows of one shard's index into a stream; holds 9 MB of them at most."""

    def __init__(self, stream: pa.NativeFile, drawn: Drawn) -> None:
        told = json.dumps(vars(drawn), sort_keys=True).encode()
        schema = INDEX_SCHEMA.with_metadata({_KIND_KEY: _KIND, _DRAWN_KEY: told})
        self._writer = pa.ipc.new_file(stream, schema)
        self._pending: list[pa.RecordBatch] = []
        self._rows = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Append `rows` of INDEX_SCHEMA."""
        start = 0
        while start < rows.num_rows:
            taken = rows.slice(start, BATCH_ROWS - self._rows)
            self._pending.append(taken)
            self._rows += taken.num_rows
            start += taken.num_rows
            if self._rows == BATCH_ROWS:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending).combine_chunks()
            self._writer.write_batch(_afresh(*(column.chunk(0) for column in table.columns)))
            self._pending, self._rows = [], 0

    def close(self) -> None:
        """Write what is left, and the footer."""
        self._flush()
        self._writer.close()


def _afresh(
    exact: pa.Array, minhash: pa.Array, shingle_count: pa.Array, length: pa.Array
) -> pa.RecordBatch:
    """Return the columns in buffers of their exact sizes, since sizes go into a file."""
    columns = [
        fixed_binary(fixed_values(exact, np.dtype(np.uint64))),
        fixed_binary(fixed_values(minhash, np.dtype(np.uint32))),
        pa.array(shingle_count.to_numpy()),
        pa.array(length.to_numpy()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=INDEX_SCHEMA)


def index_rows(signatures: SignatureSet, addresses: U64) -> pa.RecordBatch:
    """Return the rows of an index for documents of `signatures` at `addresses`, in their order."""
    at = np.searchsorted(signatures.addresses, addresses)
    assert np.array_equal(signatures.addresses.take(at), addresses), "a document has no signature"
    columns = [
        fixed_binary(signatures.exact[at]),
        fixed_binary(signatures.minhash[at]),
        pa.array(signatures.shingle_count[at], pa.int32()),
        pa.array(signatures.length[at], pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=INDEX_SCHEMA)


def signed_rows(texts: pa.Array, settings: Dedup) -> pa.RecordBatch:
    """Return the rows of an index for `texts`, signed now."""
    batch = pa.RecordBatch.from_pydict({"text": texts})
    found = settings.signature(batch)
    length = pa.compute.utf8_length(texts).cast(pa.int64())
    columns = [found["exact_hash"], found["minhash"], found["shingle_count"], length]
    return pa.RecordBatch.from_arrays(columns, schema=INDEX_SCHEMA)


def index_batches(source: pa.NativeFile, name: str) -> tuple[Drawn, Iterator[pa.RecordBatch]]:
    """Return how the signatures of an index file were drawn, and its batches.

    InputError, naming the file, where it is no whole index.
    """
    try:
        reader = pa.ipc.open_file(source)
        told = reader.schema.metadata or {}
        if told.get(_KIND_KEY) != _KIND or not reader.schema.equals(INDEX_SCHEMA):
            raise InputError(f"{name}: is no index of this version of SkyPile")
        drawn = Drawn(**json.loads(told[_DRAWN_KEY]))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: cannot be read as an index: {error}") from error
    return drawn, (reader.get_batch(number) for number in range(reader.num_record_batches))


def copy_without(
    source: pa.NativeFile, name: str, rows: npt.NDArray[np.int64], out: pa.NativeFile
) -> int:
    """Write the index in `source`, called `name`, without the ascending `rows` into `out`.

    Return how many rows it had.
    """
    drawn, batches = index_batches(source, name)
    writer = IndexWriter(out, drawn)
    first = 0
    for batch in batches:
        stays = np.ones(batch.num_rows, np.bool_)
        stays[rows[(rows >= first) & (rows < first + batch.num_rows)] - first] = False
        writer.add(batch.filter(pa.array(stays)))
        first += batch.num_rows
    writer.close()
    return first


def index_sets(path: Path, *, unit: int, words: int) -> Sequence[SignatureSet]:
    """Return the signatures of an index as sets of documents of unit `unit`, memory-mapped.

    Their address is ``unit << 32 | row``; their preference, of `words` words, is 0 throughout.
    """
    _, batches = index_batches(pa.memory_map(str(path)), str(path))
    found: list[SignatureSet] = []
    first = unit << 32
    for batch in batches:
        rows = batch.num_rows
        found.append(
            SignatureSet(
                addresses=np.arange(first, first + rows, dtype=np.uint64),
                exact=fixed_values(batch.column("exact"), np.dtype(np.uint64)),
                minhash=fixed_values(batch.column("minhash"), np.dtype(np.uint32)),
                shingle_count=batch.column("shingle_count").to_numpy(),
                length=batch.column("length").to_numpy(),
                preferences=_nothing(rows, words),
            )
        )
        first += rows
    return found


def _nothing(rows: int, words: int) -> npt.NDArray[Any]:
    """Return zeros (rows, words) that take no memory."""
    return np.broadcast_to(np.zeros(1, np.uint64), (rows, words))
