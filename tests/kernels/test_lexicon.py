"""The kernel that finds terms: equal to its twin, and linear."""

from __future__ import annotations

import lexicon_twin as twin
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.lexicon import (
    ALLOWED,
    MAX_TOKENS,
    Terms,
    compile_terms,
    lexicon_counts,
    term_keys,
)

TERMS = {
    "性": 1, "性别歧视": 1, "加微信": 2, "微信": 6, "信号弹": 4, "free spins": 2, "free": 1,
    "spins": 4, "a b c d e": 1, "a b c d": 2, "b c": 4, "d e f g h i": 7, "c++": 1, "bt365": 2,
    "加v信": 2, "café": 1, "百家乐": 1, "百家乐园区": 2, "ДОМ": 4, "the": 1, "微信号码查询": 1,
    "aa aa aa": 1, "好好好好": 2, "好好好好好好": 4, "sixteenletterword": 2, "über-uns": 1, "①": 4,
}  # fmt: skip
ALLOW = ("性能", "微信号码", "free spins machine", "好好好好好", "c++ 11")
CATEGORIES = 3
PIECES = [
    *TERMS, *ALLOW, " ", "\n", "\r\n", "\t", "\u3000", "\u200b", "。", "，", "-", "a", "aa", "好",
    "微", "ＦＲＥＥ", "ｃ＋＋", "CAFÉ", "дом", "spins", "spin", "é", "@", "`", "x" * 129, "b c d",
    "能", "𠮷", "\x00", "\u2028",
]  # fmt: skip
# Longer than the chunks in which texts are read.
LONG = st.builds(
    lambda size, term: "a " * size + term + " 好" * 90 + term,
    st.integers(900, 1300), st.sampled_from(list(TERMS)),
)  # fmt: skip
DOCUMENTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "h i"]), max_size=90).map(" ".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
    LONG,
)


def compiled(terms: dict[str, int], allowed: tuple[str, ...] = ()) -> Terms:
    data, offsets = utf8_view(pa.array([*terms, *allowed]))
    keys, sizes = term_keys(data, offsets[:-1].copy(), offsets[1:].copy())
    assert sizes.min() > 0 and sizes.max() <= MAX_TOKENS
    return compile_terms(
        keys, sizes, np.array([*terms.values(), *[int(ALLOWED)] * len(allowed)], np.uint64)
    )


LEXICON = compiled(TERMS, ALLOW)


@settings(max_examples=150, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_hits_equal_those_of_the_twin(texts):
    data, offsets = utf8_view(pa.array(texts, pa.large_string()))
    counts, chars, hits, _ = lexicon_counts(data, offsets, LEXICON, CATEGORIES, listing=True)
    for row, text in enumerate(texts):
        wanted = twin.hits(text, TERMS, ALLOW, CATEGORIES)
        told: list[list[tuple[int, int]]] = [[] for _ in range(CATEGORIES)]
        raw = text.encode()
        for start, stop, category in hits[hits[:, 0] == row, 1:] - [offsets[row], offsets[row], 0]:
            told[category].append((len(raw[:start].decode()), len(raw[:stop].decode())))
        assert told == [[(start, stop) for start, stop, _ in mine] for mine in wanted]
        assert counts[row].tolist() == twin.counts(text, wanted)
        assert chars[row] == twin.solid(text)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.sampled_from("ab 中文字-"), min_size=1, max_size=9), min_size=1, max_size=30
    ),
    st.text(st.sampled_from("ab 中文字-\n"), max_size=200),
)
def test_any_terms_equal_the_twin(terms, text):
    named = {term: 1 << at % 3 for at, term in enumerate(terms) if twin.pieces(term)}
    if not named:
        return
    data, offsets = utf8_view(pa.array([text]))
    counts = lexicon_counts(data, offsets, compiled(named), 3, listing=False)[0]
    assert counts[0].tolist() == twin.counts(text, twin.hits(text, named, (), 3))


@pytest.mark.parametrize("at", range(0, 130, 3))
def test_no_term_is_lost_at_the_border_of_a_window(at):
    text = "x" * at + " free spins 加 微信 café C++"
    data, offsets = utf8_view(pa.array([text, "é" * at + text]))
    counts = lexicon_counts(data, offsets, LEXICON, CATEGORIES, listing=False)[0]
    for row, whole in enumerate([text, "é" * at + text]):
        wanted = twin.counts(whole, twin.hits(whole, TERMS, ALLOW, CATEGORIES))
        assert counts[row].tolist() == wanted


def work(text: str, terms: Terms, size: int) -> int:
    text = text * (size // len(text.encode()))
    return lexicon_counts(*utf8_view(pa.array([text])), terms, 3, listing=False)[3]


HOSTILE = {
    "one letter": "a", "one word": "a ", "one character": "好", "beginnings": "好好好好好 ",
    "signs": ".", "lines": "\n", "words and signs": "a.", "words of another script": "é",
    "first words": "a b c ", "full-width": "Ａ",
}  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_work_grows_as_the_text_does(piece):
    """By tokens, slots and bytes looked at; terms of every length begin at each token."""
    nested = {" ".join("a" * n): 1 for n in range(2, 60, 2)} | {"好" * n: 2 for n in range(5, 64)}
    terms = compiled({**TERMS, **nested, "a b c d e f": 1})
    once, twice = work(piece, terms, 100_000), work(piece, terms, 200_000)
    assert twice < 2.1 * once + 10_000
    assert twice < 100 * 200_000


def test_huge_words():
    for text in ("a" * 20_000_000, "é" * 5_000_000):
        assert work(text, LEXICON, len(text.encode())) < 1000


def test_terms_that_are_none():
    texts = ["", " \u200b", "x" * 129, "x" * 128, "中" * 64, "中" * 65, "a " * 65]
    data, offsets = utf8_view(pa.array(texts))
    sizes = term_keys(data, offsets[:-1].copy(), offsets[1:].copy())[1].tolist()
    assert sizes == [0, 0, -1, 1, 64, 65, 65]


def test_forty_thousand_terms_are_found_where_they_stand_and_nowhere_else():
    """No false alarm of the filters passes the table, no term is missed."""
    rng = np.random.default_rng(4)
    chars = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    names = {"".join(chars[at] for at in rng.integers(0, 3000, 2 + n % 6)) for n in range(40_000)}
    terms = compiled(dict.fromkeys(sorted(names), 1))
    texts = ["".join(chars[at] for at in rng.integers(0, 3000, 400)) for _ in range(20)]
    texts += sorted(names)[:300]
    counts = lexicon_counts(*utf8_view(pa.array(texts)), terms, 1, listing=False)[0][:, 0]
    for text, (found, distinct, inside) in zip(texts, counts.tolist(), strict=True):
        hits, at = [], 0
        while at < len(text):
            size = next((n for n in range(7, 1, -1) if text[at : at + n] in names), 0)
            size = min(size, len(text) - at)
            hits += [text[at : at + size]] if size else []
            at += max(size, 1)
        assert (found, distinct, inside) == (len(hits), len(set(hits)), sum(map(len, hits)))
