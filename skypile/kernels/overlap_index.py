"""Items of evaluation sets as a table of their n-grams, for ``skypile.kernels.overlap``.

A text of an item that is too short for an n-gram is sought as a whole: the table has the key of its
last tokens, with the lengths of all such texts that end so, and the key of each whole text.

A run with fewer than three different tokens that are no numbers is left out (fewer than all, of one
or two tokens): `0 0 0 0 ...` and `1, 2, 3 ...` are in tables everywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.hash_table import hash_table
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

__all__ = ["NOTHING", "Index", "Limits", "Texts", "compile_index", "text_keys"]

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

# At least: one key in 30 that is not there passes, and the filter of 2 million fits into 2 MB.
_FILTER_BITS = 8
_TELLING = 3
NOTHING = np.empty(0, np.uint64)


class Limits(NamedTuple):
    """How long n-grams are, in words and in characters, and what a short text has at least."""

    words: int
    chars: int
    short_words: int
    short_chars: int

    def weights(self) -> tuple[I64, I64]:
        """Return the weights of a word and of a character and what is needed, for both kinds."""
        pairs = ((self.words, self.chars), (self.short_words, self.short_chars))
        full, short = (np.array([c, w, w * c], np.int64) for w, c in pairs)
        return full, short


class Texts(NamedTuple):
    """The keys of texts of items, and which text each is of.

    `keys` are those of n-grams, and of whole texts that have none but are no shorter than Limits
    allow; of these `short_tails` has the keys of their last tokens and `short_sizes` the number of
    all.
    """

    keys: U64
    texts: I64
    short_tails: U64
    short_sizes: I64


class Index(NamedTuple):
    """Items of evaluation sets as arrays, read-only.

    `table` (kernels.hash_table): key -> number of the n-gram from 1 on; key of the last tokens of
    short texts -> bit n - 1 for each length n. `filter`: two bits of one word for each key.
    `groups` (n-grams,): which run of `members` has the texts of each, from starts[group] on.
    `text_items`, `text_sets`, `text_sizes` (texts,): the item and the set of each, and the number
    of its n-grams. `short`: how many texts are sought as a whole.
    """

    table: U64
    filter: U64
    groups: I64
    starts: I64
    members: I64
    text_items: I64
    text_sets: I64
    text_sizes: I64
    short: I64


@njit
def _is_number(data: Any, start: Any, stop: Any) -> Any:
    """Tell whether all characters are digits, also full-width ones (U+FF10 to U+FF19)."""
    while start < stop:
        if 0x30 <= data[start] <= 0x39:
            start += 1
        elif data[start] == 0xEF and data[start + 1] == 0xBC and 0x90 <= data[start + 2] <= 0x99:
            start += 3
        else:
            return False
    return True


@njit
def _tells(data: Any, hashes: Any, spans: Any, begin: Any, stop: Any) -> Any:
    """Tell whether enough tokens of begin:stop are no numbers, and differ."""
    found, one, two = 0, np.uint64(0), np.uint64(0)
    for i in range(begin, stop):
        token = hashes[i]
        if (found > 0 and token == one) or (found > 1 and token == two):
            continue
        if _is_number(data, spans[i, 0], spans[i, 1]):
            continue
        one, two, found = token, one, found + 1
        if found >= min(_TELLING, stop - begin):
            return True
    return False


@njit
def _whole_key(
    wide: Any, count: Any, short: Any, multipliers: Any, window: Any, prefixes: Any, keys: Any,
    begins: Any, whole: Any,
) -> Any:  # fmt: skip
    """Write the key of all tokens to whole[0, 0], that of the last ones to keys[count - 1].

    Return whether there are enough of them.
    """
    window[:] = 0
    windows(wide, 0, count, short, multipliers, window, prefixes, keys, begins, TAIL)
    lengths = np.uint64(1) << np.uint64(count - 1)
    return begins[count - 1] >= 0 and whole_keys(prefixes, count - 1, lengths, multipliers, whole)


@njit
def _text_keys(
    data: Any, offsets: Any, buffer: Any, kinds: Any, folded: Any,
    classes: Any, hashes: Any, spans: Any, wide: Any, prefixes: Any, weights: Any, short: Any,
    multipliers: Any, shorts: Any, keys: Any, texts: Any, tails: Any, sizes: Any,
) -> Any:  # fmt: skip
    state, window = np.empty(4, np.int64), np.empty(2, np.int64)
    chunk, begins = np.empty(hashes.size, np.uint64), np.empty(hashes.size, np.int64)
    whole = np.empty((MAX_RUN, 2), np.uint64)
    found, found_short = 0, 0
    for row in range(offsets.size - 1):
        state[0], state[1] = offsets[row], -1
        state[2], state[3] = 0, 0
        window[:] = 0
        prefixes[0] = 0
        count, produced = 0, 0
        while state[0] < offsets[row + 1]:
            kept = min(count, MAX_RUN)
            shift(hashes, spans, wide, prefixes, count - kept, kept)
            window[0] -= count - kept
            count = more(
                data, offsets[row + 1], state, buffer, kinds, folded, classes,
                hashes, spans, wide, kept,
            )  # fmt: skip
            extend(hashes, kept, count, prefixes)
            windows(wide, kept, count, weights, multipliers, window, prefixes, chunk, begins, GRAM)
            for i in range(kept, count):
                if begins[i] < 0:
                    continue
                produced += 1
                if _tells(data, hashes, spans, begins[i], i + 1):
                    keys[found], texts[found] = chunk[i], row
                    found += 1
        if produced or count == 0 or not (shorts[row] and _tells(data, hashes, spans, 0, count)):
            continue
        if _whole_key(wide, count, short, multipliers, window, prefixes, chunk, begins, whole):
            keys[found], texts[found] = whole[0, 0], row
            tails[found_short], sizes[found_short] = chunk[count - 1], count
            found, found_short = found + 1, found_short + 1
    return found, found_short


def text_keys(
    data: npt.NDArray[np.uint8], offsets: I64, shorts: npt.NDArray[np.bool_], limits: Limits
) -> Texts:
    """Return the keys of the texts data[offsets]; `shorts` (texts,): which are sought as a whole.

    `data` must be UTF-8 followed by 64 readable bytes.
    """
    assert max(limits) <= MAX_RUN and min(limits) >= 1
    room = int(offsets[-1] - offsets[0]) + 1
    keys, texts = np.empty(room, np.uint64), np.empty(room, np.int64)
    tails, sizes = np.empty(offsets.size, np.uint64), np.empty(offsets.size, np.int64)
    full, short = limits.weights()
    found, found_short = _text_keys(
        data, offsets, *new_lists(), full, short, MULTIPLIERS, shorts, keys, texts, tails, sizes
    )
    return Texts(keys[:found], texts[:found], tails[:found_short], sizes[:found_short])


def compile_index(
    texts: Texts, text_items: I64, item_sets: I64, max_items: int, ignored: U64 = NOTHING
) -> tuple[Index, I64]:
    """Return the index of items, and how many n-grams of each set are in over `max_items` items.

    `text_items` (texts,) names the item of each text; it does not fall, and neither does
    `item_sets`. Such n-grams are left out for their set: they speak of its form, not of one of its
    items. So are the keys `ignored`.
    """
    order = np.argsort(texts.keys, kind="stable")
    keys, owners = texts.keys[order], texts.texts[order]
    new = _changes(keys) | _changes(owners)
    new &= ~np.isin(keys, ignored)
    keys, owners = keys[new], owners[new]
    text_sets = item_sets[text_items]
    sets, items = text_sets[owners], text_items[owners]
    begins = np.flatnonzero(_changes(keys) | _changes(sets))
    first_of_item = _changes(keys) | _changes(items)
    sizes = np.diff(np.r_[begins, keys.size])
    spread = np.add.reduceat(first_of_item.astype(np.int64), begins) if keys.size else sizes
    common = np.bincount(sets[begins][spread > max_items], minlength=int(item_sets[-1]) + 1)
    rare = np.repeat(spread <= max_items, sizes)
    keys, owners = keys[rare], owners[rare]
    begins = np.flatnonzero(_changes(keys))
    lengths = np.uint64(1) << (texts.short_sizes - 1).astype(np.uint64)
    every = np.r_[keys[begins], texts.short_tails]
    values = np.r_[np.arange(1, begins.size + 1, dtype=np.uint64), lengths]
    index = Index(
        hash_table(every, values), _filter(every), *_groups(owners, begins), text_items.copy(),
        text_sets, np.bincount(owners, minlength=text_items.size).astype(np.int64),
        np.array([texts.short_tails.size], np.int64),
    )  # fmt: skip
    for array in index:  # as those of a file are: Numba tells the two apart
        array.flags.writeable = False
    return index, common.astype(np.int64)


def _changes(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which values differ from the one before; the first does."""
    found: npt.NDArray[np.bool_] = np.r_[True, values[1:] != values[:-1]][: values.size]
    return found


