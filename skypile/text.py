"""How text is cut into words, tokens and shingles: the one definition, in plain Python.

The kernels compute the same from UTF-8 bytes; tests hold them against these functions.

* A **word** (statistics) is a maximal run of characters that are not in SPACES: exactly what
  ``str.split()`` gives, so U+00A0 and U+3000 separate words.
* A **token** (signatures) is one CJK character, or a maximal run of other letters and digits,
  lower-cased where it is ASCII. Everything else (punctuation, spaces, symbols) separates tokens
  and leaves no trace, so re-wrapped or re-punctuated copies have equal tokens.
* **Shingles** are the 5-grams of the CJK tokens together with the 5-grams of the other tokens,
  each of the two sequences read with the other one left out. One to four tokens of a kind make
  one shingle. English text needs words (character shingles gave one false cluster of 859,091
  documents in marin#6854), Chinese text needs characters (word shingles lose 41 % of the copies
  with 2 % of their characters changed).
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = [
    "SHINGLE_TOKENS",
    "SPACES",
    "is_cjk",
    "is_letter_or_digit",
    "normalized",
    "shingles",
    "tokens",
    "words",
]

# str.isspace() in full: ASCII white space with the separators 0x1C-0x1F, and the Unicode spaces.
SPACES: frozenset[str] = frozenset(
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
) | frozenset(chr(code) for code in range(0x2000, 0x200B))

SHINGLE_TOKENS = 5

# Kana, CJK and its extensions, compatibility ideographs, Hangul: scripts where one character is
# one token. First and last code point of each range.
CJK_RANGES: tuple[tuple[int, int], ...] = (
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3400, 0x4DBF),  # CJK extension A
    (0x4E00, 0x9FFF),  # CJK unified ideographs
    (0xAC00, 0xD7A3),  # Hangul syllables
    (0xF900, 0xFAFF),  # CJK compatibility ideographs
    (0x20000, 0x323AF),  # CJK extensions B to H
)


def is_cjk(char: str) -> bool:
    """Tell whether `char` is a token by itself."""
    code = ord(char)
    return any(first <= code <= last for first, last in CJK_RANGES)


def is_letter_or_digit(char: str) -> bool:
    """Tell whether `char` belongs into a token that is longer than one character.

    ASCII letters and digits, and every code point from U+00C0 on which is neither CJK nor in one
    of the blocks of punctuation, symbols and private use below. Deliberately a matter of ranges:
    a table of categories would tie signatures to a version of Unicode.
    """
    code = ord(char)
    if code < 0xC0:
        return char.isascii() and char.isalnum()
    return not is_cjk(char) and not any(first <= code <= last for first, last in SYMBOL_RANGES)


# Blocks without letters, from U+00C0 on.
SYMBOL_RANGES: tuple[tuple[int, int], ...] = (
    (0x00D7, 0x00D7),  # multiplication sign
    (0x00F7, 0x00F7),  # division sign
    (0x1680, 0x1680),  # ogham space
    (0x2000, 0x2BFF),  # punctuation, currency, arrows, mathematics, boxes, dingbats
    (0x2E00, 0x2E7F),  # supplemental punctuation
    (0x3000, 0x303F),  # CJK symbols and punctuation
    (0xD800, 0xF8FF),  # surrogates, private use
    (0xFE00, 0xFE6F),  # variation selectors, vertical and small forms
    (0xFEFF, 0xFF0F),  # byte order mark, full-width punctuation
    (0xFF1A, 0xFF20),  # more of it (the full-width digits lie between)
    (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65),
    (0xFFE0, 0xFFFF),
    (0x1F000, 0x1FAFF),  # emoji, pictographs
    (0xE0000, 0x10FFFF),  # tags, private use
)


def words(text: str) -> list[str]:
    """Return the maximal runs of characters that are not in SPACES."""
    return text.split()


def tokens(text: str) -> Iterator[str]:
    """Yield the tokens of `text` in order."""
    start = -1
    for index, char in enumerate(text):
        if is_letter_or_digit(char):
            start = index if start < 0 else start
            continue
        if start >= 0:
            yield _folded(text[start:index])
            start = -1
        if is_cjk(char):
            yield char
    if start >= 0:
        yield _folded(text[start:])


def _folded(text: str) -> str:
    """Lower-case the ASCII letters of `text` and nothing else."""
    return "".join(char.lower() if char.isascii() else char for char in text)


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return the set of shingles of `text`; empty where it has no token."""
    found: set[tuple[str, ...]] = set()
    every = list(tokens(text))
    for cjk in (True, False):
        run = [token for token in every if is_cjk(token[0]) is cjk]
        if 0 < len(run) < SHINGLE_TOKENS:
            found.add(tuple(run))
        for index in range(len(run) - SHINGLE_TOKENS + 1):
            found.add(tuple(run[index : index + SHINGLE_TOKENS]))
    return found


def normalized(text: str) -> str:
    """Return the text whose hash decides on exact duplicates.

    White space (SPACES) is removed, ASCII letters are lower-cased, and the full-width forms
    U+FF01-U+FF5E become their ASCII counterparts first. Used for hashing only: no document is
    ever rewritten by it.
    """
    narrow = (chr(ord(c) - 0xFEE0) if "\uff01" <= c <= "\uff5e" else c for c in text)
    return _folded("".join(char for char in narrow if char not in SPACES))
