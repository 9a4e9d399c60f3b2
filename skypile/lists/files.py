"""Files of lists that recipes name: found, decompressed, told apart by their hash."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from functools import lru_cache
from pathlib import Path

import zstandard

from skypile.errors import RecipeError

__all__ = ["content", "file_hash", "list_error", "list_path", "raw_content"]

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
    """Return the bytes of a list, those of gzip and zstd unpacked; RecipeError for damage."""
    data = _read(path)
    try:
        if data.startswith(_GZIP):
            return gzip.decompress(data)
        return _unzstd(data) if data.startswith(_ZSTD) else data
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise RecipeError(f"{path}: the list is damaged: {error}") from error


def _unzstd(data: bytes) -> bytes:
    parts = []
    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        parts.append(frame.decompress(data))
        if not frame.eof:
            raise EOFError("the zstd frame ends early")
        data = frame.unused_data
    return b"".join(parts)
