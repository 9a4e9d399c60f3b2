"""Made-up values of every kind of personal data, in the forms in which people write them.

A form marked ``said`` is one that only a word beside it makes recognisable. Nothing here is
anybody's: domains of RFC 2606, addresses of AS112, of name servers and of special-purpose
registries, telephone numbers that regulators keep for fiction or that hold four zeros, births in
1900 and 1901, bank cards with nine zeros.
"""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["LOOK_ALIKES", "PLAIN", "SAID", "check_digit", "luhn_digit", "short_number"]

Form = Callable[[random.Random], str]

_WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


def short_number(rng: random.Random, size: int) -> str:
    """Return `size` digits, the first of them not 0."""
    return str(rng.randint(10 ** (size - 1), 10**size - 1))


def luhn_digit(digits: str) -> str:
    """Return the digit that makes `digits` pass ISO/IEC 7812-1, annex B."""
    sums = [
        2 * int(d) - 9 * (d > "4") if at % 2 == 0 else int(d) for at, d in enumerate(digits[::-1])
    ]
    return str(-sum(sums) % 10)


def check_digit(digits: str) -> str:
    """Return the last character of a resident's number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(digits)) % 11
    return "X" if total == 2 else str((12 - total) % 11)


_USERS = (
    "zhangsan", "li.si", "wang_wu", "zhao-liu2020", "info", "jane.doe", "j.smith", "hr", "contact",
    "No.Body", "editor99", "2020zhaopin", "a.b.c", "sales+cn", "support_team", "x1", "tougao",
    "1000001",
)  # fmt: skip
_DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example.com", "example.com.cn", "example.cn",
    "dept.example.edu.cn", "example.co.uk", "cs.example.edu", "Example.COM", "mx.example.io",
    "my-site.example.de",
)  # fmt: skip


def _email(rng: random.Random) -> str:
    return f"{rng.choice(_USERS)}{rng.choice(('', '', rng.randint(1, 99)))}@{rng.choice(_DOMAINS)}"


def _ipv4(rng: random.Random) -> str:
    net = rng.choice(("192.31.196", "192.175.48", "192.52.193"))
    return f"{net}.{rng.randint(1, 254)}"


_RESOLVERS = (
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "4.2.2.2", "1.2.4.8", "223.5.5.5",
    "114.114.114.114", "119.29.29.29", "180.76.76.76", "208.67.222.222", "94.140.14.14",
    "77.88.8.8",
)  # fmt: skip


def _ipv6(rng: random.Random) -> str:
    net = rng.choice(("2620:4f:8000:", "2001:4:112:", "2620:4F:8000:"))
    tail = f"{rng.randint(1, 0xFFFF):x}"
    middle = f"{rng.randint(1, 0xFFFF):x}:"
    form = rng.choice((f":{tail}", f"{middle}:{tail}", f"{middle}0:0:0:{tail}", f":{middle}{tail}"))
    whole = net + form
    return whole.upper() if net.isupper() else whole


def _name_server6(rng: random.Random) -> str:
    return rng.choice(
        ("2001:4860:4860::8888", "2606:4700:4700::1111", "2400:3200::1", "2620:fe::fe")
    )


def _local_ip(rng: random.Random) -> str:
    low, high = rng.randint(0, 254), rng.randint(1, 254)
    return rng.choice((
        f"192.168.{low}.{high}", f"10.{rng.randint(0, 254)}.{low}.{high}",
        f"172.{rng.randint(16, 31)}.{low}.{high}",
        f"192.168.{low}.{high}", "127.0.0.1", f"169.254.{low}.{high}", f"100.64.{low}.{high}",
    ))  # fmt: skip


_HEADS = (
    "130", "131", "133", "135", "136", "137", "138", "139", "147", "150", "151", "158", "159",
    "166", "173", "177", "180", "186", "188", "189", "191", "199",
)  # fmt: skip


def _mobile(rng: random.Random) -> tuple[str, str, str]:
    """Return the three parts of a mobile number, 3-4-4."""
    head = rng.choice(_HEADS)
    return head, "0000", f"{rng.randint(0, 9999):04}"


def _joined(template: str) -> Form:
    """Return a form of mobiles: A, B and C stand for the parts."""

    def form(rng: random.Random) -> str:
        parts = dict(zip("ABC", _mobile(rng), strict=True))
        return "".join(parts.get(char, char) for char in template)

    return form


def _mobile_wide(rng: random.Random) -> str:
    return "".join(_mobile(rng)).translate(_WIDE)


def _cut(*sizes: int, sign: str = " ") -> Form:
    def form(rng: random.Random) -> str:
        digits, pieces = "".join(_mobile(rng)), []
        for size in sizes:
            pieces.append(digits[:size])
            digits = digits[size:]
        return sign.join(pieces)

    return form


_AREAS = (
    "010", "021", "020", "0755", "0571", "028", "025", "0311", "0592", "0731", "0898", "0771",
    "0991",
)  # fmt: skip


def _line(template: str) -> Form:
    """Return a form of landlines: N an area code, M without its 0, A and B halves of a number."""

    def form(rng: random.Random) -> str:
        area = rng.choice(_AREAS)
        parts = {
            "N": area,
            "M": area[1:],
            "A": f"{rng.randint(2, 8)}000",
            "B": f"{rng.randint(0, 9999):04}",
        }
        return "".join(parts.get(char, char) for char in template)

    return form


def _line_short(rng: random.Random) -> str:
    area = rng.choice(("0795", "0913", "0837", "0563"))
    return f"{area}-{rng.randint(2, 8)}000{rng.randint(0, 999):03}"


def _line_wide(rng: random.Random) -> str:
    return _line("N-AB")(rng).translate(_WIDE).replace("-", rng.choice("-－"))


def _phone(template: str) -> Form:
    """Return a form of numbers abroad: # a digit, N an area of North America."""

    def form(rng: random.Random) -> str:
        area = rng.choice(("212", "617", "415", "808", "907", "312"))
        return "".join(
            str(rng.randint(0, 9)) if c == "#" else area if c == "N" else c for c in template
        )

    return form


