"""The work folder: durable outputs of units, each written once under a name that says what made it.

An **entry** is a JSON file written after the files that it lists; a unit is finished when its entry
is there and the files have the sizes and hashes that it gives. Entries are named by a hash of all
that they depend on, so what is stale is simply not found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from skypile.io.store import Store, is_remote

__all__ = ["Entry", "digest", "finished", "local_path", "save_file", "write_entry"]


def digest(*parts: object) -> str:
    """Return 32 hexadecimal digits that stand for `parts` (JSON values)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Entry:
    """A finished piece of work: its data, and the files that belong to it."""

    name: str
    data: dict[str, Any]
    hash: str


def write_entry(store: Store, name: str, files: list[str], data: dict[str, Any]) -> Entry:
    """Write the entry `name` for the finished `files`, last of all."""
    listed = {file: [store.size(file), store.digest(file)] for file in files}
    store.write_json(f"{name}.json", {"files": listed, "data": data})
    return Entry(name, data, digest(listed, data))


def finished(store: Store, name: str, *, hashes: bool = True) -> Entry | None:
    """Return the entry `name` where it and its files are whole, else None.

    With `hashes` every file is read; without, sizes are compared only.
    """
    found = store.read_json(f"{name}.json")
    if not isinstance(found, dict) or not {"files", "data"} <= set(found):
        return None
    for file, (size, digest_then) in found["files"].items():
        if store.size(file) != size or (hashes and store.digest(file) != digest_then):
            return None
    return Entry(name, found["data"], digest(found["files"], found["data"]))


def local_path(store: Store, name: str) -> Path:
    """Return a path at which the file `name` can be memory-mapped; a remote one is copied once.

    Copies are named by their content and live as long as the process.
    """
    if not is_remote(store.root):
        return Path(store.path(name))
    copy = Path(_copies().name) / store.digest(name)
    if not copy.exists():
        beside = copy.with_suffix(".tmp")
        beside.write_bytes(store.read(name))
        beside.replace(copy)
    return copy


@cache
def _copies() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="skypile-")


def save_file(store: Store, name: str, save: Callable[[Path], None]) -> None:
    """Have `save` write a local file, which then stands as `name`."""
    with TemporaryDirectory(prefix="skypile-") as folder:
        path = Path(folder) / "file"
        save(path)
        with store.create(name) as stream, path.open("rb") as source:
            while chunk := source.read(1 << 20):
                stream.write(chunk)
