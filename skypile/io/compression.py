"""Decompression as a stream of blocks, in bounded memory, with damage told from a clean end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import zstandard
from isal import igzip_lib, isal_zlib

from skypile.io.formats import GZIP_MAGIC, Compression

__all__ = ["DamagedError", "blocks"]

BLOCK_BYTES = 1 << 20
IsalError: type[Exception] = igzip_lib.error  # type: ignore[assignment]  # typed as an instance
GZIP_BLOCK_BYTES = 1 << 17  # no more than this is lost in front of damage
# 128 KiB of output may stand in 4 bytes of zstd: pieces of this size keep a bomb's blocks under
# 64 MiB. Larger pieces are 10 % faster at most.
ZSTD_PIECE_BYTES = 2048
ZSTD_MAX_WINDOW_BYTES = 1 << 31  # what `zstd --long=31` writes


class DamagedError(Exception):
    """A container ends early or is damaged; `reason` is the outcome's reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def blocks(file: BinaryIO, compression: Compression) -> Iterator[bytes]:
    """Yield the decompressed content of `file` from where it stands, in blocks of any size.

    Several gzip members or zstd frames (skippable ones as well) are read on end, and zero bytes
    behind a gzip member are padding. Raises DamagedError after the last block that could be
    decoded.
    """
    if compression == "gzip":
        return _gzip_blocks(file)
    if compression == "zstd":
        return _zstd_blocks(file)
    return _plain_blocks(file)


def _plain_blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _zstd_blocks(file: BinaryIO) -> Iterator[bytes]:
    # Not stream_reader: it takes an input that ends within a frame for a complete one.
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_MAX_WINDOW_BYTES)
    frame = None
    read = made = 0
    while data := file.read(BLOCK_BYTES):
        position = 0
        while position < len(data):
            frame = frame or decompressor.decompressobj()
            piece = data[position : position + ZSTD_PIECE_BYTES]
            try:
                block = frame.decompress(piece)
            except zstandard.ZstdError as error:
                raise _damaged("zstd", read + position, made, str(error)) from error
            if block:
                made += len(block)
                yield block
            position += len(piece)
            if frame.eof:
                position -= len(frame.unused_data)
                frame = None
        read += len(data)
    if frame is not None or read == 0:
        raise _truncated("zstd", read, made)


def _gzip_blocks(file: BinaryIO) -> Iterator[bytes]:
    # Members are taken apart here: a decoder of whole ones keeps back up to a block of good text
    # when the checksum behind it is wrong.
    source = _Source(file)
    made = 0
    while source.more(1) or source.read == 0:
        try:
            _skip_gzip_header(source)
            inflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
            checksum = size = 0
            while not inflate.eof:
                data = source.take() if inflate.needs_input else b""
                block = inflate.decompress(data, GZIP_BLOCK_BYTES)
                checksum, size = isal_zlib.crc32(block, checksum), size + len(block)
                made += len(block)
                if block:
                    yield block
            source.data = inflate.unused_data + source.data
            if source.exactly(8) != struct.pack("<II", checksum, size & 0xFFFFFFFF):
                raise _damaged("gzip", source.place, made, "wrong checksum")
            source.skip_padding()
        except EOFError as error:
            raise _truncated("gzip", source.read, made) from error
        except IsalError as error:
            raise _damaged("gzip", source.place, made, str(error)) from error


class _Source:
    """Compressed bytes that are ahead; `read` counts what was taken from the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.data = b""
        self.read = 0

    @property
    def place(self) -> int:
        """How many bytes were used up."""
        return self.read - len(self.data)

    def more(self, size: int) -> bool:
        """Read ahead until `size` bytes are there; tell whether they are."""
        while len(self.data) < size and (more := self._file.read(BLOCK_BYTES)):
            self.read += len(more)
            self.data += more
        return len(self.data) >= size

    def take(self) -> bytes:
        """Use up all that is there, one byte at least; EOFError where there is none."""
        if not self.more(1):
            raise EOFError
        data, self.data = self.data, b""
        return data

    def exactly(self, size: int) -> bytes:
        """Use up `size` bytes; EOFError where there are fewer."""
        if not self.more(size):
            raise EOFError
        data, self.data = self.data[:size], self.data[size:]
        return data

    def skip_padding(self) -> None:
        """Use up all zero bytes that come next."""
        while self.more(1):
            self.data = self.data.lstrip(b"\0")
            if self.data:
                return

    def string(self) -> None:
        """Use up all bytes to the next zero, and it."""
        while self.exactly(1) != b"\0":
            pass


def _skip_gzip_header(source: _Source) -> None:
    """Use up the header of a gzip member (RFC 1952, section 2.3)."""
    head = source.exactly(2)
    if head != GZIP_MAGIC:
        raise IsalError("no gzip header")
    method, flags = source.exactly(8)[:2]
    if method != 8 or flags & 0xE0:
        raise IsalError("unknown kind of gzip header")
    if flags & 4:
        source.exactly(int.from_bytes(source.exactly(2), "little"))
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
