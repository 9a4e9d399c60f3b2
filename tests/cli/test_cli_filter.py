"""``skypile filter`` on JSON Lines: bytes, order, conservation, bad input."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import pytest
import zstandard
from cli_runs import fed, words, write_lines

GOOD = [
    b'{"id":  "a", "n": 12345678901234567890123, "text": "' + words(9).encode() + b'", "x": 1.10}',
    b'{"text": "\\u4f60 \\u597d b c d e f", "id": 7}',
    b'  {"id": "c", "text": "' + words(20).encode() + b'"}  ',
]
SHORT = b'{"id": "s", "text": "two words", "score": 3}'
BROKEN = b'{"id": "broken", "text": '


@pytest.fixture
def mixed(tmp_path):
    return write_lines(tmp_path / "in.jsonl", [GOOD[0], SHORT, b"", GOOD[1], BROKEN, GOOD[2]])


def test_kept_records_are_the_very_bytes_read(call, recipe, mixed):
    done = call("filter", mixed, "--recipe", recipe)
    assert done.code == 0
    assert done.lines == GOOD
    assert "read      5" in done.err


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_the_extension_of_out_sets_the_compression(call, recipe, mixed, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    done = call("filter", mixed, "-o", out, "--recipe", recipe, "--quiet")
    assert (done.code, done.out, done.err) == (0, b"", "")
    data = out.read_bytes()
    if ending.endswith(".gz"):
        data = gzip.decompress(data)
    elif ending.endswith(".zst"):
        data = zstandard.ZstdDecompressor().stream_reader(data).read()
    assert data.splitlines() == GOOD
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == [out.name]


def test_a_carriage_return_belongs_to_the_line_end(call, recipe, tmp_path):
    crlf = tmp_path / "crlf.jsonl"
    crlf.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(GOOD) + b"\r\n")
    assert call("filter", crlf, "--recipe", recipe).out == b"".join(one + b"\n" for one in GOOD)


def test_what_is_not_kept_goes_to_rejected(call, recipe, mixed, tmp_path):
    rejected, ledger = tmp_path / "rejected.jsonl", tmp_path / "ledger.json"
    done = call(
        "filter", mixed, "--recipe", recipe, "--rejected", rejected, "--ledger", ledger, "--quiet"
    )
    rows = [json.loads(line) for line in rejected.read_bytes().splitlines()]
    assert rows[0] == {
        "id": "s",
        "text": "two words",
        "input_score": 3,
        "outcome": "rejected",
        "reason": "too_short",
        "score": 2.0,
        "limit": 5.0,
    }
    assert rows[1]["raw"] == BROKEN.decode()
    assert (rows[1]["outcome"], rows[1]["reason"]) == ("error", "bad_json")
    told = json.loads(ledger.read_bytes())
    assert told["read"] == 5 == len(done.lines) + len(rows)
    assert (told["kept"], told["rejected"], told["error"]) == (3, {"too_short": 1}, {"bad_json": 1})
    assert told["notes"] == ["in.jsonl: 1 records could not be read"]


def test_explain_shows_every_record_in_input_order(call, recipe, mixed, tmp_path):
    other = write_lines(tmp_path / "a-later-name-first.jsonl", [{"text": words(60)}])
    rows = call("filter", mixed, other, "--recipe", recipe, "--explain").records
    expected = [f"in.jsonl#{n}" for n in (0, 1, 3, 4, 5)] + ["a-later-name-first.jsonl#0"]
    assert [row["record"] for row in rows] == expected
    assert [row["outcome"] for row in rows] == [
        "kept", "rejected", "kept", "error", "kept", "rejected",
    ]  # fmt: skip
    assert [row["id"] for row in rows[:3]] == ["a", "s", "7"]
    short, broken, long = rows[1], rows[3], rows[5]
    assert (short["reason"], short["score"], short["limit"]) == ("too_short", 2.0, 5.0)
    assert short["words_count"] == 2 and short["dup_line_frac"] is None
    assert broken["reason"] == "bad_json" and broken["message"] and broken["words_count"] is None
    assert (long["reason"], long["score"], long["limit"]) == ("too_long", 60.0, 50.0)
    assert "message" not in short
    assert {"domain", "language"} <= set(short)


def test_score_all_scores_what_is_rejected_and_changes_no_outcome(call, recipe, mixed):
    asked = ("filter", mixed, "--recipe", recipe, "--explain")
    plain, full = call(*asked).records, call(*asked, "--score-all").records
    for before, after in zip(plain, full, strict=True):
        assert {k: v for k, v in before.items() if v is not None}.items() <= after.items()
        if before["outcome"] == "rejected":
            assert before["dup_line_frac"] is None and after["dup_line_frac"] is not None
        if before["outcome"] == "error":
            assert before == after


def test_several_inputs_keep_their_order_and_each_comes_once(call, recipe, tmp_path):
    b = write_lines(tmp_path / "b.jsonl", [GOOD[0]])
    a = write_lines(tmp_path / "a.jsonl", [GOOD[1]])
    done = call("filter", b, a, b, tmp_path / "*.jsonl", "--recipe", recipe)
    assert done.lines == [GOOD[0], GOOD[1]]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_stdin_is_told_by_its_first_bytes(recipe, pack):
    lines = b"".join(line + b"\n" for line in (*GOOD, SHORT))
    done = fed("filter", "-", "--recipe", recipe, stdin=pack(lines))
    assert (done.code, done.lines) == (0, GOOD)


def test_empty_input_is_fine(recipe, call, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    done = call("filter", empty, "--recipe", recipe)
    assert (done.code, done.out) == (0, b"")
    assert "read      0" in done.err
    assert fed("filter", "-", "--recipe", recipe).code == 0


def test_a_closed_pipe_ends_quietly(recipe, tmp_path):
    many = write_lines(tmp_path / "many.jsonl", (GOOD[0] for _ in range(20_000)))
    command = [sys.executable, "-m", "skypile", "filter", str(many), "--recipe", str(recipe)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().rstrip() == GOOD[0]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: data[:40] + b"\x00\xff" * 20 + data[80:], "bad_compression"),
    ],
)
def test_a_damaged_container_yields_what_could_be_read(call, recipe, tmp_path, damage, reason):
    rng = "".join(map(str, range(200_000)))
    lines = [{"text": f"{words(8)} {rng[at : at + 40]}"} for at in range(0, 200_000, 40)]
    whole = gzip.compress(write_lines(tmp_path / "x.jsonl", lines).read_bytes())
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(damage(whole))
    done = call("filter", broken, "--recipe", recipe, "--explain")
    assert done.code == 0
    assert done.records[-1]["reason"] == reason
    assert "broken.jsonl.gz: 1 records could not be read" in done.err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["no/such.jsonl"], "no input matches"),
        (["*.nothing"], "*.nothing"),
        (["in.jsonl", "-o", "out.csv"], ".parquet"),
        (["in.jsonl", "-o", "."], "folder"),
        (["in.jsonl", "-o", "x.jsonl", "--rejected", "x.jsonl"], "x.jsonl: two outputs"),
        (["in.jsonl", "--rejected", "-"], "stdout: two outputs"),
        (["in.jsonl", "--explain", "-o", "x.parquet"], "--explain writes JSON Lines"),
        (["in.jsonl", "--score-all"], "--explain"),
        (["in.jsonl", "--recipe", "wbe"], "there is no recipe 'wbe'"),
        (["in.jsonl", "--max-document-bytes", "0"], "max_document_bytes"),
    ],
)
def test_what_cannot_be_is_refused(call, recipe, mixed, monkeypatch, args, told):
    monkeypatch.chdir(mixed.parent)
    done = call("filter", "--recipe", recipe, *args)
    assert (done.code, done.out) == (2, b"")
    assert told in done.err


def test_a_device_is_written_to_and_not_replaced(call, recipe, mixed):
    assert call("filter", mixed, "-o", os.devnull, "--recipe", recipe).code == 0
    assert not os.path.isfile(os.devnull)


def test_an_unwritable_output_is_one_sentence(call, recipe, mixed, tmp_path):
    (tmp_path / "file").touch()
    done = call("filter", mixed, "-o", tmp_path / "file" / "x.jsonl", "--recipe", recipe)
    assert done.code == 1
    assert done.err.startswith("skypile: error: ") and "this is a bug" not in done.err


def test_a_full_disk_behind_stdout_is_one_sentence(recipe, mixed):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-m", "skypile", "filter", str(mixed), "--recipe", str(recipe)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"skypile: error: stdout: the disk is full")


def test_an_input_that_cannot_be_opened_fails_the_run(call, recipe, tmp_path):
    (tmp_path / "folder.jsonl").mkdir()
    done = call("filter", tmp_path / "folder.jsonl", "--recipe", recipe)
    assert done.code == 2 and "no input matches" in done.err


def test_source_files_become_json_lines(call, recipe, tmp_path):
    source = f"# {words(12)}\n"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "one.py").write_text(source)
    (tmp_path / "code" / "picture.png").write_bytes(b"\x89PNG\0")
    done = call("filter", tmp_path / "code", "--recipe", recipe)
    assert done.records == [{"id": "one.py#0", "text": source, "url": None}]
    assert "left out 1 files: binary" in done.err


def test_other_fields_can_be_named(call, recipe, tmp_path):
    path = write_lines(tmp_path / "x.jsonl", [{"content": words(9), "key": "k1", "text": 3}])
    args = ("--text-field", "content", "--id-field", "key", "--explain")
    row = call("filter", path, "--recipe", recipe, *args).records[0]
    assert (row["id"], row["outcome"]) == ("k1", "kept")


def test_no_models_leaves_the_score_section_out_and_says_so(call, recipe, mixed, tmp_path):
    scored = tmp_path / "scored.yaml"
    scored.write_text(recipe.read_text("utf-8") + "score:\n- stages: [tokens]\n")
    full = call("filter", mixed, "--recipe", scored, "--explain").records
    assert isinstance(full[0]["tokens"], int) and full[1]["tokens"] is None
    assert "token_ids" not in full[0]
    assert isinstance(
        call("filter", mixed, "--recipe", scored, "--explain", "--score-all").records[1]["tokens"],
        int,
    )
    done = call("filter", mixed, "--recipe", scored, "--explain", "--no-models")
    assert "tokens" not in done.records[0]
    assert "--no-models: the recipe's score section was left out" in done.err


def test_dedup_rejects_copies_and_names_what_stays(call, recipe, tmp_path):
    long, near = words(40), words(40).replace("word39", "end")
    texts = [long, words(30, 100), near, long.upper(), words(2), words(2)]
    path = write_lines(
        tmp_path / "x.jsonl", [{"id": f"d{n}", "text": t} for n, t in enumerate(texts)]
    )
    asked = ("filter", path, "--recipe", recipe, "--dedup")
    rows = call(*asked, "--explain").records
    assert [row["reason"] for row in rows] == [
        None, None, "near_duplicate", "exact_duplicate", "too_short", "too_short",
    ]  # fmt: skip
    assert rows[3]["duplicate_of"] == "x.jsonl#0" and rows[3]["score"] == 1.0
    assert rows[2]["score"] >= 0.8 and rows[2]["limit"] == 0.8
    kept = call(*asked)
    assert [row["id"] for row in kept.records] == ["d0", "d1"]
    assert "exact_duplicate" in kept.err
    piped = fed("filter", "-", "--recipe", recipe, "--dedup", stdin=path.read_bytes())
    assert piped.lines == kept.lines
    full = call(*asked, "--explain", "--score-all").records
    assert [row["outcome"] for row in full] == [row["outcome"] for row in rows]
