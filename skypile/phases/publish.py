"""The second half of phase publish: groups of parts become shards of the corpus."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import skypile
from skypile.curate import close
from skypile.dedup.index import Drawn, IndexWriter, index_name, index_rows
from skypile.dedup.signatures import SignatureSet, address_of
from skypile.ledger import nothing_removed, outcome_counts, removed_chars
from skypile.mix import Cut, Tally, kept_mask
from skypile.phases.context import Context
from skypile.phases.merge import merged_batches, read_drops
from skypile.phases.tally import UnitTask, mixture_place
from skypile.phases.work import Entry, digest, finished, local_path, write_entry
from skypile.policy import open_mask
from skypile.recipe import Recipe, versions
from skypile.schema import ERROR, KEPT, SURPLUS, set_columns
from skypile.shares import Within, pool_indices, pool_names

__all__ = [
    "COUNTS_KEY",
    "REMOVED_KEY",
    "Group",
    "PartRef",
    "add_pools",
    "group_name",
    "output_schema",
    "plan_groups",
    "publish_entry",
    "publish_group",
    "published",
    "sha256",
    "shard_metadata",
]

SHARD_TEXT_BYTES = 256 << 20
ROW_GROUP_BYTES = 16 << 20
COUNTS_KEY = b"skypile.counts"
REMOVED_KEY = b"skypile.removed_chars"
MAIN = "main"
FIRST = (
    "id", "record", "text", "url", "source", "domain", "subset", "language", "script",
    "language_score", "prog_lang", "tokens", "outcome", "reason", "reason_score", "reason_limit",
    "duplicate_of", "meta",
)  # fmt: skip
TYPES = {
    name: pa.string()
    for name in (
        "id", "record", "text", "url", "source", "domain", "subset", "language", "script",
        "prog_lang", "outcome", "reason", "duplicate_of", "meta",
    )
} | {name: pa.float64() for name in ("language_score", "reason_score", "reason_limit")}  # fmt: skip
ERROR_FIELDS = (
    pa.field("message", pa.string()),
    pa.field("raw", pa.binary()),
    pa.field("byte_offset", pa.int64()),
)


def output_schema(recipe: Recipe, outcome: str = KEPT) -> pa.Schema:
    """Return the schema of the corpus's files; those of errors have three columns more."""
    written = {**recipe.columns(recipe.steps), **recipe.columns(recipe.score)}
    types = {**TYPES, "tokens": pa.int64(), **written}
    rest = [name for name in written if name not in FIRST]
    fields = [pa.field(name, types[name]) for name in (*FIRST, *rest)]
    return pa.schema([*fields, *(ERROR_FIELDS if outcome == ERROR else ())])


def shard_metadata(recipe: Recipe) -> dict[str, str]:
    """Return what stands in the Parquet metadata of every shard: who made it, and with what.

    A function of what the fingerprint stands for, so it leaves the bytes of a shard a function of
    input, recipe and versions.
    """
    return {
        "skypile.version": skypile.__version__,
        "skypile.recipe": recipe.name,
        "skypile.fingerprint": recipe.fingerprint(),
        "skypile.versions": json.dumps(versions(), sort_keys=True),
        "skypile.stages": json.dumps(recipe.stages_data(), sort_keys=True),
    }


@dataclass(frozen=True)
class PartRef:
    """A part by its unit and its number in it."""

    task: UnitTask
    number: int


@dataclass(frozen=True)
class Group:
    """A run of parts that becomes one shard per domain or outcome."""

    number: int
    parts: tuple[PartRef, ...]
    depends: str

    def part_data(self) -> list[dict[str, Any]]:
        """Return what phase curate wrote down about each part."""
        return [ref.task.parts[ref.number] for ref in self.parts]


def plan_groups(tasks: Sequence[UnitTask], tallies: Sequence[Entry]) -> list[Group]:
    """Return all parts in order, in runs in which no shard holds over SHARD_TEXT_BYTES of text.

    A single part that is larger stands alone.
    """
    groups: list[list[PartRef]] = []
    sizes: Counter[str] = Counter()
    for task, tally in zip(tasks, tallies, strict=True):
        for number, part in enumerate(tally.data["part_bytes"]):
            grown = sizes + Counter(part)
            if not groups or any(size > SHARD_TEXT_BYTES for size in grown.values()):
                groups.append([])
                grown = Counter(part)
            groups[-1].append(PartRef(task, number))
            sizes = grown
    return [
        Group(n, tuple(parts), digest([[ref.task.depends, ref.number] for ref in parts]))
        for n, parts in enumerate(groups)
    ]


@dataclass
class _Shard:
    """One file being written."""

    path: str
    outcome: str
    domain: str | None
    writer: pq.ParquetWriter
    index: IndexWriter | None = None
    documents: int = 0
    tokens: int = 0
    subsets: Counter[str] = field(default_factory=Counter)
    pools: dict[str, Counter[str]] = field(default_factory=dict)
    counts: Counter[tuple[str, str | None, str | None]] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    pending: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows; they are written in row groups of about ROW_GROUP_BYTES."""
        self.pending.append(batch)
        if sum(one.nbytes for one in self.pending) >= ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows taken so far as one row group."""
        if self.pending:
            self.writer.write_table(pa.Table.from_batches(self.pending), row_group_size=1 << 20)
            self.pending = []


