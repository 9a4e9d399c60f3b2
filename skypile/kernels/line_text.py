"""Lines as bytes: what one consists of, and which phrases stand in it.

A line ends at U+000A. Kernels that take lines out of a text work on its UTF-8 as it is, of any
length and without a second copy of it, so they look at all of a document.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels import chars
from skypile.kernels.cache import njit

__all__ = [
    "ANYWHERE", "BEGIN", "CHARS", "CJK", "CJK_WORDS", "DIGIT", "DIGITS", "END", "ENDS", "FACTS",
    "LETTER", "LINE_KINDS", "LONGEST", "LONGEST_CJK", "PREFIX", "SENTENCES", "SOLID", "SPACE",
    "SUFFIX", "UPPERS", "WIDE_ENDS", "WORDS", "WORD_START", "clipped", "code_at", "find_phrase",
    "last_code", "line_end", "measure", "phrase_here", "phrase_rows",
]  # fmt: skip

# Flags of a code point.
SPACE, CJK, UPPER, DIGIT, ENDS, WIDE_ENDS, CLOSER, LETTER = (1 << bit for bit in range(8))

# Upper case is a matter of these ranges (Latin, Greek, Cyrillic, Armenian, full-width Latin), whose
# letters have kept their case since Unicode 7.
_CASED = ((0x41, 0x58F), (0x1E00, 0x1FFF), (0xFF21, 0xFF3A))


def _kinds() -> npt.NDArray[np.uint8]:
    """Return the flags by code point, for whatever 21 bits four bytes can hold."""
    groups = chars.KINDS & chars.CLASS_MASK
    kinds = np.zeros(chars.KINDS.size, np.uint8)
    kinds[groups == chars.SPACE] |= SPACE
    kinds[groups == chars.DIGIT] |= DIGIT
    kinds[chars.KINDS & chars.LETTER != 0] |= LETTER
    for flag, known in (
        (CJK, chars.TOKEN_CJK), (ENDS, chars.ASCII_END), (WIDE_ENDS, chars.WIDE_END),
        (CLOSER, chars.CLOSER),
    ):  # fmt: skip
        kinds[chars.KINDS & known != 0] |= flag
    for first, last in _CASED:
        kinds[[code for code in range(first, last + 1) if chr(code).isupper()]] |= UPPER
    kinds.flags.writeable = False
    return kinds


LINE_KINDS = _kinds()

# What `measure` fills in. BEGIN and END: the bytes without the spaces at both ends, of which the
# rest is counted. CHARS: characters, spaces within included. SOLID: those that are no spaces.
# WORDS: runs without spaces; LONGEST: characters of the longest. CJK_WORDS: every CJK character and
# every run of others without spaces that has a letter or a digit; LONGEST_CJK: the longest run.
# UPPERS, DIGITS: such characters. SENTENCES: sentence ends as in ``kernels.chars``, and one more
# for text behind the last.
BEGIN, END, CHARS, SOLID, WORDS, LONGEST, CJK_WORDS, LONGEST_CJK, UPPERS, DIGITS = range(10)
SENTENCES, FACTS = 10, 11


@njit
def code_at(data: Any, at: Any) -> Any:
    """Return the code point whose first byte is data[at], valid UTF-8, and its number of bytes."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, 1
    one = np.int64(data[at + 1]) & 0x3F
    if lead < 0xE0:
        return (lead & 0x1F) << 6 | one, 2
    two = np.int64(data[at + 2]) & 0x3F
    if lead < 0xF0:
        return (lead & 0x0F) << 12 | one << 6 | two, 3
    return (lead & 0x07) << 18 | one << 12 | two << 6 | np.int64(data[at + 3]) & 0x3F, 4


@njit
def last_code(data: Any, start: Any, stop: Any) -> Any:
    """Return the code point that ends before `stop`, and where it starts; -1 if nothing does."""
    if stop <= start:
        return np.int64(-1), stop
    at = stop - 1
    while at > start and data[at] & 0xC0 == 0x80:
        at -= 1
    return code_at(data, at)[0], at