_REGIONS = (
    "110101", "310107", "440305", "510108", "320106", "370202", "420106", "130102", "330782",
    "610113",
)  # fmt: skip


def _resident(rng: random.Random) -> str:
    region = rng.choice(_REGIONS)
    born = f"190{rng.randint(0, 1)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    digits = f"{region}{born}{rng.randint(1, 999):03}"
    return digits + check_digit(digits)


def _resident_cut(sign: str) -> Form:
    def form(rng: random.Random) -> str:
        digits = _resident(rng)
        return sign.join((digits[:6], digits[6:14], digits[14:]))

    return form


def _resident_wide(rng: random.Random) -> str:
    return _resident(rng).translate(_WIDE)


def _not_resident(rng: random.Random) -> str:
    digits = _resident(rng)
    if rng.random() < 0.5:
        return digits[:17] + str((int(digits[17].replace("X", "5")) + rng.randint(1, 9)) % 10)
    return digits[:10] + "13" + digits[12:17] + "0"  # no such month


_BANKS = (
    "622202", "622848", "621700", "621226", "621785", "622588", "400000", "545400", "518718",
    "4539000",
)  # fmt: skip


def _card(rng: random.Random) -> str:
    bank = rng.choice(_BANKS)
    size = 19 if bank.startswith("62") and bank != "622588" else 16
    digits = bank + "0" * (size - len(bank) - 5) + f"{rng.randint(0, 9999):04}"
    return digits + luhn_digit(digits)


def _card_wide(rng: random.Random) -> str:
    return _card(rng).translate(_WIDE)


def _card_cut(sign: str) -> Form:
    def form(rng: random.Random) -> str:
        digits = _card(rng)
        return sign.join(digits[at : at + 4] for at in range(0, len(digits), 4))

    return form


def _card_six(rng: random.Random) -> str:
    digits = _card(rng)
    while len(digits) != 19:
        digits = _card(rng)
    return f"{digits[:6]} {digits[6:]}"


def _card_amex(rng: random.Random) -> str:
    digits = f"3782000000{rng.randint(0, 9999):04}"
    digits += luhn_digit(digits)
    return f"{digits[:4]} {digits[4:10]} {digits[10:]}"


def _shape(template: str) -> Form:
    """Return a form: # a digit, @ a capital, & a small letter."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"

    def form(rng: random.Random) -> str:
        return "".join(
            str(rng.randint(0, 9))
            if c == "#"
            else rng.choice(letters)
            if c == "@"
            else rng.choice(letters).lower()
            if c == "&"
            else c
            for c in template
        )

    return form


_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def _plate(template: str) -> Form:
    """Return a form of plates: P a province, L an office, # a digit, @ a letter."""

    def form(rng: random.Random) -> str:
        chars = {"P": rng.choice(_PROVINCES), "L": rng.choice("ABCDEFG")}
        return "".join(
            chars[c]
            if c in chars
            else str(rng.randint(0, 9))
            if c == "#"
            else rng.choice("ADFKMTX")
            if c == "@"
            else c
            for c in template
        )

    return form


_NAMES = (
    "xiaoli", "daigou", "kefu", "run", "lvyou", "meijia", "tutor", "fang", "hello", "bao_ming",
    "sky",
)  # fmt: skip


def _account(rng: random.Random) -> str:
    name, number = rng.choice(_NAMES), rng.randint(100, 99999)
    return rng.choice((
        f"{name}{number}", f"{name}_{number}", f"{name}-{number}", f"{name.upper()}{number}",
        f"wxid_{name[:3]}{number}x", f"{name[0]}{number}{name[1:4]}00",
        f"{name}_{name}_{number % 10}",
    ))  # fmt: skip


def _number_as_account(rng: random.Random) -> str:
    return "2" + "0" * rng.randint(1, 4) + short_number(rng, rng.randint(4, 5))


def _qq(rng: random.Random) -> str:
    return rng.choice("123456789") + "0" * rng.randint(1, 4) + short_number(rng, rng.randint(3, 5))


def _forms(make: Callable[[str], Form], templates: str) -> tuple[Form, ...]:
    """Return a form for each of the templates, which are parted by strokes."""
    return tuple(map(make, templates.split("|")))


