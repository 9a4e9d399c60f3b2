"""Mixtures keep every source within one row of its share at every prefix, by any schedule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.pretrain.mixture import Mixture, Share, shares_of

SKYWORK = shares_of([52.2, 39.6, 8.0], [None] * 3)
STEM = shares_of([52.2, 39.6, 8.0, None], [None, None, None, Share(0.10, 0.0, 0.30)])


@st.composite
def share_lists(draw) -> list[Share]:
    """Up to six sources, up to two of them by a schedule."""
    ends = st.floats(0, 0.45)
    ramps = [
        Share(first, *((last - first, 0.0) if is_linear else (0.0, last - first)))
        for first, last, is_linear in draw(
            st.lists(st.tuples(ends, ends, st.booleans()), max_size=2)
        )
    ]
    weights = draw(st.lists(st.floats(0.001, 1000), min_size=1, max_size=4))
    scheduled = [*ramps, *[None] * len(weights)]
    return shares_of([*[None] * len(ramps), *weights], scheduled)


def deviation(shares: list[Share], sources: np.ndarray, row_count: int, start: int = 0) -> float:
    """The largest difference, in rows, of a prefix's counts from the integral of shares."""
    prefixes = np.cumsum(np.eye(len(shares))[sources], axis=0)
    ends = np.arange(start + 1, start + 1 + len(sources), dtype=np.float64)
    due = [s.before(ends, row_count) - s.before(np.float64(start), row_count) for s in shares]
    return float(np.abs(prefixes - np.stack(due, axis=1)).max())


def plain_order(shares: list[Share], row_count: int) -> list[int]:
    """Tijdeman's rule, word for word: the twin."""
    k = len(shares)
    bound = 1 / (2 * k - 2) if k > 1 else 0.0
    had, order = [0] * k, []
    due = [
        [float(s.before(np.float64(i), row_count)) for i in range(row_count + 1)] for s in shares
    ]
    for slot in range(row_count):
        latest = {}
        for source in range(k):
            if due[source][slot + 1] - had[source] >= bound - 1e-7:
                late = (i for i in range(slot, row_count)
                        if due[source][i + 1] - had[source] >= 1 - bound + 1e-7)  # fmt: skip
                latest[source] = next(late, row_count)
        best = min(latest, key=lambda source: (latest[source], source))
        order.append(best)
        had[best] += 1
    return order


@settings(max_examples=30, deadline=None)
@given(share_lists(), st.integers(1, 150))
def test_every_prefix_is_within_the_bound_and_the_order_is_that_of_the_twin(shares, row_count):
    sources = Mixture(shares, row_count).sources(0, row_count)
    k = len(shares)
    bound = 1 - 1 / (2 * k - 2) if k > 1 else 0.0
    assert deviation(shares, sources, row_count) <= bound + 1e-6
    mixture = Mixture(shares, row_count)
    if mixture._period is None and k > 1:
        assert sources.tolist() == plain_order(shares, row_count)


@pytest.mark.parametrize("shares", [SKYWORK, STEM], ids=["constant", "ramp"])
def test_long_stages_keep_the_bound_and_any_slot_can_be_had_at_once(shares):
    row_count = 50_000
    whole = Mixture(shares, row_count).sources(0, row_count)
    assert deviation(shares, whole, row_count) < 1 - 1 / (2 * len(shares) - 2) + 1e-6
    for slot in (0, 1, 16_383, 16_384, 40_001, 49_990):
        late = Mixture(shares, row_count)
        assert np.array_equal(late.sources(slot, 10), whole[slot : slot + 10])
        assert np.array_equal(late.counts(slot), np.bincount(whole[:slot], minlength=len(shares)))


def test_a_million_steps_in_constant_shares_are_reached_without_walking():
    mixture = Mixture(SKYWORK, 1024 * 2_000_000)
    slot = 1024 * 1_000_003
    assert abs(mixture.counts(slot) - mixture.due(slot)).max() < 1
    assert len(mixture.sources(slot, 1024)) == 1024
    assert not mixture._anchors.keys() - {0}


def test_counts_of_another_process_spare_the_way_there():
    first, second = Mixture(STEM, 3_000_000), Mixture(STEM, 3_000_000)
    counts = first.counts(40_000)
    second.learn(40_000, counts)
    assert np.array_equal(second.sources(40_000, 30_000), first.sources(40_000, 30_000))
    assert min(second._anchors.keys() - {0}) == 40_000
    with pytest.raises(ValueError, match="cannot be"):
        second.learn(40_000, counts + np.array([5, -5, 0, 0]))


def test_skyworks_ramp_averages_a_fifth():
    sources = Mixture(STEM, 40_000).sources(0, 40_000)
    is_stem = sources == 3
    assert is_stem.sum() == 8000
    assert is_stem[:1000].mean() == pytest.approx(0.10, abs=0.002)
    assert is_stem[-1000:].mean() == pytest.approx(0.39, abs=0.005)


def test_a_mixture_from_the_middle_on_owes_nobody_anything():
    later = Mixture(STEM, 10_000, start=4_001)
    sources = later.sources(4_001, 5_999)
    assert deviation(STEM, sources, 10_000, start=4_001) < 1
    assert later.counts(10_000).sum() == 5_999
