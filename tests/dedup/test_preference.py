"""Which copy stays: packed keys order documents as the columns do, exactly."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import preferred_order
from skypile.dedup.preference import preferences, words
from skypile.dedup.settings import Dedup

ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["length", "source", "count", "unsigned", "share", "flag", "meta.when"]),
        st.sampled_from(["asc", "desc"]),
    ),
    unique_by=lambda key: key[0],
)
WHEN = st.one_of(
    st.none(),
    st.sampled_from(["2019-05-04", "2019-05-04T10:00:00Z", "2019-05-04T10:00:00+02:00", "May", ""]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(st.integers()),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.text(max_size=3),
            "source": st.sampled_from(["a", "b", "c", None]),
            "count": st.one_of(st.none(), st.integers(1 - 2**63, 2**63 - 2)),
            "unsigned": st.one_of(st.none(), st.integers(1, 2**64 - 2)),
            "share": st.one_of(st.none(), st.floats()),
            "flag": st.one_of(st.none(), st.booleans()),
            "meta": st.one_of(st.none(), st.fixed_dictionaries({}, optional={"when": WHEN})),
        }
    ),
    max_size=12,
)
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("source", pa.string()),
        ("count", pa.int64()),
        ("unsigned", pa.uint64()),
        ("share", pa.float64()),
        ("flag", pa.bool_()),
        ("meta", pa.string()),
    ]
)


def number(value: object) -> float | int | None:
    """Return what a field of `meta` is worth; None for nothing."""
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return None
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    return value if isinstance(value, int | float) else None


def value_of(row: dict, column: str) -> float | int | None:
    if column == "length":
        return len(row["text"])
    if column == "source":
        return {"b": 0, "a": 1}.get(row["source"], 2)
    if column == "meta.when":
        return number((row["meta"] or {}).get("when"))
    return None if row[column] != row[column] else row[column]


def plain_order(rows: list[dict], keys: list[tuple[str, str]]) -> list[int]:
    """Sort by one key after the other, from the last: Python's sort is stable."""
    order = list(range(len(rows)))
    for column, direction in reversed(keys):
        sign = -1 if direction == "desc" else 1
        values = [value_of(row, column) for row in rows]
        order.sort(key=lambda at: (values[at] is None, sign * (values[at] or 0)))
    return order


@given(ROWS, ORDERS)
@settings(deadline=None, max_examples=60)
def test_packed_keys_order_as_the_columns_do(rows, keys):
    stated = Dedup(
        sources=("b", "a"), prefer=[{"column": column, "order": order} for column, order in keys]
    )
    packed = [
        {**row, "meta": None if row["meta"] is None else json.dumps(row["meta"])} for row in rows
    ]
    batch = pa.RecordBatch.from_pylist(packed, SCHEMA)
    found = preferences(batch, stated.prefer, stated.sources)
    assert found.shape == (len(rows), stated.words) and found.dtype == np.uint64
    addresses = np.arange(len(rows), dtype=np.uint64)
    assert preferred_order(addresses, found).tolist() == plain_order(rows, keys)


def test_the_default_order_takes_one_word_and_columns_one_each():
    assert Dedup().words == words([]) == 1
    by = {"column": "meta.date", "order": "desc"}
    assert Dedup(prefer=[by]).words == 1
    assert Dedup(prefer=["length", by, "source", "address"]).words == 3


@pytest.mark.parametrize(
    "prefer, kept",
    [
        ([{"column": "quality", "order": "desc"}, "length"], 2),
        ([{"column": "quality", "order": "asc"}], 0),
        ([{"column": "meta.date", "order": "asc"}], 1),
        ([{"column": "meta.date", "order": "desc"}], 0),
        (["address"], 0),
        (["length"], 1),
    ],
)
def test_the_stated_order_decides_which_copy_stays(sign, compose, prefer, kept):
    base = compose["english"](random.Random(4), 300)
    texts = [base, f"{base} and a longer ending", f"{base} and", "another text"]
    fields = {
        "quality": [0.1, 0.2, 0.3, math.nan],
        "meta": ['{"date": "2020-01-02"}', '{"date": "2019-12-31T23:00:00Z"}', "{}", None],
    }
    drops = find_duplicates(*sign(texts, settings=Dedup(prefer=prefer), **fields))
    assert drops.kept.tolist() == [kept] * 2
    assert drops.address.tolist() == [each for each in (0, 1, 2) if each != kept]


def test_shuffled_documents_leave_the_same_ones_standing(sign, compose):
    rng = random.Random(3)
    texts = []
    for _ in range(30):
        text = compose["english"](rng, 400)
        texts += [text, compose["reworded"](rng, text, 2), compose["reworded"](rng, text, 3)]
    quality = [rng.random() for _ in texts]
    stated = Dedup(prefer=[{"column": "quality", "order": "desc"}])
    standing = []
    for seed in range(3):
        order = random.Random(seed).sample(range(len(texts)), len(texts))
        columns = {"quality": [quality[each] for each in order]}
        drops = find_duplicates(*sign([texts[each] for each in order], settings=stated, **columns))
        assert len(drops) >= 55
        named = zip(drops.address.tolist(), drops.kept.tolist(), strict=True)
        standing.append({(order[one], order[two]) for one, two in named})
    assert standing[0] == standing[1] == standing[2]
