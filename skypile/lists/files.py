"""Files of lists that recipes name: found, decompressed, told apart by their hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from functools import lru_cache
from pathlib import Path

import zstandard

from skypile.errors import RecipeError

__all__ = ["content", "file_hash", "list_error", "list_path", "raw_content"]

# Lists come from third parties, and are held whole: the largest in use have some 100 MB.
MAX_BYTES = 1 << 31
_PIECE_BYTES = 1 << 10  # of zstd, which at most makes 128 KiB of four bytes
_GZIP, _ZSTD, _MARK = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"


def list_path(path: str) -> Path:
    """Return the place of a list; a relative path starts where the command was called."""
    return Path(path).expanduser()


def list_error(path: str | Path, line: int | str, what: str) -> RecipeError:
    """Return the error that names a place in a list."""
    return RecipeError(f"{path}:{line}: {what}")


@lru_cache(maxsize=4096)
def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, read once in a process; RecipeError if it cannot be read."""
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        where = "" if path.is_absolute() else f" (looked for at {path.absolute()})"
        raise RecipeError(f"{path}: the list cannot be read: {error.strerror}{where}") from error


def content(path: Path) -> bytes:
    """Return the text of a list as UTF-8 without byte order mark; gzip and zstd are unpacked.

    Raises RecipeError, naming the line where there is one, for what is damaged or not UTF-8.
    """
    data = raw_content(path).removeprefix(_MARK)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "not UTF-8; a list in GBK is made so by: iconv -f GB18030 -t UTF-8"
        raise list_error(path, line, what) from error
    return data


def raw_content(path: Path) -> bytes:
    """Return the bytes of a list, those of gzip and zstd unpacked.

    Raises RecipeError for damage, and for what holds over MAX_BYTES.
    """
    data = _read(path)
    try:
        if data.startswith(_GZIP):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
        elif data.startswith(_ZSTD):
            data = _unzstd(data)
        if len(data) > MAX_BYTES:
            raise RecipeError(f"{path}: the list holds over {MAX_BYTES:,} bytes; divide it")
        return data
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise RecipeError(f"{path}: the list is damaged: {error}") from error


def _unzstd(data: bytes) -> bytes:
    """Return what zstd frames hold, as far as to one byte and more behind MAX_BYTES."""
    parts, size, place = [], 0, 0
    while place < len(data) and size <= MAX_BYTES:
        frame = zstandard.ZstdDecompressor().decompressobj()
        while not frame.eof and place < len(data) and size <= MAX_BYTES:
            piece = data[place : place + _PIECE_BYTES]
            parts.append(frame.decompress(piece))
            place, size = place + len(piece), size + len(parts[-1])
        if not frame.eof and size <= MAX_BYTES:
            raise EOFError("the zstd frame ends early")
        place -= len(frame.unused_data)
    return b"".join(parts)
