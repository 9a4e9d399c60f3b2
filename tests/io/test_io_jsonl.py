"""JSON Lines: one bad record costs one record, and nothing is lost or made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from io_inputs import drain, gz, lines, put, read, reasons, skippable, texts, zst

from skypile.errors import InputError, UsageError
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

GOOD = [{"id": f"d{i}", "text": f"text {i} 中文 🙂", "url": f"http://e.org/{i}"} for i in range(40)]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl", lambda data: data),
        ("a.jsonl.gz", gz),
        ("a.jsonl.zst", zst),
        ("a.ndjson.zstd", zst),
        ("a.json", lambda data: data),
        ("misnamed.jsonl.gz", zst),
        ("misnamed.jsonl.zst", gz),
        ("misnamed.jsonl", gz),
        ("plain.jsonl.gz", lambda data: data),
        ("plain.parquet", lambda data: data),
        ("members.jsonl.gz", lambda data: gz(data[:100], data[100:101], b"", data[101:])),
        ("padded.jsonl.gz", lambda data: gz(data) + bytes(5000)),
        ("frames.jsonl.zst", lambda data: zst(data[:100], data[100:101], b"", data[101:])),
        (
            "skippable.jsonl.zst",
            lambda data: skippable(10) + zst(data[:99]) + skippable(9000) + zst(data[99:]),
        ),
        ("blank.jsonl", lambda data: b"\n" + data),
    ],
)
def test_every_container_gives_the_same_documents(tmp_path: Path, name: str, pack: Any) -> None:
    rows = read(put(tmp_path / name, pack(lines(*GOOD))))
    first = name == "blank.jsonl"
    assert texts(rows) == [one["text"] for one in GOOD]
    assert [row["record"] for row in rows] == [f"{name}#{i + first}" for i in range(40)]
    assert [row["id"] for row in rows] == [one["id"] for one in GOOD]
    assert [row["url"] for row in rows] == [one["url"] for one in GOOD]
    assert {row["source"] for row in rows} == {name}
    assert {row["meta"] for row in rows} == {None}


def test_unsized_and_checked_zstd_frames_are_read(tmp_path: Path) -> None:
    packer = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False)
    stream = packer.compressobj()
    data = stream.compress(lines(*GOOD)) + stream.flush()
    assert len(read(put(tmp_path / "a.jsonl.zst", data))) == 40


def test_window_of_512_megabytes_is_read(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=29, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters)
    stream = packer.compressobj()  # of unknown size, so the frame asks for the whole window
    data = stream.compress(lines(*GOOD)) + stream.flush()
    assert zstandard.get_frame_parameters(data).window_size == 1 << 29
    assert len(read(put(tmp_path / "a.jsonl.zst", data))) == 40


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson"])
def test_an_empty_file_has_no_records(tmp_path: Path, name: str) -> None:
    assert read(put(tmp_path / name, b"")) == []


def test_compressed_nothing_has_no_records(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.jsonl.gz", gz(b""))) == []
    assert read(put(tmp_path / "b.jsonl.zst", zst(b""))) == []
    assert read(put(tmp_path / "c.jsonl", b"\n \n\t\r\n\n")) == []
    assert read(put(tmp_path / "d.jsonl", b"\xef\xbb\xbf")) == []


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_compressed_file_of_no_bytes_is_truncated(tmp_path: Path, name: str) -> None:
    (row,) = read(put(tmp_path / name, b""))
    assert (row["reason"], row["record"]) == ("truncated", f"{name}#0")


def test_byte_order_mark_carriage_returns_and_blank_lines(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + lines({"text": "a"}, b"", b"  ", {"text": "b"}, end=b"\r\n")
    rows = read(put(tmp_path / "a.jsonl", data + b'{"text": "c"}'))
    assert texts(rows) == ["a", "b", "c"]
    # Blank lines are no records, but they count as lines.
    assert [row["record"] for row in rows] == ["a.jsonl#0", "a.jsonl#3", "a.jsonl#4"]
    assert [row["row"] for row in rows] == [0, 3, 4]


def test_unicode_line_separators_do_not_end_lines(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    (row,) = read(put(tmp_path / "a.jsonl", lines({"text": text})))
    assert row["text"] == text


BROKEN = [
    (b'{"text": "a"', "bad_json"),
    (b'{"text": "a"} x', "bad_json"),
    (b'{"text": "a"}{"text": "b"}', "bad_json"),
    (b'{"text": "a"}\r{"text": "b"}', "bad_json"),
    (b'{"text": "tab\there"}', "bad_json"),
    (b'{"text": "nul\x00"}', "bad_json"),
    (b'{"text": "a", "n": NaN}', "bad_json"),
    (b'{"text": "a", "n": Infinity}', "bad_json"),
    (b"{'text': 'a'}", "bad_json"),
    (b"[" * 200_000 + b"]" * 200_000, "bad_json"),
    (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "bad_json"),
    (b'{"text": "a", "m": ' + b"[" * 600 + b"]" * 600 + b"}", "bad_json"),
    (b'[{"text": "a"}]', "bad_json"),
    (b'"text"', "bad_json"),
    (b"null", "bad_json"),
    (b"true", "bad_json"),
    (b"12", "bad_json"),
    (b"\xef\xbb\xbf{}", "bad_json"),
    (b'{"text": "\xff"}', "bad_utf8"),
    (b'{"text": "a", "note": "\xc3"}', "bad_utf8"),
    (b'{"text": "\xed\xa0\x80"}', "bad_utf8"),
    (b'{"text": "\xc0\xaf"}', "bad_utf8"),
    (b'{"text": "cut \xe4\xb8', "bad_utf8"),
    ('{"text": "中文"}'.encode("gb18030"), "bad_utf8"),
    ('{"text": "中文"}'.encode("utf-16"), "bad_utf8"),
    (b'{"text": "\\ud800"}', "bad_utf8"),
    (b'{"text": "\\udc00 a"}', "bad_utf8"),
    (b'{"text": "\\ud800\\u0041"}', "bad_utf8"),
    (b'{"text": "a", "\\ud83d": 1}', "bad_utf8"),
    (b"{}", "bad_text_type"),
    (b'{"text": null}', "bad_text_type"),
    (b'{"text": 1}', "bad_text_type"),
    (b'{"text": 1.5}', "bad_text_type"),
    (b'{"text": true}', "bad_text_type"),
    (b'{"text": ["a"]}', "bad_text_type"),
    (b'{"text": {"text": "a"}}', "bad_text_type"),
    (b'{"TEXT": "a"}', "bad_text_type"),
    (b'{"text": "a", "text": null}', "bad_text_type"),
]


@pytest.mark.parametrize(("line", "reason"), BROKEN)
def test_one_bad_record_costs_one_record(tmp_path: Path, line: bytes, reason: str) -> None:
    data = lines({"text": "before"}, line, {"text": "behind"})
    rows = read(put(tmp_path / "a.jsonl", data))
    assert texts(rows) == ["before", None, "behind"]
    assert reasons(rows) == [None, reason, None]
    bad = rows[1]
    assert bad["raw"] == line[:65536]
    assert bad["byte_offset"] == len(lines({"text": "before"}))
    assert bad["id"] == bad["record"] == "a.jsonl#1"


def test_all_broken_lines_together(tmp_path: Path) -> None:
    data = lines(*(line for line, _ in BROKEN))
    for name, packed in (("a.jsonl", data), ("b.jsonl.gz", gz(data)), ("c.jsonl.zst", zst(data))):
        assert reasons(read(put(tmp_path / name, packed))) == [reason for _, reason in BROKEN]


def test_messages_are_sentences_without_tracebacks(tmp_path: Path) -> None:
    rows = read(put(tmp_path / "a.jsonl", lines(*(line for line, _ in BROKEN))))
    for row in rows:
        assert len(row["message"]) < 1000 and "\n" not in row["message"]
        assert "Error" not in row["message"]
    assert rows[-3]["message"] == "field 'text' is an object, not a string"


FIELDS: list[tuple[str, str | None, str | None]] = [
    ('{"text": "a", "id": "x", "n": 1}', "x", '{"n":1}'),
    ('{"text": "a", "id": 7}', "7", None),
    ('{"text": "a", "id": 7.0}', "7.0", None),
    ('{"text": "a", "id": 123456789012345678901234567890}', "123456789012345678901234567890", None),
    ('{"text": "a", "id": true}', "true", None),
    ('{"text": "a", "id": [1, "b"]}', '[1,"b"]', None),
    ('{"text": "a", "id": null}', None, None),
    ('{"text": "a", "id": ""}', None, None),
    ('{"text": "a", "b": 1, "a": [1, {"中": null}]}', None, '{"b":1,"a":[1,{"中":null}]}'),
    ('{"text": "a", "n": 18446744073709551616}', None, '{"n":18446744073709551616}'),
    ('{"text": "a", "n": [-98765432109876543210]}', None, '{"n":[-98765432109876543210]}'),
    ('{"text": "a", "n": 18446744073709551615}', None, '{"n":18446744073709551615}'),
    ('{"text": "a", "meta": {"x": 1}}', None, '{"meta":{"x":1}}'),
    ('{"text": "a", "url": 3, "source": ["s"]}', None, '{"url":3,"source":["s"]}'),
    ('{"text": "a", "url": null, "source": null}', None, None),
    ('{"a": 1, "text": "x", "text": "a", "a": 2}', None, '{"a":2}'),
]


@pytest.mark.parametrize(("line", "id_", "meta"), FIELDS)
def test_fields_become_columns(
    tmp_path: Path, line: str, id_: str | None, meta: str | None
) -> None:
    (row,) = read(put(tmp_path / "a.jsonl", line.encode()))
    assert (row["text"], row["id"], row["meta"]) == ("a", id_ or "a.jsonl#0", meta)
    assert row["prog_lang"] is None


def test_fields_have_other_names_on_request(tmp_path: Path) -> None:
    record = {"body": "b", "key": "k", "link": "l", "site": "s", "text": "t", "id": 1, "url": "u"}
    path = put(tmp_path / "a.jsonl", lines(record))
    names = {"text_field": "body", "id_field": "key", "url_field": "link", "source_field": "site"}
    (row,) = read(path, **names)
    assert (row["text"], row["id"], row["url"], row["source"]) == ("b", "k", "l", "s")
    assert json.loads(row["meta"]) == {"text": "t", "id": 1, "url": "u"}


def test_many_keys_and_long_ids(tmp_path: Path) -> None:
    many = {"text": "a", **{f"k{i}": i for i in range(200_000)}}
    long = {"text": "b", "id": "../../etc/passwd\n\x00" * 60_000}
    rows = read(put(tmp_path / "a.jsonl", lines(many, long)))
    assert len(json.loads(rows[0]["meta"])) == 200_000
    assert rows[1]["id"] == long["id"]


def test_records_of_two_bytes_are_all_counted(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl.zst", zst(b"{}\n" * 200_000))
    (unit,) = plan_units([str(path)]).units
    reader = open_unit(unit, ReadOptions())
    assert sum(batch.num_rows for batch in reader) == reader.read == 200_000


@pytest.mark.parametrize("pack", [gz, zst])
@pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.97, 0.9999])
def test_a_truncated_container_yields_what_was_decoded(
    tmp_path: Path, pack: Any, keep: float
) -> None:
    records = [{"id": str(i), "text": f"{i} " * 50} for i in range(5000)]
    packed = pack(lines(*records))
    name = "a.jsonl.gz" if pack is gz else "a.jsonl.zst"
    cut = max(1, int(len(packed) * keep))
    rows = read(put(tmp_path / name, packed[:cut]))
    *good, last = rows
    assert reasons(good) == [None] * len(good)
    assert [row["id"] for row in good] == [str(i) for i in range(len(good))]
    assert (last["reason"], last["record"]) == ("truncated", f"{name}#{len(good)}")
    # The line that was cut belongs to the lost rest.
    assert last["byte_offset"] == len(lines(*records[: len(good)]))
    rest = lines(*records[len(good) :])
    assert rest.startswith(last["raw"]) and len(last["raw"]) < len(lines(records[4999]))
    if keep > 0.4:
        assert len(good) > 1000


@pytest.mark.parametrize("pack", [gz, zst])
def test_a_container_that_ends_between_members_is_whole(tmp_path: Path, pack: Any) -> None:
    first, second = lines({"text": "a"}), lines({"text": "b"})
    path = put(tmp_path / "a.jsonl.x.gz", pack(first, second)[: len(pack(first))])
    assert texts(read(path)) == ["a"]


@pytest.mark.parametrize("pack", [gz, zst])
def test_a_damaged_container_yields_what_was_decoded(tmp_path: Path, pack: Any) -> None:
    records = [{"id": str(i), "text": f"{i * i * 7919} " * 50} for i in range(20_000)]
    packed = bytearray(pack(lines(*records)))
    packed[len(packed) // 2 :][:200] = bytes(200)
    middle = len(packed) // 2
    packed[middle : middle + 200] = b"\xff" * 200
    rows = read(put(tmp_path / ("a.jsonl.gz" if pack is gz else "a.jsonl.zst"), bytes(packed)))
    *good, last = rows
    assert last["reason"] == "bad_compression"
    sure = [row for row in good if row["outcome"] is None]
    assert len(sure) > 1000
    assert [row["id"] for row in sure[:1000]] == [str(i) for i in range(1000)]


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    packed = bytearray(gz(lines(*GOOD)))
    packed[-6] ^= 1
    rows = read(put(tmp_path / "a.jsonl.gz", bytes(packed)))
    assert reasons(rows) == [None] * 40 + ["bad_compression"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", b"\x00\x01\x02 neither gzip nor text"),
        ("a.jsonl.zst", b"\x00\x01\x02 neither zstd nor text"),
        ("b.jsonl.gz", gz(lines({"text": "a"})) + b"garbage"),
        ("b.jsonl.zst", zst(lines({"text": "a"})) + b"garbage"),
    ],
)
def test_what_is_no_container_is_one_row(tmp_path: Path, name: str, data: bytes) -> None:
    rows = read(put(tmp_path / name, data))
    assert reasons(rows) == [None] * (name[0] == "b") + ["bad_compression"]


@pytest.mark.parametrize("pack", [gz, zst])
def test_a_bomb_is_one_row_of_bounded_size(tmp_path: Path, pack: Any) -> None:
    path = put(tmp_path / "a.jsonl.gz", pack(bytes(50_000_000)))
    assert path.stat().st_size < 60_000
    (row,) = read(path, max_document_bytes=1 << 20)
    assert (row["reason"], row["raw"]) == ("too_large", bytes(65536))
    assert row["message"].startswith("50,000,000 bytes;")


@pytest.mark.parametrize("pack", [lambda data: data, gz, zst])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_over_the_limit_cost_themselves_only(tmp_path: Path, pack: Any, end: bytes) -> None:
    big = {"text": "x" * 5_000_000}
    fits = {"text": "y" * (1_000_000 - len(lines({"text": ""})) + 1)}
    data = lines({"text": "a"}, big, fits, big, b" " * 1_000_001, {"text": "b"}) + lines(big)[:-1]
    rows = read(put(tmp_path / "a.jsonl.gz", pack(data + end)), max_document_bytes=1_000_000)
    large = "too_large"
    assert reasons(rows) == [None, large, None, large, large, None, large]
    assert [row["row"] for row in rows] == list(range(7))
    assert rows[1]["raw"] == lines(big)[:65536]
    assert rows[3]["byte_offset"] == len(lines({"text": "a"}, big, fits))
    assert rows[5]["text"] == "b"


@pytest.mark.slow
@pytest.mark.parametrize("pack", [lambda data: data, gz, zst])
def test_a_line_of_50_megabytes_is_an_ordinary_document(tmp_path: Path, pack: Any) -> None:
    text = "long 长文 " * 5_000_000
    path = put(tmp_path / "a.jsonl", pack(lines({"text": text}, {"text": "b"})))
    assert texts(read(path)) == [text, "b"]


def test_lines_are_kept_byte_for_byte(tmp_path: Path) -> None:
    records = [
        b'{ "text":"a" , "n":1.0}',
        b'  {"text": "\\u4e2d\\/"}\t',
        b"{broken",
        b'{"text": 1}',
    ]
    path = put(tmp_path / "a.jsonl.zst", zst(lines(*records, end=b"\r\n")))
    rows = read(path, keep_lines=True)
    assert [row["raw_line"] for row in rows] == [record + b"\r" for record in records]
    assert "raw_line" not in read(path)[0]


@pytest.mark.parametrize("limit", [0, 1, 7, 40, 100])
def test_a_limit_bounds_what_is_read(tmp_path: Path, limit: int) -> None:
    path = put(tmp_path / "a.jsonl", lines(*GOOD))
    assert len(read(path, limit=limit)) == min(limit, 40)


def test_batches_stay_small(tmp_path: Path) -> None:
    record = {"text": "x" * 10_000}
    (unit,) = plan_units([str(put(tmp_path / "a.jsonl", lines(*[record] * 3000)))]).units
    sizes = [batch.column("text").nbytes for batch in open_unit(unit, ReadOptions())]
    assert sum(sizes) >= 30_000_000 and max(sizes) < 8 << 20


def test_options_that_cannot_be_are_refused() -> None:
    for size in (0, -1, 1 << 31):
        with pytest.raises(UsageError, match="max_document_bytes"):
            ReadOptions(max_document_bytes=size)
    with pytest.raises(UsageError, match="limit"):
        ReadOptions(limit=-1)


def test_a_file_that_changed_is_noticed(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", lines(*GOOD))
    (unit,) = plan_units([str(path)]).units
    path.write_bytes(lines(*GOOD, {"text": "more"}))
    with pytest.raises(InputError, match="has changed"):
        drain(open_unit(unit, ReadOptions()))
    path.unlink()
    with pytest.raises(InputError, match="is gone"):
        drain(open_unit(unit, ReadOptions()))
