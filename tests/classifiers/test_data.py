"""Which rows may be trained on, what windows are drawn, what the weak labels are made of."""

from __future__ import annotations

import io
import json
import os
import random
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import zstandard

from classifiers import compose, data, disguise, plan, weak
from classifiers import fragments as f
from classifiers.judged import judged_documents

SHARED = os.environ.get("SKYPILE_SHARED")
needs_shared = pytest.mark.skipif(SHARED is None, reason="SKYPILE_SHARED is not set")

LICENCES = {
    "MIT": True,
    "MIT (openai/moderation-api-release)": True,
    "MIT (texts public domain)": True,
    "MIT OR Apache-2.0": True,
    "Apache-2.0": True,
    "Apache-2.0 (repo LICENSE)": True,
    "BSD-3-Clause": True,
    "CC-BY-4.0": True,
    "CC-BY-4.0 (LDNOOBW words)": True,
    "CC-BY-4.0 (UCI)": True,
    "CC-BY-SA-4.0": True,
    "public domain": True,
    "THUCNews: research use": True,
    "THUCNews: research use (Tsinghua NLP)": True,
    "20 Newsgroups: no explicit licence, research use": True,
    "CLUE benchmark: research use": True,
    "CLUE benchmark: research use (Toutiao titles)": True,
    "MIT (repo); pages belong to their sites": False,
    "CC-BY-NC-4.0": False,
    "CC-BY-NC-SA-4.0": False,
    "CC-BY-ND-4.0": False,
    "see repo": False,
    "see repo README (Common Crawl text)": False,
    "nltk_data terms: research": False,
    "nltk_data terms: non-commercial research (ABC)": False,
    "Brown corpus: non-commercial research": False,
    "Pang&Lee: research": False,
    "AG corpus: non-commercial research": False,
    "custom: non-commercial reprint with attribution": False,
    "various free (see Debian copyright of the package)": False,
    "GPL-2+": False,
    "GPL-2+ / CC-BY-SA-3.0": False,
    "AGPL-3.0": False,
    "MPL-2.0": False,
    "EPL-1.0": False,
    "BSL-1.0": False,
    "MITRE terms": False,
    "": False,
}


@pytest.mark.parametrize(("name", "allowed"), LICENCES.items())
def test_licence_decides_what_weights_may_be_trained_on(name: str, allowed: bool) -> None:
    assert data.may_train_on(name) is allowed


@needs_shared
def test_every_licence_of_the_data_is_pinned() -> None:
    folder = Path(str(SHARED)) / "data"
    seen: set[str] = set()
    for path in [*folder.glob("labels/*/*.zst"), *folder.glob("corpus/*.zst")]:
        with path.open("rb") as raw:
            stream = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw))
            for line in stream:
                found = re.findall(rb'"license": ?"((?:[^"\\]|\\.)*)"', line)
                seen.add(json.loads(b'"' + found[-1] + b'"'))
    assert len(seen) > 20
    assert seen <= LICENCES.keys()


@pytest.mark.parametrize("frames", [f.PAGE_FRAMES_ZH, f.PAGE_FRAMES_EN])
def test_page_frames_hold_no_banned_word(frames: tuple[str, ...]) -> None:
    assert [x for x in frames if weak.is_banned(x, whole_words=True)] == []


@pytest.mark.parametrize("marks", [f.ADULT_MARKS_ZH, f.ADULT_MARKS_EN])
def test_adult_marks_hold_no_banned_word(marks: tuple[str, ...]) -> None:
    assert [x for x in marks if weak.is_banned(x, whole_words=True)] == []


def test_banned_in_running_text_counts_whole_words_only() -> None:
    assert weak.is_banned("a page of images, personal seasons") is True
    assert weak.is_banned("a page of images, personal seasons", whole_words=True) is False
    assert weak.is_banned("the family", whole_words=True) is True
    assert weak.is_banned("aged 17", whole_words=True) is True
    assert weak.is_banned("17173 visitors", whole_words=True) is False
    assert weak.is_banned("中学") is True
    assert weak.is_banned("中文") is False


@needs_shared
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_adult_pages_never_hold_a_banned_word(lang: str) -> None:
    lexicons = Path(str(SHARED)) / "data" / "lexicons"
    terms = weak.adult_terms(lexicons, lang)
    assert len(terms) > 100
    assert not any(weak.is_banned(term) for term in terms)
    documents = compose.weak_documents(_few_documents(), lexicons, seed=3, count=300)
    adult = [doc for doc in documents if doc.lang == lang and doc.labels[data.PORN] == 1]
    assert len(adult) > 200
    assert not any(weak.is_banned(doc.text, whole_words=True) for doc in adult)


def _few_documents() -> list[data.Document]:
    titles = [f"市场今天上涨百分之{x}点 专家称趋势明朗" for x in "一二三四五六七八九十百千万亿零"]
    prose = "The harbour was quiet.\nShips lay at anchor in long and orderly rows all day.\n" * 9
    chinese = "港口很安静。船只整齐地停泊在岸边，水手们在甲板上休息。\n" * 12
    return [
        *(
            data.Document(
                x, "zh", "THUCNews titles (x)", "THUCNews", data.said(porn=0, politics=at % 2)
            )
            for at, x in enumerate(titles * 3)
        ),
        data.Document(
            prose, "en", "LCTT/x", "Apache-2.0", data.said(quality=1, porn=0, politics=0)
        ),
        data.Document(
            chinese,
            "zh",
            "d2l-ai/d2l-zh",
            "Apache-2.0",
            data.said(quality=1, porn=0, politics=0, stem=1),
        ),
    ]


