"""UTF-8 that was read as Windows-1252 or Latin-1, turned back; and C1 controls that were quotes.

Such text has one character from U+0080 on for each byte: `Ã©` for é. That a run of them decodes
again proves little: French `é »` is U+983B in UTF-8, German `Groß“` a letter of N'Ko. So a line is
repaired only where something in it is **sure**, which no writer would set: a sign glued to a letter
behind Ã, two Chinese characters in a row; or where most such lines of its text are. A single `“Ã©”`
in quotes is text about this mistake.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

__all__ = ["repaired_latin"]

# Character -> the byte that it shows. The five bytes that Windows-1252 leaves out are C1 controls
# there (WHATWG Encoding), and Latin-1 shows all 32 so.
_CP1252 = {
    chr(byte): bytes((byte,)).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)
}  # fmt: skip
_BYTES = {chr(byte): byte for byte in range(0x80, 0x100)} | {
    shown: ord(control) for control, shown in _CP1252.items() if shown
}
_RUN = re.compile(f"[{''.join(map(re.escape, sorted(_BYTES)))}]{{2,}}")
_C1 = re.compile("[\x80-\x9f]")
# What stands beside capitals in proper text, and what may be a mark of number or reference.
_TYPOGRAPHIC = frozenset("‘’“”‚„«»‹›–—…\xa0")
_RAISED = frozenset("¡¿ª°·º²³¹")
# Vietnamese horns, Romanian commas, pinyin, the guilder; nothing else from U+0180 on.
_FURTHER_LETTERS = frozenset("ƠơƯưȘșȚțƒ") | frozenset(map(chr, range(0x1CD, 0x1DD)))
# What they look like, nobody writes: byte order mark, U+FFFD, selectors of emoji.
_NEVER_WRITTEN = frozenset("\ufeff\ufffd\ufe0e\ufe0f")
_QUOTES = frozenset("\"'`‘’“”‚„«»‹›()[]「」『』")
_NO_BREAK = re.compile("(?<![A-ZÀ-Þ])Â\xa0")
_LATIN, _C1_KIND, _CJK = "latin", "c1", "cjk"


class _Piece(NamedTuple):
    """Characters start:stop of a line are the UTF-8 sequence of `char`."""

    start: int
    stop: int
    char: str
    kind: str


def repaired_latin(text: str) -> tuple[str, int]:
    """Return `text` with what was misread turned back, and how many characters that was before."""
    # Windows-1252 has no 9D, so that many decoders lose the end of ”: no other sign begins so.
    text = text.replace("â€\ufffd", "â€\x9d")
    if not _RUN.search(text):
        return _without_c1(text, 0)
    lines = text.split("\n")
    count, latin = 0, 0
    unsure = []
    for number, line in enumerate(lines):
        pieces = list(_pieces(line))
        kinds = {piece.kind for piece in _sure(line, pieces)}
        latin += _LATIN in kinds
        unsure += [number] if not kinds and any(piece.kind == _LATIN for piece in pieces) else []
        while kinds:
            line, taken = _line(line, frozenset((*kinds, _C1_KIND)))
            count += taken
            kinds = {piece.kind for piece in _sure(line, _pieces(line))}  # if it was misread twice
        lines[number] = line
    for number in unsure if latin > len(unsure) else ():
        lines[number], taken = _line(lines[number], frozenset((_LATIN, _C1_KIND)))
        count += taken
    if count:
        text = "\n".join(lines)
    if latin:
        # A space without a break is the commonest of all, and often alone in its line.
        text, spaces = _NO_BREAK.subn("\xa0", text)
        count += 2 * spaces
    return _without_c1(text, count)


def _length(lead: int) -> int:
    """Return the length of the UTF-8 sequence that begins with the byte `lead`, 0 if none does."""
    if 0xC2 <= lead <= 0xDF:
        return 2
    if 0xE0 <= lead <= 0xEF:
        return 3
    return 4 if 0xF0 <= lead <= 0xF4 else 0


@lru_cache(maxsize=1 << 14)
def _decoded(shown: str) -> tuple[str, str]:
    """Return the character of this sequence and its kind; ("", "") where it is none."""
    data = bytes(_BYTES.get(char, 0) for char in shown)
    try:
        char = data.decode("utf-8")
    except UnicodeDecodeError:
        return "", ""
    return (char, _kind(char)) if unicodedata.category(char) not in ("Cn", "Co") else ("", "")


def _kind(char: str) -> str:
    code = ord(char)
    if code < 0xA0:
        return _C1_KIND
    if code < 0x180 or char in _FURTHER_LETTERS or 0x2C6 <= code <= 0x2DC:
        return _LATIN
    if char in _NEVER_WRITTEN:
        return _LATIN
    if 0x1E00 <= code <= 0x1EFF or 0x2000 <= code <= 0x2BFF or code >= 0x1F000:
        return _LATIN
    wide = 0x2E80 <= code <= 0x9FFF or 0xAC00 <= code <= 0xD7A3 or 0xFF00 <= code <= 0xFFEF
    return _CJK if wide else f"block {code >> 8}"


def _pieces(line: str) -> Iterator[_Piece]:
    """Yield the sequences of a line from left to right, as they stand there."""
    for run in _RUN.finditer(line):
        at = run.start()
        while at < run.end():
            size = _length(_BYTES[line[at]])
            char, kind = _decoded(line[at : at + size]) if size else ("", "")
            if char:
                yield _Piece(at, at + size, char, kind)
            at += size if char else 1


def _sure(line: str, pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """Yield those sequences of a line that no writer would set."""
    last: _Piece | None = None
    for piece in pieces:
        before = line[piece.start - 1 : piece.start]
        behind = line[piece.stop : piece.stop + 1]
        if piece.kind == _LATIN:
            if _sure_latin(line[piece.start : piece.stop], piece.char, before, behind):
                yield piece
        elif (
            last
            and last.stop == piece.start
            and last.kind == piece.kind != _C1_KIND
            and unicodedata.category(piece.char)[0] in "LMP"
        ):
            yield piece
        last = piece


def _sure_latin(shown: str, char: str, before: str, behind: str) -> bool:
    if before in _QUOTES and behind in _QUOTES and before and behind:
        return False
    lead, trail = shown[0], shown[1]
    if lead == "â":
        return trail not in _TYPOGRAPHIC
    if len(shown) > 2:
        letters = before.isalpha() or behind.isalpha()
        return char in _NEVER_WRITTEN or len(shown) == 4 or (
            letters and not _TYPOGRAPHIC & set(shown)
        )  # fmt: skip
    if lead == "Â":
        return _sure_sign(trail, before, behind)
    if trail in _TYPOGRAPHIC:
        return before.islower()
    if trail in _RAISED:
        return before.islower() or behind.islower()
    return before.isalpha() or behind.isalpha()


def _sure_sign(sign: str, before: str, behind: str) -> bool:
    """Tell whether Â belongs to the sign behind it: `25Â°`, `Â© 2019`, a space behind a word."""
    if before.isupper():
        return False
    if sign in _TYPOGRAPHIC:
        return sign in "\xa0»" and (before.isalnum() or before in (*".,;:!?)",))
    return before.isalnum() or behind.isalnum() or (sign in "©®" and behind == " ")


def _line(line: str, kinds: frozenset[str]) -> tuple[str, int]:
    """Return `line` with all sequences of these kinds turned back, and what they had been."""
    pieces, at, count = [], 0, 0
    for run in _RUN.finditer(line):
        reduced, taken = _reduced(run.group(), kinds)
        pieces += [line[at : run.start()], reduced]
        at, count = run.end(), count + taken
    return "".join((*pieces, line[at:])), count


def _reduced(run: str, kinds: frozenset[str]) -> tuple[str, int]:
    """Return `run` with every sequence turned back, also those that this makes, in linear time."""
    stack: list[str] = []
    sizes: list[int] = []  # how many characters of the run each stands for
    for char in run:
        stack.append(char)
        sizes.append(1)
        size = _ends(stack)
        while size:
            found, kind = _decoded("".join(stack[-size:]))
            if kind not in kinds:
                break
            total = sum(sizes[-size:])
            del stack[-size:], sizes[-size:]
            stack.append(found)
            sizes.append(total)
            size = _ends(stack)
    return "".join(stack), sum(size for size in sizes if size > 1)


def _ends(stack: list[str]) -> int:
    """Return the length of the UTF-8 sequence that ends at the top of `stack`, 0 if none does."""
    for size in range(1, min(4, len(stack)) + 1):
        byte = _BYTES.get(stack[-size], 0)
        if byte >= 0xC0:
            return size if size > 1 and _length(byte) == size else 0
        if byte < 0x80:
            return 0
    return 0


def _without_c1(text: str, count: int) -> tuple[str, int]:
    """Return `text` with C1 controls as Windows-1252 shows them, and how many there were more.

    As HTML reads numeric references to them. Beside Chinese, Japanese or Korean they are what is
    left of a broken character.
    """
    pieces, at = [], 0
    for control in _C1.finditer(text):
        start = control.start()
        shown = _CP1252[control.group()]
        beside = text[max(0, start - 1) : start] + text[start + 1 : start + 2]
        if shown and all(char < "\x80" or 0x2000 <= ord(char) <= 0x2BFF for char in beside):
            pieces += [text[at:start], shown]
            at = start + 1
            count += 1
    return ("".join((*pieces, text[at:])), count) if pieces else (text, count)
