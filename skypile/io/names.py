"""Names of input files: short, the same for any order of inputs, and never two alike."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict

from skypile.io.remote import is_http, shown

__all__ = ["unique_names"]


def unique_names(prefixes: dict[str, str]) -> dict[str, str]:
    """Return a name for each path: the path relative to its prefix, longer where two are equal.

    `prefixes` maps an absolute path to the folder in front of which nothing tells. Where two names
    would be equal, both get as many more parent folders in front as tell them apart. A URL is named
    without user and query; two that differ in these only end in a hash of them.
    """
    places = _places(list(prefixes))
    lengths = {
        path: 1 if is_http(path) else len(_parts(path)) - len(_parts(prefix.rstrip("/")))
        for path, prefix in prefixes.items()
    }
    while True:
        by_name = defaultdict(list)
        for path, length in lengths.items():
            by_name[_name(places[path], length)].append(path)
        alike = [path for paths in by_name.values() if len(paths) > 1 for path in paths]
        if not alike:
            return {paths[0]: name for name, paths in by_name.items()}
        longer = {path: min(lengths[path] + 1, len(_parts(places[path]))) for path in alike}
        assert any(longer[path] > lengths[path] for path in alike), "paths are unique"
        lengths.update(longer)


def _places(paths: list[str]) -> dict[str, str]:
    """Return for each path what its name is cut from: itself, or what may be shown of a URL."""
    shown_paths = {path: shown(path).rstrip("/") for path in paths}
    uses = Counter(shown_paths.values())
    return {
        path: place if uses[place] == 1 else f"{place}?{_digits(path)}"
        for path, place in shown_paths.items()
    }


def _digits(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]


def _parts(path: str) -> list[str]:
    return path.split("/")


def _name(path: str, length: int) -> str:
    # A local name may hold bytes that are no UTF-8; a record's name must be a string that is.
    short = "/".join(_parts(path)[-length:])
    return os.fsencode(short).decode("utf-8", "backslashreplace")
