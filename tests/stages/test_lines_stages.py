"""What the stages that take lines out leave of small texts, by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stage_batches import batch_of
from stage_texts import CHINESE, ENGLISH, PYTHON

from skypile.stage import Stage
from skypile.stages.lines import BoilerplateLines, C4Lines, RefinedwebLines

LONG_WORD = "tide" * 251


def rewritten(stage: Stage, text: str) -> dict[str, object]:
    return {name: each[0].as_py() for name, each in stage(batch_of([text])).items()}


# A line, and whether C4 keeps it: as published, and with `chinese`.
C4 = [
    ("The tide is out.", True, True),
    ("The tide is out", False, False),
    ("Is the tide out?", True, True),
    ("“The tide is out,” he said.", True, True),
    ("“The tide is out.”", False, True),
    ('He said "the tide is out"', True, True),
    ("The tide is out...", False, False),
    ("The tide is out…", False, False),
    ("Tide out.", False, False),
    (f"The {LONG_WORD} is out.", False, False),
    ("Please enable JavaScript to go on.", False, False),
    ("This page uses Cookies to know you.", False, False),
    ("The harbour has a privacy policy of its own.", False, False),
    ("他说潮水退了。", False, True),
    ("“潮水退了。”", False, True),
    ("潮水退了……", False, True),
    ("潮水退了…", False, False),
    ("（潮水退了。）", False, True),
    ("潮水退了（见第三章）", False, False),
    ("首页", False, False),
    ("好。", False, False),
    ("潮水退了，" * 300 + "他走了。", False, True),
    ("本页用 JavaScript 写成。", False, False),
]


@pytest.mark.parametrize(("line", "published", "chinese"), C4, ids=[row[0][:20] for row in C4])
def test_c4_lines(line, published, chinese):
    for option, stays in ((False, published), (True, chinese)):
        row = rewritten(C4Lines(chinese=option), f"{line}\n")
        assert (row["text"] == line) is stays
        assert row["c4_removed_lines_count"] == 1 - stays
        assert row["c4_removed_chars"] == 1 + len(line) * (not stays)


def test_c4_takes_marks_of_citations_out_and_blank_lines():
    text = " The pier[1] is old.[citation needed] \n\nIt has a clock.[12][edit]\n[3]\n"
    row = rewritten(C4Lines(), text)
    assert row["text"] == "The pier is old.\nIt has a clock."
    assert (row["c4_removed_lines_count"], row["c4_sentences_count"]) == (1, 2)


def test_c4_says_what_it_drops_pages_for():
    row = rewritten(C4Lines(), "Lorem ipsum dolor sit.\nif (x) { y; } it is.\nlorem ipsum\n{")
    assert (row["c4_lorem_ipsum_count"], row["c4_brace_count"]) == (1, 1)
    row = rewritten(C4Lines(terminal=False), "Lorem ipsum dolor sit\nif (x) { y; }\n{")
    assert (row["c4_lorem_ipsum_count"], row["c4_brace_count"]) == (1, 1)


def test_c4_counts_sentences_and_what_has_no_end():
    text = "One is here. Two is there! And three\nFour is “here.” Mr.\n五在这里。六在那里？七也在"
    assert rewritten(C4Lines(terminal=False), text)["c4_sentences_count"] == 3 + 2 + 3


# A line, and what RefinedWeb leaves of it, None if it goes.
REFINEDWEB = [
    ("THE TIDE IS OUT", None),
    ("The TIDE is out", "The TIDE is out"),
    ("20 31 04", None),
    ("3 likes", None),
    ("· 1.2K Views ·", None),
    ("Comments (12) | Shares (3)", None),
    ("3 likes of hers", "3 likes of hers"),
    ("Likes and shares", "Likes and shares"),
    ("阅读 1.2万", None),
    ("评论（36）点赞 8", None),
    ("8 人点赞了他的歌", "8 人点赞了他的歌"),
    ("Home", None),
    ("Sign-in to see the tides", "to see the tides"),
    ("The sign-in desk is here", "The sign-in desk is here"),
    ("The tide went out Read more...", "The tide went out"),
    ("You have 3 items in cart today", "You have 3 today"),
    ("Items in cart", None),
    (f"{'tide ' * 10}items in cart", f"{'tide ' * 10}items in cart"),
    ("潮水退了，他走了", "潮水退了，他走了"),
    ("", ""),
]


@pytest.mark.parametrize(("line", "left"), REFINEDWEB, ids=[row[0][:20] for row in REFINEDWEB])
def test_refinedweb_lines(line, left):
    row = rewritten(RefinedwebLines(), f"The tide is out.\n{line}\nIt is late.")
    middle = [] if left is None else [left]
    assert row["text"].split("\n") == ["The tide is out.", *middle, "It is late."]
    edited = left is not None and left != line
    counts = (row["refinedweb_removed_lines_count"], row["refinedweb_edited_lines_count"])
    assert counts == (left is None, edited)


def test_refinedweb_tells_the_share_of_words_that_is_gone():
    row = rewritten(RefinedwebLines(), "one two three four\nHOME\nfive items in cart")
    assert row["refinedweb_removed_word_frac"] == 4 / 9
    assert rewritten(RefinedwebLines(chinese=False), "潮水 退了\n首页")["text"] == "潮水 退了"


# A line, and whether it is boilerplate.
BOILERPLATE = [
    ("上一篇：潮水的故事", True),
    ("在上一篇文章中，我们说了潮水。", False),
    ("加微信：tide2031", True),
    ("扫码关注公众号，天天有潮水。", True),
    ("他扫码付了船费。", False),
    ("版权所有 © 2031 港务局", True),
    ("本书版权所有者是港务局。", False),
    ("京ICP备12345678号-1", True),
    ("责任编辑：林", True),
    ("免责声明", True),
    ("转载请注明出处", True),
    ("来源：港口日报 分享到", True),
    ("相关阅读：港口的钟", True),
    ("点击下载", True),
    ("客服热线 400-000-0000", True),
    ("未经授权，不得转载。", True),
    ("防止未经授权的船只进港。", False),
    ("版权所有" + "，港口的钟慢了" * 9, False),
    ("Privacy Policy | Terms of Use", True),
    ("Please sign in", True),
    ("Farmers sign up to save the pier", False),
    ("She will read more.", False),
    ("Copyright 2031. All rights reserved.", True),
    ("Click here to see the tides", True),
    ("我们都喜欢 read more 这个词。", False),
]


@pytest.mark.parametrize(("line", "gone"), BOILERPLATE, ids=[row[0][:20] for row in BOILERPLATE])
def test_boilerplate_lines(line, gone):
    row = rewritten(BoilerplateLines(), f"潮水退了。\n{line}\n\nIt is late.\n")
    assert (line not in row["text"].split("\n")) is gone
    assert row["boilerplate_removed_lines_count"] == gone
    assert row["boilerplate_removed_line_frac"] == gone / 3
    assert row["boilerplate_removed_chars"] == gone * (len(line) + 1)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
@pytest.mark.parametrize("stage", [RefinedwebLines(), BoilerplateLines()])
def test_prose_stays_as_it_is(stage, text):
    assert rewritten(stage, text)["text"] == text


def test_c4_leaves_prose_and_nothing_of_a_program():
    chinese = "\n".join("".join(part.split()) for part in CHINESE.split("\n\n"))
    for text in (" ".join(ENGLISH.split()), chinese):
        assert rewritten(C4Lines(), text)["text"] == text
    assert len(rewritten(C4Lines(), PYTHON)["text"]) < len(PYTHON) / 3


def test_all_of_a_long_document_is_read():
    """Statistics stop at 8 MiB; what is taken out must not depend on where a line stands."""
    filler = "ab " * (3 << 20)
    assert rewritten(C4Lines(), f"{filler}javascript.")["c4_removed_lines_count"] == 1
    text = f"{filler}\n下一篇：潮水\nIt is late."
    assert rewritten(BoilerplateLines(), text)["text"] == f"{filler}\nIt is late."


def test_work_on_lines_is_linear_in_the_length():
    script = Path(__file__).with_name("lines_work.py")
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, check=True,
        capture_output=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert len(found) > 10
    for name, (few, many) in found.items():
        for stage, reads in few.items():
            # Four times the length.
            assert many[stage] <= 4.5 * reads, (name, stage, reads, many[stage])
