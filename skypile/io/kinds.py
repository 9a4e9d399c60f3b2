"""What a file holds: format and compression, by its first bytes, and by its name otherwise."""

from __future__ import annotations

import io

from skypile.io.compression import DamagedError, blocks
from skypile.io.formats import (
    GZIP_NAME,
    PARQUET_MAGIC,
    PARQUET_NAME,
    WET_NAME,
    ZSTD_MAGIC,
    ZSTD_NAME,
    Compression,
    Format,
    compression_of,
    looks_like_json,
    looks_like_text,
)
from skypile.io.warc import looks_like_warc, record_types

__all__ = ["detect", "inner_head", "no_text", "no_text_warc", "tells"]

INNER_BYTES = 1 << 16
# A request is followed by its response.
TEXT_TYPES = ("conversion", "response", "resource", "request")


def inner_head(head: bytes) -> bytes:
    """Return the first bytes of what a file that begins with `head` holds, decompressed."""
    compression = compression_of(head)
    if compression == "none":
        return head
    found = b""
    try:
        for block in blocks(io.BytesIO(head), compression):
            found += block
            if len(found) >= INNER_BYTES:
                break
    except DamagedError:  # the head is cut, of course
        pass
    return found[:INNER_BYTES]


def tells(head: bytes) -> bool:
    """Tell whether first bytes alone say that a file holds documents, whatever its name."""
    return (
        head.startswith(PARQUET_MAGIC)
        or compression_of(head) != "none"
        or looks_like_json(head)
        or looks_like_warc(head)
    )


def no_text_warc(head: bytes) -> str | None:
    """Return the type of records of a WARC that holds no documents, None for other files."""
    inner = inner_head(head)
    found = record_types(inner) if looks_like_warc(inner) else []
    return None if not found or set(found) & set(TEXT_TYPES) else found[0]


def no_text(path: str, kind: str) -> str:
    """Return what is said of an input that is a WARC without documents."""
    return (
        f"{path}: is a WARC of {kind} records, in which no page and no text begins; give the "
        "WARC or WET file of the same crawl (.warc.gz, .warc.wet.gz)"
    )


def detect(head: bytes, name: str) -> tuple[Format, Compression]:
    """Return format and compression of the data file `name` that begins with `head`.

    First bytes win over the name, so misnamed files are read. A file named .gz, .zst or .parquet
    that neither begins so nor looks like text counts as damaged, not as plain.
    """
    if head.startswith(PARQUET_MAGIC):
        return "parquet", "none"
    compression = compression_of(head)
    if compression != "none":
        return _lines_or_records(inner_head(head), name), compression
    if looks_like_json(head) or looks_like_warc(head):
        return _lines_or_records(head, name), "none"
    if PARQUET_NAME.search(name):
        return "parquet", "none"
    kind = _lines_or_records(head, name)
    if not head or not looks_like_text(head):
        if GZIP_NAME.search(name):
            return kind, "gzip"
        if ZSTD_NAME.search(name):
            return kind, "zstd"
    if ZSTD_NAME.search(name) and ZSTD_MAGIC.startswith(head):  # cut after one byte: "("
        return kind, "zstd"
    return kind, "none"


def _lines_or_records(head: bytes, name: str) -> Format:
    """Return `wet` where a record begins, or where the name says so and no JSON object begins."""
    named = WET_NAME.search(name) is not None and not looks_like_json(head)
    return "wet" if looks_like_warc(head) or named else "jsonl"
