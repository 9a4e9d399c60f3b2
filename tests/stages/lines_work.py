"""Prints how many bytes the stages that take lines out look at, for texts made to be slow.

Run with NUMBA_DISABLE_JIT=1, so that kernels are Python and an array can count what is read of it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pyarrow as pa

from skypile.kernels import line_chrome, line_edits
from skypile.kernels.buffers import utf8_view
from skypile.kernels.line_text import LINE_KINDS
from skypile.stages import lines

SIZES = (400, 1600)
# Name -> a text of so many repetitions.
HOSTILE = {
    "one letter": lambda n: "a" * n,
    "brackets": lambda n: "[" * n,
    "open citations": lambda n: "[12345" * n,
    "closed citations": lambda n: "[1]" * n,
    "nested citations": lambda n: "[citation needed" * (n // 4),
    "terminal marks": lambda n: "." * n,
    "closing brackets": lambda n: "好。" + "）" * n,
    "one phrase": lambda n: "cookie policy" * (n // 4),
    "beginnings of phrases": lambda n: "cookie polic" * (n // 4),
    "spaces": lambda n: "a" + " " * n,
    "counters": lambda n: "1 2 3 " * n + "likes",
    "Chinese counters": lambda n: "阅读 1万 " * n,
    "short lines": lambda n: "a\n" * n,
    "phrases side by side": lambda n: "sign-in read more... " * (n // 4),
}


class Counted(np.ndarray):  # type: ignore[type-arg]
    """Bytes that count how often one of them is read."""

    reads = 0

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return super().__getitem__(at)
        Counted.reads += 1
        # As in a kernel, where bytes grow to 64 bits when they are added up.
        return int(super().__getitem__(at))


def counted_room(*sizes: Any) -> Any:
    """Return the room of `kernels.line_edits`, reads of it counted as well."""
    out, ends, counts = room(*sizes)
    return out.view(Counted), ends, counts


room = line_edits.room
line_edits.room = line_chrome.room = counted_room  # type: ignore[attr-defined]
line_edits.LINE_KINDS = line_chrome.LINE_KINDS = LINE_KINDS.astype(np.int64)  # type: ignore[attr-defined,assignment]


def work(text: str) -> dict[str, int]:
    """Return the reads of each kernel, of its input and of what it has written."""
    data, offsets = utf8_view(pa.array([text], pa.large_string()))
    bytes_read = data.view(Counted)
    c4, refined, chrome = lines.C4Lines(), lines.RefinedwebLines(), lines.BoilerplateLines()
    found = {}
    for name, kernel in {
        "c4": lambda: line_edits.without_c4_lines(
            bytes_read, offsets, lines._c4_phrases(), terminal=False, chinese=True,
            min_words=1, max_word_chars=c4.max_word_chars,
        ),
        "refinedweb": lambda: line_edits.without_refinedweb_lines(
            bytes_read, offsets, lines._edits(refined.prefixes, refined.suffixes, refined.phrases),
            lines._counters(), chinese=True, max_upper_frac=refined.max_upper_frac, min_words=1,
            max_words=10**6,
        ),
        "boilerplate": lambda: line_chrome.without_boilerplate(
            bytes_read, offsets, lines._boilerplate(chrome.phrases), max_chars=10**6
        ),
    }.items():  # fmt: skip
        Counted.reads = 0
        kernel()
        found[name] = Counted.reads
    return found


if __name__ == "__main__":
    json.dump(
        {name: [work(make(size)) for size in SIZES] for name, make in HOSTILE.items()}, sys.stdout
    )
