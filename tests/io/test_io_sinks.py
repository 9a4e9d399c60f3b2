"""Writers: whole files or none, and the same bytes for the same rows."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from skypile.errors import InputError, OutputError
from skypile.io.sinks import JsonlWriter, ParquetShardWriter, footer_metadata, footer_rows

SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64())])


def batch(start: int, rows: int) -> pa.RecordBatch:
    numbers = list(range(start, start + rows))
    return pa.record_batch({"n": numbers, "text": [f"text {n} " * 40 for n in numbers]})


def shard(path: Path, **options: int) -> ParquetShardWriter:
    with ParquetShardWriter(str(path), SCHEMA, metadata={"recipe": "中"}, **options) as writer:
        for start in range(0, 5000, 500):
            writer.write(batch(start, 500))
        assert writer.rows == 5000 and not path.exists()
    return writer


def test_a_shard_is_described_by_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "out/a.parquet"
    writer = shard(path, row_group_bytes=400_000)
    assert writer.shard is not None
    data = path.read_bytes()
    assert writer.shard.path == str(path)
    assert writer.shard.rows == footer_rows(str(path)) == 5000
    assert writer.shard.bytes == len(data)
    assert writer.shard.sha256 == hashlib.sha256(data).hexdigest()
    assert footer_metadata(str(path)) == {"recipe": "中"}
    table = pq.read_table(path)
    assert table.schema.equals(SCHEMA) and table.column("n").to_pylist() == list(range(5000))
    assert pq.ParquetFile(path).metadata.num_row_groups > 2
    assert [entry.name for entry in path.parent.iterdir()] == ["a.parquet"]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = shard(tmp_path / "a.parquet"), shard(tmp_path / "b.parquet")
    assert one.shard is not None and two.shard is not None
    assert one.shard.sha256 == two.shard.sha256
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        for folder in ("x", "y"):
            with JsonlWriter(str(tmp_path / folder / name)) as writer:
                for _ in range(1000):
                    writer.write(b'{"text": "a"}')
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes()


def test_a_shard_without_rows(tmp_path: Path) -> None:
    with ParquetShardWriter(str(tmp_path / "a.parquet"), SCHEMA) as writer:
        writer.write(batch(0, 0))
    assert footer_rows(str(tmp_path / "a.parquet")) == 0
    assert footer_metadata(str(tmp_path / "a.parquet")) == {}


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    parquet = ParquetShardWriter(str(tmp_path / "a.parquet"), SCHEMA)
    with pytest.raises(ZeroDivisionError), parquet as writer:
        writer.write(batch(0, 10))
        raise ZeroDivisionError
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        with pytest.raises(ZeroDivisionError), JsonlWriter(str(tmp_path / name)) as lines:
            lines.write(b"{}")
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_json_lines_in_every_container(tmp_path: Path) -> None:
    expected = b'{"a": 1}\n' * 3
    opened = {
        "a.jsonl": lambda data: data,
        "a.jsonl.gz": gzip.decompress,
        "a.jsonl.zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    for name, unpack in opened.items():
        with JsonlWriter(str(tmp_path / name)) as writer:
            for _ in range(3):
                writer.write(b'{"a": 1}')
        assert writer.lines == 3
        assert unpack((tmp_path / name).read_bytes()) == expected


class _Stdout:
    def __init__(self, buffer: object) -> None:
        self.buffer = buffer


def test_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", _Stdout(buffer))
    with JsonlWriter("-") as writer:
        writer.write(b"{}")
    assert buffer.getvalue() == b"{}\n"


def test_a_closed_pipe_stays_a_closed_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "wb", buffering=0) as pipe:
        monkeypatch.setattr(sys, "stdout", _Stdout(pipe))
        with pytest.raises(BrokenPipeError), JsonlWriter("-") as writer:
            writer.write(b"{}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_stdout_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stdout", _Stdout(full))
        message = "stdout: the disk is full"
        with pytest.raises(OutputError, match=message), JsonlWriter("-") as writer:
            writer.write(b"{}")


def _write_one(path: Path) -> None:
    with ParquetShardWriter(str(path), SCHEMA) as writer:
        writer.write(batch(0, 10))


def test_a_folder_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "a.parquet", tmp_path / "file/a.parquet"):
        with pytest.raises(OutputError, match=r"a\.parquet"):
            _write_one(path)


def test_footers_of_what_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    (tmp_path / "b").write_bytes(b"PAR1 cut")
    with pytest.raises(InputError, match="not a Parquet file"):
        footer_rows(str(tmp_path / "a"))
    with pytest.raises(InputError, match="damaged"):
        footer_rows(str(tmp_path / "b"))
    with pytest.raises(InputError, match="cannot be opened"):
        footer_rows(str(tmp_path / "c"))
