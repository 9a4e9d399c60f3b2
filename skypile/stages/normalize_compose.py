"""NFC of the places that need it, in time linear in the text."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

from skypile.kernels.normal_table import MARK, RECOMPOSED, code_table, mark_classes

__all__ = ["composed"]

# Marks behind one letter that Python may sort by itself: it does so by insertion, which takes a
# second for 50,000 marks and three hours for five million.
_FEW_MARKS = 30


def composed(text: str) -> tuple[str, int]:
    """Return the NFC of `text`, and in how many places it differs.

    A place is a run of characters that NFC may change, join with the one before them, or reorder,
    and that one. What follows has combining class 0 and is never a second half, so that each place
    has its own normal form (Unicode Standard Annex 15, section 9.1).
    """
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    active = np.zeros(len(codes) + 2, np.int8)
    active[1:-1] = code_table()[codes] & (RECOMPOSED | MARK) != 0
    borders = np.flatnonzero(np.diff(active))
    pieces, at, count = [], 0, 0
    for first, stop in borders.reshape(-1, 2).tolist():
        start = max(at, first - 1)
        found = text[start:stop]
        normal = _nfc(found)
        if normal != found:
            pieces += [text[at:start], normal]
            at = stop
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
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    classes = mark_classes()[codes].astype(np.int64)
    runs = np.cumsum(classes == 0)
    # A letter is the first of its run, whatever class it has.
    order = np.argsort(runs * 256 + classes, kind="stable")
    return codes[order].tobytes().decode("utf-32-le")
