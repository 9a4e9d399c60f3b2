"""Single documents of a corpus: where they lie, and what place the mixture gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import RunError, VerifyError
from skypile.io.store import Store
from skypile.mix import BUCKET_BITS, order_keys, quality_bands
from skypile.schema import SURPLUS
from skypile.shares import Within, pool_indices, pool_names
from skypile.verify.manifest import Manifest
from skypile.verify.pools import within_of

__all__ = ["Found", "Place", "find", "surplus_place"]

NAMES = ("id", "record")


@dataclass(frozen=True)
class Found:
    """A document and the file that it lies in."""

    path: str
    batch: pa.RecordBatch  # one row, all columns of the file

    def value(self, name: str) -> Any:
        """Return the document's value of the column `name`, None where there is no such column."""
        return self.batch.column(name)[0].as_py() if name in self.batch.schema.names else None


def find(store: Store, manifest: Manifest, wanted: str) -> list[Found]:
    """Return all documents whose id or record is `wanted`, in the order of the manifest's files.

    Reads ids and records only, and the row groups that hold a match. Raises VerifyError where a
    file cannot be read.
    """
    found: list[Found] = []
    for file in manifest.files:
        try:
            with store.open(file.path) as stream, pq.ParquetFile(stream) as parquet:
                for group in range(parquet.num_row_groups):
                    found.extend(Found(file.path, row) for row in _rows(parquet, group, wanted))
        except (RunError, OSError, ValueError, pa.ArrowException) as error:
            raise VerifyError(
                f"{file.path}: cannot be read: {error}; skypile verify tells what else is off"
            ) from error
    return found


def _rows(parquet: pq.ParquetFile, group: int, wanted: str) -> Iterator[pa.RecordBatch]:
    if not _may_hold(parquet, group, wanted):
        return
    names = parquet.read_row_group(group, columns=list(NAMES))
    hits = pc.or_(*(pc.equal(names.column(name), wanted).fill_null(False) for name in NAMES))
    rows = np.flatnonzero(np.asarray(hits))
    if len(rows):
        table = parquet.read_row_group(group)
        for row in rows.tolist():
            yield table.slice(row, 1).combine_chunks().to_batches()[0]


def _may_hold(parquet: pq.ParquetFile, group: int, wanted: str) -> bool:
    """Tell whether the footer's bounds of the row group leave room for `wanted`."""
    for name in NAMES:
        place = parquet.schema_arrow.get_field_index(name)
        bounds = parquet.metadata.row_group(group).column(place).statistics
        if bounds is None or not bounds.has_min_max or bounds.min <= wanted <= bounds.max:
            return True
    return False


@dataclass(frozen=True)
class Place:
    """Where a surplus document stands in the order of its pool, counted from 0, and the cut.

    The pool is its domain, or the part of it that the recipe's `mix.within` sets apart.
    """

    pool: str
    band: int
    key: int
    documents_before: int
    tokens_before: int
    kept_documents: int
    kept_tokens: int
    target_tokens: int | None  # None where the domain has no weight; a cap where there is one
    cut_band: int | None
    cut_key: int | None


def surplus_place(store: Store, manifest: Manifest, document: Found) -> Place:
    """Return the place of a surplus document, whose text must be there.

    Kept documents of its pool all stand before it, so only the texts of surplus are read.
    """
    within, domain = within_of(manifest), document.value("domain")
    pool = _pool(document.batch, within)
    mixture = manifest.mixture
    bands, keys = _order(document.batch, mixture.seed)
    own = (int(bands[0]), int(keys[0]))
    documents, tokens, target = _kept(manifest, domain, pool)
    before, tokens_before = documents, tokens
    for batch in _surplus(store, manifest, within):
        rows = pool_indices(batch, within) == pool_names(within).index(pool)
        batch = batch.filter(pa.array(rows))
        bands, keys = _order(batch, mixture.seed)
        first = (bands < own[0]) | ((bands == own[0]) & (keys < np.uint64(own[1])))
        before += int(first.sum())
        tokens_before += int(np.asarray(batch.column("tokens").fill_null(0))[first].sum())
    cut = mixture.cuts.get(pool)
    return Place(
        pool=pool,
        band=own[0],
        key=own[1],
        documents_before=before,
        tokens_before=tokens_before,
        kept_documents=documents,
        kept_tokens=tokens,
        target_tokens=target,
        cut_band=None if cut is None else cut.bucket >> BUCKET_BITS,
        cut_key=None if cut is None or cut.key < 0 else cut.key,
    )


def _pool(batch: pa.RecordBatch, within: Mapping[str, Within]) -> str:
    return pool_names(within)[int(pool_indices(batch, within)[0])]


def _kept(manifest: Manifest, domain: str, pool: str) -> tuple[int, int, int | None]:
    """Return the kept documents and tokens of a pool, and its target or cap."""
    mixture = manifest.mixture
    if domain in mixture.within:
        told = mixture.within[domain].pools[pool]
        bound = told.target_tokens if told.cap_tokens is None else told.cap_tokens
        return told.documents, told.tokens, bound
    kept = [shard for shard in manifest.shards if shard.domain == domain]
    documents, tokens = sum(s.documents for s in kept), sum(s.tokens for s in kept)
    return documents, tokens, mixture.target_tokens.get(domain)


def _surplus(
    store: Store, manifest: Manifest, within: Mapping[str, Within]
) -> Iterator[pa.RecordBatch]:
    columns = [entry.column for entry in within.values()]
    for file in manifest.left_out:
        if file.outcome != SURPLUS:
            continue
        with store.open(file.path) as stream, pq.ParquetFile(stream) as parquet:
            names = ("domain", "text", "tokens", "code_quality", *columns)
            yield from parquet.iter_batches(columns=_known(parquet, tuple(dict.fromkeys(names))))


def _known(parquet: pq.ParquetFile, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in parquet.schema_arrow.names]


def _order(batch: pa.RecordBatch, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the band (int64) and the key (uint64) of documents of one domain."""
    from skypile.stages.signature import Signature

    keys = order_keys(Signature()(batch)["exact_hash"], seed)
    bands = np.zeros(batch.num_rows, np.int64)
    if "code_quality" in batch.schema.names:
        quality = batch.column("code_quality").cast(pa.float64()).fill_null(float("nan"))
        code = np.asarray(batch.column("domain").fill_null("").to_pylist()) == "code"
        bands = np.where(code, quality_bands(np.asarray(quality)), 0)
    return bands, keys
