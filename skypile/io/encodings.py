"""Text that is no UTF-8: what it may be instead."""

from __future__ import annotations

import codecs
import re

__all__ = ["not_utf8"]

LOOKED_AT_BYTES = 1 << 16
MIN_HAN_FRAC = 0.9  # of the characters that are not ASCII
# Ideographs, and the punctuation and full-width forms that stand among them.
HAN = re.compile(r"[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")


def not_utf8(data: bytes, error: UnicodeDecodeError, what: str) -> str:
    """Return what is said of `data` that is no UTF-8, with what it looks like if that shows."""
    guess = _encoding(data[:LOOKED_AT_BYTES])
    hint = f"; it looks like {guess}: convert it, with iconv for example" if guess else ""
    return f"not UTF-8: {error.reason} at byte {error.start} of the {what}{hint}"


def _encoding(data: bytes) -> str | None:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if data.count(0) * 4 >= len(data):
        return "UTF-16"
    try:
        text = codecs.getincrementaldecoder("gb18030")().decode(data)
    except UnicodeDecodeError:
        return None
    others = sum(char > "\x7f" for char in text)
    han = len(HAN.findall(text))
    return "GB18030 or Big5" if han and han >= MIN_HAN_FRAC * others else None
