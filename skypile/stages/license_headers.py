"""Where the licence header of a file stands: paragraphs of the comments that it begins with."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["header_lines", "without_header"]

# Opening of a block comment -> its end.
_BLOCKS = {"/*": "*/", "<!--": "-->", "(*": "*)", "{-": "-}", '"""': '"""', "'''": "'''",
           "--[[": "]]", "=begin": "=end", "{#": "#}", "<%--": "--%>"}  # fmt: skip
_LINE = re.compile(r"[ \t]*(?://|#(?!!)|--|;|%|\.\.[ ]|rem\b|dnl\b|\"(?!\"\")|'(?!'')|!)", re.I)
_SKIPPED = re.compile(
    r"#!|\ufeff?<\?(?:php|xml)|[ \t]*\Z|.{0,12}-\*-.*-\*-|#.*coding[:=]|//\s*@ts-|['\"]use strict|"
    r"#pragma once|%YAML|---\Z|@charset"
)
_LEGAL = re.compile(
    r"copyright|\u00a9|\(c\)\s*(?:19|20)\d\d|licen[cs]e|spdx|warrant|redistribut|permission|"
    r"public domain|all rights reserved|liab(?:le|ility)|misrepresented|altered source|"
    r"unencumbered|no rights reserved|\b[AL]?GPL|\bGNU\b",
    re.I,
)
# What a header holds at the least, so that a file about licences does not lose its description.
_SURE = re.compile(
    r"copyright\s*(?:\(c\)|\u00a9|&copy;|(?:19|20)\d\d|(?:by|held)\b)|\u00a9\s*(?:19|20)\d\d|spdx-license|"
    r"all rights reserved|permission is hereby|licensed (?:under|to)|without warrant|"
    r"(?:governed|distributed|released) (?:by|under) .{0,40}licen[cs]e|into the public domain",
    re.I,
)
_NOTHING = re.compile(r"[^A-Za-z0-9\u00a9]*\Z")
_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_WRAP = re.compile(r"[ \t]*\n(?:[ \t*#/;%-]|dnl\b)*")
_GAP_LINES = 3


@dataclass(frozen=True)
class _Comment:
    """Lines first..last (inclusive) that are one comment; `closes` is empty for line comments."""

    first: int
    last: int
    opens: str = ""
    closes: str = ""


def _comments(lines: list[str]) -> list[_Comment]:
    """Return the comments that a file begins with, up to its first line of another kind."""
    found: list[_Comment] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        opens = next((one for one in _BLOCKS if line.lstrip().startswith(one)), "")
        if opens:
            last = _closing(lines, at, opens)
            if last < 0:
                break
            found.append(_Comment(at, last, opens, _BLOCKS[opens]))
            at = last + 1
        elif _SKIPPED.match(line):
            at += 1
        elif _LINE.match(line):
            first = at
            while (
                at < len(lines) and _LINE.match(lines[at]) and not _SKIPPED.match(lines[at] or "x")
            ):
                at += 1
            at = max(at, first + 1)
            found.append(_Comment(first, at - 1))
        else:
            break
    return found


def _closing(lines: list[str], at: int, opens: str) -> int:
    """Return the line on which the comment that opens on line `at` ends, -1 where none does.

    Code behind its end on that line makes it none of ours.
    """
    start = lines[at].index(opens) + len(opens)
    for number in range(at, len(lines)):
        place = lines[number].find(_BLOCKS[opens], start if number == at else 0)
        if place >= 0:
            return number if not lines[number][place + len(_BLOCKS[opens]) :].strip() else -1
    return -1


def _paragraphs(lines: list[str], comment: _Comment) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in range(comment.first, comment.last + 1):
        if _NOTHING.match(lines[number]):
            continue
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _legal_lines(lines: list[str], comment: _Comment) -> set[int]:
    """Return the lines of the comment's paragraphs about rights; all where there are no others."""
    paragraphs = _paragraphs(lines, comment)
    legal = [
        bool(_LEGAL.search(_WRAP.sub(" ", "\n".join(lines[first : last + 1]))))
        for first, last in paragraphs
    ]
    if not any(legal):
        return set()
    for place in range(1, len(legal) - 1):
        first, last = paragraphs[place]
        if legal[place - 1] and any(legal[place + 1 :]) and last - first < _GAP_LINES:
            legal[place] = True
    if all(legal):
        return set(range(comment.first, comment.last + 1))
    return {
        number
        for (first, last), one in zip(paragraphs, legal, strict=True) if one
        for number in range(first, last + 1)
    }  # fmt: skip


def header_lines(head: str) -> dict[int, str]:
    """Return the lines of the licence header in `head`: number -> what is left of it when cut.

    What is left is empty but where a comment with other text in it begins or ends on that line.
    """
    lines = head.split("\n")
    found: dict[int, str] = {}
    for comment in _comments(lines):
        text = "\n".join(lines[comment.first : comment.last + 1])
        if not _SURE.search(_WRAP.sub(" ", text)):
            continue
        legal = _legal_lines(lines, comment)
        whole = len(legal) == comment.last - comment.first + 1
        for number in legal:
            opens = comment.opens if number == comment.first and not whole else ""
            closes = comment.closes if number == comment.last and not whole else ""
            found[number] = opens or closes
    return found


def without_header(text: str, header: dict[int, str]) -> str:
    """Return `text` without the lines of its licence header, and without blank lines in front."""
    lines = text.split("\n", max(header, default=0) + 1)
    kept: list[str] = []
    for number, line in enumerate(lines):
        if number not in header:
            kept.append(line)
        elif header[number]:
            kept.append(header[number])
    return _BLANK_LINES.sub("", "\n".join(kept))
