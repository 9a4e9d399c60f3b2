"""The rows of a training, written once and trained on elsewhere: where there is a GPU, no data."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import zstandard

from classifiers import ClassifierError
from classifiers.data import HALF_CHARS, Document, read_rows

__all__ = ["read_documents", "write_documents"]

_PARTS: Final = ("train", "dev")


def _line(part: str, doc: Document) -> str:
    text = doc.text
    if len(text) > 2 * HALF_CHARS:  # what `data.encoded` leaves of it
        text = text[:HALF_CHARS] + "\n" + text[-HALF_CHARS:]
    labels = [None if math.isnan(label) else label for label in doc.labels]
    row = {
        "part": part, "text": text, "lang": doc.lang, "source": doc.source,
        "license": doc.license, "labels": labels,
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False) + "\n"


def write_documents(path: Path, parts: dict[str, Sequence[Document]], of: dict[str, Any]) -> None:
    """Write documents by part, and what they are a function of, as .jsonl.zst, then rename it.

    Of a long text that stays which `data.encoded` reads.
    """
    beside = path.with_suffix(".part")
    # A window as wide as the file: books come in several parts, and pages share their furniture.
    params = zstandard.ZstdCompressionParameters.from_level(12, window_log=27, enable_ldm=True)
    writer = zstandard.ZstdCompressor(compression_params=params)
    with beside.open("wb") as raw, writer.stream_writer(raw) as stream:
        stream.write((json.dumps({"of": of}) + "\n").encode())
        for part, documents in parts.items():
            for doc in documents:
                stream.write(_line(part, doc).encode())
    beside.replace(path)


def read_documents(path: Path, of: dict[str, Any]) -> dict[str, list[Document]]:
    """Return the documents by part; ClassifierError where they were made of something else."""
    found: dict[str, list[Document]] = {part: [] for part in _PARTS}
    rows = read_rows(path)
    made_of = next(rows, {}).get("of")
    if made_of != of:
        raise ClassifierError(
            f"{path}: was made with {made_of}, and {of} is asked for; name another file, or delete "
            "this one to make it anew"
        )
    for row in rows:
        labels = tuple(math.nan if label is None else float(label) for label in row["labels"])
        found[row["part"]].append(
            Document(row["text"], row["lang"], row["source"], row["license"], labels)
        )
    return found
