"""Which source each row of a stage comes from: exact to less than one row at every prefix.

A source's share is a polynomial of how far the stage is (0 to 1), so the rows that it should have
had after i of N are known in closed form. The order is that of Tijdeman (The chairman assignment
problem, Discrete Mathematics 32, 1980): a source may have its next row once it is owed
1 / (2K - 2) of one, and among those that may, the one that could not wait longest comes first.
No count then differs from what it should be by more than 1 - 1 / (2K - 2), K being the number of
sources, whatever the schedules. What a slot holds depends on nothing but its number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Mixture", "Share", "shares_of"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Slots worked out at a time; anchors stand at multiples, so no slot depends on who asked first.
_CHUNK = 1 << 14
# Above this many slots to a period, constant shares are worked out as schedules are.
_LONGEST_PERIOD = 1 << 20
# Rounding may keep a source from its row that is owed just enough; nobody may be without one.
_SLACK = 1e-7


@dataclass(frozen=True)
class Share:
    """A share of rows, constant + linear * x + square * x², x being the stage's part that is over.

    >>> ramp = Share(0.10, square=0.30)  # Skywork's 10 to 40 %, as a curve that averages 20 %
    >>> ramp.at(np.array([0.0, 0.5, 1.0])).round(3).tolist()
    [0.1, 0.175, 0.4]
    >>> round(float(ramp.before(np.float64(1000), 1000)), 9)
    200.0
    """

    constant: float
    linear: float = 0.0
    square: float = 0.0

    def at(self, x: F64) -> F64:
        """Return the share at each `x`, 0 to 1."""
        return self.constant + x * (self.linear + x * self.square)

    def before(self, slots: F64, row_count: int) -> F64:
        """Return how many of the first `slots` of `row_count` rows are this source's: ∫ share."""
        x = slots / row_count
        return slots * (self.constant + x * (self.linear / 2 + x * (self.square / 3)))

    def scaled(self, factor: float) -> Share:
        """Return this share times a factor."""
        return Share(self.constant * factor, self.linear * factor, self.square * factor)


def shares_of(weights: Sequence[float | None], scheduled: Sequence[Share | None]) -> list[Share]:
    """Return the share of each source: the scheduled as they are, the others what is left.

    What is left is divided by weights, which need not sum to anything. For each source either of
    the two is None.
    """
    planned = [share for share in scheduled if share is not None]
    rest = Share(
        1.0 - sum(share.constant for share in planned),
        -sum(share.linear for share in planned),
        -sum(share.square for share in planned),
    )
    whole = math.fsum(weight for weight in weights if weight is not None)
    return [
        share if share is not None else rest.scaled((weight or 0.0) / whole)
        for weight, share in zip(weights, scheduled, strict=True)
    ]


