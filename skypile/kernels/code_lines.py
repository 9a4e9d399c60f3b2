"""What one line is: prose, a comment, markup, or how a program would begin and end it.

`codes` and `kinds` are those of the document (``skypile.kernels.chars``); a line lies at
[start:stop], spaces at its ends cut off, and is not empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import inlined, uncounted
from skypile.kernels.chars import (
    CJK_PUNCT,
    CLASS_MASK,
    HAN,
    HANGUL,
    LATIN,
    LETTER,
    SPACE,
)  # fmt: skip

__all__ = [
    "KEYWORDS",
    "at",
    "has_pair",
    "hash_comment",
    "keyword_line",
    "letter_counts",
    "markup_line",
    "opens_block",
    "prose_line",
    "quoted_line",
    "scan_quotes",
    "slash_comment",
    "solid_chars",
    "starts_code",
    "thrice",
]

# First words of lines, of two to twelve letters, from many programming languages.
KEYWORDS = """
    abstract alter and assert async augroup autocmd await begin bool break call case catch cdef char
    cimport class command const continue cpdef create ctypedef def default define defer del delete
    do done double drop echo elif else elsif end endfor endfunc endfunction endif endwhile enum
    except export extends extern fi final finally float fn for foreign foreach from fun func
    function global goto grant if ifdef ifeq ifndef impl implements import include insert int
    interface lambda let local match mod module mov mut my namespace new not or our override package
    pass pop print private protected pub public push raise rem require return returns section select
    self set setlocal static string struct sub super switch syn template then this throw trait try
    type typedef typename union unless unset unsigned update use using val var virtual void where
    while with yield
"""


def _packed(word: str) -> int:
    value = 0
    for char in word:
        value = value << 5 | ord(char) & 31
    return value


_KEYWORD_CODES = np.array(sorted(map(_packed, KEYWORDS.split())), np.int64)
_KEYWORD_CHARS = 12

# A line is prose from five words on (a CJK character is half a word), if they are so much of it.
_PROSE_WORDS, _PROSE_TENTHS = 5, 6
# With `;` or `(` at its end, which long clauses have as well, so many.
_CLAUSE_WORDS, _CLAUSE_TENTHS = 8, 7


@inlined
def at(codes: Any, i: Any, stop: Any) -> Any:
    """Return the code at `i`, a space behind the end."""
    return np.int64(codes[i]) if i < stop else np.int64(0x20)


@inlined
def thrice(codes: Any, start: Any, stop: Any, code: Any) -> Any:
    """Tell whether the line begins with three of `code`."""
    if stop - start < 3 or codes[start] != code:
        return False
    return codes[start + 1] == code and codes[start + 2] == code


@uncounted
def solid_chars(kinds: Any, start: Any, stop: Any) -> Any:
    """Return how many characters are no spaces."""
    found = 0
    for i in range(start, stop):
        found += kinds[i] & CLASS_MASK != SPACE
    return found


@uncounted
def has_pair(codes: Any, start: Any, stop: Any, first: Any, second: Any) -> Any:
    """Tell whether `first` and `second` stand side by side."""
    for i in range(start, stop - 1):  # noqa: SIM110 - Numba compiles no generators
        if codes[i] == first and codes[i + 1] == second:
            return True
    return False


@uncounted
def hash_comment(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is a comment of a language that has no `//`, or a Markdown heading.

    `#`, `%`, `;` before a space, themselves or the end; `#!`; `"` and `!` before a space or the end
    (Vim, Fortran); `--` before a space or the end.
    """
    first, second = codes[start], at(codes, start + 1, stop)
    spaced = start + 1 == stop or kinds[start + 1] & CLASS_MASK == SPACE
    if first == 0x23 or first == 0x25 or first == 0x3B:
        return spaced or second == first or (first == 0x23 and second == 0x21)
    if first == 0x22 or first == 0x21:
        return spaced
    if first != 0x2D or second != 0x2D:
        return False
    return start + 2 == stop or kinds[start + 2] & CLASS_MASK == SPACE


