"""Hostile Parquet files."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hostile_cases import Expected, Lines, hostile


def write(path: Path, table: Any, **options: Any) -> None:
    table = table if isinstance(table, pa.Table) else pa.table(table)
    pq.write_table(table, path, **options)


def _text_types() -> dict[str, Callable[[list[str]], pa.Array]]:
    return {
        "string": lambda texts: pa.array(texts, pa.string()),
        "large-string": lambda texts: pa.array(texts, pa.large_string()),
        "string-view": lambda texts: pa.array(texts, pa.string_view()),
        "binary": lambda texts: pa.array([text.encode() for text in texts], pa.binary()),
        "dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    }


def _of_type(kind: str, make: Callable[[list[str]], pa.Array]) -> None:
    @hostile(f"text-{kind}.parquet", f"text as {kind}")
    def make_file(path: Path) -> Expected:
        lines = Lines(path.name)
        columns = lines.rows(5)
        write(path, {"text": make(columns["text"]), "id": columns["id"]})
        return lines.expected


for one, maker in _text_types().items():
    _of_type(one, maker)

FOREIGN: dict[str, pa.Array] = {
    "int": pa.array([1, 2, 3]),
    "null": pa.nulls(3),
    "bool": pa.array([True, False, None]),
    "list": pa.array([["a"], [], None]),
    "struct": pa.array([{"text": "a"}] * 3),
    "map": pa.array([[("text", "a")]] * 3, pa.map_(pa.string(), pa.string())),
    "fixed-binary": pa.array([b"abcd"] * 3, pa.binary(4)),
    "int-dictionary": pa.array([1, 1, 2]).dictionary_encode(),
    "timestamp": pa.array([0, 1, 2], pa.timestamp("us")),
    "decimal": pa.array([1, 2, 3]).cast(pa.decimal128(20)),
}


def _foreign(kind: str, column: pa.Array) -> None:
    @hostile(f"foreign-{kind}.parquet", f"a text column of {kind}")
    def make(path: Path) -> Expected:
        lines = Lines(path.name)
        write(path, {"text": column, "id": ["a", "b", "c"]})
        lines.bad("bad_text_type", b"", b"", b"")
        return lines.expected


for one, values in FOREIGN.items():
    _foreign(one, values)


@hostile("nulls.parquet", "null texts, ids and urls between good rows")
def nulls(path: Path) -> Expected:
    lines = Lines(path.name)
    rows = []
    for _ in range(4):
        rows.append(lines.row())
        rows.append({"id": "null", "text": None})
        lines.bad("bad_text_type", b"")
    write(path, pa.Table.from_pylist(rows))
    return lines.expected


@hostile("broken-utf8.parquet", "strings that are no UTF-8, in text and in other columns")
def broken_utf8(path: Path) -> Expected:
    lines = Lines(path.name)
    texts, notes = [], []
    for broken in (b"\xff", b"\xe4\xb8", b"\xed\xa0\x80", b"\xc0\xaf"):
        texts += [lines.row()["text"].encode(), b"a" + broken, lines.text().encode()]
        notes += [b"fine", b"fine", broken]
        lines.bad("bad_utf8", b"", b"")
    ids = [f"{lines.name}:{number}" for number in range(len(texts))]
    columns = {"text": pa.array(texts).view(pa.string()), "note": pa.array(notes).view(pa.string())}
    write(path, columns | {"id": ids})
    return lines.expected


@hostile("no-text.parquet", "no column of texts")
def no_text(path: Path) -> Expected:
    lines = Lines(path.name)
    write(path, {"body": ["a", "b"], "id": ["1", "2"]})
    lines.bad("bad_text_type", b"", b"")
    return lines.expected


@hostile("two-texts.parquet", "two columns of that name")
def two_texts(path: Path) -> Expected:
    lines = Lines(path.name)
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    write(path, table)
    lines.bad("bad_text_type", b"")
    return lines.expected


@hostile("two-notes.parquet", "other columns named alike, and like those of a corpus")
def two_notes(path: Path) -> Expected:
    lines = Lines(path.name)
    columns = lines.rows(3)
    names = ["text", "id", "note", "note", "outcome", "record", "", "\0", "reason"]
    arrays = [pa.array(columns["text"]), pa.array(columns["id"])]
    arrays += [pa.array(["a", None, "b"])] * (len(names) - 2)
    write(path, pa.Table.from_arrays(arrays, names=names))
    return lines.expected


@hostile("zero-rows.parquet", "columns without rows")
def zero_rows(path: Path) -> Expected:
    write(path, {"text": pa.array([], pa.string())})
    return Expected()


@hostile("zero-columns.parquet", "neither rows nor columns")
def zero_columns(path: Path) -> Expected:
    write(path, pa.table({}))
    return Expected()


@hostile("empty.parquet", "no byte at all")
def empty(path: Path) -> Expected:
    path.write_bytes(b"")
    return Expected().losing("truncated")


@hostile("misnamed.jsonl", "Parquet that is named .jsonl")
def misnamed(path: Path) -> Expected:
    lines = Lines(path.name)
    write(path, lines.rows(3))
    return lines.expected


@hostile("plain.parquet", "JSON Lines that are named .parquet")
def plain(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(3)
    return lines.write(path)


@hostile("wide.parquet", "3,000 columns")
def wide(path: Path) -> Expected:
    lines = Lines(path.name)
    columns = lines.rows(3)
    write(path, columns | {f"column {number}": [number] * 3 for number in range(3000)})
    return lines.expected


@hostile("many-groups.parquet", "100 row groups of a row each")
def many_groups(path: Path) -> Expected:
    lines = Lines(path.name)
    write(path, lines.rows(100), row_group_size=1)
    return lines.expected


@hostile("deep.parquet", "a column nested 100 deep")
def deep(path: Path) -> Expected:
    lines = Lines(path.name)
    columns = lines.rows(3)
    kind: pa.DataType = pa.string()
    nested: Any = "a"
    for _ in range(100):
        kind, nested = pa.list_(kind), [nested]
    write(path, columns | {"n": pa.array([nested] * 3, kind)})
    return lines.expected


def groups_file(path: Path, groups: int, rows: int, **options: Any) -> Lines:
    """Write `groups` row groups of `rows` good rows each."""
    lines = Lines(path.name)
    write(path, lines.rows(groups * rows), row_group_size=rows, **options)
    return lines


def _cut(name: str, what: str, share: float, reason: str) -> None:
    @hostile(name, what)
    def make(path: Path) -> Expected:
        groups_file(path, 3, 10)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)] or data[:4])
        return Expected().losing(reason)


_cut("cut-half.parquet", "Parquet cut in half: no footer", 0.5, "truncated")
_cut("cut-footer.parquet", "Parquet cut within its footer", 0.99, "truncated")
_cut("cut-head.parquet", "the first four bytes of a Parquet file", 0.0, "truncated")


@hostile("encrypted.parquet", "an encrypted footer")
def encrypted(path: Path) -> Expected:
    path.write_bytes(b"PARE" + random.Random(3).randbytes(500) + b"\xf0\x01\0\0PARE")
    return Expected().losing("bad_compression")


@hostile("noise.parquet", "random bytes between the magic ones")
def noise(path: Path) -> Expected:
    path.write_bytes(b"PAR1" + random.Random(4).randbytes(500) + b"\xf0\x01\0\0PAR1")
    return Expected().losing("bad_compression")


@hostile("footer-size.parquet", "a footer that claims to have 4 GB")
def footer_size(path: Path) -> Expected:
    groups_file(path, 1, 3)
    data = bytearray(path.read_bytes())
    data[-8:-4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    return Expected().losing("bad_compression")


def _damaged_group(name: str, what: str, **options: Any) -> None:
    @hostile(name, what)
    def make(path: Path) -> Expected:
        lines = groups_file(path, 4, 10, **options)
        about = pq.ParquetFile(path).metadata.row_group(1).column(1)
        start = about.dictionary_page_offset or about.data_page_offset
        end = start + about.total_compressed_size
        data = bytearray(path.read_bytes())
        middle = (start + end) // 2
        data[middle : middle + 40] = random.Random(5).randbytes(40)
        path.write_bytes(data)
        del lines.expected.good[10:20]
        return lines.expected.losing("bad_compression")


_damaged_group("damaged-group.parquet", "a damaged page in the second of four row groups",
               compression="zstd")  # fmt: skip
_damaged_group("damaged-checksum.parquet", "the same, not compressed: a checksum finds it",
               compression="none", use_dictionary=False, write_page_checksum=True)  # fmt: skip


@hostile("deep-schema.parquet", "a footer of 800 kB that nests columns 100,000 deep")
def deep_schema(path: Path) -> Expected:
    group = b"\x35\x02\x18\x01g\x15\x02\0"  # optional, its name, one child
    leaf = b"\x15\x0c\x25\x02\x18\x04text\0"  # bytes, optional, its name
    count = b"\xa1\x8d\x06"  # 100,001
    footer = b"\x15\x02\x19\xfc" + count + group * 100_000 + leaf + b"\x16\0\x19\x0c\0"
    size = len(footer).to_bytes(4, "little")
    path.write_bytes(b"PAR1" + footer + size + b"PAR1")
    return Expected().losing("bad_compression")


@hostile("dictionary-bomb.parquet", "a text of 1 MB that 40 rows share", size="heavy")
def dictionary_bomb(path: Path) -> Expected:
    lines = Lines(path.name)
    text = lines.text(sentences=15_000)[: 1 << 20]
    for number in range(40):
        lines.add(f"{lines.name}:{number}", text, None)
        lines.lines.append(b"")
    ids = [document.id for document in lines.expected.good]
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 40, pa.int32()), pa.array([text]))
    write(path, {"text": texts, "id": ids}, compression="zstd")
    assert path.stat().st_size < 2 << 20
    return lines.expected


@hostile("note-bomb.parquet", "a note of 1 MB that 400 rows share, and short texts", size="heavy")
def note_bomb(path: Path) -> Expected:
    lines = Lines(path.name)
    columns = lines.rows(400)
    notes = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), pa.array(["n" * MB]))
    write(path, columns | {"note": notes}, compression="zstd")
    return lines.expected


@hostile("list-bomb.parquet", "a row whose list holds a note of 1 MB 1,000 times", size="heavy")
def list_bomb(path: Path) -> Expected:
    lines = Lines(path.name)
    columns = lines.rows(4)
    notes = pa.DictionaryArray.from_arrays(pa.array([0] * 1003, pa.int32()), pa.array(["n" * MB]))
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 1001, 1002, 1003], pa.int32()), notes)
    write(path, columns | {"notes": lists}, compression="zstd", store_schema=False)
    del lines.expected.good[1]
    return lines.expected.losing("too_large")


@hostile("run-bomb.parquet", "300 rows of 1 MB of bytes FF each, from 30 kB", size="heavy")
def run_bomb(path: Path) -> Expected:
    lines = Lines(path.name)
    with pq.ParquetWriter(
        path, pa.schema([("text", pa.binary())]), compression="zstd", use_dictionary=False
    ) as writer:
        for _ in range(3):
            writer.write_table(pa.table({"text": pa.array([b"\xff" * MB] * 100)}))
    assert path.stat().st_size < 100_000
    lines.bad("bad_utf8", *[b""] * 300)
    return lines.expected


MB = 1 << 20
