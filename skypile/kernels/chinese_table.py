"""The tables behind the statistics of bad Chinese pages: flags of characters, and the terms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skypile.kernels.chars import CLASS_MASK, HAN, KINDS
from skypile.kernels.chinese_terms import CATEGORIES, NEUTRAL

__all__ = [
    "ASCII_CLAUSE", "CLAUSE_END", "CLOSING_QUOTE", "DISGUISE", "FLAGS", "GRAMMAR", "LOST",
    "QUESTION", "RARE", "SENTENCE_END", "TERMS", "TERM_SLOTS",
]  # fmt: skip

# Characters of sentences, which no item of a list has: a part of those that carry grammar.
_GRAMMAR = "的是了和有不这就也都很而之其与我你他她它们吗呢吧着被把让从对"
RARE, GRAMMAR, CLAUSE_END, SENTENCE_END, CLOSING_QUOTE, LOST, QUESTION, ASCII_CLAUSE, DISGUISE = (
    1 << i for i in range(9)
)

# What stands for a letter or a word that must not be found: circled and mathematical letters and
# digits, pictographs, marks over other characters, characters without width, marks of direction.
_DISGUISES = (
    (0x0300, 0x036F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x20D0, 0x20FF), (0x2460, 0x24FF), (0x2600, 0x27BF), (0xFE00, 0xFE0F), (0x1D400, 0x1D7FF),
    (0x1F100, 0x1FAFF),
)  # fmt: skip


def _common_han() -> npt.NDArray[np.bool_]:
    """Return which code points are Chinese characters of the first level of a national standard.

    GB 2312-80 has 3,755 of them, Big5 5,401: those in daily use. Text that was decoded in the wrong
    encoding consists of the others to a third and more.
    """
    found = np.zeros(1 << 21, bool)
    for codec, first, last in (("gb2312", 0xB0A1, 0xD7F9), ("big5", 0xA440, 0xC67E)):
        for code in range(first, last + 1):
            try:
                char = code.to_bytes(2, "big").decode(codec)
            except UnicodeDecodeError:
                continue
            found[ord(char)] = True
    return found


def _flags() -> npt.NDArray[np.uint16]:
    flags = np.zeros(1 << 21, np.uint16)
    flags[(KINDS & CLASS_MASK == HAN) & ~_common_han()] |= RARE
    flags[[0x3005, 0x3007]] = 0
    for flag, chars in (
        (GRAMMAR, _GRAMMAR), (CLAUSE_END, "，。！？；"), (SENTENCE_END, "。！？；，：:"),
        (CLOSING_QUOTE, "”’」』\"'"), (QUESTION, "?？"), (ASCII_CLAUSE, ",.;!?"),
    ):  # fmt: skip
        flags[[ord(char) for char in chars]] |= flag
    # What decoders put for what they cannot read, what fonts of their own put into private areas,
    # and the controls that Latin-1 makes of the bytes of other encodings.
    for first, last in ((0xFFFD, 0xFFFD), (0xE000, 0xF8FF), (0x80, 0x84), (0x86, 0x9F),
                        (0xF0000, 0x10FFFF)):  # fmt: skip
        flags[first : last + 1] |= LOST
    for first, last in _DISGUISES:
        flags[first : last + 1] |= DISGUISE
    flags.flags.writeable = False
    return flags


FLAGS = _flags()
TERM_SLOTS = 8192


def _term_table() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the terms as (slots, entries, categories).

    slots[h] is where the list of terms whose first two characters hash to h starts in `entries`, or
    -1. A list is a row of (length, number, code points), longest first, and a 0. categories[number]
    is the category of a term, -1 of NEUTRAL.
    """
    owners = dict.fromkeys(NEUTRAL, -1)
    for at, terms in enumerate(CATEGORIES.values()):
        owners |= dict.fromkeys(terms, at)
    slots = np.full(TERM_SLOTS, -1, np.int32)
    lists: dict[int, list[tuple[str, int]]] = {}
    for number, term in enumerate(owners):
        assert len(term) > 1 and term == term.lower()
        lists.setdefault((ord(term[0]) * 31 + ord(term[1])) % TERM_SLOTS, []).append((term, number))
    entries: list[int] = []
    for key, found in lists.items():
        slots[key] = len(entries)
        for term, number in sorted(found, key=lambda entry: -len(entry[0])):
            entries += [len(term), number, *map(ord, term)]
        entries.append(0)
    return slots, np.array(entries, np.int32), np.array(list(owners.values()), np.int32)


TERMS = _term_table()
