"""Lines of books: the kernel equals regular expressions on generated input."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.book_lines import BOOK_FIELDS, book_counts
from skypile.kernels.buffers import utf8_view
from skypile.kernels.chars import CLASS_MASK, DIGIT, HAN, KINDS, LETTER

NUMBER = r"(?:(?<!\d)\d{1,4}|(?<!L)[ivxlcdm]{1,8})"


def shape(char: str) -> str:
    """Return what of a character matters: L for letters that no pattern names, d for digits."""
    kind = int(KINDS[ord(char)])
    if kind & CLASS_MASK == DIGIT:
        return "0"
    named = char in "ivxlcdmpage页頁第PAGE"
    return "L" if kind & LETTER and not named else char


def page_number(line: str) -> bool:
    text = "".join(map(shape, line))
    text = re.sub(r"[^\w]+\Z|_+\Z", "", text)
    while text and not text[-1].isalnum():
        text = text[:-1]
    text = re.sub(r"[页頁]\Z", "", text) if text[-1:] in ("页", "頁") else text
    text = text.rstrip()
    found = re.search(r"(?<!0)0{1,4}\Z|(?<![ivxlcdm])[ivxlcdm]{1,8}\Z", text)
    if len(line) > 16 or not found:
        return False
    head = text[: found.start()]
    if found.group()[0] != "0" and head and (head[-1] == "L" or head[-1].isalpha()):
        return False
    letters = "".join(char for char in head if char.isalpha())
    return letters == "" or letters.lower() == "page" or (
        letters in ("p", "第") and head.startswith(letters)
    )  # fmt: skip


def entry(line: str) -> tuple[bool, bool]:
    """Tell whether a line is one of a table of contents, and of an index."""
    text = "".join("0" if int(KINDS[ord(char)]) & CLASS_MASK == DIGIT else char for char in line)
    if len(line) > 120:
        return False, False
    found = re.search(r"(?<!0)0{1,4}\Z|(?<![ivxlcdm])[ivxlcdm]{1,8}\Z", text)
    contents = False
    if found:
        head = text[: found.start()]
        glued = found.group()[0] != "0" and head and int(KINDS[ord(head[-1])]) & LETTER
        leaders = re.search(r"[.·_…\s]*\Z", head)
        assert leaders is not None
        marks = sum(leaders.group().count(char) for char in ".·_")
        marks += 3 * leaders.group().count("…")
        spaces = sum(3 if c == "\t" else 1 for c in leaders.group() if c.isspace())
        contents = not glued and leaders.start() > 0 and max(marks, spaces) >= 3
    letter = re.sub(r"0", " ", text[:1]).strip() and int(KINDS[ord(line[0])]) & LETTER
    cut = text.rstrip(".,;")
    match = re.search(r"[^0\s]((?:[,，]\s|[-–])(?<!0)0{1,4})+\Z", cut)
    index = False
    if letter and match:
        pages = re.search(r"(?:[,，]\s0{1,4}(?:[-–]0{1,4})*)+\Z", cut)
        index = bool(pages) and pages is not None and pages.start() > 0 and bool(
            int(KINDS[ord(cut[pages.start() - 1])]) & LETTER
        )  # fmt: skip
    return contents, index


def twin(text: str) -> dict[str, int]:
    out = dict.fromkeys(BOOK_FIELDS, 0)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    out["lines"] = len(lines)
    for before, line in zip(["", *lines], lines, strict=False):
        broken = len(before) > 1 and re.search(r"[a-z]-\Z", before)
        out["hyphens"] += bool(broken) and "a" <= line[0] <= "z"
        contents, index = entry(line)
        out["page_numbers"] += page_number(line)
        out["contents"] += contents
        out["index"] += index
    for word in text.split():
        out["words"] += 1
        out["lone_letters"] += bool(re.fullmatch("[a-zA-Z]", word)) and word not in "aAIO"
        out["lone_han"] += len(word) == 1 and int(KINDS[ord(word)]) & CLASS_MASK == HAN
    out["han"] = sum(int(KINDS[ord(char)]) & CLASS_MASK == HAN for char in text)
    return out


LINES = st.lists(st.sampled_from([
    "tides", "mix", "xiv", "12", "1999", "12345", ", ", "，", " ", "   ", "\t", "...", "…", ". . .",
    "-", "–", "\n", "\n\n", "Page ", "p. ", "第", "页", "[", "]", "港口", " 中 ", "O", "x", "a-",
    "b", "chapter", "·", "_", ".", ";", "é",
]), max_size=14).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=4))
def test_the_kernel_equals_its_twin(texts):
    found = book_counts(*utf8_view(pa.array(texts, pa.string())))
    for text, row in zip(texts, found.tolist(), strict=True):
        assert dict(zip(BOOK_FIELDS, row, strict=True)) == twin(text), repr(text)


@pytest.mark.parametrize(
    ("field", "yes", "no"),
    [
        ("page_numbers", ["12", "- 12 -", "[xiv]", "Page 7", "page iv", "p. 3", "第12页",
                          "第 7 頁"],
         ["XIV", "12345", "12 men", "Chapter 3", "第12章", "### II.", "mixed", "Pale 7", "1. Sea"]),
        ("contents", ["I. The sea ...... 12", "第一章　海港……3", "Preface . . . . ix", "Tides\t\t7",
                      "The long wall      214"],
         ["It was 1912", "wait... 12 of them", "The year 1912.", "... 12", "and so on..."]),
        ("index", ["tides, 12, 45-6", "Wall, the great, 7.", "潮汐, 12, 14"],
         ["On May 3, 1912", "1, 2, 3", "in 12, 13", "He was born in 1912"]),
    ],
)  # fmt: skip
def test_cases(field, yes, no):
    at = BOOK_FIELDS.index(field)
    found = book_counts(*utf8_view(pa.array([*yes, *no])))[:, at].tolist()
    told = dict(zip([*yes, *no], found, strict=True))
    told.pop("On May 3, 1912", None)  # `May 3, 1912`: a digit stands before the comma
    assert [line for line in yes if not told[line]] == []
    assert [line for line in no if told.get(line)] == []
