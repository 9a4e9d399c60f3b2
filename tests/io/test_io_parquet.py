"""Parquet as input: every row of the footer becomes a document or an error."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from io_inputs import drain, put, read, reasons, rows_of, texts

from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units


def write(path: Path, table: pa.Table | dict[str, Any], **options: Any) -> Path:
    table = table if isinstance(table, pa.Table) else pa.table(table)
    pq.write_table(table, path, **options)
    return path


KINDS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_text_of_every_string_type(tmp_path: Path, kind: pa.DataType, compression: str) -> None:
    values = ["a", "中文 🙂", "", None, "a"]
    table = pa.table({"text": pa.array(values, pa.string()).cast(kind), "id": list("vwxyz")})
    rows = read(write(tmp_path / "a.parquet", table, compression=compression))
    assert texts(rows) == values
    assert reasons(rows) == [None, None, None, "bad_text_type", None]
    assert [row["id"] for row in rows] == list("vwxyz")
    assert [row["record"] for row in rows] == [f"a.parquet#{i}" for i in range(5)]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([1, 2, 3]), "holds int64, not strings"),
        (pa.array([None] * 3, pa.null()), "holds null, not strings"),
        (pa.array([["a"], [], None]), "holds list"),
        (pa.array([{"text": "a"}] * 3), "holds struct"),
        (pa.array([1, 1, 2]).dictionary_encode(), "holds int64, not strings"),
    ],
)
def test_foreign_text_columns_give_error_rows(tmp_path: Path, column: Any, why: str) -> None:
    rows = read(write(tmp_path / "a.parquet", {"text": column, "id": ["a", "b", "c"]}))
    assert reasons(rows) == ["bad_text_type"] * 3
    assert why in rows[0]["message"]
    assert [row["id"] for row in rows] == ["a", "b", "c"]


def test_no_text_column(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a.parquet", {"body": ["a", "b"], "n": [1, 2]}))
    assert reasons(rows) == ["bad_text_type"] * 2
    assert rows[0]["message"] == "no columns 'text'; the file has: body, n"
    assert texts(read(tmp_path / "a.parquet", text_field="body")) == ["a", "b"]


def test_two_text_columns(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    assert reasons(read(write(tmp_path / "a.parquet", table))) == ["bad_text_type"]


def test_no_rows_and_no_columns(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.parquet", {"text": pa.array([], pa.string())})) == []
    assert read(write(tmp_path / "b.parquet", pa.table({}))) == []


def test_other_columns_travel_as_json(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "text": ["a"],
            "url": ["u"],
            "source": ["s"],
            "when": pa.array([when]),
            "raw": [b"\x00\xff"],
            "price": pa.array([decimal.Decimal("1.10")]),
            "tags": pa.array([{"x": [1, None], "y": {"z": "中"}}]),
            "pairs": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "big": pa.array([2**64 - 1], pa.uint64()),
            "ratio": pa.array([float("nan")]),
            "took": pa.array([datetime.timedelta(seconds=3)]),
            "nothing": pa.nulls(1),
        }
    )
    (row,) = read(write(tmp_path / "a.parquet", table))
    assert (row["url"], row["source"]) == ("u", "s")
    assert json.loads(row["meta"]) == {
        "when": "2024-05-06T07:08:09+00:00",
        "raw": "AP8=",
        "price": "1.10",
        "tags": {"x": [1, None], "y": {"z": "中"}},
        "pairs": [["k", 1]],
        "big": 2**64 - 1,
        "ratio": None,
        "took": "0:00:03",
        "nothing": None,
    }


def broken_strings(values: list[bytes], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.binary()).view(kind)


def test_broken_utf8_costs_its_rows_only(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": broken_strings([b"a", b"\xff", b"b", b"c", b"d"], pa.string()),
            "note": broken_strings([b"", b"", b"\xc3", b"", b""], pa.string()),
            "tags": pa.StructArray.from_arrays(
                [broken_strings([b"", b"", b"", b"\x80", b""], pa.string())], ["t"]
            ),
        }
    )
    rows = read(write(tmp_path / "a.parquet", table))
    assert texts(rows) == ["a", None, None, None, "d"]
    assert reasons(rows) == [None, "bad_utf8", "bad_utf8", "bad_utf8", None]
    assert rows[1]["raw"] == b"\xff"
    assert json.loads(rows[4]["meta"]) == {"note": "", "tags": {"t": ""}}


def test_binary_that_is_no_utf8(tmp_path: Path) -> None:
    table = {"text": pa.array([b"a", b"\xed\xa0\x80", "中".encode("gb18030")])}
    rows = read(write(tmp_path / "a.parquet", table))
    assert reasons(rows) == [None, "bad_utf8", "bad_utf8"]


def test_rows_over_the_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["a", "x" * 100_001, "b"]})
    rows = read(path, max_document_bytes=100_000)
    assert reasons(rows) == [None, "too_large", None]
    assert rows[1]["raw"] == b"x" * 65536


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = pa.table(
        {
            "text": [f"{i} " * (i % 300 + 50) for i in range(9000)],
            "id": [f"d{i}" for i in range(9000)],
        }
    )
    return write(tmp_path_factory.mktemp("pq") / "g.parquet", table, row_group_size=1000)


def test_runs_of_row_groups_cover_the_file(grouped: Path) -> None:
    whole = read(grouped)
    assert len(whole) == 9000
    for target in (1, 2_000_000, 1 << 40):
        plan = plan_units([str(grouped)], target_bytes=target)
        assert [unit.start for unit in plan.units][1:] == [unit.end for unit in plan.units][:-1]
        rows = rows_of(plan)
        assert [row["record"] for row in rows] == [f"g.parquet#{i}" for i in range(9000)]
        assert texts(rows) == texts(whole)
        last = drain(open_unit(plan.units[-1], ReadOptions()))
        assert last[0]["row"] == 0
    assert len(plan_units([str(grouped)], target_bytes=1).units) == 9


@pytest.mark.parametrize("limit", [0, 1, 999, 1000, 1001, 5000])
def test_a_limit_bounds_what_is_read(grouped: Path, limit: int) -> None:
    assert len(read(grouped, limit=limit)) == limit


def test_originals_stand_beside_their_documents(grouped: Path) -> None:
    (unit,) = plan_units([str(grouped)]).units
    reader = open_unit(unit, ReadOptions(keep_lines=True))
    for batch in reader:
        assert reader.original is not None
        assert reader.original.schema.names == ["text", "id"]
        assert reader.original.column("id").equals(batch.column("id"))
        assert batch.column("raw_line").null_count == batch.num_rows


def test_large_rows_come_in_small_batches(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": ["x" * 2_000_000] * 30}, use_dictionary=False)
    (unit,) = plan_units([str(path)]).units
    sizes = [batch.column("text").nbytes for batch in open_unit(unit, ReadOptions())]
    assert sum(sizes) >= 60_000_000 and max(sizes) <= 9_000_000


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.999])
def test_a_file_without_its_end_is_one_row(grouped: Path, tmp_path: Path, keep: float) -> None:
    data = grouped.read_bytes()
    path = put(tmp_path / "cut.parquet", data[: int(len(data) * keep)])
    (row,) = read(path)
    assert (row["reason"], row["record"]) == ("truncated", "cut.parquet#0")
    assert row["raw"] == path.read_bytes()[:65536]


def test_a_file_that_is_no_parquet_is_one_row(tmp_path: Path) -> None:
    (row,) = read(put(tmp_path / "a.parquet", b"\x00\x01 something else"))
    assert row["reason"] == "bad_compression"
    (row,) = read(put(tmp_path / "b.parquet", b"PAR1" + b"\xff" * 100 + b"PAR1"))
    assert row["reason"] == "bad_compression"


def test_a_damaged_row_group_costs_its_rest_only(grouped: Path, tmp_path: Path) -> None:
    data = bytearray(grouped.read_bytes())
    column = pq.ParquetFile(grouped).metadata.row_group(4).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start + 2000 : start + column.total_compressed_size - 10] = b"\xa5" * (
        column.total_compressed_size - 2010
    )
    rows = read(put(tmp_path / "g.parquet", bytes(data)))
    bad = [row for row in rows if row["outcome"] == "error"]
    assert len(bad) == 1 and bad[0]["reason"] == "bad_compression"
    lost = int(bad[0]["message"].partition(" ")[0].replace(",", ""))
    assert len(rows) == 9000 - lost + 1 and lost <= 1000
    assert {f"d{i}" for i in range(9000) if i // 1000 != 4} <= {row["id"] for row in rows}


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_raise(grouped: Path, tmp_path: Path, seed: int) -> None:
    import random

    random.seed(seed)
    data = bytearray(grouped.read_bytes())
    for _ in range(random.choice([1, 5, 200])):
        data[random.randrange(4, len(data))] = random.randrange(256)
    read(put(tmp_path / "g.parquet", bytes(data)))


def test_parquet_on_stdin(grouped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(grouped.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    rows = read("-")
    assert len(rows) == 9000
    assert rows[8999]["record"] == "stdin#8999"
