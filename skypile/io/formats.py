"""What a file holds, told by its first bytes, and by its name where they do not say."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["HEAD_BYTES", "Compression", "Format", "detect", "is_data_name", "is_json_name"]

Format = Literal["jsonl", "parquet", "code"]
Compression = Literal["none", "gzip", "zstd"]

HEAD_BYTES = 8192

DATA_NAME = re.compile(r"\.(jsonl|jsonlines|ndjson)(\.(gz|zst|zstd))?$|\.(parquet|pq)$", re.I)
JSON_NAME = re.compile(r"\.json(\.(gz|zst|zstd))?$", re.I)
GZIP_NAME = re.compile(r"\.gz$", re.I)
ZSTD_NAME = re.compile(r"\.(zst|zstd)$", re.I)
PARQUET_NAME = re.compile(r"\.(parquet|pq)$", re.I)

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


def looks_like_json(head: bytes) -> bool:
    """Tell whether a file that begins with `head` begins with a JSON object."""
    return head.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] == b"{"


def _looks_like_text(head: bytes) -> bool:
    return not any(byte < 0x20 and byte not in b"\t\n\r\f" for byte in head)


def magic(head: bytes) -> tuple[Format, Compression] | None:
    """Return what the first bytes alone say, None where they say nothing."""
    if head.startswith(PARQUET_MAGIC):
        return "parquet", "none"
    if head.startswith(GZIP_MAGIC):
        return "jsonl", "gzip"
    if head.startswith(ZSTD_MAGIC) or SKIPPABLE_MAGIC.match(head):
        return "jsonl", "zstd"
    return None


def detect(head: bytes, name: str) -> tuple[Format, Compression]:
    """Return format and compression of the data file `name` that begins with `head`.

    First bytes win over the name, so misnamed files are read. A file named .gz, .zst or .parquet
    that neither begins so nor looks like text counts as damaged, not as JSON Lines.
    """
    told = magic(head)
    if told is not None:
        return told
    if looks_like_json(head):
        return "jsonl", "none"
    if PARQUET_NAME.search(name):
        return "parquet", "none"
    if not head or not _looks_like_text(head):
        if GZIP_NAME.search(name):
            return "jsonl", "gzip"
        if ZSTD_NAME.search(name):
            return "jsonl", "zstd"
    if ZSTD_NAME.search(name) and ZSTD_MAGIC.startswith(head):  # cut after one byte: "("
        return "jsonl", "zstd"
    return "jsonl", "none"
