"""Where lines, n-grams and runs of characters stand that a rule counts.

Each finder says in plain Python what the kernel behind its column counts; the tests hold their sums
against the columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from skypile.kernels.chars import BULLET, CJK_PUNCT, DASH_BULLET, HAN, HANGUL, KANA, LATIN
from skypile.kernels.chinese import KEYWORD_CHARS, KEYWORD_RUN, NUMBERED_CHARS, PHRASE_CHARS
from skypile.kernels.chinese_table import GRAMMAR, SENTENCE_END
from skypile.kernels.lines import CHROME_CHARS, LONG_LINE_CHARS, SHORT_LINE_CHARS
from skypile.serve.span_text import Place, Text, runs

__all__ = [
    "bare_lines", "bracketed", "bullet_lines", "dup_grams", "dup_lines", "dup_paragraphs",
    "ellipsis_lines", "keywords", "longest_code_line", "numbered_again", "short_lines",
    "top_grams", "unpunctuated",
]  # fmt: skip

_BRACKETS = re.compile("[【】\n]")
_WORDS = re.compile(r"\w+")


def dup_lines(text: Text) -> Iterator[Place]:
    """Yield lines that occurred before."""
    seen: set[str] = set()
    for start, stop in text.lines:
        line = text.text[start:stop]
        if line in seen:
            yield Place(start, stop, "repeated line")
        seen.add(line)


def dup_paragraphs(text: Text) -> Iterator[Place]:
    """Yield the lines of paragraphs that occurred before."""
    seen: set[tuple[str, ...]] = set()
    for lines in text.paragraphs:
        piece = tuple(text.text[start:stop] for start, stop in lines)
        if piece in seen:
            for start, stop in lines:
                yield Place(start, stop, "repeated paragraph")
        seen.add(piece)


def _lines_that(
    label: str, holds: Callable[[Text, int, int], bool]
) -> Callable[[Text], Iterator[Place]]:
    def found(text: Text) -> Iterator[Place]:
        for start, stop in text.lines:
            if holds(text, start, stop):
                yield Place(start, stop, label)

    return found


def _ends_in_ellipsis(text: Text, start: int, stop: int) -> bool:
    return stop - start <= CHROME_CHARS and text.text.endswith(("…", "..."), start, stop)


def _has_bullet(text: Text, start: int, stop: int) -> bool:
    kind = text.kinds[start]
    if not kind & DASH_BULLET:
        return bool(kind & BULLET)
    return start + 1 < stop and text.text[start + 1].isspace()


def _is_bare(text: Text, start: int, stop: int) -> bool:
    return bool(stop - start <= SHORT_LINE_CHARS and text.classes[stop - 1] < CJK_PUNCT)


ellipsis_lines = _lines_that("line that ends in an ellipsis", _ends_in_ellipsis)
bullet_lines = _lines_that("bulleted line", _has_bullet)
bare_lines = _lines_that("line of a menu", _is_bare)
short_lines = _lines_that("short line", lambda _, start, stop: stop - start <= LONG_LINE_CHARS)


def longest_code_line(text: Text) -> Iterator[Place]:
    """Yield the longest line, spaces included."""
    at = longest = 0
    found: Place | None = None
    for line in text.text.split("\n"):
        if len(line) > longest:
            longest, found = len(line), Place(at, at + len(line), "longest line")
        at += len(line) + 1
    if found is not None:
        yield found


def _grams(text: Text, size: int) -> list[tuple[str, ...]]:
    words = [unit for _, _, unit in text.units]
    return list(zip(*(words[at:] for at in range(size)), strict=False))


def top_grams(text: Text, size: int) -> Iterator[Place]:
    """Yield all places of the most frequent n-gram of units, if it occurs twice."""
    grams = _grams(text, size)
    times = Counter(grams)
    if not times or (most := max(times.values())) < 2:
        return
    best = next(gram for gram in grams if times[gram] == most)
    for at, gram in enumerate(grams):
        if gram == best:
            start, stop = text.units[at][0], text.units[at + size - 1][1]
            yield Place(start, stop, f"most frequent {size}-gram")


def dup_grams(text: Text, size: int) -> Iterator[Place]:
    """Yield what lies within second and later occurrences of n-grams of units."""
    grams = _grams(text, size)
    again = np.zeros(len(text.units), bool)
    seen: set[tuple[str, ...]] = set()
    for at, gram in enumerate(grams):
        again[at] = gram in seen
        seen.add(gram)
    covered = again.copy()
    for step in range(1, size):
        covered[step:] |= again[:-step]
    for first, last, label in runs(covered, f"repeated {size}-gram"):
        yield Place(text.units[first][0], text.units[last - 1][1], label)


def bracketed(text: Text) -> Iterator[Place]:
    """Yield what stands within 【】 on one line, the brackets left out."""
    opened: int | None = None
    for match in _BRACKETS.finditer(text.text):
        if match[0] == "】" and opened is not None and opened + 1 < match.start():
            yield Place(opened + 1, match.start(), "in brackets")
        opened = match.start() if match[0] == "【" else None


def unpunctuated(text: Text) -> Iterator[Place]:
    """Yield the first of the longest runs of CJK characters without punctuation."""
    classes = text.classes
    written = (classes == HAN) | (classes == KANA) | (classes == HANGUL)
    places = np.flatnonzero(written)
    if not len(places):
        return
    # Number of punctuation marks before each of them: those of one run have the same.
    marks = np.cumsum(classes >= CJK_PUNCT)[places]
    _, first, sizes = np.unique(marks, return_index=True, return_counts=True)
    best = int(np.argmax(sizes))
    run = places[first[best] : first[best] + sizes[best]]
    yield Place(int(run[0]), int(run[-1]) + 1, "longest run without punctuation")


def keywords(text: Text) -> Iterator[Place]:
    """Yield the items of lists of keywords: menus, tags, names of goods."""
    solid = (text.classes >= LATIN) & (text.classes < CJK_PUNCT)
    run: list[Place] = []
    behind = 0
    for start, stop, label in runs(solid, "keyword"):
        if np.any(text.flags[behind:start] & SENTENCE_END):
            yield from _long_enough(run)
            run = []
        behind = stop
        han = int(np.count_nonzero(text.classes[start:stop] == HAN))
        grammar = np.any(text.flags[start:stop] & GRAMMAR)
        if han >= 2 and stop - start <= KEYWORD_CHARS and not grammar:
            run.append(Place(start, stop, label))
        elif han:
            yield from _long_enough(run)
            run = []
    yield from _long_enough(run)


def _long_enough(run: list[Place]) -> list[Place]:
    return run if len(run) >= KEYWORD_RUN else []


def numbered_again(text: Text) -> Iterator[Place]:
    """Yield phrases around a number that occurred before with another one."""
    places = np.flatnonzero(text.classes == HAN).tolist()
    digits = np.cumsum(text.classes == 3)
    seen: set[str] = set()
    written = "".join(text.text[at] for at in places)
    for at in range(len(places) - PHRASE_CHARS + 1):
        phrase = written[at : at + PHRASE_CHARS]
        first, last = places[at], places[at + PHRASE_CHARS - 1]
        if phrase in seen and last - first < NUMBERED_CHARS and digits[last] > digits[first]:
            yield Place(first, last + 1, "phrase with another number")
        seen.add(phrase)
