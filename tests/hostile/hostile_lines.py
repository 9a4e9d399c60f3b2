"""Hostile JSON Lines, not compressed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hostile_cases import Expected, Lines, hostile

DEEP = 200_000
MANY = 200_000


def dumps(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


@hostile("utf8-broken.jsonl", "bytes that are no UTF-8 between good lines; the last one cut off")
def utf8_broken(path: Path) -> Expected:
    lines = Lines(path.name)
    for broken in (b"\xff", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x99", b"\xc0\xaf", b"\xed\xa0\x80",
                   b"\xf4\x90\x80\x80", b"\x80", b"\xfe\xff"):  # fmt: skip
        lines.good()
        lines.bad("bad_utf8", dumps(lines.record()).replace(b" ", broken, 3))
    lines.good()
    lines.bad("bad_utf8", dumps({"id": "cut", "text": "一刀两断"})[:-4])
    return lines.write(path, last=b"")


@hostile("json-broken.jsonl", "broken JSON of many kinds between good lines")
def json_broken(path: Path) -> Expected:
    lines = Lines(path.name)
    for broken in (
        b'{"text": ', b'{"text": "a"', b'{"text": "a"}}', b"{text: 1}", b'{"text": "a",}', b"{",
        b"{'text': 'a'}", b'{"text" "a"}', b'{"text": "\\x41"}', b'{"text": "\\u12"}', b"nul",
        b'{"text": "a\tb"}', b'{"text": 01}', b'{"text": "a"} // note', b"}", b'"', b"\\", b",",
        b"<html><body>403 Forbidden</body></html>", b"id,text", b"\x1b[2J", b"-", b"1e", b"tru",
    ):  # fmt: skip
        lines.good()
        lines.bad("bad_json", broken)
    lines.good(2)
    return lines.write(path)


@hostile("no-objects.jsonl", "JSON that is no object: arrays, strings, numbers, null")
def no_objects(path: Path) -> Expected:
    lines = Lines(path.name)
    for value in (b'[{"text": "a"}]', b'["text", "a"]', b"[]", b'"text"', b"1", b"-0.0", b"null",
                  b"true", b"1e999", b"9" * 5000):  # fmt: skip
        lines.good()
        lines.bad("bad_json", value)
    return lines.write(path)


@hostile("no-newlines.jsonl", "objects without newlines between them, among good lines")
def no_newlines(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(2)
    lines.bad("bad_json", b"".join(dumps(lines.record()) for _ in range(50)))
    lines.bad("bad_json", b"[" + b",".join(dumps(lines.record()) for _ in range(50)) + b"]")
    lines.good(2)
    return lines.write(path)


@hostile("pretty.jsonl", "one document of indented JSON: each of its lines is a record")
def pretty(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.bad(
        "bad_json", *json.dumps({"id": "p", "text": "a", "n": [1]}, indent=2).encode().split(b"\n")
    )
    lines.good(2)
    return lines.write(path)


@hostile("wrong-types.jsonl", "text, id, url and source of every other type, or missing")
def wrong_types(path: Path) -> Expected:
    lines = Lines(path.name)
    for value in (None, 1, 1.5, True, [], ["a"], {}, {"text": "a"}):
        lines.good()
        lines.bad("bad_text_type", dumps(lines.record(text=value)))
    lines.bad("bad_text_type", b"{}", b'{"Text": "a"}', b'{"body": "a"}', b'{"": 1}')
    for id_, told in (
        (7, "7"), (2**70, str(2**70)), (0.5, "0.5"), (True, "true"), (["a"], '["a"]'),
        ({"a": None}, '{"a":null}'), (None, None), ("", None),
    ):  # fmt: skip
        record = lines.record(id=id_, url=3, source=["s"], meta=1, note=None)
        lines.raw(dumps(record), told, record["text"])
    record = lines.record()
    del record["id"]
    lines.raw(dumps(record), None, record["text"])
    lines.refused("empty", b'{"text": ""}', b'{"text": " \\n\\t\\u3000"}')
    return lines.write(path)


@hostile("numbers.jsonl", "NaN, Infinity and numbers that no float holds")
def numbers(path: Path) -> Expected:
    lines = Lines(path.name)
    for word in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"+1", b".5", b"0x10"):
        lines.bad("bad_json", dumps(lines.record())[:-1] + b', "n": ' + word + b"}")
    for number in (b"1e308", b"9" * 400, b"1e999", b"-1e-999", b"0." + b"3" * 4000, b"1E400"):
        record = lines.record()
        line = dumps(record)[:-1] + b', "n": ' + number + b"}"
        lines.raw(line, record["id"], record["text"])
    return lines.write(path)


@hostile("duplicate-keys.jsonl", "fields named twice: the last one counts")
def duplicate_keys(path: Path) -> Expected:
    lines = Lines(path.name)
    record = lines.record()
    lines.raw(b'{"text": "an earlier one", ' + dumps(record)[1:], record["id"], record["text"])
    record = lines.record()
    lines.raw(b'{"text": null, "id": "x", ' + dumps(record)[1:], record["id"], record["text"])
    record = lines.record()
    twice = dumps(record)[:-1] + b', "a": 1' * 1000 + b"}"
    lines.raw(twice, record["id"], record["text"])
    lines.bad("bad_text_type", dumps(lines.record())[:-1] + b', "text": 1}')
    lines.good()
    return lines.write(path)


@hostile("surrogates.jsonl", "halves of surrogate pairs in text, id, keys and meta")
def surrogates(path: Path) -> Expected:
    lines = Lines(path.name)
    for half in (b"\\ud800", b"\\udfff", b"\\ude00\\ud83d", b"\\ud83d\\ud83d", b"\\ud83d\\u0041"):
        lines.good()
        for field in (b'"text": "%s"', b'"id": "%s"', b'"%s": 1', b'"m": {"a": ["%s"]}'):
            lines.bad("bad_utf8", dumps(lines.record())[:-1] + b", " + field % half + b"}")
    record = lines.record()
    whole = b'{"text": "\\ud83d\\ude00 ' + dumps({"text": record["text"]})[10:]
    lines.raw(whole, None, "😀 " + record["text"])
    return lines.write(path)


@hostile("deep.jsonl", "arrays and objects nested 200,000 deep, closed and not")
def deep(path: Path) -> Expected:
    lines = Lines(path.name)
    for opened, closed in ((b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")):
        lines.good()
        nested = opened * DEEP + b"1" + closed * DEEP
        lines.bad("bad_json", opened * DEEP, nested)
        lines.bad("bad_json", dumps(lines.record())[:-1] + b', "n": ' + nested + b"}")
        lines.bad("bad_json", b'{"id": ' + nested + b', "text": "a"}')
    for depth in (250, 255, 256, 500):
        record = lines.record()
        line = dumps(record)[:-1] + b', "n": ' + b"[" * depth + b"]" * depth + b"}"
        if depth < 253:
            lines.raw(line, record["id"], record["text"])
        else:
            lines.bad("bad_json", line)
    lines.good()
    return lines.write(path)


@hostile("many-keys.jsonl", "objects of 200,000 fields, with text and without")
def many_keys(path: Path) -> Expected:
    lines = Lines(path.name)
    keys = b", ".join(b'"key%d": null' % number for number in range(MANY))
    for _ in range(3):
        record = lines.record()
        lines.raw(dumps(record)[:-1] + b", " + keys + b"}", record["id"], record["text"])
    lines.bad("bad_text_type", b"{" + keys + b"}")
    lines.bad("bad_json", b"{" + keys)
    lines.good()
    return lines.write(path)


@hostile("nuls.jsonl", "raw NULs in strings, between lines and for whole blocks; escaped ones")
def nuls(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    lines.bad("bad_json", dumps(lines.record()).replace(b" ", b"\0", 1))
    lines.bad("bad_json", b"\0", bytes(70_000), bytes(4096) + dumps(lines.record()))
    for place in (0, 40):
        text = lines.text()
        text = f"{text[:place]}\0\x01\x7f{text[place:]}"
        lines.good(text=text)
    lines.good()
    lines.bad("bad_json", bytes(5000))
    return lines.write(path, last=b"")


@hostile("bom.jsonl", "byte order marks: the first is dropped, later ones break their line")
def bom(path: Path) -> Expected:
    lines = Lines(path.name)
    record = lines.record()
    lines.raw(b"\xef\xbb\xbf" + dumps(record), record["id"], record["text"])
    lines.good()
    lines.bad("bad_json", b"\xef\xbb\xbf" + dumps(lines.record()), b"\xef\xbb\xbf")
    lines.good(text="\ufeff" + lines.text())
    return lines.write(path)


@hostile("bom-alone.jsonl", "a byte order mark and nothing else")
def bom_alone(path: Path) -> Expected:
    path.write_bytes(b"\xef\xbb\xbf")
    return Expected()


def _recoded(path: Path, encoding: str, first: str) -> Expected:
    """Each piece between bytes 0x0A is a line."""
    lines = Lines(path.name)
    text = "\n".join(f'{{"text": "line {number}"}}' for number in range(20)) + "\n"
    pieces = text.encode(encoding).split(b"\n")
    lines.bad(first, pieces[0])
    lines.bad("bad_json", *pieces[1:])
    return lines.write(path, last=b"")


@hostile("utf16.jsonl", "UTF-16 with a byte order mark")
def utf16(path: Path) -> Expected:
    return _recoded(path, "utf-16", "bad_utf8")


@hostile("utf16le.jsonl", "UTF-16 without a byte order mark")
def utf16le(path: Path) -> Expected:
    return _recoded(path, "utf-16-le", "bad_json")


@hostile("gb18030.jsonl", "lines in GB18030 between good ones")
def gb18030(path: Path) -> Expected:
    lines = Lines(path.name)
    for number in range(5):
        lines.good()
        record = {"id": str(number), "text": lines.text(chinese=True)}
        lines.bad("bad_utf8", json.dumps(record, ensure_ascii=False).encode("gb18030"))
    return lines.write(path)


@hostile("cr-only.jsonl", "lines that end in carriage returns alone: one line, one record")
def cr_only(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.bad("bad_json", b"\r".join(dumps(lines.record()) for _ in range(20)) + b"\r")
    return lines.write(path, last=b"")


@hostile("crlf.jsonl", "CR LF, blanks, and carriage returns within a line")
def crlf(path: Path) -> Expected:
    lines = Lines(path.name)
    for _ in range(3):
        record = lines.record()
        lines.raw(dumps(record) + b"\r", record["id"], record["text"])
        lines.blank(b"\r", b"", b" \t\r")
    lines.bad("bad_json", b"\r".join([dumps(lines.record()), dumps(lines.record())]))
    return lines.write(path)


@hostile("line-separators.jsonl", "U+2028, U+2029, U+0085, FF and VT within strings")
def line_separators(path: Path) -> Expected:
    lines = Lines(path.name)
    for odd in ("\u2028", "\u2029", "\x85", "\u2028\u2028\u2028", "\u200b\u202e\u0000"):
        lines.good(text=lines.text().replace(" ", odd, 2))
    for odd in (b"\x0b", b"\x0c", b"\x1e"):
        lines.bad("bad_json", dumps(lines.record()).replace(b'": "', b'": "' + odd, 1))
    return lines.write(path)


@hostile("empty.jsonl", "no byte at all")
def empty(path: Path) -> Expected:
    path.write_bytes(b"")
    return Expected()


@hostile("blank.jsonl", "blank lines only")
def blank(path: Path) -> Expected:
    path.write_bytes(b"\n" * 1000 + b" \t\r\n" * 1000 + b" " * 100_000)
    return Expected()


@hostile("line-50mb.jsonl", "a line of 50 MB between two short ones", size="heavy")
def line_50mb(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    paragraphs = [lines.text(sentences=3000) for _ in range(6)]
    text = "\n".join(f"{number} {paragraphs[number % 6]}" for number in range(260))
    lines.good(text=text[: 50_000_000 - 1000])
    assert len(lines.lines[-1]) > 49_000_000
    lines.good()
    return lines.write(path)


@hostile("line-endless.jsonl", "a line of 60 MB that does not end", size="heavy")
def line_endless(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good(2)
    lines.bad("bad_json", b'{"text": "' + b"no end " * 8_600_000)
    return lines.write(path, last=b"")
