"""A corpus without some of its documents: new files for those that hold them, a new manifest."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.dedup.index import copy_without, index_name
from skypile.errors import InputError, RunError, VerifyError
from skypile.forget.find import FORGOTTEN, Hits
from skypile.io.store import Store
from skypile.ledger import NO_DOMAIN, OutcomeCounts, outcome_counts, removed_chars
from skypile.phases.audit import manifest_digest
from skypile.phases.publish import COUNTS_KEY, REMOVED_KEY, add_pools
from skypile.schema import KEPT, REJECTED, SURPLUS
from skypile.shares import Within
from skypile.verify.manifest import MANIFEST, Manifest
from skypile.verify.pools import within_of

__all__ = ["Change"]

_KEPT_COLUMNS = ("record", "domain")
_PART = re.compile(r"part-(\d+)\.parquet$")
_LEVEL = 3  # as shards are written


class Change:
    """New files for those that hold what is forgotten, and the manifest that names them."""

    def __init__(self, store: Store, manifest: Manifest, hits: Hits) -> None:
        self.store, self.manifest, self.hits = store, manifest, hits
        self.within: dict[str, Within] = within_of(manifest)
        self.data: dict[str, Any] = store.read_json(MANIFEST)
        self.gone: OutcomeCounts = Counter()
        self.removed: Counter[str] = Counter()
        self.empty: list[pa.RecordBatch] = []
        self.tokens: Counter[str] = Counter()  # kept ones that go, by domain
        self.subsets: dict[str, Counter[str]] = {}
        self.pools: dict[str, Counter[str]] = {}
        self.schema: pa.Schema | None = None

    def make(self) -> None:
        """Write the files, then the manifest, then remove what it no longer names."""
        files = {entry["path"]: entry for entry in (*self.data["shards"], *self.data["left_out"])}
        for path, rows in self.hits.items():
            written = self._rewritten(path, rows)
            entry = files[path]
            for section in ("shards", "left_out"):
                if entry in self.data[section]:
                    self.data[section].remove(entry)
                    if written is not None:
                        index = self._rewritten_index(entry, rows, written["path"])
                        self.data[section].append({**entry, **written, **index})
        self.data["left_out"].append(self._write_empty())
        for section in ("shards", "left_out"):
            self.data[section].sort(key=lambda entry: entry["path"])
        self._count()
        self.data["digest"] = manifest_digest(self.data)
        self.store.write_json(MANIFEST, self.data)
        for path in self.hits:
            self.store.remove(path)
            if "index" in files[path]:
                self.store.remove(files[path]["index"]["path"])

    def _rewritten(self, path: str, rows: npt.NDArray[np.int64]) -> dict[str, Any] | None:
        """Write the file without `rows`; return what the manifest says of the new one."""
        counts: OutcomeCounts = Counter()
        removed: Counter[str] = Counter()
        tokens = documents = 0
        name = self._free_name(path)
        with self.store.open(path) as stream, pq.ParquetFile(stream) as parquet:
            told = parquet.metadata.metadata or {}
            groups = self._groups(parquet, rows, path)
            if parquet.metadata.num_rows == len(rows):
                assert not any(table.num_rows for table in groups)
                return None
            with self.store.create(name) as out, _writer(out, parquet.schema_arrow, told) as writer:
                for table in filter(len, groups):
                    writer.write_table(table, row_group_size=1 << 20)
                    counts += outcome_counts(table)
                    removed.update(removed_chars(table))
                    documents += table.num_rows
                    if "tokens" in table.column_names:
                        tokens += int(pc.sum(table.column("tokens")).as_py() or 0)
                writer.add_key_value_metadata(_counted(told, counts, removed))
        found = {"path": name, "documents": documents, **_sizes(self.store, name)}
        is_counted = not path.startswith(("rejected/", "error/"))
        return found | ({"tokens": tokens} if is_counted else {})

    def _rewritten_index(
        self, entry: dict[str, Any], rows: npt.NDArray[np.int64], shard: str
    ) -> dict[str, Any]:
        """Write the index of `entry`'s file without `rows`, beside the new `shard`."""
        if "index" not in entry:
            return {}
        old, name = entry["index"]["path"], index_name(shard)
        try:
            with self.store.open(old) as source, self.store.create(name) as out:
                told = copy_without(source, old, rows, out)
                if told != entry["documents"]:
                    raise InputError(f"{old}: {told:,} rows for {entry['documents']:,} documents")
        except InputError as error:
            raise VerifyError(
                f"{error}; nothing was changed; skypile index {self.store.root} draws it anew"
            ) from error
        return {"index": {"path": name, **_sizes(self.store, name)}}

    def _groups(
        self, parquet: pq.ParquetFile, rows: npt.NDArray[np.int64], path: str
    ) -> Iterator[pa.Table]:
        """Yield the row groups without `rows`, which are noted."""
        first = 0
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group)
            here = rows[(rows >= first) & (rows < first + table.num_rows)] - first
            first += table.num_rows
            stays = np.ones(table.num_rows, bool)
            stays[here] = False
            self._note(table.filter(pa.array(~stays)), path)
            yield table.filter(pa.array(stays))

    def _note(self, table: pa.Table, path: str) -> None:
        if not table.num_rows:
            return
        self.gone += outcome_counts(table)
        self.removed.update(removed_chars(table))
        for batch in table.select(list(_KEPT_COLUMNS)).combine_chunks().to_batches():
            self.empty.append(batch)
        if path.startswith("data/"):
            domain = _domain_of(path)
            tokens = np.asarray(table.column("tokens").fill_null(0))
            self.tokens[domain] += int(tokens.sum())
            subsets = self.subsets.setdefault(domain, Counter())
            for name, size in zip(table.column("subset").to_pylist(), tokens.tolist(), strict=True):
                subsets[str(name)] += size
            if domain in self.within:
                add_pools(self.pools, table, self.within)

    def _write_empty(self) -> dict[str, Any]:
        """Write the rows that stand for what is forgotten; return their entry of the manifest."""
        schema, metadata = self._schema()
        told = pa.Table.from_batches(self.empty)
        columns = {
            "record": told.column("record"),
            "id": told.column("record"),
            "domain": told.column("domain"),
            "outcome": pa.array([REJECTED] * told.num_rows),
            "reason": pa.array([FORGOTTEN] * told.num_rows),
        }
        arrays = [
            columns[each.name].cast(each.type)
            if each.name in columns
            else pa.nulls(told.num_rows, each.type)
            for each in schema
        ]
        table = pa.table(arrays, schema=schema)
        counted = _counted(metadata, outcome_counts(table), removed_chars(table))
        name = self._free_name(f"{REJECTED}/part-00000.parquet")
        with self.store.create(name) as out, _writer(out, schema, metadata) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata(counted)
        return {"path": name, "outcome": REJECTED, "documents": table.num_rows} | _sizes(
            self.store, name
        )

    def _schema(self) -> tuple[pa.Schema, dict[bytes, bytes]]:
        """Return the schema of files of kept or rejected documents, and their metadata."""
        for file in self.manifest.files:
            if file.path.startswith(("data/", "rejected/")):
                with self.store.open(file.path) as stream, pq.ParquetFile(stream) as parquet:
                    return parquet.schema_arrow, parquet.metadata.metadata or {}
        raise RunError(f"{self.store.root}: holds neither kept nor rejected documents")

    def _free_name(self, path: str) -> str:
        """Return the name behind the last one in the folder of `path`, the old ones counted."""
        folder = path.rpartition("/")[0]
        numbers = [
            int(found[1]) for name in self.store.names(folder) if (found := _PART.search(name))
        ]
        return f"{folder}/part-{max(numbers, default=-1) + 1:05d}.parquet"

    # What the manifest adds up.

    def _count(self) -> None:
        ledger, mixture = self.data["ledger"], self.data["mixture"]
        for (outcome, reason, domain), rows in self.gone.items():
            if outcome in (KEPT, SURPLUS):
                ledger[outcome] -= rows
            else:
                _take(ledger[outcome], reason or "", rows)
            counts = ledger["by_domain"].setdefault(domain or NO_DOMAIN, {})
            _take(counts, outcome, rows)
            counts[REJECTED] = counts.get(REJECTED, 0) + rows
        total = sum(self.gone.values())
        ledger["rejected"][FORGOTTEN] = ledger["rejected"].get(FORGOTTEN, 0) + total
        for name, chars in self.removed.items():
            ledger["removed_chars"][name] -= chars
        self._count_mixture(mixture)
        forgotten = self.data.setdefault(
            "forgotten", {"documents": 0, "tokens": {}, "pool_tokens": {}}
        )
        forgotten["documents"] += total
        for name, counter in (
            ("tokens", self.tokens),
            ("pool_tokens", Counter({p: c["tokens"] for p, c in self.pools.items()})),
        ):
            known = Counter(forgotten[name])
            known.update(counter)
            forgotten[name] = dict(sorted(known.items()))

    def _count_mixture(self, mixture: dict[str, Any]) -> None:
        kept: Counter[str] = Counter()
        for path, rows in self.hits.items():
            if path.startswith("data/"):
                kept[_domain_of(path)] += len(rows)
        reached = mixture["reached"]
        for domain, documents in kept.items():
            entry = reached[domain]
            entry["documents"] -= documents
            entry["tokens"] -= self.tokens[domain]
            for name, tokens in self.subsets[domain].items():
                if tokens:  # a recipe that counts none has no subsets either
                    entry["subsets"][name] -= tokens
            if not entry["documents"]:
                del reached[domain]
        whole = sum(entry["tokens"] for entry in reached.values())
        for entry in reached.values():
            entry["share"] = entry["tokens"] / whole if whole else 0.0
        for divided in mixture.get("within", {}).values():
            pools = divided["pools"]
            for name, counts in self.pools.items():
                if name in pools:
                    pools[name]["documents"] -= counts["documents"]
                    pools[name]["tokens"] -= counts["tokens"]
            whole = sum(pool["tokens"] for pool in pools.values())
            for pool in pools.values():
                pool["share"] = pool["tokens"] / whole if whole else 0.0


