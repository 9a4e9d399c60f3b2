"""The kernel that finds shared n-grams: equal to its twin, and linear."""

from __future__ import annotations

import numpy as np
import overlap_twin as twin
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.overlap import overlaps
from skypile.kernels.overlap_index import Index, Limits, compile_index, text_keys

ItemTexts = list[tuple[str, bool]]


def compiled(
    items: list[tuple[int, ItemTexts]], limits: Limits, max_items: int = 100
) -> tuple[Index, list[int]]:
    """Return the index of items given as (set, texts), and the n-grams that are too common."""
    texts = [(at, *text) for at, (_, mine) in enumerate(items) for text in mine]
    data, offsets = utf8_view(pa.array([text for _, text, _ in texts], pa.large_string()))
    keys = text_keys(data, offsets, np.array([short for _, _, short in texts]), limits)
    owners = np.array([at for at, _, _ in texts], np.int64)
    index, common = compile_index(
        keys, owners, np.array([number for number, _ in items], np.int64), max_items
    )
    return index, common.tolist()


PIECES = [
    "a", "b", "c", "A", "Ｂ", "dd", "É", "é", "7", "０", "4２", "好", "中", "文", "字", "ー",
    "x" * 129, "X" * 129, "ก" * 50, ",", "。", "\n", "\u200b", "a-b", "𠮷", "\u3000",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.lists(
    st.sampled_from(PIECES), max_size=30
).map("".join)
ITEMS = st.lists(st.lists(st.tuples(TEXT, st.booleans()), min_size=1, max_size=3), min_size=1,
                 max_size=6)  # fmt: skip
LIMITS = st.sampled_from([
    Limits(3, 3, 2, 2), Limits(4, 6, 2, 3), Limits(13, 13, 8, 10), Limits(2, 5, 2, 2),
    Limits(1, 1, 1, 1), Limits(5, 2, 3, 1),
])  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[int, ItemTexts]], list[str]]:
    texts = draw(ITEMS)
    sets = sorted(draw(st.lists(st.integers(0, 1), min_size=len(texts), max_size=len(texts))))
    parts = st.sampled_from([text for mine in texts for text, _ in mine]) | TEXT
    documents = st.lists(parts, max_size=4).map(" ".join)
    # Longer than the chunks in which texts are read.
    long = st.builds(lambda n, text: "a " * n + text + " b。" * 900 + text, st.integers(900, 1100),
                     parts)  # fmt: skip
    return list(zip(sets, texts, strict=True)), draw(
        st.lists(documents | documents | documents | long, max_size=3)
    )


@settings(max_examples=70, deadline=None)
@given(cases(), LIMITS, st.integers(1, 3), st.integers(1, 3), st.sampled_from([0.0, 0.5, 1.0]))
def test_what_is_found_equals_what_the_twin_finds(case, limits, max_items, min_hits, min_frac):
    items, documents = case
    index, common = compiled(items, limits, max_items)
    known = [
        twin.item_text(at, number, text, short, limits)
        for at, (number, texts) in enumerate(items) for text, short in texts
    ]  # fmt: skip
    assert common == twin.without_common(known, max_items)
    data, offsets = utf8_view(pa.array(documents, pa.large_string()))
    found = overlaps(data, offsets, index, limits, sets=len(common), min_hits=min_hits,
                     min_item_frac=min_frac)  # fmt: skip
    for row, text in enumerate(documents):
        wanted = twin.overlap(text, known, limits, len(common), min_hits, min_frac)
        assert found.counts[row].tolist() == wanted.counts
        assert found.shares[row].tolist() == wanted.shares
        raw = text.encode()
        spans = [
            (len(raw[: start - offsets[row]].decode()), len(raw[: stop - offsets[row]].decode()))
            for start, stop in found.spans[found.spans[:, 0] == row, 1:].tolist()
        ]
        assert spans == wanted.spans
        hits = dict(found.hits[found.hits[:, 0] == row, 1:].tolist())
        assert hits == wanted.hits


LIMIT = Limits(13, 13, 8, 10)
QUESTION = "which of the nine ferries that call here leaves before the tide has turned twice"
SHORT = "how many lamps burn on the long pier"


@pytest.mark.parametrize(
    "text",
    [
        "a harbour c harbour " + "harbour " * 2**17,
        "a," * 2**19,
        "\n" * 2**20,
        "甲乙港港港港港港港港港港港" * 2**14,
        f"{QUESTION}\n" * 2**13,
        f"{SHORT} " * 2**15,
        "a b c pier pier pier pier pier pier pier pier pier " * 2**14,
        "x" * 2**20,
        " ".join(f"{QUESTION[:40]} {n}" for n in range(2**14)),
    ],
    ids=range(9),
)
def test_work_grows_as_the_text_does(text):
    """Twice the text, twice the work: also where every n-gram is one of 100 items."""
    items: list[tuple[int, ItemTexts]] = [(0, [(QUESTION, True)])] * 100
    items += [(0, [(SHORT, True)]), (0, [("a b c pier" + " pier" * n, True) for n in range(4, 9)]),
              (0, [("a harbour c" + " harbour" * 20, True)]), (0, [("甲乙" + "港" * 20, True)])
              ]  # fmt: skip
    index, _ = compiled(items, LIMIT)
    work = []
    for size in (len(text) // 2, len(text)):
        data, offsets = utf8_view(pa.array([text[:size]], pa.large_string()))
        found = overlaps(data, offsets, index, LIMIT, sets=1, min_hits=1, min_item_frac=0.0)
        work.append(found.work)
    assert work[1] <= 2.1 * work[0] + 500
    assert work[1] <= 16 * len(text)
