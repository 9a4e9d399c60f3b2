"""Which copy of each family stays, and what every other one names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.dedup.files import read_columns, write_columns
from skypile.dedup.formats import EDGE, U64, Records, joined, preferred_order
from skypile.dedup.signatures import SignatureIndex

__all__ = [
    "EXACT", "NEAR", "NO_DROPS", "REASONS", "URL", "Drops", "alarm_notes", "cluster",
    "large_families", "merged_edges",
]  # fmt: skip

EXACT = 0
NEAR = 1
URL = 2
REASONS = ("exact_duplicate", "near_duplicate", "url_duplicate")

_KIND = b"drops 1"
_SLICE_EDGES = 1 << 18
_NAMED = 10


@dataclass(frozen=True)
class Drops:
    """The duplicates, in ascending order of address, and the document that each one names.

    address, kept uint64 (n,); reason uint8 (n,), EXACT, NEAR or URL; jaccard float32 (n,), 1 for
    exact copies and NaN for documents of one URL; exact_checked bool (n,), whether `jaccard` is
    exact rather than estimated from the signatures. `kept` is never itself an address.
    """

    address: U64
    kept: U64
    reason: npt.NDArray[np.uint8]
    jaccard: npt.NDArray[np.float32]
    exact_checked: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return self.address.size

    def for_unit(self, unit: int) -> Drops:
        """Return the drops among the records of one unit."""
        return self.between(unit << 32, unit << 32 | 0xFFFFFFFF)

    def between(self, first: int, last: int) -> Drops:
        """Return the drops of the addresses `first` to `last`, both inclusive."""
        start = np.searchsorted(self.address, np.uint64(first))
        stop = np.searchsorted(self.address, np.uint64(last), side="right")
        chosen = slice(int(start), int(stop))
        return Drops(*(column[chosen] for column in self._columns()))

    def _columns(self) -> tuple[npt.NDArray[Any], ...]:
        return self.address, self.kept, self.reason, self.jaccard, self.exact_checked

    def merged(self, other: Drops) -> Drops:
        """Return these and those of `other`, whose addresses are others."""
        pairs = zip(self._columns(), other._columns(), strict=True)
        both = [np.concatenate(columns) for columns in pairs]
        order = np.argsort(both[0], kind="stable")
        return Drops(*(column[order] for column in both))

    def save(self, path: Path) -> None:
        """Write the drops to `path` as an Arrow file whose bytes depend on the values alone."""
        columns = zip(_COLUMNS, self._columns(), strict=True)
        write_columns(path, {name: pa.array(column) for name, column in columns}, _KIND)

    @classmethod
    def load(cls, path: Path, *, mmap: bool = True) -> Drops:
        """Return the drops that were saved to `path`."""
        columns = read_columns(path, _KIND, mmap=mmap)
        # Arrow packs booleans into bits: those alone are copied.
        return cls(*(columns[name].to_numpy(zero_copy_only=False) for name in _COLUMNS))


NO_DROPS = Drops(
    np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint8), np.empty(0, np.float32),
    np.empty(0, np.bool_),
)  # fmt: skip
_COLUMNS = ("address", "kept", "reason", "jaccard", "exact_checked")


def cluster(index: SignatureIndex, copies: Records, edges: Records) -> Drops:
    """Return what is dropped, for whom, given all COPY records and all verified EDGE records.

    Edges join documents that no COPY drops. In order of preference, each document still standing
    stays and drops its neighbours: so a dropped document is itself similar to the one it names,
    never by a chain of others. A copy of a near duplicate is a near duplicate too, since the
    document that stays is not equal to it; it takes over the name and the Jaccard.
    """
    assert not np.isin(np.concatenate((edges["left"], edges["right"])), copies["address"]).any()
    near = _near_drops(index, edges)
    at = np.searchsorted(near.address, copies["kept"])
    taken = np.zeros(copies.size, np.bool_)
    if len(near):
        at = np.minimum(at, len(near) - 1)
        taken = near.address[at] == copies["kept"]
    source = at[taken]
    exact = Drops(
        address=copies["address"],
        kept=copies["kept"].copy(),
        reason=np.where(taken, NEAR, EXACT).astype(np.uint8),
        jaccard=np.ones(copies.size, np.float32),
        exact_checked=np.ones(copies.size, np.bool_),
    )
    exact.kept[taken] = near.kept[source]
    exact.jaccard[taken] = near.jaccard[source]
    exact.exact_checked[taken] = near.exact_checked[source]
    return exact.merged(near)


def _near_drops(index: SignatureIndex, edges: Records) -> Drops:
    nodes = np.unique(np.concatenate((edges["left"], edges["right"])))
    preferred = preferred_order(nodes, index.preferences(nodes))
    rank = np.empty(nodes.size, np.int64)
    rank[preferred] = np.arange(nodes.size)
    left = rank[np.searchsorted(nodes, edges["left"])]
    right = rank[np.searchsorted(nodes, edges["right"])]
    better, worse = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((worse, better))
    chosen = order[_dropping_edges(better[order], worse[order], nodes.size)]
    by_address = chosen[np.argsort(nodes[preferred[worse[chosen]]])]
    return Drops(
        address=nodes[preferred[worse[by_address]]],
        kept=nodes[preferred[better[by_address]]],
        reason=np.full(by_address.size, NEAR, np.uint8),
        jaccard=edges["jaccard"][by_address].astype(np.float32),
        exact_checked=edges["checked"][by_address].astype(np.bool_),
    )


def _dropping_edges(
    better: npt.NDArray[np.int64], worse: npt.NDArray[np.int64], nodes: int
) -> npt.NDArray[np.int64]:
    """Return the positions of the edges (sorted by better, worse rank) over which one is dropped.

    When a document's turn comes, all edges to better ones have been seen, so it stands or not.
    """
    standing = bytearray(b"\x01") * nodes
    chosen: list[int] = []
    for start in range(0, better.size, _SLICE_EDGES):
        # Lists of a slice at a time: a Python int takes four times the memory of an int64.
        stop = start + _SLICE_EDGES
        pairs = zip(better[start:stop].tolist(), worse[start:stop].tolist(), strict=True)
        for at, (one, two) in enumerate(pairs, start):
            if standing[one] and standing[two]:
                standing[two] = 0
                chosen.append(at)
    return np.array(chosen, np.int64)


def merged_edges(chunks: Iterable[bytes]) -> Records:
    """Return the EDGE records of all chunks; their order does not matter."""
    return joined(chunks, EDGE)


def large_families(drops: Drops, alarm: int) -> list[tuple[int, int]]:
    """Return (address that stays, documents) of families of more than `alarm`, largest first."""
    kept, copies = np.unique(drops.kept, return_counts=True)
    large = np.flatnonzero(copies + 1 > alarm)
    large = large[np.lexsort((kept[large], -copies[large]))]
    return list(zip(kept[large].tolist(), (copies[large] + 1).tolist(), strict=True))


def alarm_notes(families: Sequence[tuple[str, int]], alarm: int) -> list[str]:
    """Return what a person should know of `families` (record that stays, documents)."""
    notes = [
        f"alarm: {size:,} documents are one family of duplicates, of which {record} stays "
        f"(more than {alarm:,}: is it boilerplate, or a page that says nothing?)"
        for record, size in families[:_NAMED]
    ]
    if len(families) > _NAMED:
        notes.append(f"alarm: and {len(families) - _NAMED:,} more such families")
    return notes
