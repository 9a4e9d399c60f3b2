"""A text as the finders of spans see it: its characters, their classes, its lines, its units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.chars import CLASS_MASK, KINDS
from skypile.kernels.chinese_table import FLAGS
from skypile.text import CJK_RANGES

__all__ = ["Place", "Text", "runs"]

_CJK = "".join(f"{chr(first)}-{chr(last)}" for first, last in CJK_RANGES)
# One CJK character, or what stands between two of them in a word.
_UNIT = re.compile(f"[{_CJK}]|[^{_CJK}\\s]+")


class Place(NamedTuple):
    """Characters start:stop of a text (code points), and what they are."""

    start: int
    stop: int
    label: str


class Text:
    """A text and what several finders ask of it. Counts are of code points."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Terms of `kernels.chinese_terms` with their categories, once a finder has looked for them.
        self.terms: list[tuple[re.Match[str], str]] | None = None

    @cached_property
    def codes(self) -> npt.NDArray[np.uint32]:
        """uint32 (chars,): the code points."""
        return np.frombuffer(self.text.encode("utf-32-le"), "<u4")

    @cached_property
    def kinds(self) -> npt.NDArray[np.uint32]:
        """uint32 (chars,): class and flags of each character (`kernels.chars`)."""
        return np.asarray(KINDS[self.codes])

    @cached_property
    def classes(self) -> npt.NDArray[np.uint32]:
        """uint32 (chars,): the class of each character (`kernels.chars`)."""
        return (self.kinds & CLASS_MASK).astype(np.uint32)

    @cached_property
    def flags(self) -> npt.NDArray[np.uint16]:
        """uint16 (chars,): the flags of `kernels.chinese_table`."""
        return np.asarray(FLAGS[self.codes])

    @cached_property
    def lowered(self) -> str:
        """The text with its ASCII letters small: as long as the text, unlike `str.lower`."""
        return self.text.translate({code: code + 32 for code in range(65, 91)})

    @cached_property
    def lines(self) -> list[tuple[int, int]]:
        """Start and stop of each line that is not blank, without the spaces at its ends."""
        return [
            (at + len(line) - len(line.lstrip()), at + len(line.rstrip()))
            for at, line in self._raw_lines()
            if line.strip()
        ]

    @cached_property
    def paragraphs(self) -> list[list[tuple[int, int]]]:
        """The lines of each paragraph: blank lines part them."""
        found: list[list[tuple[int, int]]] = [[]]
        for at, line in self._raw_lines():
            if line.strip():
                start = at + len(line) - len(line.lstrip())
                found[-1].append((start, at + len(line.rstrip())))
            elif found[-1]:
                found.append([])
        return [group for group in found if group]

    def _raw_lines(self) -> Iterator[tuple[int, str]]:
        at = 0
        for line in self.text.split("\n"):
            yield at, line
            at += len(line) + 1

    @cached_property
    def units(self) -> list[tuple[int, int, str]]:
        """Start, stop and text of each unit of n-grams: a word, or a CJK character."""
        return [(m.start(), m.end(), m[0]) for m in _UNIT.finditer(self.text)]

    def begins_word(self, at: int, latin: int) -> bool:
        """Tell whether no Latin letter stands both at `at` and before it."""
        return at == 0 or self.classes[at] != latin or self.classes[at - 1] != latin


def runs(mask: npt.NDArray[np.bool_], label: str) -> Iterator[Place]:
    """Yield the runs of true values of a mask (chars,)."""
    edges: npt.NDArray[Any] = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield Place(start, stop, label)
