"""Hashed words of code: equal to a plain twin."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels import code_words as kernel
from skypile.kernels.buffers import utf8_view

TOKENS = re.compile(rb"[A-Za-z0-9_]+|[!-/:-@\[-^`{-~]{1,3}")
MASK = (1 << 64) - 1


def _hash(values: list[int]) -> int:
    state = kernel._BASIS
    for value in values:
        state = ((state ^ value) * kernel._PRIME) & MASK
    return state


def _bucket(state: int, kind: int) -> int:
    return (((state ^ kind) * kernel._PRIME) & MASK) >> (64 - kernel.BUCKET_BITS)


def twin(text: bytes) -> set[int]:
    """The buckets of one text."""
    found = set()
    # A word that the limit cuts is what is left of it.
    for line in text[: kernel.READ_BYTES].split(b"\n"):
        before = 0
        for place, match in enumerate(TOKENS.finditer(line)):
            token = match[0]
            word = re.match(rb"\w", token) is not None
            if re.match(rb"[0-9]", token) or len(token) > kernel.MAX_WORD_BYTES:
                before = 0
                continue
            state = _hash(list(token))
            found.add(_bucket(state, kernel.WORD if word else kernel.SIGN))
            if place == 0:
                found.add(_bucket(state, kernel.FIRST))
            elif place == 1:
                found.add(_bucket(((before ^ state) * kernel._PRIME) & MASK, kernel.PAIR))
            before = state
    return found


PIECES = st.sampled_from([
    "def", "x", "_a1", "123", "0x1f", "counterrevolutionary", " ", "\n", "\t", "(", ")", "=>",
    "{{{{",
    "->", "中", "é", "\x00", "::", "'", '"', "a" * 12, "b" * 13, "return x;\n",
])  # fmt: skip
TEXT = st.lists(PIECES, max_size=30).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=4))
def test_the_buckets_equal_those_of_the_twin(texts):
    buckets, borders = kernel.code_words(*utf8_view(pa.array(texts, pa.string())))
    found = [buckets[a:b].tolist() for a, b in pairwise(borders)]
    assert [set(one) for one in found] == [twin(text.encode()) for text in texts]
    assert all(len(one) == len(set(one)) for one in found)
    weights = np.arange(kernel.BUCKETS * 2, dtype=np.int64).reshape(-1, 2).astype(np.int8)
    sums = kernel.language_sums(buckets, borders, weights)
    assert sums.tolist() == [weights[one].sum(axis=0, dtype=np.int64).tolist() for one in found]


def test_only_the_first_bytes_are_read_and_many_words_have_room():
    text = "\n".join(f"w{at} {at}" for at in range(9000))
    buckets, borders = kernel.code_words(*utf8_view(pa.array([text, "x", text])))
    found = [set(buckets[a:b].tolist()) for a, b in pairwise(borders)]
    assert found == [twin(text.encode()), twin(b"x"), twin(text.encode())]
