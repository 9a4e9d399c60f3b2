"""Large fixed maps of 64-bit hashes by open addressing.

Flat arrays, so that they can be written to a file and mapped into many processes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.vectors import prefetch

__all__ = ["EMPTY", "ask_for", "find", "hash_table"]

U64 = npt.NDArray[np.uint64]

# Three slots in five are taken: 1.8 are looked at for a key that is there, and four lie in a line.
_SLOTS_PER_KEY = 5 / 3
EMPTY = np.uint64(0)


@inlined
def _slot_of(key: Any, slots: Any) -> Any:
    """Return where the search for `key` begins: the upper half of its bits, scaled to `slots`."""
    return np.intp((key >> np.uint64(32)) * np.uint64(slots) >> np.uint64(32))


@inlined
def ask_for(table: Any, key: Any) -> Any:
    """Have the memory at which the search for `key` begins fetched, without waiting for it."""
    return prefetch(table, 2 * _slot_of(key, table.size >> 1))


@inlined
def find(table: Any, key: Any) -> Any:
    """Return the value of `key`, EMPTY where there is none, and how many slots were looked at."""
    slots = table.size >> 1
    at, looked = _slot_of(key, slots), 1
    while table[2 * at + 1] != EMPTY:
        if table[2 * at] == key:
            return table[2 * at + 1], looked
        at = at + 1 if at + 1 < slots else 0
        looked += 1
    return EMPTY, looked


@njit
def _insert(keys: Any, values: Any, table: Any) -> None:
    slots = table.size >> 1
    for i in range(keys.size):
        key = keys[i]
        at = _slot_of(key, slots)
        while table[2 * at + 1] != EMPTY and table[2 * at] != key:
            at = at + 1 if at + 1 < slots else 0
        table[2 * at] = key
        table[2 * at + 1] |= values[i]


def hash_table(keys: U64, values: U64) -> U64:
    """Return the table of `keys`, whose upper bits must be random, with `values`, none of them 0.

    The values of equal keys are united bit by bit. uint64 (2 * slots,), read-only: a key and its
    value by turns.
    """
    slots = int(keys.size * _SLOTS_PER_KEY) + 2
    assert slots < 1 << 32
    table = np.zeros(2 * slots, np.uint64)
    _insert(keys, values, table)
    table.flags.writeable = False
    return table
