"""NFC of the places that need it, in time linear in the text."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np

from skypile.kernels.normal_table import mark_classes, recomposed_chars

__all__ = ["composed"]

# Marks behind one letter that Python may sort by itself: it does so by insertion, which takes a
# second for 50,000 marks and three hours for five million.
_FEW_MARKS = 30


@cache
def _places() -> re.Pattern[str]:
    """Match characters that NFC may change, join with the one before them, or reorder.

    What follows has combining class 0 and is never a second half, so that each match, with the one
    character before it, has its own normal form (Unicode Standard Annex 15, section 9.1).
    """
    codes = sorted(recomposed_chars() | set(np.flatnonzero(mark_classes()).tolist()))
    ranges, start = [], codes[0]
    for code, following in zip(codes, [*codes[1:], 0], strict=True):
        if following != code + 1:
            ranges.append(f"{re.escape(chr(start))}-{re.escape(chr(code))}")
            start = following
    return re.compile(f"[{''.join(ranges)}]+")


def composed(text: str) -> tuple[str, int]:
    """Return the NFC of `text`, and in how many places it differs."""
    pieces, at, count = [], 0, 0
    for place in _places().finditer(text):
        start = max(0, place.start() - 1)
        found = text[start : place.end()]
        normal = _nfc(found)
        if normal != found:
            pieces += [text[at:start], normal]
            at = place.end()
            count += 1
    return ("".join((*pieces, text[at:])), count) if count else (text, 0)


def _nfc(text: str) -> str:
    if len(text) <= _FEW_MARKS:
        return unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", _sorted("".join(map(_taken_apart, text))))


@cache
def _taken_apart(char: str) -> str:
    return unicodedata.normalize("NFD", char)


def _sorted(text: str) -> str:
    """Return decomposed `text` in canonical order: each run of marks sorted by class, stably."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    classes = mark_classes()[codes].astype(np.int64)
    runs = np.cumsum(classes == 0)
    # A letter is the first of its run, whatever class it has.
    order = np.argsort(runs * 256 + classes, kind="stable")
    return codes[order].tobytes().decode("utf-32-le", "surrogatepass")
