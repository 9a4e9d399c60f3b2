"""WARC records of a stream of bytes (ISO 28500): whole, or broken and passed over.

In bounded memory: no more is held than one record of the permitted size and a block. What is no
record, or contradicts itself, costs what stands up to the start of the next record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from skypile.io.lines import RAW_BYTES

__all__ = ["Broken", "Damage", "Record", "looks_like_warc", "record_types", "records"]

VERSION = re.compile(rb"WARC/[01]\.\d{1,2}[ \t]*\r?\n")
# A record's start is looked for only where something is wrong: a page may quote one.
START = re.compile(rb"\nWARC/[01]\.\d{1,2}[ \t]*\r?\n[A-Za-z][A-Za-z0-9-]*[ \t]*:")
START_BYTES = 128  # so much must be there to tell that none begins
BLANK_LINE = re.compile(rb"\n\r?\n")
FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FOLDED = re.compile(r"\r?\n[ \t]+")
MAX_HEADER_BYTES = 1 << 20
LENGTH = "content-length"
NEWLINES = b"\r\n"
NEWLINE_RUN = re.compile(rb"[\r\n]*")
SEPARATOR = b"\r\n\r\n"


class Damage(NamedTuple):
    """A stream is damaged here, and may go on behind it.

    `begins` is where, in decoded bytes, the damaged part begins that was yielded already.
    """

    reason: str
    message: str
    begins: int


class Record(NamedTuple):
    """A record: the fields of its header, its body, where it starts.

    `fields` holds (name as written, value) by the name in lower case; of fields named twice the
    last one counts.
    """

    fields: dict[str, tuple[str, str]]
    body: bytes
    offset: int

    def field(self, name: str) -> str | None:
        """Return the value of the field `name`, which is in lower case."""
        found = self.fields.get(name)
        return None if found is None else found[1]


class Broken(NamedTuple):
    """What could not be read as a record, from `offset` on: its first bytes, and what is wrong."""

    head: bytes
    offset: int
    reason: str
    message: str


def looks_like_warc(head: bytes) -> bool:
    """Tell whether a stream that begins with `head` begins with a WARC record."""
    return VERSION.match(head.lstrip(NEWLINES)) is not None


def record_types(head: bytes) -> list[str]:
    """Return the types of the records that show in `head`, in order, without warcinfo."""
    types = []
    for start in re.finditer(rb"(?:^|\n)(?=WARC/)", head):
        header = BLANK_LINE.split(head[start.end() :], maxsplit=1)[0]
        found = re.search(rb"(?im)^WARC-Type[ \t]*:[ \t]*([a-z]+)[ \t\r]*$", header)
        if found and found[1].lower() != b"warcinfo":
            types.append(found[1].decode().lower())
    return types


def records(blocks: Iterator[bytes | Damage], max_body_bytes: int) -> Iterator[Record | Broken]:
    """Yield the records of a stream in order, and one Broken for each stretch that is none.

    A record longer than `max_body_bytes` is one Broken, and is passed over by looking for the next
    start, not by its length, which may be wrong. Damage costs the record in which it stands.
    """
    ahead = _Ahead(blocks)
    while True:
        if ahead.skip_newlines():
            yield _next(ahead, max_body_bytes)
        elif ahead.damage is not None:
            yield ahead.damaged()
        else:
            return


class _Ahead:
    """The bytes that come next; `offset` is where they start."""

    def __init__(self, blocks: Iterator[bytes | Damage]) -> None:
        self._blocks = blocks
        self.data = bytearray()
        self.offset = 0
        self.damage: Damage | None = None  # what stands behind the data; nothing is read beyond it
        self._ended = False

    def more(self) -> bool:
        """Read one more block; tell whether there was one in front of the end and of damage."""
        if self._ended or self.damage is not None:
            return False
        block = next(self._blocks, None)
        if block is None:
            self._ended = True
        elif isinstance(block, Damage):
            self.damage = block
        else:
            self.data += block
        return isinstance(block, bytes)

    def ensure(self, size: int) -> bool:
        """Read ahead until `size` bytes are there; tell whether they are."""
        while len(self.data) < size and self.more():
            pass
        return len(self.data) >= size

    def drop(self, size: int) -> None:
        del self.data[:size]
        self.offset += size

    def skip_newlines(self) -> bool:
        """Drop all newlines that come next; tell whether something else does."""
        while True:
            # Not lstrip: it would copy all that is ahead.
            self.drop(NEWLINE_RUN.match(self.data).end())  # type: ignore[union-attr]  # may be empty
            if self.data:
                return True
            if not self.more():
                return False

    def damaged(self) -> Broken:
        """Drop all in front of the damage and go on behind it; return what is lost by it."""
        assert self.damage is not None
        found = Broken(bytes(self.data[:RAW_BYTES]), self.offset, *self.damage[:2])
        self.drop(len(self.data))
        self.damage = None
        return found

    def passed_over(self, reason: str, message: str, skip: int) -> Broken:
        """Drop everything up to the next record's start, `skip` bytes from here at the earliest."""
        offset, head = self.offset, bytes(self.data[:RAW_BYTES])
        position = max(0, skip - 1)  # a start begins with the newline in front of it
        while True:
            start = START.search(self.data, position)
            if start is not None:
                self.drop(start.start() + 1)
                break
            # What may be the beginning of a start stays.
            keep = min(len(self.data), START_BYTES)
            position = max(0, position - (len(self.data) - keep))
            self.drop(len(self.data) - keep)
            if not self.more():
                self.drop(len(self.data))
                if self.damage is not None:
                    # What was decoded in front of the damage is a part of what it costs.
                    (reason, message, _), self.damage = self.damage, None
                break
            if len(head) < RAW_BYTES and self.offset <= offset + len(head):
                head = (head + bytes(self.data[offset + len(head) - self.offset :]))[:RAW_BYTES]
        size = self.offset - offset
        return Broken(head[:size], offset, reason, f"{message} ({size:,} bytes passed over)")


