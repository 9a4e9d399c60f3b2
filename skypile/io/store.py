"""A folder, local or remote (gs://, s3://, hdfs://), in which nothing half-written has a name.

Every file is written under a temporary name beside its own and renamed when it is complete. On
object stores a rename is a copy and a removal, so there a file may appear twice for a moment, but
never in part. What a killed process left under a temporary name is told by that name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import posixpath
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.fs as pafs
import xxhash

from skypile.errors import OutputError, RunError
from skypile.interrupts import unfinished
from skypile.io.again import again, rereading
from skypile.io.remote import IN_BUCKET, filesystem, why

__all__ = ["TEMPORARY", "Store", "is_remote", "local_copy", "output_error"]

CHUNK_BYTES = 1 << 20
TEMPORARY = ".tmp"  # how the name of a file ends while it is written


def is_remote(path: str) -> bool:
    """Tell whether `path` is a URL of an object store rather than a local path."""
    return "://" in path and not path.startswith("file://")


def _filesystem(root: str) -> tuple[pafs.FileSystem, str]:
    if is_remote(root):
        system, base = filesystem(root)
        return system, base.rstrip("/")
    return pafs.LocalFileSystem(), str(Path(root.removeprefix("file://")).absolute())


def output_error(error: OSError, path: str) -> OutputError:
    """Return the sentence for what kept `path` from being written."""
    code = error.errno
    if code == errno.ENOSPC:
        return OutputError(f"{path}: the disk is full; free some space and run the same again")
    if code == errno.EDQUOT:
        return OutputError(f"{path}: the disk quota is used up; free some space and run it again")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            f"{path}: cannot be written ({os.strerror(code)}); choose another folder"
        )
    if code in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return OutputError(
            f"{path}: cannot be written ({os.strerror(code)}); a file stands where a folder should "
            "be, or a folder where a file should"
        )
    return OutputError(f"{path}: cannot be written: {os.strerror(code) if code else why(error)}")


def _unreadable(error: OSError, path: str) -> NoReturn:
    told = os.strerror(error.errno) if error.errno else why(error)
    raise OutputError(f"{path}: cannot be read: {told}") from error


@contextmanager
def _read_from(path: str) -> Iterator[None]:
    """Have what goes wrong while `path` is read name it."""
    try:
        yield
    except OSError as error:
        _unreadable(error, path)


def _sync(path: str) -> None:
    """Have the kernel write the file or folder `path` to the disk before anything else happens."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _claimed(path: str) -> Iterator[None]:
    """Hold the new file `path` while the block lasts; the kernel frees it when the process dies."""
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(file)


