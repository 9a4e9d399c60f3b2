"""Numbers of residents and bank cards."""

from __future__ import annotations

import re
from datetime import date

from skypile.stages.pii_near import Find, Near, Words
from skypile.stages.pii_words import digits_of, of_a_thing, said

__all__ = ["card_groups", "long_number"]

_CARD = Words(
    "card cards visa mastercard amex unionpay credit debit pan account acct iban cc cardno "
    "cardnumber bankcard",
    "卡 卡号 卡號 银行 銀行 账号 账户 帐号 帐户 帳號 帳戶 賬號 賬戶 户名 戶名 转账 轉賬 轉帳 汇款 "
    "匯款 收款 打款 银联 銀聯 工行 农行 中行 建行 交行 招行 邮储 储蓄 农商行 信用社 开户 開戶 "
    "打到 转到 转入 转给 打入 汇到 存入 存到 还款 汇入 匯入",
)  # fmt: skip
_RESIDENT = Words(
    "id idcard identity resident",
    "身份证 身份證 身分證 证件 證件 公民",
)  # fmt: skip


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
    value = re.sub("[ -]", "", near.value.decode())
    if len(value) == 18 and _is_resident_id(value):
        grouped = len(near.value) > 18 and re.search(rb"[0-9] \Z", near.before(2))
        joined = grouped or re.search(rb"[\w.]-\Z", near.before(2))
        return [] if joined and not said(near, _RESIDENT) else [near.find("resident_id")]
    if not near.value.isdigit() or not _is_card(value):
        return []
    behind = _CARD.last(near.behind(24)) >= 0 and not of_a_thing(near.before(48))
    return [near.find("bank_card")] if behind or said(near, _CARD, 60) else []


def card_groups(near: Near) -> list[Find]:
    """Return the number of a bank card written in groups."""
    sixteen = re.match(rb"(?:[0-9]{4}[ -]){3}[0-9]{4}", near.value)
    for size in (len(near.value), sixteen.end() if sixteen else 0):
        found = Near(near.text, near.start, near.start + size)
        glued = re.search(rb"[0-9] \Z|\w-\Z|[0-9a-f]{4} \Z", found.before(5))
        glued = glued or re.match(rb"[ -][0-9a-f]{4}\b", found.behind(6))
        if size and _is_card(digits_of(found.value)) and not (glued and not said(found, _CARD)):
            return [found.find("bank_card")]
    return []
