"""Changes to a JSON record that leave every other byte of it as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import orjson

__all__ = ["INPUT_PREFIX", "Value", "extended", "with_text"]

Value = str | int | float | bool | None

WHITE = re.compile(r"[ \t\n\r]*")
# Numbers are only passed over here; as text they cannot be too long.
DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
INPUT_PREFIX = "input_"


def with_text(line: bytes, field: str, text: str) -> bytes:
    """Return the JSON object `line` with the value of its top-level `field` replaced by `text`.

    Of a field named twice the last one is replaced: readers take that one.
    """
    source = line.decode()
    spans = [(start, end) for name, start, end in _values(source) if name == field]
    assert spans, f"the record has no field {field!r}"
    start, end = spans[-1]
    return source[:start].encode() + orjson.dumps(text) + source[end:].encode()


def _values(source: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each top-level field and where its value starts and ends."""
    at = _skip(source, source.index("{") + 1)
    while source[at] != "}":
        name, at = DECODER.raw_decode(source, at)
        start = _skip(source, _skip(source, at) + 1)
        _, end = DECODER.raw_decode(source, start)
        yield name, start, end
        at = _skip(source, end)
        if source[at] == ",":
            at = _skip(source, at + 1)


def _skip(source: str, at: int) -> int:
    found = WHITE.match(source, at)
    assert found is not None
    return found.end()


def extended(line: bytes, values: Mapping[str, Value]) -> bytes:
    """Return the JSON object `line` with `values` behind its own fields.

    A field of its own with one of these names is renamed: ``score`` becomes ``input_score``.
    """
    if any(f'"{name}"'.encode() in line for name in values):
        return _renamed(line, values)
    body = line.rstrip()[:-1].rstrip()
    comma = b"" if body.endswith(b"{") else b","
    return body + comma + orjson.dumps(dict(values))[1:]


def _renamed(line: bytes, values: Mapping[str, Value]) -> bytes:
    source, parts = line.decode(), {}
    for name, start, end in _values(source):
        parts[f"{INPUT_PREFIX}{name}" if name in values else name] = source[start:end].encode()
    parts |= {name: orjson.dumps(value) for name, value in values.items()}
    return b"{" + b",".join(orjson.dumps(name) + b":" + part for name, part in parts.items()) + b"}"