class _Shards:
    """The shards of one group, opened when their first row comes."""

    def __init__(self, context: Context, group: Group, stack: ExitStack) -> None:
        self.context, self.group, self.stack = context, group, stack
        self.open: dict[str, _Shard] = {}

    def write(
        self, batch: pa.RecordBatch, outcome: str, domain: str | None, signatures: SignatureSet
    ) -> None:
        folder = f"data/domain={domain}" if outcome == KEPT else outcome
        path = f"{folder}/part-{self.group.number:05d}.parquet"
        shard = self.open.get(path) or self._new(path, outcome, domain)
        shard.add(_conform(batch, shard.writer.schema))
        if shard.index is not None:
            addresses = address_of(0, np.asarray(batch.column("row")))
            shard.index.add(index_rows(signatures, addresses))
        shard.documents += batch.num_rows
        shard.counts += outcome_counts(batch)
        shard.removed.update(removed_chars(batch))
        if "tokens" in batch.schema.names and outcome in (KEPT, SURPLUS):
            shard.tokens += int(pc.sum(batch.column("tokens")).as_py() or 0)
            _add_subsets(shard.subsets, batch)
        if outcome == KEPT and domain in self.context.within:
            add_pools(shard.pools, batch, self.context.within)

    def _new(self, path: str, outcome: str, domain: str | None) -> _Shard:
        schema = output_schema(self.context.recipe, outcome)
        if outcome == SURPLUS and self.context.surplus == "ids":
            names = ["id", "record", "domain", "subset", "tokens", "outcome"]
            names += [entry.column for entry in self.context.within.values()]
            schema = pa.schema([schema.field(name) for name in dict.fromkeys(names)])
        schema = schema.with_metadata(shard_metadata(self.context.recipe))
        stream = self.stack.enter_context(self.context.output.create(path))
        writer = pq.ParquetWriter(stream, schema, compression="zstd", compression_level=3)
        self.open[path] = _Shard(path, outcome, domain, writer)
        if outcome == KEPT and self.context.index and self.context.recipe.dedup is not None:
            stream = self.stack.enter_context(self.context.output.create(index_name(path)))
            self.open[path].index = IndexWriter(stream, Drawn.by(self.context.recipe.dedup))
        return self.open[path]

    def close(self) -> None:
        for shard in self.open.values():
            shard.flush()
            told = [[*key, n] for key, n in sorted(shard.counts.items(), key=repr)]
            metadata = {COUNTS_KEY: json.dumps(told).encode()}
            if shard.removed:
                metadata[REMOVED_KEY] = json.dumps(shard.removed, sort_keys=True).encode()
            shard.writer.add_key_value_metadata(metadata)
            shard.writer.close()
            if shard.index is not None:
                shard.index.close()


def _conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    rows = batch.num_rows
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _add_subsets(subsets: Counter[str], batch: pa.RecordBatch) -> None:
    names = batch.column("subset").to_numpy(zero_copy_only=False)
    tokens = np.asarray(batch.column("tokens").fill_null(0))
    for name in np.unique(names.astype(str)):
        subsets[str(name)] += int(tokens[names == name].sum())


def add_pools(
    found: dict[str, Counter[str]], batch: pa.RecordBatch | pa.Table, within: Mapping[str, Within]
) -> None:
    """Add the documents and tokens of `batch`, if they were counted, to those of its pools."""
    indices = pool_indices(batch, within)
    tokens = np.zeros(batch.num_rows, np.int64)
    if "tokens" in batch.schema.names:
        tokens = np.asarray(batch.column("tokens").fill_null(0))
    for index, name in enumerate(pool_names(within)):
        rows = indices == index
        if rows.any():
            added = {"documents": int(rows.sum()), "tokens": int(tokens[rows].sum())}
            found.setdefault(name, Counter()).update(added)


def group_name(context: Context, group: Group, cuts: dict[str, Cut]) -> str:
    """Return the work name of a group's entry, without extension."""
    key = digest(
        group.depends, group.number, {n: cut.to_json() for n, cut in cuts.items()},
        context.recipe.fingerprint(), context.surplus, context.seed, context.index,
    )  # fmt: skip
    return f"publish/{key}"


def publish_entry(context: Context, group: Group, cuts: dict[str, Cut]) -> Entry | None:
    """Return the group's entry, whatever became of its shards; the audit looks at those."""
    return finished(context.work, group_name(context, group, cuts))


def published(
    context: Context, group: Group, cuts: dict[str, Cut], *, hashes: bool = False
) -> Entry | None:
    """Return the group's entry where its shards stand whole, from the same parts and cuts."""
    entry = publish_entry(context, group, cuts)
    if entry is None:
        return None
    for shard in entry.data["shards"]:
        for file in (shard, shard.get("index", shard)):
            if context.output.size(file["path"]) != file["bytes"]:
                return None
            if hashes and sha256(context, file["path"]) != file["sha256"]:
                return None
    return entry


