"""What the stage says about small texts, by hand."""

from __future__ import annotations

import pyarrow as pa
import pytest
from stage_batches import batch_of, scored
from stage_texts import CHINESE, CLASSICAL, ENGLISH, PYTHON, TRADITIONAL

from skypile.kernels.chinese_terms import CATEGORIES
from skypile.schema import set_columns
from skypile.stages.chinese import Chinese

CASES = [
    ("", {"clause_mean_chars": 0.0, "phones_count": 0, "said_again_frac": 0.0}),
    # One word of a category that needs three is counted, but has no share.
    ("赌场里的轮盘", {"gaming_terms_count": 2, "gaming_term_frac": 0.0}),
    ("赌场里的轮盘和骰宝", {"gaming_terms_count": 3, "gaming_term_frac": 6 / 9}),
    ("YABO 亚博亚博", {"betting_terms_count": 2, "betting_term_frac": 1.0}),
    ("xyabo", {"betting_terms_count": 0}),
    ("主办证券，性能", {"trade_terms_count": 0}),
    ("报价，根治，佣金，电话，热线", {"promotion_term_frac": 10 / 14, "contact_term_frac": 0.0}),
    ("报价，根治，佣金，电话", {"promotion_term_frac": 0.0, "seo_terms_count": 1}),
    ("打 138-0013-8000 或 0571-88886666", {"phones_count": 2, "phone_digit_frac": 23 / 28}),
    ("第13800138000100号，版本v13800138000", {"phones_count": 0}),
    ("一二三，四五六。七八九十", {"clause_mean_chars": 10 / 2}),
    ("一二三,四五六.abc,def", {"clause_mean_chars": 3.0}),
    ("他说了一件很久以前的事情然后就……[详细]\n短…", {"teaser_line_char_frac": 21 / 23}),
    ("他说了一件很久以前的事情然后就走了……”", {"teaser_line_char_frac": 0.0}),
    ("家纺 男装 女装 童鞋 箱包 手表", {"keyword_char_frac": 1.0}),
    ("家纺 男装 女装 童鞋 箱包。手表", {"keyword_char_frac": 0.0}),
    ("家纺 男装 女装 我的包 童鞋 箱包 手表", {"keyword_char_frac": 0.0}),
    ("东山有木其高百尋東山有木其高百尋", {"said_again_frac": 2 / 11, "top_phrase_frac": 0.0}),
    ("每吨铁矿12元整\n每吨铁矿345元整", {"said_again_frac": 1 / 7, "numbered_again_frac": 1 / 7}),
    ("港口的灯塔亮\n" + "港口的灯塔亮啊" * 3, {"title_phrase_frac": 4 * 6 / 27}),
    ("中鍦国", {"rare_han_frac": 1 / 3}),
    ("海\ufffd港\ue000", {"broken_char_frac": 0.5}),
    ("信写得??短，是吗??", {"broken_char_frac": 2 / 11}),
    ("加𝕜我①", {"disguise_char_frac": 0.5}),
]  # fmt: skip


def of_chinese(text: str) -> dict[str, object]:
    """Return the columns of the stage for a document of domain `zh`."""
    batch = set_columns(batch_of([text]), {"domain": pa.array(["zh"])})
    return scored(batch, [Chinese()]).to_pylist()[0]


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[text[:12] for text, _ in CASES])
def test_chinese(text, wanted):
    row = of_chinese(text)
    assert {name: row[name] for name in wanted} == pytest.approx(wanted)


def test_prose_and_programs_have_hardly_any_terms():
    for text in (CHINESE, TRADITIONAL, CLASSICAL, ENGLISH, PYTHON):
        row = of_chinese(text)
        assert all(row[f"{name}_term_frac"] == 0 for name in CATEGORIES)
        assert row["promotion_term_frac"] == row["keyword_char_frac"] == 0


def test_documents_of_other_domains_have_null():
    domains = ["en", "zh", None, "zh", "code"]
    batch = batch_of([ENGLISH, CHINESE, CHINESE, TRADITIONAL, PYTHON])
    rows = scored(set_columns(batch, {"domain": pa.array(domains)}), [Chinese()]).to_pylist()
    for row, domain in zip(rows, domains, strict=True):
        assert {row[name] is None for name in Chinese().writes} == {domain != "zh"}
    assert rows[3] | {"text": ""} != rows[1] | {"text": ""}