class Mixture:
    """The sources of slots `start` to `row_count` - 1 of a stage of `row_count` rows.

    A mixture that begins in the middle (`start` > 0) goes on with the schedule from there, owing
    nobody anything.
    """

    def __init__(self, shares: Sequence[Share], row_count: int, *, start: int = 0) -> None:
        assert 0 <= start < row_count and shares
        self.shares, self.row_count, self.start = tuple(shares), row_count, start
        count = len(shares)
        self._owed = 1.0 / (2 * count - 2) if count > 1 else 0.0
        # Rows of each source before a slot, at chunks' beginnings; the newest chunk's sources.
        self._anchors: dict[int, I64] = {start: np.zeros(count, np.int64)}
        self._chunk: tuple[int, I64] = (start, np.empty(0, np.int64))

    def due(self, slot: int) -> F64:
        """Return how many rows each source should have had before `slot`, as real numbers."""
        ends = np.array([self.start, slot], np.float64)
        return np.array([np.diff(s.before(ends, self.row_count))[0] for s in self.shares])

    def counts(self, slot: int) -> I64:
        """Return how many rows each source has had before `slot`."""
        assert self.start <= slot <= self.row_count
        if self._period is not None:
            order, whole = self._period
            periods, rest = divmod(slot - self.start, len(order))
            return periods * whole + self._counted(order[:rest])
        begin = max(anchor for anchor in self._anchors if anchor <= slot)
        counts = self._anchors[begin]
        while begin < slot:
            end = min(self._end(begin), slot)
            counts = counts + self._counted(self._sources(begin)[: end - begin])
            begin = end
        return counts

    def learn(self, slot: int, counts: I64) -> None:
        """Take over the counts before `slot` of another process, so as not to count from zero.

        Raises ValueError where they cannot be.
        """
        if counts.sum() != slot - self.start or (np.abs(counts - self.due(slot)) >= 1).any():
            raise ValueError(f"the counts of rows {counts.tolist()} at row {slot} cannot be")
        if self._period is None:
            self._anchors[slot] = counts.astype(np.int64)

    def sources(self, slot: int, count: int) -> I64:
        """Return the source of each of `count` slots from `slot` on."""
        assert self.start <= slot and slot + count <= self.row_count
        if self._period is not None:
            order, _ = self._period
            return order[np.arange(slot - self.start, slot - self.start + count) % len(order)]
        pieces: list[I64] = []
        while count:
            held, sources = self._chunk
            if not held <= slot < held + len(sources):
                held, sources = self._chunk_with(slot)
            piece = sources[slot - held : slot - held + count]
            pieces.append(piece)
            slot, count = slot + len(piece), count - len(piece)
        return np.concatenate([*pieces, np.empty(0, np.int64)])

    def _counted(self, sources: I64) -> I64:
        return np.bincount(sources, minlength=len(self.shares)).astype(np.int64)

    def _end(self, begin: int) -> int:
        """Return where the chunk of a slot ends."""
        return min((begin // _CHUNK + 1) * _CHUNK, self.row_count)

    def _chunk_with(self, slot: int) -> tuple[int, I64]:
        begin = max(slot // _CHUNK * _CHUNK, self.start)
        if begin not in self._anchors:
            known = [at for at in self._anchors if begin < at <= slot]
            # Counts that were learnt within the chunk serve for what follows them.
            begin = max(known) if known else begin
        self._anchors[begin] = self.counts(begin)
        self._chunk = (begin, self._sources(begin))
        return self._chunk

    def _sources(self, begin: int) -> I64:
        """Return the sources of the slots from `begin`, whose counts are known, to its chunk's end.

        Leaves the counts at the end behind.
        """
        if self._chunk[0] == begin and len(self._chunk[1]):
            return self._chunk[1]
        counts = self._anchors[begin]
        end = self._end(begin)
        sources = self._ordered(begin, end, counts)
        self._anchors[end] = counts + self._counted(sources)
        return sources

    def _ordered(self, begin: int, end: int, counts: I64) -> I64:
        """Return Tijdeman's order of slots `begin` to `end` - 1."""
        if len(self.shares) == 1:
            return np.zeros(end - begin, np.int64)
        least = np.ceil(self.due(end)).astype(np.int64)
        released, needed = [], []
        for source, first in enumerate(counts.tolist()):
            rows = np.arange(first, max(least[source], first) + 1, dtype=np.float64)
            released.append(self._reached(source, rows + self._owed - _SLACK, begin).tolist())
            needed.append(self._reached(source, rows + 1 - self._owed + _SLACK, begin).tolist())
        at = [0] * len(self.shares)
        chosen = np.empty(end - begin, np.int64)
        for slot in range(begin, end):
            best, soonest = -1, self.row_count + 1
            for source, row in enumerate(at):
                if released[source][row] <= slot and needed[source][row] < soonest:
                    best, soonest = source, needed[source][row]
            assert best >= 0, "shares sum to one, so somebody is owed a row"
            chosen[slot - begin] = best
            at[best] += 1
        return chosen

    def _reached(self, source: int, wanted: F64, begin: int) -> I64:
        """Return the first slot, from `begin` on, after which each `wanted` row is due.

        `row_count` where it is due at no slot.
        """
        share = self.shares[source]
        offset = float(share.before(np.array([self.start], np.float64), self.row_count)[0])
        low = np.full(len(wanted), begin, np.int64)
        high = np.full(len(wanted), self.row_count, np.int64)
        while (low < high).any():
            middle = (low + high) // 2
            due = share.before((middle + 1).astype(np.float64), self.row_count) - offset
            is_due = due >= wanted
            high = np.where(is_due, middle, high)
            low = np.where(is_due, low, np.minimum(middle + 1, high))
        return low

    @cached_property
    def _period(self) -> tuple[I64, I64] | None:
        """The order that constant shares repeat, and its counts; None for schedules.

        After a period every source has exactly what it should have.
        """
        if any(share.linear or share.square for share in self.shares):
            return None
        parts = [Fraction(share.constant).limit_denominator(1 << 20) for share in self.shares]
        length = math.lcm(*(part.denominator for part in parts))
        if sum(parts) != 1 or length > _LONGEST_PERIOD:
            return None
        whole = np.array([int(part * length) for part in parts], np.int64)
        once = Mixture([Share(float(part), 0.0) for part in parts], length)
        once.__dict__["_period"] = None
        order = np.concatenate(
            [once.sources(at, min(_CHUNK, length - at)) for at in range(0, length, _CHUNK)]
        )
        assert np.array_equal(self._counted(order), whole)
        return order, whole
