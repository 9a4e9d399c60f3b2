"""The characters of a page: which encoding its bytes are in, and the bytes as UTF-8."""

from __future__ import annotations

import codecs
import re

__all__ = ["to_utf8"]

# A declaration is looked for where the standard has it (1,024 bytes), and a little further.
DECLARED_BYTES = 4096
META = re.compile(rb"<meta[^>]{0,512}?charset\s{0,9}=[\s\"']{0,9}([A-Za-z0-9_:.-]{1,40})", re.I)
XML = re.compile(rb"^\s{0,99}<\?xml[^>]{0,200}?encoding\s{0,9}=[\s\"']{0,9}([A-Za-z0-9_:.-]{1,40})")
# What pages call an encoding, and what their authors' machines wrote (WHATWG, Encoding Standard).
CODECS = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "x-gbk": "gb18030",
    "gb-2312": "gb18030", "gb_2312-80": "gb18030", "cp936": "gb18030", "hz-gb-2312": "hz",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "big-5": "big5hkscs", "x-x-big5": "big5hkscs",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "windows-31j": "cp932", "euc-jp": "euc_jp", "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "uhc": "cp949",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
    "iso-8859-9": "cp1254", "tis-620": "cp874", "iso-8859-11": "cp874", "utf-8": "utf-8",
    "utf8": "utf-8", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "unicode": "utf-16",
}  # fmt: skip
# Others are Python's; a page may not name one that is no encoding of text.
OTHERS = re.compile(r"(iso-?8859-\d{1,2}|windows-?(874|12\d\d)|cp\d{3,4}|koi8-[ru]|macintosh)")
SEVEN_BIT = ("iso2022_jp", "hz", "utf-16", "utf-16-le", "utf-16-be")
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
REPLACED = "\ufffd"
MAX_REPLACED_FRAC = 0.02  # of the characters that are not ASCII, in an encoding that is right
# The most frequent characters of running text: a fifth to a half of it where the encoding is right.
COMMON = {
    "gb18030": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于"
    "着下自之年，。、：；！？“”《》",
    "big5hkscs": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於"
    "著下自之年，。、：；！？「」《》",
    "cp932": "のにはをたがでてとしれさいるなもからこあっすりまくんだ、。ンスルイトラリアドクシーレ",
    "cp949": "이다는의에을를은고가하한지기도로사인나어리자시들서대",
    "cp1251": "оеаинтсрвлкмдпуя",
}
CHARACTERS = {
    **{name: frozenset(found) for name, found in COMMON.items()},
    "euc_jp": frozenset(COMMON["cp932"]),
    "koi8_r": frozenset(COMMON["cp1251"]),
}
MIN_COMMON_FRAC = {"cp1251": 0.5, "koi8_r": 0.5}
LEAST_COMMON_FRAC = 0.08
SAMPLE_BYTES = 1 << 16
DEFAULT = "cp1252"


def to_utf8(page: bytes, declared: str | None) -> tuple[bytes, str]:
    """Return a page as UTF-8 without a byte order mark, and the encoding that it was in.

    `declared` is what HTTP says. A byte order mark comes first. A page that is UTF-8 is taken for
    UTF-8 whatever is said of it: text in another encoding is, by chance, in a sentence or two at
    most. Then comes what is declared, by HTTP or by the page, unless so much cannot be decoded by
    it that it is wrong; then what the characters look like.
    """
    for mark, name in MARKS:
        if page.startswith(mark):
            return _decoded(page[len(mark) :], name), name
    told = _codec(declared)
    if told not in SEVEN_BIT and _is_utf8(page):
        written = _codec(_written(page))
        if written not in ("iso2022_jp", "hz"):
            return page, "utf-8"
    for codec in (told, _codec(_written(page))):
        if codec is not None:
            text = page.decode(codec, "replace")
            if _looks_right(text):
                return _utf8(text), codec
    found = _guess(page[:SAMPLE_BYTES])
    return _decoded(page, found), found


def _is_utf8(page: bytes) -> bool:
    try:
        page.decode()
    except UnicodeDecodeError:
        return False
    return True


def _written(page: bytes) -> str | None:
    """Return the encoding that a page names itself."""
    head = page[:DECLARED_BYTES]
    found = META.search(head) or XML.search(head)
    return None if found is None else found[1].decode()


def _codec(declared: str | None) -> str | None:
    """Return Python's name for an encoding as pages name it, None where it is none."""
    name = (declared or "").strip().lower()
    if name in CODECS:
        return CODECS[name]
    if OTHERS.fullmatch(name) is None:
        return None
    try:
        return codecs.lookup(name.replace("windows-", "cp")).name
    except LookupError:
        return None


def _looks_right(text: str) -> bool:
    replaced = text.count(REPLACED)
    if not replaced:
        return True
    wide = len(text) - len(text.encode("ascii", "ignore"))
    return replaced <= MAX_REPLACED_FRAC * wide


def _guess(sample: bytes) -> str:
    best, found = 0.0, DEFAULT
    for name, common in CHARACTERS.items():
        text = codecs.getincrementaldecoder(name)("replace").decode(sample)
        wide = [char for char in text if char > "\x7f"]
        if not wide or wide.count(REPLACED) > MAX_REPLACED_FRAC * len(wide):
            continue
        share = sum(char in common for char in wide) / len(wide)
        least = MIN_COMMON_FRAC.get(name, LEAST_COMMON_FRAC)
        if share > max(best, least):
            best, found = share, name
    return found


def _decoded(page: bytes, name: str) -> bytes:
    return _utf8(page.decode(name, "replace"))


def _utf8(text: str) -> bytes:
    # A lone surrogate, which UTF-16 may hold, is no text.
    return text.encode("utf-8", "replace")
