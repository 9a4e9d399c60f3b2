"""What is good in front of damage is delivered, to the record; sizes that lie cost nothing."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from io_inputs import gz, lines, put, read, reasons, texts, zst

from skypile.io.compression import DamagedError, blocks
from skypile.io.rowgroups import row_bytes
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.thrift import Reader, ThriftError
from skypile.io.units import plan_units

GOOD = [{"id": str(number), "text": f"text {number} 中文"} for number in range(500)]
TEXTS = [one["text"] for one in GOOD]


def decoded(data: bytes, kind: Any) -> tuple[bytes, str]:
    """Return what comes out of damaged `data`, and the reason."""
    found = bytearray()
    with pytest.raises(DamagedError) as raised:
        for block in blocks(io.BytesIO(data), kind):
            found += block
    return bytes(found), raised.value.reason


def test_gzip_gives_every_byte_in_front_of_damage() -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    good = lines(*GOOD)
    begun = packer.compress(good) + packer.flush(zlib.Z_FULL_FLUSH)
    invalid = b"\x07" + bytes(100)  # a kind of block that there is not
    assert decoded(begun + invalid, "gzip") == (good, "bad_compression")
    assert decoded(gz(good) * 2 + begun + invalid, "gzip") == (good * 3, "bad_compression")


def test_gzip_from_a_pipe_gives_all_but_the_last_block() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    many = lines(*GOOD) * 40
    data = packer.compress(many) + packer.flush(zlib.Z_FULL_FLUSH) + b"\x07" + bytes(100)
    found = bytearray()
    with pytest.raises(DamagedError):
        for block in blocks(Pipe(data), "gzip"):
            found += block
    assert many.startswith(found)
    assert len(many) - len(found) <= 1 << 17


def test_zstd_gives_every_block_in_front_of_damage() -> None:
    good = lines(*GOOD)
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    begun = packer.compress(good) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    end = packer.flush()
    assert decoded(begun + b"\x07\x00\x00" + end, "zstd") == (good, "bad_compression")
    wrong = begun + end[:-1] + bytes([end[-1] ^ 1])
    assert decoded(wrong, "zstd") == (good, "bad_compression")
    assert decoded(begun + end[:2], "zstd") == (good, "truncated")
    assert decoded(zst(good) + b"what is this", "zstd") == (good, "bad_compression")


@pytest.mark.parametrize("level", [1, 19])
@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("sized", [True, False])
def test_zstd_frames_of_every_header_are_read(level: int, checksum: bool, sized: bool) -> None:
    for size in (0, 1, 255, 256, 65_791, 65_792, 3_000_000):
        data = (b"%07d" % size) * (size // 7) + b"x" * (size % 7)
        given = zstandard.ZstdCompressor(
            level=level, write_checksum=checksum, write_content_size=sized
        )
        found = b"".join(blocks(io.BytesIO(given.compress(data) * 2), "zstd"))
        assert found == data * 2


def test_a_gzip_header_of_megabytes_and_many_empty_members(tmp_path: Path) -> None:
    """Both took time that grew with the square of their size."""
    body = gzip.compress(lines({"text": "a"}), mtime=0)[10:]
    named = bytes([0x1F, 0x8B, 8, 24, 0, 0, 0, 0, 0, 255]) + b"n" * 5_000_000 + b"\0c\0" + body
    assert texts(read(put(tmp_path / "a.jsonl.gz", named))) == ["a"]
    assert texts(read(put(tmp_path / "b.jsonl.gz", gz(b"") * 30_000 + named))) == ["a"]


def test_newlines_between_records_are_numbered(tmp_path: Path) -> None:
    data = b"\n" * 10_000 + lines(GOOD[0]) + b"\n" * 5_000_000 + b" \n" + lines(GOOD[1]) + b"\n" * 9
    for path in (put(tmp_path / "a.jsonl", data), put(tmp_path / "b.jsonl.zst", zst(data))):
        rows = read(path)
        assert texts(rows) == TEXTS[:2]
        assert [row["row"] for row in rows] == [10_000, 5_010_002]


def test_numbers_that_no_float_holds_cost_no_record(tmp_path: Path) -> None:
    digits = b"7" * 5000
    data = b'{"text": "a", "n": [1e999, %s, -1e400], "id": %s}\n' % (digits, digits)
    (row,) = read(put(tmp_path / "a.jsonl", data))
    assert row["text"] == "a" and row["id"] == digits.decode()
    assert json.loads(row["meta"]) == {"n": ["1e999", digits.decode(), "-1e400"]}
    half = b'{"n": 1e999, "text": "\\ud800"}\n{"n": 1e999, "m": NaN, "text": "a"}\n'
    assert None not in reasons(read(put(tmp_path / "b.jsonl", half)))


def test_batches_are_cut_by_all_that_rows_hold(tmp_path: Path) -> None:
    """8,192 ids of a megabyte were one batch."""
    for name in ("id", "url", "source", "note"):
        data = zst(lines(*({"text": "a", name: "x" * 1_000_000} for _ in range(30))))
        (unit,) = plan_units([str(put(tmp_path / f"{name}.jsonl.zst", data))]).units
        sizes = [batch.nbytes for batch in open_unit(unit, ReadOptions())]
        assert len(sizes) > 5 and max(sizes) < 8_000_000


def write(path: Path, columns: dict[str, Any], **options: Any) -> bytes:
    pq.write_table(pa.table(columns), path, **options)
    return path.read_bytes()


def test_rows_in_front_of_a_damaged_page_are_delivered(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    options = {"use_dictionary": False, "data_page_size": 1000, "write_batch_size": 10}
    data = bytearray(write(path, {"text": TEXTS}, compression="zstd", **options))
    about = pq.read_metadata(path).row_group(0).column(0)
    start = about.data_page_offset
    place = start + about.total_compressed_size * 3 // 4
    data[place : place + 30] = bytes(30)
    rows = read(put(path, bytes(data)))
    assert reasons(rows)[-1] == "bad_compression"
    assert 300 < len(rows) < 400
    assert texts(rows)[:-1] == TEXTS[: len(rows) - 1]
    assert rows[-1]["message"].startswith(f"{500 - len(rows) + 1} rows from here on")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (b"\xd1\x0f", [0, 1]),  # -1,001
        (b"\xa0\x1f", [1000, 1]),  # 2,000
        (b"\xd0\x07", [488, 0]),  # what a footer does not promise is not there
    ],
)
def test_a_footer_that_lies_about_rows(tmp_path: Path, told: bytes, expected: list[int]) -> None:
    path = tmp_path / "a.parquet"
    data = write(path, {"text": TEXTS * 2}, write_statistics=False)
    place = data.rindex(b"\x16\xd0\x0f") + 1  # 1,000 rows: field 3 of the row group, behind others
    rows = read(put(path, data[:place] + told + data[place + 2 :]))
    assert [reasons(rows).count(None), reasons(rows).count("bad_compression")] == expected


def test_names_of_columns_that_are_no_utf8_cost_the_file_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    data = write(path, {"text": ["a"], "zzzz": ["b"]}, store_schema=False)
    rows = read(
        put(path, data.replace(b"zzzz", b"\xff\xfe\xfd\xfc")), put(tmp_path / "b.jsonl", b"")
    )
    assert reasons(rows) == ["bad_compression"]


def test_times_that_python_has_no_type_for(tmp_path: Path) -> None:
    days = pa.array([10**7], pa.int32()).cast(pa.date32())
    columns = {
        "when": pa.array([1]).cast(pa.timestamp("ns")),
        "there": pa.array([5]).cast(pa.timestamp("us", "Nowhere/Land")),
        "late": pa.array([10**12]).cast(pa.timestamp("s")),
        "clock": pa.array([1]).cast(pa.time64("ns")),
        "day": days,
        "list": pa.ListArray.from_arrays([0, 1], pa.StructArray.from_arrays([days], ["day"])),
    }
    write(tmp_path / "a.parquet", columns | {"text": ["a"]})
    (row,) = read(tmp_path / "a.parquet")
    meta = json.loads(row["meta"])
    assert meta["when"] == "1970-01-01 00:00:00.000000001"
    assert meta["clock"] == "00:00:00.000000001"
    assert meta["day"] == "29349-01-26"
    assert meta["list"] == [{"day": "29349-01-26"}]
    assert meta["there"] and meta["late"]


def test_rows_are_as_large_as_what_they_share() -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0, None, 0, 1]), pa.array(["x" * 100, "y"]))
    assert row_bytes(shared).tolist() == [100, 0, 100, 1]
    nested = pa.ListArray.from_arrays(pa.array([0, 2, 2, 4], pa.int32()), shared)
    assert row_bytes(nested).tolist() == [100, 0, 101]
    assert row_bytes(nested.slice(1)).tolist() == [0, 101]
    struct = pa.StructArray.from_arrays([shared, pa.array([1, 2, 3, 4])], ["a", "b"])
    assert row_bytes(struct.slice(2, 2)).tolist() == [108, 9]
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(["a", "bb", "ccc", "d"]), 2)
    assert row_bytes(fixed.slice(1)).tolist() == [4]
    assert row_bytes(pa.array(["ab", None]).cast(pa.string_view())).tolist() == [2, 0]
    assert row_bytes(pa.nulls(2)).tolist() == [0, 0]
    assert row_bytes(pa.array([[("k", "vv")]], pa.map_(pa.string(), pa.string()))).tolist() == [3]


def test_thrift_is_read_or_refused() -> None:
    told = b"\x15\x02\x28\x02ab\x19\x35\x02\x04\x06\x11\x1c\x15\x01\x00\x00"
    assert Reader(told).struct() == {1: 1, 3: b"ab", 4: [1, 2, 3], 5: True, 6: {1: -1}}
    assert Reader(told).struct(fields=1) == {1: 1}
    for end in range(len(told) - 1):
        with pytest.raises(ThriftError):
            Reader(told[:end]).struct()
    for bad in (b"\x1c" * 100, b"\x19\xf3\xff\xff\xff\x0f", b"\x15" + b"\xff" * 11, b"\x1e"):
        with pytest.raises(ThriftError):
            Reader(bad).struct()
