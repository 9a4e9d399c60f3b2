"""Arrow arrays of every kind give the bytes and borders of their values."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skypile.kernels.buffers import PADDING_BYTES, utf8_view

KINDS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


def values(array: pa.Array) -> list[bytes]:
    data, offsets = utf8_view(array)
    assert offsets[0] == 0 and len(data) == offsets[-1] + PADDING_BYTES
    assert not data[offsets[-1] :].any()
    return [bytes(data[a:b]) for a, b in pairwise(offsets)]


@given(st.lists(st.one_of(st.none(), st.text(max_size=9)), max_size=9), st.data())
def test_values_of_slices(texts, data):
    encoded = [text.encode("utf-8", "ignore") if text is not None else None for text in texts]
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    for kind in KINDS:
        array = pa.array(encoded, pa.large_binary() if pa.types.is_large_binary(kind) else
                         pa.binary()).cast(kind)  # fmt: skip
        assert values(array[start:stop]) == [each or b"" for each in encoded[start:stop]]


@pytest.mark.parametrize("kind", KINDS)
def test_no_values(kind):
    assert values(pa.array([], kind)) == []
    assert values(pa.array(["", ""], pa.string()).cast(kind)) == [b"", b""]
    assert values(pa.nulls(2, kind)) == [b"", b""]


def test_a_null_that_covers_bytes_is_empty():
    buffers = [pa.py_buffer(b"\x05"), pa.array([0, 1, 3, 4], pa.int32()).buffers()[1],
               pa.py_buffer(b"abcd")]  # fmt: skip
    assert values(pa.Array.from_buffers(pa.string(), 3, buffers)) == [b"a", b"", b"d"]
