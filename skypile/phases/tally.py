"""The first half of phase publish: which good documents there are, and their places in the order.

Where the mixture then cuts, `skypile.phases.cuts` finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from skypile.ledger import outcome_counts
from skypile.mix import order_keys, quality_bands
from skypile.phases.context import Context, UnitRef
from skypile.phases.merge import merged_batches, read_drops, read_scores
from skypile.phases.work import Entry, digest, finished, write_entry
from skypile.policy import open_mask
from skypile.shares import pool_indices, pool_names

__all__ = [
    "UnitTask",
    "mixture_place",
    "tallied",
    "tally_name",
    "tally_unit",
]

TALLY_SCHEMA = pa.schema(
    [
        ("row", pa.uint32()),
        ("pool", pa.int16()),  # index into pool_names
        ("key", pa.uint64()),
        ("band", pa.int64()),
        ("tokens", pa.int64()),
    ]
)
GOOD = "good"


@dataclass(frozen=True)
class UnitTask:
    """A unit with all that earlier phases left for it."""

    ref: UnitRef
    parts: tuple[dict[str, Any], ...]
    drops: str
    scores: tuple[str, ...]  # by part; empty for a recipe without a score section
    depends: str  # a hash of all of these

    def part_scores(self, context: Context, number: int) -> pa.Table | None:
        """Return the scores of the unit's part `number`, or None where nothing is scored."""
        if not self.scores:
            return None
        return read_scores(context, self.scores[number], self.ref.unit.name)


def mixture_place(context: Context, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """Return the order key (uint64) and quality band (int64) of each document of `batch`."""
    bands = np.zeros(batch.num_rows, np.int64)
    if "code_quality" in batch.schema.names:
        quality = batch.column("code_quality").cast(pa.float64()).fill_null(float("nan"))
        code = np.asarray(batch.column("domain").fill_null("")) == "code"
        bands = np.where(code, quality_bands(np.asarray(quality)), 0)
    return order_keys(batch.column("exact_hash"), context.seed), bands


def tally_name(context: Context, task: UnitTask) -> str:
    """Return the work name of a unit's tally, without extension."""
    pools = [(name, entry.column) for name, entry in sorted(context.within.items())]
    return f"tally/{digest(task.depends, context.seed, pool_names(context.within), pools)}"


def tallied(context: Context, task: UnitTask) -> Entry | None:
    """Return the entry of a unit's tally where it is there."""
    return finished(context.work, tally_name(context, task))


def tally_unit(context: Context, task: UnitTask) -> Entry:
    """Write the unit's good documents as a tally, and count text bytes by part and class."""
    before = tallied(context, task)
    if before is not None:
        return before
    name = tally_name(context, task)
    drops = read_drops(context, task.drops, task.ref.unit.name)
    found: list[pa.RecordBatch] = []
    part_bytes: list[dict[str, int]] = []
    counts: Counter[str] = Counter()
    for number, part in enumerate(task.parts):
        by_class: Counter[str] = Counter()
        scores = task.part_scores(context, number)
        for batch in merged_batches(context, part, drops, scores):
            found.append(_tally_batch(context, batch))
            by_class.update(_class_bytes(batch))
            for (outcome, _, _), rows in outcome_counts(batch).items():
                counts[outcome or GOOD] += rows
        part_bytes.append(dict(sorted(by_class.items())))
    file = f"{name}.arrow"
    with context.work.create(file) as stream, pa.ipc.new_file(stream, TALLY_SCHEMA) as writer:
        for one in found:
            writer.write_batch(one)
    data = {
        "file": file,
        "part_bytes": part_bytes,
        "counts": dict(sorted(counts.items())),
        "tokens": _tokens_by_pool(context, found),
    }
    return write_entry(context.work, name, [file], data)


def _tally_batch(context: Context, batch: pa.RecordBatch) -> pa.RecordBatch:
    good = batch.take(pa.array(np.flatnonzero(open_mask(batch))))
    key, band = mixture_place(context, good)
    tokens = good.column("tokens") if "tokens" in good.schema.names else None
    columns = [
        good.column("row"),
        pa.array(pool_indices(good, context.within), pa.int16()),
        pa.array(key, pa.uint64()),
        pa.array(band, pa.int64()),
        pa.nulls(len(key), pa.int64()).fill_null(0) if tokens is None else tokens,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TALLY_SCHEMA)


def _class_bytes(batch: pa.RecordBatch) -> dict[str, int]:
    """Return bytes of text by the folder that a row will go to."""
    text = batch.column("text")
    sizes = np.asarray(pa.compute.binary_length(text).fill_null(0))
    outcome = batch.column("outcome").fill_null(GOOD).to_numpy(zero_copy_only=False)
    domain = batch.column("domain").fill_null("").to_numpy(zero_copy_only=False)
    names = np.where(outcome == GOOD, domain, outcome)
    return {str(name): int(sizes[names == name].sum()) for name in np.unique(names)}


def _tokens_by_pool(context: Context, found: Sequence[pa.RecordBatch]) -> dict[str, int]:
    tokens = dict.fromkeys(pool_names(context.within), 0)
    for batch in found:
        pool = np.asarray(batch.column("pool"))
        for number, name in enumerate(tokens):
            tokens[name] += int(np.asarray(batch.column("tokens"))[pool == number].sum())
    return tokens
