"""Whether a term may begin at a token: filters small enough for the processor's caches.

A table of 2 million terms lies in memory, where each look costs 20 to 40 ns; most tokens begin no
term. Two filters stand before it, with false alarms but without misses:

* `firsts`: per token, whether it begins a longer term (1 bit) and whether it is one (2 bits);
* `pairs`: per two tokens one line of 64 bytes, and in it 2 bits each for what begins with them: two
  tokens of a longer or equal term, a term of 2, one of 3, four tokens of a longer or equal one.

At 7 bits for each of these a wrong alarm in `pairs` has a chance of 6 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit

__all__ = ["PREFIX", "filters", "first_kinds", "key_of", "pair_kinds"]

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

# Terms of so many tokens or more are found by their first ones.
PREFIX = 4
_LINE = 8  # words
_FIRST_BITS, _PAIR_BITS = 12, 7
_K = np.uint64(0x9E3779B97F4A7C15)


@inlined
def key_of(before: Any, token: Any) -> Any:
    """Return the hash of a sequence of tokens from that of those before the last one."""
    return before * _K + token


@inlined
def _bit(value: Any, shift: Any) -> Any:
    return np.uint64(1) << (value >> np.uint64(shift) & np.uint64(63))


@inlined
def first_kinds(firsts: Any, shift: Any, token: Any) -> Any:
    """Return 1 where `token` may be a term, 2 where it may begin a longer one, or both."""
    word = firsts[np.intp(token >> shift)]
    need = _bit(token, 6) | _bit(token, 12)
    return np.int64(word & need == need) | np.int64(word & _bit(token, 0) != 0) << 1


@inlined
def _has(pairs: Any, line: Any, key: Any, shift: Any) -> Any:
    key >>= np.uint64(shift)
    seven = np.uint64(_LINE - 1)
    one = pairs[line + np.intp(key & seven)] & _bit(key, 3)
    two = pairs[line + np.intp(key >> np.uint64(9) & seven)] & _bit(key, 12)
    return (one != 0) & (two != 0)


@inlined
def pair_kinds(pairs: Any, shift: Any, two: Any, three: Any, four: Any) -> Any:
    """Return by the keys of 2, 3 and 4 tokens: bits 0, 1 for a term of 2, 3, bit 2 for longer."""
    line = np.intp(two >> shift) * _LINE
    begins = np.int64(_has(pairs, line, two, 0))
    found = np.int64(_has(pairs, line, two, 18)) | np.int64(_has(pairs, line, three, 0)) << 1
    return (found | np.int64(_has(pairs, line, four, 0)) << 2) & -begins


@njit
def _set(pairs: Any, line: Any, key: Any, shift: Any) -> None:
    key >>= np.uint64(shift)
    seven = np.uint64(_LINE - 1)
    pairs[line + np.intp(key & seven)] |= _bit(key, 3)
    pairs[line + np.intp(key >> np.uint64(9) & seven)] |= _bit(key, 12)


@njit
def _fill(keys: Any, sizes: Any, firsts: Any, pairs: Any, shifts: Any) -> None:
    for row in range(sizes.size):
        one, two, size = keys[row, 0], keys[row, 1], sizes[row]
        word = np.intp(one >> shifts[0])
        if size == 1:
            firsts[word] |= _bit(one, 6) | _bit(one, 12)
            continue
        firsts[word] |= _bit(one, 0)
        line = np.intp(two >> shifts[1]) * _LINE
        _set(pairs, line, two, 0)
        if size == 2:
            _set(pairs, line, two, 18)
        elif size == 3:
            _set(pairs, line, keys[row, 2], 0)
        else:
            _set(pairs, line, keys[row, 3], 0)


def _words(keys: int, bits: int) -> int:
    """Return a power of two of words, of which each key has 0.7 to 1.4 times `bits` bits."""
    return 1 << max(round(float(np.log2(max(keys, 1) * bits / 64))), 4)


def filters(keys: U64, sizes: I64) -> tuple[U64, U64, U64]:
    """Return `firsts`, `pairs` and their shifts (2,), read-only, for terms of `sizes` tokens.

    keys (terms, 4 or more): of the first token, the first two, three and four; what lies behind the
    end of a term is not looked at.
    """
    singles = int(np.unique(keys[:, 0]).size)
    longer = sizes > 1
    distinct = int(np.unique(keys[longer, 1]).size) + int(np.count_nonzero(sizes[longer] < PREFIX))
    distinct += int(np.unique(keys[sizes >= PREFIX, 3]).size)
    firsts = np.zeros(_words(singles, _FIRST_BITS), np.uint64)
    pairs = np.zeros(max(_words(distinct, _PAIR_BITS), _LINE * 2), np.uint64)
    lines = pairs.size // _LINE
    shifts = np.array([65 - firsts.size.bit_length(), 65 - lines.bit_length()], np.uint64)
    _fill(keys, sizes, firsts, pairs, shifts)
    for array in (firsts, pairs, shifts):
        array.flags.writeable = False
    return firsts, pairs, shifts
