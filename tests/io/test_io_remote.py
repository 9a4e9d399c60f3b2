"""Inputs by s3:// against a store on this machine; and stores that are not there."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_inputs import drain, gz, lines, put, read, rows_of, texts, zst
from s3_server import Bucket
from warc_files import wet
from web_server import serving

from skypile.errors import InputError, SkyPileError, UsageError
from skypile.io import remote
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import Unit, plan_units

DOCS = [{"id": f"d{number}", "text": f"text {number} 中文"} for number in range(200)]
TEXTS = [one["text"] for one in DOCS]
DOC = lines({"text": "a"})


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(
        pa.table({"id": [d["id"] for d in DOCS], "text": TEXTS}), sink, row_group_size=40
    )
    return sink.getvalue()


CONTAINERS = {
    "a.jsonl": lines(*DOCS),
    "a.jsonl.gz": gz(lines(*DOCS)),
    "a.jsonl.zst": zst(lines(*DOCS)),
    "a.parquet": parquet(),
    "a.warc.wet.gz": gz(*wet(*TEXTS)),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_single_objects(bucket: Bucket, name: str) -> None:
    rows = read(bucket.put(f"raw/2020/{name}", CONTAINERS[name]), target=2000)
    assert texts(rows) == TEXTS
    first = 1 if "wet" in name else 0
    assert rows[0]["record"] == f"{name}#{first}"


def test_row_groups_and_ranges_are_units(bucket: Bucket) -> None:
    for name in ("a.parquet", "a.jsonl"):
        plan = plan_units([bucket.put(name, CONTAINERS[name])], target_bytes=3000)
        assert len(plan.units) > 2
        assert texts(rows_of(plan)) == TEXTS


def test_folders_and_patterns_are_read_as_local_ones_are(bucket: Bucket, tmp_path: Path) -> None:
    content = {
        "raw/2020/a.jsonl": DOC,
        "raw/b.jsonl.zst": zst(DOC),
        "raw/c.py": b"print()\n",
        "raw/deep/er/d.txt": b"book",
        "raw/.hidden/e.jsonl": DOC,
        "raw/logo.png": b"PNG\0",
        "raw/.gitignore": b"deep/er/ignored.py\n",
        "raw/deep/er/ignored.py": b"x",
        "raw/node_modules/x.js": b"x",
        "raw/a key, with % # and +.jsonl": DOC,
        "rawhide/z.jsonl": DOC,
        "top.jsonl": DOC,
    }
    for key, data in content.items():
        bucket.put(key, data)
        put(tmp_path / key, data)
    for given in ("raw", "raw/", "raw/**", "raw/**/*.jsonl*", "raw/*", "r*/*.jsonl", "*/*/a.*"):
        ours, theirs = plan_units([bucket.url(given)]), plan_units([f"{tmp_path}/{given}"])
        assert [unit.name for unit in ours.units] == [unit.name for unit in theirs.units], given
        assert ours.skipped == theirs.skipped
        rows, expected = rows_of(ours), rows_of(theirs)
        assert [(r["record"], r["text"]) for r in rows] == [
            (r["record"], r["text"]) for r in expected
        ]
    for root in (bucket.url(), bucket.url().rstrip("/"), bucket.url("**")):
        assert "top.jsonl" in {unit.name for unit in plan_units([root]).units}
    (named,) = read(bucket.url("raw/a key, with % # and +.jsonl"))
    assert named["record"] == "a key, with % # and +.jsonl#0"


def test_keys_hold_size_and_time_and_survive_a_listing(bucket: Bucket) -> None:
    url = bucket.put("raw/a.jsonl", DOC)

    def unit(given: str) -> Unit:
        (found,) = plan_units([given]).units
        return found

    before = unit(url)
    assert unit(bucket.url("raw")) == unit(bucket.url("raw/*")) == before
    assert before.size == len(DOC) and before.mtime_ns > 0
    assert Unit.from_json(before.to_json()) == before
    bucket.put("raw/a.jsonl", DOC + DOC)
    assert unit(url).key("f") != before.key("f")
    with pytest.raises(InputError, match=r"s3://.*a\.jsonl: has changed since"):
        drain(open_unit(before, ReadOptions()))
    bucket.system.delete_file(f"{bucket.name}/raw/a.jsonl")
    with pytest.raises(InputError, match=r"a\.jsonl: "):
        drain(open_unit(before, ReadOptions()))


def test_a_text_that_changed_is_noticed(bucket: Bucket) -> None:
    (unit,) = plan_units([bucket.put("a.txt", b"book")]).units
    bucket.put("a.txt", b"books")
    with pytest.raises(InputError, match=r"a\.txt: has changed"):
        drain(open_unit(unit, ReadOptions()))


@pytest.mark.parametrize(
    ("key", "told"),
    [("none.jsonl", "no input matches"), ("none/*", "no input matches"), ("none", "no input")],
)
def test_keys_that_are_not_there(bucket: Bucket, key: str, told: str) -> None:
    bucket.put("a.jsonl", DOC)
    with pytest.raises(UsageError, match=told) as caught:
        plan_units([bucket.url(key)])
    assert bucket.url(key) in str(caught.value)


def test_buckets_that_are_not_there(bucket: Bucket) -> None:
    for key in ("a.jsonl", "**", ""):
        with pytest.raises(UsageError, match="there is no bucket s3://no-such-bucket"):
            plan_units([f"s3://no-such-bucket/{key}"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "S3_CONNECT_SECONDS", 1)
    monkeypatch.setattr(remote, "S3_SILENT_SECONDS", 1)
    monkeypatch.setattr(remote, "S3_TRIES", 2)


def test_a_store_that_is_not_there(
    bucket: Bucket, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(SkyPileError, match=r"s3://.*: cannot be looked at: .*connect") as caught:
        plan_units([bucket.url("a.jsonl")])
    assert "\n" not in str(caught.value)


def test_a_store_that_says_nothing_is_given_up(
    bucket: Bucket, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(InputError, match=r"cannot be looked at: .*[Tt]imeout"):
            plan_units([bucket.url("a.jsonl")])


HEAD = (
    b"HTTP/1.1 %s\r\nContent-Length: %d\r\nLast-Modified: Thu, 26 Nov 2026 07:03:13 GMT\r\n%s\r\n"
)


@pytest.fixture
def breaking() -> Iterator[str]:
    """A store whose one object is told to be large, and whose bodies break."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(65536)
                    if asked.startswith(b"HEAD"):
                        connection.sendall(HEAD % (b"200 OK", 5_000_000, b"Connection: close\r\n"))
                    elif asked:
                        told = b"Content-Range: bytes 0-999999/5000000\r\n"
                        connection.sendall(HEAD % (b"206 Partial", 1_000_000, told) + DOC * 100)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_body_that_ends_early_is_no_end(
    bucket: Bucket, breaking: str, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", breaking)
    with pytest.raises(InputError, match=r"a\.jsonl: cannot be read: .*[Pp]artial"):
        read(bucket.url("a.jsonl"))


def test_wrong_credentials_are_one_sentence(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as site:
        # What the store here does not refuse; a real one answers so.
        site.statuses = {f"{bucket.name}/a.jsonl": [403] * 9}
        monkeypatch.setenv("AWS_ENDPOINT_URL", site.url)
        with pytest.raises(InputError, match=r"s3://.*a\.jsonl: cannot be looked at: .*DENIED"):
            plan_units([bucket.url("a.jsonl")])


def test_hdfs_without_its_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    monkeypatch.setenv("ARROW_LIBHDFS_DIR", "/nowhere")
    with pytest.raises(UsageError, match=r"hdfs://name:1: cannot be opened \(Unable to load"):
        plan_units(["hdfs://name:1/a.jsonl"])
