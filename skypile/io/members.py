"""Gzip files with one member for each record: damage costs the members that it touches."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from isal import isal_zlib

from skypile.io.compression import BLOCK_BYTES, DamagedError, IsalError, blocks
from skypile.io.formats import GZIP_MAGIC, Compression
from skypile.io.warc import Damage, looks_like_warc

__all__ = ["warc_blocks"]

ZEROS = re.compile(rb"\0*")
MEMBER_START = GZIP_MAGIC + b"\x08"
# Most members are a few kilobytes: what is taken beyond their end is copied for nothing.
MIN_PIECE_BYTES, MAX_PIECE_BYTES = 1 << 11, 1 << 16
# Of a damaged member so much is searched again for the start of the next one.
KEPT_BYTES = 16 << 20
TRIED_BYTES = 1 << 12  # of a member's compressed bytes, to see whether a record begins there


def warc_blocks(file: BinaryIO, compression: Compression) -> Iterator[bytes | Damage]:
    """Yield the decompressed content of a WARC file in blocks, and a Damage where it is damaged.

    Behind damage a gzip file goes on at the next member that begins with a record; in other files
    nothing follows it.
    """
    if compression == "gzip":
        yield from _members(_Compressed(file))
        return
    try:
        yield from blocks(file, compression)
    except DamagedError as error:
        yield Damage(error.reason, error.message, -1)


class _Compressed:
    """Compressed bytes from the start of the current member on; `used` of them are decoded."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.data = bytearray()
        self.place = 0  # in the file, of the first byte of `data`
        self.used = 0

    def more(self) -> bool:
        block = self._file.read(BLOCK_BYTES)
        self.data += block
        return bool(block)

    def piece(self, size: int) -> bytes:
        """Use up up to `size` bytes, one at least; b"" at the end of the file."""
        if self.used == len(self.data):
            surplus = len(self.data) - KEPT_BYTES
            if surplus > 0:
                self.drop(surplus)
            self.more()
        found = bytes(self.data[self.used : self.used + size])
        self.used += len(found)
        return found

    def exactly(self, size: int) -> bytes:
        """Use up `size` bytes; EOFError where there are fewer."""
        while len(self.data) - self.used < size:
            if not self.more():
                raise EOFError
        found = bytes(self.data[self.used : self.used + size])
        self.used += size
        return found

    def drop(self, size: int) -> None:
        del self.data[:size]
        self.place += size
        self.used = max(0, self.used - size)

    def skip_padding(self) -> bool:
        """Begin behind all zero bytes that come next; tell whether anything is there."""
        self.used = 0
        while not self.data or self.data[0] == 0:
            self.drop(ZEROS.match(self.data).end())  # type: ignore[union-attr]  # may be empty
            if not self.data and not self.more():
                return False
        return True

    def next_member(self) -> bool:
        """Begin at the next member that begins with a record; tell whether there is one."""
        position = 1
        while True:
            position = self.data.find(MEMBER_START, position)
            if position < 0:
                self.drop(max(0, len(self.data) - len(MEMBER_START)))
                position = 0
                if not self.more():
                    return False
                continue
            if len(self.data) - position < TRIED_BYTES:
                self.more()
            if _begins_record(bytes(self.data[position : position + TRIED_BYTES])):
                self.drop(position)
                self.used = 0
                return True
            position += 1


def _begins_record(data: bytes) -> bool:
    try:
        return looks_like_warc(isal_zlib.decompressobj(wbits=31).decompress(data, TRIED_BYTES))
    except IsalError:
        return False


def _members(source: _Compressed) -> Iterator[bytes | Damage]:
    made = 0
    first = True
    while source.skip_padding() or first:
        first, begins = False, made
        try:
            for block in _member(source):
                made += len(block)
                yield block
        except EOFError:
            message = (
                f"the gzip stream ends early, after {source.place + source.used:,} compressed "
                f"bytes ({made:,} decoded); what followed is lost"
            )
            yield Damage("truncated", message, begins)
            return
        except IsalError as error:
            message = (
                f"the gzip member at compressed byte {source.place:,} is damaged ({error}); what "
                "it held is lost"
            )
            yield Damage("bad_compression", message, begins)
            if not source.next_member():
                return


def _member(source: _Compressed) -> Iterator[bytes]:
    """Yield the content of the member at which `source` stands; EOFError where it is cut."""
    _skip_header(source)
    # Not its own reading of members: it keeps back good text in front of a wrong checksum.
    inflate = isal_zlib.decompressobj(wbits=-15)
    checksum = size = 0
    piece_bytes = MIN_PIECE_BYTES
    while not inflate.eof:
        data = inflate.unconsumed_tail
        if not data:
            data, piece_bytes = source.piece(piece_bytes), min(2 * piece_bytes, MAX_PIECE_BYTES)
        if not data:
            raise EOFError
        block = inflate.decompress(data, BLOCK_BYTES)
        checksum, size = isal_zlib.crc32(block, checksum), size + len(block)
        if block:
            yield block
    source.used -= len(inflate.unused_data)
    if source.exactly(8) != struct.pack("<II", checksum, size & 0xFFFFFFFF):
        raise IsalError("wrong checksum")
    source.drop(source.used)


def _skip_header(source: _Compressed) -> None:
    """Use up the header of a gzip member (RFC 1952, section 2.3)."""
    head = source.exactly(10)
    flags = head[3]
    if not head.startswith(MEMBER_START) or flags & 0xE0:
        raise IsalError("no gzip header")
    if flags & 4:
        source.exactly(int.from_bytes(source.exactly(2), "little"))
    for flag in (8, 16):  # file name, comment
        while flags & flag and source.exactly(1) != b"\0":
            pass
    if flags & 2:
        source.exactly(2)
