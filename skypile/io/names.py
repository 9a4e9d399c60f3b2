"""Names of input files: short, the same for any order of inputs, and never two alike."""

from __future__ import annotations

import os
from collections import defaultdict

__all__ = ["unique_names"]


def unique_names(prefixes: dict[str, str]) -> dict[str, str]:
    """Return a name for each path: the path relative to its prefix, longer where two are equal.

    `prefixes` maps an absolute path to the folder in front of which nothing tells. Where two names
    would be equal, both get as many more parent folders in front as tell them apart.
    """
    lengths = {
        path: len(_parts(path)) - len(_parts(prefix.rstrip("/")))
        for path, prefix in prefixes.items()
    }
    while True:
        by_name = defaultdict(list)
        for path, length in lengths.items():
            by_name[_name(path, length)].append(path)
        alike = [path for paths in by_name.values() if len(paths) > 1 for path in paths]
        if not alike:
            return {paths[0]: name for name, paths in by_name.items()}
        longer = {path: min(lengths[path] + 1, len(_parts(path))) for path in alike}
        assert any(longer[path] > lengths[path] for path in alike), "paths are unique"
        lengths.update(longer)


def _parts(path: str) -> list[str]:
    return path.split("/")


def _name(path: str, length: int) -> str:
    # A local name may hold bytes that are no UTF-8; a record's name must be a string that is.
    short = "/".join(_parts(path)[-length:])
    return os.fsencode(short).decode("utf-8", "backslashreplace")
