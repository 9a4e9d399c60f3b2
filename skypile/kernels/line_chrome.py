"""Texts without short lines of navigation, consent, copyright and advertising."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.line_edits import Bytes, Ints, Phrases, Rewritten, copied, room
from skypile.kernels.line_text import (
    BEGIN,
    CHARS,
    DIGIT,
    END,
    ENDS,
    FACTS,
    LETTER,
    LINE_KINDS,
    SOLID,
    SPACE,
    WIDE_ENDS,
    code_at,
    find_phrase,
    last_code,
    line_end,
    measure,
)  # fmt: skip

__all__ = ["BOILERPLATE_FIELDS", "without_boilerplate"]

BOILERPLATE_FIELDS = ("removed_lines", "lines")


@njit
def _free_before(data: Any, start: Any, at: Any, kinds: Any) -> Any:
    """Tell whether what stands before data[at] in its line is no letter (behind Latin: no word)."""
    if at == start:
        return True
    code, before = last_code(data, start, at)
    if kinds[code] & SPACE and data[at] < 0x80:
        code, before = last_code(data, start, before)
    return not kinds[code] & (LETTER | DIGIT if data[at] < 0x80 else LETTER)


@njit
def _free_behind(data: Any, at: Any, stop: Any, kinds: Any) -> Any:
    """Tell the same of what stands at data[at], behind a phrase."""
    if at == stop:
        return True
    latin = data[at - 1] < 0x80
    code, size = code_at(data, at)
    if latin and kinds[code] & SPACE:
        code, size = code_at(data, at + size)
    return not kinds[code] & (LETTER | DIGIT if latin else LETTER)


@njit
def _chrome(data: Any, start: Any, stop: Any, kinds: Any, slots: Any, rows: Any) -> Any:
    """Tell whether the line data[start:stop] is boilerplate: more than a phrase in a sentence.

    Phrases side by side are one. One stands alone if no letter stands before or behind it; in a
    line that does not end as a sentence, one side is enough.
    """
    sentence = kinds[last_code(data, start, stop)[0]] & (ENDS | WIDE_ENDS) != 0
    look, before = start, False
    while True:
        at, size, _ = find_phrase(data, look, start, stop, kinds, slots, rows)
        if size == 0:
            return False
        if at > look or at == start:
            before = _free_before(data, start, at, kinds)
        look = at + size
        behind = _free_behind(data, look, stop, kinds)
        if (before and behind) or (not sentence and (before or behind)):
            return True


@njit
def _boilerplate(
    data: Any, offsets: Any, kinds: Any, slots: Any, rows: Any, max_chars: Any, out: Any, ends: Any,
    counted: Any,
) -> None:  # fmt: skip
    facts = np.zeros(FACTS, np.int64)
    write = 0
    for row in range(offsets.size - 1):
        at, stop, kept = offsets[row], offsets[row + 1], 0
        while at <= stop:
            end = line_end(data, at, stop)
            measure(data, at, end, kinds, facts)
            counted[row, 1] += facts[SOLID] > 0
            if 0 < facts[CHARS] <= max_chars and _chrome(
                data, facts[BEGIN], facts[END], kinds, slots, rows
            ):
                counted[row, 0] += 1
            else:
                if kept:
                    out[write] = 0x0A
                    write += 1
                kept += 1
                write = copied(data, at, end, out, write)
            at = end + 1
        ends[row + 1] = write


def without_boilerplate(
    data: Bytes, offsets: Ints, phrases: Phrases, *, max_chars: int
) -> Rewritten:
    """Return the texts without boilerplate: (bytes, borders, counts (n, BOILERPLATE_FIELDS))."""
    out, ends, counted = room(data, offsets, BOILERPLATE_FIELDS)
    _boilerplate(data, offsets, LINE_KINDS, *phrases, max_chars, out, ends, counted)
    return out[: ends[-1]], ends, counted
