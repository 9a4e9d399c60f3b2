"""Lines that many documents have: counted, listed, and taken out."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.cli.lines import add_arguments, run
from skypile.cli.main import Parser
from skypile.errors import RecipeError, SkyPileError
from skypile.kernels.term_tokens import FOLDED
from skypile.lists import lines as lists
from skypile.lists.lines import LineCounter, LineSet, LineSpec, Listed, write_line_set
from skypile.recipe import parse_recipe
from skypile.stages.repeated_lines import RepeatedLines, without_lines
from skypile.text import CJK_RANGES, SPACES, SYMBOL_RANGES, is_letter_or_digit


def batch(texts: list[str | None], urls: list[str] | None = None, lang: str | None = None):
    """Return documents as readers give them."""
    rows = len(texts)
    return pa.RecordBatch.from_pydict({
        "text": pa.array(texts, pa.string()),
        "url": pa.array(urls or [None] * rows, pa.string()),
        "prog_lang": pa.array([lang] * rows, pa.string()),
    })  # fmt: skip


def counted(texts: list[str], spec: LineSpec, urls: list[str] | None = None) -> LineSet:
    counter = LineCounter(spec)
    for start in range(0, len(texts), 3):
        counter.add(batch(texts[start : start + 3], urls and urls[start : start + 3]))
    return counter.finish()


def stage_of(found: LineSet, folder: Path) -> RepeatedLines:
    path = folder / f"{found.spec.code}.lines"
    write_line_set(path, found)
    return RepeatedLines(lines=str(path))


# The twin.


def is_kept(char: str) -> bool:
    code = ord(char)
    if any(first <= code <= last for first, last in CJK_RANGES):
        return True
    symbol = any(first <= code <= last for first, last in SYMBOL_RANGES)
    return is_letter_or_digit(char) if code < 0xC0 else not symbol and char not in SPACES


def letters(line: str) -> str:
    """Return what of a line counts."""
    found = ""
    for char in line:
        narrow = chr(ord(char) - 0xFEE0) if "！" <= char <= "～" else char
        if is_kept(narrow):
            code = ord(narrow)
            narrow = chr(FOLDED[code]) if code < 0x10000 else narrow
            found += "0" if narrow in "0123456789" else narrow
    return found


def size_of(line: str) -> int:
    narrow = [(c, chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c) for c in line]
    return sum(len(char.encode()) for char, folded in narrow if is_kept(folded))


def blocks(text: str, unit: str) -> list[str]:
    """Return the lines or paragraphs of a text, joined they are the text; LF included."""
    every = re.findall(r"[^\n]*\n|[^\n]+$", text)
    if unit == "line":
        return every
    found: list[str] = []
    open_ = False
    for line in every:
        blank = all(char in SPACES or char == "\n" for char in line)
        if open_ and not blank:
            found[-1] += line
        else:
            found.append(line)
        open_ = not blank
    return found


def twin(texts: list[str], spec: LineSpec) -> list[str]:
    """Return the texts without the lines that so many documents have."""
    sets = [
        {letters(b) for b in blocks(t, spec.unit) if size_of(b) >= spec.min_bytes} for t in texts
    ]
    times = Counter(one for each in sets for one in each)
    listed = {one for one, n in times.items() if n >= spec.min_documents}
    out = []
    for text in texts:
        every = blocks(text, spec.unit)
        stays = [b for b in every if size_of(b) < spec.min_bytes or letters(b) not in listed]
        made = "".join(stays)
        if every and stays and every[-1] not in stays[-1:] and not text.endswith("\n"):
            made = made.removesuffix("\n")
        out.append(made)
    return out


PIECES = st.sampled_from(
    ["Sign up now!", "sign UP: now", "港口今晚很安静", "港口，今晚很安静。", "第3页", "第 4 页",
     "ÉTÉ", "été", "a", "", " ", "\u3000", "\x0b", "Ａ１", "a0", "…", "한국어", "e\u0301", "🙂",
     "𠀀𠀁"]
)  # fmt: skip
TEXT = st.lists(st.lists(PIECES, max_size=2).map("".join), max_size=6).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6), st.sampled_from(["line", "paragraph"]), st.data())
def test_texts_equal_the_twin(texts, unit, data):
    spec = LineSpec(unit=unit, min_bytes=data.draw(st.integers(1, 8)), min_documents=2)
    found = counted(texts, spec)
    columns = {name: each.to_pylist() for name, each in without_lines(batch(texts), found).items()}
    assert columns["text"] == twin(texts, spec)
    for text, made, chars in zip(
        texts, columns["text"], columns["repeated_removed_chars"], strict=True
    ):
        assert chars == len(text) - len(made)


def test_a_site_s_notices_go_and_nothing_else(tmp_path):
    notice = "Subscribe to our newsletter — it is free!"
    pages = [
        f"{notice}\nOn day {n} the ship came in.\n\n© 20{n:02d} Harbour Times" for n in range(12)
    ]
    spec = LineSpec(min_documents=10)
    stage = stage_of(counted(pages, spec), tmp_path)
    row = {name: each[3].as_py() for name, each in stage(batch(pages)).items()}
    assert row == {
        "repeated_removed_lines_count": 3, "repeated_removed_chars": len(pages[3]),
        "repeated_removed_line_frac": 1.0, "text": "",
    }  # fmt: skip
    # Digits are alike, so that numbered lines are one; a line of its own stays.
    own = stage(
        batch([f"SUBSCRIBE to our newsletter: it is free\nThe pilot saw nothing of it.\n{notice}"])
    )
    assert own["text"].to_pylist() == ["The pilot saw nothing of it."]
    assert stage(batch([None, "", "好"]))["text"].to_pylist() == [None, "", "好"]


def test_within_sites_lines_are_counted_by_host(tmp_path):
    texts = ["关于我们 联系方式 版权声明\n港口很安静。"] * 6
    urls = [
        f"https://{host}/{n}"
        for n, host in enumerate(["a.com", "www.A.com:80", "u@a.com", "b.com", "c.com", "d.com"])
    ]
    spec = LineSpec(min_documents=3, within="site")
    stage = stage_of(counted(texts, spec, urls), tmp_path)
    left = stage(batch(texts, urls))["text"].to_pylist()
    assert left == [""] * 3 + texts[3:]
    assert stage(batch(texts[:1]))["text"].to_pylist() == texts[:1]


def test_source_code_is_left_alone_unless_asked_for(tmp_path):
    texts = ["import numpy as np\nx = 1\n"] * 4
    for code in (False, True):
        counter = LineCounter(LineSpec(min_documents=2, code=code))
        counter.add(batch(texts, lang="python"))
        stage = stage_of(counter.finish(), tmp_path)
        assert stage(batch(texts, lang="python"))["text"][0].as_py() == (
            "x = 1\n" if code else texts[0]
        )


def test_what_spills_to_disk_counts_the_same(monkeypatch):
    texts = [
        f"line number {chr(97 + n % 7)} of many\nand one of its own {chr(97 + n % 25)}"
        for n in range(60)
    ]
    spec = LineSpec(min_documents=3)
    whole = counted(texts, spec)
    monkeypatch.setattr(lists, "_HELD_HASHES", 5)
    spilled = counted(texts, spec)
    assert spilled.counts == whole.counts and spilled.counts["listed_lines"] == 7 + 10
    assert spilled.table.tolist() == whole.table.tolist() or set(spilled.table) == set(whole.table)


def test_listed_lines_are_shown_as_they_first_stand():
    texts = [
        "The Tide Is Out Again\nx",
        "the tide is out again!",
        "the tide, is out again",
        "other line of text",
    ]
    found = counted(texts, LineSpec(min_documents=2))
    listed = Listed(found)
    listed.add(batch(texts))
    assert listed.sorted() == [(3, "The Tide Is Out Again")]


def work(*options: object) -> int:
    parser = Parser(prog="skypile lines")
    add_arguments(parser)
    return run(parser.parse_args([*map(str, options), "--quiet"]), [])


def test_command_and_recipe(tmp_path, capsys):
    rows = [{"text": f"Read more on the front page\nstory {chr(97 + n)}" * 1} for n in range(5)]
    (tmp_path / "in.jsonl.gz").write_bytes(
        gzip.compress(
            b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b"{bad\n", mtime=0
        )
    )
    target = tmp_path / "front.lines"
    assert (
        work(
            tmp_path / "in.jsonl.gz",
            "-o",
            target,
            "--min-documents",
            5,
            "--show",
            tmp_path / "s.jsonl",
        )
        == 0
    )
    told = capsys.readouterr()
    assert "5 documents, 10 lines" in told.out and "1 in 5 documents or more" in told.out
    assert "1 records could not be read" in told.err
    assert json.loads((tmp_path / "s.jsonl").read_text()) == {
        "count": 5,
        "line": "Read more on the front page",
    }
    recipe = parse_recipe(
        f"steps: [{{stages: [{{stage: repeated_lines, lines: {target}}}]}}]", "r.yaml"
    )
    [stage] = recipe.steps[0].stages
    assert stage(batch([rows[0]["text"]]))["text"].to_pylist() == ["story a"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "x/y.lines"], "there is no such folder"),
        (["-o", "y.lines", "--min-documents", "1"], "give 2 or more"),
        (["-o", "y.lines", "--min-bytes", "0"], "give 1 or more"),
    ],
)
def test_bad_options(tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(SkyPileError, match=said):
        work("in.jsonl", *options)


def test_a_file_that_is_no_set_is_refused(tmp_path):
    (tmp_path / "text.lines").write_text("just text\n")
    for name, said in (("text.lines", "is no set of lines"), ("none.lines", "cannot be read")):
        with pytest.raises(RecipeError, match=said):
            RepeatedLines(lines=str(tmp_path / name))


def test_any_unicode_is_taken():
    texts = ["".join(chr(c) for c in range(start, start + 4096) if not 0xD800 <= c < 0xE000)
             for start in range(0, 0x20000, 4096)]  # fmt: skip
    assert unicodedata.unidata_version
    found = counted(texts * 2, LineSpec(min_documents=2, min_bytes=1))
    assert found.counts["listed_lines"] > 10
