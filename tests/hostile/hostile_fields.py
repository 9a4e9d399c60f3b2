"""Hostile ids, names of fields and names of files, in JSON Lines."""

from __future__ import annotations

from pathlib import Path

from hostile_cases import Expected, Lines, hostile
from hostile_lines import dumps
from hostile_packed import zst

from skypile.schema import INPUT_FIELDS, OUTCOME_FIELDS

IDS = (
    "../../../etc/passwd", "/etc/passwd", "..", ".", "a/../../b", "C:\\Windows", "~", "-", "--help",
    "\0", "a\nb", "\r\n", "\x1b[2J\x1b]0;title\x07", "\x7f", "\u202egpj.exe", "\ufeff", "\u2028",
    "😀", "é" * 300, " ", "*", "a#0", "%s%n", "${HOME}", "`id`", "'; drop table t; --", "NaN",
)  # fmt: skip
OURS = (
    *(field.name for field in (*INPUT_FIELDS, *OUTCOME_FIELDS)),
    "domain", "subset", "language", "tokens", "duplicate_of", "text_read", "raw_line", "score",
    "limit", "exact_hash", "minhash", "chars_count", "words_count", "input_score", "dup_line_frac",
)  # fmt: skip


@hostile("ids.jsonl", "ids that are paths, control characters, options; ids that repeat")
def ids(path: Path) -> Expected:
    lines = Lines(path.name)
    for one in IDS:
        lines.good(id=one)
    lines.good(3, id="the same")
    lines.good(id=f"{path.name}#0")
    return lines.write(path)


@hostile(
    "ids-megabyte.jsonl.zst", "150 ids, urls, sources and notes of a megabyte each", size="heavy"
)
def ids_megabyte(path: Path) -> Expected:
    lines = Lines(path.name)
    for number in range(150):
        name = ("id", "url", "source", "note")[number % 4]
        lines.good(**{name: f"{path.name}:{number}-" + "x" * (1 << 20)})
    path.write_bytes(zst(lines.data()))
    return lines.expected


@hostile(
    "ids-without-text.jsonl.zst", "400 records without text whose ids have a megabyte", size="heavy"
)
def ids_megabyte_without_text(path: Path) -> Expected:
    lines = Lines(path.name)
    lines.good()
    begin, long = f'{{"id": "{path.name}:'.encode(), b"x" * (1 << 20)
    lines.bad("bad_text_type", *(b'%s%d%s"}' % (begin, number, long) for number in range(1, 401)))
    path.write_bytes(zst(lines.data()))
    return lines.expected


@hostile("fields.jsonl", "fields that are called like the columns of a corpus, and odd names")
def fields(path: Path) -> Expected:
    lines = Lines(path.name)
    names = [name for name in OURS if name not in ("id", "text")]
    for value in ("kept", 7, None, ["a"], {"outcome": "error"}, 0.5):
        lines.good(**dict.fromkeys(names, value))
    for name in ("", "\0", "a\nb", "text ", "Text", "\u202e", "__proto__", "é", "x" * 100_000):
        lines.good(**{name: 1})
    lines.bad("bad_text_type", dumps({**dict.fromkeys(names, 1), "id": "t", "text": None}))
    lines.refused("empty", dumps({**dict.fromkeys(names, "rejected"), "id": "e", "text": ""}))
    return lines.write(path)


NAMES = {
    "new\nline.jsonl": "a newline in the name of the file",
    "es\x1b[31mcape.jsonl": "a terminal's escape sequence in the name",
    "[a-z]*?.jsonl": "a name that is a pattern, and is meant as it is",
    "#0.jsonl": "a name like that of a record",
    " .jsonl": "a name that is a space",
    "é" * 120 + ".jsonl": "a long name",
    "\udcff\udcfe.jsonl": "a name that is no UTF-8",
}


def _named(name: str, what: str) -> None:
    @hostile(name, what)
    def make(path: Path) -> Expected:
        lines = Lines(path.name)
        lines.good(2)
        lines.bad("bad_json", b"{")
        return lines.write(path)


for one, described in NAMES.items():
    _named(one, described)
