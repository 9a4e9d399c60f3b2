from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.errors import RunError, UsageError
from skypile.mix import (
    BUCKETS,
    Cut,
    Tally,
    cut_bucket,
    find_cut,
    kept_mask,
    order_keys,
    parse_weights,
    quality_bands,
    targets,
)

SKYWORK = {"en": 52.2, "zh": 39.6, "code": 8.0}


def tally_of(rows: list[tuple[int, int, int]]) -> Tally:
    band, key, tokens = zip(*rows, strict=True)
    address = np.arange(len(rows), dtype=np.uint64)
    keys = np.array(key, np.uint64)
    return Tally(address, keys, np.array(band, np.int64), np.array(tokens, np.int64))


def kept_of(tally: Tally, target: int) -> np.ndarray:
    bucket, before = cut_bucket(tally.histogram(), target)
    return kept_mask(tally, find_cut(bucket, before, [tally.bucket(bucket)], target))


ROWS = st.lists(
    st.tuples(
        st.integers(0, 9),
        # Few distinct keys, so that buckets are shared and ties occur.
        st.sampled_from([0, 1, 2, 2**48, 2**48 + 1, 2**63, 2**64 - 1]),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(ROWS, st.integers(0, 2000))
def test_kept_is_the_longest_prefix_of_the_order_that_fits(rows, target):
    tally = tally_of(rows)
    order = sorted(range(len(rows)), key=lambda i: (rows[i][0], rows[i][1], i))
    expected, total = set(), 0
    for row in order:
        if total + rows[row][2] > target:
            break
        total += rows[row][2]
        expected.add(row)
    assert set(np.flatnonzero(kept_of(tally, target)).tolist()) == expected


@settings(max_examples=50, deadline=None)
@given(ROWS, st.integers(0, 500), st.integers(0, 500))
def test_a_larger_target_keeps_all_that_a_smaller_one_keeps(rows, small, more):
    tally = tally_of(rows)
    assert not (kept_of(tally, small) & ~kept_of(tally, small + more)).any()


def test_the_cut_does_not_depend_on_how_documents_are_spread_over_units():
    rng = np.random.default_rng(7)
    keys = rng.integers(0, 2**63, 5000, dtype=np.uint64)
    whole = Tally(
        np.arange(5000, dtype=np.uint64),
        keys,
        rng.integers(0, 10, 5000),
        rng.integers(1, 900, 5000),
    )
    target = int(whole.tokens.sum()) // 3
    bucket, before = cut_bucket(whole.histogram(), target)
    pieces = [
        Tally(whole.address[s], whole.key[s], whole.band[s], whole.tokens[s])
        for s in (slice(3000, 5000), slice(0, 1000), slice(1000, 3000))
    ]
    assert np.array_equal(sum(p.histogram() for p in pieces), whole.histogram())
    one = find_cut(bucket, before, [whole.bucket(bucket)], target)
    assert one == find_cut(bucket, before, [p.bucket(bucket) for p in pieces], target)
    kept = int(whole.tokens[kept_mask(whole, one)].sum())
    assert target - 900 < kept <= target


def test_everything_fits_or_nothing_does():
    tally = tally_of([(0, 5, 10), (3, 1, 10)])
    assert kept_of(tally, 20).all()
    assert not kept_of(tally, 9).any()
    assert cut_bucket(tally.histogram(), 20)[0] == BUCKETS
    assert not kept_mask(tally, Cut(-1, -1, 0)).any()


def test_the_scarcest_domain_sets_the_size_and_keeps_all_of_its_tokens():
    aim = targets({"en": 10_000, "zh": 3_960, "code": 5_000}, SKYWORK, None)
    assert aim.scarcest == "zh"
    assert aim.tokens == {"en": 5_220, "zh": 3_960, "code": 800}
    assert not aim.short


def test_fewer_tokens_can_be_asked_for_but_not_more():
    available = {"en": 10_000, "zh": 3_960, "code": 5_000}
    small = targets(available, SKYWORK, 998)
    assert small.tokens == {"en": 522, "zh": 396, "code": 80}
    assert targets(available, SKYWORK, 10**9).short
    assert targets(available, SKYWORK, 10**9).tokens == targets(available, SKYWORK, None).tokens


def test_a_domain_with_a_weight_but_no_document_is_named():
    with pytest.raises(RunError, match=r"wants code.*--mixture en=1,zh=1 or --mixture none"):
        targets({"en": 5, "zh": 5, "code": 0}, SKYWORK, None)


def test_order_depends_on_seed_and_hash_only():
    hashes = pa.array([bytes([i]) * 16 for i in range(50)], pa.binary(16))
    keys = order_keys(hashes, 1)
    assert len(set(keys.tolist())) == 50
    assert np.array_equal(order_keys(hashes.slice(20), 1), keys[20:])
    assert not np.array_equal(order_keys(hashes, 2), keys)


def test_quality_bands_put_the_best_first():
    quality = np.array([1.0, 0.95, 0.9, 0.05, 0.0, np.nan])
    assert quality_bands(quality).tolist() == [0, 0, 0, 9, 9, 0]


@pytest.mark.parametrize("text", ["", "en", "en=", "en=0", "en=-1", "fr=1", "en=1,en=2", "en=nan"])
def test_weights_that_cannot_be_are_refused(text):
    with pytest.raises(UsageError, match="--mixture"):
        parse_weights(text)


def test_weights_are_read():
    assert parse_weights("en=52.2,zh=39.6,code=8.0") == SKYWORK
    assert parse_weights("none") is None
