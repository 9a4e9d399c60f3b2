"""Files by http and https: every byte, or an error; never a body that ended early."""

from __future__ import annotations

import datetime
import io
import os
import random
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from io_inputs import drain, gz, lines, read, reasons, texts, zst
from warc_files import wet
from web_server import Site, serving

from skypile.errors import InputError, UsageError
from skypile.io import http
from skypile.io.files import open_input
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import Unit, plan_units

DOCS = [{"id": f"d{number}", "text": f"text {number} 中文 " + "x" * 300} for number in range(4000)]
DATA = lines(*DOCS)
TEXTS = [one["text"] for one in DOCS]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    with serving() as found:
        found.files = {"a.jsonl": DATA}
        yield found


def parquet(rows: int = 4000, groups: int = 8) -> bytes:
    table = pa.table({"id": [d["id"] for d in DOCS[:rows]], "text": TEXTS[:rows]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows // groups, use_dictionary=False)
    return sink.getvalue()


SERVERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no ranges": {"ranges": False},
    "no length": {"tell_length": False, "ranges": False},
    "chunked": {"chunked": True},
    "no identity": {"etags": False},
    "bare": {"tell_length": False, "ranges": False, "etags": False},
}


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "named-by-me"]
)
def test_every_server_gives_the_same_documents(site: Site, kind: str, name: str) -> None:
    pack = {"a.jsonl.gz": gz, "a.jsonl.zst": zst, "a.parquet": lambda _: parquet()}.get(name, bytes)
    site.files[name] = pack(DATA)
    vars(site).update(SERVERS[kind])
    rows = read(site.of(name))
    assert texts(rows) == TEXTS
    assert rows[7]["record"] == f"{name}#7" and rows[7]["source"] == name


def test_wet_text_and_code(site: Site) -> None:
    site.files |= {"c/a.wet.gz": gz(*wet("a", "b")), "b.txt": b"book", "b.txt.gz": gz(b"packed")}
    site.files |= {"x/main.py": b"print()\n", "empty.jsonl": b"", "empty.txt": b""}
    rows = read(*(site.of(name) for name in site.files if name != "a.jsonl"))
    assert {row["record"]: row["text"] for row in rows} == {
        "a.wet.gz#1": "a",
        "a.wet.gz#2": "b",
        "b.txt#0": "book",
        "b.txt.gz#0": "packed",
        "main.py#0": "print()\n",
        "empty.txt#0": "",
    }


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_broken_connection_is_taken_up_again(
    site: Site, ranges: bool, name: str, chunked: bool
) -> None:
    site.files = {"a.jsonl": DATA, "a.jsonl.gz": gz(DATA), "a.parquet": parquet()}
    site.ranges, site.chunked = ranges, chunked
    site.cut_after, site.cuts_left = len(site.files[name]) // 3, 3
    assert texts(read(site.of(name))) == TEXTS
    assert site.cuts_left < 3 or name == "a.parquet"
    if ranges and name == "a.jsonl":
        assert any(asked and not asked.startswith("bytes=0-") for _, asked in site.log)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.txt"])
def test_a_body_that_always_ends_early_fails_the_run(site: Site, ranges: bool, name: str) -> None:
    content = {"a.jsonl.gz": gz(DATA), "a.parquet": parquet()}.get(name, DATA)
    site.files, site.ranges = {name: content}, ranges
    plan = plan_units([site.of(name)])
    site.cut_after = 5000 if not ranges else 10
    with pytest.raises(InputError, match=rf"{name}: .*failed 5 times"):
        for unit in plan.units:
            drain(open_unit(unit, ReadOptions()))
    with pytest.raises(InputError, match=rf"{name}: .*failed 5 times"):
        read(site.of(name))


def test_slow_progress_is_progress(site: Site) -> None:
    site.cut_after = 1_100_000  # each response of a few brings a megabyte
    site.files = {"a.jsonl": DATA * 6}
    assert len(read(site.of("a.jsonl"))) == 24_000


@pytest.mark.parametrize(
    ("status", "told"), [(404, "404 Not Found"), (403, "403 Forbidden"), (410, "410 Gone")]
)
def test_what_is_not_there_is_named(site: Site, status: int, told: str) -> None:
    site.statuses["gone.jsonl"] = [status] * 9
    url = site.of("gone.jsonl").replace("http://", "http://me:secret@") + "?signature=secret"
    with pytest.raises(InputError) as caught:
        read(site.of("a.jsonl"), url)
    assert told in str(caught.value) and site.of("gone.jsonl") in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(site.statuses["gone.jsonl"]) == 8


def test_passing_refusals_are_tried_again(site: Site) -> None:
    site.statuses["a.jsonl"] = [503, 429, 500]
    assert len(read(site.of("a.jsonl"))) == 4000
    site.statuses["a.jsonl"] = [503] * 9
    with pytest.raises(InputError, match="failed 5 times: the server answers 503"):
        read(site.of("a.jsonl"))


