"""Statistics of words: maximal runs of characters that are not spaces (``skypile.text.words``).

All counts are made 64 characters at a time, from masks. Whether a word has some mark is found by
an addition: a bit added at the start of the word runs through what is unmarked as a carry, and
comes out at the space behind the word if nothing stopped it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined
from skypile.kernels.narrow import ascii_letter_mask, joint_mask, letter_mask, space_mask
from skypile.kernels.search_masks import stop_word_mask
from skypile.kernels.vectors import WINDOW, eight_bytes, leading_zeros, ones_count

__all__ = ["STOP_WORDS", "word_counts"]

# Rae et al. 2021 (Gopher): English prose has at least two of these.
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")

_stop_words = stop_word_mask(STOP_WORDS)
# The first bytes of each, and which bits of eight bytes they are.
_STOP_BYTES = np.array([int.from_bytes(word.encode(), "little") for word in STOP_WORDS], np.uint64)
_STOP_BITS = np.array([(1 << 8 * len(word)) - 1 for word in STOP_WORDS], np.uint64)
_SMALL = np.uint64(0x2020202020202020)
_ONE, _TOP = np.uint64(1), np.uint64(63)
# What goes on into the next window: inside a word; inside ASCII letters; carries of the words
# without letters, without joints, without a run of letters, with one only, without stop word.
_INSIDE, _LETTERS, _BARE, _WHOLE, _NONE, _SINGLE, _OTHER = range(7)


@inlined
def _unmarked(free: Any, starts: Any, carries: Any, number: Any) -> Any:
    """Return where words of unmarked characters (`free`) end, and where they meet a mark.

    The carry out of the window goes to carries[number].
    """
    total = free + (starts & free | carries[number])
    carries[number] = np.uint64(total < free)
    return total


@inlined
def _stop_ends(narrow: Any, at: Any, word: Any, starts: Any, carries: Any) -> Any:
    """Return the ends of words with one run of ASCII letters, a stop word, and where these are.

    Case and what stands around the letters do not matter.
    """
    letters = ascii_letter_mask(narrow, at)
    runs = letters & ~(letters << _ONE | carries[_LETTERS])
    carries[_LETTERS] = letters >> _TOP
    first = runs & (starts | _unmarked(word & ~runs, starts, carries, _NONE))
    stops = runs & _stop_words(narrow, at)
    single = _unmarked(word & ~(runs & ~first), starts, carries, _SINGLE)
    return single & ~_unmarked(word & ~stops, starts, carries, _OTHER) & ~word, stops


@inlined
def _stop_bits(narrow: Any, at: Any, ends: Any, stops: Any, last: Any) -> Any:
    """Return the bits 1 + n of the stop words, n being their number, of the words that end here.

    `stops` is where stop words begin in this window, `last` where one last began before it.
    """
    bits = np.int64(0)
    while ends != np.uint64(0):
        before = stops & (ends ^ (ends - _ONE))
        place = last if before == np.uint64(0) else at + 63 - leading_zeros(before)
        found = eight_bytes(narrow, place) | _SMALL
        for number in range(_STOP_BYTES.size):
            bits |= np.int64(found & _STOP_BITS[number] == _STOP_BYTES[number]) << (number + 1)
        ends &= ends - _ONE
    return bits


@inlined
def word_counts(narrow: Any, count: Any, carries: Any, out: Any) -> None:
    """Fill `out` (6,) with these counts; `carries` is room for 7 values (uint64).

    Words; words with a letter; stop words; distinct stop words; the same as bits; plain words: with
    a letter, and without ASCII punctuation but at their ends, apart from `'` and `-`.
    """
    words, alpha, plain, stop, bits, last = 0, 0, 0, 0, np.int64(0), 0
    carries[:] = 0
    for at in range(0, count + 1, WINDOW):
        word = ~space_mask(narrow, at)
        before = word << _ONE | carries[_INSIDE]
        carries[_INSIDE] = word >> _TOP
        starts, ends = word & ~before, before & ~word
        lettered = ends & ~_unmarked(word & ~letter_mask(narrow, at), starts, carries, _BARE)
        joints = joint_mask(narrow, at) & before
        if joints != np.uint64(0):
            joints &= ~space_mask(narrow, at + 1)
        whole = _unmarked(word & ~joints, starts, carries, _WHOLE)
        words += ones_count(ends)
        alpha += ones_count(lettered)
        plain += ones_count(lettered & whole)
        found, stops = _stop_ends(narrow, at, word, starts, carries)
        stop += ones_count(found)
        if found != np.uint64(0) and bits != (2 << _STOP_BYTES.size) - 2:
            bits |= _stop_bits(narrow, at, found, stops, last)
        if stops != np.uint64(0):
            last = at + 63 - leading_zeros(stops)
    out[0], out[1], out[2], out[4], out[5] = words, alpha, stop, bits, plain
    out[3] = ones_count(np.uint64(bits))
