"""WET: each conversion record is one document, and damage costs the records that it touches."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from io_inputs import drain, gz, lines, put, read, reasons, rows_of, texts, zst
from test_io_hostile import damage
from warc_files import warc_record, warcinfo, wet

from skypile.errors import UsageError
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

RUNS = 150
TEXTS = [f"text {number} 中文 🙂\r\n\r\nend" for number in range(12)]


def join(records: list[bytes]) -> bytes:
    return b"".join(records)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.wet", join),
        ("a.warc.wet", join),
        ("a.warc.wet.gz", lambda records: gz(*records)),
        ("whole.wet.gz", lambda records: gz(join(records))),
        ("odd.wet.gz", lambda records: gz(join(records)[:333], join(records)[333:])),
        ("padded.wet.gz", lambda records: gz(*records) + bytes(4000)),
        ("a.wet.zst", lambda records: zst(*records)),
        ("misnamed.wet.gz", join),
        ("misnamed.jsonl", lambda records: gz(*records)),
        ("misnamed.parquet", join),
        ("a.warc.gz", lambda records: gz(*records)),
        ("no-name", lambda records: zst(join(records))),
        ("no-name", join),
        ("unix.wet", lambda records: join(records).replace(b"\r\n\r\nWARC", b"\n\nWARC")),
        ("tight.wet", lambda records: join(records)[:-4]),
    ],
)
def test_every_container_gives_the_same_documents(tmp_path: Path, name: str, pack: Any) -> None:
    rows = read(put(tmp_path / name, pack(wet(*TEXTS))))
    assert texts(rows) == TEXTS
    # The first record, warcinfo, is no document; its number is taken.
    assert [row["record"] for row in rows] == [f"{name}#{number}" for number in range(1, 13)]
    assert [row["id"] for row in rows] == [f"urn:uuid:0000-{number}" for number in range(1, 13)]
    assert rows[4]["url"] == "https://example.com/5" and rows[4]["source"] == name
    assert json.loads(rows[0]["meta"]) == {
        "WARC-Date": "2024-05-18T01:58:10Z",
        "WARC-Identified-Content-Language": "eng,zho",
        "Content-Type": "text/plain",
    }


def test_records_that_describe_are_counted_aside(tmp_path: Path) -> None:
    records = [*wet("a", "b"), warc_record("x", 3, "metadata"), warcinfo(), *wet("c")]
    (unit,) = plan_units([str(put(tmp_path / "a.wet", join(records)))]).units
    reader = open_unit(unit, ReadOptions())
    rows = drain(reader)
    assert [row["record"] for row in rows] == ["a.wet#1", "a.wet#2", "a.wet#6"]
    assert reader.read == 3 and reader.aside == {"metadata": 1, "warcinfo": 3}


def test_headers_as_other_writers_write_them(tmp_path: Path) -> None:
    odd = (
        b"WARC/1.1\nwarc-type:Conversion\nCONTENT-LENGTH: 4\nWARC-Target-URI: <https://e.org/\n"
        b" a>\n\nab\r\n\r\n\r\n\r\n\r\n"
    )
    plain = warc_record(b"\xef\xbb\xbfcd", 2, fields={"WARC-Record-ID": "x"})
    rows = read(put(tmp_path / "a.wet", b"\r\n\n" + odd + plain))
    assert [(row["text"], row["url"]) for row in rows] == [
        ("ab\r\n", "https://e.org/ a"),
        ("cd", "https://example.com/2"),
    ]
    assert [row["id"] for row in rows] == ["a.wet#0", "x"]


def test_a_page_may_quote_a_record(tmp_path: Path) -> None:
    text = "see:\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\n\r\nWARC/1.0\n"
    assert texts(read(put(tmp_path / "a.wet", join(wet(text, "b"))))) == [text, "b"]


def test_empty_files_and_empty_documents(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.wet", b"")) == []
    assert read(put(tmp_path / "b.wet.gz", gz(b""))) == []
    assert read(put(tmp_path / "c.wet", b"\r\n\r\n")) == []
    assert reasons(read(put(tmp_path / "d.wet.gz", b""))) == ["truncated"]
    assert texts(read(put(tmp_path / "e.wet", join(wet("", "b", ""))))) == ["", "b", ""]


GOOD = warc_record("good", 9)
BROKEN = [
    (warc_record(b"\xff\xfe", 1), "bad_utf8"),
    (warc_record("中文字".encode("gb18030"), 1), "bad_utf8"),
    (warc_record("x", 1, length=""), "bad_warc"),
    (warc_record("x", 1, length="-1"), "bad_warc"),
    (warc_record("x", 1, length="1e3"), "bad_warc"),
    (warc_record("x", 1, length="9" * 25), "bad_warc"),
    (warc_record("long text", 1, length=3), "bad_warc"),
    (warc_record("x", 1, length=60), "bad_warc"),
    (warc_record("x", 1, length=400), "bad_warc"),
    (warc_record("x", 1, length=10**12), "too_large"),
    (warc_record("x", 1).replace(b"Content-Length", b"Length"), "bad_warc"),
    (warc_record("x", 1).replace(b"WARC-Date:", b"WARC Date "), "bad_warc"),
    (warc_record("x", 1).replace(b"WARC-Date:", b"WARC-\xff:"), "bad_utf8"),
    (warc_record("x", 1).replace(b"WARC-Date:", b"Content-Length:"), "bad_warc"),
    (warc_record("x", 1).replace(b"WARC/1.0", b"WARC 1.0"), "bad_warc"),
    (warc_record("x", 1).replace(b"WARC/1.0", b"WARC/7.0"), "bad_warc"),
    (warc_record("x", 1).replace(b"\r\n\r\n", b"\r\n"), "bad_warc"),
    (warc_record("x", 1, "conversation"), "bad_warc"),
    (warc_record("x", 1).replace(b"WARC-Type: conversion\r\n", b""), "bad_warc"),
    (warc_record("rest", 1, "continuation"), "bad_warc"),
    (b"some text\r\n\r\n", "bad_warc"),
    (b"\0" * 70_000 + b"\r\n\r\n", "bad_warc"),
    (b"WARC/1.0\r\nA: b\r\n" + b"x" * (1 << 21) + b"\r\n", "bad_warc"),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
@pytest.mark.parametrize("members", [False, True])
def test_a_broken_record_costs_one_record(tmp_path: Path, number: int, members: bool) -> None:
    broken, reason = BROKEN[number]
    records = [warcinfo(), GOOD, broken, GOOD, GOOD]
    data = gz(*records) if members else join(records)
    rows = read(put(tmp_path / "a.wet", data), max_document_bytes=1 << 24)
    assert reasons(rows) == [None, reason, None, None]
    assert texts(rows) == ["good", None, "good", "good"]
    assert [row["record"] for row in rows] == [f"a.wet#{place}" for place in (1, 2, 3, 4)]
    assert rows[1]["raw"].startswith(broken[:1]) or reason in ("bad_utf8", "bad_warc")
    assert rows[1]["byte_offset"] == len(records[0]) + len(GOOD)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    def message(record: bytes) -> str:
        return read(put(tmp_path / "a.wet", record + GOOD))[0]["message"]

    assert "GB18030" in message(warc_record("中文字，这是一个".encode("gb18030"), 1))
    assert "UTF-16" in message(warc_record("text".encode("utf-16"), 1))
    assert "Content-Length is 3, but what follows" in message(warc_record("long text", 1, length=3))
    assert "next record begins after 5 bytes" in message(warc_record("x", 1, length=60))
    assert "Content-Length is 'ten'" in message(warc_record("x", 1, length="ten"))
    assert "expected are conversion, response" in message(warc_record("x", 1, "conversation"))


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gz), (".zst", zst)])
def test_a_cut_file_yields_what_came_and_one_truncated_row(
    tmp_path: Path, ending: str, pack: Any
) -> None:
    records = wet(*TEXTS)
    whole = pack(join(records))
    starts = [len(join(records[:number])) for number in range(len(records) + 1)]
    rng = random.Random(1)
    for _ in range(60):
        cut = rng.randrange(1, len(whole) - 1)
        rows = read(put(tmp_path / f"a.wet{ending}", whole[:cut]))
        if ending:
            assert reasons(rows)[-1] == "truncated" and set(reasons(rows)[:-1]) <= {None}
            assert texts(rows)[:-1] == TEXTS[: len(rows) - 1]
            continue
        done = sum(start <= cut for start in starts[1:])
        # The blank line behind a record may be cut with nothing lost.
        done += any(0 < start - cut <= 4 for start in starts[1:])
        assert texts(rows)[: max(0, done - 1)] == TEXTS[: max(0, done - 1)]
        lost = reasons(rows)[max(0, done - 1) :]
        assert lost == ([] if done and cut <= starts[done] else ["truncated"])


def test_a_damaged_member_costs_its_record(tmp_path: Path) -> None:
    rng = random.Random(2)
    long_texts = ["".join(rng.choices("中文字节流abc \n", k=400)) for _ in range(30)]
    members = [gz(record) for record in wet(*long_texts)]
    for seed in range(RUNS):
        rng = random.Random(seed)
        hit = rng.randrange(1, 31)
        raw = bytearray(members[hit])
        place = rng.randrange(len(raw))
        raw[place] ^= 1 << rng.randrange(8)
        if _intact(bytes(raw)):  # the header's time for example, or another copy of equal bytes
            continue
        data = b"".join([*members[:hit], bytes(raw), *members[hit + 1 :]])
        rows = read(put(tmp_path / "a.wet.gz", data))
        good = [text for number, text in enumerate(long_texts, 1) if number != hit]
        assert [text for text in texts(rows) if text is not None] == good, (seed, place)
        assert {reason for reason in reasons(rows) if reason} == {"bad_compression"}, (seed, place)


def _intact(member: bytes) -> bool:
    try:
        gzip.decompress(member)
    except (EOFError, OSError, zlib.error):
        return False
    return True


def test_damage_in_a_single_member_keeps_what_was_decoded(tmp_path: Path) -> None:
    data = gz(join(wet(*TEXTS)))
    wrong = data[:-8] + bytes(4) + data[-4:]
    rows = read(put(tmp_path / "a.wet.gz", wrong))
    assert texts(rows) == [*TEXTS, None] and rows[-1]["reason"] == "bad_compression"


def test_records_too_large_are_not_held(tmp_path: Path) -> None:
    large = warc_record(b"large 1234567890\n" * 6_000_000, 1)
    path = put(tmp_path / "a.wet.gz", gz(warcinfo(), GOOD, large, GOOD))
    del large
    (unit,) = plan_units([str(path)]).units
    tracemalloc.start()
    rows = drain(open_unit(unit, ReadOptions(max_document_bytes=1 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [row["reason"] for row in rows] == [None, "too_large", None]
    assert "102,000,000 bytes" in rows[1]["message"] and len(rows[1]["raw"]) == 65536
    assert peak < 32 << 20


def test_limit(tmp_path: Path) -> None:
    path = put(tmp_path / "a.wet", join(wet(*TEXTS)))
    assert texts(read(path, limit=3)) == TEXTS[:3]
    assert read(path, limit=0) == []


@pytest.mark.parametrize("kind", ["metadata", "revisit"])
@pytest.mark.parametrize("pack", [lambda *records: join(list(records)), gz])
def test_warcs_without_text_are_refused_or_left_out(tmp_path: Path, kind: str, pack: Any) -> None:
    path = put(tmp_path / "d/a.warc.gz", pack(warcinfo(), warc_record("<html>", 1, kind)))
    with pytest.raises(UsageError, match=rf"a\.warc\.gz: is a WARC of {kind} records.* WET"):
        plan_units([str(path)])
    put(tmp_path / "d/b.wet", join(wet("a")))
    for given in (tmp_path / "d", f"{tmp_path}/d/*"):
        plan = plan_units([str(given)])
        assert [unit.name for unit in plan.units] == ["b.wet"]
        assert plan.skipped == {f"warc_of_{kind}_records": 1}


@pytest.mark.parametrize("pack", ["plain", "members", "gzip", "zstd"])
def test_random_damage_never_raises(tmp_path: Path, pack: str) -> None:
    for seed in range(RUNS):
        rng = random.Random(seed)
        body = lines(*({"text": "x" * rng.randrange(80)} for _ in range(3)))
        records = wet(*(body[rng.randrange(40) :] for _ in range(8)))
        if pack in ("plain", "members") and seed % 2:
            hit = rng.randrange(9)
            records[hit] = damage(rng, records[hit])
        packed = {"plain": join, "members": lambda r: gz(*r), "gzip": lambda r: gz(join(r))}.get(
            pack, lambda r: zst(join(r))
        )(records)
        data = packed if pack in ("plain", "members") and seed % 2 else damage(rng, packed)
        path = put(tmp_path / f"{seed}.wet", data)
        options = ReadOptions(max_document_bytes=rng.choice([40, 100, 1 << 20]))
        plan = plan_units([str(path)])
        rows_of(plan, options)


def test_damage_in_one_record_of_a_plain_file_keeps_the_others(tmp_path: Path) -> None:
    kept = 0
    for seed in range(RUNS):
        rng = random.Random(seed)
        records = wet(*TEXTS)
        hit = rng.randrange(1, 13)
        records[hit] = damage(rng, records[hit], 1).rstrip(b"\r\n") + b"\r\n\r\n"
        found = texts(read(put(tmp_path / "a.wet", join(records))))
        others = [text for number, text in enumerate(TEXTS, 1) if number != hit]
        assert [text for text in found if text in others] == others, seed
        kept += TEXTS[hit - 1] in found
    assert kept < RUNS


def test_real_samples(shared_data: Path) -> None:
    plain = read(shared_data / "web/whirlwind.warc.wet")
    packed = read(shared_data / "web/whirlwind.warc.wet.gz")
    assert texts(plain) == texts(packed) and len(plain) == 1
    (row,) = plain
    assert row["url"] == "https://an.wikipedia.org/wiki/Escopete"
    assert row["id"] == "urn:uuid:ba729a40-ff84-4085-8d48-0a5b2ee0c42d"
    assert row["text"].startswith("Escopete - Biquipedia") and len(row["text"].encode()) == 4456
    (page,) = read(shared_data / "web/whirlwind.warc.gz")
    assert page["url"] == row["url"] and page["text"]
    with pytest.raises(UsageError, match="metadata records"):
        plan_units([str(shared_data / "web/whirlwind.warc.wat.gz")])
