"""Physical lines of a byte stream: byte ranges, splitting, and lines too long to hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from skypile.io.compression import BLOCK_BYTES, DamagedError

__all__ = [
    "RAW_BYTES",
    "BlankLines",
    "LongLine",
    "LostRest",
    "WholeLines",
    "line_ranges",
    "range_blocks",
    "split_lines",
]

RAW_BYTES = 64 << 10  # how much of an unreadable record is kept
# 300 MB of newlines come out of 9 kB of zstd; line by line they would take minutes.
MANY_NEWLINES = b"\n" * 4096


class WholeLines(NamedTuple):
    """Consecutive lines without their newlines; `offset` is where the first one starts."""

    lines: list[bytes]
    offset: int


class BlankLines(NamedTuple):
    """So many (`lines`) empty lines, the first of which starts at `offset`."""

    lines: int
    offset: int


class LongLine(NamedTuple):
    """A line of `size` bytes, more than the limit; only its `head` was held in memory."""

    head: bytes
    offset: int
    size: int


class LostRest(NamedTuple):
    """What is lost of a damaged container, from the start of the line that was cut."""

    head: bytes
    offset: int
    reason: str
    message: str


def split_lines(
    blocks: Iterator[bytes], offset: int, max_line_bytes: int
) -> Iterator[WholeLines | BlankLines | LongLine | LostRest]:
    """Yield the lines of `blocks`, whose first byte stands at `offset`, in order.

    Lines end at ``\\n``; the last one may lack it. Of a line longer than `max_line_bytes` no more
    than that and one block is ever held; a shorter one is held once more while it is put together.
    A DamagedError of `blocks` becomes a LostRest, which includes the line that was cut; nothing
    follows it.
    """
    pending = _Pending(offset)
    damage: list[DamagedError] = []
    for block in _until_damage(blocks, damage):
        end = block.find(b"\n")
        if end < 0:
            pending.add(block, max_line_bytes)
            continue
        if pending.size > max_line_bytes:
            pending.add(block[:end], max_line_bytes)
            yield pending.long_line()
        elif pending.size:
            pending.add(block[:end], max_line_bytes)
            yield pending.line()
        else:
            end = -1
        cut = block.rfind(b"\n") + 1
        yield from _split(block[end + 1 : cut], pending.offset)
        pending.offset += cut - (end + 1)
        pending.add(block[cut:], max_line_bytes)
    if damage:
        yield LostRest(pending.head(), pending.offset, damage[0].reason, damage[0].message)
    elif pending.size > max_line_bytes:
        yield pending.long_line()
    elif pending.size:
        yield pending.line()


class _Pending:
    """The beginning of a line that goes on in the next block."""

    def __init__(self, offset: int) -> None:
        self.offset, self.size = offset, 0
        self._chunks: list[bytes] = []

    def add(self, chunk: bytes, max_line_bytes: int) -> None:
        """Append to the line, and hold it unless the line is too long already."""
        if chunk and self.size <= max_line_bytes:
            self._chunks.append(chunk)
        self.size += len(chunk)

    def head(self) -> bytes:
        """Return the first RAW_BYTES of the line."""
        return b"".join(chunk[:RAW_BYTES] for chunk in self._chunks[:RAW_BYTES])[:RAW_BYTES]

    def line(self) -> WholeLines:
        """Return the line, which ends here."""
        found = WholeLines([b"".join(self._chunks)], self.offset)
        self._next()
        return found

    def long_line(self) -> LongLine:
        """Return what is known of the line, which ends here."""
        found = LongLine(self.head(), self.offset, self.size)
        self._next()
        return found

    def _next(self) -> None:
        self._chunks = []
        self.offset, self.size = self.offset + self.size + 1, 0


def _split(data: bytes, offset: int) -> Iterator[WholeLines | BlankLines]:
    """Yield the lines of `data`, which is empty or ends with a newline."""
    while (run := data.find(MANY_NEWLINES)) >= 0:
        yield from _split_plain(data[: run + 1], offset)
        rest = data[run + 1 :].lstrip(b"\n")
        count = len(data) - len(rest) - (run + 1)
        yield BlankLines(count, offset + run + 1)
        offset += len(data) - len(rest)
        data = rest
    yield from _split_plain(data, offset)


def _split_plain(data: bytes, offset: int) -> Iterator[WholeLines]:
    if data:
        lines = data.split(b"\n")
        lines.pop()  # what follows the last newline: nothing
        yield WholeLines(lines, offset)


def _until_damage(blocks: Iterator[bytes], damage: list[DamagedError]) -> Iterator[bytes]:
    try:
        yield from blocks
    except DamagedError as error:
        damage.append(error)


def range_blocks(file: BinaryIO, start: int, end: int) -> tuple[int, Iterator[bytes]]:
    """Return where the first line that starts in [start, end) starts, and all such lines' bytes.

    A line belongs to the range in which it starts, so the last one may reach beyond `end`. The
    position is `end` or more where no line starts in the range.
    """
    position = start
    rest = b""
    file.seek(max(0, start - 1))
    if start > 0:
        position -= 1
        while block := file.read(BLOCK_BYTES):
            cut = block.find(b"\n") + 1
            if cut:
                position, rest = position + cut, block[cut:]
                break
            position += len(block)
        else:
            position = max(position, end)
    if position >= end:
        return position, iter(())
    return position, _until_line_end(file, rest, position, end)


def _until_line_end(file: BinaryIO, block: bytes, position: int, end: int) -> Iterator[bytes]:
    block = block or file.read(BLOCK_BYTES)
    while block:
        # The newline that ends the range is the first one at `end - 1` or behind it.
        cut = block.find(b"\n", max(0, end - 1 - position)) + 1
        if cut:
            yield block[:cut]
            return
        yield block
        position += len(block)
        block = file.read(BLOCK_BYTES)


def line_ranges(file: BinaryIO, size: int, target_bytes: int) -> list[tuple[int, int, int]]:
    """Return (start, end, number of the first line) of byte ranges of about `target_bytes`.

    The ranges cover [0, size). Reads the file once, to count newlines. The number of the first
    line that starts at `start` or behind it is that of the lines that start in front: one, and one
    for each newline before byte `start - 1`.
    """
    count = max(1, round(size / target_bytes))
    starts = [size * index // count for index in range(count)]
    ranges = []
    newlines = position = 0
    for index, start in enumerate(starts):
        newlines, position = newlines + _newlines(file, position, start - 1), max(0, start - 1)
        end = starts[index + 1] if index + 1 < count else size
        ranges.append((start, end, newlines + 1 if start else 0))
    return ranges


def _newlines(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    count = 0
    while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
        count += block.count(b"\n")
        start += len(block)
    return count
