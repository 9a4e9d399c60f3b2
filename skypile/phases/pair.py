"""Phases pair and verify: from signatures to verified pairs of duplicates, by group.

Three passes, each a group-by-key of packed bytes: equal hashes, ids and URLs; equal bands; the
pairs of each unit, verified. What a group finds is one file; when all groups of a pass are done,
an entry lists their files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from skypile.dedup.bands import pack_band_keys, pack_pair_keys, pairs_of_group
from skypile.dedup.earlier import fetch_both
from skypile.dedup.exact import copies_of_group, merged_copies, pack_exact_keys
from skypile.dedup.formats import (
    PAIR,
    U64,
    URL_ENTRY,
    Records,
    band_entry,
    by_partition,
    exact_entry,
    joined,
)
from skypile.dedup.same_url import merged_urls, pack_url_keys, same_urls
from skypile.dedup.signatures import address_of
from skypile.dedup.verify import Fetch, edges_of_group
from skypile.io.store import Store
from skypile.phases.context import Context
from skypile.phases.earlier import earlier_documents
from skypile.phases.new_bands import new_bands
from skypile.phases.pair_work import (
    ROUND_BYTES,
    PairTask,
    PairWork,
    index_of,
    load_signatures,
    preference_words,
)
from skypile.phases.texts import Texts
from skypile.phases.work import Entry, finished, open_whole, read_whole, write_entry

__all__ = [
    "ROUND_BYTES",
    "PairTask",
    "PairWork",
    "band_keys",
    "copies_of_key",
    "copy_keys",
    "documents_of_one_url",
    "edges_of_key",
    "finish_pass",
    "load_signatures",
    "pair_keys",
    "pairs_of_key",
    "pass_done",
    "pass_rounds",
    "passes",
    "read_copies",
    "read_pass",
    "repeated_ids",
]

ID_ENTRY = np.dtype([("high", ">u8"), ("low", ">u8"), ("address", "<u8")])
Grouped = tuple[int, Iterable[bytes]]


def pass_rounds(context: Context, work: PairWork, name: str, documents: int) -> list[PairWork]:
    """Return the rounds of a pass over `documents` documents for the local runner."""
    dedup, words = context.recipe.dedup, preference_words(context)
    earlier = sum(corpus.documents for corpus in context.against)
    if name == "copies":
        documents += earlier
        entries = exact_entry(words).itemsize + ID_ENTRY.itemsize + URL_ENTRY.itemsize
        return work.rounds(3 * work.partitions, documents * entries)
    if name == "pairs" and dedup is not None:
        # Of earlier documents those that share a band, about as many as new ones at most, and what
        # the filter lets through by mistake.
        documents += min(documents, earlier) + earlier // 10 if earlier else 0
        size = documents * dedup.bands * band_entry(words).itemsize
        return work.rounds(dedup.bands * work.partitions, size)
    return [work]


def passes(context: Context) -> tuple[str, ...]:
    """Return the passes that a recipe needs, in order."""
    dedup = context.recipe.dedup
    near = dedup is not None and "near" in dedup.levels
    return ("copies", "pairs", "edges") if near else ("copies",)


# Pass 1: equal hashes of normalised text, equal ids, equal URLs.

# A key is the kind of hash times the number of partitions, and the partition.
_TEXTS, _IDS, _URLS = range(3)


def copy_keys(task: PairTask, context: Context, work: PairWork) -> Iterator[tuple[int, bytes]]:
    """Yield a unit's hashes by kind and partition."""
    levels = context.recipe.dedup.levels if context.recipe.dedup else ()
    if "exact" in levels or "url" in levels:
        for signatures in load_signatures(context, task):
            if "exact" in levels:
                texts = pack_exact_keys(signatures, partitions=work.partitions)
                yield from _taken(_TEXTS, texts, work)
            if "url" in levels:
                urls = pack_url_keys(signatures, partitions=work.partitions)
                yield from _taken(_URLS, urls, work)
    for part in task.parts:
        ids = _id_entries(context, task.ref.number, part["ids"])
        found = by_partition(ids["high"].astype(np.uint64), work.partitions)
        yield from _taken(_IDS, ((at, ids[rows].tobytes()) for at, rows in found), work)


def _taken(
    kind: int, found: Iterable[tuple[int, bytes]], work: PairWork
) -> Iterator[tuple[int, bytes]]:
    """Yield what belongs to this round under its key."""
    for part, chunk in found:
        key = kind * work.partitions + part
        if work.takes(key):
            yield key, chunk


def _id_entries(context: Context, number: int, name: str) -> Records:
    with open_whole(context.work, name) as stream, pa.ipc.open_file(stream) as reader:
        table = reader.read_all()
    entries = np.empty(table.num_rows, ID_ENTRY)
    hashes = b"".join(table.column("id_hash").to_pylist())
    pairs = np.frombuffer(hashes, ">u8").reshape(-1, 2)
    entries["high"], entries["low"] = pairs[:, 0], pairs[:, 1]
    entries["address"] = address_of(number, table.column("row").to_numpy())
    return entries


def copies_of_key(group: Grouped, context: Context, work: PairWork) -> int:
    """Write the exact copies, repeated ids or documents of one URL of one partition."""
    key, chunks = group
    hashed, part = divmod(key, work.partitions)
    if hashed == _URLS:
        kind, found = "urls", same_urls(joined(chunks, URL_ENTRY)).tobytes()
    elif hashed == _IDS:
        kind, found = "ids", _repeated(joined(chunks, ID_ENTRY))
    else:
        kind, found = "copies", copies_of_group(chunks, words=preference_words(context))
    context.work.write(f"{work.folder}/copies/{kind}-{part:04d}.bin", found)
    return len(found)


