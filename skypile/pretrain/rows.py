"""Rows of exactly T tokens out of a flat token file, in an order that is a function of the index.

Row r holds tokens r·T .. r·T + T, its targets being one ahead, so each token of the file is an
input once per epoch. Rows may start and end inside a document: nothing is dropped or padded. The
order of an epoch is a keyed permutation of row numbers, so the whole state of a reader is one
integer, and any row can be had at once.

Shape suffixes: B rows, T positions, N = B * T tokens, S document slots + 1.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from skypile.pretrain.loss import IGNORED
from skypile.pretrain.shuffle import permuted
from skypile.pretrain.token_file import TokenFile

__all__ = ["Batch", "Rows", "document_count", "packed_batch", "prefetched"]

I64 = npt.NDArray[np.int64]
Tensor = torch.Tensor
_Change = Callable[[Tensor], Tensor]

# Slots are given out by this many, so that a few more documents do not make another graph.
_SLOT_STEP = 64


@dataclass(frozen=True)
class Batch:
    """The rows of one micro-batch: int64 tensors, and cu_seqlens in int32.

    `targets_BT` is IGNORED where the next token begins another document. `cu_seqlens_S` holds the
    borders of documents over all N tokens, filled up with N. `pairs` is Σ length² / 2 over them.
    """

    ids_BT: Tensor
    targets_BT: Tensor
    positions_BT: Tensor
    cu_seqlens_S: Tensor
    target_count: int
    pairs: float

    @property
    def token_count(self) -> int:
        """The number of input tokens, N."""
        return self.ids_BT.numel()

    def pinned(self) -> Batch:
        """Return this batch in page-locked memory, from which copies need not be waited for."""
        return self._mapped(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """Return this batch on a device; from pinned memory the copy is only queued."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=True))

    def _mapped(self, change: _Change) -> Batch:
        return replace(
            self,
            ids_BT=change(self.ids_BT),
            targets_BT=change(self.targets_BT),
            positions_BT=change(self.positions_BT),
            cu_seqlens_S=change(self.cu_seqlens_S),
        )


