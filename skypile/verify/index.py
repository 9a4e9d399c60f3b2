"""The index of a corpus checked: its files, their rows, and signatures drawn again from texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from skypile.dedup.index import INDEX_SCHEMA, Drawn, index_batches, signed_rows
from skypile.dedup.settings import Dedup
from skypile.io.store import Store
from skypile.schema import Scheme
from skypile.verify.manifest import Shard
from skypile.verify.recount import SAMPLE, SHOWN

__all__ = ["IndexCheck"]


@dataclass
class IndexCheck:
    """Compares index files with their shards, one signature in 1,000, or `every` one."""

    store: Store
    every: bool
    files: int = 0
    signed: int = 0
    notes: list[str] = field(default_factory=list)

    def problems(self, shard: Shard) -> Iterator[str]:
        """Yield what is off in the rows of the index of `shard`.

        Raises InputError where it cannot be read, and what reading the shard raises.
        """
        assert shard.index is not None
        self.files += 1
        name = shard.index.path
        with self.store.open(name) as stream:
            drawn, batches = index_batches(stream, name)
            tables = list(self._chosen(shard, batches))
        rows = sum(number for number, _, _ in tables)
        if rows != shard.documents:
            yield f"{name}: {rows:,} signatures for {shard.documents:,} documents of {shard.path}"
            return
        settings = _settings(drawn)
        if settings is None:
            self.notes.append(
                f"{name}: its signatures ({drawn}) were not compared, this SkyPile draws others; "
                f"skypile index {self.store.root} draws them anew"
            )
            return
        chosen = np.concatenate([each for _, each, _ in tables] or [np.empty(0, np.int64)])
        told = pa.Table.from_batches([batch for _, _, batch in tables], INDEX_SCHEMA)
        yield from self._differences(shard, chosen, told, settings)

    def _chosen(
        self, shard: Shard, batches: Iterator[pa.RecordBatch]
    ) -> Iterator[tuple[int, npt.NDArray[np.int64], pa.RecordBatch]]:
        """Yield rows, the numbers of those to check, and these, for each batch."""
        first = xxhash.xxh3_64_intdigest(shard.path.encode()) % max(1, min(SAMPLE, shard.documents))
        start = 0
        for batch in batches:
            rows = np.arange(start, start + batch.num_rows)
            chosen = rows if self.every else rows[rows % SAMPLE == first]
            # Copied, not sliced: else every batch would stay in memory.
            yield batch.num_rows, chosen, batch.take(pa.array(chosen - start))
            start += batch.num_rows

    def _differences(
        self, shard: Shard, chosen: npt.NDArray[np.int64], told: pa.Table, settings: Dedup
    ) -> Iterator[str]:
        start, first, shown = 0, 0, 0
        with self.store.open(shard.path) as stream, pq.ParquetFile(stream) as parquet:
            for group in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(group).num_rows
                end = int(np.searchsorted(chosen, start + rows))
                if end > first:
                    table = parquet.read_row_group(group, columns=["record", "text"])
                    table = table.take(pa.array(chosen[first:end] - start))
                    for problem in self._of_group(shard, table, told[first:end], settings):
                        shown += 1
                        if shown <= SHOWN:
                            yield problem
                start, first = start + rows, end
        self.signed += len(chosen)
        if shown > SHOWN:
            assert shard.index is not None
            yield f"{shard.index.path}: {shown - SHOWN:,} more signatures differ"

    def _of_group(
        self, shard: Shard, table: pa.Table, told: pa.Table, settings: Dedup
    ) -> Iterator[str]:
        assert shard.index is not None
        found = signed_rows(table.column("text").combine_chunks(), settings)
        for row, record in enumerate(table.column("record").to_pylist()):
            for name in INDEX_SCHEMA.names:
                if told.column(name)[row] != found.column(name)[row]:
                    yield f"{shard.index.path}: {record}: {name} is not that of its text"
                    break


def _settings(drawn: Drawn) -> Dedup | None:
    """Return settings that draw signatures as `drawn` says, None where none do."""
    if drawn.scheme not in get_args(Scheme):
        return None
    settings = Dedup.model_validate({"scheme": drawn.scheme})
    return settings if Drawn.by(settings) == drawn else None