@needs_shared
def test_weak_documents_are_the_same_for_a_seed() -> None:
    lexicons = Path(str(SHARED)) / "data" / "lexicons"
    first = compose.weak_documents(_few_documents(), lexicons, seed=5, count=40)
    again = compose.weak_documents(_few_documents(), lexicons, seed=5, count=40)
    other = compose.weak_documents(_few_documents(), lexicons, seed=6, count=40)
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


def test_composed_pages_fill_every_slot() -> None:
    rng = random.Random(1)
    for lang in ("zh", "en"):
        for _ in range(300):
            texts = (
                weak.page(rng, lang, ("alpha", "beta", "gamma")),
                weak.ad_page(rng, lang, ("alpha", "beta", "gamma")),
                weak.boilerplate_page(rng, lang, ("delta epsilon", "zeta")),
            )
            assert not any(re.search(r"\{\w\}", text) for text in texts)
            assert all(texts)


@pytest.mark.parametrize(
    "text", ["", " ", "x", "好", "One line. Two lines.\nThree", "没有标点" * 30]
)
def test_damaged_takes_any_text(text: str) -> None:
    rng = random.Random(2)
    assert all(isinstance(weak.damaged(rng, text), str) for _ in range(60))


def _group(*sizes: int, draw_count: int) -> plan.Group:
    ids = tuple(np.arange(size, dtype=np.uint32) for size in sizes)
    labels = np.full((len(sizes), len(data.HEADS)), np.nan, dtype=np.float32)
    return plan.Group("g", draw_count, ids, labels)


def test_windows_fit_and_come_from_all_places_of_a_long_document() -> None:
    windows, labels = plan.epoch_windows([_group(1000, draw_count=300)], 254, seed=1, epoch=0)
    assert len(windows) == len(labels) == 300
    assert max(map(len, windows)) == 254
    assert min(map(len, windows)) >= 32
    assert any(window[0] == 0 for window in windows)
    assert any(window[-1] == 999 for window in windows)
    assert all((np.diff(window) == 1).all() for window in windows)


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    groups = [_group(5, 80, 600, 0, draw_count=50)]
    one = plan.epoch_windows(groups, 254, seed=1, epoch=2)[0]
    two = plan.epoch_windows(groups, 254, seed=1, epoch=2)[0]
    three = plan.epoch_windows(groups, 254, seed=1, epoch=3)[0]
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_disguise_changes_the_text_but_for_the_eye(lang: str) -> None:
    text = "加VX领取彩金免费注册送你钱" if lang == "zh" else "Click here to get a free casino bonus"
    rng = random.Random(3)
    found = [disguise.disguised(rng, text, lang) for _ in range(200)]
    assert sum(x != text for x in found) > 120
    assert len(set(found)) > 60
    assert any(unicodedata.normalize("NFKC", x) == text != x for x in found)
    assert any(re.sub(r"[\W_]", "", x) == re.sub(" ", "", text) != x for x in found)
    assert disguise.disguised(rng, "", lang) == ""


def test_no_character_stands_for_itself_in_a_disguise() -> None:
    for table in (disguise.LEET, disguise.LOOK_ALIKES, disguise.HOMOPHONES):
        assert all(len(key) == 1 and others and key not in others for key, others in table.items())
    assert len(disguise.HOMOPHONES) == len(disguise._GROUPS.split())


def test_sources_are_named_by_how_they_begin() -> None:
    doc = data.Document("x", "en", "UCI YouTube", "MIT", data.said())
    assert data.is_of(doc, ["20 News", "UCI "])
    assert not data.is_of(doc, ["YouTube"])
    assert not data.is_of(doc, [])


def test_labels_are_said_by_name() -> None:
    assert all(value != value for value in data.said())  # NaN
    found = dict(zip(data.HEADS, data.said(ads=1, stem=0), strict=True))
    assert [name for name, value in found.items() if value == value] == ["ads", "stem"]
    assert found["ads"] == 1


@needs_shared
@pytest.mark.slow
def test_no_dev_text_and_no_refused_licence_is_trained_on() -> None:
    folder = Path(str(SHARED)) / "data"
    documents = plan.training_documents(folder, 20, 20)
    dev = {doc.text for doc in data.labelled_documents(folder, "dev", cross=False)}
    assert not dev & {doc.text for doc in documents}
    written = [doc for doc in documents if not doc.source.startswith("weak:")]
    assert all(data.may_train_on(doc.license) for doc in written)
    # What the licence rule empties: these two sources are the only ones with such rows.
    assert not any(doc.source.startswith("zjunlp") for doc in documents)
    assert not any("abc" in doc.source for doc in documents)
    judged = judged_documents(folder, ["UCI "])
    unseen = {
        doc.source for doc, new in zip(judged.documents, judged.is_unseen, strict=True) if new
    }
    assert {"zjunlp/ChineseHarm-bench", "AG News test (mhjabreel/CharCnn_Keras)"} <= unseen
    assert not {doc.text for doc in judged.documents} & {doc.text for doc in written} - {
        doc.text for doc in judged.documents if doc.source.startswith("UCI ")
    }