def _is_claimed(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _local_names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - Path would make an object of each
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(f"{path}: is no folder that can be read: {error}") from error


@dataclass(frozen=True)
class Store:
    """Files by their names below `root`; names use ``/``.

    With `durable` a file is on the disk before it has its name, so that not even a power cut
    leaves a name without content. That costs about 16 ms a file on a disk of a virtual machine:
    too much for the many small files of a work folder, whose hashes are checked anyway.
    """

    root: str
    durable: bool = True

    def path(self, name: str) -> str:
        """Return the full path of the file `name` in its file system."""
        _, base = _filesystem(self.root)
        return f"{base}/{name}" if name else base

    @property
    def filesystem(self) -> pafs.FileSystem:
        """The pyarrow file system that `root` lies in."""
        return _filesystem(self.root)[0]

    @property
    def is_local(self) -> bool:
        """Whether files can be handled by their paths."""
        return not is_remote(self.root)

    @property
    def _is_in_bucket(self) -> bool:
        """Whether a file needs no folder: there an object of each would only cost requests."""
        return self.root.partition("://")[0] in IN_BUCKET

    @contextmanager
    def create(self, name: str) -> Iterator[pa.NativeFile]:
        """Yield a stream to the file `name`, which appears whole when the block ends well.

        Raises OutputError for a full disk, an unwritable folder and their like.
        """
        with self._beside(name) as beside, self.filesystem.open_output_stream(beside) as stream:
            yield stream

    def create_by(self, name: str, save: Callable[[Path], None]) -> None:
        """Have `save` write a local file, which then stands as `name`; raises what `create` does.

        Where this store is remote, it is written elsewhere first.
        """
        if self.is_local:
            with self._beside(name) as beside:
                save(Path(beside))
            return
        with TemporaryDirectory(prefix="skypile-") as folder:
            path = Path(folder) / "file"
            save(path)
            with self.create(name) as stream, path.open("rb") as source:
                while chunk := source.read(CHUNK_BYTES):
                    stream.write(chunk)

    @contextmanager
    def _beside(self, name: str) -> Iterator[str]:
        """Yield a path beside that of `name`; what is there afterwards takes its name."""
        path = self.path(name)
        beside = f"{path}.{uuid.uuid4().hex[:12]}{TEMPORARY}"
        if self.is_local:
            unfinished.add(beside)
        try:
            if not self._is_in_bucket:
                folder = posixpath.dirname(path)
                again(partial(self.filesystem.create_dir, folder, recursive=True))
            with _claimed(beside) if self.is_local else nullcontext():
                yield beside
                self._rename(beside, path)
        except BrokenPipeError:  # of another stream in the block: no file is a pipe
            self._discard(beside)
            raise
        except OSError as error:
            self._discard(beside)
            raise output_error(error, path) from error
        except BaseException:
            self._discard(beside)
            raise
        finally:
            unfinished.discard(beside)

    def _rename(self, beside: str, path: str) -> None:
        if not self.is_local:
            self.filesystem.move(beside, path)
            return
        if self.durable:
            _sync(beside)
        # Not Arrow's move: Python's own can be observed (sys.addaudithook), as the tests that kill
        # a build just before and just after it do.
        os.replace(beside, path)  # noqa: PTH105 - a path is a string here
        if self.durable:
            _sync(posixpath.dirname(path))

    def sweep(self, name: str) -> None:
        """Remove what processes that were killed have left of the file `name`, half-written."""
        folder, _, base = self.path(name).rpartition("/")
        left = re.compile(rf"{re.escape(base)}\.[0-9a-f]{{12}}{re.escape(TEMPORARY)}")
        if not self.is_local:
            return
        with suppress(OSError):
            for path in Path(folder).iterdir():
                if left.fullmatch(path.name) and not _is_claimed(path):
                    path.unlink()

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
        path = self.path(name)
        try:
            return self._opened(path)
        except FileNotFoundError as error:
            raise RunError(f"{path}: this file is gone; it was written before") from error
        except OSError as error:
            _unreadable(error, path)

    def _opened(self, path: str) -> pa.NativeFile:
        if self.is_local:
            return self.filesystem.open_input_file(path)
        return rereading(again(partial(self.filesystem.open_input_file, path)))

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`; RunError where it is not there."""
        with _read_from(self.path(name)), self.open(name) as stream:
            return bytes(stream.read())

    def read_json(self, name: str) -> Any:
        """Return the JSON content of the file `name`, or None where it is not there or not JSON."""
        path = self.path(name)
        try:
            with self._opened(path) as stream:
                return json.loads(stream.read())
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            _unreadable(error, path)

    def _info(self, name: str) -> pafs.FileInfo:
        path = self.path(name)
        try:
            return again(partial(self.filesystem.get_file_info, path))
        except OSError as error:
            _unreadable(error, path)

    def size(self, name: str) -> int | None:
        """Return the size of the file `name` in bytes, or None where there is none."""
        info = self._info(name)
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
            return list(again(partial(self.filesystem.get_file_info, selector)))
        except OSError as error:
            raise OutputError(f"{path}: is no folder that can be read: {error}") from error

    def digest(self, name: str) -> str:
        """Return the xxh3-128 of the file `name` in hexadecimal."""
        state = xxhash.xxh3_128()
        with _read_from(self.path(name)), self.open(name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                state.update(chunk)
        return state.hexdigest()

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of the file `name` in hexadecimal."""
        state = hashlib.sha256()
        with _read_from(self.path(name)), self.open(name) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                state.update(chunk)
        return state.hexdigest()

    def remove(self, name: str) -> None:
        """Remove the file or folder `name` where it is there."""
        info = self._info(name)
        try:
            if info.type == pafs.FileType.File:
                self._delete_file(info.path)
            elif info.type == pafs.FileType.Directory and self.is_local:
                shutil.rmtree(info.path)
            elif info.type == pafs.FileType.Directory:
                self.filesystem.delete_dir(info.path)
        except FileNotFoundError:
            return
        except OSError as error:
            told = os.strerror(error.errno) if error.errno else why(error)
            raise OutputError(f"{info.path}: cannot be removed: {told}") from error

    def _delete_file(self, path: str) -> None:
        if self.is_local:
            os.unlink(path)  # noqa: PTH108 - a path is a string here
        else:
            again(partial(self.filesystem.delete_file, path))


def local_copy(store: Store, name: str, key: str) -> Path:
    """Return a path at which the file `name` can be memory-mapped; a remote one is copied once.

    Copies are named by `key`, a hash of their content, and live as long as the process.
    """
    if store.is_local:
        return Path(store.path(name))
    copy = Path(_copies().name) / key
    if not copy.exists():
        beside = copy.with_suffix(TEMPORARY)
        with store.open(name) as source, beside.open("wb") as out:
            while chunk := source.read(CHUNK_BYTES):
                out.write(chunk)
        beside.replace(copy)
    return copy


@cache
def _copies() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="skypile-")
