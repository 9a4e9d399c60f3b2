"""The kernel that finds where personal data may stand: equal to its twin, and linear."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pii_twin as twin
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.pii import candidates
from skypile.kernels.pii_wide import FOLDED, disguised, folded

EXAMPLES = [
    json.loads(line)["text"]
    for line in (Path(__file__).parents[1] / "data" / "pii.jsonl").read_text("utf-8").splitlines()
]
PIECES = st.sampled_from(
    [
        *(
            "@",
            "@@",
            "a",
            "Z",
            "x",
            "X",
            "_",
            "ip",
            "IP",
            "a.b",
            "example.com",
            ".",
            "..",
            "-",
            "+",
        ),
        *(
            " ",
            "(",
            ")",
            "（",
            "）",
            ":",
            "::",
            "/",
            ",",
            "\n",
            "%",
            "é",
            "中",
            "京",
            "·",
            "•",
            "警",
        ),
        *("0", "1", "8", "00", "0086", "86", "010", "0755", "138", "3800", "8000", "13800138000"),
        *("12345678", "1234567", "123456", "4111", "255", "1.2.3.4", "17.18", "110101190001010"),
        *("2001:db8", "fe80", "dead:beef", "1:2:3:4:5:6:7:8", "qq", "QQ", "微信", "微", "WeChat"),
        *("wx", "vx", "weixin", "扣扣", "护照", "護照", "passport", "A12345", "京A", "B·", "D12"),
        *("1" * 21, "a" * 64, "-" * 3, "\u2028", "😀", "\x00"),
        *(
            " - ",
            "861",
            "19000101",
            "0019",
            "852",
            "02",
            "0912",
            "000",
            "牌",
            "plate",
            "plateNo",
            "使",
        ),
        *(
            "加v",
            "加微",
            "+V",
            "v：",
            "V信",
            "Q:",
            "q群",
            "+q",
            "扣",
            "企鹅",
            "薇信",
            "威信",
            "卫星",
            "加",
        ),
        *(
            "V",
            "q",
            "passportNo",
            "passportNumber",
            "‧",
            "・",
            "２",
            "０１２",
            "＠",
            "－",
            "\u00a0",
            "–",
        ),
    ]
)
DOCUMENTS = st.one_of(
    st.lists(PIECES, max_size=30).map("".join),
    st.text(st.sampled_from("0123456789 -.+()x:@"), max_size=60),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


def found(texts: list[str]) -> list[list[tuple[int, int, int]]]:
    data, offsets = utf8_view(pa.array(texts, pa.large_string()))
    rows: list[list[tuple[int, int, int]]] = [[] for _ in texts]
    for row, start, stop, shape in candidates(data, offsets)[0].tolist():
        rows[row].append((start - int(offsets[row]), stop - int(offsets[row]), shape))
    return [sorted(row) for row in rows]


@settings(max_examples=600, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_candidates_equal_the_twin(texts):
    assert found(texts) == [twin.candidates(text.encode()) for text in texts]


def test_labelled_texts_equal_the_twin():
    whole = "\n".join(EXAMPLES)
    for text, told in zip([*EXAMPLES, whole], found([*EXAMPLES, whole]), strict=True):
        assert told == twin.candidates(text.encode()), text


@pytest.mark.parametrize("at", range(130))
def test_no_shape_is_lost_at_the_border_of_a_window(at):
    text = " " * at + "a@example.com 13800138000 fe80::1 微信号abc123 京A12345"
    assert found([text]) == [twin.candidates(text.encode())]
    assert len(found([text])[0]) == 5


HOSTILE = {
    "at": "a@",
    "dots": "a.a@",
    "digits": "1",
    "digits and spaces": "1 ",
    "ipv4": "1.2.3.4 ",
    "dots and digits": "1.",
    "pluses": "+1",
    "colons": "a:",
    "double colons": "::",
    "brackets": "([{",
    "brackets of numbers": "(010",
    "full-width brackets": "（010）",
    "cues": "微信",
    "latin cues": "qq ",
    "plates": "京A",
    "one line": "line ",
    "groups": "4111 ",
    "local parts": "a" * 64 + "@",
    "domains": "@" + "a." * 120,
}


def visited(text: str) -> int:
    data, offsets = utf8_view(pa.array([text], pa.large_string()))
    return candidates(data, offsets)[1]


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_work_grows_as_the_text_does(piece):
    """By bytes visited: twice the text is twice the work, and no byte is visited often."""
    half = piece * (180_000 // len(piece.encode()))
    once, twice = visited(half), visited(2 * half)
    assert twice < 2.1 * once
    assert twice < 25 * len(2 * half.encode())


def test_clean_text_is_visited_once():
    text = "The harbour master kept two clocks on his desk. 港口的钟停了。\n" * 1000
    assert visited(text) == len(text.encode())


def test_huge_documents():
    """20 million digits, 50 MB in one line, 360 kB of a@."""
    for text in ("7" * 20_000_000, "word " * 10_000_000, "a@" * 180_000):
        assert visited(text) < 4 * len(text)


def test_sliced_and_empty_arrays():
    texts = pa.array(["13800138000", "", None, "a@example.com"])
    places, _ = candidates(*utf8_view(texts.slice(1)))
    assert places[:, 0].tolist() == [2]
    places, work = candidates(*utf8_view(texts.slice(0, 0)))
    assert places.shape == (0, 4) and work == 0 and places.dtype == np.int64


WIDE = st.lists(
    st.one_of(PIECES, st.sampled_from("０９Ａｚ＠．－＋＿！　\u00a0\u2009–—−0123456é中")),
    max_size=30,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(WIDE, min_size=1, max_size=3))
def test_what_is_folded_equals_the_twin(texts):
    data, offsets = utf8_view(pa.array(texts, pa.large_string()))
    assert disguised(data, offsets).tolist() == [twin.disguised(text) for text in texts]
    rows = np.arange(len(texts))
    out, borders, source = folded(data, offsets, rows)
    for row, text in enumerate(texts):
        first, last = int(borders[row]), int(borders[row + 1])
        told = out[first:last].tobytes().decode()
        assert told == text.translate(str.maketrans(FOLDED))
        places = [len(text[:at].encode()) for at, char in enumerate(told)]
        starts = [len(told[:at].encode()) for at in range(len(told))]
        assert [int(source[first + at]) for at in starts] == places
