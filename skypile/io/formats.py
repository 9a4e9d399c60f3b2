"""What names and first bytes say of a file."""

from __future__ import annotations

import re
from typing import Literal

__all__ = [
    "HEAD_BYTES",
    "Compression",
    "Format",
    "compression_of",
    "is_data_name",
    "is_json_name",
    "is_warc_name",
    "looks_like_json",
    "looks_like_text",
]

# `files`: source and text files, each one document.
Format = Literal["jsonl", "parquet", "wet", "files"]
Compression = Literal["none", "gzip", "zstd"]

HEAD_BYTES = 8192

DATA_NAME = re.compile(
    r"\.(jsonl|jsonlines|ndjson|wet)(\.(gz|zst|zstd))?$|\.(parquet|pq)$", re.IGNORECASE
)
WET_NAME = re.compile(r"\.wet(\.(gz|zst|zstd))?$", re.IGNORECASE)
WARC_NAME = re.compile(r"\.(warc|wat)(\.(gz|zst|zstd))?$", re.IGNORECASE)
JSON_NAME = re.compile(r"\.json(\.(gz|zst|zstd))?$", re.IGNORECASE)
GZIP_NAME = re.compile(r"\.gz$", re.IGNORECASE)
ZSTD_NAME = re.compile(r"\.(zst|zstd)$", re.IGNORECASE)
PARQUET_NAME = re.compile(r"\.(parquet|pq)$", re.IGNORECASE)

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGIC = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.S)  # RFC 8878, section 3.1.2
PARQUET_MAGIC = b"PAR1"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_data_name(name: str) -> bool:
    """Tell whether a file of this name holds documents wherever it stands."""
    return DATA_NAME.search(name) is not None


def is_json_name(name: str) -> bool:
    """Tell whether a file of this name may be JSON Lines: only its user can say."""
    return JSON_NAME.search(name) is not None


def is_warc_name(name: str) -> bool:
    """Tell whether a file of this name is a WARC, of pages or metadata if the name is right."""
    return WARC_NAME.search(name) is not None


def looks_like_json(head: bytes) -> bool:
    """Tell whether a file that begins with `head` begins with a JSON object."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] == b"{"


def looks_like_text(head: bytes) -> bool:
    """Tell whether `head` holds no control characters but those of text."""
    return not any(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head)


def compression_of(head: bytes) -> Compression:
    """Return what the first bytes say of a file's compression."""
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    if head.startswith(ZSTD_MAGIC) or SKIPPABLE_MAGIC.match(head):
        return "zstd"
    return "none"
