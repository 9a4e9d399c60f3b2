"""Standard input, byte ranges, and lines cut anywhere."""

from __future__ import annotations

import io
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_inputs import gz, lines, put, read, rows_of, texts, zst

from skypile.io.lines import line_ranges, range_blocks, split_lines
from skypile.io.units import Unit, plan_units

GOOD = [{"id": f"d{i}", "text": f"text {i} 中文 🙂"} for i in range(40)]


class _Pipe:
    """Stands in for sys.stdin; its buffer gives a few bytes at a time, as pipes do."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BufferedReader(_Trickle(data))


class _Trickle(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(3, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


@pytest.mark.parametrize("pack", [lambda data: data, gz, zst])
def test_stdin_is_told_by_its_first_bytes(monkeypatch: pytest.MonkeyPatch, pack: Any) -> None:
    monkeypatch.setattr(sys, "stdin", _Pipe(pack(lines(*GOOD))))
    rows = read("-")
    assert texts(rows) == [one["text"] for one in GOOD]
    assert rows[3]["record"] == "stdin#3"


def test_empty_stdin_has_no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", _Pipe(b""))
    assert read("-") == []


# Byte ranges

PIECES = st.lists(
    st.sampled_from(
        [
            b'{"text": "a"}',
            '{"text": "中文 long enough to be cut"}'.encode(),
            b"",
            b"{broken",
            b'{"text": "b"}\r',
            b"\xff",
        ]
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=150)
@given(pieces=PIECES, last=st.booleans(), target=st.integers(1, 80))
def test_any_cut_gives_the_records_of_the_whole_file(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], last: bool, target: int
) -> None:
    data = b"\n".join(pieces) + (b"\n" if last else b"")
    path = put(tmp_path_factory.mktemp("cut") / "a.jsonl", data)
    whole = read(path)
    plan = plan_units([str(path)], target_bytes=target)
    assert [unit.end for unit in plan.units][-1] == len(data)
    cut = rows_of(plan)
    for row in (*whole, *cut):
        row.pop("row")
    assert cut == whole


@settings(deadline=None, max_examples=200)
@given(
    data=st.binary(max_size=60).map(lambda b: bytes(x % 3 + 9 for x in b)), block=st.integers(1, 9)
)
def test_ranges_and_blocks_agree_with_plain_splitting(data: bytes, block: int) -> None:
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    file = io.BytesIO(data)
    for target in (1, 2, 7, 100):
        found: list[bytes] = []
        for start, end, first in line_ranges(file, len(data), target):
            offset, blocks = range_blocks(file, start, end)
            joined = b"".join(blocks)
            cut = (joined[i : i + block] for i in range(0, len(joined), block))
            for event in split_lines(iter(cut), offset, 1000):
                assert event.offset == sum(len(line) + 1 for line in expected[: len(found)])
                assert len(found) >= first
                found.extend(event.lines)  # type: ignore[union-attr]
            if joined:
                assert offset < end
        assert found == expected


def test_units_travel(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", lines(*GOOD))
    for unit in plan_units([str(path)], target_bytes=300).units:
        assert pickle.loads(pickle.dumps(unit)) == unit
        assert Unit.from_json(json.loads(json.dumps(unit.to_json()))) == unit
