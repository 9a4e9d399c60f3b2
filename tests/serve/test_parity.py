"""The service says of the bundled sample what ``skypile filter`` says, to the last digit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from serve_runs import running

from skypile.cli.main import run
from skypile.recipe import load_recipe

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
NAMES = ("crawl-broken.jsonl", "web-en.jsonl", "web-zh.jsonl")


@pytest.mark.slow
def test_outcomes_and_columns_are_those_of_filter_by_recipe_web(tmp_path):
    # Each sixth line of good pages is enough: each document costs 12 ms of the classifier.
    lines = []
    for name in NAMES:
        found = (SAMPLE / name).read_bytes().splitlines(keepends=True)
        lines += found if name == NAMES[0] else found[::6]
    body = b"".join(line if line.endswith(b"\n") else line + b"\n" for line in lines)
    path, out, ledger = (tmp_path / name for name in ("body", "out.jsonl", "ledger.json"))
    path = path.with_suffix(".jsonl")
    path.write_bytes(body)
    told = ["--explain", "-o", str(out), "--ledger", str(ledger), "--quiet"]
    assert run(["filter", str(path), "--recipe", "web", *told]) == 0
    wanted = [json.loads(line) for line in out.read_bytes().splitlines()]
    with running(load_recipe("web"), batch_documents=32) as found:
        *answers, last = found.lines(body)
    assert len(answers) == len(wanted) > 50
    for answer, line in zip(answers, wanted, strict=True):
        head = {"message": None} | {
            k: v for k, v in answer.items() if k not in ("columns", "index")
        }
        line = {"message": None} | line
        assert head.pop("record") == line.pop("record").replace("body.jsonl#", "body#")
        if not line["id"].startswith("body.jsonl#"):
            assert head["id"] == line["id"]
        del head["id"], line["id"]
        assert head | answer["columns"] == line
    counts = json.loads(ledger.read_text())
    summary = last["summary"]
    assert summary["read"] == counts["read"]
    assert summary["kept"] == counts["kept"]
    assert summary["rejected_by_reason"] == counts["rejected"]
    assert summary["error_by_reason"] == counts["error"]
