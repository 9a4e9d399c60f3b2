"""The kernels that take lines out of texts against plain Python, on generated texts."""

from __future__ import annotations

import lines_twin as twin
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skypile.kernels.line_text import ANYWHERE, phrase_rows
from skypile.stages.lines import BoilerplateLines, C4Lines, RefinedwebLines

WORDS = (
    "the", "Harbour", "OPEN", "ÀÉ", "Ж", "x", "3", "1,204", "１２", "1.2k", "5 M", "likes",
    "View", "views", "viewsx", "km", "sign-in", "Sign-In", "read more...", "Read more…",
    "items in cart", "Items in Cart", "javascript", "JavaScriptx", "lorem ipsum",
    "Lorem ipsum.", "privacy policy", "use cookies", "{", "}", "[1]", "[", "]", "[edit]",
    "[citation needed]", "[12", "sign in", "resign in", "newsletter", "ICP备", "港口", "的",
    "阅读", "点赞", "次", "万", "下一篇", "上一章", "扫码", "关注公众号", "版权所有", "か",
    "한", "\U00020000", "w" * 12,
)  # fmt: skip
MARKS = (
    ". ", "? ", "! ", "...", "…", "……", "。", "！", "；", "，", "：", "”", "」", ")", "）", "'",
    '"', "-", "|", " ", "  ", "\t", "\u3000", "\u00a0", "\u2028", "\r", "\x00", "\u0301",
)  # fmt: skip
LINES = st.lists(st.sampled_from(WORDS + MARKS), max_size=7).map("".join)
SPACED = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
ENDED = st.tuples(SPACED, st.sampled_from(MARKS)).map("".join)
TEXTS = st.one_of(
    st.lists(LINES | SPACED | ENDED, max_size=5).map("\n".join),
    st.text(st.characters(codec="utf-8"), max_size=40),
)
DOCUMENTS = st.lists(TEXTS, min_size=1, max_size=3)


def columns(stage, texts: list[str]) -> list[dict[str, object]]:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
    return pa.RecordBatch.from_pydict(stage(batch)).to_pylist()


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.booleans(), st.booleans(), st.integers(1, 4), st.sampled_from([5, 1000]))
@example(["The end.[1]\n\nHe said “no”.\n真的吗（是的。）\n"], True, True, 1, 1000)
def test_c4_lines_equal_the_twin(texts, terminal, chinese, least, most):
    options = {"chinese": chinese, "min_words": least, "max_word_chars": most}
    found = columns(C4Lines(terminal=terminal, **options), texts)
    for row, text in zip(found, texts, strict=True):
        wanted, (removed, lorem, braces, sentences) = twin.c4(
            text, terminal_marks=terminal, **options
        )
        assert row == {
            "c4_removed_lines_count": removed,
            "c4_removed_chars": len(text) - len(wanted),
            "c4_lorem_ipsum_count": lorem,
            "c4_brace_count": braces,
            "c4_sentences_count": sentences,
            "text": wanted,
        }


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.booleans(), st.integers(1, 3), st.integers(0, 6))
@example(
    ["sign-in now\n sign-in\nitems in cart items in cart x\n阅读 1.2万\n1.2k Views", ""], True, 2, 9
)
def test_refinedweb_lines_equal_the_twin(texts, chinese, least, most):
    stage = RefinedwebLines(chinese=chinese, min_words=least, max_words=most)
    for row, text in zip(columns(stage, texts), texts, strict=True):
        wanted, (removed, edited, before, left) = twin.refinedweb(text, **stage.model_dump())
        assert row == {
            "refinedweb_removed_lines_count": removed,
            "refinedweb_edited_lines_count": edited,
            "refinedweb_removed_chars": len(text) - len(wanted),
            "refinedweb_removed_word_frac": (before - left) / before if before else 0.0,
            "text": wanted,
        }


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.sampled_from([8, 60]))
@example(["关注公众号，有礼。\n京ICP备12号\nPlease sign in\nI sign in now.\n下一篇 文章\n"], 60)
def test_boilerplate_lines_equal_the_twin(texts, most):
    stage = BoilerplateLines(max_chars=most)
    for row, text in zip(columns(stage, texts), texts, strict=True):
        wanted, (gone, lines) = twin.boilerplate(text, **stage.model_dump())
        assert row == {
            "boilerplate_removed_lines_count": gone,
            "boilerplate_removed_chars": len(text) - len(wanted),
            "boilerplate_removed_line_frac": gone / lines if lines else 0.0,
            "text": wanted,
        }


@pytest.mark.parametrize("phrase", ["abc", "Sign in", "字", "x" * 256])
def test_a_phrase_that_the_kernels_could_not_find_is_refused(phrase):
    with pytest.raises(ValueError, match="a phrase has 4 to 255 bytes, in lower case"):
        phrase_rows((ANYWHERE, (phrase,)))
    with pytest.raises(ValueError, match="a phrase has 4 to 255 bytes, in lower case"):
        BoilerplateLines(phrases=(phrase,))
