"""Compiled lists as files that all processes of a machine map into memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

__all__ = ["Compiled", "compiled", "read_compiled", "store_folder", "write_compiled"]

Array = npt.NDArray[Any]

_MAGIC = b"skypile list 1\n"
_ALIGN = 64


@dataclass(frozen=True)
class Compiled:
    """Arrays by name, read-only, and what else is to be known about them, as JSON."""

    arrays: dict[str, Array]
    about: dict[str, Any]


def store_folder() -> Path:
    """Return the folder of compiled lists, which may be emptied at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "skypile" / "lists"


def compiled(key: str, build: Callable[[], Compiled]) -> Compiled:
    """Return what `build` makes; `key` names everything that it depends on.

    It is read from the file of an earlier call if that is whole. A file is written beside and
    renamed; where none can be written the arrays stay in this process.
    """
    path = store_folder() / f"{key}.list"
    found = read_compiled(path)
    if found is None:
        found = build()
        with suppress(OSError):
            write_compiled(path, found)
            return read_compiled(path) or found
    return found


def read_compiled(path: Path) -> Compiled | None:
    """Return the content of a file, None where it is not there or not whole."""
    try:
        mapped = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError):
        return None
    start = len(_MAGIC) + 8
    if mapped[: len(_MAGIC)].tobytes() != _MAGIC or mapped.size < start:
        return None
    size = int.from_bytes(mapped[len(_MAGIC) : start].tobytes(), "little")
    try:
        head = json.loads(mapped[start : start + size].tobytes())
    except ValueError:
        return None
    body = np.asarray(mapped)[_aligned(start + size) :]
    if body.size != head["bytes"] or xxhash.xxh3_128_hexdigest(body.data) != head["xxh3"]:
        return None
    arrays = {}
    for name, kind, shape, at in head["arrays"]:
        dtype = np.dtype(kind)
        last = at + dtype.itemsize * int(np.prod(shape))
        arrays[name] = body[at:last].view(dtype).reshape(shape)
    return Compiled(arrays, head["about"])


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def write_compiled(path: Path, made: Compiled) -> None:
    """Write a file beside `path`, then rename it. Raises OSError."""
    at, index, body = 0, [], bytearray()
    for name, array in made.arrays.items():
        index.append([name, array.dtype.str, list(array.shape), at])
        body += np.ascontiguousarray(array).tobytes()
        body += bytes(_aligned(len(body)) - len(body))
        at = len(body)
    head = {
        "arrays": index, "about": made.about, "bytes": len(body),
        "xxh3": xxhash.xxh3_128_hexdigest(body),
    }  # fmt: skip
    told = json.dumps(head).encode()
    start = len(_MAGIC) + 8 + len(told)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + len(told).to_bytes(8, "little") + told)
            file.write(bytes(_aligned(start) - start))
            file.write(body)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
