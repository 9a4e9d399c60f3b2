"""The kernel of bad Chinese pages against plain Python, on generated texts."""

from __future__ import annotations

import chinese_twin as twin
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile.kernels import chinese
from skypile.kernels.buffers import utf8_view
from skypile.kernels.chinese_table import FLAGS, RARE
from skypile.kernels.chinese_terms import CATEGORIES, LEAST_TERMS, NEUTRAL

TERMS = [term for terms in CATEGORIES.values() for term in terms]
PIECES = st.sampled_from(
    [
        *TERMS[::7], *NEUTRAL[::4], "BET365", "xbet365", "yabo", "性价比", "办证", "主办证券",
        *"的了海港船鐪锛々〇，。！？；：,.;!?|/、_ \n\t\u3000\u0085-—…”？?️①➕💰𝕜",
        *"\u200b\ufffd\ue123\x90",
        "??", "......", "……", "... 阅读(12)", "海港灯塔", "渔船码头", "老渔民海生", "lamp",
        "13800138000", "138-0013-8000", "0571-88886666", "400-800-1234", "a13800138000", "12", "9",
        "价格为每吨12元，", "价格为每吨7元，", "价格为每吨一二三四五六七八九十12元，",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=25).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
)
LIST = "管道疏通 冷库安装 货架定制 防水补漏 叉车租赁 空调维修 网站建设\n" * 3


def found_in(texts: list[str]) -> list[dict[str, int]]:
    matrix = chinese.bad_counts(*utf8_view(pa.array(texts, pa.large_string())))
    return [dict(zip(chinese.FIELDS, row, strict=True)) for row in matrix.tolist()]


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
@example([LIST, "", " \n "])
@example(["海港灯塔的门开了" * 9 + "\n" + "海港灯塔的门开了12点" * 4])
def test_counts_equal_the_twin(texts):
    assert found_in(texts) == [twin.bad_counts(text) for text in texts]


def test_no_term_has_two_meanings_or_stands_under_a_neutral_word_only():
    assert len(TERMS) == len(set(TERMS)) and not set(TERMS) & set(NEUTRAL)
    assert set(LEAST_TERMS) == set(CATEGORIES)
    assert len(chinese.FIELDS) == len(set(chinese.FIELDS))
    for term in TERMS:
        fields = found_in([term])[0]
        owner = next(name for name, terms in CATEGORIES.items() if term in terms)
        assert fields[f"{owner}_terms"] == 1 and fields[f"{owner}_chars"] == len(term), term


@pytest.mark.parametrize(
    "text", ["主办证券", "这台机器性能好", "发票管理办法", "下一章节", "买卖房产"]
)
def test_words_that_only_hold_a_term_are_none(text):
    fields = found_in([text])[0]
    assert sum(fields[f"{name}_terms"] for name in CATEGORIES) == 0


def test_common_characters_of_both_scripts_are_not_rare():
    common = "海港圖書館為這說门户开关龍龟龜"
    assert [char for char in common if FLAGS[ord(char)] & RARE] == []
    assert all(FLAGS[ord(char)] & RARE for char in "鍦鐨嗛")


@pytest.mark.parametrize(
    "piece", ["a", "，", "中", "1-", "?", "\n", ".", "海港12", "bet365 ", "、中国"]
)
def test_hostile_texts_fill_no_more_than_their_length(piece):
    """Counts are bounded by the text however it repeats: no scan runs over another's ground."""
    size = 200_000 // len(piece)
    fields = found_in([piece * size])[0]
    assert all(value <= len(piece) * size for value in fields.values())
