"""Shapes of personal data in one document, by regular expressions: the twin of kernels.pii."""

from __future__ import annotations

import re
from collections.abc import Iterator

from skypile.kernels import pii_shapes as shapes

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
    rb"[\xe0-\xff][\x80-\xff]{2}[A-Z](?:\xc2\xb7|\xe2\x80\xa2|[ -])?"
    rb"(?:(?P<police>[0-9]{4}[\xe0-\xff][\s\S]{2})|(?P<tail>[A-Z0-9]{5,6})(?!\w))"
)


def plates(data: bytes) -> Iterator[Found]:
    for match in re.finditer(rb"(?=[\x80-\xff][A-Z])", data):
        found = PLATE.match(data, match.start() - 2) if match.start() >= 2 else None
        if found and (found["police"] or len(re.findall(rb"[0-9]", found["tail"])) >= 3):
            yield found.start(), found.end(), shapes.PLATE


def cues(data: bytes) -> Iterator[Found]:
    for word, (shape, needed) in shapes.CUES.items():
        first, last = (rb"(?<!\w)", rb"(?![A-Za-z])") if word.isascii() else (b"", b"")
        counted = rb"[\w-]{%d}" if shape == shapes.WECHAT else rb"[0-9]{%d}"
        cue = first + b"(?=" + word.encode() + last + b")"
        for match in re.finditer(cue, data, re.IGNORECASE):
            stop = match.start() + len(word.encode())
            if re.search(counted % needed, data[stop : stop + shapes.CUE_WINDOW]):
                yield match.start(), stop, shape


def numbers(data: bytes) -> Iterator[Found]:
    for match in re.finditer(rb"(?<![0-9])[0-9]", data):
        at = match.start()
        if data[at - 1 : at] == b"+":
            yield from dialled(data, at - 1, at)
        elif data.startswith(b"0086", at):
            yield from dialled(data, at, at)
        elif not data.startswith(b"00", at):
            yield from shaped(data, at)


def dialled(data: bytes, start: int, at: int) -> Iterator[Found]:
    window = data[at : at + 32]
    stop, digits = 1, 1
    while step := re.match(rb"[ .)-]{0,2}[0-9]" if digits >= 8 else rb"[ .()-]{0,2}[0-9]",
                           window[stop:]):  # fmt: skip
        stop += step.end()
        digits += 1
    bounded = not WORD.match(data[at + stop :]) and not (start and WORD.match(data, start - 1))
    if bounded and 8 <= digits <= 20:
        yield start, at + stop, shapes.DIALLED


SHAPES = (  # (what the runs and signs must be, the first digit, shape)
    (r"3([ .-])3\1(?:4)(?!\d)", None, shapes.NANP),
    (r"4([ -])6\1(?:)[45](?!\d)", None, shapes.CARD),
    (r"4([ -])4\1(?:4)\1(?:4)(?!\d)(?:\1(?:)[123](?!\d))?", None, shapes.CARD),
    (r"3([ -])4\1(?:4)(?!\d)", "1", shapes.MOBILE),
    (r"[34][ -][78](?!\d)", "0", shapes.LANDLINE),
    (r"[34][ -][34][ -]4(?!\d)", "0", shapes.LANDLINE),
    (r"6[ -]1[0-3](?!\d)", None, shapes.CARD),
)


def shape_of(runs: list[str]) -> tuple[int, int]:
    """Return the shape of runs of digits with the signs between them, and how many it takes."""
    first, size = runs[0], len(runs[0])
    if size == 11 and first[0] == "1":
        return shapes.MOBILE, 1
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
    rb"[0-9]{3,4}(?:\)|\xef\xbc\x89)[ -]?(?:[0-9]{7,8}|[0-9]{3,4}[ .-][0-9]{4})(?!\w)"
)


def shaped(data: bytes, at: int) -> Iterator[Found]:
    chain = re.match(rb"[0-9]{1,21}(?:[ .-][0-9]{1,21}){0,5}", data[at:])[0].decode()
    runs = re.findall(r"[0-9]+|[ .-]", chain)
    shape, taken = shape_of(runs)
    stop = at + len("".join(runs[:taken]))
    if shape == shapes.LONG and len(runs[0]) == 17 and data[stop : stop + 1] in (b"x", b"X"):
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
