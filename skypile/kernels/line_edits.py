"""Texts without some of their lines, written as the bytes of a new Arrow column.

Each kernel goes once through every document, judges its lines one by one and writes those that
stay, joined by U+000A, behind those of the document before. All of a document is read, in work
that is linear in its length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.line_text import (
    BEGIN,
    CHARS,
    CJK,
    CJK_WORDS,
    DIGIT,
    DIGITS,
    END,
    FACTS,
    LETTER,
    LINE_KINDS,
    LONGEST,
    LONGEST_CJK,
    SENTENCES,
    SOLID,
    SPACE,
    UPPERS,
    WORDS,
    clipped,
    code_at,
    find_phrase,
    last_code,
    line_end,
    measure,
    phrase_here,
)  # fmt: skip

__all__ = [
    "C4_FIELDS", "REFINEDWEB_FIELDS", "Bytes", "Ints", "Phrases", "Rewritten", "copied", "room",
    "without_c4_lines", "without_refinedweb_lines",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Phrases = tuple[npt.NDArray[np.int32], Bytes]
Rewritten = tuple[Bytes, Ints, Ints]

C4_FIELDS = ("removed_lines", "lorem_ipsum", "braces", "sentences")
REFINEDWEB_FIELDS = ("removed_lines", "edited_lines", "words", "words_left")

_WIDE_TERMINALS = np.array([ord(mark) for mark in "。！？；｡．”’」』"], np.int64)
_BRACKETS = np.array([ord(mark) for mark in ")）]】〕》〉"], np.int64)
_EDIT = np.frombuffer(b"[edit]", np.uint8)
_CITATION = np.frombuffer(b"[citation needed]", np.uint8)


@njit
def copied(data: Any, start: Any, stop: Any, out: Any, at: Any) -> Any:
    """Copy data[start:stop] to out[at:]; return where it ends."""
    for i in range(stop - start):
        out[at + i] = data[start + i]
    return at + stop - start


@njit
def _has(data: Any, start: Any, stop: Any, byte: Any) -> Any:
    """Tell whether a byte stands in data[start:stop]; no early end, so that it is vectorised."""
    times = 0
    for i in range(start, stop):
        times += data[i] == byte
    return times > 0


@njit
def _begins(data: Any, at: Any, stop: Any, wanted: Any) -> Any:
    if at + wanted.size > stop:
        return False
    for k in range(wanted.size):  # noqa: SIM110 - Numba compiles no generators
        if data[at + k] != wanted[k]:
            return False
    return True


@njit
def _citation(data: Any, at: Any, stop: Any) -> Any:
    """Return the bytes of the mark of a citation that begins with the bracket at data[at], or 0."""
    last = at + 1
    while last < stop and 48 <= data[last] <= 57:
        last += 1
    if last < stop and data[last] == 0x5D:
        return last + 1 - at
    if _begins(data, at, stop, _EDIT):
        return _EDIT.size
    return _CITATION.size if _begins(data, at, stop, _CITATION) else 0


@njit
def _without_citations(data: Any, start: Any, stop: Any, out: Any, at: Any) -> Any:
    """Copy data[start:stop] to out[at:] without marks of citations; return where it ends."""
    if not _has(data, start, stop, 0x5B):
        return copied(data, start, stop, out, at)
    while start < stop:
        if data[start] == 0x5B:
            size = _citation(data, start, stop)
            if size:
                start += size
                continue
        out[at] = data[start]
        at += 1
        start += 1
    return at


@njit
def _among(code: Any, codes: Any) -> Any:
    for each in codes:  # noqa: SIM110 - Numba compiles no generators
        if each == code:
            return True
    return False


@njit
def _terminal(data: Any, start: Any, stop: Any, chinese: Any) -> Any:
    """Tell whether data[start:stop] ends in a terminal mark that is no ellipsis."""
    code, at = last_code(data, start, stop)
    if chinese:
        while _among(code, _BRACKETS):
            stop = at
            code, at = last_code(data, start, stop)
        if code == 0x2026:  # twice it is the Chinese ellipsis, once a text cut off
            return last_code(data, start, at)[0] == 0x2026
        if _among(code, _WIDE_TERMINALS):
            return True
    if code == 0x2E:
        return not (stop - start >= 3 and data[stop - 2] == 0x2E and data[stop - 3] == 0x2E)
    return code == 0x3F or code == 0x21 or code == 0x22 or code == 0x27


@njit
def _said(data: Any, start: Any, stop: Any, kinds: Any, slots: Any, rows: Any) -> Any:
    """Return which groups of phrases stand in the line data[start:stop], as bits."""
    found, at = np.int64(0), start
    while True:
        at, size, group = find_phrase(data, at, start, stop, kinds, slots, rows)
        if size == 0:
            return found
        found |= np.int64(1) << group
        at += size


@njit
def _c4_keeps(
    out: Any, facts: Any, kinds: Any, slots: Any, rows: Any, terminal: Any, chinese: Any,
    min_words: Any, max_word_chars: Any, counted: Any,
) -> Any:  # fmt: skip
    """Tell whether the line that `facts` measured stays, and count what it says of its page.

    In the order of C4's code, in which a line that goes says nothing about the page.
    """
    start, stop = facts[BEGIN], facts[END]
    if facts[LONGEST_CJK if chinese else LONGEST] > max_word_chars:
        return False
    if terminal and not _terminal(out, start, stop, chinese):
        return False
    if facts[CJK_WORDS if chinese else WORDS] < min_words:
        return False
    said = _said(out, start, stop, kinds, slots, rows)
    counted[1] += said & 1
    if said & 2:
        return False
    counted[2] += _has(out, start, stop, 0x7B)
    if said & 4:
        return False
    counted[3] += facts[SENTENCES]
    return True


@njit
def _c4(
    data: Any, offsets: Any, kinds: Any, slots: Any, rows: Any, terminal: Any, chinese: Any,
    min_words: Any, max_word_chars: Any, out: Any, ends: Any, counted: Any,
) -> None:  # fmt: skip
    facts = np.zeros(FACTS, np.int64)
    write = 0
    for row in range(offsets.size - 1):
        at, stop, begin = offsets[row], offsets[row + 1], write
        while at <= stop:
            end = line_end(data, at, stop)
            first = write + (write > begin)
            measure(out, first, _without_citations(data, at, end, out, first), kinds, facts)
            if facts[SOLID] and _c4_keeps(
                out, facts, kinds, slots, rows, terminal, chinese, min_words, max_word_chars,
                counted[row],
            ):  # fmt: skip
                if write > begin:
                    out[write] = 0x0A
                write = copied(out, facts[BEGIN], facts[END], out, first)
            else:
                start, last = clipped(data, kinds, at, end)
                counted[row, 0] += last > start
            at = end + 1
        ends[row + 1] = write


_MEASURES = np.array([ord(char) for char in "万亿千次人个条篇赞数量的了"], np.int64)
_THOUSANDS = np.array([ord(char) for char in "kmb"], np.int64)


@njit
def _letter(data: Any, at: Any, stop: Any, kinds: Any) -> Any:
    return at < stop and kinds[code_at(data, at)[0]] & LETTER != 0


@njit
def _counter(data: Any, start: Any, stop: Any, kinds: Any, slots: Any, rows: Any) -> Any:
    """Tell whether the line says only how often something was done (`3 likes`, `阅读 1.2万`)."""
    number, noun, digit, at = False, False, False, start
    while at < stop:
        code, size = code_at(data, at)
        kind = kinds[code]
        if not kind & LETTER:
            digit = kind & DIGIT != 0
            number = number or digit
            at += size
            continue
        named = phrase_here(data, at, stop, kinds, slots, rows)
        if named and (kind & CJK or not _letter(data, at + named, stop, kinds)):
            noun = True
            size = named
        elif not _among(code, _MEASURES) and not (
            # A thousand, a million, a billion, right behind the number.
            digit and _among(code | 0x20, _THOUSANDS) and not _letter(data, at + size, stop, kinds)
        ):
            return False
        digit = False
        at += size
    return number and noun


@njit
def _refinedweb_keeps(
    data: Any, facts: Any, kinds: Any, slots: Any, rows: Any, chinese: Any, max_upper_frac: Any,
    min_words: Any,
) -> Any:  # fmt: skip
    if facts[UPPERS] > max_upper_frac * facts[CHARS] or facts[DIGITS] == facts[SOLID]:
        return False
    if facts[CJK_WORDS if chinese else WORDS] < min_words:
        return False
    return not _counter(data, facts[BEGIN], facts[END], kinds, slots, rows)


@njit
def _edited(
    data: Any, at: Any, end: Any, facts: Any, kinds: Any, slots: Any, rows: Any, out: Any,
    write: Any,
) -> Any:  # fmt: skip
    """Copy data[at:end] to out[write:] without its phrases; return its end and how many there were.

    With a phrase goes the space before it, or behind it where it stands first.
    """
    start, stop, look, times = facts[BEGIN], facts[END], facts[BEGIN], 0
    while True:
        place, size, _ = find_phrase(data, look, start, stop, kinds, slots, rows)
        if size == 0:
            return copied(data, at, end, out, write), times
        times += 1
        look = place + size
        if place > start:
            code, before = last_code(data, at, place)
            place = before if kinds[code] & SPACE else place
        elif look < stop:
            code, more = code_at(data, look)
            look += more if kinds[code] & SPACE else 0
        write = copied(data, at, max(at, place), out, write)
        at = look


@njit
def _refinedweb(
    data: Any, offsets: Any, kinds: Any, slots: Any, rows: Any, nouns: Any, noun_rows: Any,
    chinese: Any, max_upper_frac: Any, min_words: Any, max_words: Any, out: Any, ends: Any,
    counted: Any,
) -> None:  # fmt: skip
    facts = np.zeros(FACTS, np.int64)
    write = 0
    for row in range(offsets.size - 1):
        at, stop, kept = offsets[row], offsets[row + 1], 0
        while at <= stop:
            end = line_end(data, at, stop)
            measure(data, at, end, kinds, facts)
            words, solid, times = facts[CJK_WORDS if chinese else WORDS], facts[SOLID], 0
            counted[row, 2] += words
            first = write + (kept > 0)
            last = first
            stays = solid == 0 or _refinedweb_keeps(
                data, facts, kinds, nouns, noun_rows, chinese, max_upper_frac, min_words
            )
            if stays and solid and words <= max_words:
                last, times = _edited(data, at, end, facts, kinds, slots, rows, out, first)
                if times:
                    measure(out, first, last, kinds, facts)
                    stays = facts[SOLID] > 0
            elif stays:
                last = copied(data, at, end, out, first)
            if stays:
                counted[row, 1] += times > 0
                counted[row, 3] += facts[CJK_WORDS if chinese else WORDS]
                if kept:
                    out[write] = 0x0A
                kept += 1
                write = last
            else:
                counted[row, 0] += 1
            at = end + 1
        ends[row + 1] = write


def without_c4_lines(
    data: Bytes, offsets: Ints, phrases: Phrases, *, terminal: bool, chinese: bool, min_words: int,
    max_word_chars: int,
) -> Rewritten:  # fmt: skip
    """Return the texts as C4's code leaves them: (bytes, borders (n + 1,), counts (n, C4_FIELDS)).

    `phrases` has three groups: those that C4 drops a page for, a line for at once, a line for after
    it has looked for a brace. Lines that stay lose the spaces at their ends.
    """
    out, ends, counted = room(data, offsets, C4_FIELDS)
    _c4(
        data, offsets, LINE_KINDS, *phrases, terminal, chinese, min_words, max_word_chars, out,
        ends, counted,
    )  # fmt: skip
    return out[: ends[-1]], ends, counted


def without_refinedweb_lines(
    data: Bytes, offsets: Ints, phrases: Phrases, nouns: Phrases, *, chinese: bool,
    max_upper_frac: float, min_words: int, max_words: int,
) -> Rewritten:  # fmt: skip
    """Return the texts without RefinedWeb's lines: (bytes, borders, counts (n, REFINEDWEB_FIELDS)).

    `phrases` are taken out of lines of up to `max_words` words, `nouns` are what counters count.
    """
    out, ends, counted = room(data, offsets, REFINEDWEB_FIELDS)
    _refinedweb(
        data, offsets, LINE_KINDS, *phrases, *nouns, chinese, max_upper_frac, min_words, max_words,
        out, ends, counted,
    )  # fmt: skip
    return out[: ends[-1]], ends, counted


def room(data: Bytes, offsets: Ints, fields: tuple[str, ...]) -> Rewritten:
    """Return room for the bytes of all texts, their borders, and the counts of each, both zero."""
    rows = offsets.size - 1
    return (
        np.empty(data.size, np.uint8),
        np.zeros(rows + 1, np.int64),
        np.zeros((rows, len(fields)), np.int64),
    )
