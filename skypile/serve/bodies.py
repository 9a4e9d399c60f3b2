"""Bodies of requests: received in bounded memory, measured before anything is curated, then read.

A body is written to a temporary file (in memory up to 1 MiB) before the first answer is sent. A
client that first sends all and then reads would otherwise wait for a service that waits for it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, Literal, cast

import orjson
import pyarrow as pa
from starlette.requests import ClientDisconnect

from skypile.io.compression import DamagedError, blocks
from skypile.io.formats import Compression
from skypile.io.jsonl import jsonl_batches
from skypile.io.lines import BlankLines, WholeLines, split_lines
from skypile.io.rows import ReadOptions, Tally
from skypile.io.units import Unit
from skypile.serve.problems import Problem, left, too_large
from skypile.serve.settings import Limits

__all__ = ["JSON_TYPES", "LINES_TYPES", "Body", "body_kind", "receive"]

Kind = Literal["json", "lines"]
JSON_TYPES = ("application/json",)
LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
ENCODINGS: dict[str, Compression] = {
    "": "none", "identity": "none", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd",
}  # fmt: skip
_IN_MEMORY_BYTES = 1 << 20
# What an encoder of a body may count on (RFC 9659, section 3): many requests are read at a time.
_ZSTD_WINDOW_BYTES = 8 << 20
# Name of the body in records and error messages: `body#12` is its line 12, counted from 0.
NAME = "body"
# Integers of more than 64 bits, which orjson rounds.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")


def body_kind(headers: Mapping[str, str]) -> tuple[Kind, Compression]:
    """Return how a body is to be read by its headers; Problem 415 for what is not known."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ENCODINGS:
        raise Problem(
            415, "unknown_encoding", f"the body is encoded as {coding[:40]!r}",
            where="header Content-Encoding", hint="send it plain, or as gzip or zstd",
            headers={"Accept-Encoding": "gzip, zstd, identity"},
        )  # fmt: skip
    if media in JSON_TYPES:
        return "json", ENCODINGS[coding]
    if media in LINES_TYPES:
        return "lines", ENCODINGS[coding]
    told = f"the body is of type {media[:60]!r}" if media else "the body has no type"
    raise Problem(
        415, "unknown_type", told, where="header Content-Type",
        hint="send application/json, or application/x-ndjson for one document a line",
    )  # fmt: skip


@dataclass
class Body:
    """A body that has arrived as a whole. `close` frees its file."""

    file: IO[bytes]
    compression: Compression
    size: int

    def close(self) -> None:
        """Free the file."""
        self.file.close()

    def _blocks(self) -> Iterator[bytes]:
        file = cast(BinaryIO, self.file)
        return blocks(file, self.compression, max_window_bytes=_ZSTD_WINDOW_BYTES)

    def lines(self, limits: Limits) -> int:
        """Return how many documents its lines are; Problem 413 where a limit does not allow them.

        Raises Problem 422 for a compressed body of which nothing can be read.
        """
        self.file.seek(0)
        made = count = 0

        def measured() -> Iterator[bytes]:
            nonlocal made
            for block in self._blocks():
                made += len(block)
                if made > limits.max_content_bytes:
                    raise _inflated(limits)
                yield block

        for event in split_lines(measured(), 0, limits.max_document_bytes):
            if isinstance(event, WholeLines):
                count += sum(bool(line) and not line.isspace() for line in event.lines)
            elif not isinstance(event, BlankLines):
                count += 1
            if count > limits.max_documents:
                raise too_large(
                    "documents", None, limits.max_documents, where="body", option="max-documents"
                )
        if self.size and not made and self.compression != "none":
            self.content(limits)
        return count

    def content(self, limits: Limits) -> bytes:
        """Return the whole content of a body of JSON; Problem 413 or 422 where there is none."""
        self.file.seek(0)
        parts, made = [], 0
        try:
            for block in self._blocks():
                made += len(block)
                if made > limits.max_json_bytes:
                    raise too_large(
                        "bytes of JSON", None, limits.max_json_bytes, where="body",
                        option="max-json-bytes; or send one document a line "
                        "(application/x-ndjson), which are read one by one",
                    )  # fmt: skip
                parts.append(block)
        except DamagedError as error:
            raise Problem(
                422, error.reason, error.message, where="body",
                hint="send it compressed as Content-Encoding says, as a whole",
            ) from error  # fmt: skip
        return b"".join(parts)

    def batches(self, limits: Limits, tally: Tally) -> Iterator[pa.RecordBatch]:
        """Yield its lines as documents and error rows, as ``skypile filter`` reads them."""
        self.file.seek(0)
        return _batches(cast(BinaryIO, self.file), self.compression, limits, tally)

    def documents(self, limits: Limits, tally: Tally) -> Iterator[pa.RecordBatch]:
        """Yield the documents of a body of JSON; Problem 413 or 422 where it cannot be that."""
        lines = _lines(self.content(limits), limits)
        return _batches(BytesIO(b"\n".join(lines)), "none", limits, tally)


