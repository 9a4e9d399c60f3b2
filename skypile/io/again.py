"""Remote requests tried again in the cases in which the libraries of the stores give up at once.

Amazon's library tries again what it knows: answers 500 and 503 with a code of S3, connections that
break. It takes a body that breaks off while its last bytes are handed on, and an answer 429 or 5xx
under a name of another maker's, for final. A request that it has tried for long is not tried again
here.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pyarrow as pa

__all__ = ["again", "rereading"]

UNTRIED = re.compile(r"Failed to flush response stream|UNKNOWN \(HTTP status (?:429|5\d\d)\)")
PAUSE_SECONDS = (0.5, 1.0, 2.0, 4.0)
T = TypeVar("T")


def again(action: Callable[[], T]) -> T:
    """Return what `action` returns; it is called up to five times, with pauses between.

    `action` changes nothing where it fails, or the same when it is done twice. Raises its OSError
    at once where the library has tried again by itself, or there is no hope.
    """
    for pause in PAUSE_SECONDS:
        try:
            return action()
        except OSError as error:
            if not UNTRIED.search(str(error)):
                raise
        time.sleep(pause)
    return action()


class _Rereading(io.RawIOBase):
    """A remote file whose reads are tried again from where they began."""

    def __init__(self, file: pa.NativeFile) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, fewer at the end, all that are left for None and -1."""
        wanted = None if size is None or size < 0 else size
        return again(partial(self._read, self._file.tell(), wanted))

    def _read(self, start: int, size: int | None) -> bytes:
        self._file.seek(start)
        return bytes(self._file.read(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte and return its number."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the number of the byte that is read next."""
        return int(self._file.tell())

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()


def rereading(file: pa.NativeFile) -> pa.NativeFile:
    """Return the remote file `file` with reads that are tried again."""
    return pa.PythonFile(_Rereading(file), mode="r")