def _take(counts: dict[str, int], name: str, rows: int) -> None:
    """Lower a count, which goes where nothing is left."""
    counts[name] -= rows
    if not counts[name]:
        del counts[name]


def _domain_of(path: str) -> str:
    return path.split("/")[1].removeprefix("domain=")


def _writer(
    out: pa.NativeFile, schema: pa.Schema, metadata: dict[bytes, bytes]
) -> pq.ParquetWriter:
    """Return a writer of a shard as a build writes it, with all but what counts its rows."""
    leave = (COUNTS_KEY, REMOVED_KEY, b"ARROW:schema")
    told = {key: value for key, value in metadata.items() if key not in leave}
    return pq.ParquetWriter(
        out, schema.with_metadata(told), compression="zstd", compression_level=_LEVEL
    )


def _counted(
    metadata: dict[bytes, bytes], counts: OutcomeCounts, removed: Counter[str]
) -> dict[bytes, bytes]:
    found = {
        COUNTS_KEY: json.dumps([[*k, n] for k, n in sorted(counts.items(), key=repr)]).encode()
    }
    if REMOVED_KEY in metadata:
        found[REMOVED_KEY] = json.dumps(removed, sort_keys=True).encode()
    return found


def _sizes(store: Store, name: str) -> dict[str, Any]:
    return {"bytes": store.size(name), "sha256": store.sha256(name)}
