"""HTML entities that were left in a text, written out."""

from __future__ import annotations

import html
import re

__all__ = ["unescaped"]

_MAX_CHARS = 32  # of the longest name in HTML, with `&`
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30})\Z")


def unescaped(text: str) -> tuple[str, int]:
    """Return `text` with entities that end in `;` written out, and how many there were.

    Also those that this makes: `&amp;lt;` is `<`. Each `;` looks back over the 32 characters that
    an entity can have, so the work is linear.
    """
    if "&" not in text:
        return text, 0
    parts = text.split(";")
    written, count = list(parts[0]), 0
    for part in parts[1:]:
        count += _close(written)
        written += part
    return ("".join(written), count) if count else (text, 0)


def _close(written: list[str]) -> int:
    """Write the `;` that follows, or what the entity stands for that it ends."""
    closed = 0
    while True:
        tail = "".join(written[-_MAX_CHARS:])
        found = _ENTITY.search(tail, max(0, tail.rfind("&"))) if "&" in tail else None
        shown = html.unescape(f"{found.group()};") if found else ""
        # Not an entity, or none that UTF-8 can hold: html gives it back as it was, or U+FFFD.
        if not found or len(shown) > 2 or shown in ("", "\ufffd"):
            written.append(";")
            return closed
        del written[len(written) - len(found.group()) :]
        closed += 1
        if shown != ";":
            written += shown
            return closed
