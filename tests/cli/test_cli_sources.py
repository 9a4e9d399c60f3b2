"""``skypile filter`` on WET, text, URLs, S3, standard input, and lists of inputs in files."""

from __future__ import annotations

import gzip
import json
import os

import pytest
import zstandard
from cli_runs import fed, words, write_lines
from web_server import serving

from skypile.io import http

RECORD = "WARC/1.0\r\nWARC-Type: {}\r\nWARC-Target-URI: {}\r\nContent-Length: {}\r\n\r\n{}\r\n\r\n"

CUT_LIST = gzip.compress(b"c.jsonl\n" * 999, mtime=0)[:-9]


def warc(*texts, kind="conversion"):
    """Return warcinfo and records of one kind as gzip members."""
    records = [RECORD.format("warcinfo", "file", 1, "x")]
    records += [
        RECORD.format(kind, f"https://e.org/{number}", len(text), text)
        for number, text in enumerate(texts)
    ]
    return b"".join(gzip.compress(record.encode(), mtime=0) for record in records)


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    with serving() as found:
        yield found


def test_wet_becomes_json_lines(call, recipe, tmp_path):
    path = tmp_path / "a.warc.wet.gz"
    path.write_bytes(warc(words(9), "too short", words(10)))
    rejected, ledger = tmp_path / "rejected.jsonl", tmp_path / "ledger.json"
    done = call("filter", path, "--recipe", recipe, "--rejected", rejected, "--ledger", ledger)
    assert done.records == [
        {"id": f"a.warc.wet.gz#{number}", "text": words(count), "url": f"https://e.org/{place}"}
        for number, count, place in ((1, 9, 0), (3, 10, 2))
    ]
    (row,) = map(json.loads, rejected.read_bytes().splitlines())
    assert (row["reason"], row["text"]) == ("too_short", "too short")
    told = json.loads(ledger.read_bytes())
    assert (told["read"], told["kept"]) == (3, 2)
    assert told["notes"] == ["a.warc.wet.gz: records that are no documents: 1 warcinfo"]


def test_broken_wet_records_are_rejected_with_their_raw_bytes(call, recipe, tmp_path):
    path, rejected = tmp_path / "a.wet", tmp_path / "rejected.jsonl"
    whole = gzip.decompress(warc(words(9), words(8)))
    path.write_bytes(whole.replace(b"Length: 53", b"Length: 5x"))
    done = call("filter", path, "--recipe", recipe, "--rejected", rejected)
    assert (done.code, len(done.lines)) == (0, 1)
    (row,) = map(json.loads, rejected.read_bytes().splitlines())
    assert (row["outcome"], row["reason"]) == ("error", "bad_warc")
    assert row["raw"].startswith("WARC/1.0")


@pytest.mark.parametrize("pack", [gzip.decompress, bytes, None])
def test_wet_on_standard_input(recipe, pack):
    data = warc(words(9), words(8))
    if pack is None:
        data = zstandard.ZstdCompressor().compress(gzip.decompress(data))
    done = fed("filter", "-", "--recipe", recipe, stdin=data if pack is None else pack(data))
    assert [row["id"] for row in done.records] == ["stdin#1", "stdin#2"]


