#!/usr/bin/env python3
"""Align the Markdown tables of a file, leaving everything else alone.

Columns are padded to their display width, in which a Chinese character counts two. Numbers move
to the right where a column holds nothing else. Text inside of fenced code blocks is not touched.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator

RULE_CELL = re.compile(r":?-{3,}:?")
NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+ ?%?")


def display_width(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    width = 0
    for char in text:
        if unicodedata.combining(char):
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def cells(row: str) -> list[str]:
    """Split a row at the bars that no backslash protects."""
    inner = row.strip().removeprefix("|")
    parts = re.split(r"(?<!\\)\|", inner)
    if parts and not parts[-1].strip():
        parts.pop()
    return [part.strip() for part in parts]


def is_rule(row: str) -> bool:
    """Tell whether this is the line of dashes below a heading."""
    found = cells(row)
    return bool(found) and all(RULE_CELL.fullmatch(cell) for cell in found)


def aligned(rows: list[str]) -> list[str]:
    """Return the rows of one table, padded; `rows[1]` is the line of dashes."""
    heading, rule, *body = (cells(row) for row in rows)
    count = len(heading)
    grid = [(row + [""] * count)[:count] for row in [heading, *body]]
    rule = (rule + ["---"] * count)[:count]
    result: list[list[str]] = [[] for _ in grid]
    dashes: list[str] = []
    for column in range(count):
        values = [row[column] for row in grid]
        width = max(3, *map(display_width, values))
        filled = [value for value in values[1:] if value]
        numeric = bool(filled) and all(NUMBER.fullmatch(value) for value in filled)
        right = rule[column].endswith(":") or (numeric and not rule[column].startswith(":"))
        left_mark = ":" if rule[column].startswith(":") else "-"
        dashes.append(left_mark + "-" * (width - 2) + (":" if right else "-"))
        for target, value in zip(result, values, strict=True):
            space = " " * (width - display_width(value))
            target.append(space + value if right else value + space)
    result.insert(1, dashes)
    return ["| " + " | ".join(row) + " |" for row in result]


def rewrite(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the document with its tables aligned."""
    block: list[str] = []
    fenced = False
    for line in [*lines, ""]:
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if not fenced and line.lstrip().startswith("|"):
            block.append(line)
            continue
        yield from aligned(block) if len(block) > 1 and is_rule(block[1]) else block
        block = []
        yield line


if __name__ == "__main__":
    text = sys.stdin.read().splitlines()
    sys.stdout.write("\n".join(rewrite(text)))
