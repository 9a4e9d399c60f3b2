"""The statistics kernels against plain Python, on generated texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import statistics_twin as twin
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile.kernels import chars, counts, ngrams, source
from skypile.kernels.buffers import utf8_view

PIECES = st.sampled_from(
    [
        *("the ", "and", "have ", "THAT", "a", "Zé", "9", "０", "x", "_", "'", "-", ")", "”", "Ж"),
        *(
            "的",
            "是",
            "這",
            "这",
            "为",
            "权",
            "權",
            "か",
            "한",
            "𠀀",
            "。",
            "，",
            "！",
            "…",
            "【",
            "】",
        ),
        *("...", ".", "?", "\n", "\n\n", "  ", "\t", "\u3000", "\u00a0", "\u0085", "\u0301"),
        *("#", "• ", "- ", "* ", "●", "□", "烫烫", "Ã©", "â€™", "\ufffd", "锟斤拷", "😀", "\x00"),
        *("\ue000", "\u0378", "{", "};", "//", "/* ", "*/", '"""', "# x", "<p>", "</p>", "<"),
        *(
            "版权所有",
            "Privacy Policy",
            "xprivacy policy",
            "投注",
            "新葡京",
            "Casino bonus",
            "click here",
        ),
        *("0x1f, ", "A1B2" * 25, "12345678, " * 3),
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=40).map("".join),
    st.lists(st.sampled_from(["甲", "乙", "x ", "y ", "\n"]), max_size=80).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
    # Over the border between two windows of 64 characters.
    st.tuples(st.integers(50, 70), st.lists(PIECES, max_size=9)).map(
        lambda drawn: "x y" * (drawn[0] // 3) + "".join(drawn[1]) * 3
    ),
    st.tuples(st.integers(50, 70), st.lists(PIECES, max_size=9)).map(
        lambda drawn: "w" * drawn[0] + "".join(drawn[1])
    ),
)
# As bytes of code points these differ within eight bytes, and repeat behind them.
PERIODIC = "中\n" + "\n".join(char * 4 + "999988887777666655554444.key" for char in "ABC")
REPEATED = "同一句话再说一遍。the same again and again\n" * 7


def view(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return utf8_view(pa.array(texts, pa.large_string()))


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
@example([REPEATED, "", " \n "])
def test_counts_equal_the_twin(texts):
    matrix, nats = counts.counts(*view(texts))
    for row, text in enumerate(texts):
        wanted = twin.counts(text)
        found = {name: int(matrix[row, at]) for name, at in counts.FIELDS.items()}
        bits = {name for name in found if name.endswith("_bits")}
        assert {k: v for k, v in found.items() if k not in bits} == {
            name: wanted.get(name, 0) for name in found if name not in bits
        }
        assert nats[row] == pytest.approx(twin.entropy(text), abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
@example([REPEATED, "", " \n "])
@example([PERIODIC])
@example(["中 aa\u3000bb aa bb aa"])
def test_repetition_equals_the_twin(texts):
    matrix = ngrams.repetition(*view(texts))
    for row, text in enumerate(texts):
        assert dict(zip(ngrams.FIELDS, matrix[row].tolist(), strict=True)) == twin.repetition(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_source_counts_equal_the_twin(texts):
    matrix = source.source_counts(*view(texts))
    for row, text in enumerate(texts):
        wanted = twin.source_counts(text)
        found = dict(zip(source.FIELDS, matrix[row].tolist(), strict=True))
        assert found == {name: wanted.get(name, 0) for name in source.FIELDS}


def test_long_documents_are_cut_at_a_character():
    text = "中" * (chars.MAX_BYTES // 3 + 10)
    matrix, _ = counts.counts(*view([text, "中"]))
    assert matrix[:, counts.FIELDS["han"]].tolist() == [-(-chars.MAX_BYTES // 3), 1]


def test_every_code_point_has_the_class_of_the_twin():
    names = [*counts.CLASS_FIELDS]
    for code in [*range(0xD800), *range(0xE000, 0x11000), *range(0x1F000, 0x20010)]:
        kind = names[int(chars.KINDS[code]) & chars.CLASS_MASK]
        assert kind == twin.char_class(chr(code)), hex(code)
