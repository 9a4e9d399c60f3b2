"""The table of a vocabulary that the kernels of `skypile.kernels.han` read, filled as they go."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import uncounted
from skypile.kernels.han import MARKER, Taken, splice, take_out
from skypile.kernels.han_chains import PAIR_BITS, HanTable, chain_key, insert, pair_bit
from skypile.kernels.han_signs import COUNT, FIRST, LETTER, SIGN_COUNT, SIGNS, is_letter, sign

__all__ = ["Borders", "Shortener"]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Pairs = set[tuple[int, int]]
Encode = Callable[[bytes], U32]
EncodeAll = Callable[[list[bytes]], tuple[U32, I64]]

# Half of the slots are filled at most.
_SLOT_BITS = 17
_NEAR_BITS = 13
_ID_COUNT = 1 << 19
_NUMBER_COUNT = SIGNS + SIGN_COUNT


def _characters(token: bytes) -> list[bytes]:
    """Return the token cut where characters begin; the ends may be parts of characters."""
    starts = [i for i, byte in enumerate(token) if i == 0 or byte & 0xC0 != 0x80]
    return [token[a:b] for a, b in zip(starts, [*starts[1:], len(token)], strict=True)]


def _number(part: bytes) -> int:
    """Return the number of a Han character or of a sign, a negative number for anything else."""
    if len(part) == 3 and 0xE4 <= part[0] <= 0xE9:
        code = ord(part.decode()) - FIRST
        return code if 0 <= code < COUNT else LETTER
    if len(part) not in (1, 3) or part[0] & 0xC0 == 0x80 or (len(part) == 1 and part[0] >= 0x80):
        return LETTER
    return sign(np.frombuffer(part, np.uint8), 0, len(part))


def _pairs(tokens: Iterable[bytes]) -> tuple[Pairs, Pairs, U8]:
    """Return the pairs with Han behind, those of Han and a letter, and the edges."""
    pairs: Pairs = set()
    lettered: Pairs = set()
    broken: set[tuple[bytes, bytes]] = set()
    numbers: dict[bytes, int] = {}
    for token in tokens:
        if len(token) < 2 or token.isascii():
            continue
        for left, right in itertools.pairwise(_characters(token)):
            a, b = (
                numbers[part] if part in numbers else numbers.setdefault(part, _number(part))
                for part in (left, right)
            )
            if 0 <= b < COUNT and a >= 0:
                pairs.add((a, b))
            elif 0 <= a < COUNT and b >= COUNT and is_letter(b):
                lettered.add((a, b))
            elif (0xE4 <= right[0] <= 0xE9 and (len(right) < 3 or left[0] & 0xC0 == 0x80)) or (
                right.isalpha() and left[0] & 0xC0 == 0x80
            ):
                # Bytes in front that end no Han may still be the end of a sign.
                broken.add((left[-3:], right))
    return pairs, lettered, _edges(broken)


def _edges(broken: Iterable[tuple[bytes, bytes]]) -> U8:
    edges = np.zeros(_NUMBER_COUNT, np.uint8)
    han, edges[COUNT:] = edges[:COUNT], 1  # of a sign anything may be its end
    joined = "".join(map(chr, range(FIRST, FIRST + COUNT))).encode()
    texts = np.frombuffer(joined, np.uint8).reshape(COUNT, 3)
    for left in {left for left, _ in broken}:
        piece = np.frombuffer(left, np.uint8)
        han |= (texts[:, 3 - len(left) :] == piece).all(axis=1)
    for right in {right for _, right in broken}:
        piece = np.frombuffer(right, np.uint8)
        han |= (texts[:, : len(right)] == piece).all(axis=1).astype(np.uint8) << 1
    return edges


class Borders(NamedTuple):
    """Between which characters a vocabulary allows no merge: of `HanTable`, what stays as it is."""

    joined: U64
    edges: U8

    @classmethod
    def of(cls, tokens: Iterable[bytes]) -> Borders:
        """Return those of a vocabulary's entries."""
        pairs, lettered, edges = _pairs(tokens)
        joined = np.zeros(1 << (PAIR_BITS - 6), np.uint64)
        for left, right in pairs | lettered:
            bit = pair_bit(left, right)
            joined[bit >> 6] |= np.uint64(1 << (bit & 63))
        return cls(joined, edges)

    def table(self) -> HanTable:
        """Return a table without any chain."""
        return HanTable(
            *self,
            slots=np.zeros((1 << _SLOT_BITS, 3), np.int64),
            near=np.zeros((1 << _NEAR_BITS, 2), np.int64),
            ids=np.zeros(_ID_COUNT, np.uint32),
            seen=np.zeros(1 << (_SLOT_BITS - 6), np.uint64),
            used=np.zeros(2, np.int64),
        )