def _inflated(limits: Limits) -> Problem:
    return too_large(
        "bytes once decompressed", None, limits.max_content_bytes, where="body",
        option="max-content-bytes",
    )  # fmt: skip


def _batches(
    file: BinaryIO, compression: Compression, limits: Limits, tally: Tally
) -> Iterator[pa.RecordBatch]:
    unit = Unit(
        path=NAME, name=NAME, format="jsonl", compression=compression, start=0, end=0,
        first_record=0, size=0, mtime_ns=0,
    )  # fmt: skip
    options = ReadOptions(max_document_bytes=limits.max_document_bytes)
    return jsonl_batches(unit, file, options, tally)


def _lines(content: bytes, limits: Limits) -> list[bytes]:
    """Return each document of a body of JSON as a line of its own."""
    found = _loaded(content)
    whole = not (isinstance(found, dict) and "documents" in found)
    documents = [found] if whole else found["documents"]
    if not isinstance(documents, list):
        raise _unusable("is not a list", "documents")
    if len(documents) > limits.max_json_documents:
        raise too_large(
            "documents", len(documents), limits.max_json_documents, where="documents",
            option="max-json-documents; or send one document a line (application/x-ndjson)",
        )  # fmt: skip
    lines = []
    for number, document in enumerate(documents):
        where = "body" if whole else f"documents[{number}]"
        if not isinstance(document, dict):
            raise _unusable("is not an object", where)
        lines.append(_dumped(document, where))
    return lines


def _unusable(what: str, where: str) -> Problem:
    return Problem(
        422, "bad_body", f"{where} {what}", where=where,
        hint='send {"documents": [{"text": "…"}, …]} or one document {"text": "…"}',
    )  # fmt: skip


def _loaded(content: bytes) -> Any:
    try:
        found = orjson.loads(content)
        return json.loads(content) if _LONG_NUMBER.search(content) else found
    except (ValueError, RecursionError) as error:
        at = getattr(error, "pos", None)
        where = "body" if at is None else f"body, character {at}"
        why = getattr(error, "msg", "too deeply nested")
        raise Problem(
            422, "bad_json", f"the body is not JSON: {why}", where=where,
            hint="send one JSON value in UTF-8, or one document a line as application/x-ndjson",
        ) from error  # fmt: skip


def _dumped(document: dict[str, Any], where: str) -> bytes:
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # An integer of more than 64 bits, or deeper than orjson writes.
        try:
            return json.dumps(document, ensure_ascii=False).encode()
        except RecursionError as error:
            raise _unusable("is nested too deep", where) from error


async def receive(
    stream: AsyncIterator[bytes], headers: Mapping[str, str], compression: Compression,
    limits: Limits,
) -> Body:  # fmt: skip
    """Return the body once it has arrived; Problem 413 for a large one, 408 for a slow one."""
    told = headers.get("content-length", "")
    if told.isdigit() and int(told) > limits.max_body_bytes:
        raise _too_long(int(told), limits)
    # Not closed here: who asked for the body closes it.
    file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
    size = 0
    try:
        while True:
            chunk = await asyncio.wait_for(anext(stream, None), limits.timeout_seconds)
            if chunk is None:
                return Body(file, compression, size)
            size += len(chunk)
            if size > limits.max_body_bytes:
                raise _too_long(None, limits)
            file.write(chunk)
    except TimeoutError as error:
        file.close()
        raise Problem(
            408, "too_slow", f"nothing arrived for {limits.timeout_seconds:g} s", where="body",
            hint="send the body without pauses", headers={"Connection": "close"},
        ) from error  # fmt: skip
    except ClientDisconnect as error:
        file.close()
        raise left() from error
    except BaseException:
        file.close()
        raise


def _too_long(size: int | None, limits: Limits) -> Problem:
    problem = too_large("bytes", size, limits.max_body_bytes, where="body", option="max-body-bytes")
    # What is left of the body is not read.
    problem.headers["Connection"] = "close"
    return problem
