"""What a person is asked to judge: documents on the border, and a fair sample of each vote's."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import xxhash

__all__ = ["AUDIT", "BORDER", "Asked", "Offered", "Review"]

# Why a document was drawn. Votes are measured on AUDIT alone: what lies on the border is there
# because votes are wrong on it.
BORDER, AUDIT = "border", "audit"


Key = tuple[float, int]  # how far it is from what is sought, and a hash


@dataclass(order=True)
class Asked:
    """A document that a head asks about; the largest `key` is given up first."""

    key: Key
    head: str = field(compare=False)
    why: str = field(compare=False)
    row: dict[str, Any] = field(compare=False)
    probability: float = field(compare=False)
    votes: list[str] = field(compare=False)


@dataclass(frozen=True)
class Offered:
    """Row `at` of `batch`, a document that may be drawn; its fields are copied only if it is."""

    text_hash: int
    source: str
    probability: float
    batch: pa.RecordBatch
    at: int

    def asked(self, key: Key, head: str, why: str, votes: list[str]) -> Asked:
        """Return the document as `head` asks about it."""
        row = self.batch.slice(self.at, 1).to_pylist()[0]
        return Asked(key, head, why, row, self.probability, votes)


@dataclass
class _Smallest:
    """The entries with the smallest keys, at most `room` of them, no text twice."""

    room: int
    entries: list[tuple[Key, Asked]] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def add(self, key: Key, make: Callable[[Key], Asked]) -> None:
        negated = (-key[0], -key[1])
        if key[1] in self.seen or self.room == 0:
            return
        if len(self.entries) == self.room:
            if negated <= self.entries[0][0]:
                return
            _, gone = heapq.heappop(self.entries)
            self.seen.discard(gone.key[1])
        self.seen.add(key[1])
        heapq.heappush(self.entries, (negated, make(key)))

    def sorted(self) -> list[Asked]:
        return sorted(asked for _, asked in self.entries)


class Review:
    """Draws `size` documents for each head: half from the border, half evenly over its votes.

    From the border come those whose probability is nearest to one half, in turns by source, so that
    one source does not take all places. Of each vote comes a random sample of the documents that it
    is cast on: those with the smallest hash of `seed` and text, whatever the order of the input.
    Holds at most `size` documents for each head and source, and as many for its votes.
    """

    def __init__(self, heads: Mapping[str, int], size: int, seed: int) -> None:
        """Take the number of votes of each head."""
        self.size, self.seed = size, seed
        self._border: dict[tuple[str, str], _Smallest] = {}
        self._audit: dict[tuple[str, str], _Smallest] = {}
        self._shares = {
            name: -(-(size - size // 2) // max(votes, 1)) for name, votes in heads.items()
        }

    def add(self, head: str, offered: Offered, votes: list[str]) -> None:
        """Offer a document on which `votes` were cast."""
        place = xxhash.xxh3_64_intdigest(offered.text_hash.to_bytes(8, "little"), self.seed)
        border = self._border.setdefault((head, offered.source), _Smallest(self.size // 2))
        distance = round(abs(offered.probability - 0.5), 9)
        border.add((distance, place), lambda key: offered.asked(key, head, BORDER, votes))
        for vote in votes:
            audit = self._audit.setdefault((head, vote), _Smallest(self._shares[head]))
            audit.add((0.0, place), lambda key: offered.asked(key, head, AUDIT, votes))

    def drawn(self) -> list[Asked]:
        """Return what was drawn: of each head, its votes' samples first, no document twice."""
        found: list[Asked] = []
        for head in self._shares:
            taken: set[int] = set()
            for (owner, _), audit in sorted(self._audit.items(), key=lambda item: item[0]):
                for asked in audit.sorted() if owner == head else ():
                    if asked.key[1] not in taken:
                        taken.add(asked.key[1])
                        found.append(asked)
            found += self._by_turns(head, taken)
        return found

    def _by_turns(self, head: str, taken: set[int]) -> Iterator[Asked]:
        queues = [
            [asked for asked in border.sorted() if asked.key[1] not in taken]
            for (owner, _), border in sorted(self._border.items(), key=lambda item: item[0])
            if owner == head
        ]
        left, turn = self.size // 2, 0
        while left and any(turn < len(queue) for queue in queues):
            for queue in queues:
                if left and turn < len(queue):
                    left -= 1
                    yield queue[turn]
            turn += 1
