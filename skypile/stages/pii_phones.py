"""Numbers of telephones."""

from __future__ import annotations

import re

from skypile.stages.pii_near import Find, Near, pattern
from skypile.stages.pii_words import PHONE, UNIT, digits_of, glued, of_a_thing, said

__all__ = ["area", "dialled", "landline", "mobile", "nanp", "region", "solid"]

# MIIT, numbering plan of telecommunication networks (2017) and the ranges assigned since: 140, 141
# and 144 have 13 digits (things), 154, 160 to 164 but for 162, 168, 169, 179 and 194 are free.
_MOBILE = re.compile(
    r"1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}\Z"
)  # fmt: skip
_USUAL = re.compile(rb"[0-9]{11}\Z|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\Z")
_CHINA = pattern("(?:(?<![0-9A-Za-z_-])86[- ]?|(?:\\(|（)\\+?86(?:\\)|）) ?)\\Z")
_CALL = pattern("(?:打|拨|撥)(?:这个号?|手机|通)?(?:[ :]|：)?\\Z")
_GROUP = re.compile(rb"[ -][0-9]{4}(?![0-9])")  # of a longer number in groups


def mobile(near: Near) -> list[Find]:
    """Return a Chinese mobile number of an assigned range.

    Digits in groups other than 3-4-4 need a word before them, and so do 86 and 11 in one run.
    """
    digits = digits_of(near.value)
    named = said(near, PHONE) or bool(_CALL.search(near.before(18)))
    if not _MOBILE.match(digits[-11:]):
        return [near.find("phone")] if named and near.value.isdigit() and _long(digits) else []
    if not named and (not _USUAL.match(near.value) or glued(near) or _in_latin(near)):
        return []
    if not named and _GROUP.match(near.behind(6)) and not near.value.isdigit():
        return []
    if named and UNIT.match(near.behind(12)) and not said(near, PHONE, 18):
        return []
    country = _CHINA.search(near.before(12))
    if country:
        near = Near(near.text, near.start - len(country[0]), near.stop)
    return [near.find("mobile")]


def _long(digits: str) -> bool:
    return digits[0] == "1" and _is_nanp(digits[1:])


def _in_latin(near: Near) -> bool:
    """Tell whether words without a Chinese character stand on either side, as in a table of sizes.

    Numbers in groups are none of these.
    """
    before, behind = near.before(24), near.behind(24)
    if not near.value.isdigit() or not (before + behind).isascii():
        return False
    return bool(re.search(rb"[A-Za-z] +\Z", before) or re.match(rb" [a-z]", behind))


# Area codes without the 0 (MIIT). 10 and 2x have numbers of 8 digits, the others of 7 or 8.
_AREAS = frozenset(
    first + last
    for first, lasts in {
        "31": "0123456789", "33": "5", "34": "9", "35": "0123456789", "37": "0123456789",
        "39": "12345678", "41": "0123456789", "42": "179", "43": "123456789", "45": "123456789",
        "46": "4789", "47": "0123456789", "48": "23", "51": "0123456789", "52": "37",
        "53": "0123456789", "54": "36", "55": "0123456789", "56": "123456", "57": "0123456789",
        "58": "0", "59": "123456789", "63": "12345", "66": "0238", "69": "12", "70": "1",
        "71": "0123456789", "72": "248", "73": "0123456789", "74": "3456", "75": "0123456789",
        "76": "0236789", "77": "0123456789", "79": "0123456789", "81": "2367", "82": "567",
        "83": "0123456789", "85": "123456789", "87": "0123456789", "88": "13678",
        "89": "12345678", "90": "123689", "91": "12345679", "93": "0123456789", "94": "13",
        "95": "12345", "97": "01234567", "99": "0123456789",
    }.items()
    for last in lasts
)  # fmt: skip
_TWO_DIGIT_AREAS = frozenset(("10", "20", "21", "22", "23", "24", "25", "27", "28", "29"))


def _is_landline(digits: str) -> bool:
    """Tell whether these digits, the leading 0 cut off, are an area code and a number."""
    if digits[:2] in _TWO_DIGIT_AREAS:
        return len(digits) == 10 and digits[2] in "2345678"
    return digits[:3] in _AREAS and len(digits) in (10, 11) and digits[3] in "2345678"


def landline(near: Near) -> list[Find]:
    """Return a Chinese number with its area code; a word must stand before spaces in it."""
    if not _is_landline(digits_of(near.value)[1:]):
        return []
    dashed = b"-" in near.value and b" - " not in near.value
    if not said(near, PHONE) and (_glued_line(near) or not dashed):
        return []
    return _with_more(near)


