"""What readers share: their options, their count of records, and the batches that they fill."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from skypile.errors import UsageError
from skypile.io.lines import RAW_BYTES
from skypile.schema import ERROR, INPUT_FIELDS, OUTCOME_FIELDS

__all__ = [
    "BATCH_BYTES",
    "HTML_TIERS",
    "RAW_LINE",
    "HtmlTier",
    "ReadOptions",
    "RowBuffer",
    "Tally",
    "too_large",
]

# How the main text of pages is found: by the page's structure alone, or by its lines as well.
HtmlTier = Literal["fast", "precise"]
HTML_TIERS: tuple[HtmlTier, ...] = ("fast", "precise")

BATCH_BYTES = 4 << 20
BATCH_ROWS = 8192
MAX_ROW = (1 << 32) - 1

# The physical line of a JSON record, without its newline; there with ReadOptions.keep_lines.
RAW_LINE = pa.field("raw_line", pa.binary())


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How records become documents: which fields are which, what is too large, how pages are read.

    `limit` bounds the records read of one unit. Raises UsageError for options that cannot be.
    """

    text_field: str = "text"
    id_field: str = "id"
    url_field: str = "url"
    source_field: str = "source"
    max_document_bytes: int = 256 << 20
    html: HtmlTier = "precise"
    keep_lines: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        # Offsets in Arrow's strings are 32 bits wide, and a batch holds more than one document.
        if not 1 <= self.max_document_bytes <= 1 << 30:
            raise UsageError(
                f"max_document_bytes is {self.max_document_bytes:,}; it must be 1 to 1,073,741,824"
            )
        if self.html not in HTML_TIERS:
            raise UsageError(f"html is {self.html!r}; expected is {' or '.join(HTML_TIERS)}")
        if self.limit is not None and self.limit < 0:
            raise UsageError(f"limit is {self.limit}; it must be 0 or more")


def too_large(size: int, options: ReadOptions) -> str:
    """Return what is said of a record of `size` bytes, more than `options` allow."""
    return f"{size:,} bytes; a document may have {options.max_document_bytes:,} at most"


@dataclass
class Tally:
    """How many records a reader has met, counted before it looks at what they hold.

    `aside` counts, by kind, what is no document by its nature, such as the description of a file.
    """

    read: int = 0
    aside: Counter[str] = field(default_factory=Counter)


class RowBuffer:
    """Rows on their way into a batch of about BATCH_BYTES."""

    def __init__(self, options: ReadOptions) -> None:
        self._keep_lines = options.keep_lines
        self._names = [field.name for field in (*INPUT_FIELDS, *OUTCOME_FIELDS)]
        self._reset()

    def _reset(self) -> None:
        self._bytes = 0
        self._ids: list[str] = []
        self._records: list[str] = []
        self._rows: list[int] = []
        self._texts: list[bytes | None] = []
        self._urls: list[str | None] = []
        self._sources: list[str] = []
        self._prog_langs: list[str | None] = []
        self._metas: list[bytes | None] = []
        self._lines: list[bytes | None] = []
        # Where in the batch error rows stand: (index, reason, message, raw, byte offset).
        self._errors: list[tuple[int, str, str, bytes | None, int | None]] = []

    @property
    def full(self) -> bool:
        """Whether the batch has reached its size."""
        return self._bytes >= BATCH_BYTES or len(self._rows) >= BATCH_ROWS

    def document(
        self,
        row: int,
        record: str,
        *,
        text: bytes | None,
        source: str,
        id: str | None = None,  # noqa: A002 -- the column's name
        url: str | None = None,
        prog_lang: str | None = None,
        meta: bytes | None = None,
        line: bytes | None = None,
    ) -> None:
        """Add a document; `text` and `meta` are UTF-8, `record` stands in for a missing id."""
        assert 0 <= row <= MAX_ROW
        self._ids.append(id or record)
        self._records.append(record)
        self._rows.append(row)
        self._texts.append(text)
        self._urls.append(url)
        self._sources.append(source)
        self._prog_langs.append(prog_lang)
        self._metas.append(meta)
        self._lines.append(line)
        self._bytes += sum(map(len, filter(None, (text, id, url, source, meta, line))))

    def error(
        self,
        row: int,
        record: str,
        *,
        reason: str,
        message: str,
        source: str,
        raw: bytes | None = None,
        byte_offset: int | None = None,
        id: str | None = None,  # noqa: A002 -- the column's name
        url: str | None = None,
        prog_lang: str | None = None,
        line: bytes | None = None,
    ) -> None:
        """Add a record that could not be read; of `raw` the first RAW_BYTES are kept."""
        kept = None if raw is None else raw[:RAW_BYTES]
        self._errors.append((len(self._rows), reason, message, kept, byte_offset))
        self._bytes += len(kept or b"")
        self.document(
            row, record, text=None, source=source, id=id, url=url, prog_lang=prog_lang, line=line
        )

    def take(self) -> pa.RecordBatch | None:
        """Return the rows so far as one batch and begin the next; None where there are none."""
        count = len(self._rows)
        if count == 0:
            return None
        columns = {
            "id": pa.array(self._ids, pa.string()),
            "record": pa.array(self._records, pa.string()),
            "row": pa.array(self._rows, pa.uint32()),
            "text": _strings(self._texts),
            "url": pa.array(self._urls, pa.string()),
            "source": pa.array(self._sources, pa.string()),
            "prog_lang": pa.array(self._prog_langs, pa.string()),
            "meta": _strings(self._metas),
            **_error_columns(count, self._errors),
        }
        arrays = [columns[name] for name in self._names]
        fields = [*INPUT_FIELDS, *OUTCOME_FIELDS]
        if self._keep_lines:
            arrays.append(pa.array(self._lines, RAW_LINE.type))
            fields.append(RAW_LINE)
        self._reset()
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _error_columns(
    count: int, errors: list[tuple[int, str, str, bytes | None, int | None]]
) -> dict[str, pa.Array]:
    """Return the columns that only error rows fill, `count` rows long.

    `errors` holds (index, reason, message, raw, byte offset) of the error rows.
    """
    fields = {field.name: field.type for field in (*INPUT_FIELDS, *OUTCOME_FIELDS)}
    names = ("reason", "message", "raw", "byte_offset", "outcome")
    columns = {name: pa.nulls(count, fields[name]) for name in ("reason_score", "reason_limit")}
    if not errors:
        return columns | {name: pa.nulls(count, fields[name]) for name in names}
    values: dict[str, list[object]] = {name: [None] * count for name in names}
    for index, *found in errors:
        for name, value in zip(names, [*found, ERROR], strict=True):
            values[name][index] = value
    return columns | {name: pa.array(values[name], fields[name]) for name in names}


def _strings(values: list[bytes | None]) -> pa.Array:
    # The bytes are valid UTF-8 by construction; making `str` of them first would cost a copy of
    # every text, at 115 MB/s for Chinese.
    return pa.array(values, pa.binary()).view(pa.string())
