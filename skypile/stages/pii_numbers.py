"""Numbers of telephones, residents and bank cards."""

from __future__ import annotations

import re
from datetime import date

from skypile.stages.pii_near import Find, Near, Words, pattern

__all__ = ["area", "card_groups", "dialled", "landline", "long_number", "mobile", "nanp", "solid"]

_PHONE = Words(
    "tel telephone phone phones mobile cell cellphone call fax hotline whatsapp sms dial contact "
    "text ring reach verification otp",
    "电话 電話 手机 手機 手机号 联系 聯絡 致电 拨打 热线 熱線 传真 傳真 座机 号码 短信 微信 支付宝",
)  # fmt: skip
_CARD = Words(
    "card cards visa mastercard amex unionpay credit debit pan account iban",
    "卡 银行 銀行 账号 账户 帐号 帐户 户名 转账 汇款 收款 银联",
)
# Numbers of things.
_THING = Words(
    "order orders invoice serial part model sku isbn issn doi id ids uid uuid hash commit build "
    "timestamp ticket tracking product item ref reference batch lot version seed bytes ean upc oid "
    "imei transaction qty total population inode pid",
    "订单 单号 編號 编号 流水 序列 型号 型號 货号 条码 批号 校验 时间戳 快递 物流 运单 案号 文号 "
    "进程 句柄 偏移 大小 编码 书号 合同 发票 凭证 交易 成交 金额 合计 数量 证书 准字 注册证",
)  # fmt: skip
_GLUED_BEFORE = re.compile(
    rb"(?:[/=#&?%$@\\<-]|\xc2[\xa3\xa5]|\xef\xbf\xa5|\xe2\x82\xac|[eE][+-]?|[=+] "
    rb"|[\w)\]] [*/-] |\w[(\[])\Z"
)
_CLAUSE = re.compile("，|。|；|、|[,;] ".encode())
_GLUED_BEHIND = re.compile(rb"[-_/\\][A-Za-z0-9]|[.,:][0-9]|%|=|\(")
_UNIT = pattern(
    "\\s?(?:元|万|萬|亿|億|个|人次|人|次|吨|年|股|册|手(?!机)|%|‰|美元|港元|字节|"
    "(?i:bytes|byte|kb|mb|gb|ms|ns|usd|rmb|cny|hz|km|kg)\\b"
    "|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\\b)"
)


def _digits(value: bytes) -> str:
    return re.sub(rb"[^0-9]", b"", value).decode()


def _said(near: Near, words: Words, size: int = 48) -> bool:
    """Tell whether one of the words stands before it, and no number of things is nearer."""
    before = near.before(size)
    clause = _CLAUSE.split(before)[-1]
    said, thing = words.last(before), _THING.last(clause)
    return said >= 0 and (thing < 0 or said >= len(before) - len(clause) + thing)


def _glued(near: Near) -> bool:
    """Tell whether it is a part of something longer, an amount or the number of a thing."""
    before, behind = near.before(48), near.behind(12)
    return bool(
        _GLUED_BEFORE.search(before[-4:])
        or _GLUED_BEHIND.match(behind)
        or _UNIT.match(behind)
        or _of_a_thing(before)
    )


def _of_a_thing(before: bytes) -> bool:
    """Tell whether the clause before it speaks of numbers of things, and of telephones no later."""
    clause = _CLAUSE.split(before)[-1]
    return _THING.last(clause) > _PHONE.last(clause)


# MIIT, numbering plan of telecommunication networks (2017) and the ranges assigned since: 140, 141
# and 144 have 13 digits (things), 154, 160 to 164 but for 162, 168, 169, 179 and 194 are free.
_MOBILE = re.compile(
    r"1(?:3[0-9]|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8[0-9]|9[0-35-9])[0-9]{8}\Z"
)  # fmt: skip