# After the first number a list goes on; what looks like a date does not belong to it.
_MORE_LINES = pattern(
    "[ \\t]*(?:、|，|,|/|(?P<space> ))[ \\t]*(?P<value>(?!20[0-4][0-9][01])[2-8][0-9]{6,7})"
    "(?![0-9A-Za-z_.-])"
)


def _with_more(near: Near) -> list[Find]:
    """Return a landline and the numbers behind it that share its area code."""
    found, at = [near.find("landline")], near.stop
    local, named = _MORE_LINES.match(near.text, at), said(near, PHONE)
    while local and (named or not local["space"]) and not UNIT.match(near.text, local.end()):
        found.append(Find("landline", local.start("value"), local.end("value")))
        local = _MORE_LINES.match(near.text, local.end())
    return found


_GLUED_LINE = re.compile(
    rb"(?:[/=#&?%$@\\<-]|\xc2[\xa3\xa5]|\xef\xbf\xa5|\xe2\x82\xac|[eE][+-]?|[=+] "
    rb"|\w[(\[])\Z"
)


def _glued_line(near: Near) -> bool:
    """Like glued, but an extension may follow."""
    before, behind = near.before(48), near.behind(12)
    path = before.endswith(b"/") and behind.startswith(b"/")
    joined = _GLUED_LINE.search(before[-4:]) and not before.endswith((b"/", b"86-"))
    tail = re.match(rb"-[A-Za-z]|[.,:=%][0-9]|\.[a-z]{2,4}\b", behind)
    return bool(path or joined or of_a_thing(before) or tail)


_TAIWAN = re.compile(r"0(?:9[0-9]{8}|[2-8][0-9]{7,8})\Z")


def solid(near: Near) -> list[Find]:
    """Return a number from 0 on without a separator, behind a word for it.

    A Chinese landline with its area code, a mobile behind a 0, or a mobile of Taiwan.
    """
    if not said(near, PHONE, 40):
        return []
    digits = digits_of(near.value)
    if _is_landline(digits[1:]):
        return _with_more(near)
    if _MOBILE.match(digits[1:]):
        return [near.find("mobile")]
    return [near.find("phone")] if digits[1] == "9" and _TAIWAN.match(digits) else []


def area(near: Near) -> list[Find]:
    """Return a number whose area code stands in brackets: (010) 12345678, (212) 555-0123.

    Those of Taiwan, Hong Kong and Macao need a word before them.
    """
    digits = digits_of(near.value)
    if digits.startswith("0"):
        if _is_landline(digits[1:]):
            return _with_more(near)
        return [near.find("phone")] if _TAIWAN.match(digits) and said(near, PHONE) else []
    if digits[:3] in ("852", "853") and len(digits) == 11:
        return [near.find("phone")] if said(near, PHONE) else []
    long = re.search(rb"(?<![\w-])1[-. ]?\Z", near.before(3))
    near = Near(near.text, near.start - len(long[0]) if long else near.start, near.stop)
    before = re.search(rb"\w\Z", near.before(1)) or re.match(rb"-?\w", near.behind(2))
    return [near.find("phone")] if _is_nanp(digits) and not before else []


def region(near: Near) -> list[Find]:
    """Return a number of Hong Kong or Macao with 852 or 853, or one of Taiwan, behind a word."""
    digits = digits_of(near.value)
    known = _TAIWAN.match(digits) or re.match(r"85[23][2-9][0-9]{7}\Z", digits)
    return [near.find("phone")] if known and said(near, PHONE) else []


_TOLL_FREE = ("800", "822", "833", "844", "855", "866", "877", "888", "900")


def _is_nanp(digits: str) -> bool:
    """North American Numbering Plan: NXX NXX XXXX, neither N11, nor free of charge."""
    shaped = len(digits) == 10 and digits[0] in "23456789" and digits[3] in "23456789"
    service = digits[1:3] == "11" or digits[4:6] == "11" or digits[:3] in _TOLL_FREE
    return shaped and not service and digits[:3] != "400"


def nanp(near: Near) -> list[Find]:
    """Return a number of North America; dashes make it one, other signs need a word before it."""
    if not _is_nanp(digits_of(near.value)):
        return []
    if near.value.isdigit():
        good = said(near, PHONE, 32) and not glued(near)
        return [near.find("phone")] if good else []
    long = re.search(rb"(?<![\w-])1[-. ]\Z", near.before(3))
    found = Near(near.text, near.start - 2 if long else near.start, near.stop)
    if not said(found, PHONE) and (b"-" not in found.value or glued(found)):
        return []
    return [found.find("phone")]