def _next(ahead: _Ahead, max_body_bytes: int) -> Record | Broken:
    """Return what comes next, of which the first byte is there and no newline."""
    ahead.ensure(START_BYTES)
    if not VERSION.match(ahead.data):
        return _no_record(ahead)
    size = _header_bytes(ahead)
    if size is None:
        return _unfinished(ahead, "its header") or ahead.passed_over(
            "bad_warc", f"the header has no end within {MAX_HEADER_BYTES:,} bytes", 1
        )
    fields, reason, message = _fields(bytes(ahead.data[:size]))
    if reason:
        return ahead.passed_over(reason, message, 1)
    length = int(fields[LENGTH][1])
    if length > max_body_bytes:
        message = f"{length:,} bytes; a document may have {max_body_bytes:,} at most"
        return ahead.passed_over("too_large", message, size)
    return _with_body(ahead, fields, size, length)


def _no_record(ahead: _Ahead) -> Broken:
    if len(ahead.data) < START_BYTES:
        if ahead.damage is not None:
            return ahead.damaged()
        if ahead.data.startswith(b"WARC/") or b"WARC/".startswith(ahead.data):
            cut = _unfinished(ahead, "its header")
            assert cut is not None
            return cut
    return ahead.passed_over("bad_warc", "no WARC record begins here", 0)


def _unfinished(ahead: _Ahead, what: str) -> Broken | None:
    """Return the record that the end or damage of the stream cuts, None where neither does."""
    if ahead.damage is not None:
        return ahead.damaged()
    if ahead.more():
        return None
    found = Broken(
        bytes(ahead.data[:RAW_BYTES]),
        ahead.offset,
        "truncated",
        f"the file ends {len(ahead.data):,} bytes behind the start of this record, within {what}",
    )
    ahead.drop(len(ahead.data))
    return found


def _header_bytes(ahead: _Ahead) -> int | None:
    """Return the length of the header with its blank line, None where it does not end."""
    position = 0
    while True:
        found = BLANK_LINE.search(ahead.data, position)
        if found is not None:
            return found.end()
        position = max(0, len(ahead.data) - 2)
        if len(ahead.data) >= MAX_HEADER_BYTES or not ahead.more():
            return None


def _fields(header: bytes) -> tuple[dict[str, tuple[str, str]], str, str]:
    """Return the fields of a header, and a reason and a message where it is broken."""
    try:
        lines = FOLDED.sub(" ", header.decode()).rstrip().split("\n")[1:]
    except UnicodeDecodeError as error:
        return {}, "bad_utf8", f"not UTF-8: {error.reason} at byte {error.start} of the header"
    fields: dict[str, tuple[str, str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        if not colon or not FIELD_NAME.fullmatch(name):
            return {}, "bad_warc", f"a line of the header is no field: {line.strip()[:200]!r}"
        key = name.lower()
        if key == LENGTH and fields.get(key, (name, value))[1] != value:
            return {}, "bad_warc", "the header has more than one Content-Length"
        fields[key] = name, value
    if LENGTH not in fields:
        return {}, "bad_warc", "the header has no Content-Length"
    length = fields[LENGTH][1]
    if not (length.isascii() and length.isdecimal() and len(length) < 20):
        return {}, "bad_warc", f"Content-Length is {length[:200]!r}, not a number"
    return fields, "", ""


def _with_body(
    ahead: _Ahead, fields: dict[str, tuple[str, str]], size: int, length: int
) -> Record | Broken:
    end = size + length
    whole = ahead.ensure(end)
    if whole:
        ahead.ensure(end + START_BYTES)
        if _is_damaged(ahead, end):
            return ahead.damaged()
        if _ends(ahead, end, length):
            record = Record(fields, bytes(ahead.data[size:end]), ahead.offset)
            ahead.drop(end)
            return record
    within = START.search(ahead.data, size - 1, end + START_BYTES)
    if within is not None and within.start() < end:
        found = within.start() + 1 - size
        message = f"Content-Length is {length:,}, but the next record begins after {found:,} bytes"
        return ahead.passed_over("bad_warc", message, within.start() + 1)
    if not whole:
        broken = _unfinished(ahead, f"its {length:,} bytes of content")
        assert broken is not None
        return broken
    message = f"Content-Length is {length:,}, but what follows there is no record"
    return ahead.passed_over("bad_warc", message, end)


def _is_damaged(ahead: _Ahead, end: int) -> bool:
    """Tell whether the record up to `end` is all of a part that proved to be damaged at its end."""
    damage = ahead.damage
    here = damage is not None and damage.begins == ahead.offset
    return here and not ahead.data[end:].strip(NEWLINES)


def _ends(ahead: _Ahead, end: int, length: int) -> bool:
    """Tell whether a record ends at `end`: a blank line follows as it should, the next record does,
    or nothing.
    """
    follows = bytes(ahead.data[end : end + START_BYTES])
    rest = follows.lstrip(NEWLINES)
    if not rest or follows.startswith(SEPARATOR):
        return True
    separated = len(rest) < len(follows) or length == 0 or ahead.data[end - 1] in NEWLINES
    return separated and rest.startswith(b"WARC/")
