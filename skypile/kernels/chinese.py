"""What tells bad Chinese pages from good: terms, telephones, lists, cut lines, phrases said again.

A document is decoded once (`chars.decode`); each statistic then runs over its code points and their
kinds. All work is linear in the text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit, uncounted
from skypile.kernels.chars import (
    CJK_PUNCT,
    CLASS_MASK,
    DIGIT,
    ELLIPSIS,
    HAN,
    KINDS,
    LATIN,
    SPACE,
    decode,
)  # fmt: skip
from skypile.kernels.chinese_table import (
    ASCII_CLAUSE,
    CLAUSE_END,
    CLOSING_QUOTE,
    DISGUISE,
    FLAGS,
    GRAMMAR,
    LOST,
    QUESTION,
    RARE,
    SENTENCE_END,
    TERM_SLOTS,
    TERMS,
)  # fmt: skip
from skypile.kernels.chinese_terms import CATEGORIES
from skypile.kernels.counts import scratch_chars

__all__ = [
    "CATEGORY_NAMES", "FIELDS", "KEYWORD_CHARS", "KEYWORD_RUN", "NUMBERED_CHARS", "PHRASE_CHARS",
    "TEASER_LEAST_CHARS", "TEASER_MOST_CHARS", "TEASER_REST_CHARS", "TITLE_CHARS", "bad_counts",
]  # fmt: skip

CATEGORY_NAMES = tuple(CATEGORIES)
_CATEGORIES = len(CATEGORY_NAMES)
FIELDS = (
    *(f"{name}_chars" for name in CATEGORY_NAMES), *(f"{name}_terms" for name in CATEGORY_NAMES),
    "chars", "han", "rare", "broken", "disguise",
    "line_chars", "teaser_chars", "clauses", "keyword_chars",
    "phones", "phone_digits", "phrases", "said_again", "title_phrases", "top_phrases",
    "numbered_again",
)  # fmt: skip
_TERMS_AT = _CATEGORIES
_CHARS_AT = 2 * _CATEGORIES
_LINES_AT = _CHARS_AT + 5
_PHONES_AT = _LINES_AT + 4
_PHRASES_AT = _PHONES_AT + 2

# A segment of a list of keywords has 2 to 12 characters and none that carries grammar; six of them
# in a row are a list (menus, tags, names of goods), three an enumeration in a sentence.
KEYWORD_CHARS, KEYWORD_RUN = 12, 6
# Behind the ellipsis of a cut summary stand counts of readers and a link, but no sentence. A longer
# line is an article that comes as one line.
TEASER_REST_CHARS = 24
TEASER_LEAST_CHARS, TEASER_MOST_CHARS = 15, 250
# A phrase has 6 Chinese characters: a place and a service, or a third of a sentence.
PHRASE_CHARS, TITLE_CHARS = 6, 64
# A phrase with a number within that is said again is a template filled in, unless the number is a
# whole line of a program between two comments.
NUMBERED_CHARS = 16


@inlined
def _lowered(code: Any) -> Any:
    return np.int64(code) + 32 if 65 <= code <= 90 else np.int64(code)


@inlined
def _term_at(codes: Any, i: Any, count: Any, slots: Any, entries: Any) -> Any:
    """Return where in `entries` the longest term stands that begins at codes[i], or -1."""
    if i + 1 >= count:
        return -1
    at = slots[(_lowered(codes[i]) * 31 + _lowered(codes[i + 1])) & (TERM_SLOTS - 1)]
    while at >= 0 and entries[at]:
        size = entries[at]
        same = i + size <= count
        k = 0
        while same and k < size:
            same = _lowered(codes[i + k]) == entries[at + 2 + k]
            k += 1
        if same:
            return at
        at += size + 2
    return -1


@uncounted
def _terms(codes: Any, kinds: Any, count: Any, terms: Any, seen: Any, row: Any, out: Any) -> None:
    """Count the characters of the terms of each category, and the different terms.

    A term that begins with a Latin letter begins a word. seen[number] is the last row, counted from
    1, that had the term.
    """
    slots, entries, categories = terms
    i, inside = 0, False
    while i < count:
        group = kinds[i] & CLASS_MASK
        latin = group == LATIN
        at = -1
        if group != SPACE and not (inside and latin):
            at = _term_at(codes, i, count, slots, entries)
        inside = latin
        if at < 0:
            i += 1
            continue
        size, number = entries[at], entries[at + 1]
        category = categories[number]
        if category >= 0:
            out[category] += size
            if seen[number] != row:
                seen[number] = row
                out[_TERMS_AT + category] += 1
        i += size
        inside = kinds[i - 1] & CLASS_MASK == LATIN


@uncounted
def _chars(codes: Any, kinds: Any, count: Any, flags: Any, out: Any) -> None:
    """Count characters that are no spaces, Chinese, rare, broken, disguising ones.

    Broken is also a question mark with another one beside it and a Chinese character behind the
    run: the bytes that an encoding did not have.
    """
    for i in range(count):
        group = kinds[i] & CLASS_MASK
        flag = flags[codes[i]]
        out[0] += group != SPACE
        out[1] += group == HAN
        out[2] += flag & RARE != 0
        out[3] += flag & LOST != 0
        out[4] += flag & DISGUISE != 0
    i = 0
    while i < count:
        if not flags[codes[i]] & QUESTION:
            i += 1
            continue
        start = i
        while i < count and flags[codes[i]] & QUESTION:
            i += 1
        if i - start > 1 and i < count and kinds[i] & CLASS_MASK == HAN:
            out[3] += i - start


@inlined
def _teaser(codes: Any, kinds: Any, flags: Any, start: Any, stop: Any) -> Any:
    """Tell whether the line is a cut summary: an ellipsis, then hardly anything until its end."""
    if not TEASER_LEAST_CHARS <= stop - start <= TEASER_MOST_CHARS:
        return False
    i = stop - 1
    least = max(start, stop - 1 - TEASER_REST_CHARS)
    while i >= least:
        dots = codes[i] == 0x2E and i - 1 >= start and codes[i - 1] == 0x2E
        if kinds[i] & ELLIPSIS or dots:
            return not (i + 1 < stop and flags[codes[i + 1]] & CLOSING_QUOTE)
        if flags[codes[i]] & CLAUSE_END:
            return False
        i -= 1
    return False


@uncounted
def _lines(codes: Any, kinds: Any, count: Any, flags: Any, out: Any) -> None:
    """Count the characters of lines, those of cut ones, and the ends of clauses.

    Spaces at both ends of a line do not count. A clause ends in ，。！？； or in one of , . ; ! ?
    right behind a Chinese character.
    """
    first = 0
    while first < count:
        last = first
        while last < count and codes[last] != 0x0A:
            flag = flags[codes[last]]
            behind = last > 0 and kinds[last - 1] & CLASS_MASK == HAN
            out[2] += flag & CLAUSE_END != 0 or (flag & ASCII_CLAUSE != 0 and behind)
            last += 1
        start, stop = first, last
        while start < stop and kinds[start] & CLASS_MASK == SPACE:
            start += 1
        while stop > start and kinds[stop - 1] & CLASS_MASK == SPACE:
            stop -= 1
        out[0] += stop - start
        if _teaser(codes, kinds, flags, start, stop):
            out[1] += stop - start
        first = last + 1


@uncounted
def _keywords(codes: Any, kinds: Any, count: Any, flags: Any) -> Any:
    """Return the characters in runs of KEYWORD_RUN and more short segments without grammar.

    Segments are parted by anything but letters and digits. Marks of sentences end a run, and so
    does a segment that is too long or has a character of grammar; those without a Chinese character
    stand in a run without counting.
    """
    total, chars, segments = 0, 0, 0
    i = 0
    while i <= count:
        size, han, grammar = 0, 0, False
        while i < count and LATIN <= kinds[i] & CLASS_MASK < CJK_PUNCT:
            han += kinds[i] & CLASS_MASK == HAN
            grammar |= flags[codes[i]] & GRAMMAR != 0
            size += 1
            i += 1
        ends = i >= count or flags[codes[i]] & SENTENCE_END != 0
        if han >= 2 and size <= KEYWORD_CHARS and not grammar:
            chars += size
            segments += 1
        elif han:
            ends = True
        if ends:
            if segments >= KEYWORD_RUN:
                total += chars
            chars, segments = 0, 0
        i += 1
    return total


@inlined
def _phone(digits: Any, solid: Any) -> Any:
    """Tell whether the digits are those of a Chinese telephone number, as they stand in `solid`.

    Mobile: 11 from 13 to 19. Landline: 0, an area code, 7 or 8 digits. Free: 400 or 800 and 7.
    """
    if digits == 11 and solid[0] == 1 and solid[1] >= 3:
        return True
    if (digits == 11 or digits == 12) and solid[0] == 0:
        return True
    return digits == 10 and (solid[0] == 4 or solid[0] == 8) and solid[1] == 0 and solid[2] == 0


@njit
def _numbers(codes: Any, kinds: Any, count: Any, out: Any) -> None:
    """Count telephone numbers and their digits: dashes do not part them."""
    solid = np.zeros(16, np.int64)
    i = 0
    while i < count:
        if not 0x30 <= codes[i] <= 0x39 or (i and kinds[i - 1] & CLASS_MASK == LATIN):
            i += 1
            continue
        digits = 0
        while i < count and (0x30 <= codes[i] <= 0x39 or (digits and codes[i] == 0x2D)):
            if codes[i] != 0x2D:
                solid[min(digits, 15)] = codes[i] - 0x30
                digits += 1
            i += 1
        if _phone(digits, solid):
            out[0] += 1
            out[1] += digits


@inlined
def _packed(window: Any, first: Any) -> Any:
    value = np.uint64(0)
    for k in range(first, first + PHRASE_CHARS // 2):
        value = value << np.uint64(21) | window[k % PHRASE_CHARS]
    return value


@inlined
def _phrase_slot(window: Any, units: Any, keys: Any, size: Any) -> Any:
    """Return the slot of the phrase that ends with the last of `units` characters.

    The slot is taken (its key is not 0) where the phrase was there before. Two of 1e6 phrases have
    one key with probability 5e-8.
    """
    key = _packed(window, units) * np.uint64(0x9E3779B97F4A7C15)
    key ^= _packed(window, units + PHRASE_CHARS // 2) * np.uint64(0xC2B2AE3D27D4EB4F)
    at = np.int64((key ^ (key >> np.uint64(32))) & np.uint64(size - 1))
    key |= np.uint64(1)
    while keys[at] != np.uint64(0) and keys[at] != key:
        at = (at + 1) & (size - 1)
    if keys[at] == np.uint64(0):
        keys[at] = key
        return -1 - at
    return at


@njit
def _phrases(
    codes: Any, kinds: Any, count: Any, titles: Any, keys: Any, times: Any, out: Any
) -> None:
    """Count phrases, those said before, the commonest of title and of text, those with a number.

    A phrase is PHRASE_CHARS Chinese characters in a row, whatever stands between them: a sentence
    with another number in it is the same sentence. The last count is of phrases said before that
    have a digit within, and fewer than NUMBERED_CHARS characters in all. `keys` and `times` hold
    twice `count` values, 16 at least.
    """
    size = 16
    while size < 2 * count:
        size *= 2
    keys[:size] = 0
    window = np.zeros(PHRASE_CHARS, np.uint64)
    places = np.zeros(PHRASE_CHARS, np.int64)
    units, chars, found, title, digit = 0, 0, 0, True, -1
    for i in range(count):
        group = kinds[i] & CLASS_MASK
        chars += group != SPACE
        title &= chars <= TITLE_CHARS and not (codes[i] == 0x0A and chars)
        if group == DIGIT:
            digit = i
        if group != HAN:
            continue
        window[units % PHRASE_CHARS] = np.uint64(codes[i])
        places[units % PHRASE_CHARS] = i
        units += 1
        if units < PHRASE_CHARS:
            continue
        first = places[units % PHRASE_CHARS]
        at = _phrase_slot(window, units, keys, size)
        out[0] += 1
        if at >= 0:
            times[at] += 1
            out[1] += 1
            out[4] += digit > first and i - first < NUMBERED_CHARS
        else:
            at = -1 - at
            times[at] = 1
            titles[found] = at
            found += title
        out[3] = max(out[3], times[at])
    for k in range(found):
        out[2] = max(out[2], times[titles[k]])


@njit
def _bad_counts(
    data: Any, offsets: Any, table: Any, flags: Any, terms: Any, room: Any, out: Any
) -> None:
    codes = np.empty(room, np.uint32)
    kinds = np.empty(room, np.uint32)
    size = 16
    while size < 2 * room:
        size *= 2
    keys = np.empty(size, np.uint64)
    times = np.empty(size, np.int32)
    titles = np.empty(TITLE_CHARS + 1, np.int64)
    seen = np.zeros(terms[2].size, np.int64)
    for row in range(offsets.size - 1):
        count = decode(data, offsets[row], offsets[row + 1], table, codes, kinds)
        counted = out[row]
        _terms(codes, kinds, count, terms, seen, row + 1, counted)
        _chars(codes, kinds, count, flags, counted[_CHARS_AT:_LINES_AT])
        _lines(codes, kinds, count, flags, counted[_LINES_AT:])
        counted[_LINES_AT + 3] = _keywords(codes, kinds, count, flags)
        _numbers(codes, kinds, count, counted[_PHONES_AT:_PHRASES_AT])
        _phrases(codes, kinds, count, titles, keys, times, counted[_PHRASES_AT:])


def bad_counts(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the counts (rows, fields), columns in the order of FIELDS.

    The bytes of a row must be valid UTF-8; only the first `chars.MAX_BYTES` of it are counted.
    """
    out = np.zeros((offsets.size - 1, len(FIELDS)), np.int64)
    _bad_counts(data, offsets, KINDS, FLAGS, TERMS, scratch_chars(offsets), out)
    return out