def _repeated(entries: Records) -> bytes:
    """Return the addresses, ascending, of all but the first record of each id."""
    order = np.lexsort((entries["address"], entries["low"], entries["high"]))
    entries = entries[order]
    same = (entries["high"][1:] == entries["high"][:-1]) & (
        entries["low"][1:] == entries["low"][:-1]
    )
    return np.sort(entries["address"][1:][same]).astype("<u8").tobytes()


def read_copies(context: Context, work: PairWork) -> Records:
    """Return all exact copies, by ascending address."""
    return merged_copies(read_pass(context, work, "copies", "copies-"))


def repeated_ids(context: Context, work: PairWork) -> U64:
    """Return the addresses, ascending, of all records whose id occurred before."""
    found = np.frombuffer(b"".join(read_pass(context, work, "copies", "ids-")), "<u8")
    return np.sort(found).astype(np.uint64)


def documents_of_one_url(context: Context, work: PairWork) -> Records:
    """Return a SAME_URL for each document whose URL another one has, by ascending address."""
    return merged_urls(read_pass(context, work, "copies", "urls-"))


# Pass 2: equal bands.


@lru_cache(maxsize=1)
def _copied(store: Store, folder: str) -> U64:
    """Return the addresses of all exact copies, ascending; read once per process."""
    return merged_copies(_read_pass(store, folder, "copies", "copies-"))["address"].copy()


def band_keys(task: PairTask, context: Context, work: PairWork) -> Iterator[tuple[int, bytes]]:
    """Yield a unit's band hashes by band and partition; exact copies are left out."""
    dedup = context.recipe.dedup
    assert dedup is not None
    copies = _copied(context.work, work.folder)
    first, last = np.searchsorted(copies, address_of(task.ref.number, np.array([0, 2**32 - 1])))
    skip = copies[first : last + 1]
    wanted = None if task.earlier is None else new_bands(context, work).holds
    for signatures in load_signatures(context, task):
        yield from pack_band_keys(
            signatures, skip=skip, bands=dedup.bands, rows=dedup.rows, partitions=work.partitions,
            first_key=work.first_key, end_key=work.end_key, wanted=wanted,
        )  # fmt: skip


def pairs_of_key(group: Grouped, context: Context, work: PairWork) -> int:
    """Write the candidate pairs of one band and partition."""
    key, chunks = group
    found = pairs_of_group(chunks, words=preference_words(context))
    if context.against:
        # The left address is the smaller one: where it is an earlier document's, both are.
        pairs = np.frombuffer(found, PAIR)
        found = pairs[pairs["left"] < np.uint64(work.first_earlier)].tobytes()
    if found:
        context.work.write(f"{work.folder}/pairs/group-{key:05d}.bin", found)
    return len(found)


# Pass 3: candidates, verified unit by unit.


def pair_keys(name: str, context: Context, _: PairWork) -> Iterator[tuple[int, bytes]]:
    """Yield the candidate pairs of one file by the unit of their left document."""
    return pack_pair_keys(read_whole(context.work, name))


def edges_of_key(group: Grouped, context: Context, work: PairWork) -> int:
    """Write the verified pairs whose left document lies in `unit`."""
    unit, chunks = group
    dedup = context.recipe.dedup
    assert dedup is not None
    fetch: Fetch = Texts(context, {task.ref.number: task.parts for task in work.tasks}).fetch
    if context.against:
        before = earlier_documents(context.against, len(work.tasks))
        fetch = fetch_both(work.first_earlier, fetch, before.texts)
    index = index_of(context, work)
    found = edges_of_group(chunks, index, fetch, threshold=dedup.threshold)
    context.work.write(f"{work.folder}/edges/unit-{unit:06d}.bin", found)
    return len(found)


# Passes as entries.


def pass_done(context: Context, work: PairWork, name: str) -> Entry | None:
    """Return the entry of a pass where all of it is there."""
    return finished(context.work, f"{work.folder}/{name}")


def finish_pass(context: Context, work: PairWork, name: str) -> Entry:
    """Write the entry that lists the files of a pass."""
    folder = f"{work.folder}/{name}"
    files = [f"{folder}/{f}" for f in context.work.names(folder) if f.endswith(".bin")]
    return write_entry(context.work, folder, files, {"files": files})


def read_pass(context: Context, work: PairWork, name: str, prefix: str) -> Iterator[bytes]:
    """Yield the content of each file of a finished pass whose name starts with `prefix`."""
    return _read_pass(context.work, work.folder, name, prefix)


def _read_pass(store: Store, folder: str, name: str, prefix: str) -> Iterator[bytes]:
    for file in _pass_files(store, folder, name):
        if Path(file).name.startswith(prefix):
            yield read_whole(store, file)


def pass_files(context: Context, work: PairWork, name: str) -> list[str]:
    """Return the names of the files of a finished pass."""
    return _pass_files(context.work, work.folder, name)


def _pass_files(store: Store, folder: str, name: str) -> list[str]:
    return list(store.read_json(f"{folder}/{name}.json")["data"]["files"])


def all_edges(context: Context, work: PairWork) -> Iterator[bytes]:
    """Yield the verified pairs of all units."""
    return chain(read_pass(context, work, "edges", "unit-"))
