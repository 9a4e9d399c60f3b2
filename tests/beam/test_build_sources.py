"""Builds from and to S3, from the web, from WET and text files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beam_corpus import SAMPLE, build, skypile
from faulty_store import TRANSIENT, Faults, every, faulty
from s3_server import Bucket
from web_server import serving

# Lines of each input: a file of few pairs is as many requests as one of many, and each costs time.
SOME = 18
LIGHT = ("--recipe", Path(__file__).parents[1] / "data" / "light.yaml", "--mixture", "none")


def objects(bucket: Bucket, prefix: str) -> dict[str, bytes]:
    return {
        key.removeprefix(prefix): bucket.get(key)
        for key in bucket.keys(prefix)
        if ".work" not in key
    }


def without_run(manifest: bytes) -> Any:
    return {name: value for name, value in json.loads(manifest).items() if name != "run"}


@pytest.fixture
def rough(bucket: Bucket, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """A store of which each 25th request fails in one of five ways."""
    with faulty(s3_endpoint, every(25)) as faults:
        monkeypatch.setenv("AWS_ENDPOINT_URL", faults.url)
        yield faults


def test_a_build_on_a_rough_s3_resumes_and_has_the_bytes_of_a_local_one(
    bucket: Bucket, rough: Faults, tmp_path: Path
) -> None:
    for name in ("web-zh.jsonl", "crawl-broken.jsonl"):
        some = (SAMPLE / name).read_bytes().splitlines(keepends=True)[:SOME]
        bucket.put(f"raw/{name}", b"".join(some))
    args = ("build", bucket.url("raw/**"), *LIGHT, "--keep-work", "--output", bucket.url("out"))
    failed = skypile(*args, "--max-unreadable-frac", 0)
    assert failed.returncode == 1 and "--max-unreadable-frac 0 allows" in failed.stderr
    assert not bucket.get_or_none("out/manifest.json")
    units = {
        key: bucket.system.get_file_info(f"{bucket.name}/{key}")
        for key in bucket.keys("out/.work/curate")
    }
    assert units
    done = skypile(*args)
    assert done.returncode == 0, done.stderr
    assert done.stdout == bucket.url("out/manifest.json\n")
    for key, info in units.items():
        again = bucket.system.get_file_info(f"{bucket.name}/{key}")
        assert (again.mtime_ns, again.size) == (info.mtime_ns, info.size), key
    local = build(tmp_path / "out", *LIGHT, inputs=[bucket.url("raw")])
    remote = objects(bucket, "out/")
    shards = {
        str(path.relative_to(local.path)): path.read_bytes()
        for path in local.path.rglob("*.parquet")
    }
    assert shards == {name: data for name, data in remote.items() if name.endswith(".parquet")}
    assert without_run(remote["manifest.json"]) == without_run(
        (local.path / "manifest.json").read_bytes()
    )
    verified = skypile("verify", bucket.url("out"))
    assert verified.returncode == 0, verified.stdout
    explained = skypile("explain", bucket.url("out"), "--id", "web-zh.jsonl#3")
    assert explained.returncode == 0 and "web-zh.jsonl#3" in explained.stdout
    assert set(rough.done) == set(TRANSIENT)


def record(text: str, number: int, kind: str = "conversion") -> bytes:
    body = text.encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: https://e.org/{number}\r\n"
        f"WARC-Record-ID: <urn:uuid:{number}>\r\nWARC-Date: 2024-05-18T01:58:10Z\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


@pytest.fixture(scope="module")
def english() -> list[str]:
    lines = (SAMPLE / "web-en.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines][:30]


def test_wet_from_the_web_and_books_as_text(tmp_path: Path, english: list[str]) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (books / "one.txt").write_text(english[0] + "\n\n" + english[1], "utf-8")
    (books / "two.txt.gz").write_bytes(gzip.compress(("\n\n".join(english[2:5])).encode()))
    (books / "wide.txt").write_bytes("文字".encode("utf-16"))
    (books / "main.py").write_text("import sys\n\n\ndef main():\n    return sys.argv\n" * 5)
    pages = [
        record("x", 0, "warcinfo"),
        *(record(text, n) for n, text in enumerate(english[5:], 1)),
    ]
    pages.insert(
        3, record(f"HTTP/1.1 200 OK\r\n\r\n<html><p>{english[4]}</p></html>", 99, "response")
    )
    with serving() as site:
        site.files["crawl/a.warc.wet.gz"] = b"".join(pages)
        listed = tmp_path / "inputs.gz"
        listed.write_bytes(gzip.compress(f"# crawl\n{site.of('crawl/a.warc.wet.gz')}\n".encode()))
        built = build(tmp_path / "out", *LIGHT, "--files-from", listed, inputs=[books])
    found = {
        row["record"]: row
        for row in built.rows(
            ["record", "id", "url", "text", "domain", "outcome", "reason", "meta"]
        )
    }
    assert found["one.txt#0"]["domain"] == found["two.txt.gz#0"]["domain"] == "en"
    assert found["main.py#0"]["domain"] == "code"
    assert found["wide.txt#0"]["reason"] == "bad_utf8"
    page = found["a.warc.wet.gz#2"]
    assert (page["text"], page["url"]) == (english[6], "https://e.org/2")
    assert page["id"] == "urn:uuid:2" and "2024-05-18" in page["meta"]
    assert " ".join(found["a.warc.wet.gz#3"]["text"].split()) == " ".join(english[4].split())
    assert built.manifest["ledger"]["read"] == len(found) == 26 + 4
    told = {one["unit"]: one.get("aside") for one in built.manifest["inputs"]}
    assert told == {"a.warc.wet.gz": {"warcinfo": 1}, "main.py": None}
    assert skypile("verify", built.path).returncode == 0


def test_build_takes_lists_on_standard_input_and_documents_not(tmp_path: Path) -> None:
    done = skypile("build", "-", "--output", tmp_path / "out")
    assert done.returncode == 2 and "documents from standard input" in done.stderr
    for args in (["--files-from", tmp_path / "none"], []):
        done = skypile("build", *args, "--output", tmp_path / "out")
        assert done.returncode in (1, 2) and done.stderr.count("\n") == 1
    done = skypile("build", SAMPLE / "web-en.jsonl", "--output", "https://host/corpus")
    assert done.returncode == 2 and "nothing can be written by http" in done.stderr
    assert not (tmp_path / "out").exists()