@uncounted
def slash_comment(codes: Any, kinds: Any, first: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line begins with `//` or `/*`, or goes on with ` * ` as such comments do.

    The lines of a block comment are indented by one space more than the block, so by an odd number
    or behind a tab; items of Markdown lists seldom are.
    """
    second = at(codes, start + 1, stop)
    if codes[start] == 0x2F:
        return second == 0x2F or second == 0x2A
    if codes[start] != 0x2A or start == first or codes[start - 1] != 0x20:
        return False
    odd = (start - first) % 2 == 1 or codes[first] == 0x09
    spaced = start + 1 == stop or kinds[start + 1] & CLASS_MASK == SPACE
    return odd and (spaced or second == 0x2F)


@uncounted
def scan_quotes(codes: Any, kinds: Any, start: Any, stop: Any, quote: Any) -> Any:
    """Return which string of triple quotes is open behind the line, and where its comment begins.

    `quote`: 0, or the quote of the string that is open before it. The comment begins at the first
    `//`, `/*` or `# ` behind a space outside of such strings, else at `stop`.
    """
    end, run = stop, 0
    for i in range(start, stop):
        code = np.int64(codes[i])
        if code == 0x22 or code == 0x27:
            run = run + 1 if run and codes[i - 1] == code else 1
            if run == 3:
                run = 0
                quote = np.int64(0) if quote == code else (code if quote == 0 else quote)
            continue
        run = 0
        if (code == 0x2F or code == 0x23) and end == stop and start < i < stop - 1 and quote == 0:
            second = codes[i + 1]
            slashes = code == 0x2F and (second == 0x2F or second == 0x2A)
            opens = slashes or (code == 0x23 and second == 0x20)
            if opens and kinds[i - 1] & CLASS_MASK == SPACE:
                end = i
    return quote, end


@uncounted
def quoted_line(codes: Any, start: Any, stop: Any, quote: Any) -> Any:
    """Tell whether the line begins with triple quotes and ends with them, or leaves them open.

    So do docstrings; a line of a wiki may begin with a term in triple quotes.
    """
    if not (thrice(codes, start, stop, 0x22) or thrice(codes, start, stop, 0x27)):
        return False
    return quote != 0 or (stop - start >= 6 and thrice(codes, stop - 3, stop, codes[start]))


@uncounted
def _mark(code: Any) -> Any:
    """Tell whether prose has the character before or behind words: `().,:!?"'` and “”‘’."""
    if code < 0x80:
        return (
            code == 0x28 or code == 0x29 or code == 0x2E or code == 0x2C or code == 0x3A
            or code == 0x21 or code == 0x3F or code == 0x22 or code == 0x27
        )  # fmt: skip
    return code == 0x201C or code == 0x201D or code == 0x2018 or code == 0x2019


@uncounted
def _plain(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether a word is of letters, with `'` and `-` inside, and not inCamelCase."""
    while start < stop and _mark(codes[start]):
        start += 1
    while start < stop and _mark(codes[stop - 1]):
        stop -= 1
    small = False
    for i in range(start, stop):
        code = codes[i]
        if kinds[i] & LETTER:
            if small and 0x41 <= code <= 0x5A:
                return False
            small = 0x61 <= code <= 0x7A
        elif (code == 0x27 or code == 0x2D or code == 0x2019) and start < i < stop - 1:
            small = False
        else:
            return False
    return start < stop


@uncounted
def _words(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Return plain words, CJK characters half each, times two; and the characters of these."""
    halves, chars, i = 0, 0, start
    while i < stop:
        begin, cjk = i, 0
        while i < stop and kinds[i] & CLASS_MASK != SPACE:
            group = kinds[i] & CLASS_MASK
            cjk += HAN <= group <= HANGUL or group == CJK_PUNCT
            i += 1
        if cjk >= 2:
            halves += cjk
            chars += cjk
        elif i > begin and _plain(codes, kinds, begin, i):
            halves += 2
            chars += i - begin
        i += 1
    return halves, chars


@uncounted
def keyword_line(codes: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line begins with a keyword, all small or all capital letters."""
    value, i = np.int64(0), start
    base = 0x60 if codes[start] > 0x60 else 0x40
    while i < stop and i - start <= _KEYWORD_CHARS and base < codes[i] <= base + 26:
        value = value << 5 | np.int64(codes[i]) & 31
        i += 1
    if not 2 <= i - start <= _KEYWORD_CHARS:
        return False
    end = at(codes, i, stop)
    if not (end == 0x20 or end == 0x28 or end == 0x3A or end == 0x3B or end == 0x7B or end == 0x2E):
        return False
    place = np.searchsorted(_KEYWORD_CODES, value)
    return place < _KEYWORD_CODES.size and _KEYWORD_CODES[place] == value


@inlined
def opens_block(code: Any) -> Any:
    """Tell whether lines of programs end so: one of `;{}([`."""
    return code == 0x3B or code == 0x7B or code == 0x7D or code == 0x28 or code == 0x5B


@uncounted
def prose_line(codes: Any, kinds: Any, start: Any, stop: Any, solid: Any, keyword: Any) -> Any:
    """Tell whether the line is words of prose, and neither a string nor like `if a in b:`."""
    halves, chars = _words(codes, kinds, start, stop)
    if halves < 2 * _PROSE_WORDS or chars * 10 < solid * _PROSE_TENTHS:
        return False
    first, last = codes[start], codes[stop - 1]
    if keyword and (last == 0x3A or last == 0x29):
        return False
    if first == 0x22 or first == 0x27 or first == 0x60:
        string = last == 0x29 or (last == 0x2C and codes[stop - 2] == first)
        if string or last == 0x3B:
            return False
    clause = halves >= 2 * _CLAUSE_WORDS and chars * 10 >= solid * _CLAUSE_TENTHS
    return clause or not opens_block(last)


@uncounted
def markup_line(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is TeX's, reStructuredText's, or has a link of Markdown."""
    first, second = codes[start], at(codes, start + 1, stop)
    if first == 0x5C:
        return True
    if first == 0x2E and second == 0x2E:
        return at(codes, start + 2, stop) == 0x20
    if first == 0x3A and start + 1 < stop and kinds[start + 1] & LETTER:
        return True
    if opens_block(codes[stop - 1]):
        return False
    for i in range(start, stop - 2):
        if codes[i] == 0x5D and codes[i + 1] == 0x28:
            target = codes[i + 2]
            if target == 0x68 or target == 0x2F or target == 0x23 or target == 0x2E:
                return True
    return False


@uncounted
def starts_code(codes: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line begins with one of `})]{@.`, `#` and a small letter, `$ ` or `>>>`."""
    first, second = codes[start], at(codes, start + 1, stop)
    if first == 0x23:
        return 0x61 <= second <= 0x7A
    if first == 0x24:
        return second == 0x20
    if first == 0x7D or first == 0x29 or first == 0x5D or first == 0x7B or first == 0x40:
        return True
    return first == 0x2E or thrice(codes, start, stop, 0x3E)


@uncounted
def letter_counts(codes: Any, kinds: Any, start: Any, stop: Any) -> Any:
    """Return the line's letters, those that are not Latin, and whether all is capital words."""
    letters, foreign, capital = 0, 0, True
    for i in range(start, stop):
        letter = kinds[i] & LETTER != 0
        letters += letter
        foreign += letter and kinds[i] & CLASS_MASK != LATIN
        if 0x61 <= codes[i] <= 0x7A or not (letter or codes[i] == 0x20 or codes[i] == 0x2F):
            capital = False
    return letters, foreign, capital
