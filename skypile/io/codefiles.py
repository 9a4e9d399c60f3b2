"""Source files: one document a file, its language by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from skypile.io import files
from skypile.io.formats import BYTE_ORDER_MARK
from skypile.io.languages import language_of
from skypile.io.lines import RAW_BYTES
from skypile.io.rows import ReadOptions, RowBuffer, Tally, too_large
from skypile.io.units import CodeFile, Unit

__all__ = ["code_batches"]


def code_batches(unit: Unit, options: ReadOptions, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Yield the files of `unit` in order, each as one record ``name#0``.

    `source` is the first folder of the name, or the file where it has none. Raises InputError where
    a file cannot be read, or is not the one that was planned.
    """
    rows = RowBuffer(options)
    for row, file in enumerate(unit.files[: options.limit]):
        tally.read += 1
        _read_file(row, file, options, rows)
        if rows.full and (batch := rows.take()) is not None:
            yield batch
    if (batch := rows.take()) is not None:
        yield batch


def _read_file(row: int, file: CodeFile, options: ReadOptions, rows: RowBuffer) -> None:
    record, source = f"{file.name}#0", file.name.partition("/")[0]
    language = language_of(file.path.rpartition("/")[2])
    over = file.size > options.max_document_bytes
    try:
        data = files.read_head(file.path, RAW_BYTES if over else file.size)
    finally:
        # Behind the read: a change in front of it or in its middle is seen as well.
        files.check_unchanged(file.path, file.size, file.mtime_ns)
    reason = message = None
    if over:
        reason = "too_large"
        message = too_large(file.size, options)
    else:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            reason, message = "bad_utf8", f"not UTF-8: {error.reason} at byte {error.start}"
    if reason is not None and message is not None:
        rows.error(
            row,
            record,
            reason=reason,
            message=message,
            source=source,
            raw=data,
            byte_offset=0,
            prog_lang=language,
        )
    else:
        text = data.removeprefix(BYTE_ORDER_MARK)
        rows.document(row, record, text=text, source=source, prog_lang=language)
