"""The words and characters in which overlap is sought, and keys of their runs.

Tokens are those of ``skypile.kernels.term_tokens`` (case and full-width forms folded) without the
signs and the ends of lines: a maximal run of letters and digits is a **word**, one Han, kana or
Hangul character is a **character**, in the one sequence in which they stand in the text.

A word weighs 1 / `words`, a character 1 / `chars`. An **n-gram** ends at every token behind which
tokens of weight 1 stand: it is the shortest run that ends there and weighs 1 or more. With 13 and
13 these are the runs of 13 tokens, whatever their kinds; with 13 and 20, 13 words, 20 characters,
or as many as fit of both. Weights are whole numbers here: `chars` and `words` against `words` *
`chars`, so that sums are exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.shingles import CJK, CODE_POINT_CLASSES, code_point
from skypile.kernels.term_tokens import (
    BLANK,
    LONG_TOKEN,
    WORD,
    char_hash,
    folded_hash,
    token_lists,
    word_hash,
)
from skypile.kernels.vectors import (
    WINDOW,
    alphanumeric_mask,
    blank_mask,
    eight_bytes,
    high_mask,
    leading_zeros,
    ones_count,
    trailing_zeros,
)

__all__ = [
    "GRAM", "MAX_RUN", "MULTIPLIERS", "TAIL", "WHOLE", "Lists", "extend", "key_of", "more",
    "new_lists", "shift", "whole_keys", "windows",
]  # fmt: skip

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

# Runs have so many tokens at most: their lengths are bits of one number.
MAX_RUN = 64
CHUNK = 1024
# Salts of the keys: of n-grams, of whole short texts, of the last tokens of these.
GRAM = np.uint64(0x2545F4914F6CDD1D)
WHOLE = np.uint64(0x94D049BB133111EB)
TAIL = np.uint64(0xDA942042E4DD58B5)
_BASE = 0x9E3779B97F4A7C15
_FOLD = np.uint64(0xE7037ED1A0B428DB)


def _multipliers() -> U64:
    found = np.array([pow(_BASE, k, 1 << 64) for k in range(MAX_RUN + 1)], np.uint64)
    found.flags.writeable = False
    return found


MULTIPLIERS = _multipliers()
_B = np.uint64(_BASE)


class Lists(NamedTuple):
    """Room for the tokens of a chunk, and the tables of term_tokens and shingles.

    `hashes` (uint64), `spans` (start, stop), `wide` (1 for a character, 0 for a word), `prefixes`:
    the polynomial of all tokens before each.
    """

    buffer: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.uint8]
    folded: npt.NDArray[np.uint32]
    classes: npt.NDArray[np.uint8]
    hashes: U64
    spans: I64
    wide: I64
    prefixes: U64


def new_lists() -> Lists:
    """Return room for a chunk."""
    # Those that are carried over, and what the last window may hold.
    room = MAX_RUN + CHUNK + WINDOW
    return Lists(
        *token_lists(1)[2:], CODE_POINT_CLASSES, np.empty(room, np.uint64),
        np.empty((room, 2), np.int64), np.empty(room, np.int64), np.empty(room + 1, np.uint64),
    )  # fmt: skip


@njit
def _long_word(data: Any, start: Any, stop: Any) -> Any:
    """Return the hash of a word that term_tokens has none of its own for: of its very bytes."""
    value = np.uint64(stop - start) * _FOLD
    while stop - start > 8:
        value = (value ^ eight_bytes(data, start)) * _FOLD
        value ^= value >> np.uint64(29)
        start += 8
    value = (value ^ eight_bytes(data, start) << np.uint64(64 - 8 * (stop - start))) * _FOLD
    return value ^ value >> np.uint64(32)


@inlined
def _close(
    data: Any, start: Any, stop: Any, mixed: Any, buffer: Any, folded: Any, hashes: Any,
    spans: Any, wide: Any, count: Any,
) -> Any:  # fmt: skip
    """Append a word; return how many tokens there are."""
    if mixed:
        token = folded_hash(data, start, stop, buffer, folded)
    else:
        token = word_hash(data, start, stop - start)
    if token == LONG_TOKEN:
        token = _long_word(data, start, stop)
    hashes[count], wide[count] = token, 0
    spans[count, 0], spans[count, 1] = start, stop
    return count + 1


@inlined
def _ascii(
    data: Any, at: Any, size: Any, start: Any, mixed: Any, buffer: Any, folded: Any, hashes: Any,
    spans: Any, wide: Any, count: Any,
) -> Any:  # fmt: skip
    """Append the words that end among the next `size` ASCII bytes.

    Return the start of the open word, whether it is not ASCII alone, and the number of tokens.
    """
    one = np.uint64(1)
    inside = alphanumeric_mask(data, at) & (~np.uint64(0) >> np.uint64(WINDOW - size))
    if start >= 0:
        head = min(trailing_zeros(~inside), size)
        if head == size:
            return start, mixed, count
        count = _close(data, start, at + head, mixed, buffer, folded, hashes, spans, wide, count)
        start, inside = -1, inside >> np.uint64(head) << np.uint64(head)
    if inside >> np.uint64(size - 1) & one:
        # The word at the end may go on.
        gaps = ~inside << np.uint64(WINDOW - size)
        tail = leading_zeros(gaps) if gaps else size
        start = at + size - tail
        inside &= ~(~np.uint64(0) << np.uint64(size - tail))
    bits = inside & ~(inside << one)
    while bits != np.uint64(0):
        first = trailing_zeros(bits)
        bits &= bits - one
        word = trailing_zeros(~(inside >> np.uint64(first)))
        hashes[count], wide[count] = word_hash(data, at + first, word), 0
        spans[count, 0], spans[count, 1] = at + first, at + first + word
        count += 1
    return start, False, count


@inlined
def _char(data: Any, at: Any, size: Any, hashes: Any, spans: Any, wide: Any, count: Any) -> Any:
    """Append a character; return how many tokens there are."""
    hashes[count], wide[count] = char_hash(data, at, size), 1
    spans[count, 0], spans[count, 1] = at, at + size
    return count + 1


@njit
def more(
    data: Any, stop: Any, state: Any, buffer: Any, kinds: Any, folded: Any, classes: Any,
    hashes: Any, spans: Any, wide: Any, count: Any,
) -> Any:  # fmt: skip
    """Append tokens until the text or the room for them ends; return how many there are.

    `state` (4,) int64 is position, start of an open word or -1, whether that is not ASCII alone,
    and the number of characters so far that are no white space. It starts as (offset, -1, 0, 0);
    the text is done when state[0] has reached `stop`.
    """
    room = hashes.size - WINDOW
    at, start, mixed, solid = state[0], state[1], state[2] != 0, state[3]
    while at < stop and count < room:
        if data[at] < 0x80:
            size = min(stop - at, trailing_zeros(high_mask(data, at)))
            keep = ~np.uint64(0) >> np.uint64(WINDOW - size)
            solid += ones_count(keep & ~blank_mask(data, at))
            start, mixed, count = _ascii(
                data, at, size, start, mixed, buffer, folded, hashes, spans, wide, count
            )
            at += size
            continue
        code, size = code_point(data, at)
        kind = kinds[code]
        if kind == WORD:
            start, mixed = at if start < 0 else start, True
        elif start >= 0:
            count = _close(data, start, at, mixed, buffer, folded, hashes, spans, wide, count)
            start, mixed = -1, False
        if classes[code] & CJK:
            count = _char(data, at, size, hashes, spans, wide, count)
        at += size
        solid += kind & BLANK == 0
        while 0xE5 <= data[at] <= 0xE9 and start < 0 and at < stop and count < room:
            # U+5000 to U+9FFF: Han, nothing else.
            count = _char(data, at, 3, hashes, spans, wide, count)
            at, solid = at + 3, solid + 1
    if at >= stop and start >= 0:
        count = _close(data, start, stop, mixed, buffer, folded, hashes, spans, wide, count)
        start, mixed = -1, False
    state[0], state[1], state[2], state[3] = at, start, np.int64(mixed), solid
    return count


@inlined
def key_of(run: Any, salt: Any) -> Any:
    """Return the key of a run whose polynomial is `run`: all its bits hang on all of it."""
    value = run ^ salt
    value = (value ^ value >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    value = (value ^ value >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ value >> np.uint64(32)


@inlined
def shift(hashes: Any, spans: Any, wide: Any, prefixes: Any, begin: Any, kept: Any) -> None:
    """Move the `kept` tokens from `begin` on to the front."""
    prefixes[0] = prefixes[begin]
    for i in range(kept):
        hashes[i], wide[i] = hashes[begin + i], wide[begin + i]
        spans[i, 0], spans[i, 1] = spans[begin + i, 0], spans[begin + i, 1]
        prefixes[i + 1] = prefixes[begin + i + 1]


@inlined
def _run(prefixes: Any, multipliers: Any, begin: Any, stop: Any) -> Any:
    """Return the polynomial of the tokens begin:stop."""
    return prefixes[stop] - prefixes[begin] * multipliers[stop - begin]


@njit
def extend(hashes: Any, first: Any, count: Any, prefixes: Any) -> None:
    """Write the polynomial of all tokens up to each one of first:count, behind those before."""
    value = prefixes[first]
    for i in range(first, count):
        value = value * _B + hashes[i]
        prefixes[i + 1] = value


@njit
def windows(
    wide: Any, first: Any, count: Any, weights: Any, multipliers: Any, window: Any, prefixes: Any,
    keys: Any, begins: Any, salt: Any,
) -> Any:  # fmt: skip
    """Write the key of the n-gram that ends at each token first:count, and where it begins.

    It begins at -1 where there are too few tokens. `weights` is that of a word, that of a
    character, and what makes an n-gram; `window` holds (begin, sum of weights) of the run that is
    open.
    """
    if weights[0] == weights[1]:
        # By far the commonest case, and twice as fast.
        n = weights[2] // weights[0]
        factor = multipliers[n]
        for i in range(first, min(n - 1, count)):
            begins[i] = -1
        for i in range(max(first, n - 1), count):
            keys[i] = key_of(prefixes[i + 1] - prefixes[i + 1 - n] * factor, salt)
            begins[i] = i + 1 - n
        return
    begin, total = window[0], window[1]
    for i in range(first, count):
        total += weights[wide[i]]
        while total - weights[wide[begin]] >= weights[2]:
            total -= weights[wide[begin]]
            begin += 1
        begins[i] = begin if total >= weights[2] else -1
        keys[i] = key_of(_run(prefixes, multipliers, begin, i + 1), salt)
    window[0], window[1] = begin, total


@njit
def whole_keys(prefixes: Any, end: Any, lengths: Any, multipliers: Any, out: Any) -> Any:
    """Write (key, length) of the runs of the given lengths that end at token `end`.

    `lengths` has bit n - 1 for length n. Return how many runs there are.
    """
    found, n = 0, 1
    while lengths != np.uint64(0) and n <= end + 1:
        if lengths & np.uint64(1):
            run = _run(prefixes, multipliers, end + 1 - n, end + 1)
            out[found, 0], out[found, 1] = key_of(run, WHOLE), np.uint64(n)
            found += 1
        lengths, n = lengths >> np.uint64(1), n + 1
    return found
