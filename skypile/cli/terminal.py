"""What people read: messages on stderr, tables, colour where the reader can show it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

__all__ = ["is_terminal", "painted", "say", "say_whether_it_compiles", "show", "table"]

STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}


def show(*lines: str) -> None:
    """Write `lines` to stdout: the result of a command."""
    for line in lines:
        sys.stdout.write(f"{line}\n")


def say(*lines: str) -> None:
    """Write `lines` to stderr; to nobody where stderr is closed."""
    if sys.stderr is None:
        return
    try:
        for line in lines:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        # Nobody listens, and there is nobody else to tell.
        return


def say_whether_it_compiles() -> None:
    """Say that this run takes longer than later ones, where no kernel is compiled yet."""
    from skypile.kernels import cache

    if cache.is_empty():
        say(f"compiling kernels, for this run only: a minute or two (kept in {cache.folder()})")


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether `stream` is there and leads to a terminal."""
    return stream is not None and stream.isatty()


def painted(text: str, style: str, stream: TextIO | None) -> str:
    """Return `text` in a style of STYLES where `stream` is a terminal that takes colour.

    The variable NO_COLOR, set to anything, turns colour off (https://no-color.org).
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not is_terminal(stream):
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def table(rows: Sequence[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Return `rows` as lines of aligned columns; those numbered in `right` stand at the right."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    flush = set(right)
    return [
        "  ".join(
            cell.rjust(width) if number in flush else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
