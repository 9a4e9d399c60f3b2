"""A store that fails now and then costs nothing but time; one that refuses is named, and where."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from faulty_store import TRANSIENT, Faults, every, faulty
from io_inputs import lines, read, texts
from s3_server import Bucket

from skypile.errors import InputError, OutputError
from skypile.io import again, remote
from skypile.io.sinks import ParquetShardWriter
from skypile.io.store import Store
from skypile.io.units import plan_units

DOCS = [{"id": f"d{number}", "text": f"text {number} 中文 " * 50} for number in range(400)]


@pytest.fixture
def faults(bucket: Bucket, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    with faulty(s3_endpoint) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


def everything(store: Store) -> list[object]:
    """Return what each kind of access to a store gives."""
    store.write("a/one.bin", b"x" * 100_000)
    store.write_json("a/two.json", {"n": 1})
    batch = pa.record_batch({"text": [one["text"] for one in DOCS]})
    with ParquetShardWriter(f"{store.root}/a/b/three.parquet", batch.schema) as writer:
        writer.write(batch)
    store.create_by("a/four.bin", lambda path: path.write_bytes(b"y" * 10))
    found: list[object] = [store.read("a/one.bin"), store.read_json("a/two.json")]
    found += [store.digest("a/b/three.parquet"), store.size("a/four.bin"), store.size("none")]
    found += [store.names("a"), store.walk()]
    store.remove("a/b")
    store.remove("a/one.bin")
    return [*found, store.walk()]


def test_transient_faults_change_nothing(bucket: Bucket, faults: Faults) -> None:
    calm = everything(Store(bucket.url("calm")))
    bucket.put("in/a.jsonl", lines(*DOCS))
    faults.of = every(5)
    assert everything(Store(bucket.url("rough"))) == calm
    assert texts(read(bucket.url("in/a.jsonl"))) == [one["text"] for one in DOCS]
    assert set(faults.done) == set(TRANSIENT)


def test_a_small_file_costs_few_requests(bucket: Bucket, faults: Faults) -> None:
    asked: list[str] = []
    faults.of = lambda number, method, key: asked.append(f"{method} {key}")
    Store(bucket.url("out/a/b/c")).write("d/e.bin", b"x" * 1000)
    # It is put under a temporary name, copied to its own, and the first removed; Arrow then keeps
    # the folder in which it has removed something. Nobody makes those above it.
    assert len(asked) == 4, asked
    folders = {one.partition("/out/")[2] for one in asked if one.endswith("/")}
    assert folders <= {"a/b/c/d/"}
    assert bucket.get("out/a/b/c/d/e.bin") == b"x" * 1000


def test_what_amazons_library_takes_for_final_is_tried_again(
    bucket: Bucket, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "PAUSE_SECONDS", (0.01,) * 4)
    store = Store(bucket.url("out"))
    store.write("a.bin", b"x" * 1000)
    bucket.put("in/a.jsonl", lines(*DOCS))
    seen: set[tuple[str, str]] = set()

    def first(number: int, method: str, key: str) -> str | None:
        known = (method, key) in seen or method == "PUT"
        seen.add((method, key))
        return None if known else "busy"

    faults.of = first
    assert store.read("a.bin") == b"x" * 1000
    assert store.names() == ["a.bin"]
    assert texts(read(bucket.url("in/a.jsonl"))) == [one["text"] for one in DOCS]
    store.remove("a.bin")
    faults.of = lambda number, method, key: "busy" if method == "GET" else None
    with pytest.raises(InputError, match=r"in/a\.jsonl: cannot be read: .*(SLOW_DOWN|429)"):
        read(bucket.url("in/a.jsonl"))


def refusing(method: str, part: str, status: int):
    return lambda number, used, key: status if used == method and part in key else None


@pytest.mark.parametrize("status", [403, 503])
def test_a_fault_that_stays_names_the_file(
    bucket: Bucket, faults: Faults, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(remote, "S3_TRIES", 2)
    store = Store(bucket.url("out"))
    store.write("a.bin", b"x")
    bucket.put("in/a.jsonl", lines(*DOCS))
    (unit,) = plan_units([bucket.url("in/a.jsonl")]).units
    path = f"{bucket.name}/out"
    faults.of = refusing("PUT", "/out/b.bin", status)
    with pytest.raises(OutputError, match=rf"^{path}/b\.bin: cannot be written: ") as caught:
        store.write("b.bin", b"y")
    assert "\n" not in str(caught.value)
    faults.of = refusing("GET", "/out/a.bin", status)
    with pytest.raises(OutputError, match=rf"^{path}/a\.bin: cannot be read: "):
        store.read("a.bin")
    faults.of = refusing("DELETE", "/out/a.bin", status)
    with pytest.raises(OutputError, match=rf"^{path}/a\.bin: cannot be removed: "):
        store.remove("a.bin")
    faults.of = refusing("GET", "/in/a.jsonl", status)
    with pytest.raises(InputError, match=r"in/a\.jsonl: "):
        read(unit.path)
    # And nothing half-written is left under a name of its own.
    faults.of = lambda *_: None
    assert store.walk() == ["a.bin"]
