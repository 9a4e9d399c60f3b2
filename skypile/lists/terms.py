"""Lists of terms: read from the files that people have, compiled for the kernel."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

import skypile
from skypile.errors import RecipeError
from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.lexicon import (
    ALLOWED,
    MAX_CATEGORIES,
    MAX_TOKENS,
    Terms,
    compile_terms,
    term_keys,
)
from skypile.kernels.term_lines import term_lines
from skypile.kernels.term_tokens import MAX_WORD_BYTES
from skypile.lists.files import content, file_hash, list_error
from skypile.lists.store import Compiled, compiled

__all__ = [
    "ALLOWED_TERMS",
    "CATEGORY",
    "DEFAULT_TERMS",
    "TermFile",
    "TermSet",
    "term_set",
    "terms_hash",
]

_DATA = Path(__file__).parent / "data"
DEFAULT_TERMS = _DATA / "terms.tsv"
ALLOWED_TERMS = _DATA / "allowed.txt"

CATEGORY = re.compile(r"[a-z][a-z0-9_]*")
# Smaller lists are compiled in less time than it takes to look after a file.
_STORED_BYTES = 1 << 20


@dataclass(frozen=True)
class TermFile:
    """A file of terms of one category, of allowed ones, or ("") of categories that it names."""

    path: Path
    category: str
    allowed: bool = False


class TermSet(NamedTuple):
    """Compiled terms, and the names of their categories by number."""

    terms: Terms
    categories: tuple[str, ...]


def terms_hash(files: Sequence[TermFile]) -> str:
    """Return the SHA-256 of all that a set of terms depends on but the code."""
    state = hashlib.sha256()
    for file in files:
        state.update(f"{file.category}\t{file.allowed}\t{file_hash(file.path)}\n".encode())
    return state.hexdigest()


@lru_cache(maxsize=16)
def term_set(files: tuple[TermFile, ...]) -> TermSet:
    """Return the terms of `files`, compiled, from the store where they are large.

    Raises RecipeError, naming file and line, for a line that is no term.
    """
    size = sum(file.path.stat().st_size for file in files if file.path.exists())
    if size < _STORED_BYTES:
        made = _build(files)
    else:
        made = compiled(_store_key(files), lambda: _build(files))
    terms = Terms(**{name: made.arrays[name] for name in Terms._fields})
    return TermSet(terms, tuple(made.about["categories"]))


def _store_key(files: Sequence[TermFile]) -> str:
    state = hashlib.sha256(f"{skypile.__version__}\t{terms_hash(files)}".encode())
    kernels = Path(skypile.__file__).parent / "kernels"
    for path in (*sorted(kernels.glob("term_*.py")), kernels / "lexicon.py", Path(__file__)):
        state.update(path.read_bytes())
    return state.hexdigest()[:32]


def _build(files: Sequence[TermFile]) -> Compiled:
    parts = [(file, *_read(file)) for file in files]
    named = {name for _, _, _, names in parts for name in names}
    categories = sorted(named)
    if len(categories) > MAX_CATEGORIES:
        raise RecipeError(f"{len(categories)} categories; a lexicon has {MAX_CATEGORIES} at most")
    if not categories:
        raise RecipeError("a lexicon needs a category; give lists or files")
    keys, sizes, bits = [], [], []
    for file, lines, data, names in parts:
        found, counts = term_keys(data, lines[:, 0].copy(), lines[:, 1].copy())
        _check(file, lines, counts)
        keys.append(found)
        sizes.append(counts)
        bits.append(_bits(file, lines, names, categories))
    terms = compile_terms(np.concatenate(keys), np.concatenate(sizes), np.concatenate(bits))
    return Compiled(terms._asdict(), {"categories": categories})


def _bits(
    file: TermFile, lines: npt.NDArray[np.int64], names: Sequence[str], categories: Sequence[str]
) -> npt.NDArray[np.uint64]:
    if file.allowed:
        return np.full(len(lines), ALLOWED, np.uint64)
    values = np.array([1 << categories.index(name) for name in names] or [0], np.uint64)
    found: npt.NDArray[np.uint64] = values[lines[:, 2]]
    return found


def _read(
    file: TermFile,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], tuple[str, ...]]:
    """Return the terms of a file, the bytes in which they stand, and its categories.

    int64 (terms, 4): start, stop, number of the category among those returned, line.
    """
    text = content(file.path)
    if _is_json(file.path):
        text, lines = _json_lines(file, text)
    data = np.zeros(len(text) + PADDING_BYTES, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    if not _is_json(file.path):
        lines = term_lines(data, len(text))
    if file.category or file.allowed:
        return _of_one(file, lines), data, () if file.allowed else (file.category,)
    return _of_many(file, lines, text, data)


def _is_json(path: Path) -> bool:
    return ".json" in (path.suffix.lower(), path.with_suffix("").suffix.lower())


def _of_one(file: TermFile, lines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    fields = np.flatnonzero(lines[:, 2] < lines[:, 3])
    if fields.size:
        raise list_error(
            file.path, int(lines[fields[0], 4]),
            "holds a tab; a file of TERM<TAB>CATEGORY stands under `files`, not under a category",
        )  # fmt: skip
    numbers = np.zeros(len(lines), np.int64)
    return np.column_stack((lines[:, :2], numbers, lines[:, 4]))


def _of_many(
    file: TermFile, lines: npt.NDArray[np.int64], text: bytes, data: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], tuple[str, ...]]:
    # A category is told by the hash of its bytes: there are few, and lines by the million.
    _, firsts, numbers = np.unique(
        _field_keys(data, lines[:, 2], lines[:, 3]), return_index=True, return_inverse=True
    )
    names = []
    for first in firsts.tolist():
        start, stop, line = (int(lines[first, at]) for at in (2, 3, 4))
        name = text[start:stop].decode().lower()
        if not CATEGORY.fullmatch(name):
            what = f"category {name!r}: give TERM<TAB>CATEGORY, of the letters a-z, digits and _"
            raise list_error(file.path, line, what)
        names.append(name)
    found = np.column_stack((lines[:, :2], numbers.astype(np.int64), lines[:, 4]))
    return found, data, tuple(names)


def _field_keys(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Return a hash of each field data[start:stop]."""
    keys = (stops - starts).astype(np.uint64)
    for at in range(int((stops - starts).max(initial=0))):
        there = starts + at < stops
        byte = np.where(there, data[np.minimum(starts + at, data.size - 1)], 0).astype(np.uint64)
        keys = np.where(there, (keys ^ byte) * np.uint64(0x100000001B3), keys)
    return keys