def mobile(near: Near) -> list[Find]:
    """Return a Chinese mobile number of an assigned range."""
    if not _MOBILE.match(_digits(near.value)):
        return []
    said = _said(near, _PHONE)
    country = re.search(rb"(?<![\w-])86[- ]\Z", near.before(4))
    if country:
        near = Near(near.text, near.start - 3, near.stop)
    return [near.find("mobile")] if said or not (_glued(near) or _in_latin(near)) else []


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
    """Return a Chinese number with its area code; parted by spaces only behind a word for it."""
    if not _is_landline(_digits(near.value)[1:]):
        return []
    said = _said(near, _PHONE)
    if not said and (_glued_line(near) or b"-" not in near.value):
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
    local, said = _MORE_LINES.match(near.text, at), _said(near, _PHONE)
    while local and (said or not local["space"]) and not _UNIT.match(near.text, local.end()):
        found.append(Find("landline", local.start("value"), local.end("value")))
        local = _MORE_LINES.match(near.text, local.end())
    return found


def _glued_line(near: Near) -> bool:
    """Like _glued, but an extension may follow."""
    before, behind = near.before(48), near.behind(12)
    glued = _GLUED_BEFORE.search(before[-4:]) and not before.endswith((b"/", b"86-"))
    return bool(glued or _of_a_thing(before) or re.match(rb"-[A-Za-z]|[.,:=%][0-9]", behind))


def solid(near: Near) -> list[Find]:
    """Return a Chinese number with its area code and no separator, behind a word for it."""
    good = _is_landline(_digits(near.value)[1:]) and _said(near, _PHONE, 30)
    return _with_more(near) if good else []


def area(near: Near) -> list[Find]:
    """Return a number whose area code stands in brackets: (010) 12345678, (212) 555-0123."""
    digits = _digits(near.value)
    if digits.startswith("0"):
        return _with_more(near) if _is_landline(digits[1:]) else []
    glued = re.search(rb"\w\Z", near.before(1)) or re.match(rb"-?\w", near.behind(2))
    return [near.find("phone")] if _is_nanp(digits) and not glued else []


_TOLL_FREE = ("800", "822", "833", "844", "855", "866", "877", "888", "900")


def _is_nanp(digits: str) -> bool:
    """North American Numbering Plan: NXX NXX XXXX, neither N11, nor free of charge."""
    shaped = len(digits) == 10 and digits[0] in "23456789" and digits[3] in "23456789"
    service = digits[1:3] == "11" or digits[4:6] == "11" or digits[:3] in _TOLL_FREE
    return shaped and not service and digits[:3] != "400"


def nanp(near: Near) -> list[Find]:
    """Return a number of North America; dashes make it one, other signs need a word before it."""
    if not _is_nanp(_digits(near.value)):
        return []
    long = re.search(rb"(?<![\w-])1[-. ]\Z", near.before(3))
    found = Near(near.text, near.start - 2 if long else near.start, near.stop)
    if not _said(found, _PHONE) and (b"-" not in found.value or _glued(found)):
        return []
    return [found.find("phone")]


_CHINESE = re.compile(
    rb"(?:\+|00)86\)?[ .()-]{0,2}(?:\(?0?\)?(1[0-9]{2}[ .-]?[0-9]{4}[ .-]?[0-9]{4})"
    rb"|\(?0?\)?([1-9][0-9]{1,2})\)?[ .-]{0,2}([2-8][0-9]{2,3}[ .-]?[0-9]{4}))(?![0-9])"
)
_NORTH_AMERICAN = re.compile(rb"\+1[ .-]?\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}(?![0-9])")
# Country codes (ITU-T E.164, list of 2016) but for 1 and 86; those of services are left out.
_COUNTRY = re.compile(
    r"(?:2(?:0|1[1-3689]|2[0-9]|3[0-9]|4[0-9]|5[0-8]|6[0-9]|7|9[01789])|3(?:[0-469]|5[0-9]|7[0-8]|8"
    r"[0-35-79])|4(?:[013-9]|2[013])|5(?:[1-8]|0[0-9]|9[0-9])|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])|7"
    r"|8(?:[124]|5[02356]|80|86)|9(?:[0-58]|6[0-8]|7[0-7]|9[2-8]))"
)


def dialled(near: Near) -> list[Find]:
    """Return a number with its country code: Chinese mobiles and landlines by their own kinds."""
    found = _CHINESE.match(near.value)
    if found:
        digits, part = _digits(found[0]), Near(near.text, near.start, near.start + found.end())
        kind = "mobile" if found[1] and _MOBILE.match(digits[-11:]) else None
        if kind is None and found[2] and _is_landline(_digits(found[2] + found[3])):
            kind = "landline"
        part = _with_bracket(part)
        return _with_more(part) if kind == "landline" else [part.find(kind)] if kind else []
    found = _NORTH_AMERICAN.match(near.value)
    if found:
        part = Near(near.text, near.start, near.start + found.end())
        good = _is_nanp(_digits(found[0])[1:]) and not _sum(part)
        return [part.find("phone")] if good else []
    return _abroad(near)


