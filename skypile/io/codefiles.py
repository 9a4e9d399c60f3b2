"""Source and text files: one document a file, the language of source code by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from skypile.io import files
from skypile.io.compression import DamagedError, blocks
from skypile.io.encodings import not_utf8
from skypile.io.formats import BYTE_ORDER_MARK, compression_of
from skypile.io.lines import RAW_BYTES
from skypile.io.remote import shown
from skypile.io.rows import ReadOptions, RowBuffer, Tally, too_large
from skypile.io.units import CodeFile, Unit
from skypile.prog_langs import is_text_name, language_of

__all__ = ["code_batches"]


def code_batches(unit: Unit, options: ReadOptions, tally: Tally) -> Iterator[pa.RecordBatch]:
    """Yield the files of `unit` in order, each as one record ``name#0``.

    `source` is the first folder of the name, or the file where it has none; `prog_lang` is null for
    text files, whose content tells whether they are prose. Raises InputError where a file cannot be
    read, or is not the one that was planned.
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
    name = shown(file.path).rpartition("/")[2]
    is_text = is_text_name(name)
    language = None if is_text else language_of(name)
    data, reason, message = _content(file, options, packed=is_text)
    if not reason:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            reason, message = "bad_utf8", not_utf8(data, error, "file")
    if not reason:
        text = data.removeprefix(BYTE_ORDER_MARK)
        rows.document(row, record, text=text, source=source, prog_lang=language)
        return
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


def _content(file: CodeFile, options: ReadOptions, *, packed: bool) -> tuple[bytes, str, str]:
    """Return what the file holds; or its first bytes, and a reason and a message of an error.

    A `packed` file is decompressed where it is compressed. Never more than one document of the
    permitted size and a block is held.
    """
    limit = options.max_document_bytes
    data, reason, message = bytearray(), "", ""
    try:
        with files.open_input(file.path) as stream:
            compression = compression_of(stream.read(4)) if packed else "none"
            stream.seek(0)
            try:
                for block in blocks(stream, compression):
                    data += block
                    if len(data) > limit:
                        break
            except DamagedError as error:
                reason, message = error.reason, error.message
    finally:
        # Behind the read: a change in front of it or in its middle is seen as well.
        files.check_unchanged(file.path, (file.size, file.mtime_ns, file.etag))
    if len(data) > limit:
        size = file.size if compression == "none" and file.size else len(data)
        more = "" if size == file.size else "more than "
        reason, message = "too_large", more + too_large(size, options)
    return bytes(data[:RAW_BYTES] if reason else data), reason, message