def publish_group(context: Context, group: Group, cuts: dict[str, Cut]) -> Entry:
    """Write the group's shards into the corpus; return what they hold and rows by unit."""
    before = published(context, group, cuts, hashes=True)
    if before is not None:
        return before
    name = group_name(context, group, cuts)
    by_unit: Counter[int] = Counter()
    unwritten: Counter[tuple[str, str | None, str | None]] = Counter()
    removed = nothing_removed(context.recipe.columns(context.recipe.steps))
    with ExitStack() as stack:
        shards = _Shards(context, group, stack)
        for ref in group.parts:
            signatures = SignatureSet.load(
                local_path(context.work, ref.task.parts[ref.number]["signatures"])
            )
            for batch in _final_batches(context, ref, cuts):
                by_unit[ref.task.ref.number] += batch.num_rows
                for outcome, domain, rows in _by_folder(batch):
                    if outcome == SURPLUS and context.surplus == "none":
                        unwritten += outcome_counts(rows)
                        removed.update(removed_chars(rows))
                    else:
                        shards.write(rows, outcome, domain, signatures)
        shards.close()
    data = {
        "shards": [_described(context, shard) for shard in shards.open.values()],
        "by_unit": sorted(by_unit.items()),
        "unwritten": [[*key, n] for key, n in sorted(unwritten.items(), key=repr)],
        "unwritten_removed": dict(removed),
    }
    return write_entry(context.work, name, [], data)


def sha256(context: Context, name: str) -> str:
    """Return the SHA-256 of a file of the corpus in hexadecimal."""
    return context.output.sha256(name)


def _described(context: Context, shard: _Shard) -> dict[str, Any]:
    data: dict[str, Any] = {"path": shard.path, "outcome": shard.outcome, "domain": shard.domain}
    data |= {"documents": shard.documents, "tokens": shard.tokens}
    data |= {"subsets": dict(sorted(shard.subsets.items()))}
    data |= {"pools": {name: dict(counts) for name, counts in sorted(shard.pools.items())}}
    data |= _file(context, shard.path)
    if shard.index is not None:
        data["index"] = {"path": index_name(shard.path), **_file(context, index_name(shard.path))}
    return data


def _file(context: Context, name: str) -> dict[str, Any]:
    return {"bytes": context.output.size(name), "sha256": sha256(context, name)}


def _final_batches(
    context: Context, ref: PartRef, cuts: dict[str, Cut]
) -> Iterator[pa.RecordBatch]:
    drops = read_drops(context, ref.task.drops, ref.task.ref.unit.name)
    scores = ref.task.part_scores(context, ref.number)
    for batch in merged_batches(context, ref.task.parts[ref.number], drops, scores):
        batch = _with_surplus(context, batch, ref.task.ref.number, cuts)
        yield _with_subset(context.recipe, close(batch))


def _with_surplus(
    context: Context, batch: pa.RecordBatch, unit: int, cuts: dict[str, Cut]
) -> pa.RecordBatch:
    """Give good documents behind their pool's cut the outcome surplus."""
    good = np.flatnonzero(open_mask(batch))
    rows = batch.take(pa.array(good))
    key, band = mixture_place(context, rows)
    address = np.asarray(rows.column("row")).astype(np.uint64) | np.uint64(unit << 32)
    pools = pool_indices(rows, context.within)
    surplus = np.zeros(batch.num_rows, bool)
    for index, name in enumerate(pool_names(context.within)):
        here, cut = np.flatnonzero(pools == index), cuts[name]
        tally = Tally(address[here], key[here], band[here], np.zeros(len(here), np.int64))
        surplus[good[here]] = ~kept_mask(tally, cut)
    outcome = pc.if_else(pa.array(surplus), SURPLUS, batch.column("outcome"))
    return set_columns(batch, {"outcome": outcome})


def _with_subset(recipe: Recipe, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Fill `subset` of kept and surplus documents; a row that no entry takes is ``main``."""
    good = pc.is_in(batch.column("outcome"), value_set=pa.array([KEPT, SURPLUS]))
    subset = pc.if_else(good, MAIN, pa.scalar(None, pa.string()))
    for name, entry in (recipe.mix.subset if recipe.mix else {}).items():
        score = batch.column(entry.column).cast(pa.float64())
        taken = pc.and_(good, pc.greater_equal(score, entry.min)).fill_null(False)
        subset = pc.if_else(pc.and_(taken, pc.equal(subset, MAIN).fill_null(False)), name, subset)
    return set_columns(batch, {"subset": subset})


def _by_folder(batch: pa.RecordBatch) -> Iterator[tuple[str, str | None, pa.RecordBatch]]:
    outcome = batch.column("outcome").to_numpy(zero_copy_only=False)
    domain = batch.column("domain").to_numpy(zero_copy_only=False)
    for found in sorted(set(outcome)):
        if found != KEPT:
            yield found, None, batch.take(pa.array(np.flatnonzero(outcome == found)))
            continue
        for name in sorted(set(domain[outcome == KEPT])):
            rows = np.flatnonzero((outcome == KEPT) & (domain == name))
            yield found, name, batch.take(pa.array(rows))
