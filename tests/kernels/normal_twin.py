"""The kernels of normalisation in plain Python, character by character."""

from __future__ import annotations

import re
import unicodedata

from skypile.kernels import normal_table as table
from skypile.kernels.normal_clean import CONTROLS, DIRECTIONS, LINES, SPACES, WIDTHS, ZEROS
from skypile.kernels.normal_scan import (
    AMPERSANDS,
    CLEAN,
    COMPOSE,
    ENTITY,
    REPAIR,
    SPACE_ENDS,
    WIDE_FORMS,
)

CP1252 = {bytes((b,)).decode("cp1252", "ignore"): b for b in range(0x80, 0xA0)}
JOINING = (
    (0x600, 0x109F), (0x1700, 0x18AF), (0x1900, 0x1CFF), (0xA800, 0xAAFF), (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC), (0x10A00, 0x11FFF), (0x1E900, 0x1E95F),
)  # fmt: skip
SPACELESS = ((0xE00, 0x109F), (0x1780, 0x17FF), (0x1950, 0x1CFF))
PICTURES = (
    (0x1F000, 0x1FAFF), (0x2190, 0x27BF), (0x2900, 0x2BFF), (0xA9, 0xA9), (0xAE, 0xAE),
    (0x203C, 0x2139), (0x3030, 0x3299),
)  # fmt: skip
RIGHTWARD = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001eeff]"
)


def kind(char: str) -> int:
    return int(table.code_table()[ord(char)]) & table.CLASS_MASK


def misread(char: str) -> int:
    code = ord(char)
    return code if 0x80 <= code <= 0xFF else CP1252.get(char, -1)


def latin(text: str, at: int) -> bool:
    lead = ord(text[at])
    if not 0xC2 <= lead <= 0xF4:
        return False
    needed = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
    behind = [misread(char) for char in text[at + 1 : at + 1 + needed]]
    return len(behind) == needed and all(0x80 <= byte <= 0xBF for byte in behind)


def gbk(char: str) -> bytes:
    data = char.encode("gb18030", "ignore")
    return data if len(data) == 2 else b"\0\0"


def garbled(text: str, at: int) -> bool:
    if ord(text[at]) not in table.garbled_han() or not 0x80 <= gbk(text[at])[1] <= 0xBF:
        return False
    behind = text[at + 1 : at + 2]
    if behind in ("", "?", "\ufffd") or behind < "\x80":
        return behind in ("?", "\ufffd") and behind != ""
    first, second = gbk(behind)
    return 0x80 <= first <= 0xBF and not 0x80 <= second < 0xC2


def scan(text: str, wanted: int) -> tuple[int, tuple[int, int]]:
    """Return what `text` needs and what is lost in it."""
    needs = 0
    for at, char in enumerate(text):
        if kind(char) not in (0, table.FULL_WIDTH):
            needs |= CLEAN
        if wanted & WIDE_FORMS and kind(char) == table.FULL_WIDTH:
            needs |= CLEAN
        if wanted & SPACE_ENDS and char in " \t" and text[at + 1 : at + 2] in ("", "\n"):
            needs |= CLEAN
        if wanted & AMPERSANDS and re.match("&[A-Za-z#]", text[at:]):
            needs |= ENTITY
        before = unicodedata.combining(text[at - 1]) if at else 0
        own = unicodedata.combining(char)
        if ord(char) in table.recomposed_chars() or 0 < own < before:
            needs |= COMPOSE
        if "\x80" <= char <= "\x9f" or latin(text, at) or garbled(text, at):
            needs |= REPAIR
    runs = sum(map(len, re.findall("烫{3,}|屯{3,}", text)))
    return needs, (text.count("\ufffd"), 3 * text.count("锟斤拷") + runs)


def within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


def soft_hyphen(last: str, direct: str, wanted: int) -> str:
    if last in " \t" and direct in " \t" and not wanted & SPACES:
        return "\xad"
    digit = "0" <= direct <= "9"
    if last in " \t\n\r":
        return "-" if digit or (direct.isascii() and direct.isalpha()) else ""
    letter = last.isascii() and last.isalpha()
    return "-" if letter and (digit or direct in "\n\r") else ""


def stays(char: str, last: str, before: str, behind: str) -> bool:
    group = kind(char)
    if group == table.JOINER:
        emoji = char == "\u200d" and within(before, PICTURES) and within(behind, PICTURES)
        joins = within(before, JOINING) or within(behind, JOINING)
        return kind(last) != table.JOINER and (emoji or joins)
    if group == table.ZERO_WIDTH:
        spaceless = within(before, SPACELESS) or within(behind, SPACELESS)
        return kind(last) != table.ZERO_WIDTH and spaceless
    if group == table.SELECTOR:
        space = last == "\u3000" or "\u2000" <= last <= "\u200a"
        return kind(last) == 0 and (last in "#*0123456789" or (last >= "\xa9" and not space))
    return group == table.TAG and (last == "\U0001f3f4" or kind(last) == table.TAG)


def clean(text: str, wanted: int) -> str:
    """Return `text` as the kernel rewrites it."""
    out: list[str] = []
    at = 0
    while at < len(text):
        char, group = text[at], kind(text[at])
        at += 1
        last = out[-1] if out else "\n"
        direct = text[at] if at < len(text) else "\n"
        shown = char
        if group == table.CONTROL and wanted & CONTROLS:
            shown = ""
        elif group == table.LINE_END and wanted & LINES:
            at += char == "\r" and text[at : at + 1] == "\n"
            shown = "\n"
        elif group == table.FULL_WIDTH and wanted & WIDTHS:
            shown = unicodedata.normalize("NFKC", char)
        elif group == table.SOFT_HYPHEN and wanted & ZEROS:
            shown = soft_hyphen(last, direct, wanted)
        elif group == table.BIDI and wanted & DIRECTIONS:
            alone = last in " \t" and direct in " \t" and not wanted & SPACES
            shown = char if alone or RIGHTWARD.search(text) else ""
        elif group in (table.UNSEEN, table.JOINER, table.ZERO_WIDTH, table.SELECTOR, table.TAG):
            seen = (0, table.LINE_END, table.FULL_WIDTH)
            before = next((each for each in reversed(out) if kind(each) in seen), "\n")
            behind = next((each for each in text[at:] if kind(each) in seen), "\n")
            if wanted & ZEROS and not stays(char, last, before, behind):
                shown = ""
        if shown == "\n" and wanted & SPACES:
            while out and out[-1] in " \t":
                out.pop()
        out += shown
    joined = "".join(out)
    return joined.rstrip(" \t") if wanted & SPACES else joined
