"""Passports and number plates, which a word beside them makes recognisable."""

from __future__ import annotations

import re

from skypile.kernels.pii_shapes import DOTS
from skypile.stages.pii_near import Find, Near, Words, pattern
from skypile.stages.pii_words import THING

__all__ = ["embassy", "passport", "plate", "plated"]

# Between the word and the number: words for number, brackets, quotes, signs of tables and markup.
_NOUNS = (
    "(?:信息|资料|資料)(?=[:]|：)|号码|號碼|号|號|编号|編號|证件|證件|为|為|是|本|如|即|原|新|旧|舊|其|该|該|所持"
    "|[A-Za-z]*(?i:number|num|no|nr)\\b\\.?|(?i:is|was|id|card)\\b"
)
_SIGNS = "　|[ \\t:#()[\\],.;/|\"'=>_-]|：|（|）|，|；|、|／|「|」|【|】|→"
_PASSPORT = pattern(
    f"(?:{_SIGNS}|{_NOUNS}){{0,12}}?"
    "(?<![A-Za-z0-9])(?P<value>[A-Z]{1,2}[0-9]{6,8}[A-Z]?|[A-Z]{1,2} [0-9]{7,8}|[0-9]{9}"
    "|[0-9]{2}[A-Z]{2}[0-9]{5}|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}|M[0-9]{3}[A-Z][0-9]{4}"
    "|[a-z]{1,2}[0-9]{7,8})(?![A-Za-z0-9_-])"
)
# A form that little else has may stand a few words further on: not more than 10 characters and one
# comma, and no word for another thing among them.
_AFTER_A_GAP = pattern(
    "(?P<gap>(?:[\\xe3-\\xef][\\x80-\\xff]{2}|[a-z :/()'\".,-]){1,10}?)"
    "(?<![A-Za-z0-9-])(?P<value>[EGPDSKHM][A-Z]?[0-9]{7,8})(?![A-Za-z0-9_-])"
)
_PAPER = "证号".encode()  # of a passport or a pass: 护照/通行证号
_OTHER_PAPERS = pattern(
    "保单|保單|车次|車次|航班|座位|机票|票|资产|乘|电话|電話|手机|排队|规格|产品|零件|型|图|。|，.*，"
    "|(?i:seat|flight|policy|phone)"
)


def passport(near: Near) -> list[Find]:
    """Return the number behind the word passport.

    1 or 2 letters and 6 to 8 digits, 9 digits, or a form of one country: ICAO Doc 9303 allows 9
    characters; Chinese ones are E and 8 digits, or E, a letter and 7 digits.
    """
    rest = near.text[near.stop :].partition(b"\n")[0]
    match = _PASSPORT.match(rest) or _AFTER_A_GAP.match(rest)
    if not match or near.in_placeholder():
        return []
    gap = match.groupdict().get("gap")
    if gap and (THING.last(gap.replace(_PAPER, b"")) >= 0 or _OTHER_PAPERS.search(gap)):
        return []
    value = match["value"]
    if len(re.findall(rb"[0-9]", value)) < 4 or not 8 <= len(value.replace(b" ", b"")) <= 9:
        return []
    start, stop = near.stop + match.start("value"), near.stop + match.end("value")
    return [Find("passport", start, stop)]


# GA 36-2018: province, office, 5 characters with 2 letters at most, no I and no O; or 6 characters
# for new energy; or 4 and a word for police, schools, trailers, consulates, Hong Kong and Macao.
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_DOTS = "|".join(DOTS)
_BODY = (
    f"[A-HJ-Z](?P<sign>{_DOTS}|[ .-])?(?:(?P<last>[A-HJ-NP-Z0-9]{{4}}(?:警|学|挂|领|港|澳|应急|使))"
    "|(?:[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]|[A-HJ-NP-Z0-9]{5})(?![0-9A-Za-z_]))"
)
_PLATE = pattern(f"(?:{'|'.join(_PROVINCES)})(?P<space> )?{_BODY}")
_CAR = Words(
    "plate plates car cars vehicle licence license taxi truck bus van driver parked carno plateno "
    "platenumber carnumber licenseplate",
    "车 車 牌 驾驶 停放 交警 违章 违停 抓拍 司机 肇事 超速 闯红灯 追尾 剐蹭 入场 出场 泊 挪 后面 "
    "前面 路口 高速 马路 路边 红绿灯 堵在 停在 变道",
)  # fmt: skip
_OTHERS = pattern("\\s?(?:型|号线|次|级|股|位|计划|视频|站|批次)")


def plate(near: Near) -> list[Find]:
    """Return a number plate of mainland China, with a word for a car beside it or a dot in it."""
    match = _PLATE.match(near.text, near.start)
    if not match or len(re.findall(rb"[0-9]", match[0])) < 2:
        return []
    found = Near(near.text, near.start, match.end())
    dotted = match["sign"] and not match["sign"].isascii()
    named = max(_CAR.last(found.before(60)), _CAR.last(found.behind(36))) >= 0
    if not (dotted or named) or _OTHERS.match(found.behind(12)):
        return []
    return [found.find("plate")]


_TO_PLATE = f"(?:{_SIGNS}|为|為|是|照|号码|號碼|号|號|系|(?i:number|no|is|was|id)\\b\\.?){{0,10}}?"
_HONG_KONG = "[A-HJ-NP-Z]{2}[ -]?[0-9]{2}-?[0-9]{2}(?![0-9A-Za-z_-])"
_PLATED = pattern(
    f"{_TO_PLATE}(?<![A-Za-z0-9])(?P<value>(?:{'|'.join(_PROVINCES)}) ?(?i:{_BODY})|{_HONG_KONG})"
)


def plated(near: Near) -> list[Find]:
    """Return the plate behind 牌 or plate: in small letters, or of Hong Kong or Macao as well."""
    match = _PLATED.match(near.text[near.stop :].partition(b"\n")[0])
    if not match or near.in_placeholder() or len(re.findall(rb"[0-9]", match["value"])) < 2:
        return []
    if match["value"].isascii() and not _CAR_PLATE.search(near.before(24) + near.value):
        return []
    return [Find("plate", near.stop + match.start("value"), near.stop + match.end("value"))]


_CAR_PLATE = pattern("(?:车|車|号|號|照)(?:牌)\\Z|(?i:licen[cs]e|car|number|vehicle) plate\\Z")
_EMBASSY = pattern(f"[0-9]{{3}}(?P<sign>{_DOTS}|-)?[0-9]{{3}}(?![0-9A-Za-z_-]|[.][0-9])")


def embassy(near: Near) -> list[Find]:
    """Return the plate of an embassy: 使, three digits of a country and three of a car."""
    match = _EMBASSY.match(near.text, near.stop)
    if not match:
        return []
    found = Near(near.text, near.start, match.end())
    named = max(_CAR.last(found.before(60)), _CAR.last(found.behind(36))) >= 0
    dotted = match["sign"] and not match["sign"].isascii()
    return [found.find("plate")] if named or dotted else []