def _groups(owners: I64, begins: I64) -> tuple[I64, I64, I64]:
    """Return the group of each run of `owners` that begins at `begins`; equal runs have one.

    And where each group's owners begin in the list of all, which comes third. Runs are told apart
    by the sum of the hashes of what is in them: that two of 10^7 share one has a chance of 10^-6.
    """
    if not begins.size:
        return np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.int64)
    mixed = (owners.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for down, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64
        mixed = (mixed ^ mixed >> np.uint64(down)) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    _, firsts, groups = np.unique(
        np.add.reduceat(mixed, begins), return_index=True, return_inverse=True
    )
    sizes = np.diff(np.r_[begins, owners.size])[firsts]
    starts = np.r_[0, np.cumsum(sizes)].astype(np.int64)
    places = np.arange(starts[-1]) - np.repeat(starts[:-1] - begins[firsts], sizes)
    return groups.astype(np.int64), starts, owners[places]


def _filter(keys: U64) -> U64:
    words = 1 << max(int(keys.size * _FILTER_BITS // 64).bit_length(), 4)
    found = np.zeros(words, np.uint64)
    shift = np.uint64(64 - words.bit_length() + 1)
    six, low = np.uint64(6), np.uint64(63)
    bits = np.uint64(1) << (keys & low) | np.uint64(1) << (keys >> six & low)
    np.bitwise_or.at(found, (keys >> shift).astype(np.int64), bits)
    return found
