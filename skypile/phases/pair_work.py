"""What phases pair and cluster work on: signatures of units and of shards of earlier corpora."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from skypile.dedup.earlier import EarlierShard, earlier_sets
from skypile.dedup.formats import PARTITIONS, partitions_for
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureIndex, SignatureSet, address_of
from skypile.io.store import Store
from skypile.io.units import Unit
from skypile.phases.context import Context, UnitRef
from skypile.phases.earlier import numbered
from skypile.phases.work import Entry, digest, local_path

__all__ = ["PairTask", "PairWork", "index_of", "load_signatures", "preference_words"]

ROUND_BYTES = 96 << 20


@dataclass(frozen=True)
class PairTask:
    """A unit's number and its parts, which say where signatures and hashes of ids lie.

    Of an earlier corpus: a shard, whose signatures are those of its index.
    """

    ref: UnitRef
    parts: tuple[dict[str, Any], ...]
    earlier: EarlierShard | None = None


@dataclass(frozen=True)
class PairWork:
    """All units of a run, and the folder in which what is found about them lies.

    Shards of earlier corpora have the numbers behind theirs.
    Of what a pass groups, only the keys from `first_key` to before `end_key` are looked at: one
    round of several, where all at once would not fit into memory.
    """

    folder: str
    tasks: tuple[PairTask, ...]
    partitions: int = PARTITIONS  # of each kind of hash
    first_key: int = 0
    end_key: int = 1 << 32

    @classmethod
    def of(
        cls,
        context: Context,
        refs: Sequence[UnitRef],
        entries: Sequence[Entry],
        scores: Sequence[Entry] = (),
    ) -> PairWork:
        """Return the work on the finished units `entries`.

        Where all their parts are scored already, `scores` has an entry for each, in order, and what
        is open is what these say.
        """
        dedup = context.recipe.dedup
        hashes = [entry.hash for entry in (*entries, *scores)]
        against = [corpus.identity() for corpus in context.against]
        told = hashes, dedup and dedup.model_dump(mode="json")
        key = digest(*told, *([against] if against else []))
        left = iter(scores)
        tasks = []
        for ref, entry in zip(refs, entries, strict=True):
            parts = entry.data["parts"]
            if scores:
                parts = [part | {"signatures": next(left).data["signatures"]} for part in parts]
            tasks.append(PairTask(ref, tuple(parts)))
        documents = sum(entry.data["read"] for entry in entries)
        documents += sum(corpus.documents for corpus in context.against)
        return cls(f"pair/{key}", tuple(tasks), partitions_for(documents))

    @property
    def first_earlier(self) -> int:
        """The smallest address of an earlier document."""
        return len(self.tasks) << 32

    def earlier(self, context: Context) -> tuple[int, int]:
        """Return the first address of earlier documents and the one behind their last."""
        shards = sum(len(corpus.shards) for corpus in context.against)
        return self.first_earlier, self.first_earlier + (shards << 32)

    def with_earlier(self, context: Context) -> tuple[PairTask, ...]:
        """Return the tasks, and behind them those of earlier corpora."""
        shards = numbered(context.against, len(self.tasks))
        return (
            *self.tasks,
            *(PairTask(UnitRef(number, _unit(s)), (), s) for number, s in shards.items()),
        )

    def rounds(self, keys: int, size: int) -> list[PairWork]:
        """Return the work in rounds over `keys` keys that hold `size` bytes together.

        Each holds about ROUND_BYTES: the local runner keeps five to six times the bytes that it
        groups (FnApiRunner of Beam 2.77), and nothing of it on disk.
        """
        number = min(keys, max(1, -(-size // ROUND_BYTES)))
        borders = [keys * n // number for n in range(number + 1)]
        return [replace(self, first_key=a, end_key=b) for a, b in pairwise(borders)]

    def takes(self, key: int) -> bool:
        """Tell whether `key` belongs to this round."""
        return self.first_key <= key < self.end_key


def _unit(shard: EarlierShard) -> Unit:
    return Unit(
        f"{shard.root}/{shard.path}", shard.prefix + shard.path, "parquet", "none",
        0, 0, 0, shard.bytes, 0,
    )  # fmt: skip


def preference_words(context: Context) -> int:
    """Return how many words preferences have: one says whether a document is new, where that is."""
    dedup = context.recipe.dedup
    return (dedup.words if dedup else 1) + bool(context.against)


def load_signatures(context: Context, task: PairTask) -> Iterator[SignatureSet]:
    """Yield a unit's signatures by part under their addresses in this run, memory-mapped."""
    words = preference_words(context)
    if task.earlier is not None:
        yield from earlier_sets(task.earlier, context.recipe.dedup, task.ref.number, words)
    for part in task.parts:
        yield _load(context.work, task.ref.number, part["signatures"], words)


def _load(store: Store, number: int, name: str, words: int) -> SignatureSet:
    found = SignatureSet.load(local_path(store, name))
    preferences = found.preferences
    if words > found.words:
        preferences = np.column_stack([np.ones(len(found), np.uint64), preferences])
    addresses = address_of(number, found.addresses.astype(np.uint32))
    return replace(found, addresses=addresses, preferences=preferences)


@lru_cache(maxsize=1)
def _cached_index(
    root: str,
    _: str,
    names: tuple[tuple[int, str], ...],
    shards: tuple[tuple[int, EarlierShard], ...],
    settings: Dedup | None,
    words: int,
) -> SignatureIndex:
    sets = [_load(Store(root), number, name, words) for number, name in names]
    for number, shard in shards:
        sets.extend(earlier_sets(shard, settings, number, words))
    return SignatureIndex(sets)


def index_of(context: Context, work: PairWork) -> SignatureIndex:
    """Return the signatures of all units and earlier shards, memory-mapped once per process."""
    names = tuple(
        (task.ref.number, part["signatures"]) for task in work.tasks for part in task.parts
    )
    shards = tuple(numbered(context.against, len(work.tasks)).items())
    settings, words = context.recipe.dedup, preference_words(context)
    return _cached_index(context.work.root, work.folder, names, shards, settings, words)
