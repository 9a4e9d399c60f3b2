"""The rows of a text's words, in fastText's order: its kernels up to the sum of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import uncounted, uncounted_inlined
from skypile.kernels.fasttext_layout import (
    ADDED,
    ASCII,
    HASHED,
    LISTED,
    LONG,
    OF_ROOM,
    OTHER,
    SIEVE_BITS,
    USED,
    WAITING,
    WORD_SIEVE_BITS,
)
from skypile.kernels.fasttext_vectors import LANES, add_rows, put_eight_bytes
from skypile.kernels.vectors import eight_bytes, ones_count

__all__ = [
    "add_words",
    "enter",
    "entry_of",
    "keep_hash",
    "wait",
    "write_unknown",
]

FNV_BASIS, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
WORD_NGRAM_FACTOR = np.uint64(116049371)
MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
HIGH_BITS = np.uint64(0x8080808080808080)

# --- known words ---------------------------------------------------------------------------------


@uncounted_inlined
def _mixed(first: Any, size: Any) -> Any:
    mixed = (first ^ np.uint64(size) * MIX_1) * MIX_2
    return mixed ^ (mixed >> np.uint64(32))


@uncounted_inlined
def entry_of(
    data: Any, start: Any, size: Any,
    slots: Any, sieve: Any, firsts: Any, borders: Any, letters: Any,
) -> Any:  # fmt: skip
    """Return the number of the word or label that stands at `start`, -1 where it is unknown."""
    first = eight_bytes(data, start)
    if size < 8:
        first &= ~(~np.uint64(0) << np.uint64(8 * size))
    at = _mixed(first, size)
    bit = at >> np.uint64(64 - WORD_SIEVE_BITS)
    found = np.int64(-1)
    if (sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
        mask = np.uint64(slots.size - 1)
        at &= mask
        while found < 0 and slots[at]:
            entry = np.int64(slots[at]) - 1
            begin = borders[entry]
            if firsts[entry] == first and borders[entry + 1] - begin == size:
                place = np.int64(8)
                while place < size and letters[begin + place] == data[start + place]:
                    place += 1
                if place >= size:
                    found = entry
            at = (at + np.uint64(1)) & mask
    return found


@uncounted
def enter(slots: Any, sieve: Any, firsts: Any, borders: Any) -> None:
    """Enter all words and labels into `slots` and `sieve`."""
    mask = np.uint64(slots.size - 1)
    for entry in range(firsts.size):
        at = _mixed(firsts[entry], borders[entry + 1] - borders[entry])
        bit = at >> np.uint64(64 - WORD_SIEVE_BITS)
        sieve[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        at &= mask
        while slots[at]:
            at = (at + np.uint64(1)) & mask
        slots[at] = entry + 1


# --- n-grams of characters -----------------------------------------------------------------------


@uncounted_inlined
def _fnv(value: Any, byte: Any) -> Any:
    """One step of FNV-1a over a byte, which fastText takes for a signed number."""
    return np.uint32(np.uint32(value ^ np.uint32(np.int32(np.int8(byte)))) * FNV_PRIME)


@uncounted_inlined
def _bucket(value: Any, reciprocal: Any, size: Any) -> Any:
    """Return value % size: the quotient, or one less, comes from a multiplication."""
    quotient = np.uint32((np.uint64(value) * reciprocal) >> np.uint64(32))
    rest = np.uint32(value - np.uint32(quotient * size))
    return rest if rest < size else np.uint32(rest - size)


@uncounted_inlined
def _may_be_kept(bucket: Any, sieve: Any) -> Any:
    """Return 1 where a bucket may have been kept, else 0: `sieve` lies in the nearest cache."""
    # Indices are unsigned where it counts: Numba looks whether others are negative.
    at = np.uint64(bucket) & np.uint64(SIEVE_BITS - 1)
    return np.int64((sieve[at >> np.uint64(6)] >> (at & np.uint64(63))) & np.uint64(1))


@uncounted_inlined
def _ngrams(
    word: Any, begin: Any, at: Any, end: Any, numbers: Any, count: Any,
    sieve: Any, size: Any, minn: Any, maxn: Any,
) -> Any:  # fmt: skip
    """Append the n-grams of word[begin:end] from `at` on; return where room ended, and the count.

    Behind `end` no character goes on.
    """
    reciprocal, last = np.uint64((1 << 32) // np.int64(size)), numbers.size - maxn
    while at < end and count <= last:
        if word[at] & 0xC0 != 0x80:
            value, stop = FNV_BASIS, np.uint64(at)
            for n in range(1, maxn + 1):
                if stop >= end:
                    break
                value = _fnv(value, word[stop])
                stop += np.uint64(1)
                while word[stop] & 0xC0 == 0x80:
                    value = _fnv(value, word[stop])
                    stop += np.uint64(1)
                if n >= minn and not (n == 1 and (at == begin or stop == end)):
                    bucket = _bucket(value, reciprocal, size)
                    numbers[np.uint64(count)] = bucket
                    count += _may_be_kept(bucket, sieve)
        at += 1
    return at, count


@uncounted
def _hash_letters(
    letters: Any, used: Any, hashes: Any, all_buckets: Any, size: Any, maxn: Any
) -> None:
    """Set the buckets of the n-grams from each letter on, as if all were ASCII."""
    reciprocal = np.uint64((1 << 32) // np.int64(size))
    for at in range(used):
        hashes[at] = FNV_BASIS
    for n in range(maxn):
        buckets = all_buckets[n]
        for at in range(used):
            value = _fnv(hashes[at], letters[at + n])
            hashes[at] = value
            buckets[at] = _bucket(value, reciprocal, size)


@uncounted_inlined
def _hashed_ngrams(
    buckets: Any, begin: Any, at: Any, end: Any, numbers: Any, count: Any,
    sieve: Any, minn: Any, maxn: Any,
) -> Any:  # fmt: skip
    """Append the n-grams of the letters begin:end from `at` on, all ASCII; as `_ngrams`."""
    least, last = max(minn, 2), numbers.size - maxn
    while at < end and count <= last:
        if minn <= 1 and begin < at < end - 1:
            bucket = buckets[0, at]
            numbers[count] = bucket
            count += _may_be_kept(bucket, sieve)
        left = np.uint64(end - at)
        for n in range(least, maxn + 1):
            bucket = buckets[np.uint64(n - 1), np.uint64(at)]
            numbers[np.uint64(count)] = bucket
            count += _may_be_kept(bucket, sieve) & (np.uint64(n) <= left)
        at += 1
    return at, count


# --- sums of rows --------------------------------------------------------------------------------


@uncounted
def _rows(numbers: Any, count: Any, all_bits: Any, ranks: Any, words: Any) -> Any:
    """Put rows in place of numbers[:count], without the n-grams not kept; return how many."""
    kept = np.int64(0)
    for at in range(count):
        number = np.int64(numbers[at])
        bucket = np.uint64(number if number >= 0 else 0)
        block, place = bucket >> np.uint64(6), bucket & np.uint64(63)
        bits = all_bits[block]
        row = words + ranks[block] + ones_count(bits & ~(~np.uint64(0) << place))
        numbers[np.uint64(kept)] = ~number if number < 0 else row
        kept += (number < 0) | np.int64((bits >> place) & np.uint64(1))
    return kept


@uncounted
def _sum(numbers: Any, kept: Any, rows: Any, total: Any, listed: Any, state: Any) -> None:
    """Add the rows numbers[:kept] to the total, or list them."""
    if listed.size:
        for place in range(kept):
            listed[state[LISTED] + place] = numbers[place]
        state[LISTED] += kept
    else:
        for first in range(0, total.size, LANES):
            add_rows(total, rows, numbers, kept, first)
    state[ADDED] += kept


@uncounted_inlined
def _known_word(
    borders: Any, subwords: Any, entry: Any, at: Any, numbers: Any, count: Any, maxn: Any
) -> Any:
    """Append the rows of a known word from `at` on; as `_ngrams`."""
    stop = min(borders[entry + 1], at + numbers.size - maxn + 1 - count)
    for place in range(at, stop):
        numbers[count] = ~subwords[place]
        count += 1
    return stop, count


@uncounted
def _word_ngrams(
    hashes: Any, first: Any, size: Any, numbers: Any, bucket: Any, word_ngrams: Any
) -> Any:
    """Write the runs of words from `first` on; return where room ended, and how many."""
    count = 0
    while first < size and count <= numbers.size - word_ngrams:
        value = hashes[first]
        for place in range(first + 1, min(size, first + word_ngrams)):
            value = value * WORD_NGRAM_FACTOR + hashes[place]
            numbers[count] = np.int64(value % np.uint64(bucket))
            count += 1
        first += 1
    return first, count


@uncounted
def add_words(room: Any, m: Any, is_end: Any) -> None:
    """Add the rows of the words that wait, in order, and at the end those of runs of words."""
    # Each is taken out of its tuple once: LLVM takes half a minute for what has them all passed on.
    entries, begins, letters, word = room.entries, room.begins, room.letters, room.word
    buckets, numbers, state, total = room.buckets, room.numbers, room.state, room.total
    listed, borders, subwords, sieve = room.listed, m.subword_borders, m.subwords, m.sieve
    bits, ranks, rows, words = m.bits, m.ranks, m.rows, m.words
    size, minn, maxn = np.uint32(m.bucket), m.minn, m.maxn
    if m.kept and maxn:
        _hash_letters(letters, state[USED], room.hashes, buckets, size, maxn)
    count = np.int64(0)
    for waiting in range(state[WAITING]):
        entry = np.int64(entries[waiting])
        begin, end = np.int64(begins[waiting]), np.int64(begins[waiting + 1])
        if entry >= 0:
            begin, end = borders[entry], borders[entry + 1]
        elif entry == OF_ROOM:
            begin, end = np.int64(0), state[LONG]
        at = begin
        while at < end:
            if count > numbers.size - maxn:
                _sum(numbers, _rows(numbers, count, bits, ranks, words), rows, total, listed, state)
                count = np.int64(0)
            if entry >= 0:
                at, count = _known_word(borders, subwords, entry, at, numbers, count, maxn)
            elif entry == ASCII:
                at, count = _hashed_ngrams(
                    buckets, begin, at, end, numbers, count, sieve, minn, maxn
                )
            else:
                source = word if entry == OF_ROOM else letters
                at, count = _ngrams(source, begin, at, end, numbers, count, sieve, size, minn, maxn)
    _sum(numbers, _rows(numbers, count, bits, ranks, words), rows, total, listed, state)
    state[WAITING], state[USED] = 0, 0
    if is_end and m.kept and m.word_ngrams > 1:
        first, hashes = np.int64(0), room.word_hashes
        while first < state[HASHED]:
            first, count = _word_ngrams(
                hashes, first, state[HASHED], numbers, m.bucket, m.word_ngrams
            )
            _sum(numbers, _rows(numbers, count, bits, ranks, words), rows, total, listed, state)


# --- words that wait -----------------------------------------------------------------------------


@uncounted_inlined
def wait(entry: Any, size: Any, entries: Any, begins: Any, state: Any) -> None:
    """Have a word wait, of which `size` letters have been written."""
    waiting = state[WAITING]
    entries[waiting] = entry
    state[USED] += size
    begins[waiting + 1] = state[USED]
    state[WAITING] = waiting + 1


@uncounted_inlined
def write_unknown(data: Any, start: Any, stop: Any, letters: Any, at: Any) -> Any:
    """Write a word in brackets to letters[at:], and a zero; return whether it is ASCII or OTHER."""
    size = stop - start + 2
    high = np.uint64(0)
    letters[at] = 0x3C
    for place in range(0, stop - start, 8):
        eight = eight_bytes(data, start + place)
        put_eight_bytes(letters, at + 1 + place, eight)
        if stop - start - place < 8:
            eight &= ~(~np.uint64(0) << np.uint64(8 * (stop - start - place)))
        high |= eight
    letters[at + size - 1], letters[at + size] = 0x3E, 0
    return OTHER if high & HIGH_BITS else ASCII


@uncounted_inlined
def keep_hash(data: Any, start: Any, stop: Any, hashes: Any, state: Any) -> None:
    """Keep the hash of a word for runs of words."""
    value = FNV_BASIS
    for place in range(start, stop):
        value = _fnv(value, data[place])
    # fastText keeps it as a signed number.
    hashes[state[HASHED]] = np.uint64(np.int64(np.int32(value)))
    state[HASHED] += 1
