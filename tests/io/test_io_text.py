"""Text files: each is one document, packed or not, and many fall into one unit."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from io_inputs import drain, gz, put, read, reasons, rows_of, texts, zst
from test_io_hostile import damage

from skypile.errors import InputError
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

BOOK = "第一章\r\n\r\nIt was the best of times.\n\0 \u2028 🙂" * 50


def packed(name: str, data: bytes) -> bytes:
    return gz(data[:99], data[99:]) if name.endswith(".gz") else zst(data[:99], data[99:])


@pytest.mark.parametrize(
    "name", ["a.txt", "a.text", "A.TXT", "a.txt.gz", "a.txt.zst", "a.TXT.zstd", "misnamed.txt"]
)
def test_a_file_is_one_document(tmp_path: Path, name: str) -> None:
    data = b"\xef\xbb\xbf" + BOOK.encode()
    plain = name in ("a.txt", "a.text", "A.TXT")
    path = put(tmp_path / "books" / name, data if plain else packed(name, data))
    for given in (path, path.parent, f"{path.parent}/*", f"{tmp_path}/**/{name[:2]}*"):
        (row,) = read(given)
        assert (row["text"], row["prog_lang"], row["meta"]) == (BOOK, None, None)
        assert row["record"].endswith(f"{name}#0") and row["id"] == row["record"]


def test_text_that_only_looks_packed_by_its_name(tmp_path: Path) -> None:
    assert texts(read(put(tmp_path / "a.txt.gz", b"plain"))) == ["plain"]
    assert texts(read(put(tmp_path / "b.txt", b""))) == [""]
    assert texts(read(put(tmp_path / "c.txt", b'{"text": "a"}\n'))) == ['{"text": "a"}\n']


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        ("文字 text".encode("utf-16"), "UTF-16"),
        ("文字 text".encode("utf-16-be"), "byte"),
        ("in two bytes each: na\xefve".encode("utf-16-le"), "UTF-16"),
        ("文字 text".encode("utf-32"), "UTF-32"),
        ("第一章：这是一本书，共有三章。And English.".encode("gb18030"), "GB18030 or Big5"),
        ("caf\xe9 au lait".encode("latin-1"), "byte 3"),
        (b"cut \xe4\xb8", "byte 4"),
    ],
)
def test_other_encodings_are_error_rows_with_a_hint(tmp_path: Path, data: bytes, hint: str) -> None:
    path = put(tmp_path / "d/a.txt", data)
    for given in (path, tmp_path / "d", f"{tmp_path}/d/*"):
        (row,) = read(given)
        assert row["reason"] == "bad_utf8" and hint in row["message"]
        assert row["raw"] == data


def test_zero_bytes_in_text_named_files_do_not_make_them_vanish(tmp_path: Path) -> None:
    # UTF-16 without a mark, all of ASCII letters, is UTF-8 with zero bytes.
    (row,) = read(put(tmp_path / "a.txt", "ab".encode("utf-16-le")))
    assert row["text"] == "a\0b\0"


def test_large_texts(tmp_path: Path) -> None:
    put(tmp_path / "a.txt", b"x" * 1001)
    put(tmp_path / "b.txt", b"x" * 1000)
    put(tmp_path / "c.txt.gz", gz(b"x" * 50_000_000))
    put(tmp_path / "d.txt.zst", zst(b"x" * 1000))
    rows = read(tmp_path, max_document_bytes=1000)
    assert reasons(rows) == ["too_large", None, "too_large", None]
    assert rows[0]["message"].startswith("1,001 bytes") and rows[0]["raw"] == b"x" * 1001
    assert rows[2]["message"].startswith("more than ")


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_cut_and_damaged_files(tmp_path: Path, ending: str) -> None:
    whole = packed(ending, os.urandom(300).hex().encode())
    cut = read(put(tmp_path / f"a.txt{ending}", whole[:-20]))
    assert reasons(cut) == ["truncated"]
    wrong = bytearray(whole)
    wrong[-3] ^= 1
    broken = read(put(tmp_path / f"b.txt{ending}", bytes(wrong)))
    # A zstd frame has no checksum unless it is asked for.
    assert reasons(broken) in (["bad_compression"], [None])


def test_many_small_files_fall_into_few_units(tmp_path: Path) -> None:
    for number in range(200):
        put(tmp_path / f"b/{number % 3}/{number}.txt", b"x" * 100)
    plan = plan_units([str(tmp_path / "b")], target_bytes=5000)
    assert len(plan.units) == 4 and {unit.format for unit in plan.units} == {"files"}
    assert len(rows_of(plan)) == 200
    assert [unit.key("f") for unit in plan.units] == [
        unit.key("f") for unit in plan_units([str(tmp_path / "b")], target_bytes=5000).units
    ]


def test_in_a_source_tree(tmp_path: Path) -> None:
    put(tmp_path / "r/.gitignore", b"build.txt\n")
    put(tmp_path / "r/build.txt", b"x")
    put(tmp_path / "r/CMakeLists.txt", b"project(a)\n")
    put(tmp_path / "r/README.txt", b"Read me.\n")
    put(tmp_path / "r/requirements.txt", b"numpy\n")
    put(tmp_path / "r/README.md", b"# Read me\n")
    put(tmp_path / "r/a.py.gz", gz(b"print()\n"))
    rows = read(tmp_path / "r")
    assert {row["record"]: row["prog_lang"] for row in rows} == {
        "CMakeLists.txt#0": "cmake",
        "README.md#0": "markdown",
        "README.txt#0": None,
        "requirements.txt#0": None,
    }
    assert plan_units([str(tmp_path / "r")]).skipped == {
        "binary": 1,
        "ignored_by_git": 1,
        "unknown_kind": 1,
    }


def test_a_text_that_changed_is_noticed(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", b"abc")
    (unit,) = plan_units([str(path)]).units
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match=r"a\.txt: has changed"):
        drain(open_unit(unit, ReadOptions()))
    path.unlink()
    with pytest.raises(InputError, match=r"a\.txt: "):
        drain(open_unit(unit, ReadOptions()))


@pytest.mark.parametrize("pack", [bytes, gz, zst])
def test_random_damage_never_raises(tmp_path: Path, pack: Any) -> None:
    for seed in range(100):
        rng = random.Random(seed)
        path = put(tmp_path / f"{seed}.txt", damage(rng, pack(BOOK[: rng.randrange(300)].encode())))
        rows = read(path, max_document_bytes=rng.choice([40, 1 << 20]))
        assert len(rows) == 1
