"""The stage's columns, their files, and looking them up by address."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.dedup.cluster import NEAR, Drops
from skypile.dedup.signatures import SignatureIndex, SignatureSet, address_of
from skypile.errors import InputError
from skypile.stages.signature import Signature
from skypile.text import normalized


def batch_of(texts):
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


def test_the_exact_hash_is_that_of_the_normalised_text():
    texts = ["Ａ b\u3000C", "", "中文，ABC", "x" * 500]
    hashes = Signature()(batch_of(texts))["exact_hash"].to_pylist()
    assert hashes == [xxhash.xxh3_128_digest(normalized(each).encode()) for each in texts]


@given(st.lists(st.text(max_size=40), max_size=6), st.integers(0, 6))
@settings(deadline=None)
def test_splitting_a_batch_changes_nothing(texts, at):
    stage, batch = Signature(), batch_of(texts)
    whole = stage(batch)
    assert {name: column.type for name, column in whole.items()} == stage.writes
    parts = [stage(batch.slice(0, at)), stage(batch.slice(at))] if at < len(texts) else [whole]
    for name, column in whole.items():
        assert column.to_pylist() == [each for part in parts for each in part[name].to_pylist()]


def test_another_seed_gives_other_values():
    batch = batch_of(["some words in a row and more"])
    one, two = Signature()(batch), Signature(seed=2)(batch)
    assert one["minhash"] != two["minhash"] and one["exact_hash"] == two["exact_hash"]


def test_a_saved_set_is_loaded_again_and_its_bytes_depend_on_values_alone(sign, tmp_path):
    signatures, _ = sign(["one text", "another text of words", "", "三"], units=[4, 4, 2, 7])
    one, two = tmp_path / "one.arrow", tmp_path / "two.arrow"
    signatures.save(one)
    signatures.save(two)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.arrow", "two.arrow"]
    for mmap in (True, False):
        loaded = SignatureSet.load(one, mmap=mmap)
        for name in SignatureSet.__dataclass_fields__:
            assert np.array_equal(getattr(loaded, name), getattr(signatures, name))


def test_an_empty_set_is_saved_and_loaded(sign, tmp_path):
    signatures, _ = sign([])
    signatures.save(tmp_path / "none.arrow")
    assert len(SignatureSet.load(tmp_path / "none.arrow")) == 0


def test_a_file_that_is_cut_or_of_another_kind_is_named(sign, tmp_path):
    path = tmp_path / "set.arrow"
    signatures, _ = sign(["one text"])
    signatures.save(path)
    with pytest.raises(InputError, match=r"set\.arrow"):
        Drops.load(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"set\.arrow"):
        SignatureSet.load(path)
    with pytest.raises(InputError, match="missing"):
        SignatureSet.load(tmp_path / "missing.arrow")


def test_drops_are_saved_and_cut_by_unit(tmp_path):
    rows = np.array([1, 5, 4_000_000_000], np.uint32)
    address = np.concatenate([address_of(unit, rows) for unit in (0, 3, 4)])
    drops = Drops(
        address=address,
        kept=address - np.uint64(1),
        reason=np.full(9, NEAR, np.uint8),
        jaccard=np.linspace(0.8, 1, 9, dtype=np.float32),
        exact_checked=np.arange(9) % 2 == 0,
    )
    drops.save(tmp_path / "drops.arrow")
    loaded = Drops.load(tmp_path / "drops.arrow")
    assert loaded.exact_checked.tolist() == drops.exact_checked.tolist()
    assert loaded.for_unit(3).address.tolist() == address[3:6].tolist()
    assert loaded.for_unit(3).jaccard.tolist() == drops.jaccard[3:6].tolist()
    assert len(loaded.for_unit(2)) == 0


def test_the_index_looks_up_over_sets_in_any_order(sign):
    texts = [f"text {i} " + "x" * i for i in range(20)]
    first, _ = sign(texts, units=[1] * 20)
    second, _ = sign(texts[::-1], units=[3] * 20)
    empty, _ = sign([])
    index = SignatureIndex([second, empty, first])
    asked = np.array([3 << 32 | 4, 1 << 32 | 4, 3 << 32 | 19, 1 << 32], np.uint64)
    assert index.lengths(asked).tolist() == [len(texts[15]), len(texts[4]), len(texts[0]), 7]
    assert np.array_equal(index.minhashes(asked)[1], first.minhash[4])
    assert index.preferences(asked)[0, 0] < index.preferences(asked)[1, 0]
    assert index.minhashes(np.empty(0, np.uint64)).shape == (0, 128)
