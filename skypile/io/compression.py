"""Decompression as a stream of blocks, in bounded memory, with damage told from a clean end."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import zstandard
from isal import igzip_lib, isal_zlib

from skypile.io.formats import GZIP_MAGIC, SKIPPABLE_MAGIC, ZSTD_MAGIC, Compression

__all__ = ["DamagedError", "blocks"]

BLOCK_BYTES = 1 << 20
IsalError: type[Exception] = igzip_lib.error  # type: ignore[assignment]  # typed as an instance
GZIP_BLOCK_BYTES = 1 << 17
# What a decoder does not use is handed back: files of tiny members would copy more for long.
GZIP_PIECE_BYTES = 1 << 16
ZSTD_RUN = 1  # the kind of block that is one byte, repeated
ZSTD_MAX_WINDOW_BYTES = 1 << 31  # what `zstd --long=31` writes; memory for it is used as it fills


class DamagedError(Exception):
    """A container ends early or is damaged; `reason` is the outcome's reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def blocks(
    file: BinaryIO, compression: Compression, *, max_window_bytes: int = ZSTD_MAX_WINDOW_BYTES
) -> Iterator[bytes]:
    """Yield the decompressed content of `file` from where it stands, in blocks of up to 1 MiB.

    Several gzip members or zstd frames (skippable ones as well) are read on end, and zero bytes
    behind a gzip member are padding. Raises DamagedError after the last byte that could be decoded
    (of gzip from a pipe: up to 128 KiB before), and for a zstd frame that would have a decoder hold
    more than `max_window_bytes`.
    """
    if compression == "gzip":
        return _gzip_blocks(file)
    if compression == "zstd":
        return _zstd_blocks(file, max_window_bytes)
    return _plain_blocks(file)


def _plain_blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _zstd_blocks(file: BinaryIO, max_window_bytes: int) -> Iterator[bytes]:
    # Not stream_reader: it takes an input that ends within a frame for a complete one. And a
    # decoder that meets damage gives nothing of the piece that it was fed, so it is fed the blocks
    # of which frames consist. A block holds 128 KiB at most, in a bomb as well.
    decompressor = zstandard.ZstdDecompressor(max_window_size=max_window_bytes)
    source = _Source(file)
    made = 0
    try:
        while source.more(1) or source.read == 0:
            for block in _zstd_frame(source, decompressor):
                made += len(block)
                yield block
    except EOFError as error:
        raise _truncated("zstd", source.read, made) from error
    except zstandard.ZstdError as error:
        raise _damaged("zstd", source.place, made, str(error)) from error


def _zstd_frame(source: _Source, decompressor: zstandard.ZstdDecompressor) -> Iterator[bytes]:
    """Yield the blocks of the frame that comes next (RFC 8878, section 3.1)."""
    head = source.exactly(4)
    if SKIPPABLE_MAGIC.match(head):
        source.skip(int.from_bytes(source.exactly(4), "little"))
        return
    if head != ZSTD_MAGIC:
        raise zstandard.ZstdError("no zstd frame begins here")
    frame = decompressor.decompressobj()
    flags = source.exactly(1)
    frame.decompress(head + flags + source.exactly(_zstd_header_bytes(flags[0])))
    last = 0
    while not last:
        head = source.exactly(3)
        told = int.from_bytes(head, "little")
        last, kind, size = told & 1, told >> 1 & 3, told >> 3
        frame.decompress(head)  # raises for what cannot be a block
        if body := source.exactly(1 if kind == ZSTD_RUN else size):
            yield frame.decompress(body)
    if flags[0] >> 2 & 1:  # a checksum
        frame.decompress(source.exactly(4))
    if not frame.eof:
        raise zstandard.ZstdError("the frame does not end where it says")


def _zstd_header_bytes(flags: int) -> int:
    """Return how long a frame's header is behind its byte of flags (RFC 8878, section 3.1.1.1)."""
    single_segment = flags >> 5 & 1
    window = 1 - single_segment
    dictionary = (0, 1, 2, 4)[flags & 3]
    size = (single_segment, 2, 4, 8)[flags >> 6]
    return window + dictionary + size


def _gzip_blocks(file: BinaryIO) -> Iterator[bytes]:
    # Members are taken apart here: a decoder of whole ones keeps back up to a block of good text
    # when the checksum behind it is wrong.
    source = _Source(file)
    made = size = start = 0
    try:
        while source.more(1) or source.read == 0:
            start, size, checksum = source.place, 0, 0
            for block in _gzip_member(source):
                checksum, size = isal_zlib.crc32(block, checksum), size + len(block)
                made += len(block)
                yield block
            if source.exactly(8) != struct.pack("<II", checksum, size & 0xFFFFFFFF):
                raise _damaged("gzip", source.place, made, "wrong checksum")
            source.skip_padding()
    except EOFError as error:
        raise _truncated("gzip", source.read, made) from error
    except IsalError as error:
        place = source.place
        for block in _gzip_rest(file, start, size):
            made += len(block)
            yield block
        raise _damaged("gzip", place, made, str(error)) from error


