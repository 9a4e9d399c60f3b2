"""The micro-batches of a run's steps for one rank, read ahead by a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from skypile.pretrain.plan import Plan, Row
from skypile.pretrain.ranks import Ranks
from skypile.pretrain.rows import Batch, document_count, packed_batch, prefetched

__all__ = ["Feed"]

# Compiled kernels want the same count of slots each time. It grows in strides of a quarter, so a
# run compiles for a few counts at most.
_GROWTH = 1.25
_SLOT_STEP = 64


class Feed:
    """Batches of a plan; `documents_apart` as in `rows.Rows`."""

    def __init__(self, ranks: Ranks, *, documents_apart: bool) -> None:
        self._ranks, self._documents_apart = ranks, documents_apart
        self._slots = 0

    def steps(self, plan: Plan, first: int, end: int) -> Iterator[list[Batch]]:
        """Yield the micro-batches of steps `first` to `end` - 1 on the rank's device.

        Each rank has one block of a step's rows.
        """
        count = plan.config.batch_rows // self._ranks.count // plan.config.micro_batch_rows
        with closing(prefetched(self._read(plan, first, end), self._ranks.device)) as ahead:
            for _ in range(first, end):
                yield [next(ahead) for _ in range(count)]

    def _read(self, plan: Plan, first: int, end: int) -> Iterator[Batch]:
        mine, size = plan.config.batch_rows // self._ranks.count, plan.config.micro_batch_rows
        for step in range(first, end):
            rows = plan.rows(step, self._ranks.rank * mine, mine)
            for at in range(0, mine, size):
                yield self._batch(rows[at : at + size], plan.config.seq_len)

    def _batch(self, rows: Sequence[Row], row_tokens: int) -> Batch:
        pairs = [(row.stream.file, row.number * row_tokens) for row in rows]
        needed = document_count(pairs, row_tokens) if self._documents_apart else len(rows)
        if needed > self._slots:
            self._slots = -(-int(needed * _GROWTH) // _SLOT_STEP) * _SLOT_STEP
        return packed_batch(
            pairs, row_tokens=row_tokens, document_slots=self._slots,
            documents_apart=self._documents_apart,
        )  # fmt: skip
