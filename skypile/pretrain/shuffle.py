"""A keyed permutation of 0 .. n - 1 that needs no memory: any element of the order at once.

A balanced Feistel network of four rounds permutes the smallest domain of 4^k >= n numbers (Luby
and Rackoff 1988); a number that falls outside of n is permuted again until it falls inside (cycle
walking, Black and Rogaway 2002), which takes fewer than four turns on average.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["permuted"]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_ROUNDS = 4


def permuted(places: I64, *, count: int, key: str) -> I64:
    """Return where each of `places` (0 .. count - 1) stands in the permutation that `key` names."""
    assert count >= 1
    half_bits = max(1, ((count - 1).bit_length() + 1) // 2)
    digest = hashlib.blake2b(key.encode(), digest_size=8 * _ROUNDS).digest()
    round_keys = np.frombuffer(digest, "<u8")
    numbers = _turned(places.astype(np.uint64), half_bits, round_keys)
    while (outside := numbers >= count).any():
        numbers[outside] = _turned(numbers[outside], half_bits, round_keys)
    return numbers.astype(np.int64)


def _turned(numbers: U64, half_bits: int, round_keys: U64) -> U64:
    bits, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    left, right = numbers >> bits, numbers & mask
    for round_key in round_keys:
        left, right = right, left ^ (_mixed(right ^ round_key) & mask)
    return (left << bits) | right


def _mixed(numbers: U64) -> U64:
    """Return each number with its bits spread over all 64: the end of splitmix64 (Steele 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