class Rows:
    """The rows of a token file, shuffled anew each epoch by `seed`.

    With `documents_apart` false, a row counts as one document: positions run through, every
    target counts, and cu_seqlens are the borders of rows.
    """

    def __init__(
        self, source: TokenFile, *, row_tokens: int, seed: int, documents_apart: bool = True
    ) -> None:
        self.source = source
        self.row_tokens = row_tokens
        self.seed = seed
        self.documents_apart = documents_apart
        # The last token has no target, so it is no input.
        self.row_count = (source.token_count - 1) // row_tokens
        if self.row_count < 1:
            raise source.too_short(row_tokens + 1)

    def numbers(self, start: int, count: int) -> I64:
        """Return the row numbers that stand at places `start`, ... of the endless order."""
        places = np.arange(start, start + count, dtype=np.int64)
        epochs, within = np.divmod(places, self.row_count)
        numbers = np.empty(count, np.int64)
        for epoch in np.unique(epochs).tolist():
            chosen = epochs == epoch
            key = f"{self.seed}:{epoch}"
            numbers[chosen] = permuted(within[chosen], count=self.row_count, key=key)
        return numbers

    @cached_property
    def documents_per_row(self) -> I64:
        """In how many documents, or parts of them, each row lies."""
        first = np.arange(self.row_count, dtype=np.int64) * self.row_tokens
        offsets = self.source.offsets
        begun = np.searchsorted(offsets, first + self.row_tokens) - np.searchsorted(
            offsets, first, side="right"
        )
        return begun.astype(np.int64) + 1

    def document_slots(self, *, start: int, batch_count: int, batch_rows: int) -> int:
        """Return how many documents no batch of a run exceeds, rounded up to 64.

        Exact and not a bound for any order: attention's kernels visit every slot, empty or not.
        """
        if not self.documents_apart:
            return batch_rows
        numbers = self.numbers(start, batch_count * batch_rows)
        largest = int(self.documents_per_row[numbers].reshape(-1, batch_rows).sum(axis=1).max())
        return -(-largest // _SLOT_STEP) * _SLOT_STEP

    def batch(self, start: int, *, batch_rows: int, document_slots: int) -> Batch:
        """Return the rows at places `start`, ..., as CPU tensors: a pure function of its arguments.

        `document_slots` must be as many as the batch's documents (`document_slots`).
        """
        first_B = self.numbers(start, batch_rows) * self.row_tokens
        return packed_batch(
            [(self.source, first) for first in first_B.tolist()],
            row_tokens=self.row_tokens,
            document_slots=document_slots,
            documents_apart=self.documents_apart,
        )

    def batches(
        self, *, start: int, batch_count: int, batch_rows: int, document_slots: int
    ) -> Iterator[Batch]:
        """Yield batches of rows that follow each other in the order."""
        for number in range(batch_count):
            yield self.batch(
                start + number * batch_rows, batch_rows=batch_rows, document_slots=document_slots
            )


def packed_batch(
    rows: Sequence[tuple[TokenFile, int]],
    *,
    row_tokens: int,
    document_slots: int,
    documents_apart: bool = True,
) -> Batch:
    """Return a batch of rows, each given by its file and its first token there, as CPU tensors.

    `document_slots` must be as many as the batch's documents.
    """
    pieces = [file.tokens[first : first + row_tokens + 1] for file, first in rows]
    tokens_B = np.stack(pieces).astype(np.int64)
    ids_BT, targets_BT = tokens_B[:, :-1].copy(), tokens_B[:, 1:].copy()
    borders = np.arange(len(rows) + 1, dtype=np.int64) * row_tokens
    if documents_apart:
        borders = _borders(rows, row_tokens, targets_BT)
    lengths = np.diff(borders)
    token_count = len(rows) * row_tokens
    positions_N = np.arange(token_count) - np.repeat(borders[:-1], lengths)
    assert len(lengths) <= document_slots, f"{len(lengths)} documents, {document_slots} slots"
    cu_seqlens_S = np.full(document_slots + 1, token_count, np.int32)
    cu_seqlens_S[: len(borders)] = borders
    return Batch(
        ids_BT=torch.from_numpy(ids_BT),
        targets_BT=torch.from_numpy(targets_BT),
        positions_BT=torch.from_numpy(positions_N.reshape(len(rows), row_tokens)),
        cu_seqlens_S=torch.from_numpy(cu_seqlens_S),
        target_count=int((targets_BT != IGNORED).sum()),
        pairs=float(np.square(lengths).sum()) / 2,
    )


def document_count(rows: Sequence[tuple[TokenFile, int]], row_tokens: int) -> int:
    """Return in how many documents, or parts of them, rows lie together."""
    count = len(rows)
    for file, first in rows:
        after = np.searchsorted(file.offsets, first, side="right")
        count += int(np.searchsorted(file.offsets, first + row_tokens) - after)
    return count


def _borders(rows: Sequence[tuple[TokenFile, int]], row_tokens: int, targets_BT: I64) -> I64:
    """Return the borders of documents over all tokens; wipe the targets that begin one."""
    borders: list[I64] = []
    for row, (file, first) in enumerate(rows):
        low = np.searchsorted(file.offsets, first, side="right")
        high = np.searchsorted(file.offsets, first + row_tokens, side="right")
        starts = file.offsets[low:high] - first  # 1 .. T, where T is a target only
        targets_BT[row, starts - 1] = IGNORED
        inner = starts[starts < row_tokens]
        borders += [np.array([row * row_tokens]), inner + row * row_tokens]
    return np.concatenate([*borders, np.array([targets_BT.size])])


def prefetched(batches: Iterable[Batch], device: torch.device) -> Generator[Batch, None, None]:
    """Yield batches on a device, with the next two being read and pinned by a thread meanwhile.

    What the thread raises is raised here. Closing the iterator ends the thread.
    """
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(maxsize=2)
    is_closed = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
        while not is_closed.is_set():
            with suppress(queue.Full):
                ready.put(item, timeout=0.1)
                return

    def read() -> None:
        try:
            for batch in batches:
                put(batch.pinned() if device.type == "cuda" else batch)
                if is_closed.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            put(error)

    thread = threading.Thread(target=read, name="rows", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item.to(device)
    finally:
        is_closed.set()
        thread.join()
