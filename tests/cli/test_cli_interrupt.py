"""``skypile filter`` interrupted: no partial output, and one sentence that says so."""

from __future__ import annotations

import os
import signal

import pytest
from cli_runs import words, write_lines
from signals import Watched


@pytest.mark.parametrize("compression", ["", ".zst"])
def test_an_interrupted_filter_leaves_no_output(recipe, tmp_path, compression):
    out = tmp_path / f"out.jsonl{compression}"
    reader, writer = os.pipe()
    watched = Watched("filter", "-", "--recipe", recipe, "-o", out, stdin=reader)
    os.close(reader)
    os.write(writer, b'{"text": "' + words(9).encode() + b'"}\n')
    watched.when(lambda: list(tmp_path.glob("out.jsonl*.tmp")))
    found = watched.send(signal.SIGINT).end()
    os.close(writer)
    told = f"skypile: interrupted before the end: {out} is as before\n"
    assert found == (130, b"", told)
    assert list(tmp_path.glob("out*")) == []


def test_interrupted_stdout_is_said_to_be_incomplete(recipe, tmp_path):
    many = write_lines(tmp_path / "many.jsonl", ({"text": words(9)} for _ in range(200_000)))
    rejected = tmp_path / "rejected.jsonl"
    rejected.write_text("mine\n")
    watched = Watched("filter", many, "--recipe", recipe, "--rejected", rejected)
    assert watched.process.stdout.readline()
    code, _, shown = watched.send(signal.SIGTERM).end()
    assert code == 143
    told = f"{rejected} is as before, what stdout got is not all"
    assert shown == f"skypile: terminated before the end: {told}\n"
    assert rejected.read_text() == "mine\n"
