"""Terms of a lexicon in texts: all occurrences in one pass, whatever the number of terms.

A term occurs where its tokens (``skypile.kernels.term_tokens``) stand one after the other. Terms
are known by the 64-bit hashes of their sequences of tokens: a polynomial of the tokens' hashes, so
that the hash of any run of tokens follows from that of a shorter one. Nothing is compared beyond
that: of 10^13 sequences that are looked up, 10^13 * (number of terms) / 2^64 = 1 in 2 million terms
is expected to be taken for a term by mistake.

For each chunk of tokens, passes in which the loads of one place do not wait for those of another:
where a term may begin (``skypile.kernels.term_filter``), and what the table says there: the terms
of 1 to 3 tokens, and the lengths of those that begin with 4.

An **occurrence** that lies within one of an allowed term does not count. Of those left, each
category has its **hits** from left to right, at each place the longest, none over another one of
the same category. What a category counts does not depend on the terms of the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.growing import grown
from skypile.kernels.hash_table import EMPTY, ask_for, find, hash_table
from skypile.kernels.term_filter import PREFIX, filters, first_kinds, key_of, pair_kinds
from skypile.kernels.term_tokens import (
    END_TOKEN,
    LONG_TOKEN,
    ROOM,
    fill,
    solid_chars,
    token_lists,
)
from skypile.kernels.vectors import trailing_zeros

__all__ = [
    "ALLOWED",
    "MAX_CATEGORIES",
    "MAX_TOKENS",
    "Terms",
    "compile_terms",
    "lexicon_counts",
    "term_keys",
]

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

MAX_TOKENS = 64
MAX_CATEGORIES = 63
# The bit of terms that are allowed; those below are the categories.
ALLOWED = np.uint64(1 << MAX_CATEGORIES)
_PREFIX_SALT = np.uint64(0x94D049BB133111EB)
_ID_BITS = np.uint64(40)
_ID_MASK = np.uint64((1 << 40) - 1)
_CHUNK = 1024
# Documents with fewer different hits need no larger set of them.
_SEEN = 1 << 12


class Terms(NamedTuple):
    """A lexicon as arrays, all uint64 and read-only.

    `table` (kernels.hash_table): the key of a term -> its number from 1 on, and from bit 40 on the
    number of its set of categories; the salted key of the first four tokens of longer terms -> bit
    n - 1 for each number n of tokens. `sets`: the categories of each set as bits. `firsts`, `pairs`
    and `shifts` come from kernels.term_filter.
    """

    table: U64
    sets: U64
    firsts: U64
    pairs: U64
    shifts: U64


@njit
def _term_keys(
    data: Any, starts: Any, stops: Any, tokens: Any, spans: Any, buffer: Any, kinds: Any,
    folded: Any, out: Any, sizes: Any,
) -> None:  # fmt: skip
    state = np.empty(6, np.int64)
    for row in range(starts.size):
        state[0], state[1] = starts[row], -1
        state[2], state[3], state[4], state[5] = 0, 0, 0, 0
        fill(data, stops[row], state, tokens, spans, buffer, kinds, folded)
        size = state[2]
        sizes[row] = MAX_TOKENS + 1 if state[0] < stops[row] else size
        key = np.uint64(0)
        for i in range(min(size, MAX_TOKENS)):
            if tokens[i] == LONG_TOKEN:
                sizes[row] = -1
            key = key_of(key, tokens[i])
            if i < PREFIX:
                out[row, i] = key
        out[row, PREFIX] = key


def term_keys(data: npt.NDArray[np.uint8], starts: I64, stops: I64) -> tuple[U64, I64]:
    """Return the keys of terms data[start:stop], and how many tokens each has.

    keys (terms, 5): of the first token, the first two, three and four, of all. A size of 0, -1 (a
    word of over MAX_WORD_BYTES) or over MAX_TOKENS is that of no term. `data` must be UTF-8 with 64
    readable bytes behind it.
    """
    out = np.zeros((starts.size, PREFIX + 1), np.uint64)
    sizes = np.zeros(starts.size, np.int64)
    _term_keys(data, starts, stops, *token_lists(MAX_TOKENS + 2 + ROOM), out, sizes)
    return out, sizes


def compile_terms(keys: U64, sizes: I64, categories: U64) -> Terms:
    """Return the lexicon of terms given by `term_keys`.

    `categories` holds bits of each term; those of a term that comes more than once are united.
    """
    order = np.argsort(keys[:, PREFIX], kind="stable")
    ordered = keys[order, PREFIX]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: ordered.size])
    bits = np.bitwise_or.reduceat(categories[order], begins) if ordered.size else categories
    sets, numbers = np.unique(bits, return_inverse=True)
    values = numbers.astype(np.uint64) << _ID_BITS | np.arange(1, begins.size + 1, dtype=np.uint64)
    long = sizes >= PREFIX
    lengths = np.uint64(1) << (sizes[long] - 1).astype(np.uint64)
    beginnings = keys[long, PREFIX - 1] ^ _PREFIX_SALT
    table = hash_table(np.r_[ordered[begins], beginnings], np.r_[values, lengths])
    sets.flags.writeable = False
    return Terms(table, sets, *filters(keys, sizes))


@njit
def _beginnings(tokens: Any, ready: Any, firsts: Any, shift: Any, places: Any) -> Any:
    """Write places of tokens that may begin a term, times 4, plus their kinds; return how many."""
    found = 0
    for i in range(ready):
        kinds = first_kinds(firsts, shift, tokens[i])
        places[found] = 4 * i + kinds
        found += kinds != 0
    return found


@njit
def _questions(
    tokens: Any, begun: Any, count: Any, pairs: Any, shift: Any, table: Any, keys: Any, asked: Any
) -> Any:
    """Write keys that may be in `table`, and their places times 8 plus 1 to 4 tokens.

    That of 4 tokens or more is the salted one. Return how many there are.
    """
    found = 0
    for j in range(count):
        i = begun[j] >> 2
        one = tokens[i]
        two = key_of(one, tokens[i + 1])
        three = key_of(two, tokens[i + 2])
        four = key_of(three, tokens[i + 3])
        kinds = pair_kinds(pairs, shift, two, three, four) & -(begun[j] >> 1 & 1)
        keys[found], asked[found] = one, 8 * i + 1
        found += begun[j] & 1
        keys[found], asked[found] = two, 8 * i + 2
        found += kinds & 1
        keys[found], asked[found] = three, 8 * i + 3
        found += kinds >> 1 & 1
        keys[found], asked[found] = four ^ _PREFIX_SALT, 8 * i + 4
        found += kinds >> 2 & 1
    for j in range(found):
        ask_for(table, keys[j])
    return found


@njit
def _occurrences(
    tokens: Any, limit: Any, table: Any, keys: Any, asked: Any, count: Any, found: Any, work: Any
) -> Any:
    """Write (place, tokens, value) of all occurrences, in order, shorter ones first."""
    size, looked = 0, 0
    for j in range(count):
        i, n = asked[j] >> 3, asked[j] & 7
        told, slots = find(table, keys[j])
        looked += slots
        if told == EMPTY:
            continue
        if size + MAX_TOKENS >= found.shape[0]:
            found = grown(found)
        if n < PREFIX:
            found[size, 0], found[size, 1], found[size, 2] = i, n, np.int64(told)
            size += 1
            continue
        key = keys[j] ^ _PREFIX_SALT
        lengths = told >> np.uint64(PREFIX - 1)
        while lengths != EMPTY and i + n <= limit:
            if lengths & np.uint64(1):
                told, slots = find(table, key)
                looked += slots
                found[size, 0], found[size, 1], found[size, 2] = i, n, np.int64(told)
                size += told != EMPTY
            key = key_of(key, tokens[i + n])
            n, lengths, looked = n + 1, lengths >> np.uint64(1), looked + 1
    work[0] += looked
    return found, size


@njit
def _is_new(seen: Any, key: Any, row: Any) -> Any:
    """Add `key` to those of the row; tell whether it was not there. `seen` holds row, key."""
    mask = seen.shape[0] - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.intp(mixed >> np.uint64(40)) & mask
    while seen[at, 0] == row:
        if seen[at, 1] == key:
            return False
        at = (at + 1) & mask
    seen[at, 0], seen[at, 1] = row, key
    return True


@njit
def _grown(seen: Any, row: Any) -> Any:
    larger = np.empty((4 * seen.shape[0], 2), np.int64)
    for at in range(larger.shape[0]):
        larger[at, 0] = -1
    for at in range(seen.shape[0]):
        if seen[at, 0] == row:
            _is_new(larger, seen[at, 1], row)
    return larger


@njit
def _hits(
    data: Any, spans: Any, kinds: Any, base: Any, sets: Any, found: Any, size: Any, row: Any,
    marks: Any, seen: Any, out: Any, listed: Any, work: Any,
) -> Any:  # fmt: skip
    """Count the hits among the occurrences of a chunk.

    `marks` (categories + 1,): where each category may hit again, and the end of what is allowed, in
    tokens of the text. work[1] is the number of hits listed, negative where none shall be; work[2]
    that of different ones of the row.
    """
    categories = out.shape[1]
    first = 0
    while first < size:
        i = found[first, 0]
        last = first
        while last < size and found[last, 0] == i:
            if sets[np.uint64(found[last, 2]) >> _ID_BITS] & ALLOWED:
                marks[categories] = max(marks[categories], base + i + found[last, 1])
            last += 1
        for at in range(last - 1, first - 1, -1):
            stop = base + i + found[at, 1]
            if stop <= marks[categories]:
                break
            bits = sets[np.uint64(found[at, 2]) >> _ID_BITS] & ~ALLOWED
            number = np.int64(np.uint64(found[at, 2]) & _ID_MASK)
            end, chars = spans[i + found[at, 1] - 1, 1], -1
            while bits != EMPTY:
                category = trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                if base + i < marks[category]:
                    continue
                marks[category] = stop
                if chars < 0:
                    chars = solid_chars(data, spans[i, 0], end, kinds)
                    work[0] += end - spans[i, 0]
                out[row, category, 0] += 1
                out[row, category, 2] += chars
                if _is_new(seen, number * categories + category, row):
                    out[row, category, 1] += 1
                    work[2] += 1
                    if 2 * work[2] > seen.shape[0]:
                        seen = _grown(seen, row)
                if work[1] >= 0:
                    if work[1] == listed.shape[0]:
                        listed = grown(listed)
                    listed[work[1], 0], listed[work[1], 1] = row, spans[i, 0]
                    listed[work[1], 2], listed[work[1], 3] = end, category
                    work[1] += 1
        first = last
    return seen, listed


@njit
def _scan(
    data: Any, offsets: Any, table: Any, sets: Any, firsts: Any, pairs: Any, shifts: Any,
    tokens: Any, spans: Any, buffer: Any, kinds: Any, folded: Any, out: Any, chars: Any,
    work: Any, state: Any, marks: Any, places: Any, keys: Any, asked: Any, found: Any,
    seen: Any, listed: Any,
) -> Any:  # fmt: skip
    for row in range(offsets.size - 1):
        for k in range(marks.size):
            marks[k] = 0
        state[0], state[1] = offsets[row], -1
        state[2], state[3], state[4], state[5] = 0, 0, 0, 0
        base, done, work[2] = 0, False, 0
        while not done:
            fill(data, offsets[row + 1], state, tokens, spans, buffer, kinds, folded)
            count = state[2]
            done = state[0] >= offsets[row + 1]
            ready = count if done else max(count - MAX_TOKENS, 0)
            for k in range(PREFIX):
                tokens[count + k] = END_TOKEN
            size = _beginnings(tokens, ready, firsts, shifts[0], places)
            work[0] += ready + size
            size = _questions(tokens, places, size, pairs, shifts[1], table, keys, asked)
            found, size = _occurrences(tokens, count, table, keys, asked, size, found, work)
            seen, listed = _hits(
                data, spans, kinds, base, sets, found, size, row, marks, seen, out, listed,
                work,
            )  # fmt: skip
            for i in range(count - ready):
                tokens[i] = tokens[ready + i]
                spans[i, 0], spans[i, 1] = spans[ready + i, 0], spans[ready + i, 1]
            base += ready
            state[2] = count - ready
        chars[row] = state[5]
    return listed


def lexicon_counts(
    data: npt.NDArray[np.uint8], offsets: I64, terms: Terms, categories: int, *, listing: bool
) -> tuple[I64, I64, I64, int]:
    """Return the counts of each text, its characters, its hits and the work that was done.

    counts (rows, categories, 3): hits, different terms among them, characters in them; chars
    (rows,): characters; both without white space. Hits (n, 4), empty unless `listing`: row, start
    and stop in `data`, category, by row and start. Work: tokens, places, slots and bytes looked at.
    `data` must be UTF-8 followed by 64 readable bytes.
    """
    rows = offsets.size - 1
    out = np.zeros((rows, categories, 3), np.int64)
    chars = np.zeros(rows, np.int64)
    work = np.array([0, 0 if listing else -1, 0], np.int64)
    lists = token_lists(_CHUNK + MAX_TOKENS + ROOM + PREFIX)
    room = lists[0].size
    hits = _scan(
        data, offsets, *terms, *lists, out, chars, work, np.empty(6, np.int64),
        np.empty(categories + 1, np.int64), np.empty(room, np.int64),
        np.empty(PREFIX * room, np.uint64), np.empty(PREFIX * room, np.int64),
        np.empty((4 * MAX_TOKENS, 3), np.int64), np.full((_SEEN, 2), -1, np.int64),
        np.empty((256, 4), np.int64),
    )  # fmt: skip
    return out, chars, hits[: max(int(work[1]), 0)], int(work[0])
