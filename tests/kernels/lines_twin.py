"""The stages that take lines out of texts, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Iterable

from statistics_twin import char_class, is_letter

from skypile.kernels.chars import _SETS, ASCII_END, CLOSER, WIDE_END  # the marks, as strings
from skypile.stages.lines import COUNTERS, POLICY
from skypile.text import is_cjk

ENDS, WIDE, CLOSERS = _SETS[ASCII_END], _SETS[WIDE_END], _SETS[CLOSER]
CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")
MEASURES = "万亿千次人个条篇赞数量的了"


def lowered(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def named(char: str) -> bool:
    return is_letter(char) or char_class(char) == "digit"


def runs(line: str) -> list[str]:
    """Return what stands between spaces and CJK characters."""
    return "".join(" " if is_cjk(char) else char for char in line).split()


def words(line: str, *, chinese: bool) -> int:
    if not chinese:
        return len(line.split())
    units = sum(any(map(named, run)) for run in runs(line))
    return units + sum(map(is_cjk, line))


def longest(line: str, *, chinese: bool) -> int:
    return max(map(len, runs(line) if chinese else line.split()), default=0)


def sentences(line: str) -> int:
    """Count sentence ends of a line without spaces at its ends, and what is left behind them."""
    found, rest = 0, ""
    for at, char in enumerate(line):
        following = line[at + 1 : at + 2] or " "
        if char in ENDS + WIDE and following not in ENDS + WIDE:
            if char in WIDE or following.isspace() or following in CLOSERS:
                found, rest = found + 1, ""
        elif not char.isspace() and char not in CLOSERS + ENDS + WIDE:
            rest += char
    return found + bool(rest)


def terminal(line: str, *, chinese: bool) -> bool:
    if chinese:
        line = line.rstrip(")）]】〕》〉")
        if line.endswith("…"):
            return line.endswith("……")
        if line.endswith(tuple("。！？；｡．”’」』")):
            return True
    return line.endswith((".", "?", "!", '"', "'")) and not line.endswith("...")


def c4(
    text: str, *, terminal_marks: bool, chinese: bool, min_words: int, max_word_chars: int
) -> tuple[str, list[int]]:
    removed, lorem, braces, said, kept = 0, 0, 0, 0, []
    for raw in text.split("\n"):
        line = CITATION.sub("", raw).strip()
        low = lowered(line)
        removed += bool(raw.strip())
        if not line or longest(line, chinese=chinese) > max_word_chars:
            continue
        if terminal_marks and not terminal(line, chinese=chinese):
            continue
        if words(line, chinese=chinese) < min_words:
            continue
        lorem += "lorem ipsum" in low
        if "javascript" in low:
            continue
        braces += "{" in line
        if any(phrase in low for phrase in POLICY):
            continue
        said += sentences(line)
        removed -= 1
        kept.append(line)
    return "\n".join(kept), [removed, lorem, braces, said]


def counter(line: str) -> bool:
    number = noun = False
    at = 0
    while at < len(line):
        char = line[at]
        if not is_letter(char):
            number = number or char_class(char) == "digit"
            at += 1
            continue
        low = lowered(line)
        found = max((n for n in COUNTERS if low.startswith(n, at)), key=len, default="")
        behind = line[at + len(found) : at + len(found) + 1]
        if found and (is_cjk(char) or not (behind and is_letter(behind))):
            noun = True
            at += len(found)
            continue
        following = line[at + 1 : at + 2]
        thousands = char in "kmbKMB" and at > 0 and char_class(line[at - 1]) == "digit"
        if char not in MEASURES and not (thousands and not (following and is_letter(following))):
            return False
        at += 1
    return number and noun


def refinedweb(
    text: str, *, chinese: bool, max_upper_frac: float, min_words: int, max_words: int,
    prefixes: Iterable[str], suffixes: Iterable[str], phrases: Iterable[str],
) -> tuple[str, list[int]]:  # fmt: skip
    patterns = [rf"\A(?P<first>{re.escape(each)})" for each in prefixes]
    patterns += [rf"{re.escape(each)}\Z" for each in suffixes]
    patterns += [re.escape(each) for each in phrases]
    removed, edited, before, left, kept = 0, 0, 0, 0, []
    for line in text.split("\n"):
        core = line.strip()
        size = words(core, chinese=chinese)
        before += size
        if core and (
            sum(map(upper, core)) > max_upper_frac * len(core)
            or all(char_class(char) == "digit" for char in core if not char.isspace())
            or size < min_words
            or counter(core)
        ):
            removed += 1
            continue
        found = without(line, patterns) if core and size <= max_words else line
        if core and not found.strip():
            removed += 1
            continue
        edited += found != line
        left += words(found, chinese=chinese)
        kept.append(found)
    return "\n".join(kept), [removed, edited, before, left]


def upper(char: str) -> bool:
    code = ord(char)
    return char.isupper() and (
        0x41 <= code <= 0x58F or 0x1E00 <= code <= 0x1FFF or 0xFF21 <= code <= 0xFF3A
    )


def without(line: str, patterns: list[str]) -> str:
    """Cut the patterns out of the line's core, the longest first at each place."""
    core, lead = line.strip(), len(line) - len(line.lstrip())
    low, at, cuts = lowered(core), 0, []
    while at < len(core):
        spans = [m.span() for p in patterns for m in re.finditer(p, low) if m.start() == at]
        if not spans:
            at += 1
            continue
        stop = max(stop for _, stop in spans)
        cuts.append((at, stop))
        at = stop
    pieces, done = [], 0
    for start, stop in cuts:
        first, last = start + lead, stop + lead
        if start and first > done and line[first - 1].isspace():
            first -= 1
        elif not start and stop < len(core) and core[stop].isspace():
            last += 1
        pieces.append(line[done : max(done, first)])
        done = last
    return "".join(pieces) + line[done:]


def boilerplate(text: str, *, max_chars: int, phrases: Iterable[str]) -> tuple[str, list[int]]:
    every = [line.strip() for line in text.split("\n") if line.strip()]
    gone = [line for line in every if len(line) <= max_chars and chrome(line, list(phrases))]
    kept = [line for line in text.split("\n") if line.strip() not in gone]
    return "\n".join(kept), [len(gone), len(every)]


def chrome(line: str, phrases: list[str]) -> bool:
    low, at, last, before = lowered(line), 0, 0, False
    sentence = line[-1] in ENDS + WIDE
    while at < len(line):
        here = [p for p in phrases if low.startswith(p, at) and (
            not p[0].isascii() or at == 0 or is_cjk(line[at - 1]) or not is_letter(line[at - 1])
        )]  # fmt: skip
        if not here:
            at += 1
            continue
        stop = at + max(map(len, here))
        if at > last or at == 0:
            before = free(line[:at][::-1], latin=line[at].isascii())
        behind = free(line[stop:], latin=line[stop - 1].isascii())
        if (before and behind) or (not sentence and (before or behind)):
            return True
        at = last = stop
    return False


def free(rest: str, *, latin: bool) -> bool:
    """Tell whether the characters beside a phrase, nearest first, begin with no letter."""
    if latin and rest[:1].isspace():
        rest = rest[1:]
    return not rest or not (named(rest[0]) if latin else is_letter(rest[0]))
