"""Documents that no recipe of a comparison trains on, whatever each makes of their texts.

A text is held out by its hash. Recipes rewrite texts, and keep different ones of several copies; so
with a text go all input records that any recipe has it from, and with a record all texts that any
recipe made of it, until nothing is added. What hangs together so is one document, with as many
texts as it has versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["HeldDocument", "HeldOut", "Kept", "held_out", "judged"]

HASH_SPACE = 2.0**64


@dataclass(frozen=True)
class Kept:
    """What a recipe kept: of each document its input record, hash of its text and stream.

    Hashes are 64 bits; a stream is `en`, or `en-stem` of a subset.
    """

    records: tuple[str, ...]
    hashes: npt.NDArray[np.uint64]
    streams: tuple[str, ...]


@dataclass(frozen=True)
class HeldDocument:
    """A document that is held out: the least of its records, and hashes of its versions.

    Versions stand in the order of recipes. `stream` is that of the first recipe that has it;
    `kept_by` are all that do.
    """

    record: str
    stream: str
    kept_by: tuple[str, ...]
    hashes: tuple[int, ...]


@dataclass(frozen=True)
class HeldOut:
    """All records and texts that are held out, and the documents that they make up."""

    records: frozenset[str]
    hashes: frozenset[int]
    documents: tuple[HeldDocument, ...]

    def masks(self, records: Iterable[str], hashes: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Tell which of documents are held out."""
        found = [
            record in self.records or text in self.hashes
            for record, text in zip(records, hashes, strict=True)
        ]
        return np.array(found, np.bool_)


def held_out(kept: Mapping[str, Kept], frac: float) -> HeldOut:
    """Return what is held out where texts with hashes in the first `frac` are.

    >>> import numpy as np
    >>> low, high = 5, 1 << 63
    >>> a = Kept(("r1", "r2"), np.array([low, high], np.uint64), ("en", "en"))
    >>> b = Kept(("r1", "r2"), np.array([high + 1, high + 2], np.uint64), ("en", "en"))
    >>> [(one.record, one.hashes) for one in held_out({"a": a, "b": b}, 0.1).documents]
    [('r1', (5, 9223372036854775809))]
    """
    pairs = {
        pair for one in kept.values() for pair in zip(one.records, one.hashes.tolist(), strict=True)
    }
    hashes = {text for _, text in pairs if text / HASH_SPACE < frac}
    records: set[str] = set()
    size = -1
    while size != len(records) + len(hashes):
        size = len(records) + len(hashes)
        records |= {record for record, text in pairs if text in hashes}
        hashes |= {text for record, text in pairs if record in records}
    names = _least_records((record, text) for record, text in pairs if record in records)
    return HeldOut(frozenset(records), frozenset(hashes), _documents(kept, names))


def _least_records(pairs: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Return for each record the least of those that it hangs together with by equal texts."""
    parents: dict[str, str] = {}
    first: dict[int, str] = {}

    def root(record: str) -> str:
        while parents.setdefault(record, record) != record:
            parents[record] = parents[parents[record]]
            record = parents[record]
        return record

    for record, text in pairs:
        low, high = sorted((root(record), root(first.setdefault(text, record))))
        parents[high] = low
    return {record: root(record) for record in parents}


def _documents(kept: Mapping[str, Kept], names: Mapping[str, str]) -> tuple[HeldDocument, ...]:
    versions: dict[str, dict[int, None]] = {}
    streams: dict[str, str] = {}
    recipes: dict[str, dict[str, None]] = {}
    for recipe, one in kept.items():
        for record, text, stream in zip(one.records, one.hashes.tolist(), one.streams, strict=True):
            name = names.get(record)
            if name is not None:
                versions.setdefault(name, {})[text] = None
                streams.setdefault(name, stream)
                recipes.setdefault(name, {})[recipe] = None
    return tuple(
        HeldDocument(name, streams[name], tuple(recipes[name]), tuple(versions[name]))
        for name in sorted(versions)
    )


def judged(held: HeldOut, *, most: int, least: int) -> dict[str, list[HeldDocument]]:
    """Return by stream up to `most` documents, by the hash of their first text.

    Streams with fewer than `least` are left out.
    """
    streams: dict[str, list[HeldDocument]] = {}
    for document in sorted(held.documents, key=lambda one: one.hashes[0]):
        streams.setdefault(document.stream, []).append(document)
    return {name: found[:most] for name, found in sorted(streams.items()) if len(found) >= least}
