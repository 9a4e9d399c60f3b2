"""What the tests of readers share: files made of lines, and all rows of some inputs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from skypile.io.sources import ReadOptions, UnitReader, open_unit
from skypile.io.units import Plan, plan_units
from skypile.schema import input_schema

# A batch holds about 4 MB, or one document that is larger than that.
ODD = b'{"text": "\\u4e2d\\n\\"q\\"", "n": 1}'


def lines(*records: Any, end: bytes = b"\n") -> bytes:
    """Return records as JSON Lines; bytes are taken as they are."""
    raw = (
        one if isinstance(one, bytes) else json.dumps(one, ensure_ascii=False).encode()
        for one in records
    )
    return b"".join(line + end for line in raw)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def gz(*members: bytes) -> bytes:
    return b"".join(gzip.compress(member, 6, mtime=0) for member in members)


def zst(*frames: bytes, level: int = 3) -> bytes:
    return b"".join(zstandard.ZstdCompressor(level=level).compress(frame) for frame in frames)


def skippable(size: int) -> bytes:
    return b"\x5a\x2a\x4d\x18" + size.to_bytes(4, "little") + bytes(size)


def drain(reader: UnitReader) -> list[dict[str, Any]]:
    """Return all rows of a unit; every record that was counted is one of them."""
    found: list[dict[str, Any]] = []
    for batch in reader:
        assert isinstance(batch, pa.RecordBatch)
        batch.validate(full=True)
        expected = input_schema()
        assert [f.type for f in batch.schema][: len(expected)] == expected.types
        assert batch.schema.names[: len(expected)] == expected.names
        assert batch.num_rows > 0
        found.extend(batch.to_pylist())
    assert reader.read == len(found)
    rows = [row["row"] for row in found]
    assert rows == sorted(set(rows))
    for row in found:
        check(row)
    return found


def check(row: dict[str, Any]) -> None:
    """Assert what holds for every row that a reader yields."""
    assert row["id"] and row["record"] and row["source"]
    assert row["reason_score"] is None and row["reason_limit"] is None
    if row["outcome"] is None:
        assert row["text"] is not None
        assert row["reason"] is row["message"] is row["raw"] is row["byte_offset"] is None
    else:
        assert row["outcome"] == "error" and row["text"] is None
        assert row["reason"] and row["message"]
        assert row["raw"] is None or len(row["raw"]) <= 65536


def rows_of(plan: Plan, options: ReadOptions | None = None) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = []
    for unit in plan.units:
        every.extend(drain(open_unit(unit, options or ReadOptions())))
    return every


def read(*inputs: Path | str, target: int = 64 << 20, **options: Any) -> list[dict[str, Any]]:
    """Plan `inputs` and return the rows of all units."""
    plan = plan_units([str(one) for one in inputs], target_bytes=target)
    return rows_of(plan, ReadOptions(**options))


def texts(rows: Sequence[dict[str, Any]]) -> list[str | None]:
    return [row["text"] for row in rows]


def reasons(rows: Iterable[dict[str, Any]]) -> list[str | None]:
    return [row["reason"] for row in rows]