def test_a_warc_of_metadata_is_refused_wherever_it_comes_from(call, recipe, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(warc("{}", kind="metadata"))
    for done in (
        call("filter", path, "--recipe", recipe),
        fed("filter", "-", "--recipe", recipe, stdin=path.read_bytes()),
    ):
        assert (done.code, done.out) == (2, b"")
        assert "is a WARC of metadata records" in done.err and "WET" in done.err


def test_text_files(call, recipe, tmp_path):
    (tmp_path / "one.txt").write_text(words(9))
    (tmp_path / "two.txt.gz").write_bytes(gzip.compress(words(10).encode()))
    (tmp_path / "three.txt").write_bytes("文字".encode("utf-16"))
    done = call("filter", f"{tmp_path}/*.txt*", "--recipe", recipe)
    assert [row["text"] for row in done.records] == [words(9), words(10)]
    assert "three.txt: 1 records could not be read" in done.err or "bad_utf8" in done.err


def test_urls_and_their_order(call, recipe, tmp_path, site):
    site.files = {"z.jsonl.gz": gzip.compress(json.dumps({"text": words(9)}).encode())}
    site.files["a.wet.gz"] = warc(words(7))
    local = write_lines(tmp_path / "m.jsonl", [{"text": words(8)}])
    given = (site.of("z.jsonl.gz"), local, site.of("a.wet.gz"), site.of("z.jsonl.gz"))
    done = call("filter", *given, "--recipe", recipe, "--explain")
    assert [row["record"] for row in done.records] == ["z.jsonl.gz#0", "m.jsonl#0", "a.wet.gz#1"]


def test_a_download_that_breaks_for_good_fails_the_run(call, recipe, tmp_path, site):
    site.files = {"a.jsonl": (json.dumps({"text": words(9)}) + "\n").encode() * 10_000}
    site.cut_after = 30_000
    site.ranges = False
    out = tmp_path / "out.jsonl"
    done = call("filter", site.of("a.jsonl"), "--recipe", recipe, "-o", out, "--quiet")
    assert done.code == 1 and not out.exists()
    assert done.err.count("\n") == 1
    assert "a.jsonl: failed 5 times after" in done.err and "the body ended early" in done.err


def test_s3_in_and_out(call, recipe, bucket):
    for number in range(3):
        bucket.put(f"raw/{number}.jsonl", json.dumps({"text": words(7 + number)}).encode())
    done = call(
        "filter", bucket.url("raw/**"), "--recipe", recipe, "-o", bucket.url("out/a.jsonl.zst")
    )
    assert (done.code, done.out) == (0, b"")
    assert bucket.keys("out") == ["out/a.jsonl.zst"]
    data = zstandard.ZstdDecompressor().stream_reader(bucket.get("out/a.jsonl.zst")).read()
    assert len(data.splitlines()) == 3
    packed = call("filter", bucket.url("raw"), "--recipe", recipe, "-o", bucket.url("a.parquet"))
    assert packed.code == 0 and bucket.get("a.parquet").startswith(b"PAR1")


# Lists of inputs


@pytest.fixture
def three(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, count in (("a b.jsonl", 7), ("c.jsonl", 8), ("d.jsonl", 9)):
        write_lines(tmp_path / name, [{"text": words(count), "id": name}])
    return tmp_path


def kept(done):
    assert done.code == 0, done.err
    return [row["id"] for row in done.records]


def test_a_list_names_inputs_of_every_kind(call, recipe, three, site, bucket):
    site.files["w.wet"] = gzip.decompress(warc(words(12)))
    in_bucket = bucket.put("s.jsonl", json.dumps({"id": "s", "text": words(11)}).encode())
    text = (
        f"\ufeffd.jsonl\r\n\n# note\n  a b.jsonl  \n{three}/c*\n#\n{in_bucket}\n{site.of('w.wet')}"
    )
    (three / "list").write_text(text)
    expected = ["d.jsonl", "a b.jsonl", "c.jsonl", "s", "w.wet#1"]
    assert kept(call("filter", "--files-from", "list", "--recipe", recipe)) == expected
    assert (
        kept(call("filter", "c.jsonl", "--files-from", "list", "--recipe", recipe))[0] == "c.jsonl"
    )


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_lists_may_be_packed_and_several(call, recipe, three, pack):
    (three / "one").write_bytes(pack(b"d.jsonl\n"))
    (three / "two").write_bytes(pack(b"c.jsonl\nd.jsonl"))
    lists = ("--files-from", "two", "--files-from", "one")
    assert kept(call("filter", *lists, "--recipe", recipe)) == ["c.jsonl", "d.jsonl"]


def test_a_list_on_standard_input(recipe, three):
    listed = gzip.compress(b"c.jsonl\nd.jsonl", mtime=0)
    piped = fed("filter", "a b.jsonl", "--files-from", "-", "--recipe", recipe, stdin=listed)
    assert kept(piped) == ["a b.jsonl", "c.jsonl", "d.jsonl"]


@pytest.mark.parametrize(
    ("listed", "code", "told"),
    [
        (b"c.jsonl\n\nnone.jsonl\n", 2, "list:3: no input matches 'none.jsonl'"),
        (b"c.jsonl\nnone/*\n", 2, "list:2: no input matches 'none/*'"),
        (b"c.jsonl\n-\n", 2, "list:2: standard input can be named on the command line only"),
        (b"c.jsonl\nd\0\n", 2, "list:2: holds a zero byte"),
        (b"c.jsonl\n" + b"x" * 70_000 + b"\n", 2, "list:2: 70,000 bytes are no input"),
        (b"c.jsonl\nftp://h/a\n", 2, "list:2: ftp://h: cannot be opened"),
        (b"c.jsonl\nlist\n", 2, "list:2: "),
        (b"# nothing\n\n", 2, "no INPUT given"),
        (b"", 2, "no INPUT given"),
        (CUT_LIST, 1, "list: the list cannot be read to its end"),
        (b"\xff\xfe.jsonl\n", 2, "list:1: no input matches"),
    ],
)
def test_bad_lists_are_refused_by_line(call, recipe, three, listed, code, told):
    (three / "list").write_bytes(listed)
    done = call("filter", "--files-from", "list", "--recipe", recipe)
    assert (done.code, done.out) == (code, b"")
    assert told in done.err and "this is a bug" not in done.err


def test_a_url_of_a_list_that_is_gone_is_named_with_its_line(call, recipe, three, site):
    (three / "list").write_text(f"c.jsonl\n{site.of('gone.wet.gz')}\n")
    done = call("filter", "--files-from", "list", "--recipe", recipe)
    assert done.code == 1
    assert f"list:2: {site.of('gone.wet.gz')}: the server answers 404 Not Found" in done.err


def test_lists_that_are_not_there(call, recipe, three):
    done = call("filter", "--files-from", "none", "--recipe", recipe)
    assert done.code == 1 and "none: cannot be opened" in done.err
    done = call("filter", "--files-from", ".", "--recipe", recipe)
    assert done.code == 1 and "this is a bug" not in done.err
    for args in (["-", "--files-from", "-"], ["--files-from", "-", "--files-from", "-"]):
        done = call("filter", *args, "--recipe", recipe)
        assert done.code == 2 and "standard input can be read once" in done.err


def test_standard_input_among_other_inputs(recipe, three):
    piped = json.dumps({"id": "piped", "text": words(9)}).encode()
    done = fed("filter", "d.jsonl", "-", "c.jsonl", "--recipe", recipe, stdin=piped)
    assert kept(done) == ["d.jsonl", "piped", "c.jsonl"]


def test_many_lines_are_read_fast_enough_to_be_read(call, recipe, three):
    (three / "list").write_text("c.jsonl\n" * 200_000 + os.fspath(three / "d.jsonl"))
    assert kept(call("filter", "--files-from", "list", "--recipe", recipe)) == [
        "c.jsonl",
        "d.jsonl",
    ]


def test_pages_of_a_warc_become_documents(call, recipe, tmp_path):
    page = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html><h1>Title</h1><p>%b.</p></html>"
    )
    body = page % words(9).encode()
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://e.org/1\r\n"
        f"Content-Type: application/http\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    path, ledger = tmp_path / "a.warc.gz", tmp_path / "ledger.json"
    path.write_bytes(gzip.compress(head.encode() + body + b"\r\n\r\n"))
    done = call("filter", path, "--recipe", recipe, "--html", "fast", "--ledger", ledger)
    assert done.records == [{"id": "a.warc.gz#0", "text": f"{words(9)}.", "url": "https://e.org/1"}]
    assert json.loads(ledger.read_bytes())["read"] == 1
