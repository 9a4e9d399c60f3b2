"""Chains of Chinese characters, and the table that `skypile.kernels.han` looks them up in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, uncounted, uncounted_inlined
from skypile.kernels.han_signs import COUNT, han_at, sign

__all__ = ["MAX_CHAIN", "PAIR_BITS", "HanTable", "Key"]
__all__ += ["chain_key", "insert", "mixed_of", "pair_bit", "place_of", "slot_of"]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Key = tuple[int, int]

MAX_CHAIN = 8  # characters of a chain that is tabulated
PAIR_BITS = 19


class HanTable(NamedTuple):
    """What a vocabulary says about Han: where it may be cut, and the ids of chains.

    ``joined``: one bit for each hash of a pair (of Han, or of Han and a sign), set where an entry
    may hold both. ``edges``: by number, bit 0 where an entry may hold its end and something behind,
    bit 1 where its beginning and something before, in pieces of bytes. ``slots``: the chains met,
    two halves of the key and the place (open addressing; 0 is empty, or not known). ``near``: those
    of up to four characters met last, key and place, in what fits a core's second cache. A place
    holds a count of ids in its lower 8 bits, and above them the id, or of more the index of the
    first in ``ids``. ``seen``: one bit for each hash of a chain that was missed once. ``used``: how
    many slots and ids are.
    """

    joined: U64
    edges: U8
    slots: I64
    near: I64
    ids: U32
    seen: U64
    used: I64


@uncounted
def pair_bit(left: int, right: int) -> int:
    """Return the bit of `HanTable.joined` that stands for a pair of numbers."""
    mixed = np.uint32(np.uint32(left * COUNT + right) * np.uint32(0x9E3779B1))
    return np.int64(mixed >> np.uint32(32 - PAIR_BITS))  # type: ignore[return-value]


@uncounted_inlined
def mixed_of(key: Key) -> int:
    """Return 64 bits of the key, the upper ones the best mixed."""
    mixed = np.uint64(key[0]) * np.uint64(0x9E3779B97F4A7C15)
    return mixed ^ np.uint64(key[1]) * np.uint64(0xC2B2AE3D27D4EB4F)  # type: ignore[return-value]


@uncounted_inlined
def slot_of(key: Key, slots: I64) -> int:
    """Return the slot that holds the key, or the empty one where it would stand."""
    mask = len(slots) - 1
    slot = np.int64(mixed_of(key) >> np.uint64(40)) & mask
    while slots[slot, 0] != 0 and (slots[slot, 0] != key[0] or slots[slot, 1] != key[1]):
        slot = (slot + 1) & mask
    return slot  # type: ignore[return-value]


@uncounted
def insert(key: Key, slots: I64) -> int:
    """Return the slot of the key, which is put there where it was not, without a place."""
    slot = slot_of(key, slots)
    slots[slot, 0], slots[slot, 1] = key
    return slot


@inlined
def chain_key(data: U8, i: int, stop: int) -> Key:
    """Return the key of a chain: 15 bits for each of up to 8 characters, counted from 1."""
    low = high = np.int64(0)
    shift = 0
    while i < stop:
        number = han_at(data, i, stop)
        if number < 0:
            number = sign(data, i, stop)
        if shift < 60:
            low |= np.int64(number + 1) << shift
        else:
            high |= np.int64(number + 1) << (shift - 60)
        shift += 15
        i += 1 if data[i] < 0x80 else 3
    return low, high  # type: ignore[return-value]


@inlined
def place_of(key: Key, table: HanTable) -> int:
    """Return the place of a chain's ids, 0 where they are not tabulated."""
    near = np.int64(mixed_of(key) >> np.uint64(40)) & (len(table.near) - 1)
    if key[1] == 0 and table.near[near, 0] == key[0]:
        return table.near[near, 1]  # type: ignore[no-any-return]
    place = table.slots[slot_of(key, table.slots), 2]
    if place <= 0:  # below 0 where an engine failed before it gave the ids
        return 0
    if key[1] == 0:
        table.near[near, 0], table.near[near, 1] = key[0], place
    return place  # type: ignore[no-any-return]
