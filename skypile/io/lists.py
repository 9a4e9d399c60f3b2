"""Lists of inputs in files: one input a line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO, cast

from skypile.errors import InputError, UsageError
from skypile.io.compression import blocks
from skypile.io.files import absolute, open_input
from skypile.io.formats import BYTE_ORDER_MARK, HEAD_BYTES, compression_of
from skypile.io.lines import BlankLines, LongLine, LostRest, split_lines
from skypile.io.remote import why
from skypile.io.stdin import Rejoined

__all__ = ["read_list"]

STDIN = "-"
MAX_LINE_BYTES = 1 << 16


def read_list(path: str) -> Iterator[tuple[int, str]]:
    """Yield the inputs that the file `path` lists (``-``: stdin), each with the number of its line.

    The file may be gzip or zstd, and lie where inputs may. Spaces around an input, blank lines and
    lines that begin with ``#`` are skipped; relative paths start where the command was called.
    Raises InputError where the list cannot be read to its end, UsageError, naming the line, where a
    line can be no input.
    """
    name = "stdin" if path == STDIN else path
    try:
        with _opened(path) as file:
            head = file.read(HEAD_BYTES)
            rest = cast(BinaryIO, Rejoined(head, file))
            number = 0
            for event in split_lines(blocks(rest, compression_of(head)), 0, MAX_LINE_BYTES):
                if isinstance(event, LostRest):
                    raise InputError(f"{name}: the list cannot be read to its end: {event.message}")
                if isinstance(event, LongLine):
                    raise UsageError(f"{name}:{number + 1}: {event.size:,} bytes are no input")
                if isinstance(event, BlankLines):
                    number += event.lines
                    continue
                for line in event.lines:
                    number += 1
                    one = _input(line, f"{name}:{number}", first=number == 1)
                    if one:
                        yield number, one
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {why(error)}") from error


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    if path != STDIN:
        return open_input(absolute(path))
    if sys.stdin is None:
        raise InputError("stdin is closed; give it a list of inputs, or name a file")
    return nullcontext(sys.stdin.buffer)


def _input(line: bytes, place: str, *, first: bool) -> str:
    """Return the input that a line names, "" for none."""
    if len(line) > MAX_LINE_BYTES:
        raise UsageError(f"{place}: {len(line):,} bytes are no input")
    one = (line.removeprefix(BYTE_ORDER_MARK) if first else line).strip()
    if one.startswith(b"#"):
        return ""
    if one == b"-":
        raise UsageError(f"{place}: standard input can be named on the command line only")
    if b"\0" in one:
        raise UsageError(f"{place}: holds a zero byte, which no path and no URL does")
    return os.fsdecode(one)
