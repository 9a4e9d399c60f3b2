"""Thrift's compact protocol, read: what the footers and page headers of Parquet are written in.

Arrow tells more about a footer, but a footer whose statistics are broken ends the process there
(an exception of C++ that nobody catches, as of pyarrow 25).
"""

from __future__ import annotations

from typing import Any

__all__ = ["Reader", "ThriftError"]

MAX_VALUES = 5_000_000  # five seconds; files of 100 row groups of 3,000 columns have as many
MAX_DEPTH = 32  # a footer is nested 8 deep
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(14)
FIXED = {BYTE: 1, DOUBLE: 8, UUID: 16}


class ThriftError(ValueError):
    """The bytes are no such struct."""


class Reader:
    """Reads values from `data`, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._left = MAX_VALUES

    def struct(self, *, fields: int | None = None, depth: int = 0) -> dict[int, Any]:
        """Return the fields of the struct that comes next, by number; the first `fields` only.

        Raises ThriftError for what is none.
        """
        if depth > MAX_DEPTH:
            raise ThriftError("nested too deep")
        found: dict[int, Any] = {}
        number = 0
        while fields is None or len(found) < fields:
            head = self._bytes(1)[0]
            kind = head & 15
            if kind == STOP:
                break
            number = number + (head >> 4) if head >> 4 else self._integer()
            found[number] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ThriftError(f"more than {MAX_VALUES:,} values")
        if kind in (I16, I32, I64):
            return self._integer()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in FIXED:
            return self._bytes(FIXED[kind])
        if kind == STRUCT:
            return self.struct(depth=depth + 1)
        if kind in (LIST, SET):
            return self._list(depth + 1)
        raise ThriftError(f"unknown type {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._bytes(1)[0]
        size = self._varint() if head >> 4 == 15 else head >> 4
        if depth > MAX_DEPTH or size > len(self._data) - self._at:
            raise ThriftError("a list cannot be so long")
        kind = head & 15
        if kind in (TRUE, FALSE):
            return [byte == TRUE for byte in self._bytes(size)]
        return [self._value(kind, depth) for _ in range(size)]

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ThriftError("a number of more than 64 bits")

    def _bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise ThriftError("the bytes end early")
        self._at += size
        return found
