"""Which bands new documents have, so that of earlier ones only those that share one are grouped.

A bucket without a new document leads nowhere, and an earlier corpus is mostly such buckets. What
lets a few of them through by mistake costs time and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from skypile.dedup.bands import band_entries
from skypile.dedup.formats import U64
from skypile.io.store import Store
from skypile.phases.context import Context
from skypile.phases.pair_work import PairWork, load_signatures
from skypile.phases.work import Entry, finished, local_path, write_entry

__all__ = ["NewBands", "new_bands", "write_new_bands"]

SLOTS = 16  # for each hash: one in 16 of those that are not there is taken for one that is
MIN_BITS, MAX_BITS = 16, 31  # at most 256 MB
_NOTHING: U64 = np.empty(0, np.uint64)


@dataclass(frozen=True)
class NewBands:
    """A bit for each of 2^k values of the last k bits of a hash: whether a new document has it."""

    bits: npt.NDArray[np.uint8]

    @classmethod
    def empty(cls, hashes: int) -> NewBands:
        """Return room for about `hashes` hashes."""
        size = min(max((hashes * SLOTS).bit_length(), MIN_BITS), MAX_BITS)
        return cls(np.zeros(1 << (size - 3), np.uint8))

    def _slots(self, hashes: U64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Return the byte and the bit in it of each hash."""
        slot = (hashes & np.uint64(8 * self.bits.size - 1)).astype(np.int64)
        return slot >> 3, (slot & 7).astype(np.uint8)

    def add(self, hashes: U64) -> None:
        """Set the bits of `hashes`."""
        at, bit = self._slots(hashes)
        for number in range(8):
            # Bytes that stand twice get the same value twice.
            self.bits[at[bit == number]] |= np.uint8(1 << number)

    def holds(self, hashes: U64) -> npt.NDArray[np.bool_]:
        """Tell which of `hashes` may have been added; all that were are among them."""
        at, bit = self._slots(hashes)
        return (self.bits[at] >> bit & 1).astype(np.bool_)


def write_new_bands(context: Context, work: PairWork) -> Entry:
    """Write the bands of all new documents, unless they are there."""
    name = f"{work.folder}/new"
    before = finished(context.work, name)
    if before is not None:
        return before
    dedup = context.recipe.dedup
    assert dedup is not None
    documents = sum(len(each) for task in work.tasks for each in load_signatures(context, task))
    found = NewBands.empty(documents * dedup.bands)
    for task in work.tasks:
        for signatures in load_signatures(context, task):
            for entries in band_entries(
                signatures, skip=_NOTHING, bands=dedup.bands, rows=dedup.rows
            ):
                found.add(entries["hash"])
    context.work.write(f"{name}/bands.bin", found.bits.tobytes())
    return write_entry(context.work, name, [f"{name}/bands.bin"], {})


def new_bands(context: Context, work: PairWork) -> NewBands:
    """Return the bands of all new documents, read once per process."""
    return _read(context.work, f"{work.folder}/new/bands.bin")


@lru_cache(maxsize=1)
def _read(store: Store, name: str) -> NewBands:
    path: Path = local_path(store, name)
    return NewBands(np.memmap(path, np.uint8, "r"))
