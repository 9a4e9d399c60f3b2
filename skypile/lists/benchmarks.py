"""Evaluation sets compiled for the kernel that finds what texts share with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import skypile
from skypile.errors import RecipeError
from skypile.kernels.buffers import utf8_view
from skypile.kernels.overlap_index import NOTHING, Index, Limits, Texts, compile_index, text_keys
from skypile.lists.files import file_hash
from skypile.lists.items import ItemFile, read_items
from skypile.lists.store import Compiled, compiled

__all__ = ["Benchmark", "Benchmarks", "benchmarks", "benchmarks_hash"]

# Smaller sets are compiled in less time than it takes to look after a file.
_STORED_BYTES = 1 << 20
# Texts are made into keys so many at a time.
_BATCH_BYTES = 16 << 20


@dataclass(frozen=True)
class Benchmark:
    """What a set is made of.

    `items` have a text; those of them that are `too_short`, or have no n-gram but common or ignored
    ones (`all_common`), cannot be found. `bare` records have no text. `common_grams` are n-grams in
    too many items of the set to count.
    """

    name: str
    items: int
    too_short: int
    all_common: int
    bare: int
    common_grams: int


@dataclass(frozen=True)
class Benchmarks:
    """Compiled sets. `files` and `records` (items,) say where each item of the index stands."""

    index: Index
    sets: tuple[Benchmark, ...]
    files: npt.NDArray[np.int32]
    records: npt.NDArray[np.int64]


def benchmarks_hash(files: Sequence[ItemFile]) -> str:
    """Return the SHA-256 of all that sets depend on but options and code."""
    state = hashlib.sha256()
    for file in files:
        state.update(f"{file.benchmark}\t{file.path.suffixes}\t{file_hash(file.path)}\n".encode())
    return state.hexdigest()


@lru_cache(maxsize=4)
def benchmarks(
    files: tuple[ItemFile, ...],
    ignored: tuple[ItemFile, ...],
    fields: tuple[str, ...],
    limits: Limits,
    max_items: int,
) -> Benchmarks:
    """Return the sets of `files`, which are sorted by set, from the store where they are large.

    What is in a text of `ignored` is in no item.
    Raises RecipeError for what cannot be read, and for a set without an item that can be found.
    """

    def build() -> Compiled:
        return _build(files, _ignored_keys(ignored, fields, limits), fields, limits, max_items)

    every = (*files, *ignored)
    size = sum(file.path.stat().st_size for file in every if file.path.exists())
    made = build() if size < _STORED_BYTES else compiled(
        _store_key(every, fields, limits, max_items), build
    )  # fmt: skip
    return Benchmarks(
        Index(**{name: made.arrays[name] for name in Index._fields}),
        tuple(Benchmark(**told) for told in made.about["sets"]),
        made.arrays["files"], made.arrays["records"],
    )  # fmt: skip


def _store_key(
    files: Sequence[ItemFile], fields: Sequence[str], limits: Limits, max_items: int
) -> str:
    options = f"{skypile.__version__}\t{benchmarks_hash(files)}\t{fields}\t{limits}\t{max_items}"
    state = hashlib.sha256(options.encode())
    kernels = Path(skypile.__file__).parent / "kernels"
    here = Path(__file__)
    for path in (
        *sorted(kernels.glob("overlap*.py")), kernels / "term_tokens.py", here,
        here.with_name("items.py"),
    ):  # fmt: skip
        state.update(path.read_bytes())
    return state.hexdigest()[:32]


def _ignored_keys(
    files: Sequence[ItemFile], fields: Sequence[str], limits: Limits
) -> npt.NDArray[np.uint64]:
    items = [read_items(file, fields).texts for file in files]
    made = [texts.keys for each in items for texts, _ in _keys(each, 0, limits)]
    return np.concatenate([NOTHING, *made])


class _Read(NamedTuple):
    """The items of files, in order: their sets, files, records; and the keys of their texts."""

    sets: npt.NDArray[np.int64]
    files: npt.NDArray[np.int32]
    records: npt.NDArray[np.int64]
    bare: npt.NDArray[np.int64]  # by set
    parts: list[tuple[Texts, npt.NDArray[np.int64]]]


def _read(
    files: Sequence[ItemFile], names: Sequence[str], fields: Sequence[str], limits: Limits
) -> _Read:
    bare = np.zeros(len(names), np.int64)
    parts: list[tuple[Texts, npt.NDArray[np.int64]]] = []
    sets: list[int] = []
    numbers: list[int] = []
    records: list[int] = []
    for number, file in enumerate(files):
        found = read_items(file, fields)
        benchmark = names.index(file.benchmark)
        bare[benchmark] += found.bare
        parts += _keys(found.texts, len(records), limits)
        records += found.records
        sets += [benchmark] * len(found.records)
        numbers += [number] * len(found.records)
    return _Read(
        np.array(sets, np.int64), np.array(numbers, np.int32), np.array(records, np.int64), bare,
        parts,
    )  # fmt: skip


def _build(
    files: Sequence[ItemFile],
    ignored: npt.NDArray[np.uint64],
    fields: Sequence[str],
    limits: Limits,
    max_items: int,
) -> Compiled:
    names = sorted({file.benchmark for file in files})
    read = _read(files, names, fields, limits)

    def by_set(items: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        return np.bincount(read.sets[items], minlength=len(names))

    totals = by_set(np.arange(read.sets.size))
    _refuse(names, totals == 0, "holds no item: no record has a text", files)
    texts, owners = _joined(read.parts)
    short = totals - by_set(np.unique(owners[texts.texts]))
    what = (
        f"has no item that is long enough: {limits.words} words or {limits.chars} characters, or, "
        f"as a whole, {limits.short_words} words or {limits.short_chars} characters"
    )
    _refuse(names, totals == short, what, files)
    index, common = compile_index(texts, owners, read.sets, max_items, ignored)
    found = by_set(np.unique(owners[index.text_sizes > 0]))
    what = f"has no n-gram in at most {max_items} items that is not ignored"
    _refuse(names, found == 0, what, files)
    told = [
        Benchmark(name, *map(int, counts))
        for name, *counts in zip(
            names, totals, short, totals - short - found, read.bare, common, strict=True
        )
    ]  # fmt: skip
    arrays = index._asdict() | {"files": read.files, "records": read.records}
    return Compiled(arrays, {"sets": [asdict(each) for each in told]})


def _refuse(
    names: Sequence[str], bad: npt.NDArray[np.bool_], what: str, files: Sequence[ItemFile]
) -> None:
    for name in (names[at] for at in np.flatnonzero(bad).tolist()):
        paths = ", ".join(str(file.path) for file in files if file.benchmark == name)
        raise RecipeError(f"set {name!r} ({paths}) {what}")


def _keys(
    items: Sequence[Sequence[tuple[str, bool]]], first: int, limits: Limits
) -> Iterator[tuple[Texts, npt.NDArray[np.int64]]]:
    """Yield keys of texts and the items of these texts, numbered from `first` on."""
    texts: list[str] = []
    shorts: list[bool] = []
    owners: list[int] = []
    size = 0
    for number, item in enumerate(items, first):
        for text, short in item:
            texts.append(text)
            shorts.append(short)
            owners.append(number)
            size += len(text)
        if size >= _BATCH_BYTES or number == first + len(items) - 1:
            data, offsets = utf8_view(pa.array(texts, pa.large_string()))
            yield text_keys(data, offsets, np.array(shorts), limits), np.array(owners, np.int64)
            texts, shorts, owners, size = [], [], [], 0


def _joined(
    parts: Sequence[tuple[Texts, npt.NDArray[np.int64]]],
) -> tuple[Texts, npt.NDArray[np.int64]]:
    firsts = np.cumsum([0, *(owners.size for _, owners in parts)])
    texts = [each for each, _ in parts]
    numbers = [each.texts + first for each, first in zip(texts, firsts, strict=False)]
    return Texts(
        np.concatenate([each.keys for each in texts]), np.concatenate(numbers),
        np.concatenate([each.short_tails for each in texts]),
        np.concatenate([each.short_sizes for each in texts]),
    ), np.concatenate([owners for _, owners in parts])  # fmt: skip
