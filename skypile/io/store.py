"""A folder, local or remote (gs://, s3://, hdfs://), in which nothing half-written has a name.

Every file is written under a temporary name beside its own and renamed when it is complete. On
object stores a rename is a copy and a removal, so there a file may appear twice for a moment, but
never in part.
"""

from __future__ import annotations

import errno
import json
import os
import posixpath
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
import xxhash

from skypile.errors import OutputError, RunError
from skypile.interrupts import unfinished

__all__ = ["Store", "is_remote"]

CHUNK_BYTES = 1 << 20


def is_remote(path: str) -> bool:
    """Tell whether `path` is a URL of an object store rather than a local path."""
    return "://" in path and not path.startswith("file://")


@lru_cache(maxsize=64)
def _filesystem(root: str) -> tuple[pafs.FileSystem, str]:
    if is_remote(root):
        try:
            return pafs.FileSystem.from_uri(root)  # type: ignore[no-any-return]
        except (pa.ArrowInvalid, OSError) as error:
            raise OutputError(f"{root}: no such file system can be opened: {error}") from error
    return pafs.LocalFileSystem(), str(Path(root.removeprefix("file://")).absolute())


def _explain(error: OSError, path: str) -> OutputError:
    code = error.errno
    if code == errno.ENOSPC:
        return OutputError(f"{path}: the disk is full; free some space and run the same again")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{path}: cannot be written ({os.strerror(code)}); choose another folder"
        )
    return OutputError(f"{path}: cannot be written: {error}")


def _local_names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - Path would make an object of each
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"{path}: is no folder that can be read: {error}") from error


@dataclass(frozen=True)
class Store:
    """Files by their names below `root`; names use ``/``."""

    root: str

    def path(self, name: str) -> str:
        """Return the full path of the file `name` in its file system."""
        _, base = _filesystem(self.root)
        return f"{base}/{name}" if name else base

    @property
    def filesystem(self) -> pafs.FileSystem:
        """The pyarrow file system that `root` lies in."""
        return _filesystem(self.root)[0]

    @contextmanager
    def create(self, name: str) -> Iterator[pa.NativeFile]:
        """Yield a stream to the file `name`, which appears whole when the block ends well.

        Raises OutputError for a full disk, an unwritable folder and their like.
        """
        path = self.path(name)
        beside = f"{path}.{uuid.uuid4().hex[:12]}.tmp"
        if not is_remote(self.root):
            unfinished.add(beside)
        try:
            self.filesystem.create_dir(posixpath.dirname(path), recursive=True)
            with self.filesystem.open_output_stream(beside) as stream:
                yield stream
            self.filesystem.move(beside, path)
        except OSError as error:
            self._discard(beside)
            raise _explain(error, path) from error
        except BaseException:
            self._discard(beside)
            raise
        finally:
            unfinished.discard(beside)

    def _discard(self, path: str) -> None:
        try:
            self.filesystem.delete_file(path)
        except OSError:
            return

    def write(self, name: str, data: bytes) -> None:
        """Write `data` as the file `name`, replacing it as a whole."""
        with self.create(name) as stream:
            stream.write(data)

    def write_json(self, name: str, data: object) -> None:
        """Write `data` as JSON, keys in the order given."""
        self.write(name, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())

    def open(self, name: str) -> pa.NativeFile:
        """Return the file `name` for reading at random; RunError where it is not there."""
        try:
            return self.filesystem.open_input_file(self.path(name))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.path(name)}: this file is gone; it was written before"
            ) from error

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`; RunError where it is not there."""
        with self.open(name) as stream:
            return bytes(stream.read())

    def read_json(self, name: str) -> Any:
        """Return the JSON content of the file `name`, or None where it is not there or not JSON."""
        try:
            with self.filesystem.open_input_file(self.path(name)) as stream:
                return json.loads(stream.read())
        except (FileNotFoundError, ValueError):
            return None

    def size(self, name: str) -> int | None:
        """Return the size of the file `name` in bytes, or None where there is none."""
        info = self.filesystem.get_file_info(self.path(name))
        return int(info.size) if info.type == pafs.FileType.File else None

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files and folders directly in `folder`, sorted."""
        if not is_remote(self.root):
            # pyarrow asks for the size of each: six times as long for 100,000 names.
            return sorted(_local_names(self.path(folder)))
        return sorted(info.base_name for info in self._listed(folder, recursive=False))

    def walk(self, folder: str = "") -> list[str]:
        """Return the names, relative to `root`, of all files below `folder`, sorted."""
        base = self.path("")
        found = self._listed(folder, recursive=True)
        return sorted(
            info.path.removeprefix(base).lstrip("/")
            for info in found
            if info.type == pafs.FileType.File
        )

    def _listed(self, folder: str, *, recursive: bool) -> list[pafs.FileInfo]:
        path = self.path(folder)
        selector = pafs.FileSelector(path, allow_not_found=True, recursive=recursive)
        try:
            return list(self.filesystem.get_file_info(selector))
        except OSError as error:
            raise OutputError(f"{path}: is no folder that can be read: {error}") from error

    def digest(self, name: str) -> str:
        """Return the xxh3-128 of the file `name` in hexadecimal."""
        state = xxhash.xxh3_128()
        with self.open(name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                state.update(chunk)
        return state.hexdigest()

    def remove(self, name: str) -> None:
        """Remove the file or folder `name` where it is there."""
        info = self.filesystem.get_file_info(self.path(name))
        if info.type == pafs.FileType.File:
            self.filesystem.delete_file(info.path)
        elif info.type == pafs.FileType.Directory:
            self.filesystem.delete_dir(info.path)
