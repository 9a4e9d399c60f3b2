"""The work folder: durable outputs of units, each written once under a name that says what made it.

An **entry** is a JSON file written after the files that it lists; a unit is finished when its entry
is there and the files have the sizes and hashes that it gives. Entries are named by a hash of all
that they depend on, so what is stale is simply not found. A phase that reads such a file checks its
hash again: what was changed or lost between two phases ends the run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from skypile.errors import RunError
from skypile.io.store import Store, local_copy

__all__ = [
    "Entry",
    "digest",
    "finished",
    "local_path",
    "open_whole",
    "read_whole",
    "write_entry",
]


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
    entry = Entry(name, data, digest(listed, data))
    store.write_json(f"{name}.json", {"files": listed, "data": data, "hash": entry.hash})
    return entry


def _read_entry(store: Store, name: str) -> tuple[Entry, dict[str, list[Any]]] | None:
    """Return the entry `name` and the size and hash of its files, None where it is not whole."""
    found = store.read_json(f"{name}.json")
    try:
        files, data, told = found["files"], found["data"], found["hash"]
    except (KeyError, TypeError):
        return None
    return (Entry(name, data, told), files) if digest(files, data) == told else None


def finished(store: Store, name: str, *, hashes: bool = True) -> Entry | None:
    """Return the entry `name` where it and its files are whole, else None.

    With `hashes` every file is read; without, sizes are compared only.
    """
    found = _read_entry(store, name)
    if found is None:
        return None
    entry, files = found
    for file, (size, digest_then) in files.items():
        if store.size(file) != size or (hashes and store.digest(file) != digest_then):
            return None
    return entry


def entry_of(file: str) -> str:
    """Return the name of the entry that lists `file`.

    >>> entry_of("curate/12ab/part-00000.parquet"), entry_of("pair/34cd/drops/unit-000000.arrow")
    ('curate/12ab/unit', 'pair/34cd/drops')
    >>> entry_of("score/56ef.parquet")
    'score/56ef'
    """
    folder = file.rpartition("/")[0]
    kind = file.partition("/")[0]
    return {"curate": f"{folder}/unit", "pair": folder}.get(kind) or file.rpartition(".")[0]


@lru_cache(maxsize=1024)
def _listed(store: Store, entry: str) -> dict[str, list[Any]]:
    found = _read_entry(store, entry)
    if found is None:
        raise RunError(f"{store.path(entry)}.json: is gone or damaged; run the same command again")
    return found[1]


def _check(store: Store, file: str) -> None:
    found = [store.size(file), store.digest(file)]
    if found != _listed(store, entry_of(file)).get(file):
        raise RunError(
            f"{store.path(file)}: is not what was written there; run the same command again, which "
            "does this part of the work once more"
        )


def open_whole(store: Store, file: str) -> pa.NativeFile:
    """Return `file` for reading at random; RunError unless it is what its entry lists.

    The hash is that of a file which is read anyway, at some GB a second.
    """
    _check(store, file)
    return store.open(file)


def read_whole(store: Store, file: str) -> bytes:
    """Return the content of `file`; RunError unless it is what its entry lists."""
    with open_whole(store, file) as stream:
        return bytes(stream.read())


def local_path(store: Store, file: str) -> Path:
    """Return a path at which `file` can be memory-mapped; a remote one is copied once.

    RunError unless it is what its entry lists.
    """
    _check(store, file)
    return local_copy(store, file, store.digest(file) if not store.is_local else "")
