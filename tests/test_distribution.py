"""Distributions counted by buckets: what they say against all values sorted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.distribution import Numbers, Words, is_counted, of_column

NUMBERS = st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=60)


def counted(*parts: list[float | None]) -> Numbers:
    found = Numbers()
    for part in parts:
        found.add(pa.array(part, pa.float64()))
    return found


@given(NUMBERS, st.floats(0, 1))
def test_quantiles_are_those_of_the_sorted_values_but_for_the_last_bits(values, share):
    rank = max(1, int(np.ceil(share * len(values))))
    true = sorted(values)[rank - 1]
    got = counted(values).quantile(share)
    assert got == true or (
        abs(got) <= abs(true) and abs(got - true) <= abs(true) / 4096 + 5e-324 * 2**40
    )


@given(NUMBERS, st.integers(0, 60))
def test_parts_add_up_in_any_order(values, at):
    whole, parts = counted(values), counted(values[at:], values[:at])
    assert whole.data([1, 50, 99]) | {"mean": 0} == parts.data([1, 50, 99]) | {"mean": 0}


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.77, 1])
def test_whole_numbers_up_to_8191_are_exact(share):
    values = np.random.default_rng(1).integers(-8191, 8192, 5000)
    true = np.sort(values)[max(1, int(np.ceil(share * 5000))) - 1]
    assert counted(values.tolist()).quantile(share) == true


def test_nulls_nans_infinities_and_zeros_are_told_apart():
    found = counted([0.0, -0.0, None, float("nan"), float("inf"), float("-inf")], [])
    assert (found.count, found.null_count, found.nan_count) == (4, 1, 1)
    assert [found.quantile(share) for share in (0, 0.5, 0.75, 1)] == [-np.inf, 0, 0, np.inf]
    assert found.data([50])["min"] == "-inf" and found.data([50])["percentiles"] == {"50": 0.0}
    nothing = Numbers()
    assert (nothing.quantile(0.5), nothing.mean, nothing.broken_frac(min=1)) == (None, None, 0)


def test_what_a_rule_would_drop_is_counted_with_nulls_and_nans():
    found = counted([1, 2, 3, 4, 5, 6, None, float("nan")])
    assert found.broken_frac(min=3) == 4 / 8
    assert found.broken_frac(max=5) == 3 / 8
    assert found.broken_frac() == 2 / 8


def test_strings_are_counted_and_other_types_are_not():
    found = of_column(pa.string())
    assert isinstance(found, Words)
    found.add(pa.array(["a", None, "b", "a"]))
    found.add(pa.chunked_array([["a"], ["c"]]))
    assert found.data([]) == {"count": 5, "null": 1, "values": {"a": 3, "b": 1, "c": 1}}
    assert [is_counted(one) for one in (pa.int64(), pa.bool_(), pa.float32(), pa.binary())] == [
        True, True, True, False,
    ]  # fmt: skip
