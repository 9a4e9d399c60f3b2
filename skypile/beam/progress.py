"""How far each phase of a build has come, read from the work folder: Beam itself cannot be asked.

A poll lists the folder in which a phase's entries appear, and looks closer only at what is new.
Whatever an earlier run left of unfinished units is gone by then, so what is there is of this run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from skypile.io.store import Store
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import unit_folder
from skypile.phases.work import Entry
from skypile.progress import Count, Share

__all__ = ["Curated", "Entries", "Files", "Work", "without_rest"]

CURATE = "curate"
UNIT = "unit.json"


def without_rest(context: Context, names: Sequence[str]) -> None:
    """Remove what lies under the work names `names`: rests of units that are about to be done anew.

    A folder is listed once; names that were never begun cost nothing.
    """
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, _, last = name.rpartition("/")
        folders.setdefault(folder, []).append(last)
    for folder, wanted in folders.items():
        there = set(context.work.names(folder))
        for name in wanted:
            if name in there:
                context.work.remove(f"{folder}/{name}")


class Curated:
    """Units of phase curate; parts already written count for a unit that is under way.

    `before` are the entries of all `refs` that an earlier run finished, None for the others.
    """

    def __init__(
        self, context: Context, refs: Sequence[UnitRef], before: Sequence[Entry | None]
    ) -> None:
        self._store, self._whole = context.work, len(refs)
        todo = [ref for ref, entry in zip(refs, before, strict=True) if entry is None]
        sizes = [ref.unit.text_bytes for ref in todo]
        self._share = Share(sizes)
        for ref, entry in zip(refs, before, strict=True):
            if entry is not None:
                self._share.learn(ref.unit.text_bytes, _text_bytes(entry.data["parts"]))
        names = (unit_folder(context, ref).rpartition("/")[2] for ref in todo)
        self._left = {name: number for number, name in enumerate(names)}
        self._earlier = self._whole - len(todo)
        self._documents = self._bytes = 0
        self._parts: dict[str, tuple[int, int]] = {}

    def __call__(self) -> Count:
        """Return what is finished, and what is written of the rest."""
        under_way: dict[int, int] = {}
        documents = 0
        for name in self._left.keys() & set(self._store.names(CURATE)):
            folder = f"{CURATE}/{name}"
            files = self._store.names(folder)
            if UNIT in files:
                self._finish(name)
                continue
            parts = [self._part(f"{folder}/{file}") for file in files if file.endswith(".parquet")]
            documents += sum(rows for rows, _ in parts)
            under_way[self._left[name]] = sum(size for _, size in parts)
        return Count(
            done=self._whole - len(self._left),
            whole=self._whole,
            earlier=self._earlier,
            documents=self._documents + documents,
            text_bytes=self._bytes + sum(under_way.values()),
            share=self._share.value(under_way) if self._whole > self._earlier else None,
        )

    def _finish(self, name: str) -> None:
        found = self._store.read_json(f"{CURATE}/{name}/{UNIT}")
        if found is None:
            return
        data = found["data"]
        size = _text_bytes(data["parts"])
        self._share.finish(self._left.pop(name), size)
        self._documents += data["read"]
        self._bytes += size

    def _part(self, name: str) -> tuple[int, int]:
        """Return rows and bytes of text of a finished part, from its footer, read once."""
        if name not in self._parts:
            try:
                with self._store.open(name) as stream:
                    footer = pq.read_metadata(stream)
            except pa.ArrowInvalid:
                return 0, 0
            at = footer.schema.names.index("text")
            groups = (footer.row_group(group) for group in range(footer.num_row_groups))
            size = sum(group.column(at).total_uncompressed_size for group in groups)
            self._parts[name] = (footer.num_rows, size)
        return self._parts[name]


def _text_bytes(parts: Sequence[Mapping[str, int]]) -> int:
    return sum(part["text_bytes"] for part in parts)


@dataclass(frozen=True)
class Work:
    """A piece of work behind one entry: its work name, and what it goes through."""

    name: str
    documents: int
    text_bytes: int

    @classmethod
    def of(cls, name: str, parts: Sequence[Mapping[str, int]]) -> Work:
        """Return the work on `parts`, done when the entry `name` is there."""
        return cls(name, sum(part["rows"] for part in parts), _text_bytes(parts))


class Entries:
    """Phases whose entries lie in one folder: score, tally, publish.

    `todo` is what is left of `whole` pieces of work. `timed` is false for a pass that another one
    follows: when a phase ends cannot be told from the first half.
    """

    def __init__(
        self, store: Store, todo: Sequence[Work], whole: int, what: str,
        *, note: str = "", timed: bool = True,
    ) -> None:  # fmt: skip
        self._store, self._whole, self._what, self._note = store, whole, what, note
        self._share = Share([work.text_bytes for work in todo])
        self._folder = todo[0].name.rpartition("/")[0] if todo else ""
        names = [f"{work.name.rpartition('/')[2]}.json" for work in todo]
        self._left = {name: (number, todo[number]) for number, name in enumerate(names)}
        self._earlier = whole - len(todo)
        self._timed = timed and bool(todo)
        self._documents = self._bytes = 0

    def __call__(self) -> Count:
        """Return what is finished."""
        if self._left:
            for name in self._left.keys() & set(self._store.names(self._folder)):
                number, work = self._left.pop(name)
                self._share.finish(number, work.text_bytes)
                self._documents += work.documents
                self._bytes += work.text_bytes
        return Count(
            done=self._whole - len(self._left),
            whole=self._whole,
            what=self._what,
            earlier=self._earlier,
            documents=self._documents,
            text_bytes=self._bytes,
            share=self._share.value() if self._timed else None,
            note=self._note,
        )


class Files:
    """A pass that writes one file for each group: how many groups there will be, nobody knows.

    `done` of `whole` passes are finished before it.
    """

    def __init__(self, store: Store, folder: str, done: int, whole: int, name: str) -> None:
        self._store, self._folder, self._name = store, folder, name
        self._done, self._whole = done, whole

    def __call__(self) -> Count:
        """Return the passes that are finished, and the groups of this one."""
        if self._store.size(f"{self._folder}.json") is not None:
            return Count(self._done + 1, self._whole, "passes")
        groups = sum(name.endswith(".bin") for name in self._store.names(self._folder))
        note = f"{self._name}: {groups:,} groups"
        return Count(self._done, self._whole, "passes", note=note)
