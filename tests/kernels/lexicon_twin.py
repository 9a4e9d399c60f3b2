"""The terms of a lexicon in plain Python: a term is a substring of the text, both made normal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from skypile.kernels.term_tokens import BLANKS, BREAKS, FOLDED_RANGES, MAX_WORD_BYTES
from skypile.text import is_letter_or_digit

_BLANK = f"[{re.escape(''.join(sorted(BLANKS)))}]"
Hit = tuple[int, int, int]


def folded(char: str) -> str:
    if "\uff01" <= char <= "\uff5e":
        char = chr(ord(char) - 0xFEE0)
    small = char.lower()
    capital = any(first <= ord(char) <= last for first, last in FOLDED_RANGES)
    return small if capital and len(small) == 1 else char


def pieces(text: str) -> list[tuple[str, str, int, int]]:
    """Return (piece, kind, start, stop): words `w`, characters `c`, ends of lines `b`."""
    found: list[tuple[str, str, int, int]] = []
    at = 0
    for match in re.finditer(rf"{_BLANK}+|$", text):
        for start, stop in _solid(text, at, match.start()):
            piece = "".join(map(folded, text[start:stop]))
            kind = "w" if is_letter_or_digit(text[start]) else "c"
            if kind == "w" and len(found) > 1 and found[-1][1] == "b" and found[-2][1] == "w":
                found.pop()
            if len(piece.encode(errors="surrogatepass")) > MAX_WORD_BYTES:
                piece = "\0long"
            found.append((piece, kind, start, stop))
        at = match.end()
        if BREAKS & set(match[0]) and not (found and found[-1][1] == "b"):
            found.append(("\n", "b", match.start(), match.end()))
    return found


def _solid(text: str, at: int, stop: int) -> list[tuple[int, int]]:
    found, start = [], at
    for index in range(at, stop):
        if not is_letter_or_digit(text[index]):
            found += [(start, index)] if start < index else []
            found.append((index, index + 1))
            start = index + 1
    return found + ([(start, stop)] if start < stop else [])


def hits(text: str, terms: Mapping[str, int], allowed: Sequence[str], categories: int
         ) -> list[list[tuple[int, int, str]]]:  # fmt: skip
    """Return the hits of each category as (start, stop, term made normal); terms: bits."""
    read = pieces(text)
    words = [piece for piece, _, _, _ in read]
    known = {tuple(piece for piece, *_ in pieces(term)): 0 for term in terms}
    for term, bits in terms.items():
        known[tuple(piece for piece, *_ in pieces(term))] |= bits
    safe = {tuple(piece for piece, *_ in pieces(term)) for term in allowed}
    longest = max((len(term) for term in {*known, *safe}), default=0)
    ends = [0] * (len(words) + 1)
    for i in range(len(words)):
        sizes = [n for n in range(1, longest + 1) if tuple(words[i : i + n]) in safe]
        ends[i] = max([ends[i - 1] if i else 0, *(i + n for n in sizes if i + n <= len(words))])
    found: list[list[tuple[int, int, str]]] = []
    for category in range(categories):
        mine, i = [], 0
        while i < len(words):
            for n in range(min(longest, len(words) - i), 0, -1):
                term = tuple(words[i : i + n])
                if known.get(term, 0) >> category & 1 and i + n > ends[i]:
                    mine.append((read[i][2], read[i + n - 1][3], "\t".join(term)))
                    i += n
                    break
            else:
                i += 1
        found.append(mine)
    return found


def counts(text: str, found: list[list[tuple[int, int, str]]]) -> list[list[int]]:
    """Return hits, different ones, characters in them of each category."""
    return [
        [len(mine), len({term for _, _, term in mine}),
         sum(solid(text[start:stop]) for start, stop, _ in mine)] for mine in found
    ]  # fmt: skip


def solid(text: str) -> int:
    return sum(char not in BLANKS for char in text)
