"""The rows of a text's words, in fastText's order: its kernels up to the sum of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import uncounted, uncounted_inlined
from skypile.kernels.fasttext_layout import (
    ADDED,
    ASCII,
    HASHED,
    LETTERS,
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
    "wait_long",
    "wait_unknown",
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
def entry_of(data: Any, start: Any, size: Any, m: Any) -> Any:
    """Return the number of the word or label that stands at `start`, -1 where it is unknown."""
    first = eight_bytes(data, start)
    if size < 8:
        first &= ~(~np.uint64(0) << np.uint64(8 * size))
    at = _mixed(first, size)
    bit = at >> np.uint64(64 - WORD_SIEVE_BITS)
    if not (m.word_sieve[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1):
        return np.int64(-1)
    mask = np.uint64(m.slots.size - 1)
    at &= mask
    while m.slots[at]:
        entry = np.int64(m.slots[at]) - 1
        begin = m.borders[entry]
        if m.firsts[entry] == first and m.borders[entry + 1] - begin == size:
            place = 8
            while place < size and m.letters[begin + place] == data[start + place]:
                place += 1
            if place >= size:
                return entry
        at = (at + np.uint64(1)) & mask
    return np.int64(-1)


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
def _may_be_kept(bucket: Any, m: Any) -> Any:
    """Return 1 where a bucket may have been kept, else 0: `sieve` lies in the nearest cache."""
    # Indices are unsigned where it counts: Numba looks whether others are negative.
    at = np.uint64(bucket) & np.uint64(SIEVE_BITS - 1)
    return np.int64((m.sieve[at >> np.uint64(6)] >> (at & np.uint64(63))) & np.uint64(1))


@uncounted_inlined
def _ngrams(word: Any, begin: Any, end: Any, room: Any, count: Any, m: Any) -> Any:
    """Append the n-grams of word[begin:end]; behind `end` no character goes on."""
    at = np.int64(begin)
    reciprocal, size = np.uint64((1 << 32) // m.bucket), np.uint32(m.bucket)
    while at < end:
        if word[at] & 0xC0 == 0x80:
            at += 1
            continue
        if count > room.numbers.size - m.maxn:
            count = _add(room, count, m)
        value, stop = FNV_BASIS, np.uint64(at)
        for n in range(1, m.maxn + 1):
            if stop >= end:
                break
            value = _fnv(value, word[stop])
            stop += np.uint64(1)
            while word[stop] & 0xC0 == 0x80:
                value = _fnv(value, word[stop])
                stop += np.uint64(1)
            if n >= m.minn and not (n == 1 and (at == begin or stop == end)):
                bucket = _bucket(value, reciprocal, size)
                room.numbers[np.uint64(count)] = bucket
                count += _may_be_kept(bucket, m)
        at += 1
    return count


@uncounted_inlined
def _hash_letters(room: Any, m: Any) -> None:
    """Set the buckets of the n-grams from each letter on, as if all were ASCII."""
    reciprocal, size = np.uint64((1 << 32) // m.bucket), np.uint32(m.bucket)
    used = room.state[USED]
    letters, hashes = room.letters, room.hashes
    for at in range(used):
        hashes[at] = FNV_BASIS
    for n in range(m.maxn):
        buckets = room.buckets[n]
        for at in range(used):
            value = _fnv(hashes[at], letters[at + n])
            hashes[at] = value
            buckets[at] = _bucket(value, reciprocal, size)


@uncounted_inlined
def _hashed_ngrams(begin: Any, end: Any, room: Any, count: Any, m: Any) -> Any:
    """Append the n-grams of letters[begin:end], all ASCII."""
    if count > room.numbers.size - (end - begin) * m.maxn:
        count = _add(room, count, m)
    least = max(m.minn, 2)
    for at in range(begin, end):
        if m.minn <= 1 and begin < at < end - 1:
            bucket = room.buckets[0, at]
            room.numbers[count] = bucket
            count += _may_be_kept(bucket, m)
        left = np.uint64(end - at)
        for n in range(least, m.maxn + 1):
            bucket = room.buckets[np.uint64(n - 1), np.uint64(at)]
            room.numbers[np.uint64(count)] = bucket
            count += _may_be_kept(bucket, m) & (np.uint64(n) <= left)
    return count


# --- sums of rows --------------------------------------------------------------------------------


@uncounted_inlined
def _rows(numbers: Any, count: Any, m: Any) -> Any:
    """Put rows in place of numbers[:count], without the n-grams not kept; return how many."""
    kept = np.int64(0)
    for at in range(count):
        number = np.int64(numbers[at])
        bucket = np.uint64(number if number >= 0 else 0)
        block, place = bucket >> np.uint64(6), bucket & np.uint64(63)
        bits = m.bits[block]
        row = m.words + m.ranks[block] + ones_count(bits & ~(~np.uint64(0) << place))
        numbers[np.uint64(kept)] = ~number if number < 0 else row
        kept += (number < 0) | np.int64((bits >> place) & np.uint64(1))
    return kept


@uncounted
def _add(room: Any, count: Any, m: Any) -> Any:
    """Add the rows of numbers[:count] to the total, or list them; return 0, how many are left."""
    kept = _rows(room.numbers, count, m)
    if room.listed.size:
        for place in range(kept):
            room.listed[room.state[LISTED] + place] = room.numbers[place]
        room.state[LISTED] += kept
    else:
        for first in range(0, room.total.size, LANES):
            add_rows(room.total, m.rows, room.numbers, kept, first)
    room.state[ADDED] += kept
    return 0


@uncounted_inlined
def _known_word(entry: Any, room: Any, count: Any, m: Any) -> Any:
    for place in range(m.subword_borders[entry], m.subword_borders[entry + 1]):
        if count == room.numbers.size:
            count = _add(room, count, m)
        room.numbers[count] = ~m.subwords[place]
        count += 1
    return count


@uncounted_inlined
def _word_ngrams(room: Any, count: Any, m: Any) -> Any:
    """Append runs of 2 to `word_ngrams` words."""
    size = room.state[HASHED]
    for first in range(size):
        value = room.word_hashes[first]
        for place in range(first + 1, min(size, first + m.word_ngrams)):
            value = value * WORD_NGRAM_FACTOR + room.word_hashes[place]
            if count == room.numbers.size:
                count = _add(room, count, m)
            room.numbers[count] = np.int64(value % np.uint64(m.bucket))
            count += 1
    return count


@uncounted
def add_words(room: Any, m: Any, is_end: Any) -> None:
    """Add the rows of the words that wait, in order, and at the end those of runs of words."""
    if m.kept and m.maxn:
        _hash_letters(room, m)
    count = 0
    for place in range(room.state[WAITING]):
        entry = room.entries[place]
        begin, end = np.int64(room.begins[place]), np.int64(room.begins[place + 1])
        if entry >= 0:
            count = _known_word(entry, room, count, m)
        elif entry == ASCII:
            count = _hashed_ngrams(begin, end, room, count, m)
        elif entry == OTHER:
            count = _ngrams(room.letters, begin, end, room, count, m)
        else:
            count = _ngrams(room.word, 0, room.state[LONG], room, count, m)
    if is_end and m.kept and m.word_ngrams > 1:
        count = _word_ngrams(room, count, m)
    _add(room, count, m)
    room.state[WAITING], room.state[USED] = 0, 0


# --- words that wait -----------------------------------------------------------------------------


@uncounted_inlined
def wait(entry: Any, size: Any, room: Any) -> None:
    """Have a word wait, of which `size` letters have been written."""
    waiting = room.state[WAITING]
    room.entries[waiting] = entry
    room.state[USED] += size
    room.begins[waiting + 1] = room.state[USED]
    room.state[WAITING] = waiting + 1


@uncounted_inlined
def wait_unknown(data: Any, start: Any, stop: Any, room: Any) -> None:
    """Have a word wait whose n-grams are looked up."""
    size = stop - start + 2
    letters, at = room.letters, room.state[USED]
    high = np.uint64(0)
    letters[at] = 0x3C
    for place in range(0, stop - start, 8):
        eight = eight_bytes(data, start + place)
        put_eight_bytes(letters, at + 1 + place, eight)
        if stop - start - place < 8:
            eight &= ~(~np.uint64(0) << np.uint64(8 * (stop - start - place)))
        high |= eight
    letters[at + size - 1], letters[at + size] = 0x3E, 0
    wait(OTHER if high & HIGH_BITS else ASCII, size, room)


@uncounted_inlined
def wait_long(data: Any, start: Any, stop: Any, room: Any) -> None:
    """Have a word wait that has more than LETTERS, and no unknown word behind it."""
    word, size = room.word, stop - start + 2
    word[0] = 0x3C
    for place in range(stop - start):
        word[1 + place] = data[start + place]
    word[size - 1], word[size] = 0x3E, 0
    room.state[LONG] = size
    wait(OF_ROOM, LETTERS, room)


@uncounted_inlined
def keep_hash(data: Any, start: Any, stop: Any, room: Any) -> None:
    """Keep the hash of a word for runs of words."""
    value = FNV_BASIS
    for place in range(start, stop):
        value = _fnv(value, data[place])
    # fastText keeps it as a signed number.
    room.word_hashes[room.state[HASHED]] = np.uint64(np.int64(np.int32(value)))
    room.state[HASHED] += 1