def _gzip_member(source: _Source) -> Iterator[bytes]:
    """Yield the content of the member that comes next, up to its checksum."""
    _skip_gzip_header(source)
    inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    while not inflate.eof:
        data = source.take(GZIP_PIECE_BYTES) if inflate.needs_input else b""
        block = inflate.decompress(data, GZIP_BLOCK_BYTES)
        if block:
            yield block
    source.give_back(inflate.unused_data)


def _gzip_rest(file: BinaryIO, start: int, done: int) -> Iterator[bytes]:
    """Yield what the damaged member at `start` holds behind its first `done` bytes.

    A decoder that meets damage gives nothing of the block that it was asked for, so the member is
    decoded again, and this block byte by byte: by zlib, for ISA-L looks ahead. Nothing comes of a
    file that cannot be read twice.
    """
    if not file.seekable():
        return
    file.seek(start)
    source, rest = _Source(file), bytearray()
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        _skip_gzip_header(source)
        while not inflate.eof:
            data = inflate.unconsumed_tail or source.take(GZIP_PIECE_BYTES if done else 1)
            block = inflate.decompress(data, min(done, GZIP_BLOCK_BYTES) or 1)
            if done:
                done -= len(block)
            else:
                rest += block
    except (IsalError, zlib.error, EOFError):
        if rest:
            yield bytes(rest)


class _Source:
    """Compressed bytes that are ahead; `read` counts what was taken from the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._data, self._at = b"", 0  # what is before `_at` was used up
        self.read = 0

    @property
    def ahead(self) -> int:
        """How many bytes are there to be used."""
        return len(self._data) - self._at

    @property
    def place(self) -> int:
        """How many bytes were used up."""
        return self.read - self.ahead

    def more(self, size: int) -> bool:
        """Read ahead until `size` bytes are there; tell whether they are."""
        if self.ahead >= size:
            return True
        parts, ahead = [self._data[self._at :]], self.ahead
        while ahead < size and (more := self._file.read(BLOCK_BYTES)):
            self.read += len(more)
            ahead += len(more)
            parts.append(more)
        self._data, self._at = b"".join(parts), 0
        return ahead >= size

    def take(self, size: int) -> bytes:
        """Use up what is there, one byte at least and `size` at most; EOFError where is none."""
        if not self.more(1):
            raise EOFError
        return self.exactly(min(size, self.ahead))

    def give_back(self, data: bytes) -> None:
        """Undo the use of `data`, which was taken last."""
        self._at -= len(data)
        assert self._data.startswith(data, self._at)

    def exactly(self, size: int) -> bytes:
        """Use up `size` bytes; EOFError where there are fewer."""
        if not self.more(size):
            raise EOFError
        self._at += size
        return self._data[self._at - size : self._at]

    def skip(self, size: int) -> None:
        """Use up `size` bytes without holding them; EOFError where there are fewer."""
        while size > 0:
            size -= len(self.take(size))

    def skip_padding(self) -> None:
        """Use up all zero bytes that come next."""
        while self.more(1):
            rest = self._data[self._at :].lstrip(b"\0")
            self._at = len(self._data) - len(rest)
            if rest:
                return

    def string(self) -> None:
        """Use up all bytes to the next zero, and it."""
        while True:
            data = self.take(BLOCK_BYTES)
            end = data.find(b"\0") + 1
            if end:
                self.give_back(data[end:])
                return


def _skip_gzip_header(source: _Source) -> None:
    """Use up the header of a gzip member (RFC 1952, section 2.3)."""
    head = source.exactly(2)
    if head != GZIP_MAGIC:
        raise IsalError("no gzip header")
    method, flags = source.exactly(8)[:2]
    if method != 8 or flags & 0xE0:
        raise IsalError("unknown kind of gzip header")
    if flags & 4:
        source.skip(int.from_bytes(source.exactly(2), "little"))
    for flag in (8, 16):  # file name, comment
        if flags & flag:
            source.string()
    if flags & 2:
        source.exactly(2)


def _truncated(kind: str, read: int, made: int) -> DamagedError:
    return DamagedError(
        "truncated",
        f"the {kind} stream ends early, after {read:,} compressed bytes ({made:,} bytes decoded); "
        "what followed is lost",
    )


def _damaged(kind: str, read: int, made: int, why: str) -> DamagedError:
    return DamagedError(
        "bad_compression",
        f"the {kind} stream is damaged near compressed byte {read:,} ({made:,} bytes decoded): "
        f"{why}; what follows is lost",
    )
