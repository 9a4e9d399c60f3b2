"""Accounts and documents that only a word beside them makes recognisable."""

from __future__ import annotations

import re

from skypile.stages.pii_near import Find, Near, Words, pattern

__all__ = ["passport", "plate", "qq", "wechat"]

_MOBILE = re.compile(rb"1[3-9][0-9]{9}")
_TO_COLON = "[ \\t]*(?:(?:[:=]|：|为|是|(?i:is)(?![a-z])|\\(|（|【|\\[)[ \\t]*){0,2}"
_QQ = pattern(
    "(?P<noun>[ \\t]*(?:/|、|和|及|或|&)[ \\t]*(?i:微信|wechat|wx|电话|手机|邮箱)(?:号码?)?"
    "|[ \\t]*(?:客服|联系|咨询|号码|在线)"
    "|[ \\t]*(?:号码?|號碼?|(?:[\\x80-\\xff]{3}){0,3}群(?:号码?)?)"
    "|(?i: ?id| ?no\\.?| number))?"
    f"(?P<sign>{_TO_COLON})(?P<value>[1-9][0-9]{{4,10}})(?![0-9A-Za-z_@]|\\.[0-9]|-[0-9])"
)
_MORE_QQ = pattern("[ \\t]*(?:、|，|,|/|／|或|和)[ \\t]*([1-9][0-9]{4,10})(?![0-9A-Za-z_@.])")
_COUNTED = pattern("\\s?(?:万|亿|个|人|名|年|元|用户|版|%|(?i:users|people|members)\\b)")


def qq(near: Near) -> list[Find]:
    """Return the numbers behind the word QQ; without a noun or a colon, of 6 digits and more."""
    rest = near.text[near.stop :].partition(b"\n")[0]
    match = _QQ.match(rest)
    if not match or _COUNTED.match(rest[match.end() :]) or _MOBILE.fullmatch(match["value"]):
        return []
    if not match["noun"] and not match["sign"].strip() and len(match["value"]) < 6:
        return []
    found = [_part(near, "qq", match, "value")]
    more = _MORE_QQ.match(rest, match.end())
    while more:
        found.append(_part(near, "qq", more, 1))
        more = _MORE_QQ.match(rest, more.end())
    return found


def _part(near: Near, kind: str, match: re.Match[bytes], group: str | int) -> Find:
    return Find(kind, near.stop + match.start(group), near.stop + match.end(group))


_WECHAT = pattern(
    "(?P<noun>[ \\t]*(?:(?:个人|客服|私人|联系)?(?:账号|帐号|帳號|賬號|号码?|號碼?)|(?i:id)|同号)"
    "|[ \\t]*(?:/|、|和|及|或|&)[ \\t]*(?i:qq|电话|手机)(?:号码?)?)?(?P<noun2>[ \\t]?(?i:id))?"
    f"(?P<sign>{_TO_COLON})(?P<value>[A-Za-z][A-Za-z0-9_-]{{5,19}}|[1-9][0-9]{{5,10}})"
    "(?![A-Za-z0-9_@=(-]|://|[.:][A-Za-z0-9/]|\\.[0-9])"
)
_ADD = pattern("(?i:加|添加|add(?: me on| my)?|my|私信|搜|搜索)(?:我的?|个)? ?")


def wechat(near: Near) -> list[Find]:
    """Return the account behind the word WeChat (微信, weixin, wx, vx).

    A noun (号, ID) or a colon stands between, and the short words need a colon; where the account
    has letters only, Chinese ones do. Without either, ``加微信`` and a digit do, or three digits
    at its end where it follows at once.
    """
    match = _WECHAT.match(near.text[near.stop :].partition(b"\n")[0])
    if not match or _MOBILE.fullmatch(match["value"]):
        return []
    value, sign = match["value"], match["sign"].strip()
    noun = match["noun"] or match["noun2"]
    number = bool(re.search(rb"[0-9_-]", value))
    if near.value.lower() in (b"wx", b"vx"):
        good = bool(sign) and sign != b"=" and number
    elif noun:
        good = bool(sign) or number
    elif sign:
        good = number or (not near.value.isascii() and value.islower())
    else:
        plain = bool(_ADD.search(near.before(16))) and number
        good = plain or bool(not match["sign"] and re.search(rb"_|[0-9]{3}\Z", value))
    return [_part(near, "wechat", match, "value")] if good else []


_PASSPORT = pattern(
    "(?:[ \\t:#(,_]|：|（|，|号码|號碼|号|號|编号|編號|为|是|本"
    "|(?i:no\\.?|number|num\\.?|is|was|id)(?![a-z])){0,8}"
    "(?P<value>[A-Z]{2}[0-9]{6,8}|[A-Z][0-9]{7,8}|[0-9]{9})(?![\\w-])"
)


def passport(near: Near) -> list[Find]:
    """Return the number behind the word passport: 1 or 2 capitals and 6 to 8 digits, or 9 digits.

    ICAO Doc 9303 allows 9 characters; Chinese ones are E and 8 digits, or E, a letter and 7 digits.
    """
    match = _PASSPORT.match(near.text[near.stop :].partition(b"\n")[0])
    return [_part(near, "passport", match, "value")] if match else []


# GA 36-2018: province, office, 5 characters with 2 letters at most, no I and no O; or 6 characters
# for new energy; or 4 digits and a word for police, schools, trailers, Hong Kong and Macao.
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = pattern(
    f"(?:{'|'.join(_PROVINCES)})[A-HJ-Z](?P<sign>·|•|[ -])?(?:[A-HJ-NP-Z0-9]{{5}}"
    "|[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]|[0-9]{4}(?:警|学|挂|领|港|澳))\\Z"
)
_CAR = Words(
    "plate plates car cars vehicle licence license taxi truck",
    "车 車 牌 驾驶 停放 交警 违章 司机 肇事",
)


def plate(near: Near) -> list[Find]:
    """Return a number plate of mainland China, with a word for a car beside it or a dot in it."""
    match = _PLATE.match(near.value)
    if not match:
        return []
    dotted = match["sign"] and not match["sign"].isascii()
    said = max(_CAR.last(near.before(60)), _CAR.last(near.behind(36))) >= 0
    return [near.find("plate")] if dotted or said else []
