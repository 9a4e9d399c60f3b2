"""Input files, local or remote: list, match, look at and open them.

A path with a scheme (``gs://``, ``s3://``, ``hdfs://``, ``file://``) is opened by pyarrow's file
systems, ``http://`` and ``https://`` by http.py, any other one is a local path. Folders in paths
are separated by ``/``.
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
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow.fs as pafs

from skypile.errors import InputError
from skypile.io.again import again, rereading
from skypile.io.remote import IN_BUCKET, filesystem, has_scheme, is_http, shown, why
from skypile.io.store import Store

if TYPE_CHECKING:
    from skypile.io.http import About

__all__ = [
    "Entry",
    "absolute",
    "check_unchanged",
    "fixed_prefix",
    "head_of",
    "list_folder",
    "matches",
    "missing_bucket",
    "open_input",
    "read_head",
    "stat",
    "version",
    "web_entry",
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
    etag: str = ""  # what a web server names this version of a file
    head: bytes | None = None  # its first bytes, where they came with the rest

    @property
    def name(self) -> str:
        """The last part of the path."""
        return shown(self.path).rpartition("/")[2]

    @property
    def version(self) -> tuple[int, int, str]:
        """What is another one when the file has changed: size, time of change, ETag."""
        return self.size, self.mtime_ns, self.etag


def absolute(path: str) -> str:
    """Return `path` without ``~``, ``.`` and ``..``, so that one file has one path."""
    if is_http(path):
        return path.partition("#")[0]
    if has_scheme(path):
        scheme, _, rest = path.partition("://")
        host, _, inner = rest.partition("/")
        return f"{scheme}://{host}/{'/'.join(part for part in inner.split('/') if part)}"
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 -- keeps odd bytes


def stat(path: str) -> Entry | None:
    """Return what stands at `path` (links are followed), or None where there is nothing.

    Raises InputError where that cannot be told.
    """
    try:
        if not has_scheme(path):
            found = Path(path).stat()
            is_folder = stat_bits.S_ISDIR(found.st_mode)
            return Entry(path, found.st_size, found.st_mtime_ns, is_folder, Path(path).is_symlink())
        if is_http(path):
            return web_entry(path)
        system, inner = filesystem(path)
        asked = inner.rstrip("/") or inner
        return _remote_entry(path, again(lambda: system.get_file_info(asked)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be looked at: {why(error)}") from error


def web_entry(url: str, told: About | None = None) -> Entry:
    """Return the file at `url`; `told` is what its server said of it, where it has been asked.

    `size` is 0 where the server does not tell one. Raises InputError where there is no such file.
    """
    # Imported on use: Requests costs a tenth of a second, and most inputs are files.
    from skypile.io.http import about

    told = told or about(url)
    return Entry(url, told.size or 0, told.mtime_ns, etag=told.etag, head=told.head)


def version(path: str) -> tuple[int, int, str] | None:
    """Return size, time of change and ETag of the file at `path` as it is now, None for none."""
    found = stat(path)
    return None if found is None else found.version


def _remote_entry(path: str, info: pafs.FileInfo) -> Entry | None:
    if info.type == pafs.FileType.NotFound:
        return None
    is_folder = info.type == pafs.FileType.Directory
    changed = int(info.mtime_ns or 0)
    if path.partition("://")[0] in IN_BUCKET:
        # Some stores list fractions of a second that they leave out when asked about one object.
        changed -= changed % 10**9
    return Entry(path, int(info.size or 0), changed, is_folder)


def check_unchanged(path: str, planned: tuple[int, int, str]) -> None:
    """Raise InputError unless size, time of change and ETag of the file at `path` are `planned`."""
    found = version(path)
    if found != planned:
        what = "is gone" if found is None else "has changed"
        raise InputError(f"{shown(path)}: {what} since the run was planned; run it again")


def list_folder(path: str) -> list[Entry]:
    """Return the files and folders directly in the folder `path`, sorted by name.

    Links lead to what they point at; broken ones, sockets and devices are left out. Raises
    InputError where the folder cannot be listed.
    """
    try:
        found = _list_remote(path) if has_scheme(path) else _list_local(path)
    except OSError as error:
        raise InputError(f"{path}: this folder cannot be listed: {why(error)}") from error
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
    system, inner = filesystem(path)
    selector = pafs.FileSelector(inner, allow_not_found=True)
    infos = again(lambda: system.get_file_info(selector))
    entries = (_remote_entry(f"{path.rstrip('/')}/{info.base_name}", info) for info in infos)
    return [entry for entry in entries if entry is not None]


def open_input(path: str) -> BinaryIO:
    """Return the file at `path`, open for reading at random.

    Raises InputError where it cannot be opened.
    """
    if is_http(path):
        from skypile.io.http import open_url

        return open_url(path)
    system, inner = filesystem(path)
    try:
        # A NativeFile reads, seeks and closes as a BinaryIO does, and releases the GIL.
        name = os.fsencode(inner)
        if not has_scheme(path):
            return cast(BinaryIO, system.open_input_file(name))
        return cast(BinaryIO, rereading(again(lambda: system.open_input_file(name))))
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {why(error)}") from error


def head_of(entry: Entry, size: int) -> bytes:
    """Return the first `size` bytes of a file (all of a shorter one)."""
    return read_head(entry.path, size) if entry.head is None else entry.head[:size]


def read_head(path: str, size: int) -> bytes:
    """Return the first `size` bytes of the file at `path` (all of a shorter one)."""
    try:
        with open_input(path) as file:
            return bytes(file.read(size))
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {why(error)}") from error


def missing_bucket(path: str) -> str | None:
    """Return the bucket of `path` where there is none of its name, None otherwise."""
    scheme, _, rest = path.partition("://")
    if scheme not in IN_BUCKET:
        return None
    bucket = f"{scheme}://{rest.partition('/')[0]}"
    return bucket if stat(bucket) is None else None


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

    When the block raises, `path` is as it was before. What killed processes left of it half-written
    is removed. Raises OutputError for a full disk, an unwritable folder and their like.
    """
    folder, _, name = absolute(path).rpartition("/")
    store = Store(folder or "/")
    store.sweep(name)
    with store.create(name) as stream:
        yield cast(BinaryIO, stream)
