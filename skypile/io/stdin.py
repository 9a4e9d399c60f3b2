"""Standard input as a unit: what it holds is told by its first bytes."""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import replace
from typing import BinaryIO, cast

from skypile.errors import UsageError
from skypile.io.footers import row_group_runs
from skypile.io.formats import HEAD_BYTES, looks_like_json
from skypile.io.kinds import detect, inner_head, no_text, no_text_warc
from skypile.io.units import Unit
from skypile.io.warc import looks_like_warc, record_types

__all__ = ["Rejoined", "stdin_unit"]

TOLD_BYTES = 32  # blank lines and a WARC record's first line, for example


class Rejoined(io.RawIOBase):
    """A stream whose first bytes have been looked at, and still come first."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes as soon as there are any, b"" at the end."""
        if self._head:
            taken, self._head = self._head, b""
            return taken
        return _read_some(self._rest, size)


def _read_some(stream: BinaryIO, size: int) -> bytes:
    # A pipe's buffer would wait for all of `size`; the first records should come out at once.
    if isinstance(stream, io.BufferedReader):
        return stream.read1(size)
    return stream.read(size)


def stdin_unit(unit: Unit, stream: BinaryIO) -> tuple[Unit, BinaryIO]:
    """Return `unit` with what `stream` turns out to hold, and a file to read it from.

    Parquet needs random access, so it is copied to a temporary file first. Raises UsageError for a
    WARC without extracted text.
    """
    head = b""
    while not _enough(head) and (more := _read_some(stream, HEAD_BYTES)):
        head += more
    warc = no_text_warc(head)
    if warc is not None:
        raise UsageError(no_text("stdin", warc))
    kind, compression = detect(head, "")
    told = replace(unit, format=kind, compression=compression)
    joined = cast(BinaryIO, Rejoined(head, stream))
    if kind != "parquet":
        return told, joined
    # Unlinked at once, so it is gone with its last user.
    copy = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
    shutil.copyfileobj(joined, copy)
    copy.seek(0)
    _, end, _ = row_group_runs(copy, 1 << 62)[0]
    return replace(told, end=end), copy


def _enough(head: bytes) -> bool:
    """Tell whether first bytes suffice to tell what follows: not more than needed, a pipe waits."""
    inner = inner_head(head)
    if len(head) >= HEAD_BYTES:
        return True
    if looks_like_warc(inner):
        return bool(record_types(inner))
    return len(head) >= 4 and (looks_like_json(inner) or len(inner) >= TOLD_BYTES)
