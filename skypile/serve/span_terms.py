"""Where the terms of lists, telephone numbers and single bad characters stand in a text.

Each finder says in plain Python what the kernel behind its column counts; the tests hold their sums
against the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np

from skypile.kernels.chars import (
    HAN,
    LATIN,
    MOJIBAKE,
    ORNAMENT,
    PAIRED_MOJIBAKE,
    SINGLE_MOJIBAKE,
    SPACE,
)  # fmt: skip
from skypile.kernels.chinese_table import DISGUISE, LOST, QUESTION
from skypile.kernels.chinese_terms import CATEGORIES, LEAST_TERMS, NEUTRAL
from skypile.kernels.lines import CHROME_CHARS
from skypile.kernels.phrases import BOILERPLATE, GAMBLING
from skypile.serve.span_text import Place, Text, runs
from skypile.stages.chinese import LEAST_PROMOTION, PROMOTION

__all__ = [
    "boilerplate_lines", "broken", "category_terms", "disguise", "gambling_terms", "mojibake",
    "ornaments", "phones", "promotion",
]  # fmt: skip

_NUMBER = re.compile(r"[0-9][0-9-]*")
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{10,11}|[48]00\d{7}", re.ASCII)
_QUESTIONS = re.compile("[?？]{2,}")
# Classes at which a phrase may begin: Latin letters, digits, Han, kana, Hangul.
_FIRST_CLASS, _LAST_CLASS = 2, 6


@cache
def _phrases() -> re.Pattern[str]:
    return _longest_first((*BOILERPLATE, *GAMBLING))


@cache
def _terms() -> tuple[re.Pattern[str], dict[str, str]]:
    owners = dict.fromkeys(NEUTRAL, "")
    for name, terms in CATEGORIES.items():
        owners |= dict.fromkeys(terms, name)
    return _longest_first(owners), owners


def _longest_first(terms: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(terms, key=len, reverse=True))))


def _found(text: Text, pattern: re.Pattern[str], start: int, stop: int) -> Iterator[re.Match[str]]:
    """Yield matches from left to right, none over another; a Latin one begins a word."""
    at = start
    while (match := pattern.search(text.lowered, at, stop)) is not None:
        if text.begins_word(match.start(), LATIN):
            yield match
            at = match.end()
        else:
            at = match.start() + 1


def _phrase_hits(text: Text, start: int, stop: int) -> Iterator[re.Match[str]]:
    for match in _found(text, _phrases(), start, stop):
        if _FIRST_CLASS <= text.classes[match.start()] <= _LAST_CLASS:
            yield match


def gambling_terms(text: Text) -> Iterator[Place]:
    """Yield the terms of bookmakers and casinos, line by line."""
    for start, stop in text.lines:
        for match in _phrase_hits(text, start, stop):
            if match[0] in GAMBLING:
                yield Place(match.start(), match.end(), "gambling term")


def boilerplate_lines(text: Text) -> Iterator[Place]:
    """Yield short lines that hold a phrase of boilerplate."""
    for start, stop in text.lines:
        if stop - start <= CHROME_CHARS:
            hits = [match[0] for match in _phrase_hits(text, start, stop)]
            phrase = next((hit for hit in hits if hit not in GAMBLING), None)
            if phrase is not None:
                yield Place(start, stop, f"boilerplate: {phrase}")


def category_terms(text: Text, category: str) -> Iterator[Place]:
    """Yield the terms of one category of `kernels.chinese_terms`, where enough of them differ."""
    found = [match for match, owner in _all_terms(text) if owner == category]
    if len({match[0] for match in found}) >= LEAST_TERMS[category]:
        for match in found:
            yield Place(match.start(), match.end(), f"{category} term")


def promotion(text: Text) -> Iterator[Place]:
    """Yield the terms of trades that promote themselves, and telephone numbers.

    Where enough of the terms differ.
    """
    found = [(match, owner) for match, owner in _all_terms(text) if owner in PROMOTION]
    if len({match[0] for match, _ in found}) >= LEAST_PROMOTION:
        for match, owner in found:
            yield Place(match.start(), match.end(), f"{owner} term")
        yield from phones(text)


def _all_terms(text: Text) -> list[tuple[re.Match[str], str]]:
    """Return the terms of all categories, looked for once for all columns."""
    if text.terms is None:
        pattern, owners = _terms()
        found = _found(text, pattern, 0, len(text.text))
        text.terms = [(match, owners[match[0]]) for match in found if owners[match[0]]]
    return text.terms


def phones(text: Text) -> Iterator[Place]:
    """Yield Chinese telephone numbers; dashes do not part them."""
    at = 0
    while (match := _NUMBER.search(text.text, at)) is not None:
        start = match.start()
        # Digits right behind a Latin letter are no number; those that follow them may be.
        if start and text.classes[start - 1] == LATIN:
            at = start + 1
            continue
        if _PHONE.fullmatch(match[0].replace("-", "")):
            yield Place(start, match.end(), "telephone number")
        at = match.end()


def mojibake(text: Text) -> Iterator[Place]:
    """Yield characters that only broken decoding makes."""
    codes = text.codes
    marked = (text.kinds & MOJIBAKE) != 0
    behind = np.r_[codes[1:], 0] if len(codes) else codes
    for char, (first, last) in PAIRED_MOJIBAKE.items():
        if char not in SINGLE_MOJIBAKE:
            marked &= (codes != ord(char)) | ((behind >= first) & (behind <= last))
    yield from runs(marked, "broken decoding")


def ornaments(text: Text) -> Iterator[Place]:
    """Yield ornaments."""
    yield from runs((text.kinds & ORNAMENT) != 0, "ornament")


def broken(text: Text) -> Iterator[Place]:
    """Yield characters that stand for what could not be decoded."""
    yield from runs((text.flags & LOST) != 0, "lost character")
    for match in _QUESTIONS.finditer(text.text):
        assert text.flags[match.start()] & QUESTION
        if match.end() < len(text.text) and text.classes[match.end()] == HAN:
            yield Place(match.start(), match.end(), "lost character")


def disguise(text: Text) -> Iterator[Place]:
    """Yield characters that stand for letters or words which must not be found."""
    yield from runs((text.flags & DISGUISE != 0) & (text.classes != SPACE), "disguise")
