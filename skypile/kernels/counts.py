"""All counts of characters, words and lines, for every document of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.characters import character_counts, histogram, mark_counts
from skypile.kernels.chars import CLASSES, MAX_BYTES
from skypile.kernels.lines import line_counts
from skypile.kernels.narrow import NARROW, ROOM, narrowed
from skypile.kernels.phrase_hits import phrase_hits
from skypile.kernels.words import word_counts

__all__ = ["CLASS_FIELDS", "FIELDS", "counts", "scratch_chars"]

CLASS_FIELDS = (
    "other", "space", "latin", "digit", "han", "kana", "hangul", "cyrillic", "cjk_punct",
    "ascii_punct", "symbol",
)  # fmt: skip
CHAR_FIELDS = (
    "ornaments", "hans", "hant", "function", "function_distinct", "mojibake", "sentences",
    "bracketed", "unpunctuated", "function_bits", "hashes", "ellipses",
)  # fmt: skip
WORD_FIELDS = ("words", "alpha", "stop", "stop_distinct", "stop_bits", "plain")
LINE_FIELDS = (
    "lines", "line_chars", "line_max", "short_10", "short_30", "bullets", "ellipsis_ends",
    "terminal_ends", "boilerplate", "indented", "code_ends",
    "gambling_chars", "gambling_bits", "gambling_terms", "bare", "code_starts", "newlines",
)  # fmt: skip
_CHARS = CLASSES
_WORDS = _CHARS + len(CHAR_FIELDS)
_LINES = _WORDS + len(WORD_FIELDS)
_WIDTH = _LINES + len(LINE_FIELDS)

# Name -> column of the matrix.
FIELDS: dict[str, int] = {
    **{name: number for number, name in enumerate(CLASS_FIELDS)},
    **{name: _CHARS + number for number, name in enumerate(CHAR_FIELDS)},
    **{name: _WORDS + number for number, name in enumerate(WORD_FIELDS)},
    **{name: _LINES + number for number, name in enumerate(LINE_FIELDS)},
}


@njit
def _counts(data: Any, offsets: Any, table: Any, room: Any, out: Any, nats: Any) -> None:
    codes = np.empty(room + ROOM, np.uint32)
    narrow = np.empty(room + ROOM, np.uint8)
    distinct = np.empty(room + 1, np.uint32)
    hits = np.empty(room // 2 + 1, np.int32)
    seen = np.zeros(table.size, np.int32)
    ascii_counts = np.zeros(512, np.int32)
    carries = np.zeros(7, np.uint64)
    for row in range(offsets.size - 1):
        counted = out[row]
        chars, lines = counted[_CHARS:_WORDS], counted[_LINES:]
        count, plain = narrowed(data, offsets[row], offsets[row + 1], table, codes, narrow)
        if plain:
            kept = histogram(narrow, narrow, count, seen, distinct, ascii_counts)
        else:
            kept = histogram(codes, narrow, count, seen, distinct, ascii_counts)
        nats[row] = character_counts(seen, distinct, kept, table, counted[:_CHARS], chars)
        mark_counts(codes, narrow, count, plain, chars)
        word_counts(narrow, count, carries, counted[_WORDS:_LINES])
        hits[phrase_hits(codes, narrow, count, plain, hits, lines[11:13])] = count
        line_counts(narrow, count, hits, lines)


def counts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the counts (rows, fields), columns by FIELDS, and the entropies (rows,) in nats.

    The bytes of a row must be valid UTF-8; only the first MAX_BYTES of it are counted.
    """
    rows = offsets.size - 1
    out = np.zeros((rows, _WIDTH), np.int64)
    nats = np.zeros(rows, np.float64)
    room = scratch_chars(offsets)
    _counts(data, offsets, NARROW, room, out, nats)
    return out, nats


def scratch_chars(offsets: npt.NDArray[np.int64]) -> int:
    """Return how many characters the longest document can have, as far as it is read."""
    longest = int(np.diff(offsets).max(initial=0))
    # A character that starts before MAX_BYTES may end behind it.
    return min(longest, MAX_BYTES + 4)
