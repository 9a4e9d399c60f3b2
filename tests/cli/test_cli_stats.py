"""``skypile stats``: over files, and over a corpus without scoring again."""

from __future__ import annotations

import json

import pyarrow.dataset as ds
import pytest
from cli_runs import words, write_lines


@pytest.fixture
def pages(tmp_path):
    records = [{"text": words(count)} for count in range(1, 101)]
    return write_lines(tmp_path / "pages.jsonl", [*records, b"{broken"])


def test_every_document_has_every_column_whatever_rules_say(call, recipe, pages, tmp_path):
    out = tmp_path / "stats.json"
    done = call("stats", pages, "--recipe", recipe, "--json", out, "--quiet")
    assert done.code == 0
    assert "1 records could not be read and are not counted" in done.err
    told = json.loads(out.read_text())
    assert (told["recipe"], told["unreadable"]) == ("small", 1)
    found = told["domains"]["no domain"]
    assert found["documents"] == 100
    counts = found["columns"]["words_count"]
    assert counts["percentiles"] == {
        "1": 1, "5": 5, "25": 25, "50": 50, "75": 75, "95": 95, "99": 99,
    }  # fmt: skip
    assert (counts["min"], counts["max"], counts["mean"], counts["null"]) == (1, 100, 50.5, 0)
    # A later step's columns are there for documents that an earlier rule would reject.
    assert found["columns"]["dup_line_frac"]["count"] == 100
    row = next(line for line in done.lines if line.startswith(b"words_count"))
    assert row.split() == b"words_count 1 1 5 25 50 75 95 99 100 0".split()


def test_limits_are_suggested_for_the_rules_of_the_recipe(call, recipe, pages):
    done = call("stats", pages, "--recipe", recipe, "--suggest", "10", "--quiet")
    rows = [line.decode().split("  ") for line in done.lines if b"  words_count" in line]
    told = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert told == [
        ["no domain", "empty", "words_count", "min 1", "0.00%", "min 10"],
        ["no domain", "too_short", "words_count", "min 5", "4.00%", "min 10"],
        ["no domain", "too_long", "words_count", "max 50", "50.00%", "max 90"],
    ]


def test_columns_percentiles_and_records_can_be_chosen(call, recipe, pages):
    done = call(
        "stats", pages, "--recipe", recipe, "--columns", "words_count,lines_count",
        "--percentiles", "50", "--limit", "10", "--json", "-", "--quiet",
    )  # fmt: skip
    columns = json.loads(done.out)["domains"]["no domain"]["columns"]
    assert set(columns) == {"words_count", "lines_count"}
    assert columns["words_count"]["percentiles"] == {"50": 5}


def test_a_corpus_is_not_scored_again(call, corpus):
    done = call("stats", corpus, "--json", "-", "--quiet")
    assert done.code == 0
    told = json.loads(done.out)["domains"]
    manifest = json.loads((corpus / "manifest.json").read_text())
    errors = sum(manifest["ledger"]["error"].values())
    assert sum(one["documents"] for one in told.values()) == manifest["ledger"]["read"] - errors
    kept = ds.dataset(corpus / "data" / "domain=zh").to_table(["tokens"])["tokens"].to_pylist()
    outcomes = told["zh"]["columns"]["outcome"]["values"]
    assert outcomes["kept"] == len(kept)
    assert told["zh"]["columns"]["tokens"]["max"] >= max(kept)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--columns", "word_count"], "did you mean 'words_count'?"),
        (["--percentiles", "5,x"], "--percentiles 5,x: give numbers"),
        (["--percentiles", "101"], "from 0 to 100"),
        (["--suggest", "50"], "from 0 to below 50"),
    ],
)
def test_what_cannot_be_is_refused(call, recipe, pages, args, problem):
    done = call("stats", pages, "--recipe", recipe, *args)
    assert done.code == 2
    assert problem in done.err


def test_a_corpus_stands_alone(call, corpus, pages):
    done = call("stats", corpus, pages)
    assert done.code == 2
    assert "is a corpus; give it alone" in done.err


def test_a_file_that_is_not_there_and_one_without_a_document(call, recipe, tmp_path):
    assert call("stats", tmp_path / "none.jsonl", "--recipe", recipe).code == 2
    empty = write_lines(tmp_path / "empty.jsonl", [])
    done = call("stats", empty, "--recipe", recipe, "--quiet")
    assert (done.code, done.lines) == (0, [b"no document was read"])
