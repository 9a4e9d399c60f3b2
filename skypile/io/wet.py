"""WARC: each page is a document, and each text that Common Crawl extracted (WET)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson
import pyarrow as pa

from skypile.errors import InputError
from skypile.io.encodings import not_utf8
from skypile.io.formats import BYTE_ORDER_MARK
from skypile.io.members import warc_blocks
from skypile.io.responses import ResponseError
from skypile.io.rows import MAX_ROW, ReadOptions, RowBuffer, Tally
from skypile.io.units import Unit
from skypile.io.warc import Broken, Record, records

__all__ = ["wet_batches"]

DOCUMENT = "conversion"
PAGE_KINDS = ("response", "resource")
# Records that describe other records or the file: no documents, and nothing is lost with them.
ASIDE = ("warcinfo", "request", "metadata", "revisit")
# What has a column of its own, or is no news. All other fields of a header travel in `meta`.
OWN_FIELDS = ("warc-type", "warc-target-uri", "warc-record-id", "content-length")


def wet_batches(
    unit: Unit, file: BinaryIO, options: ReadOptions, tally: Tally
) -> Iterator[pa.RecordBatch]:
    """Yield the records of `unit`, whose file is open as `file`, each as a document or an error.

    A conversion record is a document: its text is the body, `url` the WARC-Target-URI, `id` the
    WARC-Record-ID without its angle brackets, `meta` the other fields of its header. So is a
    response or resource record that holds HTML: its text is the page's main text, and `meta` has
    its title and charset, too. Records that describe (warcinfo, request, metadata, revisit), and
    responses that are no page, are counted aside in `tally`. A page that cannot be read is an
    error, and so is each stretch that is no record. The number of a record is its place among all
    records of the file.
    """
    reader = _Documents(unit, options, tally)
    for found in records(warc_blocks(file, unit.compression), options.max_document_bytes):
        if reader.finished:
            break
        reader.add(found)
        if reader.rows.full and (batch := reader.rows.take()) is not None:
            yield batch
    if (batch := reader.rows.take()) is not None:
        yield batch


class _Documents:
    """Turns records into rows and keeps count of them."""

    def __init__(self, unit: Unit, options: ReadOptions, tally: Tally) -> None:
        self.unit, self.options, self.tally = unit, options, tally
        self.rows = RowBuffer(options)
        self.row = 0  # number of the next record

    @property
    def finished(self) -> bool:
        return self.options.limit is not None and self.tally.read >= self.options.limit

    def add(self, found: Record | Broken) -> None:
        """Add one row, or count `found` aside."""
        kind = (found.field("warc-type") or "").lower() if isinstance(found, Record) else ""
        if kind in ASIDE:
            self.tally.aside[kind] += 1
        elif isinstance(found, Record) and kind in PAGE_KINDS:
            self._page(found)
        else:
            self.tally.read += 1
            if isinstance(found, Broken):
                self._error(found.reason, found.message, found.head, found.offset)
            elif kind == DOCUMENT:
                self._document(found)
            else:
                self._error(*_unknown(kind), found.body, found.offset)
        self.row += 1
        if self.row > MAX_ROW:
            raise InputError(
                f"{self.unit.path}: more than {MAX_ROW:,} records in one file; split it"
            )

    def _name(self) -> str:
        return f"{self.unit.name}#{self.row}"

    def _document(self, found: Record) -> None:
        try:
            found.body.decode()
        except UnicodeDecodeError as error:
            message = not_utf8(found.body, error, "record's content")
            self._error("bad_utf8", message, found.body, found.offset)
            return
        self._add(found, found.body.removeprefix(BYTE_ORDER_MARK), {})

    def _page(self, found: Record) -> None:
        # Loads the kernels, which text alone does not need.
        from skypile.io.pages import as_page

        try:
            page = as_page(found, self.options.html, self.options.max_document_bytes)
        except ResponseError as error:
            self.tally.read += 1
            self._error(error.reason, error.message, found.body, found.offset, found)
            return
        if isinstance(page, str):
            self.tally.aside[page] += 1
            return
        self.tally.read += 1
        told = {"title": page.title} if page.title else {}
        self._add(found, page.text.encode(), {**told, "charset": page.charset})

    def _add(self, found: Record, text: bytes, told: dict[str, str]) -> None:
        """Add a document; `told` is what its content says of itself."""
        others = dict(found.fields[key] for key in found.fields if key not in OWN_FIELDS) | told
        self.rows.document(
            self.row,
            self._name(),
            id=_bare(found.field("warc-record-id")),
            text=text,
            url=_bare(found.field("warc-target-uri")),
            source=self.unit.name,
            meta=orjson.dumps(others) if others else None,
        )

    def _error(
        self, reason: str, message: str, raw: bytes, offset: int, page: Record | None = None
    ) -> None:
        self.rows.error(
            self.row,
            self._name(),
            reason=reason,
            message=message,
            source=self.unit.name,
            id=None if page is None else _bare(page.field("warc-record-id")),
            url=None if page is None else _bare(page.field("warc-target-uri")),
            raw=raw,
            byte_offset=offset,
        )


def _unknown(kind: str) -> tuple[str, str]:
    told = f"WARC-Type is {kind[:100]!r}" if kind else "the header has no WARC-Type"
    return "bad_warc", f"{told}; expected are {DOCUMENT}, response and resource"


def _bare(value: str | None) -> str | None:
    """Return an identifier without the angle brackets that some headers put around it."""
    if value is not None and value.startswith("<") and value.endswith(">"):
        value = value[1:-1]
    return value or None