def _json_lines(file: TermFile, text: bytes) -> tuple[bytes, npt.NDArray[np.int64]]:
    """Return the terms of a JSON file on lines, and these as `term_lines` does, items as lines."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise list_error(file.path, error.lineno, f"not JSON: {error.msg}") from error
    parts: list[bytes] = []
    lines, at = [], 0
    for number, (name, term) in enumerate(_json_terms(file, value), 1):
        if not isinstance(term, str) or re.search(r"[\n\r\v\f\x85\u2028\u2029]", term):
            raise list_error(file.path, f"item {number}", f"{term!r}: not a term on one line")
        term_bytes, name_bytes = term.encode(errors="surrogatepass"), name.encode()
        parts += [term_bytes, name_bytes]
        end = at + len(term_bytes)
        lines.append((at, end, end, end + len(name_bytes), number))
        at = end + len(name_bytes)
    return b"".join(parts), np.array(lines, np.int64).reshape(-1, 5)


def _json_terms(file: TermFile, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, list) and (file.category or file.allowed):
        yield from (("", term) for term in value)
    elif isinstance(value, dict) and not (file.category or file.allowed):
        for name, terms in value.items():
            if not isinstance(terms, list):
                raise list_error(file.path, 1, f"category {name!r} is no list of terms")
            yield from ((name, term) for term in terms)
    else:
        wanted = "a list of terms" if file.category or file.allowed else "{category: [terms]}"
        raise list_error(file.path, 1, f"the JSON of this file must be {wanted}")


def _check(file: TermFile, lines: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> None:
    bad = np.flatnonzero((sizes < 1) | (sizes > MAX_TOKENS))
    if bad.size:
        size, line = int(sizes[bad[0]]), int(lines[bad[0], 3])
        what = {
            0: "holds white space only, which no term does",
            -1: f"a word of over {MAX_WORD_BYTES} bytes, the longest that a term has",
        }.get(size, f"over {MAX_TOKENS} words and characters, the most that a term has")
        raise list_error(file.path, line, what)
