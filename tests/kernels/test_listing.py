"""The kernel that tells lines of programs from lines of prose."""

from __future__ import annotations

import sys
from pathlib import Path

import listing_twin as twin
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.kernels.buffers import utf8_view
from skypile.kernels.listing import FIELDS, HEAD_BYTES, listing_counts

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from stage_texts import TEXTS

PIECES = st.sampled_from(
    [
        *("the ", "harbour ", "kept ", "two ", "clocks. ", "(and ", "it's ", "low-lying ", "f(2)"),
        *("word(s) ", "海港的", "船。", "порт ", "снова ", "x_1 ", "inCamel ", "a::x ", "f(x"),
        *("NAME", "SEE ALSO", "if ", "RETURN ", "def", "import ", "end.", "class{", "\\begin{a}"),
        *(".. note::", ":field: ", "[a](http://b)", "](x)", "$x$ ", "$name ", ">>> ", "$ ", "@a"),
        *("# ", "#!", "##", "#if", "% ", "-- ", "--x", "; ", ";;", '" ', "! ", "// ", "/* ", "*/"),
        *(" * ", "* ", "\t * ", '"""', "'''", '"', "'", "```", "~~~", "`a b`, ", "==", "=", "->"),
        *("&&", "||", "<=", ";", "{", "}", "(", ")", "[", "]", ",", ":", "\n", "\n\n", "  ", "\t"),
        *("\n", "\n  ", "\n\t", " ", " ", "\u3000", "\u00a0", "1", "23 45", "—", "é", "𠀀", "😀"),
    ]
)  # fmt: skip
DOCUMENTS = st.one_of(
    st.lists(PIECES, max_size=60).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=60),
)


def counted(texts: list[str]) -> list[dict[str, int]]:
    matrix = listing_counts(*utf8_view(pa.array(texts, pa.large_string())), np.arange(len(texts)))
    return [dict(zip(FIELDS, row, strict=True)) for row in matrix.tolist()]


@settings(max_examples=300, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_listing_counts_equal_the_twin(texts):
    for found, text in zip(counted(texts), texts, strict=True):
        wanted = twin.listing_counts(text)
        assert found == {name: wanted.get(name, 0) for name in FIELDS}


@pytest.mark.parametrize("name", TEXTS)
def test_whole_documents_equal_the_twin(name):
    text = TEXTS[name][0]
    wanted = twin.listing_counts(text)
    assert counted([text]) == [{field: wanted.get(field, 0) for field in FIELDS}]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("The harbour master kept two clocks on his desk.", "prose"),
        ("老渔民张海生每天清晨四点起床，先看天，再看潮。", "prose"),
        ("У начальника порта на столе стояли двое часов", "prose"),
        ("whereas recognition of the inherent dignity is the foundation of freedom;", "prose"),
        ("for minute in range(before.minute, after.minute):", "code"),
        ("if the tide is not high:", "code"),
        ("CREATE TABLE tides (minute int)", "code"),
        ("mod ring;", "code"),
        ('"the water is too low for this boat",', "bare"),
        ("// the keel is free", "comment"),
        ("   * goes on with a comment", "comment"),
        ("# the keel is free", "hash"),
        ("-- the keel is free", "hash"),
        ('"""Return the minutes."""', "quoted"),
        ("'''Return the minutes.'''", "quoted"),
        (r"\section{Tides} of the \emph{north}", "markup"),
        (".. automodule:: tides", "markup"),
        ("[the tables](https://example.com/tides)", "markup"),
        ("SEE ALSO", "heads"),
    ],
)
def test_what_a_line_is(line, field):
    (found,) = counted([line])
    assert found[field] > 0
    others = {"prose", "code", "comment", "hash", "quoted", "markup", "heads"} - {field}
    assert all(found[name] == 0 for name in others)


def test_fences_hide_what_they_hold():
    (found,) = counted(["Tides\n```python\nimport tides\n# x\n```\nTides\n"])
    assert (found["bare_lines"], found["code"], found["hash"]) == (2, 0, 0)


def test_comments_and_strings_reach_over_lines():
    (found,) = counted(["x = 1 /* one\nimport two */\ny = '''\nimport tides\n'''\n"])
    assert (found["comment"], found["quoted"], found["code_lines"]) == (5 + 11, 11 + 3, 2)


def test_a_term_in_triple_quotes_is_no_string():
    (found,) = counted(["'''Tides''' are the rise and fall of the water of the sea.\n"])
    assert (found["quoted"], found["prose"]) == (0, found["solid"])


def test_only_the_head_is_read():
    text = "import tides\n" * (HEAD_BYTES // 13) + "中" * 20 + "\nimport tides\n" * 1000
    (found,) = counted([text])
    assert found["keywords"] == HEAD_BYTES // 13
    assert found["solid"] == 11 * (HEAD_BYTES // 13) + -(-(HEAD_BYTES % 13) // 3)


def test_only_the_rows_asked_for_are_read():
    data, offsets = utf8_view(pa.array(["import a", "import b c", "Tides"]))
    matrix = listing_counts(data, offsets, np.array([1, 2]))
    assert matrix[:, FIELDS.index("solid")].tolist() == [8, 5]
    assert listing_counts(data, offsets, np.empty(0, np.int64)).shape == (0, len(FIELDS))