@njit
def line_end(data: Any, start: Any, stop: Any) -> Any:
    """Return where the line at `start` ends: at U+000A or at `stop`."""
    while start < stop and data[start] != 0x0A:
        start += 1
    return start


@njit
def clipped(data: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Return data[start:stop] without the spaces at both ends, as its borders."""
    while start < stop:
        code, size = code_at(data, start)
        if not kinds[code] & SPACE:
            break
        start += size
    while start < stop:
        code, at = last_code(data, start, stop)
        if not kinds[code] & SPACE:
            break
        stop = at
    return start, stop


@njit
def _letters(data: Any, at: Any, stop: Any, kinds: Any, wanted: Any) -> Any:
    """Return where the letters from data[at] on end that are `wanted`, their number, capitals."""
    count, uppers = 0, 0
    while at < stop:
        code, size = code_at(data, at)
        if kinds[code] & ~UPPER != wanted:
            break
        at += size
        count += 1
        uppers += kinds[code] & UPPER != 0
    return at, count, uppers


@njit
def measure(data: Any, start: Any, stop: Any, kinds: Any, facts: Any) -> None:
    """Fill `facts` (FACTS,) with what the line at data[start:stop] consists of."""
    at, stop = clipped(data, kinds, start, stop)
    facts[:] = 0
    facts[BEGIN], facts[END] = at, stop
    word, run, named = 0, 0, False  # sizes so far; whether the run has a letter or a digit
    before, rest = 0, False  # the mark before; whether text stands behind the last end
    while at < stop:
        code, size = code_at(data, at)
        kind, count, uppers = kinds[code], 1, 0
        if kind & LETTER:  # they come side by side, and go through a short loop
            at, count, uppers = _letters(data, at, stop, kinds, LETTER | kind & CJK)
        else:
            at += size
        mark = kind & (ENDS | WIDE_ENDS)
        if before and not mark and (before & WIDE_ENDS or kind & (SPACE | CLOSER)):
            facts[SENTENCES] += 1
            rest = False
        before = mark
        rest = rest or not kind & (SPACE | CLOSER | ENDS | WIDE_ENDS)
        if kind & (SPACE | CJK):
            facts[CJK_WORDS] += named
            facts[LONGEST_CJK], run, named = max(facts[LONGEST_CJK], run), 0, False
        else:
            run += count
            named = named or kind & (LETTER | DIGIT) != 0
        facts[CHARS] += count
        if kind & SPACE:
            facts[LONGEST], word = max(facts[LONGEST], word), 0
            continue
        facts[SOLID] += count
        facts[WORDS] += word == 0
        word += count
        facts[CJK_WORDS] += count if kind & CJK else 0
        facts[UPPERS] += uppers
        facts[DIGITS] += kind & DIGIT != 0
    facts[LONGEST] = max(facts[LONGEST], word)
    facts[CJK_WORDS] += named
    facts[LONGEST_CJK] = max(facts[LONGEST_CJK], run)
    facts[SENTENCES] += rest or before != 0


# Where in a line a phrase may stand. WORD_START: at no place where a letter stands before it.
ANYWHERE, WORD_START, PREFIX, SUFFIX = range(4)
_SLOTS = 1 << 12
_PAIRS = 1 << 16
_LEAST_BYTES = 4
_MULTIPLIER = 0x1E3779B1  # under 2**31: its product with four bytes stays below 2**63


def phrase_rows(
    *groups: tuple[int, Iterable[str]],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return groups of (place, phrases) as (slots, rows) for `find_phrase`.

    Phrases are in lower case and have at least four bytes. slots (4096,) holds, by a hash of the
    first four bytes, where a list starts in `rows`, or -1. A list is a row of size, place, number
    of the group and the bytes, longest first, and a 0. Before the lists `rows` has a byte for each
    pair of bytes: whether it is the second and third of a phrase, in either case.
    """
    slots = np.full(_SLOTS, -1, np.int32)
    pairs = np.zeros(_PAIRS, np.uint8)
    lists: dict[int, list[tuple[bytes, int, int]]] = {}
    for number, (place, phrases) in enumerate(groups):
        for phrase in phrases:
            raw = phrase.encode()
            if not _LEAST_BYTES <= len(raw) < 256 or raw != raw.lower():
                raise ValueError(f"{phrase!r}: a phrase has 4 to 255 bytes, in lower case")
            key = int.from_bytes(raw[:_LEAST_BYTES], "big")
            lists.setdefault(_hashed(key), []).append((raw, place, number))
            for one, two in itertools.product(*({byte, *chr(byte).upper().encode()} for byte in
                                                raw[1:3])):  # fmt: skip
                pairs[one << 8 | two] = 1
    rows: list[int] = []
    for slot, found in sorted(lists.items()):
        slots[slot] = _PAIRS + len(rows)
        for raw, place, number in sorted(found, key=lambda each: (-len(each[0]), each)):
            rows += [len(raw), place, number, *raw]
        rows.append(0)
    return slots, np.concatenate([pairs, np.array([*rows, 0], np.uint8)])


def _hashed(key: int) -> int:
    return (key * _MULTIPLIER >> 20) & (_SLOTS - 1)


@njit
def _lowered(byte: Any) -> Any:
    return np.int64(byte) | 0x20 if 65 <= byte <= 90 else np.int64(byte)


@njit
def _stands(data: Any, at: Any, start: Any, stop: Any, kinds: Any, rows: Any, row: Any) -> Any:
    """Tell whether the phrase of `row` stands at data[at], and may stand there."""
    size, place = np.int64(rows[row]), rows[row + 1]
    if at + size > stop or (place == PREFIX and at != start):
        return False
    if place == SUFFIX and at + size != stop:
        return False
    for k in range(size):
        if _lowered(data[at + k]) != rows[row + 3 + k]:
            return False
    if place == WORD_START and at > start:
        kind = kinds[last_code(data, start, at)[0]]
        return not (kind & LETTER and not kind & CJK)
    return True


@njit
def _phrase(data: Any, at: Any, start: Any, stop: Any, kinds: Any, slots: Any, rows: Any) -> Any:
    """Return bytes and group of the longest phrase at data[at] in the line, or (0, 0)."""
    window = np.int64(0)
    for i in range(at, at + _LEAST_BYTES):
        window = window << 8 | _lowered(data[i])
    row = np.int64(slots[(window * _MULTIPLIER >> 20) & (_SLOTS - 1)])
    while row >= 0 and rows[row]:
        if _stands(data, at, start, stop, kinds, rows, row):
            return np.int64(rows[row]), np.int64(rows[row + 2])
        row += np.int64(rows[row]) + 3
    return np.int64(0), np.int64(0)


@njit
def phrase_here(data: Any, at: Any, stop: Any, kinds: Any, slots: Any, rows: Any) -> Any:
    """Return how many bytes the longest phrase has that stands at data[at], or 0."""
    if at + _LEAST_BYTES > stop:
        return np.int64(0)
    return _phrase(data, at, at, stop, kinds, slots, rows)[0]


@njit
def find_phrase(
    data: Any, at: Any, start: Any, stop: Any, kinds: Any, slots: Any, rows: Any
) -> Any:
    """Return the first place from data[at] on where a phrase stands in the line data[start:stop].

    Of several there the longest counts. Returns (place, bytes, group), or (-1, 0, 0). ASCII letters
    match whatever their case.
    """
    for first in range(at, stop - _LEAST_BYTES + 1):
        # Few places get past this: it is what a place costs.
        if rows[np.int64(data[first + 1]) << 8 | np.int64(data[first + 2])]:
            size, group = _phrase(data, first, start, stop, kinds, slots, rows)
            if size:
                return first, size, group
    return np.int64(-1), np.int64(0), np.int64(0)
