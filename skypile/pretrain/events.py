"""Scalars in TensorBoard's own file format, for who watches runs with it.

TensorBoard's packages weigh more than the loop itself, and what they write of a scalar is this: a
record (its length and the data, each with a masked CRC-32C) with a protocol buffer `Event` of wall
time (field 1, double), step (field 2, varint) and either the file's version (field 3) or a summary
(field 5) of values (field 1) with tag (field 1) and float (field 2): event.proto
and record_writer.h of TensorFlow.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["EVENTS_FILE", "EventFile", "masked_crc"]

EVENTS_FILE = "events.out.tfevents.skypile"
_VERSION = b"brain.Event:2"


def _table() -> tuple[int, ...]:
    """Return the remainders of all bytes by Castagnoli's polynomial, bits reversed (RFC 3720)."""
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        found.append(value)
    return tuple(found)


_REMAINDERS = _table()


def masked_crc(data: bytes) -> int:
    """Return the CRC-32C of `data`, turned by 15 bits and offset, as records have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _REMAINDERS[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    """Return a length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    crcs = (struct.pack("<I", masked_crc(part)) for part in (length, data))
    return length + next(crcs) + data + next(crcs)


class EventFile:
    """A new file of scalars; raises OSError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")
        self._write(0, _field(3, _VERSION))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append the values of a step by tag."""
        summary = b"".join(
            _field(1, _field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
            for tag, value in values.items()
        )
        self._write(step, _field(5, summary))

    def _write(self, step: int, content: bytes) -> None:
        head = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _varint(step)
        self._stream.write(_record(head + content))
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
