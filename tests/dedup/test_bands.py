"""Candidate pairs: complete in small buckets, linear in large ones, independent of order."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import pytest
from datasketch.lsh import _optimal_param
from hypothesis import given
from hypothesis import strategies as st

from skypile.dedup.bands import (
    BANDS,
    MAX_BUCKET,
    ROWS,
    VALUES,
    band_hashes,
    candidate_pairs,
    optimal_bands,
    pack_band_keys,
)
from skypile.dedup.formats import PARTITIONS, band_entry, partitions_for, top_bits
from skypile.dedup.settings import Dedup
from skypile.errors import RecipeError
from skypile.phases.pair import ROUND_BYTES, PairWork

NO_SKIP = np.empty(0, np.uint64)


def pairs_of(hashes, addresses, preferences=None, **options):
    columns = [np.array(each, np.uint64) for each in (hashes, addresses)]
    preferences = np.zeros(len(hashes)) if preferences is None else preferences
    columns.append(np.array(preferences, np.uint64).reshape(len(hashes), 1))
    left, right = candidate_pairs(*columns, **options)
    return list(zip(left.tolist(), right.tolist(), strict=True))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.75, 0.8, 0.9, 0.97, 1.0])
def test_bands_and_rows_are_those_of_datasketch(threshold):
    assert optimal_bands(threshold) == _optimal_param(threshold, VALUES, 0.05, 0.95)


def test_the_default_threshold_has_the_default_bands():
    assert optimal_bands() == (BANDS, ROWS) == (16, 8)
    assert Dedup(threshold=0.75).bands * Dedup(threshold=0.75).rows <= VALUES
    assert (Dedup(threshold=0.5).bands, Dedup(threshold=0.5).rows) == optimal_bands(0.5)
    given = Dedup(threshold=0.75, bands=14, rows=8)
    assert (given.bands, given.rows) == (14, 8)
    assert (given.with_threshold(0.8).bands, given.with_threshold(0.8).threshold) == (16, 0.8)


@given(st.lists(st.integers(0, 6), max_size=40))
def test_small_buckets_give_all_their_pairs(hashes):
    expected = [(i, j) for i, j in combinations(range(len(hashes)), 2) if hashes[i] == hashes[j]]
    assert pairs_of(hashes, range(len(hashes))) == sorted(expected)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60),
    st.randoms(use_true_random=False),
    st.integers(1, 8),
)
def test_the_order_of_the_input_does_not_matter(rows, rng, max_bucket):
    entries = [(h, at, preference) for at, (h, preference) in enumerate(rows)]
    shuffled = rng.sample(entries, len(entries))
    results = []
    for each in (entries, shuffled):
        columns = np.array(each, np.uint64).reshape(-1, 3).T
        results.append(pairs_of(*columns, max_bucket=max_bucket))
    assert results[0] == results[1]


@pytest.mark.parametrize("size", [MAX_BUCKET, MAX_BUCKET + 1, 20_000])
def test_a_giant_bucket_stays_linear(size):
    pairs = pairs_of([7] * size, range(size))
    most = size * (size - 1) // 2 if size <= MAX_BUCKET else 2 * size - 3
    assert len(pairs) == most
    assert len({each for pair in pairs for each in pair}) == size


def test_the_centre_of_a_giant_bucket_is_the_most_preferred():
    preferences = np.array([5, 4, 0, 3, 2], np.uint64)
    pairs = pairs_of([1] * 5, range(5), preferences, max_bucket=2)
    assert {(0, 2), (1, 2), (2, 3), (2, 4)} <= set(pairs)
    assert set(pairs) - {(0, 2), (1, 2), (2, 3), (2, 4)} == {(3, 4), (1, 3), (0, 1)}


def test_documents_without_shingle_or_skipped_enter_no_band(sign):
    signatures, _ = sign(["!!!", "???", "some words", "more words"])
    skip = signatures.addresses[2:3]
    for _, chunk in pack_band_keys(signatures, skip=skip):
        assert np.frombuffer(chunk, band_entry())["address"].tolist() == [3]


def test_keys_name_band_and_partition(sign):
    signatures, _ = sign([f"words number {i} of many others" for i in range(100)])
    keyed = list(pack_band_keys(signatures, skip=NO_SKIP, bands=3, rows=5))
    assert len({key for key, _ in keyed}) == len(keyed)
    for key, chunk in keyed:
        entries = np.frombuffer(chunk, band_entry())
        assert 0 <= key < 3 * PARTITIONS
        assert np.all(top_bits(entries["hash"]) == key % PARTITIONS)
    assert sum(len(chunk) for _, chunk in keyed) == 100 * 3 * band_entry().itemsize


def test_more_documents_go_into_more_partitions():
    sizes = (0, 1, 64_000_000, 64_000_001, 10**9)
    assert [partitions_for(size) for size in sizes] == [16, 16, 16, 32, 256]
    hashes = np.array([0, 1 << 56, 2**64 - 1], np.uint64)
    assert top_bits(hashes, 256).tolist() == [0, 1, 255]


def test_band_hashes_are_equal_where_all_rows_of_the_band_are():
    rng = np.random.default_rng(1)
    minhash = rng.integers(0, 2**32, (40_000, 128), dtype=np.uint32)
    minhash[1] = minhash[0]
    minhash[1, 8] += 1
    minhash[2] = minhash[0, ::-1]
    hashes = band_hashes(minhash)
    assert hashes.shape == (40_000, 16) and hashes.dtype == np.uint64
    assert np.flatnonzero(hashes[0] != hashes[1]).tolist() == [1]
    assert not np.any(hashes[0] == hashes[2])
    assert np.unique(hashes[3:]).size == hashes[3:].size
    spread = np.bincount(top_bits(hashes[3:, 0]), minlength=PARTITIONS)
    assert spread.min() > 0.9 * spread.mean()


@pytest.mark.parametrize("bands, rows", [(17, 8), (0, 8), (14, 0), (1, 129)])
def test_more_rows_than_values_are_refused(bands, rows):
    with pytest.raises(RecipeError, match="MinHash values"):
        band_hashes(np.zeros((1, 128), np.uint32), bands, rows)


@pytest.mark.parametrize("rounds", [1, 2, 5, 16, 37, 256])
def test_rounds_over_ranges_of_keys_give_what_one_round_gives(sign, compose, rounds):
    rng = random.Random(5)
    signatures, _ = sign([compose["english"](rng, 40) for _ in range(60)])
    whole = dict(pack_band_keys(signatures, skip=NO_SKIP))
    work = PairWork("pair", ()).rounds(16 * PARTITIONS, rounds * ROUND_BYTES)
    assert len(work) == rounds
    found = [
        dict(pack_band_keys(signatures, skip=NO_SKIP, first_key=w.first_key, end_key=w.end_key))
        for w in work
    ]
    assert all(
        one.keys() <= set(range(w.first_key, w.end_key)) for one, w in zip(found, work, strict=True)
    )
    assert {key: data for one in found for key, data in one.items()} == whole
