"""The kernels of normalisation equal their twins on generated input."""

from __future__ import annotations

import unicodedata

import normal_twin as twin
import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.normal_clean import cleaned
from skypile.kernels.normal_scan import COMPOSE, scan
from skypile.kernels.normal_table import garbled_han, mark_classes, recomposed_chars

ODD = (
    "\x00\x0b\x0c\r\x1b\x7f\x80\x85\x9d\xa0\xad\u061c\u200b\u200c\u200d\u200e\u2028\u202e\u2060"
    "\u2062\u2069\ufe0f\ufeff\ufffc\ufffd\uffff\U000e0041\U000e0100\U0001f3f4\U0001f468❤#1ȩ́e\u0301"
    "\u0345\u0323가\u1161\u0e01\u0e38\u0e48آبकنא\u05b0"
    "ÃÂâ€™œä½ 鈥檛锛屾鏄锟斤拷烫屯１Ａ　中。 \t\n&;a-\u2126\u9da4"
)  # fmt: skip
TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(ODD), max_size=40),
        st.text(st.characters(codec="utf-8"), max_size=40),
        st.builds(
            lambda fill, size, text: fill * size + text,
            st.sampled_from(["a", "中", "é"]),
            st.integers(0, 150),
            st.text(st.sampled_from(ODD), max_size=12),
        ),
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(0, 7), st.booleans(), st.integers(0, 2))
@example(["&", "a"], 2, False, 0)
def test_the_scan_equals_its_twin(texts, wanted, large, skipped):
    kind = pa.large_string() if large else pa.string()
    array = pa.array(["中\u0301"] * skipped + texts, kind).slice(skipped)
    needs, lost = scan(array, wanted)
    for text, need, gone in zip(texts, needs, lost, strict=True):
        assert (int(need), tuple(gone.tolist())) == twin.scan(text, wanted), ascii(text)
        assert need & COMPOSE or unicodedata.is_normalized("NFC", text)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(0, 63))
def test_cleaning_equals_its_twin(texts, wanted):
    out, ends, counts = cleaned(*utf8_view(pa.array(texts, pa.string())), wanted)
    for row, text in enumerate(texts):
        shown = out[ends[row] : ends[row + 1]].tobytes().decode()
        assert shown == twin.clean(text, wanted), (ascii(text), wanted)
        assert bool(counts[row].sum()) == (shown != text)


def test_what_nfc_may_change_is_what_unicode_says():
    """A character that is none of these is its own normal form, after and before any other."""
    classes, changed = mark_classes(), recomposed_chars()
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        assert unicodedata.combining(char) == classes[code]
        if code not in changed:
            assert unicodedata.is_normalized("NFC", char)
    firsts = "aeoकগ\u1100\u30ab\u05e9\u0627가"
    for code in (0x20000, 0x4E00, 0xAC01, 0xE000, 0x61, 0xE9):
        assert all(unicodedata.is_normalized("NFC", first + chr(code)) for first in firsts)


def test_no_frequent_character_is_taken_for_broken():
    assert not set(map(ord, "鏡鏈錢鐵鐘錯銀錄鍵鋼鑰金鉴開間")) & garbled_han()
    assert set(map(ord, "鈥锛銆鐨鏄鍦鍜")) <= garbled_han()


def test_the_end_of_a_batch_is_read_like_its_middle():
    """The last bytes are read from a copy: every distance from it, across borders of rows."""
    for size in range(300):
        texts = ["x" * size, "\u0323e\u0301", "烫烫烫", "y" * (size % 70), "Ã©\r"]
        needs, lost = scan(pa.array(texts))
        assert needs.tolist() == [0, 2, 0, 0, 5] and np.argwhere(lost).tolist() == [[2, 1]]
