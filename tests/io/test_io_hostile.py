"""Readers under random damage: they end, they count, and they keep what was not touched."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from io_inputs import drain, gz, lines, put, read, rows_of, skippable, texts, zst

from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

RUNS = 150


def documents(rng: random.Random, count: int) -> list[dict[str, Any]]:
    alphabet = 'abc "\\/\n\t\x00中文🙂\u2028é{}[],:0'
    return [
        {
            "id": f"d{index}",
            "text": "".join(rng.choices(alphabet, k=rng.randrange(60))),
            "n": rng.choice([None, 1, 1.5, True, [1, {"a": None}], "x"]),
        }
        for index in range(count)
    ]


def damage(rng: random.Random, data: bytes, changes: int = 0) -> bytes:
    """Return `data` with bytes changed, left out, repeated or put in, in a few places."""
    raw = bytearray(data)
    for _ in range(changes or rng.choice([1, 1, 2, 5, 50])):
        place = rng.randrange(len(raw) + 1)
        kind = rng.randrange(5)
        if kind == 0 and place < len(raw):
            raw[place] = rng.randrange(256)
        elif kind == 1:
            del raw[place : place + rng.randrange(20)]
        elif kind == 2:
            raw[place:place] = rng.randbytes(rng.randrange(20))
        elif kind == 3:
            raw[place:place] = raw[place : place + rng.randrange(200)]
        else:
            raw[place : place + 4] = rng.choice([b"\xff\xfe", b"\0" * 4, b"\r\n", b"[" * 3, b'"'])
    return bytes(raw)


@pytest.mark.parametrize("kind", ["plain", "gzip", "zstd"])
def test_random_damage_never_raises(tmp_path: Path, kind: str) -> None:
    pack = {"plain": lambda data: data, "gzip": lambda data: gz(data[:90], data[90:])}.get(
        kind, lambda data: zst(data[:90]) + skippable(3) + zst(data[90:])
    )
    for seed in range(RUNS):
        rng = random.Random(seed)
        data = pack(lines(*documents(rng, 12)))
        path = put(tmp_path / f"{seed}.jsonl", damage(rng, data))
        plan = plan_units([str(path)], target_bytes=rng.choice([50, 300, 1 << 20]))
        options = ReadOptions(
            max_document_bytes=rng.choice([40, 100, 1 << 20]), keep_lines=bool(rng.randrange(2))
        )
        rows_of(plan, options)


def test_damage_in_a_line_costs_that_line(tmp_path: Path) -> None:
    for seed in range(RUNS):
        rng = random.Random(seed)
        records = documents(rng, 12)
        raw = lines(*records).split(b"\n")[:-1]
        hit = rng.randrange(12)
        raw[hit] = damage(rng, raw[hit]).replace(b"\n", b" ")
        found = {row["row"]: row for row in read(put(tmp_path / "a.jsonl", b"\n".join(raw)))}
        for index, record in enumerate(records):
            if index != hit:
                assert (found[index]["text"], found[index]["id"]) == (record["text"], record["id"])
                assert json.loads(found[index]["meta"]) == {"n": record["n"]}


def test_what_python_reads_is_read_alike(tmp_path: Path) -> None:
    """Every damaged line is a document exactly when Python's json says so, with the same text."""
    count = 0
    for seed in range(RUNS * 4):
        rng = random.Random(seed)
        (line,) = lines(*documents(rng, 1)).splitlines()
        line = damage(rng, line, 1).replace(b"\n", b"")
        if not line.strip():
            continue
        (row,) = read(put(tmp_path / "a.jsonl", b"\n" + line))
        expected = _text(line)
        assert row["text"] == expected, line
        count += expected is not None
    assert count > 50


def _text(line: bytes) -> str | None:
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse)
        json.dumps(fields, ensure_ascii=False).encode()  # refuses lone surrogates
    except (ValueError, RecursionError):
        return None
    text = fields.get("text") if isinstance(fields, dict) else None
    return text if isinstance(text, str) else None


def _refuse(name: str) -> None:
    raise ValueError(name)


@pytest.mark.parametrize("pack", [gz, zst])
def test_a_bomb_is_read_in_bounded_memory(tmp_path: Path, pack: Any) -> None:
    data = b"\n" + bytes(300_000_000) + b"\n" + lines({"text": "a"})
    path = put(tmp_path / "a.jsonl", pack(data))
    assert path.stat().st_size < 400_000
    del data
    (unit,) = plan_units([str(path)]).units
    tracemalloc.start()
    rows = drain(open_unit(unit, ReadOptions(max_document_bytes=1 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row["reason"] for row in rows] == ["too_large", None]
    assert peak < 200 << 20


def test_gzip_headers_of_every_kind(tmp_path: Path) -> None:
    body = gzip.compress(lines({"text": "a"}), mtime=0)[10:]
    extra, name, comment = b"\x05\0extra", b"name\0", b"comment\0"
    heads = [
        bytes([0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 255])
        + (extra if flags & 4 else b"")
        + (name if flags & 8 else b"")
        + (comment if flags & 16 else b"")
        + (b"\0\0" if flags & 2 else b"")
        for flags in range(32)
    ]
    path = put(tmp_path / "a.jsonl.gz", b"".join(head + body for head in heads))
    assert texts(read(path)) == ["a"] * 32
    for bad in (bytes([0x1F, 0x8B, 7, 0]), bytes([0x1F, 0x8B, 8, 0x80])):
        (row,) = read(put(tmp_path / "b.jsonl.gz", bad + bytes(6) + body))
        assert row["reason"] == "bad_compression"
    for cut in range(1, 30):
        (row,) = read(put(tmp_path / "c.jsonl.gz", (heads[31] + body)[:cut]))
        assert row["reason"] == "truncated"


def test_many_small_members_and_frames(tmp_path: Path) -> None:
    one = lines({"text": "a"})
    assert len(read(put(tmp_path / "a.jsonl.gz", gz(one) * 20_000))) == 20_000
    assert len(read(put(tmp_path / "a.jsonl.zst", zst(one) * 20_000))) == 20_000
