"""``skypile filter`` with stages that raise and stages that rewrite."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_runs import words, write_lines

from skypile.stage import STAGES

FAULTY = """
name: faulty
steps:
- stages: [counts]
  rules:
  - {reason: too_short, column: words_count, min: 5}
- stages: [faulty]
"""
SHOUT = """
name: shout
steps:
- stages: [shout, counts]
  rules:
  - {reason: too_short, column: words_count, min: 5}
- stages: [repetition]
"""


@pytest.fixture
def recipe_file(tmp_path, monkeypatch):
    monkeypatch.setitem(STAGES, "faulty", "cli_stages:Faulty")
    monkeypatch.setitem(STAGES, "shout", "cli_stages:Shout")

    def written(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text, "utf-8")
        return path

    return written


def test_documents_on_which_a_stage_raises_stand_alone_as_errors(call, recipe_file, tmp_path):
    texts = [words(9), f"{words(9)} boom", "boom", words(8)]
    path = write_lines(tmp_path / "x.jsonl", [{"text": text} for text in texts])
    asked = ("filter", path, "--recipe", recipe_file(FAULTY))
    rows = call(*asked, "--explain").records
    assert [row["reason"] for row in rows] == [None, "stage:faulty", "too_short", None]
    assert rows[1]["message"] == "ValueError: boom, as the text says"
    full = call(*asked, "--explain", "--score-all").records
    assert [row["outcome"] for row in full] == [row["outcome"] for row in rows]
    rejected = tmp_path / "rejected.jsonl"
    done = call(*asked, "--rejected", rejected)
    assert len(done.lines) == 2 and len(rejected.read_bytes().splitlines()) == 2


def test_too_many_stage_errors_fail_the_run_and_leave_no_output(call, recipe_file, tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"text": f"{words(9)} boom {n}"} for n in range(11)])
    out = tmp_path / "out.jsonl"
    done = call("filter", path, "--recipe", recipe_file(FAULTY), "-o", out)
    assert done.code == 1
    assert "stages failed on 11 of 11 documents, more than the 10" in done.err
    assert "x.jsonl#0: stage:faulty: ValueError" in done.err
    assert not out.exists() and not list(tmp_path.glob("*.tmp"))


def test_of_a_rewritten_record_only_the_text_changes(call, recipe_file, tmp_path):
    lines = [
        b'{"text" : "' + words(9).encode() + b'", "n": 1.00}',
        b'{ "n":2,"text":"' + words(9, 2).encode() + b'\\u4f60"}',
    ]
    path = write_lines(tmp_path / "x.jsonl", lines)
    asked = ("filter", path, "--recipe", recipe_file(SHOUT))
    assert call(*asked).lines == [lines[0].replace(b"word1 ", b"WORD1 "), lines[1]]
    out = tmp_path / "out.parquet"
    source = tmp_path / "in.parquet"
    texts = pa.array([words(9), words(9, 2)]).dictionary_encode()
    pq.write_table(pa.table({"text": texts, "n": [1, 2]}), source)
    assert call("filter", source, "-o", out, "--recipe", recipe_file(SHOUT)).code == 0
    found = pq.read_table(out)
    assert found.column("text").to_pylist() == [words(9).replace("word1 ", "WORD1 "), words(9, 2)]
    assert found.schema.equals(pq.read_schema(source))


LINES = """
name: lines
steps:
- stages: [boilerplate_lines, counts]
  rules:
  - {reason: too_short, column: words_count, min: 5}
- stages: [refinedweb_lines]
"""


def test_the_ledger_tells_what_was_taken_out_with_every_score_or_not(call, recipe_file, tmp_path):
    lines = (words(9), "Privacy Policy", "HOME")
    texts = ["\n".join(lines), words(9, 2), "\n".join(lines[1:])]
    path = write_lines(tmp_path / "x.jsonl", [{"text": text} for text in texts])
    ledger = tmp_path / "ledger.json"
    for more in ((), ("--explain", "--score-all")):
        done = call("filter", path, "--recipe", recipe_file(LINES), "--ledger", ledger, *more)
        assert done.code == 0
        found = json.loads(ledger.read_bytes())
        assert (found["kept"], found["rejected"]) == (2, {"too_short": 1})
        # "HOME" of the third document was left when it was rejected.
        assert found["removed_chars"] == {
            "boilerplate_removed_chars": 2 * 15,
            "refinedweb_removed_chars": 5,
        }
        assert "30 characters were taken out of texts (boilerplate_removed_chars)" in done.err
    out = tmp_path / "y.jsonl"
    done = call("filter", path, "--recipe", recipe_file(SHOUT), "--ledger", "-", "-o", out)
    assert "removed_chars" not in json.loads(done.out)


def test_score_all_starts_from_the_text_as_it_was_read(call, recipe_file, tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"text": "word1 word2"}])
    asked = ("filter", path, "--recipe", recipe_file(SHOUT), "--explain", "--score-all")
    row = call(*asked).records[0]
    assert (row["outcome"], row["reason"]) == ("rejected", "too_short")
    assert row["words_count"] == 2 and row["dup_line_frac"] is not None
