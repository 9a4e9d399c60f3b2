"""Runs of words and characters that texts share with the items of evaluation sets.

All n-grams of the items (``skypile.kernels.overlap_tokens``) are in one table of 64-bit hashes;
nothing is compared beyond these. Of 10^13 n-grams that are looked up against 5 million,
10^13 * 5 * 10^6 / 2^64 = 3 are expected to be taken for one by mistake.

For each chunk of tokens, passes in which the loads of one place do not wait for those of another:
keys, a filter of 8 to 16 bits for each key, the table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.hash_table import EMPTY, ask_for, find
from skypile.kernels.overlap_index import Index, Limits
from skypile.kernels.overlap_tokens import (
    GRAM,
    MAX_RUN,
    MULTIPLIERS,
    TAIL,
    extend,
    more,
    new_lists,
    shift,
    whole_keys,
    windows,
)
from skypile.kernels.term_tokens import solid_chars
from skypile.kernels.vectors import prefetch, trailing_zeros

__all__ = ["MAX_SETS", "Found", "overlaps"]

I64 = npt.NDArray[np.int64]

MAX_SETS = 64
_FAR = np.iinfo(np.int64).max


class Found(NamedTuple):
    """What `overlaps` finds.

    counts (rows, sets + 1, 3): n-grams, items, characters that are no white space, the last of
    them over all sets; shares (rows, sets + 1): the largest share of a text's n-grams; chars
    (rows,): characters of the row that are no white space. spans (n, 3): row, start and stop in
    `data`, apart from each other, by row and start. hits (n, 3): row, text, its different n-grams
    there. work: tokens, slots, entries and bytes looked at.
    """

    counts: I64
    shares: npt.NDArray[np.float64]
    chars: I64
    spans: I64
    hits: I64
    work: int


@inlined
def _may_be(words: Any, down: Any, key: Any) -> Any:
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    need = one << (key & low) | one << (key >> six & low)
    return words[key >> down] & need == need


@njit
def _asked(
    words: Any, down: Any, table: Any, keys: Any, begins: Any, first: Any, count: Any, asked: Any
) -> Any:
    """Write the tokens first:count whose n-gram may be in the table; return how many."""
    for i in range(first, count):
        prefetch(words, np.intp(keys[i] >> down))
    found = 0
    for i in range(first, count):
        asked[found] = i
        found += begins[i] >= 0 and _may_be(words, down, keys[i])
    for j in range(found):
        ask_for(table, keys[asked[j]])
    return found


@njit
def _grown(found: Any) -> Any:
    larger = np.empty((2 * found.shape[0], found.shape[1]), found.dtype)
    larger[: found.shape[0]] = found
    return larger


@inlined
def _note(found: Any, size: Any, gram: Any, start: Any, stop: Any) -> Any:
    found[size, 0], found[size, 1], found[size, 2] = gram, start, stop
    return size + 1


@njit
def _occurrences(
    table: Any, keys: Any, begins: Any, spans: Any, asked: Any, count: Any, found: Any, size: Any,
    work: Any,
) -> Any:  # fmt: skip
    """Append (n-gram, start, stop) for each of the asked that is in the table."""
    for j in range(count):
        i = asked[j]
        told, slots = find(table, keys[i])
        work[0] += slots
        if told == EMPTY:
            continue
        if size == found.shape[0]:
            found = _grown(found)
        size = _note(found, size, np.int64(told) - 1, spans[begins[i], 0], spans[i, 1])
    return found, size


@njit
def _whole_occurrences(
    table: Any, prefixes: Any, tails: Any, spans: Any, asked: Any, count: Any, multipliers: Any,
    whole: Any, found: Any, size: Any, work: Any,
) -> Any:  # fmt: skip
    """Append (n-gram, start, stop) for each short text that ends at one of the asked."""
    for j in range(count):
        i = asked[j]
        lengths, slots = find(table, tails[i])
        work[0] += slots
        runs = whole_keys(prefixes, i, lengths, multipliers, whole)
        for k in range(runs):
            told, slots = find(table, whole[k, 0])
            work[0] += slots + np.int64(whole[k, 1])
            if told == EMPTY:
                continue
            if size == found.shape[0]:
                found = _grown(found)
            begin = i + 1 - np.int64(whole[k, 1])
            size = _note(found, size, np.int64(told) - 1, spans[begin, 0], spans[i, 1])
    return found, size


@njit
def _tally(
    found: Any, size: Any, row: Any, groups: Any, starts: Any, members: Any, gram_marks: Any,
    text_marks: Any, text_counts: Any, touched: Any, work: Any,
) -> Any:  # fmt: skip
    """Count the different n-grams of each item's text among the occurrences of a row.

    Return the texts that have any, and how many these are.
    """
    texts = 0
    for at in range(size):
        gram = found[at, 0]
        if gram_marks[gram] == row + 1:
            continue
        gram_marks[gram] = row + 1
        group = groups[gram]
        for k in range(starts[group], starts[group + 1]):
            text = members[k]
            if text_marks[text] != row + 1:
                text_marks[text], text_counts[text] = row + 1, 0
                if texts == touched.shape[0]:
                    touched = _grown(touched)
                touched[texts, 0] = text
                texts += 1
            text_counts[text] += 1
        work[0] += starts[group + 1] - starts[group]
    return touched, texts


@njit
def _items(
    touched: Any, texts: Any, row: Any, least: Any, share: Any, text_items: Any, text_sets: Any,
    text_sizes: Any, text_counts: Any, item_marks: Any, counts: Any, shares: Any, hits: Any,
    listed: Any,
) -> Any:  # fmt: skip
    """Count the items of which a text is hit; the texts that are not get a count of 0."""
    every = counts.shape[1] - 1
    for at in range(texts):
        text = touched[at, 0]
        n, whole = text_counts[text], text_sizes[text]
        if n < min(least, whole) or n < share * whole:
            text_counts[text] = 0
            continue
        mine, item = text_sets[text], text_items[text]
        if item_marks[item] != row + 1:
            item_marks[item] = row + 1
            counts[row, mine, 1] += 1
            counts[row, every, 1] += 1
        part = n / whole
        shares[row, mine] = max(shares[row, mine], part)
        shares[row, every] = max(shares[row, every], part)
        if listed == hits.shape[0]:
            hits = _grown(hits)
        hits[listed, 0], hits[listed, 1], hits[listed, 2] = row, text, n
        listed += 1
    return hits, listed


@inlined
def _cover(
    data: Any, kinds: Any, start: Any, stop: Any, row: Any, at: Any, reach: Any, counts: Any
) -> Any:
    """Count an occurrence for a set, with its characters up to reach[at], which moves to `start`.

    Return how many bytes were looked at.
    """
    counts[row, at, 0] += 1
    if start >= reach[at]:
        return 0
    stop = min(stop, reach[at])
    counts[row, at, 2] += solid_chars(data, start, stop, kinds)
    reach[at] = start
    return stop - start


@inlined
def _sets_of(group: Any, starts: Any, members: Any, text_sets: Any, text_counts: Any) -> Any:
    """Return the sets of the texts of a group that are hit, as bits."""
    bits = np.uint64(0)
    for k in range(starts[group], starts[group + 1]):
        if text_counts[members[k]] > 0:
            bits |= np.uint64(1) << np.uint64(text_sets[members[k]])
    return bits


@njit
def _covered(
    data: Any, kinds: Any, found: Any, size: Any, row: Any, groups: Any, starts: Any, members: Any,
    text_sets: Any, text_counts: Any, gram_marks: Any, gram_sets: Any, reach: Any, counts: Any,
    spans: Any, listed: Any, work: Any,
) -> Any:  # fmt: skip
    """Count the occurrences of texts that are hit, the characters in them, and list their places.

    From the last one on: they are sorted by their ends, so that what is covered up to the end of
    one reaches without a gap from the least start among those behind it.
    """
    every = counts.shape[1] - 1
    reach[:] = _FAR
    for at in range(size - 1, -1, -1):
        gram, start, stop = found[at, 0], found[at, 1], found[at, 2]
        if gram_marks[gram] == row + 1:
            gram_marks[gram], group = -row - 1, groups[gram]
            gram_sets[gram] = _sets_of(group, starts, members, text_sets, text_counts)
            work[0] += starts[group + 1] - starts[group]
        bits = gram_sets[gram]
        if bits == np.uint64(0):
            continue
        if listed and spans[listed - 1, 0] == row and spans[listed - 1, 1] <= stop:
            spans[listed - 1, 1] = min(spans[listed - 1, 1], start)
        else:
            if listed == spans.shape[0]:
                spans = _grown(spans)
            spans[listed, 0], spans[listed, 1], spans[listed, 2] = row, start, stop
            listed += 1
        work[0] += _cover(data, kinds, start, stop, row, every, reach, counts)
        while bits != np.uint64(0):
            mine = trailing_zeros(bits)
            bits &= bits - np.uint64(1)
            work[0] += _cover(data, kinds, start, stop, row, mine, reach, counts)
    return spans, listed


@njit
def _row(
    data: Any, stop: Any, state: Any, buffer: Any, kinds: Any,
    folded: Any, classes: Any, hashes: Any, spans: Any, wide: Any, prefixes: Any, weights: Any,
    short: Any, multipliers: Any, keys: Any, begins: Any, asked: Any, whole: Any, window: Any,
    table: Any, words: Any, down: Any, any_short: Any, found: Any, work: Any,
) -> Any:  # fmt: skip
    """Write the occurrences of a text, by where they end; return how many there are."""
    size, count = 0, 0
    window[:] = 0
    prefixes[0] = 0
    while state[0] < stop:
        kept = min(count, MAX_RUN)
        shift(hashes, spans, wide, prefixes, count - kept, kept)
        window[0, 0] -= count - kept
        window[1, 0] -= count - kept
        count = more(
            data, stop, state, buffer, kinds, folded, classes, hashes, spans, wide,
            kept,
        )  # fmt: skip
        work[0] += count - kept
        extend(hashes, kept, count, prefixes)
        windows(wide, kept, count, weights, multipliers, window[0], prefixes, keys, begins, GRAM)
        many = _asked(words, down, table, keys, begins, kept, count, asked)
        before = size
        found, size = _occurrences(
            table, keys, begins, spans, asked, many, found, size, work
        )  # fmt: skip
        if any_short:
            windows(wide, kept, count, short, multipliers, window[1], prefixes, keys, begins, TAIL)
            many = _asked(words, down, table, keys, begins, kept, count, asked)
            middle = size
            found, size = _whole_occurrences(
                table, prefixes, keys, spans, asked, many, multipliers, whole, found, size, work
            )
            if middle > before and size > middle:
                found = _by_end(found, before, middle, size)
    return found, size


@njit
def _by_end(found: Any, first: Any, middle: Any, last: Any) -> Any:
    """Merge found[first:middle] and found[middle:last], both sorted by their ends."""
    made = np.empty((last - first, 3), np.int64)
    i, j = first, middle
    for at in range(last - first):
        left = j == last or (i < middle and found[i, 2] <= found[j, 2])
        made[at] = found[i] if left else found[j]
        i, j = i + left, j + (not left)
    found[first:last] = made
    return found


@njit
def _scan(
    data: Any, offsets: Any, buffer: Any, kinds: Any, folded: Any,
    classes: Any, hashes: Any, token_spans: Any, wide: Any, prefixes: Any, weights: Any,
    short: Any, multipliers: Any, table: Any, words: Any, groups: Any, starts: Any, members: Any,
    text_items: Any, text_sets: Any, text_sizes: Any, shorts: Any, gram_marks: Any,
    gram_sets: Any, text_marks: Any, text_counts: Any, item_marks: Any, least: Any, share: Any,
    counts: Any, shares: Any, chars: Any, work: Any,
) -> Any:  # fmt: skip
    state, reach = np.empty(4, np.int64), np.empty(counts.shape[1], np.int64)
    window = np.empty((2, 2), np.int64)
    keys, begins = np.empty(hashes.size, np.uint64), np.empty(hashes.size, np.int64)
    asked, whole = np.empty(hashes.size, np.int64), np.empty((MAX_RUN, 2), np.uint64)
    found, touched = np.empty((256, 3), np.int64), np.empty((256, 1), np.int64)
    spans, hits = np.empty((256, 3), np.int64), np.empty((256, 3), np.int64)
    down = np.uint64(64 - trailing_zeros(np.uint64(words.size)))
    span_count, hit_count = 0, 0
    for row in range(offsets.size - 1):
        state[0], state[1] = offsets[row], -1
        state[2], state[3] = 0, 0
        found, size = _row(
            data, offsets[row + 1], state, buffer, kinds, folded, classes, hashes,
            token_spans, wide, prefixes, weights, short, multipliers, keys, begins, asked, whole,
            window, table, words, down, shorts[0] > 0, found, work,
        )  # fmt: skip
        chars[row] = state[3]
        if size == 0:
            continue
        touched, texts = _tally(
            found, size, row, groups, starts, members, gram_marks, text_marks, text_counts,
            touched, work,
        )  # fmt: skip
        hits, hit_count = _items(
            touched, texts, row, least, share, text_items, text_sets, text_sizes, text_counts,
            item_marks, counts, shares, hits, hit_count,
        )  # fmt: skip
        spans, span_count = _covered(
            data, kinds, found, size, row, groups, starts, members, text_sets, text_counts,
            gram_marks, gram_sets, reach, counts, spans, span_count, work,
        )  # fmt: skip
    return spans[:span_count], hits[:hit_count]


def overlaps(
    data: npt.NDArray[np.uint8], offsets: I64, index: Index, limits: Limits, *, sets: int,
    min_hits: int, min_item_frac: float,
) -> Found:  # fmt: skip
    """Return what the texts data[offsets] share with the items of `index`.

    A text of an item is hit by one with `min_hits` of its different n-grams (all, where it has
    fewer) that are `min_item_frac` of them or more; an n-gram counts for a set where a text of the
    set that has it is hit, an item where one of its texts is. `limits` must be those that the index
    was made with. `data` must be UTF-8 followed by 64 readable bytes.
    """
    assert sets <= MAX_SETS
    rows, grams, texts = offsets.size - 1, index.groups.size, index.text_items.size
    items = int(index.text_items[-1]) + 1
    counts = np.zeros((rows, sets + 1, 3), np.int64)
    shares, chars = np.zeros((rows, sets + 1)), np.zeros(rows, np.int64)
    work = np.zeros(1, np.int64)
    full, short = limits.weights()
    # Zeros are not touched, and take no memory, where no n-gram is found.
    spans, hits = _scan(
        data, offsets, *new_lists(), full, short, MULTIPLIERS, *index, np.zeros(grams, np.int32),
        np.zeros(grams, np.uint64), np.zeros(texts, np.int32), np.zeros(texts, np.int64),
        np.zeros(items, np.int32), min_hits, min_item_frac, counts, shares, chars, work,
    )  # fmt: skip
    order = np.lexsort((spans[:, 1], spans[:, 0]))
    return Found(counts, shares, chars, spans[order], hits, int(work[0]))
