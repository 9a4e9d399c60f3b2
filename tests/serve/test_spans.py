"""Spans: what is marked is what the columns count, character by character."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from documents import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.recipe import Recipe, parse_recipe
from skypile.schema import set_columns
from skypile.serve.lanes import judged
from skypile.serve.span_text import Text
from skypile.serve.spans import FINDERS, MAX_SPANS, lexicon_places, spans_of
from skypile.stages.lexicon import Lexicon

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
MADE = [
    "办证办证 电话13812345678，010-12345678 http a13812345678x ??中 【广告】【】\n\n加微信 abc\n"
    "加微信 abc\n- 一\n-一\n• 二…\nfree spins and xfree spins Free Spins\n第1章 内容很好的\n"
    "第2章 内容很好的\n",
    "现金网 开户送 送彩金 加微信 加薇 扫码 哪家医院好 根治 电话 400-123-4567 热线 致电\n" * 3,
    "\u200b①②③ ★☆ \ufffd\ufffd 锟斤拷 Ã© â€œ 烫烫 Ãx\n\ta line\n\n a line \n\nTerms of use",
    "手机壳 充电器 数据线 耳机 键盘 鼠标 显示器。一二三四五六七八九十，甲乙丙丁戊己庚辛壬癸",
    "one two three four five one two three four five one two three four five six\nshort…\n\nx...\n",
    "最新章节 章节列表 加入书签，返回目录。",
    "",
]
RECIPE = """
steps:
- stages: [counts, language, repetition, chinese, code, {stage: pii, replace: none}, lexicon]
  rules: [{reason: none, column: words_count, min: 0}]
"""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return parse_recipe(RECIPE, "spans.yaml")


@pytest.fixture(scope="module")
def batch(recipe) -> pa.RecordBatch:
    texts = list(MADE)
    for name in ("web-en.jsonl", "web-zh.jsonl"):
        lines = (SAMPLE / name).read_bytes().splitlines()
        texts += [json.loads(line)["text"] for line in lines]
    found = judged(batch_of(texts), recipe, score_all=False)
    stages = {stage.name: stage for stage in recipe.steps[0].stages}
    # Statistics of Chinese and of code, whatever the made texts are taken for.
    as_read = found.column("domain").to_pylist()[len(MADE) :]
    for domain, name in (("code", "code"), ("zh", "chinese")):
        told = pa.array([domain] * len(MADE) + as_read, pa.string())
        found = set_columns(found, {"domain": told})
        found = set_columns(found, stages[name](found))
        if domain == "code":
            lines = found.column("code_line_max_chars")
    return set_columns(found, {"code_line_max_chars": lines})


def solid(text: str, start: int = 0, stop: int | None = None) -> int:
    return sum(not char.isspace() for char in text[start:stop])


def counted(column: str, text: Text) -> float:
    """Return the column's value as its places tell it."""
    found = list(FINDERS[column](text))
    for place in found:
        assert 0 <= place.start < place.stop <= len(text.text)
    chars = sum(place.stop - place.start for place in found)
    lines = len(text.lines)
    if column in ("unpunctuated_chars", "code_line_max_chars"):
        return chars
    if column == "phone_digit_frac":
        digits = sum(char.isdigit() for p in found for char in text.text[p.start : p.stop])
        return digits / max(solid(text.text), 1)
    if column.endswith("_line_frac") or column == "line_upto_30_frac":
        return len(found) / max(lines, 1)
    if column == "dup_line_char_frac":
        return chars / max(sum(stop - start for start, stop in text.lines), 1)
    if column.endswith("gram_frac"):
        inside = sum(solid(text.text, p.start, p.stop) for p in found)
        return min(inside / max(solid(text.text), 1), 1.0)
    if column == "gambling_term_frac":
        chars = sum(solid(text.text, p.start, p.stop) for p in found)
    return min(chars / max(solid(text.text), 1), 1.0)


# Shares whose parts are not spans: of paragraphs, and of phrases by their number.
OTHERWISE = ("dup_paragraph_frac", "dup_paragraph_char_frac", "numbered_again_frac")


@pytest.mark.parametrize("column", [name for name in FINDERS if name not in OTHERWISE])
def test_the_places_of_a_column_add_up_to_its_value(column, batch):
    values = batch.column(column).to_pylist()
    texts = batch.column("text").to_pylist()
    seen = 0
    for text, value in zip(texts, values, strict=True):
        if value is None:
            continue
        found = counted(column, Text(text))
        if column in ("unpunctuated_chars", "promotion_term_frac"):
            # A run has spaces within; a telephone number has dashes.
            assert (found > 0) == (value > 0), text[:80]
            assert found >= value - 1e-12
        else:
            assert found == pytest.approx(value, abs=1e-12), text[:80]
        seen += value > 0
    assert seen, f"no text has {column}"


def test_repeated_paragraphs_and_numbers_are_marked():
    text = Text("Eins\nzwei\n\nDrei\n\n Eins \nzwei\n")
    marked = [text.text[p.start : p.stop] for p in FINDERS["dup_paragraph_char_frac"](text)]
    assert marked == ["Eins", "zwei"]
    text = Text("今天第12号公司成立。今天第34号公司成立。")
    marked = [text.text[p.start : p.stop] for p in FINDERS["numbered_again_frac"](text)]
    assert marked[0] == "今天第34号公司"


def test_terms_of_a_lexicon_are_those_that_its_stage_counts(batch):
    stage = Lexicon()
    total = 0
    for row, text in enumerate(batch.column("text").to_pylist()):
        found = [category for _, category in lexicon_places(text, stage)]
        for name in set(found):
            assert batch.column(f"lexicon_{name}_count")[row].as_py() == found.count(name)
        total += len(found)
    counts = [name for name in batch.schema.names if name.startswith("lexicon_")]
    columns = [name for name in counts if name.endswith("_count") and "distinct" not in name]
    assert total == sum(pc.sum(batch.column(name)).as_py() for name in columns) > 0


def test_personal_data_is_marked_by_characters_behind_wide_ones(recipe):
    text = "𝒳 邮箱：someone.else@mail.example.com，手机 13912345678。AKIA" + "Q7ZL2M4N6P8R1S3T"
    spans, cut = spans_of(text, recipe, {"pii_email_count"}, "pii_email_count")
    assert not cut
    told = {text[each["start"] : each["stop"]]: each for each in spans}
    assert told["someone.else@mail.example.com"]["deciding"]
    assert told["13912345678"] | {"start": 0, "stop": 0} == {
        "start": 0, "stop": 0, "label": "mobile", "column": None, "deciding": False,
    }  # fmt: skip


def test_of_too_many_spans_those_that_decide_stay(recipe):
    text = "line\n" * 700 + "【x】" * 700
    spans, cut = spans_of(text, recipe, {"dup_line_frac", "bracketed_frac"}, "bracketed_frac")
    assert (len(spans), cut) == (MAX_SPANS, True)
    assert sum(each["deciding"] for each in spans) == 700
    assert spans == sorted(spans, key=lambda each: each["start"])


CHARS = st.sampled_from("ab 中文的，。\n\t…-•【】?？1３ \u3000ÃâÉ\u200b①★😀𠀀") | st.characters(
    exclude_categories=["Cs"]
)


@given(st.text(CHARS, max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_marked_within_its_bounds(recipe, text):
    spans, _ = spans_of(text, recipe, set(FINDERS), "")
    for each in spans:
        assert 0 <= each["start"] < each["stop"] <= len(text)
