"""``skypile decontaminate``: outputs, reports, conservation, bad input."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from cli_runs import write_lines

FERRIES = "Which of the nine ferries that call here leaves before the tide has turned twice?"
APPLES = "小明有3个苹果，他给了小红2个，又买了5个，请问他现在有几个苹果？"
PLAIN = "The harbour master kept two clocks on his desk, and neither of them was right."


@pytest.fixture(autouse=True)
def _own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def exam(tmp_path):
    items = [{"question": FERRIES}, {"question": "Why?"}, {"question": "no one has this " * 4}]
    return write_lines(tmp_path / "exam.jsonl", items)


@pytest.fixture
def sums(tmp_path):
    return write_lines(tmp_path / "sums.jsonl", [{"question": APPLES, "answer": "6"}])


@pytest.fixture
def documents(tmp_path):
    texts = [PLAIN, f"{PLAIN} {FERRIES} {PLAIN}", f"{FERRIES} {APPLES}", FERRIES]
    rows = [{"id": f"d{at}", "text": text} for at, text in enumerate(texts)]
    return write_lines(tmp_path / "in.jsonl", [*rows, {"id": "none"}])


def test_documents_are_rejected_and_items_told(call, documents, exam, sums, tmp_path):
    kept, rejected, report, items = (
        tmp_path / name for name in ("kept.jsonl", "rest.jsonl", "report.json", "items.jsonl")
    )
    sets = ("--set", f"exam={exam}", "--set", f"sums={sums}")
    outputs = ("-o", kept, "--rejected", rejected, "--report", report, "--items", items)
    done = call("decontaminate", documents, *sets, *outputs)
    assert done.code == 0, done.err
    assert kept.read_bytes() == documents.read_bytes().splitlines(keepends=True)[0]
    rows = [json.loads(line) for line in rejected.read_bytes().splitlines()]
    assert [row["reason"] for row in rows] == ["contaminated"] * 3 + ["bad_text_type"]
    told = json.loads(report.read_bytes())
    assert told["ledger"]["read"] == 5 == 1 + len(rows)
    assert told["ledger"]["rejected"] == {"contaminated": 3}
    assert told["sets"]["exam"] == {
        "items": 3, "items_too_short": 1, "items_of_common_ngrams": 0, "records_without_text": 0,
        "common_ngrams": 0, "items_hit": 1, "documents_hit": 3, "documents_rejected": 3,
        "documents_cut": 0,
    }  # fmt: skip
    assert told["sets"]["sums"]["documents_hit"] == 1
    assert told["options"]["ngram_words"] == 13
    found = [json.loads(line) for line in items.read_bytes().splitlines()]
    assert found == [
        {"set": "exam", "file": str(exam), "record": 0, "documents": 3, "item_frac": 1.0,
         "examples": ["in.jsonl#1", "in.jsonl#2", "in.jsonl#3"], "text": FERRIES},
        {"set": "sums", "file": str(sums), "record": 0, "documents": 1, "item_frac": 1.0,
         "examples": ["in.jsonl#2"], "text": APPLES},
    ]  # fmt: skip
    lines = done.out.decode().splitlines()
    assert lines[1].split() == ["exam", "3", "1", "3", "3", "0"]
    assert "exam: 1 items are too short to be found" in lines


def test_passages_are_cut_and_counted(call, documents, exam, tmp_path):
    items, report = tmp_path / "items.parquet", tmp_path / "report.json"
    done = call("decontaminate", documents, "--set", f"exam={exam}", "--mode", "passage", "-o", "-",
                "--window-chars", 10, "--min-piece-chars", 20, "--items", items, "--report", report
                )  # fmt: skip
    assert [row["id"] for row in done.records] == ["d0", "d1", "d2"]
    left = done.records[1]["text"].split("\n\n")
    assert len(left) == 2 and PLAIN.startswith(left[0]) and PLAIN.endswith(left[1])
    assert FERRIES not in done.out.decode()
    told = json.loads(report.read_bytes())
    assert told["ledger"]["kept"] == 3 and told["ledger"]["rejected"] == {"contaminated": 1}
    assert told["sets"]["exam"]["documents_cut"] == 2
    assert told["ledger"]["removed_chars"]["decontaminate_removed_chars"] > 2 * len(FERRIES)
    [item] = pq.read_table(items).to_pylist()
    assert (item["record"], item["documents"]) == (0, 3)
    assert "documents cut" in done.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "no evaluation set given"),
        (["--set", "exam"], "give NAME=PATH"),
        (["--set", "exam=none.jsonl"], "none.jsonl: the list cannot be read"),
        (["--set", "exam=empty.jsonl"], "holds no item"),
        (["--set", "exam=exam.jsonl", "--fields", "frage"], "there are 'question'"),
        (["--set", "Exam=exam.jsonl"], "set 'Exam'"),
        (["--set", "exam=exam.jsonl", "--short-words", "14"], "short_words is 14"),
        (["--set", "exam=exam.jsonl", "--min-item-frac", "2"], "min_item_frac"),
        (["--set", "exam=exam.jsonl", "--max-pieces", "0"], "--max-pieces is 0"),
        (["--set", "exam=exam.jsonl", "--items", "x.csv"], "x.csv"),
        (["--set", "exam=exam.jsonl", "-o", "x.jsonl", "--items", "x.jsonl"], "two outputs"),
        (["--set", "exam=short.jsonl"], "no item that is long enough"),
    ],
)
def test_what_cannot_be_is_refused(call, documents, exam, monkeypatch, args, told):
    monkeypatch.chdir(exam.parent)
    (exam.parent / "empty.jsonl").touch()
    write_lines(exam.parent / "short.jsonl", [{"question": "Why?"}])
    done = call("decontaminate", documents, *args)
    assert (done.code, done.out) == (2, b"")
    assert told in done.err