def _with_bracket(near: Near) -> Near:
    """Take in a bracket that opens before the plus."""
    opened = b")" in near.value and b"(" not in near.value and near.before(1) == b"("
    return Near(near.text, near.start - opened, near.stop)


def _abroad(near: Near) -> list[Find]:
    groups = re.split(rb"(?<=[0-9]) (?=[0-9])", near.value)
    while len(groups) > 1 and len(_digits(b" ".join(groups))) > 13:
        groups.pop()
    near = Near(near.text, near.start, near.start + len(b" ".join(groups)))
    digits = _digits(near.value)
    code = _COUNTRY.match(digits)
    if not near.value.startswith(b"+") or not code or not 9 <= len(digits) <= 14 or _sum(near):
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
    glued = re.search(rb"(?:[0-9)\]] ?|[=+*/.-])\Z", before) or _UNIT.match(near.behind(12))
    return bool((decimal or (plain and alone) or glued) and not _said(near, _PHONE))


# GB 11643-1999: region (GB/T 2260), date of birth, sequence, check character (ISO 7064 MOD 11-2).
_PROVINCES = frozenset(
    first + last
    for first, lasts in {
        "1": "12345", "2": "123", "3": "1234567", "4": "123456", "5": "01234", "6": "12345",
        "7": "1", "8": "123",
    }.items()
    for last in lasts
)  # fmt: skip
_WITHOUT_COUNTIES = ("4419", "4420", "4604", "6202")  # Dongguan, Zhongshan, Danzhou, Jiayuguan
_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))


def _is_resident_id(value: str) -> bool:
    city = int(value[2:4])
    whole = value[4:6] == "00" and value[:4] not in _WITHOUT_COUNTIES
    if value[:2] not in _PROVINCES or not (1 <= city <= 70 or city == 90) or whole:
        return False
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, _WEIGHTS, strict=False))
    return 1900 <= born.year < 2040 and value[17].upper() == "10X98765432"[total % 11]


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 * (n > 9) for n in doubled)) % 10 == 0


# Issuers' ranges -> lengths: UnionPay, Visa, Mastercard, American Express, JCB, Discover, Diners.
_CARDS = (
    (re.compile(r"62"), (16, 17, 18, 19)),
    (re.compile(r"4"), (16,)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"352[89]|35[3-8]"), (16,)),
    (re.compile(r"6011|64[4-9]|65"), (16,)),
    (re.compile(r"30[0-5]|36|3[89]"), (14,)),
)


def _is_card(digits: str) -> bool:
    known = any(r.match(digits) and len(digits) in sizes for r, sizes in _CARDS)
    return known and len(set(digits)) > 1 and _luhn(digits)


def long_number(near: Near) -> list[Find]:
    """Return a resident's number, or that of a bank card.

    One number of ten passes a card's check, so a card without groups needs a word before it.
    """
    value = near.value.decode()
    if len(value) == 18 and _is_resident_id(value):
        joined = re.search(rb"[\w.]-\Z", near.before(2))
        return [] if joined and not _said(near, _RESIDENT) else [near.find("resident_id")]
    if not value.isdigit() or not _is_card(value) or not _said(near, _CARD, 60):
        return []
    return [near.find("bank_card")]


_RESIDENT = Words("id idcard identity resident", "身份证 身份證 证件 公民")


def card_groups(near: Near) -> list[Find]:
    """Return the number of a bank card written in groups."""
    sixteen = re.match(rb"(?:[0-9]{4}[ -]){3}[0-9]{4}", near.value)
    for size in (len(near.value), sixteen.end() if sixteen else 0):
        found = Near(near.text, near.start, near.start + size)
        glued = re.search(rb"[0-9] \Z|\w-\Z|[0-9a-f]{4} \Z", found.before(5))
        glued = glued or re.match(rb"[ -][0-9a-f]{4}\b", found.behind(6))
        if size and _is_card(_digits(found.value)) and not (glued and not _said(found, _CARD)):
            return [found.find("bank_card")]
    return []
