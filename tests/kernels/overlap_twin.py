"""Shared runs of words and characters in plain Python: what kernels.overlap must find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lexicon_twin import folded

from skypile.kernels.overlap_index import Limits
from skypile.kernels.term_tokens import BLANKS, MAX_WORD_BYTES
from skypile.text import is_cjk, is_letter_or_digit

Token = tuple[str, int, int]


def tokens(text: str) -> list[Token]:
    """Return (folded token, start, stop) of the words and characters of `text`, in characters."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        stop = at
        while stop < len(text) and is_letter_or_digit(text[stop]) and text[stop] not in BLANKS:
            stop += 1
        if stop == at and is_cjk(text[at]):
            stop += 1
        if stop > at:
            word = "".join(map(folded, text[at:stop]))
            if len(word.encode()) > MAX_WORD_BYTES:
                word = text[at:stop]
            found.append((word, at, stop))
        at = max(stop, at + 1)
    return found


def grams(run: Sequence[Token], words: int, chars: int) -> list[tuple[int, int]]:
    """Return (first, behind the last) token of all n-grams, by their ends."""
    found = []
    for stop in range(1, len(run) + 1):
        left = words * chars
        for first in range(stop - 1, -1, -1):
            left -= words if is_cjk(run[first][0][0]) else chars
            if left <= 0:
                found.append((first, stop))
                break
    return found


def key(run: Sequence[Token]) -> tuple[str, ...]:
    return tuple(token for token, _, _ in run)


def tells(run: tuple[str, ...]) -> bool:
    """Tell whether three tokens differ and are no numbers, or all of fewer."""
    words = {token for token in run if not set(token) <= set("0123456789")}
    return len(words) >= min(3, len(run))


@dataclass
class Text:
    """The n-grams of a text of an item: of `n-gram` or, where it is sought as a whole, `whole`."""

    item: int
    benchmark: int
    grams: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)


def item_text(item: int, benchmark: int, text: str, whole: bool, limits: Limits) -> Text:
    run = tokens(text)
    found = grams(run, limits.words, limits.chars)
    made = Text(item, benchmark, {("n-gram", key(run[first:stop])) for first, stop in found})
    if not found and whole and grams(run, limits.short_words, limits.short_chars):
        made.grams.add(("whole", key(run)))
    made.grams = {(kind, gram) for kind, gram in made.grams if tells(gram)}
    return made


def without_common(texts: Sequence[Text], max_items: int) -> list[int]:
    """Take n-grams of over `max_items` items of a set out; return how many for each set."""
    common = []
    for benchmark in range(max(each.benchmark for each in texts) + 1):
        mine = [each for each in texts if each.benchmark == benchmark]
        gone = 0
        for gram in set().union(*(each.grams for each in mine)):
            if len({each.item for each in mine if gram in each.grams}) > max_items:
                gone += 1
                for each in mine:
                    each.grams.discard(gram)
        common.append(gone)
    return common


@dataclass
class Result:
    """What `overlaps` says of one text; spans in characters."""

    counts: list[list[int]]
    shares: list[float]
    spans: list[tuple[int, int]]
    hits: dict[int, int]


def overlap(
    text: str, texts: Sequence[Text], limits: Limits, sets: int, min_hits: int, min_frac: float
) -> Result:
    run = tokens(text)
    places = [
        (("n-gram", key(run[first:stop])), run[first][1], run[stop - 1][2])
        for first, stop in grams(run, limits.words, limits.chars)
    ]
    for length in {len(gram) for each in texts for kind, gram in each.grams if kind == "whole"}:
        for first in range(len(run) - length + 1):
            part = run[first : first + length]
            places.append((("whole", key(part)), part[0][1], part[-1][2]))
    there = {gram for gram, _, _ in places}
    hits = {}
    for number, each in enumerate(texts):
        n, size = len(each.grams & there), len(each.grams)
        if n and n >= min(min_hits, size) and n >= min_frac * size:
            hits[number] = n
    counts, shares = [], []
    for benchmark in (*range(sets), None):
        mine = [number for number in hits if benchmark in (None, texts[number].benchmark)]
        wanted = set().union(*(texts[number].grams for number in mine))
        found = [(start, stop) for gram, start, stop in places if gram in wanted]
        covered = {at for start, stop in found for at in range(start, stop)}
        solid = sum(text[at] not in BLANKS for at in covered)
        counts.append([len(found), len({texts[number].item for number in mine}), solid])
        shares.append(
            max((hits[number] / len(texts[number].grams) for number in mine), default=0.0)
        )
    return Result(counts, shares, union(found), hits)


def union(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans, those that overlap or touch made one."""
    made: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(stop, made[-1][1]))
        else:
            made.append((start, stop))
    return made
