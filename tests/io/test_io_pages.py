"""Pages of WARC files: each is a document of its main text, or an error with its URI."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from io_inputs import drain, gz, put, read, reasons, texts, zst
from warc_files import warc_record, warcinfo, wet

from skypile.errors import UsageError
from skypile.io.html import page_text
from skypile.io.sources import ReadOptions, open_unit
from skypile.io.units import plan_units

PAGES = Path(__file__).parents[1] / "data" / "pages"
HTTP = {"Content-Type": "application/http; msgtype=response"}
HTML = "Content-Type: text/html; charset=utf-8\r\n"
LONG = "这一段是正文，讲的是一件小事。写得虽然不长，但有头有尾，读起来也算通顺。"


def response(
    body: bytes | str, number: int = 1, headers: str = HTML, status: str = "200 OK"
) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    http = f"HTTP/1.1 {status}\r\n{headers}\r\n".encode() + raw
    return warc_record(http, number, "response", fields=HTTP)


def crawl(*responses: bytes) -> list[bytes]:
    """Return records as crawlers write them: a request before each response, metadata behind."""
    found = [warcinfo("crawl.warc.gz")]
    for number, one in enumerate(responses, 1):
        request = warc_record("GET / HTTP/1.1\r\n\r\n", number, "request", fields=HTTP)
        found += [request, one, warc_record("fetchTimeMs: 3\r\n", number, "metadata")]
    return found


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.warc", lambda found: b"".join(found)),
        ("a.warc.gz", lambda found: gz(*found)),
        ("a.warc.zst", lambda found: zst(*found)),
        ("no-name", lambda found: gz(b"".join(found))),
    ],
)
def test_each_page_is_a_document(tmp_path: Path, name: str, pack: Any) -> None:
    pages = [
        response(f"<title>一 &amp; 二</title><p>{LONG}</p>", 1),
        response(f"<html><body><p>{LONG}<p>Second.", 2, HTML.replace("; charset=utf-8", "")),
    ]
    (unit,) = plan_units([str(put(tmp_path / name, pack(crawl(*pages))))]).units
    reader = open_unit(unit, ReadOptions())
    rows = drain(reader)
    assert texts(rows) == [LONG, f"{LONG}\nSecond."]
    assert [row["record"] for row in rows] == [f"{name}#2", f"{name}#5"]
    assert [row["id"] for row in rows] == ["urn:uuid:0000-1", "urn:uuid:0000-2"]
    assert rows[0]["url"] == "https://example.com/1"
    meta = json.loads(rows[0]["meta"])
    assert meta["title"] == "一 & 二" and meta["charset"] == "utf-8"
    assert meta["WARC-Date"] == "2024-05-18T01:58:10Z"
    assert reader.read == 2 and reader.aside == {"metadata": 2, "request": 2, "warcinfo": 1}


def test_what_is_no_page_is_counted_aside(tmp_path: Path) -> None:
    found = crawl(
        response(b"\x89PNG", 1, "Content-Type: image/png\r\n"),
        response("<p>moved", 2, HTML, "301 Moved"),
        response("<p>none", 3, HTML, "404 Not Found"),
        response(f"<!doctype html><p>{LONG}", 4, ""),
        response("plain text", 5, "Content-Type: text/plain\r\n"),
        response("no type and no markup", 6, ""),
        warc_record("20240518\nexample.com 1.2.3.4\n", 7, "response",
                    fields={"Content-Type": "text/dns"}),
        warc_record(f"<p>{LONG}", 8, "resource", fields={"Content-Type": "text/html"}),
    )  # fmt: skip
    (unit,) = plan_units([str(put(tmp_path / "a.warc.gz", gz(*found)))]).units
    reader = open_unit(unit, ReadOptions())
    assert texts(drain(reader)) == [LONG, LONG]
    aside = {kind: count for kind, count in reader.aside.items() if kind.startswith(("http", "no"))}
    assert aside == {"http_status_3xx": 1, "http_status_4xx": 1, "not_html": 3, "not_http": 1}


@pytest.mark.parametrize(
    ("codec", "headers", "meta"),
    [
        ("gb18030", "Content-Type: text/html; charset=GBK\r\n", ""),
        ("gb18030", "Content-Type: text/html\r\n", '<meta charset="gb2312">'),
        ("gb18030", "Content-Type: text/html\r\n", ""),
        ("gb18030", "Content-Type: text/html; charset=utf-8\r\n", ""),
        ("big5", "Content-Type: text/html\r\n", ""),
        ("utf-16", "Content-Type: text/html\r\n", ""),
        ("utf-8", "Content-Type: text/html; charset=iso-8859-1\r\n", '<meta charset="gbk">'),
        ("utf-8-sig", "Content-Type: text/html\r\n", ""),
    ],
)
def test_characters_come_out_whatever_is_said(
    tmp_path: Path, codec: str, headers: str, meta: str
) -> None:
    text = "我們在這裡說的是：不要相信別人說的，要自己去看。" if codec == "big5" else LONG
    body = f"<html><head>{meta}</head><body><p>{text}</p></body></html>".encode(codec)
    path = put(tmp_path / "a.warc", b"".join(crawl(response(body, 1, headers))))
    assert texts(read(path)) == [text]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("shift_jis", "これは日本語の文章です。文字の並びから、どの符号かがわかります。"),
        ("euc_jp", "これは日本語の文章です。文字の並びから、どの符号かがわかります。"),
        ("euc_kr", "이것은 한국어로 된 글이다. 글자의 빈도로 무엇인지 알 수 있다."),
        ("cp1251", "Это русский текст, и по частоте букв видно, в какой он кодировке."),
        ("cp1252", "C’est une phrase française, écrite « à la main », où tout est déclaré."),
    ],
)
def test_encodings_are_told_by_their_characters(tmp_path: Path, codec: str, text: str) -> None:
    body = f"<html><body><p>{text}</p></body></html>".encode(codec)
    record = response(body, 1, "Content-Type: text/html\r\n")
    assert texts(read(put(tmp_path / "a.warc", record))) == [text]


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def chunked(data: bytes) -> bytes:
    return b"5;x=y\r\n" + data[:5] + b"\r\n%x\r\n" % len(data[5:]) + data[5:] + b"\r\n0\r\n\r\n"


PAGE = f"<html><p>{LONG}</p></html>".encode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("Content-Encoding: gzip\r\n", gzip.compress(PAGE)),
        ("Content-Encoding: gzip\r\n", PAGE),  # decoded by the crawler, header as it was
        ("Content-Encoding: deflate\r\n", zlib.compress(PAGE)),
        ("Content-Encoding: deflate\r\n", raw_deflate(PAGE)),
        ("Content-Encoding: zstd\r\n", zstandard.compress(PAGE)),
        ("Transfer-Encoding: chunked\r\n", chunked(PAGE)),
        ("Transfer-Encoding: chunked\r\n", PAGE),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", chunked(gzip.compress(PAGE))),
    ],
)
def test_encodings_that_a_record_keeps_are_undone(
    tmp_path: Path, headers: str, body: bytes
) -> None:
    assert texts(read(put(tmp_path / "a.warc", response(body, 1, HTML + headers)))) == [LONG]


def test_brotli(tmp_path: Path) -> None:
    brotli = pytest.importorskip("brotli")
    whole = brotli.compress(PAGE)
    headers = f"{HTML}Content-Encoding: br\r\n"
    good = response(whole, 1, headers)
    cut = response(whole[:-9], 2, headers)
    bomb = response(brotli.compress(b"<p>" + b"x" * 3_000_000), 3, headers)
    rows = read(put(tmp_path / "a.warc", good + cut + bomb), max_document_bytes=1 << 20)
    assert texts(rows)[0] == LONG
    assert reasons(rows)[1] in ("truncated", "bad_compression")
    assert reasons(rows)[2] == "too_large"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (warc_record("<html>", 1, "response", fields=HTTP), "bad_http"),
        (warc_record("HTTP/1.1 200 OK\r\nA: b", 1, "response", fields=HTTP), "bad_http"),
        (response(gzip.compress(PAGE)[:-12], 1, f"{HTML}Content-Encoding: gzip\r\n"), "truncated"),
        (response(b"\x1f\x8b\x08" + b"\xff" * 50, 1, f"{HTML}Content-Encoding: gzip\r\n"),
         "bad_compression"),
        (response(chunked(PAGE)[:-20], 1, f"{HTML}Transfer-Encoding: chunked\r\n"), "truncated"),
        (response(gzip.compress(b"x" * 3_000_000), 1, f"{HTML}Content-Encoding: gzip\r\n"),
         "too_large"),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_read_is_an_error_with_its_uri(
    tmp_path: Path, record: bytes, reason: str
) -> None:
    path = put(tmp_path / "a.warc", b"".join([record, response(PAGE, 2)]))
    rows = read(path, max_document_bytes=1 << 20)
    assert reasons(rows) == [reason, None] and rows[0]["url"] == "https://example.com/1"
    assert rows[0]["id"] == "urn:uuid:0000-1" and rows[0]["byte_offset"] == 0
    assert texts(rows)[1] == LONG


def test_limit_counts_documents(tmp_path: Path) -> None:
    path = put(tmp_path / "a.warc", b"".join(crawl(*(response(PAGE, n) for n in range(1, 9)))))
    assert len(read(path, limit=3)) == 3


def test_pages_and_texts_may_share_a_file(tmp_path: Path) -> None:
    rows = read(put(tmp_path / "a.warc", b"".join([*wet("text"), *crawl(response(PAGE))])))
    assert texts(rows) == ["text", LONG]


def test_tiers(tmp_path: Path) -> None:
    page = f"<div><p>{LONG}</p><p>责任编辑：张三</p><p>Advertisement</p></div>"
    path = put(tmp_path / "a.warc", response(page))
    assert texts(read(path, html="precise")) == [LONG]
    assert texts(read(path, html="fast")) == [f"{LONG}\n责任编辑：张三\nAdvertisement"]
    with pytest.raises(UsageError, match="html"):
        read(path, html="best")


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.html")), ids=lambda path: path.stem)
def test_chinese_pages_give_their_main_text(tmp_path: Path, path: Path) -> None:
    """Every line of the main text is there, and little else."""
    record = response(path.read_bytes(), 1, "Content-Type: text/html\r\n")
    (found,) = texts(read(put(tmp_path / "a.warc", record)))
    assert found is not None
    wanted, got = path.with_suffix(".txt").read_text("utf-8").split("\n"), found.split("\n")
    assert [line for line in wanted if line and line not in got] == []
    assert sum(len(line) for line in got if line not in wanted) <= 40


STRUCTURE = [
    ("<p>One.<br>Two.<p>Three.", "One.\nTwo.\nThree."),
    ("<ul><li>First thing, done.<li>Second thing, done.</ul>",
     "First thing, done.\nSecond thing, done."),
    ("<table><tr><th>name<th>value, in words<tr><td>a<td>1</table>",
     "name\tvalue, in words\na\t1"),
    ("<p>Code, for example:</p><pre>def f():\n    <b>return</b>  1\n</pre>",
     "Code, for example:\ndef f():\n    return  1"),
    ("<h2>Title</h2><p>Some text, not long.</p><p>More, too.</p>",
     "Title\nSome text, not long.\nMore, too."),
    ("<p>a &lt;b&gt; &amp;amp; c, &#20013;&nbsp;&#x6587;.</p>", "a <b> &amp; c, 中 文."),
    ("<p>1 < 2, and 3 > 2.</p>", "1 < 2, and 3 > 2."),
    ("<p>So it <b>is</b>, they <i>said</i>.</p><script>var a = '<p>no</p>';</script>",
     "So it is, they said."),
    ("<p>Seen, of course.</p><!-- <p>not seen</p> --><p style='display: none'>nor this.</p>",
     "Seen, of course."),
]  # fmt: skip


@pytest.mark.parametrize(("page", "text"), STRUCTURE)
def test_structure_becomes_lines(page: str, text: str) -> None:
    assert page_text(page.encode(), "precise") == text


MB = 1_000_000
HOSTILE = {
    "nested": b"<div>" * 100_000 + b"x" + b"</div>" * 100_000,
    "nested, unclosed": b"<table><tr><td>" * 30_000,
    "inline, unclosed": b"<b><i>" * 200_000,
    "end tags": b"<section><table><tr><td>" + b"<div>" * 50_000 + b"</section>" * 200_000,
    "attributes": b"<p " + b"a=b " * MB + b">x",
    "one attribute": b'<p class="' + b"nav " * MB + b'">x',
    "open quote": b'<p title="' + b"x" * MB,
    "open comment": b"<!--" * 100_000,
    "open script": b"<script>" * 100_000,
    "entities": b"&amp;" * 200_000 + b"&" * 200_000,
    "long numbers": b"<p>x, &#" + b"9" * 100_000 + b"; &#x" + b"f" * 100_000 + b"; &#xD800; y.",
    "zeros": b"<p>a\0b, " + b"\0" * MB + b"c.",
    "angles": b"<" * MB,
    "spaces in pre": b"<pre>x" + b" " * MB + b"y</pre>",
    "closed at once": b"<p/>" * 200_000,
    "comments in front": b"<!---->" * 100_000 + b"<p>x",
    "not UTF-8": b"\xff\xfe\xfd" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(120)
def test_hostile_pages_are_read_or_told(tmp_path: Path, name: str) -> None:
    good = response(PAGE, 2)
    for headers in (HTML, ""):
        path = put(tmp_path / "a.warc", response(HOSTILE[name], 1, headers) + good)
        assert texts(read(path))[-1] == LONG


def test_a_page_of_too_many_elements_is_told(tmp_path: Path) -> None:
    page = response(b"<p>x" * 1_200_000, 1)
    rows = read(put(tmp_path / "a.warc", page + response(PAGE, 2)))
    assert reasons(rows) == ["bad_html", None] and "elements" in rows[0]["message"]


def test_a_page_of_50_mb(tmp_path: Path) -> None:
    line = f"<p>{LONG}</p>\n".encode()
    page = response(line * (50 * MB // len(line)), 1)
    (row,) = read(put(tmp_path / "a.warc", page))
    assert row["text"].count(LONG) == 50 * MB // len(line)