def test_redirects_are_followed_and_end(site: Site) -> None:
    site.redirects = {"there": "/a.jsonl", "loop": "/loop", "out": "file:///etc/passwd"}
    assert [row["record"] for row in read(site.of("there"))][:1] == ["there#0"]
    for name in ("loop", "out"):
        with pytest.raises(InputError, match=f"{name}: cannot be fetched"):
            read(site.of(name))


def test_servers_that_are_not_there(site: Site) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"a\.jsonl: failed 5 times: .*[Cc]onnection refused"):
        read(f"http://127.0.0.1:{port}/a.jsonl")
    for url in ("http://", "http://[::1/a.jsonl", f"http://{'a' * 300}/a", "https://a b/"):
        with pytest.raises(InputError):
            read(url)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(http, "SILENT_SECONDS", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(InputError, match=r"failed 5 times: .*timed out"),
    ):
        read(f"http://127.0.0.1:{silent.getsockname()[1]}/a.jsonl")


def test_html_is_no_data(site: Site) -> None:
    site.files["page"] = b"<!doctype html><title>Sign in</title>"
    with pytest.raises(UsageError, match="page: cannot tell what this file is"):
        read(site.of("page"))


def unit_of(site: Site) -> Unit:
    (unit,) = plan_units([site.of("a.jsonl")]).units
    return unit


def test_a_change_is_noticed_and_gives_another_key(site: Site) -> None:
    before = unit_of(site)
    assert unit_of(site) == before
    site.files["a.jsonl"] = DATA.replace(b"text 1 ", b"text 2 ")
    after = unit_of(site)
    assert before.size == after.size and before.key("f") != after.key("f")
    with pytest.raises(InputError, match=r"a\.jsonl: has changed since"):
        drain(open_unit(before, ReadOptions()))
    site.etags = False
    site.files["a.jsonl"] += b"\n"
    with pytest.raises(InputError, match="has changed"):
        drain(open_unit(after, ReadOptions()))


def test_a_change_while_it_is_read_is_noticed(site: Site) -> None:
    site.cut_after, site.cuts_left = 100_000, 1
    with open_input(site.of("a.jsonl")) as file:
        file.read(1)
        site.files["a.jsonl"] = DATA[::-1]
        with pytest.raises(InputError, match="has changed while it was read"):
            file.read()


@pytest.mark.parametrize("kind", SERVERS)
def test_reading_at_random_is_what_a_file_does(site: Site, kind: str) -> None:
    vars(site).update(SERVERS[kind])
    rng, whole = random.Random(1), io.BytesIO(DATA)
    with open_input(site.of("a.jsonl")) as file:
        for _ in range(60):
            place = (rng.randrange(len(DATA) + 9), os.SEEK_SET)
            if rng.random() < 0.3:
                place = (-rng.randrange(len(DATA)), os.SEEK_END)
            assert file.seek(*place) == whole.seek(*place)
            size = rng.choice([0, 1, 100, 2_000_000, -1])
            assert file.read(size) == whole.read(size)
            assert file.tell() == whole.tell()


def test_parquet_fetches_what_it_needs(site: Site) -> None:
    site.files["a.parquet"] = parquet(groups=2)
    sent = len(site.files["a.parquet"])
    plan = plan_units([site.of("a.parquet")], target_bytes=1000)
    assert len(plan.units) == 2
    assert [len(drain(open_unit(unit, ReadOptions()))) for unit in plan.units] == [2000, 2000]
    assert sent and all(asked for path, asked in site.log if path == "a.parquet")


def test_names_of_urls(site: Site) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    site.files |= {"x/a.jsonl": DATA, "y/b": DATA}
    names = [
        unit.name
        for unit in plan_units(
            [
                site.of("a.jsonl?key=1"),
                site.of("x/a.jsonl#part"),
                site.of("y/b?n=1"),
                f"{other}/y/b",
            ]
        ).units
    ]
    host, other_host = site.url.removeprefix("http://"), other.removeprefix("http://")
    assert sorted(names) == sorted(
        [f"{host}/a.jsonl", "x/a.jsonl", f"{host}/y/b", f"{other_host}/y/b"]
    )
    first, second = plan_units([site.of("y/b?n=1"), site.of("y/b?n=2")]).units
    assert first.name != second.name and first.name.startswith("b?")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + secret)
    return path


def test_certificates_are_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(certificate) as site:
        site.files["a.jsonl"] = DATA
        with pytest.raises(InputError, match=r"a\.jsonl: the server's certificate cannot be"):
            read(site.of("a.jsonl"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert len(read(site.of("a.jsonl"))) == 4000


def test_several_inputs_of_which_one_fails_name_that_one(site: Site) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl: the server answers 404"):
        read(site.of("a.jsonl"), site.of("none.jsonl"))
    assert reasons(read(site.of("a.jsonl"))) == [None] * 4000
