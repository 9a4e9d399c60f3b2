"""WARC records as tests make them."""

from __future__ import annotations


def warc_record(
    body: bytes | str,
    number: int = 0,
    kind: str = "conversion",
    *,
    length: int | str | None = None,
    fields: dict[str, str] | None = None,
    end: bytes = b"\r\n\r\n",
) -> bytes:
    """Return a record as Common Crawl writes them; `length` replaces the right Content-Length."""
    raw = body.encode() if isinstance(body, str) else body
    header = {
        "WARC-Type": kind,
        "WARC-Target-URI": f"https://example.com/{number}",
        "WARC-Date": "2024-05-18T01:58:10Z",
        "WARC-Record-ID": f"<urn:uuid:0000-{number}>",
        "WARC-Identified-Content-Language": "eng,zho",
        "Content-Type": "text/plain",
        **(fields or {}),
        "Content-Length": str(len(raw) if length is None else length),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in header.items())
    return b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + raw + end


def warcinfo(filename: str = "CC-MAIN.warc.wet.gz") -> bytes:
    body = b"Software-Info: tests\r\nisPartOf: CC-MAIN-2024-22\r\n\r\n"
    return warc_record(body, kind="warcinfo", fields={"WARC-Filename": filename})


def wet(*texts: bytes | str) -> list[bytes]:
    """Return the records of a WET file: warcinfo, and one for each text."""
    return [warcinfo(), *(warc_record(text, number) for number, text in enumerate(texts, 1))]
