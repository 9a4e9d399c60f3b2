"""Which documents of a corpus are meant: by id, record or URL, alone or with their copies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.errors import RunError, VerifyError
from skypile.io.store import Store
from skypile.schema import KEPT
from skypile.verify.manifest import LeftOut, Manifest, Shard

__all__ = ["FORGOTTEN", "Forgotten", "Hits", "Wanted", "find_wanted"]

FORGOTTEN = "forgotten"
NAMES = ("id", "record", "url", "duplicate_of", "reason")
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """What is to be forgotten: ids or records, URLs as they stand, and copies of these or not."""

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    copies: bool = False


@dataclass
class Forgotten:
    """What was taken out of a corpus, or would be."""

    documents: int = 0
    by_outcome: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)  # that held them
    missing: list[str] = field(default_factory=list)  # ids and URLs that no document has
    swept: list[str] = field(default_factory=list)  # files left by a run that was killed


Hits = dict[str, npt.NDArray[np.int64]]  # path -> rows, ascending


def find_wanted(store: Store, manifest: Manifest, wanted: Wanted) -> tuple[Forgotten, Hits]:
    """Return what is to be forgotten, and the rows of each file that hold it.

    Reads the names of all documents. Raises VerifyError where a file cannot be read.
    """
    ids, urls = (pa.array(sorted(each), pa.string()) for each in (wanted.ids, wanted.urls))
    seen: set[str] = set()
    families: set[str] = set()
    hits: Hits = {}
    told = Forgotten()
    for file in manifest.files:
        names = _names(store, file.path)
        rows = np.zeros(names.num_rows, bool)
        for column, values in (("id", ids), ("record", ids), ("url", urls)):
            if column in names.column_names and len(values):
                same = np.asarray(pc.is_in(names.column(column), value_set=values))
                rows |= same
                seen |= set(names.column(column).filter(pa.array(same)).to_pylist())
        _note(file, names, rows, hits, told)
        for column in ("record", "duplicate_of"):
            if column in names.column_names:
                families |= set(names.column(column).filter(pa.array(rows)).to_pylist())
    if wanted.copies and families:
        _add_families(store, manifest, pa.array(sorted(families - {None}), pa.string()), hits, told)
    told.missing = sorted((wanted.ids | wanted.urls) - seen)
    return told, hits


def _note(file: Shard | LeftOut, names: pa.Table, rows: Flags, hits: Hits, told: Forgotten) -> None:
    """Add the `rows` of a file to what is to be forgotten, unless they have been before."""
    if "reason" in names.column_names:
        before = pc.equal(names.column("reason"), FORGOTTEN).fill_null(False)
        rows = rows & ~np.asarray(before)
    if rows.any():
        hits[file.path] = np.flatnonzero(rows)
        told.files.append(file.path)
        told.documents += int(rows.sum())
        told.by_outcome[KEPT if isinstance(file, Shard) else file.outcome] += int(rows.sum())


def _add_families(
    store: Store, manifest: Manifest, records: pa.Array, hits: Hits, told: Forgotten
) -> None:
    told.files, told.documents, told.by_outcome = [], 0, Counter()
    direct = dict(hits)
    hits.clear()
    for file in manifest.files:
        names = _names(store, file.path)
        rows = np.zeros(names.num_rows, bool)
        rows[direct.get(file.path, [])] = True
        for column in ("record", "duplicate_of"):
            if column in names.column_names:
                rows |= np.asarray(pc.is_in(names.column(column), value_set=records))
        _note(file, names, rows, hits, told)


def _names(store: Store, path: str) -> pa.Table:
    try:
        with store.open(path) as stream, pq.ParquetFile(stream) as parquet:
            known = [n for n in NAMES if n in parquet.schema_arrow.names]
            return parquet.read(columns=known)
    except (RunError, OSError, ValueError, pa.ArrowException) as error:
        raise VerifyError(
            f"{path}: cannot be read: {error}; nothing was changed; skypile verify tells what else "
            "is off"
        ) from error