_CHINESE = pattern(
    "(?:\\+|00)?86(?:\\)|）)?[ .()-]{0,2}(?:\\(|（)?0?(?:\\)|）)?"
    "(?:(1[0-9]{2}\\)?[ .-]?[0-9]{4}[ .-]?[0-9]{4})"
    "|(?:\\()?([1-9][0-9]{1,2})(?:\\)|）)?[ .-]{0,2}([2-8][0-9]{2,3}[ .-]?[0-9]{4}))(?![0-9])"
)
_NORTH_AMERICAN = re.compile(
    rb"(?:\+|00)1[ .-]?\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}(?![0-9])"
)
# Country codes (ITU-T E.164, list of 2016) but for 1 and 86; those of services are left out.
_COUNTRY = re.compile(
    r"(?:2(?:0|1[1-3689]|2[0-9]|3[0-9]|4[0-9]|5[0-8]|6[0-9]|7|9[01789])|3(?:[0-469]|5[0-9]|7[0-8]|8"
    r"[0-35-79])|4(?:[013-9]|2[013])|5(?:[1-8]|0[0-9]|9[0-9])|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])|7"
    r"|8(?:[124]|5[02356]|80|86)|9(?:[0-58]|6[0-8]|7[0-7]|9[2-8]))"
)


def dialled(near: Near) -> list[Find]:
    """Return a number with its country code: Chinese mobiles and landlines by their own kinds.

    Behind 00 or nothing in place of a plus, a landline or a number abroad needs a word before it.
    """
    plus = near.value.startswith((b"+", b"0086"))
    found = _CHINESE.match(near.value)
    if found:
        return _chinese(near, found, plus or said(near, PHONE))
    if not plus and not (near.value.startswith(b"00") and said(near, PHONE)):
        return []
    found = _NORTH_AMERICAN.match(near.value)
    if found:
        part = Near(near.text, near.start, near.start + found.end())
        good = _is_nanp(digits_of(found[0]).lstrip("0")[1:]) and not _sum(part)
        return [part.find("phone")] if good else []
    return _abroad(near)


def _chinese(near: Near, found: re.Match[bytes], sure: bool) -> list[Find]:  # noqa: FBT001
    digits = digits_of(found[0])
    part = _with_bracket(Near(near.text, near.start, near.start + found.end()))
    if found[1] and _MOBILE.match(digits[-11:]):
        return [part.find("mobile")] if sure or not glued(part) else []
    good = found[2] and _is_landline(digits_of(found[2] + found[3])) and sure
    return _with_more(part) if good else []


def _with_bracket(near: Near) -> Near:
    """Take in a bracket that opens before the plus."""
    closed = re.search("[)]|）".encode(), near.value)
    opened = re.search("(?:[(]|（)\\Z".encode(), near.before(3))
    if closed and opened and not re.search("[(]|（".encode(), near.value[: closed.start()]):
        return Near(near.text, near.start - len(opened[0]), near.stop)
    return near


def _abroad(near: Near) -> list[Find]:
    groups = re.split(rb"(?<=[0-9]) (?=[0-9])", near.value)
    while len(groups) > 1 and len(digits_of(b" ".join(groups)).lstrip("0")) > 13:
        groups.pop()
    near = Near(near.text, near.start, near.start + len(b" ".join(groups)))
    digits = digits_of(near.value).lstrip("0")
    code = _COUNTRY.match(digits)
    if not code or not 9 <= len(digits) <= 14 or _sum(near):
        return []
    if code[0] == "7" and len(digits) != 11:
        return []
    return [_with_bracket(near).find("phone")]


def _sum(near: Near) -> bool:
    """Tell whether the plus is one of a sum, of a decimal number or of a line of a diff."""
    value, before = near.value, near.before(24)
    decimal = b"." in value and (value.count(b".") == 1 or b" " in value)
    plain = value[1:].isdigit()
    alone = near.start == 0 or near.text[near.start - 1 : near.start] == b"\n"
    joined = re.search(rb"(?:[0-9)\]] ?|[=+*/.-])\Z", before) or UNIT.match(near.behind(12))
    return bool((decimal or (plain and alone) or joined) and not said(near, PHONE))
