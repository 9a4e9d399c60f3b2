"""The file for TensorBoard has the numbers of the log, in records that its readers accept."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from skypile.pretrain.events import EVENTS_FILE, EventFile, masked_crc
from skypile.pretrain.log import RunLog, read_log


def unmasked(crc: int) -> int:
    rotated = (crc - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def fields(data: bytes) -> list[tuple[int, object]]:
    """A plain reader of protocol buffers: the fields of one message."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            found.append((number, varint()))
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        value = data[at : at + size]
        at += size
        unpacked = {1: "<d", 5: "<f"}.get(kind)
        found.append((number, struct.unpack(unpacked, value)[0] if unpacked else value))
    return found


def events(path: Path) -> list[tuple[int, dict[str, float]]]:
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        assert struct.unpack_from("<I", data, at + 8)[0] == masked_crc(data[at : at + 8])
        body = data[at + 12 : at + 12 + size]
        assert struct.unpack_from("<I", data, at + 12 + size)[0] == masked_crc(body)
        at += 16 + size
        event = dict(fields(body))
        if 5 in event:
            values = [dict(fields(value)) for _, value in fields(event[5])]
            found.append((event[2], {v[1].decode(): v[2] for v in values}))
        else:
            assert event[3] == b"brain.Event:2"
    return found


def test_the_checksum_is_castagnolis():
    # Test vectors of RFC 3720, section B.4.
    assert unmasked(masked_crc(bytes(32))) == 0x8A9136AA
    assert unmasked(masked_crc(bytes([255] * 32))) == 0x62A8AB43
    assert unmasked(masked_crc(bytes(range(32)))) == 0x46DD794E


def test_values_are_read_back(tmp_path):
    file = EventFile(tmp_path / "events")
    file.add(1, {"train/loss": 2.5})
    file.add(300_000_000_000, {"验证/zh": -1.0, "b": 0.0})
    file.close()
    assert events(tmp_path / "events") == [
        (1, {"train/loss": 2.5}),
        (300_000_000_000, {"验证/zh": -1.0, "b": 0.0}),
    ]


def test_both_files_go_back_together(tmp_path):
    path = tmp_path / "log.jsonl"
    log = RunLog(path, step=0)
    for step in (1, 2, 3):
        log.add({"kind": "validation", "step": step, "stage": "a", "losses": {"en": 1.5 * step}})
    log.close()
    log = RunLog(path, step=2)
    log.add({"kind": "step", "step": 3, "stage": "a", "loss": 4.0, "lr": 0.5, "grad_norm": 1.0,
             "tokens_per_second": 8.0})  # fmt: skip
    log.close()
    assert [record["step"] for record in read_log(path)] == [1, 2, 3]
    found = events(tmp_path / EVENTS_FILE)
    assert found[:2] == [(1, {"validation/en": 1.5}), (2, {"validation/en": 3.0})]
    assert found[2][1]["train/loss"] == pytest.approx(4.0)
