"""Compare two sequences of lines by Myers' greedy algorithm, and print a unified diff.

The edit graph is searched along diagonals: after d edits we keep, for every diagonal k, how far
down it one can get. The first d that reaches the corner is the length of the shortest script.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Edit(NamedTuple):
    """`mark` is ' ', '-' or '+'; the numbers are the 0-based lines in the old and new text."""

    mark: str
    old: int
    new: int
    line: str


def _frontiers(old: Sequence[str], new: Sequence[str]) -> list[dict[int, int]]:
    """Return the furthest points before each round, the last one having reached the corner."""
    rows, columns = len(old), len(new)
    furthest = {1: 0}
    history: list[dict[int, int]] = []
    for edits in range(rows + columns + 1):
        history.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while x < rows and y < columns and old[x] == new[y]:
                x, y = x + 1, y + 1
            furthest[k] = x
            if x >= rows and y >= columns:
                return history
    raise AssertionError("deleting all and adding all is always a way")


def compare(old: Sequence[str], new: Sequence[str]) -> list[Edit]:
    """Return the shortest edit script, equal lines included, in order."""
    x, y = len(old), len(new)
    script: list[Edit] = []
    history = _frontiers(old, new)
    for edits in range(len(history) - 1, -1, -1):
        furthest, k = history[edits], x - y
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        before_k = k + 1 if down else k - 1
        before_x = furthest[before_k]
        before_y = before_x - before_k
        while x > before_x and y > before_y and x > 0 and y > 0:
            x, y = x - 1, y - 1
            script.append(Edit(" ", x, y, old[x]))
        if edits and down:
            y -= 1
            script.append(Edit("+", x, y, new[y]))
        elif edits:
            x -= 1
            script.append(Edit("-", x, y, old[x]))
    return script[::-1]


def unified(script: Sequence[Edit], context: int = 3) -> Iterator[str]:
    """Yield hunks: changes with `context` equal lines around, joined where they would touch."""
    changed = [index for index, edit in enumerate(script) if edit.mark != " "]
    position = 0
    while position < len(changed):
        first = last = changed[position]
        while position < len(changed) and changed[position] - last <= 2 * context:
            last = changed[position]
            position += 1
        hunk = script[max(0, first - context) : last + context + 1]
        old_count = sum(edit.mark != "+" for edit in hunk)
        new_count = sum(edit.mark != "-" for edit in hunk)
        yield f"@@ -{hunk[0].old + 1},{old_count} +{hunk[0].new + 1},{new_count} @@"
        for edit in hunk:
            yield edit.mark + edit.line


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: myers.py OLD NEW")
    left, right = (Path(name).read_text(encoding="utf-8").splitlines() for name in sys.argv[1:])
    output = list(unified(compare(left, right)))
    print(*output, sep="\n")
    sys.exit(1 if output else 0)