PLAIN: dict[str, tuple[Form, ...]] = {
    "email": (_email,),
    "ipv4": (_ipv4,),
    "ipv6": (_ipv6, _ipv6, _name_server6),
    "local_ip": (_local_ip,),
    "mobile": (
        *_forms(_joined, "ABC|ABC|ABC|A-B-C|A B C|+86ABC|+86 ABC|+86-ABC|+86 A B C|+86-A-B-C"),
        *_forms(_joined, "0086ABC|(+86)ABC"),
        _mobile_wide,
    ),
    "landline": (
        *_forms(_line, "N-AB|N-AB|(N)AB|（N）AB|(N) AB|N-A-B|N-A B|+86-M-AB|+86 M AB|+86 M A B"),
        *_forms(_line, "+86 (M) AB|0086-M-AB|+86(0)M-AB"),
        _line_short,
        _line_wide,
    ),
    "phone": (
        *_forms(_phone, "+44 20 7946 0###|+44 7700 900###|+44 (0)20 7946 0###|+442079460###"),
        *_forms(_phone, "+1 N 555 01##|+1-N-555-01##|+1 (N) 555-01##|+1N55501##|(N) 555-01##"),
        *_forms(_phone, "N-555-01##|+49 30 23125 ###|+33 1 99 00 ## ##|+81-3-0000-####"),
        *_forms(_phone, "+852 2000 ####|+852-2000####|+886-2-2000-####|+886 912 000 ###"),
        *_forms(_phone, "+65 6000 ####|+61 2 5550 ####|+7 495 000-##-##"),
    ),
    "resident_id": (_resident,),
    "bank_card": (_card_cut(" "), _card_cut("-"), _card_six, _card_amex),
    "passport": (
        *_forms(_shape, "E0000####|E0000####|EA000####|EJ000####|G0000####|P000####|D000####"),
        *_forms(_shape, "S000####|PE000####|50000####|C0000####|M0000####|TK000####|K000####"),
        *_forms(_shape, "AB00####|H0000####|KJ000####|MA000####"),
    ),
    "plate": _forms(
        _plate,
        "PL####0|PL·####0|PL·####0|PL@##00|PL·@##00|PL##@00|PLD####0|PL·F####0|PL####0D|PL•##@#0",
    ),
    "wechat": (_account,),
    "qq": (_qq,),
}
SAID: dict[str, tuple[Form, ...]] = {
    "ipv4": (lambda rng: rng.choice(_RESOLVERS),),
    "mobile": (
        *_forms(_joined, "A.B.C|A BC|A–B–C|A—B—C|A\u00a0B\u00a0C|86 ABC|(86)ABC|0ABC|+86 (A) B C"),
        *(_cut(4, 3, 4), _cut(4, 3, 4, sign="-"), _cut(5, 6), _cut(4, 4, 3), _cut(3, 3, 5)),
    ),
    "landline": (
        *_forms(_line, "N AB|N A B|NAB|N—AB|N–AB|86-M-AB|N - AB|(N) A B|(N)-AB|(86-M)AB"),
        *_forms(_line, "(86)M-AB|(+86 M) A B|(86 M) AB|N.AB|86 M A B|N\u00a0AB"),
    ),
    "phone": (
        *_forms(_phone, "N.555.01##|N 555 01##|1-N-555-01##|1 (N) 555-01##|N55501##"),
        *_forms(_phone, "001-N-555-01##|0044 20 7946 0###|(+44) 20 7946 0###|+1.N.555.01##"),
        *_forms(_phone, "00852-2000####|(852) 2000 ####|852-2000####|(N)555-01##|0912-000-###"),
        *_forms(_phone, "02-2000-####|(02)2000-####|0912000###"),
    ),
    "resident_id": (
        *(_resident, _resident_wide, _resident_cut(" "), _resident_cut("-")),
        lambda rng: _resident(rng).lower(),
    ),
    "bank_card": (_card, _card, _card, _card_cut("\u00a0"), _card_wide),
    "passport": _forms(_shape, "E 0000####|e0000####|12AB000##|C01X00T##|M###A0000|P000####A"),
    "plate": (
        *_forms(_plate, "PL ####0|PL-####0|PL‧####0|PL・####0|PL.####0|P L####0|PL###0警"),
        *_forms(_plate, "PL###0学|PL·###0挂|PL###0领|使0##·##0|粤Z·###0港|粤Z·@##0澳|PL·@##0学"),
        *_forms(_plate, "PL###0应急"),
    ),
    "wechat": (
        lambda rng: rng.choice(_NAMES) + rng.choice(("meimei", "shop", "studio", "_ok")),
        _number_as_account,
        lambda rng: _account(rng).capitalize(),
    ),
    "qq": (lambda rng: short_number(rng, 5), lambda rng: short_number(rng, 6)),
}
LOOK_ALIKES: dict[str, Form] = {
    "mobile": _joined("ABC"),
    "landline": _line("N-AB"),
    "phone": _phone("N-555-01##"),
    "resident_id": _not_resident,
    "bank_card": _card,
}
