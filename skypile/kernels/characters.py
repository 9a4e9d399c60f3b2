"""Statistics that count characters.

`narrow` and `codes` are the characters of a document (``skypile.kernels.narrow``): with line ends
behind the last one, so that looking at the next character needs no check.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skypile.kernels.cache import inlined
from skypile.kernels.chars import (
    ASCII_END,
    BRACKET,
    CLASS_MASK,
    CLOSER,
    ELLIPSIS,
    FULL_STOP,
    FUNCTION_SHIFT,
    HANS,
    HANT,
    HASH,
    MOJIBAKE,
    ORNAMENT,
    SPACE,
    SPECIAL,
    WIDE_END,
)  # fmt: skip
from skypile.kernels.narrow import (
    BYTE_KINDS,
    code_at,
    mark_mask,
    punctuation_mask,
    run_mask,
)  # fmt: skip
from skypile.kernels.vectors import (
    WINDOW,
    eight_bytes,
    leading_zeros,
    ones_count,
    trailing_zeros,
)

__all__ = ["character_counts", "histogram", "mark_counts"]

# n * log(n): a logarithm for each different character would cost as much as to count them.
_WEIGHTED = np.array([0.0] + [n * math.log(n) for n in range(1, 4096)])
_ZERO, _ONE, _HIGH_BITS = np.uint64(0), np.uint64(1), np.uint64(0x8080808080808080)


@inlined
def _add(codes: Any, start: Any, stop: Any, seen: Any, distinct: Any, kept: Any) -> Any:
    for i in range(start, stop):
        code = codes[i]
        times = seen[code]
        distinct[kept] = code
        kept += times == 0
        seen[code] = times + 1
    return kept


@inlined
def histogram(
    codes: Any, narrow: Any, count: Any, seen: Any, distinct: Any, ascii_counts: Any
) -> Any:
    """Count each code point in `seen`, and list the different ones in order; return how many.

    `seen` and `ascii_counts` (512,) are zero before the call, the latter afterwards too; `distinct`
    has room for `count` + 1 values.
    """
    kept, start = 0, 0
    while start + 8 <= count:
        eight = eight_bytes(narrow, start)
        plain = eight & _HIGH_BITS == _ZERO
        if plain:
            # Four counts for each character: one that repeats, as a space does in an indentation,
            # would wait for itself.
            known = 1
            for k in range(8):
                known &= seen[narrow[start + k]] != 0
            if known:
                for k in range(8):
                    ascii_counts[np.int64(narrow[start + k]) + 128 * (k & 3)] += 1
        if not plain or not known:
            kept = _add(codes, start, start + 8, seen, distinct, kept)
        start += 8
    kept = _add(codes, start, count, seen, distinct, kept)
    for code in range(128):
        for k in range(code, 512, 128):
            seen[code] += ascii_counts[k]
    ascii_counts[:] = 0
    return kept


@inlined
def _weighted(times: Any) -> Any:
    return _WEIGHTED[times] if times < _WEIGHTED.size else float(times) * np.log(float(times))


@inlined
def character_counts(
    seen: Any, distinct: Any, kept: Any, table: Any, classes: Any, out: Any
) -> Any:
    """Fill `classes` (16,) with characters by class, and of `out` (12,) what `histogram` tells.

    That is: ornaments, simplified-only, traditional-only, function characters, distinct ones of
    them in 0 to 4; these as bits and `#` signs in 9 and 10. `seen` is zero afterwards;
    `table` is that of the bytes of code points.

    Returns the entropy of the characters that are not spaces, in nats, corrected for length
    (Miller 1955: plus (distinct - 1) / 2 n).
    """
    weighted, solid, bits, total = 0.0, 0, np.int64(0), np.int64(0)
    for k in range(kept):
        code = distinct[k]
        times = np.int64(seen[code])
        seen[code] = 0
        kind = BYTE_KINDS[table[code]]
        classes[kind & CLASS_MASK] += times
        if kind & CLASS_MASK != SPACE:
            weighted += _weighted(times)
            total += times
            solid += 1
        if kind & SPECIAL:
            number = (kind >> FUNCTION_SHIFT) & 31
            bits |= np.int64(1) << np.int64(number)
            out[0] += times * (kind & ORNAMENT != 0)
            out[1] += times * (kind & HANS != 0)
            out[2] += times * (kind & HANT != 0)
            out[3] += times * (number != 0)
            out[10] += times * (kind & HASH != 0)
    out[9] = bits
    out[4] = ones_count(np.uint64(bits) & ~_ONE)
    if total == 0:
        return 0.0
    return np.log(float(total)) - weighted / total + (solid - 1) / (2.0 * total)


@inlined
def _mojibake(codes: Any, narrow: Any, i: Any) -> Any:
    code, following = codes[i], code_at(codes, narrow, i + 1)
    if code == 0xC3:
        return 0x80 <= following <= 0xBF
    if code == 0xE2:
        return following == 0x20AC
    return code != 0x70EB or following == 0x70EB


@inlined
def _ends_sentence(kind: Any, following: Any) -> Any:
    """Tell whether an end mark is the last of its run, and for ASCII before a space."""
    if following & (WIDE_END | ASCII_END):
        return False
    if kind & WIDE_END:
        return True
    return following & CLASS_MASK == SPACE or following & CLOSER != 0


@inlined
def _ends_ellipsis(narrow: Any, kind: Any, following: Any, i: Any) -> Any:
    """Tell whether the last `…` of a run, or the last of three and more full stops, is at `i`."""
    if kind & ELLIPSIS:
        return following & ELLIPSIS == 0
    stops = kind & FULL_STOP and following & FULL_STOP == 0 and i >= 2
    return stops and narrow[i - 1] == 0x2E and narrow[i - 2] == 0x2E


@inlined
def _bracketed(narrow: Any, opened: Any, i: Any) -> Any:
    """Return how many characters stand between 【 at `opened` and 】, 0 if a line ends there."""
    for k in range(opened + 1, i):
        if narrow[k] == 0x0A:
            return 0
    return i - opened - 1


@inlined
def _mark(codes: Any, narrow: Any, i: Any, opened: Any, out: Any) -> Any:
    """Count what the mark at `i` stands for; return where 【 was opened, or -1."""
    kind, following = BYTE_KINDS[narrow[i]], BYTE_KINDS[narrow[i + 1]]
    if kind & MOJIBAKE:
        out[5] += _mojibake(codes, narrow, i)
    if kind & (WIDE_END | ASCII_END):
        out[6] += _ends_sentence(kind, following)
    out[11] += _ends_ellipsis(narrow, kind, following, i)
    if kind & BRACKET:
        if codes[i] == 0x3010:
            return i
        if opened >= 0:
            out[7] += _bracketed(narrow, opened, i)
        return -1
    return opened


@inlined
def _has_run(mask: Any, size: Any) -> Any:
    """Tell whether more than `size` bits in a row are set."""
    while size > 0 and mask != _ZERO:
        step = (size + 1) >> 1
        mask &= mask >> np.uint64(step)
        size -= step
    return mask != _ZERO


@inlined
def _longest_run(runs: Any, marks: Any, run: Any, longest: Any) -> Any:
    """Return the run that goes on behind this window, and the longest so far.

    `runs` is where CJK characters stand, `marks` where punctuation does.
    """
    if marks == _ZERO:
        run += ones_count(runs)
        return run, max(longest, run)
    longest = max(longest, run + ones_count(runs & (marks ^ (marks - _ONE))))
    behind = ~_ONE << np.uint64(63 - leading_zeros(marks))
    run = ones_count(runs & behind)
    if longest < WINDOW and _has_run(~marks, longest):
        runs &= ~behind
        while marks != _ZERO:
            before = marks ^ (marks - _ONE)
            longest = max(longest, ones_count(runs & before))
            runs &= ~before
            marks &= marks - _ONE
    return run, max(longest, run)


@inlined
def mark_counts(codes: Any, narrow: Any, count: Any, plain: Any, out: Any) -> None:
    """Fill of `out` (12,) what depends on the characters around.

    Broken characters, sentence ends, characters within 【】, longest run of CJK characters without
    punctuation (spaces and letters neither count nor end it), ellipses: 5 to 8 and 11. `plain`
    tells that all characters are ASCII.
    """
    run, longest, opened = 0, 0, -1
    for at in range(0, count, WINDOW):
        marks = mark_mask(narrow, at)
        while marks != _ZERO:
            opened = _mark(codes, narrow, at + trailing_zeros(marks), opened, out)
            marks &= marks - _ONE
        if not plain:
            runs = run_mask(narrow, at)
            if runs != _ZERO or run:
                run, longest = _longest_run(runs, punctuation_mask(narrow, at), run, longest)
    out[8] = longest
