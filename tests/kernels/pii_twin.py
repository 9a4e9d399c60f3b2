"""Shapes of personal data in one document, by regular expressions: the twin of kernels.pii."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skypile.kernels import pii_shapes as shapes
from skypile.kernels.pii_wide import FOLDED

Found = tuple[int, int, int]  # start, stop, shape

WORD = re.compile(rb"\w")


def candidates(data: bytes) -> list[Found]:
    """Return all candidates, sorted."""
    parts = (emails(data), ipv6(data), plates(data), cues(data), numbers(data))
    return sorted(each for part in parts for each in part)


def emails(data: bytes) -> Iterator[Found]:
    for match in re.finditer(b"@", data):
        at = match.start()
        local = re.search(rb"[\w.%+-]*\Z", data[:at])[0]
        domain = re.match(rb"[A-Za-z0-9.-]{0,253}", data[at + 1 :])[0].rstrip(b".-")
        behind = data[at + 1 + len(domain) :][:1]
        if 1 <= len(local) <= 64 and b"." in domain and behind not in (b"@", b"_"):
            yield at - len(local), at + 1 + len(domain), shapes.EMAIL


def ipv6(data: bytes) -> Iterator[Found]:
    seen = 0
    for match in re.finditer(rb":(?=[0-9A-Fa-f:])", data):
        at = match.start()
        if at < seen:
            continue
        start = at - len(re.search(rb"[0-9A-Fa-f]{0,5}\Z", data[max(0, at - 5) : at])[0])
        if start and (at - start == 5 or re.match(rb"[\w:.]", data[start - 1 : start])):
            continue
        token = re.match(rb"[0-9A-Fa-f:.]{1,47}", data[start:])[0]
        seen = start + len(token)
        if len(token) > 46 or WORD.match(data[seen : seen + 1]):
            continue
        colons, dots = token.count(b":"), token.count(b".")
        token = token.rstrip(b".")
        if token.endswith(b":") and not token.endswith(b"::"):
            token, colons = token[:-1], colons - 1
        if b"::" in token or colons == 7 or (colons == 6 and dots >= 3):
            yield start, start + len(token), shapes.IPV6


PLATE = re.compile(
    rb"[\xe0-\xff][\x80-\xff]{2} ?[A-Z](?:%s|[ .-])?"
    rb"(?:(?P<police>[A-Z0-9]{4})[\xe0-\xff][\s\S]{2}|(?P<tail>[A-Z0-9]{5,6})(?!\w))"
    % "|".join(shapes.DOTS).encode()
)


def plates(data: bytes) -> Iterator[Found]:
    for match in re.finditer(rb"(?=[\x80-\xff] ?[A-Z])", data):
        found = PLATE.match(data, match.start() - 2) if match.start() >= 2 else None
        digits = len(re.findall(rb"[0-9]", found["police"] or found["tail"])) if found else 0
        if found and digits >= (2 if found["police"] else 3):
            yield found.start(), found.end(), shapes.PLATE


def cues(data: bytes) -> Iterator[Found]:
    seen = set()
    for word, (shape, needed) in shapes.CUES.items():
        account = shape == shapes.WECHAT and word == "加v"
        last = rb"(?![A-Za-z])" if re.match("[A-Za-z]", word[-1]) and not account else b""
        first = rb"(?<!\w)" if re.match("[A-Za-z]", word[0]) else b""
        counted = rb"[\w-]{%d}" if shape == shapes.WECHAT else rb"[0-9]{%d}"
        if shape not in (shapes.WECHAT, shapes.QQ):
            counted = rb"(?:[0-9][^0-9]*?){%d}"
        behind = rb"[0-9])" if shape == shapes.EMBASSY else rb")"
        for match in re.finditer(b"(?=" + re.escape(word.encode()) + behind, data, re.IGNORECASE):
            # The longest word counts, even where it is glued to others.
            stop = match.start() + len(word.encode())
            if match.start() in seen:
                continue
            seen.add(match.start())
            whole = re.compile(first + re.escape(word.encode()) + last, re.IGNORECASE)
            behind = data[stop : stop + shapes.CUE_WINDOW]
            if whole.match(data, match.start()) and re.search(counted % needed, behind):
                yield match.start(), stop, shape


def numbers(data: bytes) -> Iterator[Found]:
    for match in re.finditer(rb"(?<![0-9])[0-9]", data):
        at = match.start()
        if data[at - 1 : at] == b"+":
            yield from dialled(data, at - 1, at)
        elif re.match(rb"00[1-9]", data[at:]) and len(data) > at + 3:
            yield from dialled(data, at, at)
        elif not data.startswith(b"00", at) or len(data) <= at + 3:
            chinese = list(dialled(data, at, at)) if re.match(rb"86[^0-9][\s\S]", data[at:]) else []
            yield from chinese or shaped(data, at)


def dialled(data: bytes, start: int, at: int) -> Iterator[Found]:
    # One byte stands for a full-width bracket of three, which must not begin behind 32.
    stop, digits, window = 1, 1, data[at : at + 34]
    opens, closes = rb"|\(|\xef\xbc\x88", rb"\)|\xef\xbc\x89"
    while step := re.match(rb"(?:[ .-]|%s%s){0,2}[0-9]" % (closes, opens if digits < 8 else b""),
                           window[stop:]):  # fmt: skip
        if stop + step.end() > 32:
            break
        stop += step.end()
        digits += 1
    bounded = not WORD.match(data[at + stop :]) and not (start and WORD.match(data, start - 1))
    if bounded and 8 <= digits <= 20:
        yield start, at + stop, shapes.DIALLED


SHAPES = (  # (what the runs and signs must be, the first digit, shape)
    (r"3([ .-])3\1(?:4)(?!\d)", None, shapes.NANP),
    (r"6([ -])8\1(?:)[34](?!\d)", None, shapes.LONG),
    (r"4([ -])6\1(?:)[45](?!\d)", None, shapes.CARD),
    (r"4([ -])4\1(?:4)\1(?:4)(?!\d)(?:\1(?:)[123](?!\d))?", None, shapes.CARD),
    *((rf"{a}([ .-]){b}\1(?:){11 - a - b}(?!\d)", "1", shapes.MOBILE)
      for a in (3, 4, 5) for b in range(3, 9 - a)),
    *((rf"{a}[ -]{11 - a}(?!\d)", "1", shapes.MOBILE) for a in (3, 4, 5)),
    (r"[34][ .-][78](?!\d)", "0", shapes.LANDLINE),
    (r"[34][ -][34][ -]4(?!\d)", "0", shapes.LANDLINE),
    (r"6[ -]1[0-3](?!\d)", None, shapes.CARD),
    (r"3[ -]8(?!\d)", "8", shapes.REGION),
    (r"3[ -]4[ -]4(?!\d)", "8", shapes.REGION),
    (r"4[ -]3[ -]3(?!\d)", "0", shapes.REGION),
    (r"2[ -][34][ -]4(?!\d)", "0", shapes.REGION),
    (r"4[ -]6(?!\d)", "0", shapes.REGION),
    (r"2[ -][78](?!\d)", "0", shapes.REGION),
)  # fmt: skip


def shape_of(runs: list[str]) -> tuple[int, int]:
    """Return the shape of runs of digits with the signs between them, and how many it takes."""
    first, size = runs[0], len(runs[0])
    if re.match(r"(?:1|861)\d{10}\Z", first):
        return shapes.MOBILE, 1
    if size == 10 and first[0] >= "2":
        return shapes.NANP, 1
    if 14 <= size <= 19:
        return shapes.LONG, 1
    if 10 <= size <= 12 and first[0] == "0":
        return shapes.SOLID, 1
    signature = "".join(str(len(part)) if part.isdigit() else part for part in runs)
    if re.match(r"\d+\.\d+\.\d+\.\d", signature):
        good = re.match(r"[123]\.[123]\.[123]\.[123](?![.\d])", signature)
        return shapes.IPV4 if good else shapes.NOTHING, 7
    for wanted, begins, shape in SHAPES:
        found = re.match(wanted, signature)
        if found and begins in (None, first[0]):
            return shape, len(re.findall(r"\d+|\D", found[0]))
    return shapes.NOTHING, 1


AREA = re.compile(
    rb"[0-9]{2,4}(?:\)|\xef\xbc\x89)[ -]?(?:[0-9]{7,8}|[0-9]{3,4}(?: - |[ .-])[0-9]{4})(?!\w)"
)


def shaped(data: bytes, at: int) -> Iterator[Found]:
    chain = re.match(rb"[0-9]{1,21}(?:(?: - |[ .-])[0-9]{1,21}){0,5}", data[at:])[0].decode()
    whole = re.findall(r"[0-9]+| - |[ .-]", chain)
    runs = [part.strip() or " " for part in whole]
    shape, taken = shape_of(runs)
    stop = at + len("".join(whole[:taken]))
    open_end = len(runs[0]) == 17 or (taken == 5 and len(runs[4]) == 3)
    if shape == shapes.LONG and open_end and data[stop : stop + 1] in (b"x", b"X"):
        stop += 1
    before = data[max(0, at - 3) : at]
    glued = re.search(rb"\w\Z|[0-9]\.\Z", before)
    if shape == shapes.IPV4:
        glued = before.endswith(b".") or (glued and not re.search(rb"(?<!\w)[Ii][Pp]\Z", before))
    if shape and not glued and not WORD.match(data[stop:]):
        yield at, stop, shape
        return
    opened = re.search(rb"(?:\(|\xef\xbc\x88)\Z", before)
    found = AREA.match(data, at) if opened and len(runs) == 1 else None
    if found:
        yield at - len(opened[0]), found.end(), shapes.AREA


SIGNS = "".join(char for char, to in FOLDED.items() if to in " -" and ord(char) < 0xFF00)


def disguised(text: str) -> bool:
    """Tell whether a full-width digit, capital or at sign is there, or a sign that is folded."""
    for match in re.finditer(rf"(?=([０-９＠Ａ-Ｚ])|([0-9]{{1,3}})[{SIGNS}]([0-9]{{2,3}}))", text):
        if match[1]:
            return True
        if (len(match[2]) == 3 and len(match[3]) == 3) or match[2] == "86":
            return True
    return False
