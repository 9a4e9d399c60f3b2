"""Earlier documents by their index: the phases of a build find what is found in memory."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.curate import annotate
from skypile.dedup.cluster import Drops
from skypile.dedup.documents import open_signatures
from skypile.dedup.earlier import EarlierCorpus, EarlierShard
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import by_partition
from skypile.dedup.index import (
    INDEX_SCHEMA,
    Drawn,
    IndexWriter,
    copy_without,
    index_batches,
    index_rows,
    index_sets,
)
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureSet
from skypile.io.store import Store
from skypile.io.units import Unit
from skypile.phases import pair
from skypile.phases.cluster import drops_of_run
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import ID_SCHEMA
from skypile.phases.new_bands import NewBands, write_new_bands
from skypile.phases.pair import PairTask, PairWork
from skypile.phases.work import write_entry
from skypile.recipe import load_recipe

LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"
DRAWN = Drawn("affine32", 1, 1)
SETTINGS = (
    Dedup(prefer=["length", {"column": "quality", "order": "desc"}]),
    Dedup(levels=["url", "exact", "near"], within="source", threshold=0.7),
)


def documents(compose: Any, seed: int) -> pa.RecordBatch:
    """Return families of copies, exact and near, some of one URL, from two sources."""
    rng = random.Random(seed)
    texts = ["", "!!!", "hello there", "hello there"]
    for number in range(10):
        zh, en = compose["chinese"](rng, 300), compose["english"](rng, 200)
        texts += [zh, zh, compose["edited"](rng, zh, 0.01), compose["edited"](rng, zh, 0.025)]
        texts += [en, en.upper(), compose["reworded"](rng, en, 3), compose["reworded"](rng, en, 9)]
        texts += [compose["chinese"](rng, 200)] * (number % 3)
    rng.shuffle(texts)
    return pa.RecordBatch.from_pydict(
        {
            "text": texts,
            "row": pa.array(range(len(texts)), pa.uint32()),
            "url": [f"https://a.b/{rng.randrange(60)}" for _ in texts],
            "source": rng.choices(["one", "two"], [4, 1], k=len(texts)),
            "quality": [rng.random() for _ in texts],
            "outcome": pa.nulls(len(texts), pa.string()),
        }
    )


def cut(batch: pa.RecordBatch, rng: random.Random, number: int) -> list[pa.RecordBatch]:
    """Deal the rows of `batch` to `number` units, numbered anew in each."""
    owner = np.array([rng.randrange(number) for _ in range(batch.num_rows)])
    found = []
    for unit in range(number):
        rows = batch.take(pa.array(np.flatnonzero(owner == unit)))
        place = rows.schema.get_field_index("row")
        found.append(rows.set_column(place, "row", pa.array(range(rows.num_rows), pa.uint32())))
    return found


def signed(batch: pa.RecordBatch, settings: Dedup, unit: int, *, ranked: bool) -> SignatureSet:
    batch = annotate(batch, [settings.signature])
    return open_signatures(batch, settings, unit=unit, ranked=ranked)


def new_unit(context: Context, number: int, batch: pa.RecordBatch) -> PairTask:
    """Write what phase curate leaves of a unit."""
    folder, work = f"curate/{number}", context.work
    names = {key: f"{folder}/{key}" for key in ("file", "signatures", "ids")}
    found = signed(batch, context.recipe.dedup, 0, ranked=True)
    work.create_by(names["signatures"], found.save)
    with work.create(names["file"]) as out:
        pq.write_table(pa.Table.from_batches([batch]), out, row_group_size=7)
    hashes = pa.array([number.to_bytes(8) + n.to_bytes(8) for n in range(len(found))])
    with work.create(names["ids"]) as out, pa.ipc.new_file(out, ID_SCHEMA) as writer:
        columns = [batch.column("row"), hashes.cast(pa.binary(16))]
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=ID_SCHEMA))
    write_entry(work, f"{folder}/unit", list(names.values()), {})
    unit = Unit(f"{number}.jsonl", f"{number}.jsonl", "jsonl", "none", 0, 0, 0, 0, 0)
    return PairTask(UnitRef(number, unit), ({**names, "last_row": batch.num_rows - 1},))


def shard(store: Store, number: int, batch: pa.RecordBatch, settings: Dedup) -> EarlierShard:
    """Write a shard and its index."""
    found = signed(batch, settings, 0, ranked=False)
    with store.create(f"{number}.parquet") as out:
        pq.write_table(pa.Table.from_batches([batch]), out, row_group_size=5)
    with store.create(f"{number}.arrow") as out:
        writer = IndexWriter(out, DRAWN)
        writer.add(index_rows(found, found.addresses))
        writer.close()
    told = (f"{number}.parquet", len(found), 0, "", f"{number}.arrow", "")
    return EarlierShard(store.root, "against/", *told)


def partitioned(context: Context, tasks: Sequence[PairTask], rng: random.Random) -> Drops:
    """Return what the phases pair and cluster drop, groups and chunks in any order."""
    work = PairWork("pair/test", tuple(tasks))
    steps = {
        "copies": (pair.copy_keys, pair.copies_of_key),
        "pairs": (pair.band_keys, pair.pairs_of_key),
        "edges": (pair.pair_keys, pair.edges_of_key),
    }
    for name in pair.passes(context):
        keys, function = steps[name]
        elements: Sequence[Any] = work.with_earlier(context)
        if name == "pairs":
            write_new_bands(context, work)
        if name == "edges":
            elements = pair.pass_files(context, work, "pairs")
        groups: dict[int, list[bytes]] = {}
        for element in rng.sample(list(elements), len(elements)):
            for key, chunk in keys(element, context, work):
                groups.setdefault(key, []).append(chunk)
        for group in rng.sample(list(groups.items()), len(groups)):
            function(group, context, work)
        pair.finish_pass(context, work, name)
    return drops_of_run(context, work)


@pytest.mark.parametrize("seed, settings", [*enumerate(SETTINGS)], ids=["near", "url"])
def test_a_build_finds_what_is_found_in_memory(compose, tmp_path, seed, settings):
    rng = random.Random(seed)
    every = documents(compose, seed)
    old, new = cut(every, rng, 2)
    shards, units = cut(old, rng, 2), cut(new, rng, 3)
    store = Store(str(tmp_path), durable=False)
    written = tuple(shard(store, n, batch, settings) for n, batch in enumerate(shards))
    recipe = load_recipe(str(LIGHT)).model_copy(update={"dedup": settings})
    against = (EarlierCorpus(store.root, "against/", "", "", written),)
    context = Context(recipe, store, store, against=against)
    tasks = [new_unit(context, number, batch) for number, batch in enumerate(units)]
    found = partitioned(context, tasks, rng)

    # In memory earlier documents have the smaller addresses.
    sets = [signed(batch, settings, n, ranked=False) for n, batch in enumerate(shards)]
    sets += [signed(batch, settings, n, ranked=True) for n, batch in enumerate(units, 2)]
    texts = {
        n << 32 | row: text.encode()
        for n, batch in enumerate([*shards, *units])
        for row, text in enumerate(batch.column("text").to_pylist())
    }
    whole = find_duplicates(
        SignatureSet.joined(sets, words=settings.words),
        lambda addresses: [texts[address] for address in addresses.tolist()],
        threshold=settings.threshold, bands=settings.bands, rows=settings.rows,
        first=2 << 32, levels=settings.levels,
    )  # fmt: skip

    def renumbered(addresses: np.ndarray) -> np.ndarray:
        unit = addresses >> np.uint64(32)
        moved = np.where(unit < 3, unit + 2, unit - 3).astype(np.uint64)
        return moved << np.uint64(32) | addresses & np.uint64(0xFFFFFFFF)

    assert np.array_equal(renumbered(found.address), whole.address)
    assert np.array_equal(renumbered(found.kept), whole.kept)
    assert np.array_equal(found.reason, whole.reason)
    assert np.array_equal(found.jaccard, whole.jaccard, equal_nan=True)
    assert len(whole) > 15 and (whole.kept < 2 << 32).sum() > 10
    assert (whole.kept >= 2 << 32).any()


def rows(number: int, seed: int) -> pa.RecordBatch:
    rng = np.random.default_rng(seed)
    exact, minhash = rng.integers(0, 256, (number, 16)), rng.integers(0, 256, (number, 512))
    columns = [
        pa.array([row.astype(np.uint8).tobytes() for row in exact], pa.binary(16)),
        pa.array([row.astype(np.uint8).tobytes() for row in minhash], pa.binary(512)),
        pa.array(rng.integers(0, 2**31, number), pa.int32()),
        pa.array(rng.integers(0, 2**40, number), pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=INDEX_SCHEMA)


def written(batches: Sequence[pa.RecordBatch]) -> bytes:
    out = io.BytesIO()
    writer = IndexWriter(pa.PythonFile(out), DRAWN)
    for batch in batches:
        writer.add(batch)
    writer.close()
    return out.getvalue()


@settings(deadline=None, max_examples=40)
@given(
    number=st.integers(0, 40),
    borders=st.lists(st.integers(0, 40), max_size=6),
    gone=st.sets(st.integers(0, 39)),
    size=st.integers(1, 50),
)
def test_an_index_depends_on_its_rows_alone(number, borders, gone, size):
    whole = rows(number, 0)
    places = [0, *sorted(min(border, number) for border in borders), number]
    pieces = [whole.slice(a, b - a) for a, b in pairwise(places)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skypile.dedup.index.BATCH_ROWS", size)
        data = written(pieces)
        assert data == written([whole])
        drawn, batches = index_batches(pa.BufferReader(data), "name")
        read = list(batches)
        assert drawn == DRAWN and pa.Table.from_batches(read, INDEX_SCHEMA).equals(
            pa.Table.from_batches([whole])
        )
        assert all(batch.num_rows == size for batch in read[:-1])
        leaving = np.array(sorted(row for row in gone if row < number), np.int64)
        out = io.BytesIO()
        assert copy_without(pa.BufferReader(data), "name", leaving, pa.PythonFile(out)) == number
        stays = np.setdiff1d(np.arange(number), leaving)
        assert out.getvalue() == written([whole.take(pa.array(stays))])


def test_an_index_is_mapped_as_sets_of_documents(tmp_path, monkeypatch):
    monkeypatch.setattr("skypile.dedup.index.BATCH_ROWS", 7)
    whole = rows(20, 1)
    path = tmp_path / "index.arrow"
    path.write_bytes(written([whole]))
    sets = index_sets(path, unit=5, words=2)
    joined = SignatureSet.joined(sets, words=2)
    assert len(sets) == 3 and joined.addresses.tolist() == [5 << 32 | row for row in range(20)]
    assert not joined.preferences.any() and joined.preferences.shape == (20, 2)
    assert index_rows(joined, joined.addresses).equals(whole)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50), st.lists(st.integers(0, 2**64 - 1)))
def test_bands_that_were_added_are_found_and_few_others(added, others):
    bands = NewBands.empty(len(added))
    bands.add(np.array(added, np.uint64))
    assert bands.holds(np.array(added, np.uint64)).all()
    slots = {value & (1 << 16) - 1 for value in added}
    expected = [value & (1 << 16) - 1 in slots for value in others]
    assert bands.holds(np.array(others, np.uint64)).tolist() == expected


def test_what_nobody_wants_falls_into_no_partition():
    assert list(by_partition(np.empty(0, np.uint64))) == []
