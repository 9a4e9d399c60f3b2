"""Input files, local or remote: list, match, look at and open them.

A path with a scheme (``gs://``, ``s3://``, ``hdfs://``, ``file://``) is opened by pyarrow's file
systems, any other one is a local path. Folders in paths are separated by ``/``.
"""

from __future__ import annotations

import errno
import os
import re
import stat as stat_bits
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.fs as pafs

from skypile.errors import InputError, UsageError
from skypile.io.store import Store

__all__ = [
    "Entry",
    "absolute",
    "fixed_prefix",
    "list_folder",
    "matches",
    "open_input",
    "read_head",
    "stat",
    "write_atomic",
]

WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder as it was when it was listed."""

    path: str
    size: int
    mtime_ns: int
    is_folder: bool = False
    is_link: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def _has_scheme(path: str) -> bool:
    return "://" in path


@lru_cache(maxsize=64)
def _root(scheme_and_host: str) -> pafs.FileSystem:
    try:
        return pafs.FileSystem.from_uri(f"{scheme_and_host}/")[0]
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{scheme_and_host}: cannot be opened ({error}); known are local paths, "
            "gs://, s3://, hdfs:// and file://"
        ) from error


def _filesystem(path: str) -> tuple[pafs.FileSystem, str]:
    if not _has_scheme(path):
        return pafs.LocalFileSystem(), path
    scheme, _, rest = path.partition("://")
    host, _, inner = rest.partition("/")
    system = _root(f"{scheme}://{host}")
    # Object stores call the bucket the first folder; local files and HDFS have a root instead.
    in_bucket = scheme in {"s3", "gs", "gcs", "abfs", "abfss"}
    return system, f"{host}/{inner}" if in_bucket else f"/{inner}"


def absolute(path: str) -> str:
    """Return `path` without ``~``, ``.`` and ``..``, so that one file has one path."""
    if _has_scheme(path):
        scheme, _, rest = path.partition("://")
        host, _, inner = rest.partition("/")
        return f"{scheme}://{host}/{'/'.join(part for part in inner.split('/') if part)}"
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 -- keeps odd bytes


def stat(path: str) -> Entry | None:
    """Return what stands at `path` (links are followed), or None where there is nothing.

    Raises InputError where that cannot be told.
    """
    try:
        if not _has_scheme(path):
            found = Path(path).stat()
            is_folder = stat_bits.S_ISDIR(found.st_mode)
            return Entry(path, found.st_size, found.st_mtime_ns, is_folder, Path(path).is_symlink())
        system, inner = _filesystem(path)
        return _remote_entry(path, system.get_file_info(inner))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be looked at: {error}") from error


def _remote_entry(path: str, info: pafs.FileInfo) -> Entry | None:
    if info.type == pafs.FileType.NotFound:
        return None
    is_folder = info.type == pafs.FileType.Directory
    return Entry(path, int(info.size or 0), int(info.mtime_ns or 0), is_folder)


def list_folder(path: str) -> list[Entry]:
    """Return the files and folders directly in the folder `path`, sorted by name.

    Links lead to what they point at; broken ones, sockets and devices are left out. Raises
    InputError where the folder cannot be listed.
    """
    try:
        found = _list_remote(path) if _has_scheme(path) else _list_local(path)
    except OSError as error:
        raise InputError(f"{path}: this folder cannot be listed: {error}") from error
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


def _list_local(path: str) -> list[Entry]:
    found = []
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                info = entry.stat()
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ELOOP):
                    continue
                raise
            is_folder = stat_bits.S_ISDIR(info.st_mode)
            if not is_folder and not stat_bits.S_ISREG(info.st_mode):
                continue
            link = entry.is_symlink()
            child = f"{path.rstrip('/')}/{entry.name}"
            found.append(Entry(child, info.st_size, info.st_mtime_ns, is_folder, link))
    return found


def _list_remote(path: str) -> list[Entry]:
    system, inner = _filesystem(path)
    infos = system.get_file_info(pafs.FileSelector(inner, allow_not_found=True))
    entries = (_remote_entry(f"{path.rstrip('/')}/{info.base_name}", info) for info in infos)
    return [entry for entry in entries if entry is not None]


def open_input(path: str) -> BinaryIO:
    """Return the file at `path`, open for reading at random.

    Raises InputError where it cannot be opened.
    """
    system, inner = _filesystem(path)
    try:
        # A NativeFile reads, seeks and closes as a BinaryIO does, and releases the GIL.
        return cast(BinaryIO, system.open_input_file(os.fsencode(inner)))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error}") from error


def read_head(path: str, size: int) -> bytes:
    """Return the first `size` bytes of the file at `path` (all of a shorter one)."""
    try:
        with open_input(path) as file:
            return bytes(file.read(size))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def fixed_prefix(pattern: str) -> str:
    """Return the folder in front of the first part of `pattern` that holds a wildcard.

    >>> fixed_prefix("/data/raw/**/*.jsonl")
    '/data/raw'
    >>> fixed_prefix("/data/a.jsonl")
    '/data'
    """
    parts = pattern.split("/")
    fixed = next((i for i, part in enumerate(parts) if WILDCARD.search(part)), len(parts) - 1)
    return "/".join(parts[:fixed]) or "/"


def matches(pattern: str) -> list[Entry]:
    """Return what matches `pattern`, an absolute path with wildcards, sorted by path.

    ``*``, ``?`` and ``[...]`` match within one part of a path and no leading dot; ``**`` stands for
    any number of folders (links to folders are not followed) and, at the end, for all files below.
    """
    prefix = fixed_prefix(pattern)
    parts = pattern[len(prefix) :].strip("/").split("/")
    if parts[-1] == "**":
        parts.append("*")
    root = stat(prefix)
    if root is None or not root.is_folder:
        return []
    unique = {entry.path: entry for entry in _descend(root, parts)}
    return [unique[path] for path in sorted(unique, key=os.fsencode)]


def _descend(folder: Entry, parts: list[str]) -> Iterator[Entry]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _descend(folder, rest)
        for entry in list_folder(folder.path):
            if entry.is_folder and not entry.is_link and not entry.name.startswith("."):
                yield from _descend(entry, parts)
        return
    match = re.compile(translate(part)).match
    for entry in list_folder(folder.path):
        hidden = entry.name.startswith(".") and not part.startswith(".")
        if hidden or not match(entry.name):
            continue
        if not rest:
            yield entry
        elif entry.is_folder:
            yield from _descend(entry, rest)


@contextmanager
def write_atomic(path: str) -> Iterator[BinaryIO]:
    """Yield a stream to a file beside `path` that takes its place when the block ends well.

    When the block raises, `path` is as it was before. Raises OutputError for a full disk, an
    unwritable folder and their like.
    """
    folder, _, name = absolute(path).rpartition("/")
    with Store(folder or "/").create(name) as stream:
        yield cast(BinaryIO, stream)
