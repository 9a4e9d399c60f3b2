"""HTML pages as text: the main text of a page, and its title."""

from __future__ import annotations

import html
import re

from skypile.io.remarks import without_remarks
from skypile.io.rows import HtmlTier
from skypile.kernels.html_main import main_text

__all__ = ["page_text", "page_title"]

TITLE = re.compile(rb"<title(?:\s[^>]{0,200})?>([^<]{1,2000})</title", re.I)
TITLE_BYTES = 1 << 16
# html.unescape reads a number of any length, and Python refuses those of more than 4,300 digits.
LONG_REFERENCE = re.compile(r"&#0*[0-9]{8,};?")
# What pages indent and pad lines with. At a line's start the spaces of <pre> stay.
PADDING = "\xa0\u2002\u2003\u2009\u200b\u3000\ufeff"
BLANK_LINES = re.compile(r"\n{3,}")
UNSEEN = (("\xa0", " "), ("\u200b", ""), ("\ufeff", ""), ("\xad", ""))


def page_text(page: bytes, tier: HtmlTier) -> str | None:
    """Return the main text of an HTML page in UTF-8, None where it has too many elements.

    Blocks, items of lists and rows of tables are lines, cells are divided by tabs, <pre> is kept as
    it is. `fast` takes what the page's structure says; `precise` leaves out single lines as well
    that are no text (remarks.py).
    """
    found = main_text(page)
    if found is None:
        return None
    text = unescaped(found.decode("utf-8", "replace"))
    if tier == "precise":
        text = without_remarks(text)
    lines = (line.lstrip(PADDING).rstrip() for line in text.split("\n"))
    text = BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
    for char, instead in UNSEEN:
        text = text.replace(char, instead)
    return text


def page_title(page: bytes) -> str | None:
    """Return the title in a page's head, white space run together."""
    found = TITLE.search(page, 0, TITLE_BYTES)
    if found is None:
        return None
    return " ".join(unescaped(found[1].decode("utf-8", "replace")).split()) or None


def unescaped(text: str) -> str:
    """Return `text` with its character references replaced, those that mean nothing by U+FFFD."""
    if "&" not in text:
        return text
    return html.unescape(LONG_REFERENCE.sub("\ufffd", text))