class Shortener(threading.local):
    """Gives the ids of documents by an engine that gets what kernels leave of their Chinese.

    A thread has a table and room of its own. `encode` gives the engine's ids of a text,
    `encode_all` those of many, end to end, and their counts.
    """

    def __init__(self, borders: Borders, encode: Encode, encode_all: EncodeAll, size: int) -> None:
        self._table = borders.table()
        self._encode = encode
        self._encode_all = encode_all
        self._marker_id = int(encode(bytes([MARKER]))[0])
        self._size = size
        self._room = Taken.of_size(size)

    def encode(self, data: U8, offsets: I64) -> tuple[U32, I64]:
        """Return the ids of documents in ``data``, UTF-8, end to end, and their counts."""
        taken = self._room if len(data) <= self._size else Taken.of_size(len(data))
        borders = np.zeros(len(offsets), np.int64)
        take_out(data, offsets, self._table, taken, borders)
        self._learn(data, taken.missed[: taken.sizes[3]])
        whole, shortened = data.data, taken.out.data
        edges = zip(
            itertools.pairwise(offsets.tolist()), itertools.pairwise(borders.tolist()), strict=True
        )
        ids, counts = self._encode_all(
            [bytes(shortened[c:d] if c < d else whole[a:b]) for (a, b), (c, d) in edges]
        )
        spliced = np.empty(len(ids) + int(taken.sizes[2]), np.uint32)
        total = splice(ids, counts, borders, taken, self._marker_id, spliced)
        return spliced[:total], counts

    def _learn(self, data: U8, missed: I64) -> None:
        """Tabulate the chains of ``data`` that were missed, while there is room."""
        table = self._table
        if len(missed) == 0 or table.used[0] >= len(table.slots) // 2:
            return
        room = np.empty(int((missed[:, 1] - missed[:, 0] + 1).sum()), np.uint8)
        slots = np.empty(len(missed), np.int64)
        count, size = _new_chains(data, missed, table, slots, room)
        if count:
            _put_ids(self._encode(bytes(room[:size])), self._marker_id, slots[:count], table)


@uncounted
def _new_chains(data: U8, missed: I64, table: HanTable, slots: I64, room: U8) -> tuple[int, int]:
    """Put each chain once into ``room``, a marker behind it, and its slot into ``slots``.

    Return their count and size.
    """
    count = size = 0
    for row in range(len(missed)):
        start, stop = missed[row]
        slot = insert(chain_key(data, start, stop), table.slots)
        if table.slots[slot, 2] != 0:
            continue
        table.slots[slot, 2] = -1
        table.used[0] += 1
        slots[count] = slot
        count += 1
        for i in range(start, stop):
            room[size] = data[i]
            size += 1
        room[size] = MARKER
        size += 1
        if table.used[0] >= len(table.slots) // 2:
            break
    return count, size


@uncounted
def _put_ids(ids: U32, marker_id: int, slots: I64, table: HanTable) -> None:
    """Give each new chain the place of its ids, which end with a marker's."""
    at = 0
    for row in range(len(slots)):
        start = table.used[1]
        stop = at
        while ids[stop] != marker_id:
            stop += 1
        count = stop - at
        if count == 1:
            table.slots[slots[row], 2] = np.int64(ids[at]) << 8 | 1
        elif count < 256 and start + count <= len(table.ids):
            for k in range(count):
                table.ids[start + k] = ids[at + k]
            table.used[1] = start + count
            table.slots[slots[row], 2] = start << 8 | count
        at = stop + 1
