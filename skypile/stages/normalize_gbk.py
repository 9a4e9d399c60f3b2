"""UTF-8 that was read as GBK (or GB 18030), turned back.

Two bytes became one character, so a Chinese character of three bytes became one and a half: `你好`
is `浣犲ソ`. Of a run with an odd number of bytes the last one was lost (`。` is `銆` and a byte
that no decoder could read, shown as U+FFFD or `?`). What was lost stays U+FFFD; the rest comes
back.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from skypile.kernels.normal_table import garbled_han

__all__ = ["repaired_gbk"]

_RUN = re.compile("[^\x00-\x7f]+")
_LOST = "\ufffd"
_GAP = b"\xff"  # a byte that was lost: never part of UTF-8
# Well-formed UTF-8 (RFC 3629, without the bounds that later decoding checks), or what is none.
_TOKENS = re.compile(
    rb"(?P<good>(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"
    rb"|[\xf0-\xf4][\x80-\xbf]{3})+)|(?P<bad>[\x80-\xff]+?(?=[\x00-\x7f\xc2-\xf4]|\Z))"
)
# At least four characters of Chinese in a row: within proper text that happens to nobody.
_WIDE = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}|\xef[\xbc\xbd][\x80-\xbf]){4,}")
_MAX_GAP_BYTES = 6
_MIN_COMMON = 0.7  # of the Chinese characters of a run that was turned back
_MIN_GAIN = 0.2  # over the share of common characters before


def repaired_gbk(text: str) -> tuple[str, int]:
    """Return `text` with what was misread turned back, and how many characters that was before."""
    garbled = _garbled()
    if not garbled.search(text):
        return text, 0
    lines = text.split("\n")
    count = 0
    for number, line in enumerate(lines):
        if garbled.search(line):
            lines[number], taken = _line(line)
            count += taken
    return "\n".join(lines), count


@cache
def _garbled() -> re.Pattern[str]:
    return re.compile(f"[{''.join(map(chr, sorted(garbled_han())))}]")


@cache
def _common() -> frozenset[str]:
    """Return the characters of the first levels of GB 2312 and Big5, punctuation and kana."""
    levels = [
        bytes((lead, trail)).decode(codec, "ignore")
        for codec, first, last in (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6))
        for lead in range(first, last + 1)
        for trail in range(0x40, 0xFF)
    ]
    signs = (*range(0x2010, 0x2040), *range(0x3000, 0x3020), *range(0x3040, 0x3100))
    return frozenset("".join(levels)) | frozenset(map(chr, (*signs, *range(0xFF00, 0xFF66))))


def _line(line: str) -> tuple[str, int]:
    runs = [(run, _turned_once_or_twice(run.group())) for run in _RUN.finditer(line)]
    sure = any(found and _plausible(run.group(), found, 2) for run, found in runs)
    pieces, at, count = [], 0, 0
    for run, found in runs:
        shown, stop = run.group(), run.end()
        if found and sure and _plausible(shown, found, 1):
            cut = found.endswith(_LOST) and not shown.endswith(_LOST)
            if cut and line[stop : stop + 1] == "?":
                stop += 1  # what the decoder wrote for the bytes that it could not read
        else:
            found = _parts(shown)
            if found == shown:
                continue
        pieces += [line[at : run.start()], found]
        count += len(shown)
        at = stop
    return "".join((*pieces, line[at:])), count


def _turned_once_or_twice(run: str) -> str:
    once = _turned(run)
    if once and not _plausible(run, once, 1):
        return _turned(once) or once
    return once


def _encoded(run: str) -> bytes:
    """Return the bytes that GBK showed as `run`; empty where it shows none of it."""
    try:
        data = [_GAP if char == _LOST else char.encode("gb18030") for char in run]
    except UnicodeEncodeError:
        return b""
    return b"" if any(len(each) > 2 for each in data) else b"".join(data)


def _turned(run: str) -> str:
    """Return `run` turned back as a whole, U+FFFD where bytes were lost; empty if it cannot be."""
    data = _encoded(run)
    private = any("\ue000" <= char <= "\uf8ff" for char in run)
    found = _decoded(data, private=private)
    if not found and "€" in run:  # as Windows reads it
        found = _decoded(data.replace("€".encode("gb18030"), b"\x80"), private=private)
    return found


def _decoded(data: bytes, *, private: bool) -> str:
    found: list[str] = []
    for token in _TOKENS.finditer(data):
        if token.lastgroup == "good":
            try:
                found.append(token.group().decode("utf-8"))
            except UnicodeDecodeError:
                return ""
            continue
        bad = token.group()
        if len(bad) > _MAX_GAP_BYTES or (_GAP not in bad and token.end() < len(data)):
            return ""
        # At the end a byte of any value was lost, for want of a second one.
        found.append(_LOST if token.end() == len(data) else _only(bad, private))
    return "".join(found)


@lru_cache(maxsize=1 << 12)
def _only(bad: bytes, private: bool) -> str:  # noqa: FBT001 - a key of the cache
    """Return the one common character that a single lost byte can have belonged to, or U+FFFD.

    No decoder can read 80 as the first byte of two; those that do not map the user-defined area to
    private use characters fail from A1 to AF as well.
    """
    if len(bad) != 3 or bad.count(_GAP) != 1 or not 0xE2 <= bad[0] <= 0xEF:
        return _LOST
    tried = (
        bad.replace(_GAP, bytes((byte,))).decode("utf-8", "ignore")
        for byte in ((0x80,) if private else (0x80, *range(0xA1, 0xB0)))
    )
    found = [char for char in tried if len(char) == 1 and char in _common()]
    return found[0] if len(found) == 1 else _LOST


def _plausible(run: str, found: str, least: int) -> bool:
    """Tell whether `found` is likelier to have been written than `run`.

    It has `least` Chinese characters, most of them common ones, more of them than `run` has; or the
    quotes and dashes of English, of which 鈥 is the first half.
    """
    wide = [char for char in found if char >= "\u2e80" and char != _LOST]
    common = _common()
    if not wide:
        signs = [char for char in found if char >= "\x80"]
        return "鈥" in run and any(char in common for char in signs)
    share = sum(char in common for char in wide) / len(wide)
    before = sum(char in common for char in run) / len(run)
    return len(wide) >= least and share >= _MIN_COMMON and share >= before + _MIN_GAIN


def _parts(run: str) -> str:
    """Return `run` with those parts turned back that are long enough to be sure by themselves."""
    data = _encoded(run.replace(_LOST, "\u3000"))
    if len(data) != 2 * len(run):
        return run
    pieces, at = [], 0
    for part in _WIDE.finditer(data):
        start, stop = part.start(), part.end()
        stop -= 3 * (stop % 2)  # a character of which one half belongs to what follows
        if start % 2 or stop - start < 12:
            continue
        found = part.group()[: stop - start].decode("utf-8")
        if _plausible(run[start // 2 : stop // 2], found, 4):
            pieces += [run[at : start // 2], found]
            at = stop // 2
    return "".join((*pieces, run[at:]))
