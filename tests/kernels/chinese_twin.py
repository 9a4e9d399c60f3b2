"""The kernel of bad Chinese pages said again in plain Python, from characters and patterns."""

from __future__ import annotations

import collections
import re

from statistics_twin import char_class, encodes

from skypile.kernels import chinese
from skypile.kernels.chinese_terms import CATEGORIES, NEUTRAL

GRAMMAR = "的是了和有不这就也都很而之其与我你他她它们吗呢吧着被把让从对"
DISGUISED = re.compile(
    "[\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\u2460-\u24ff\u2600-\u27bf"
    "\ufe00-\ufe0f\U0001d400-\U0001d7ff\U0001f100-\U0001faff]"
)
LOST = re.compile("[\ufffd\ue000-\uf8ff\x80-\x84\x86-\x9f\U000f0000-\U0010ffff]")
OWNERS = dict.fromkeys(NEUTRAL, "")
for _name, _terms in CATEGORIES.items():
    OWNERS |= dict.fromkeys(_terms, _name)
LONGEST = max(map(len, OWNERS))


def lowered(text: str) -> str:
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in text)


def terms(text: str) -> dict[str, int]:
    low, at = lowered(text), 0
    found: collections.Counter[str] = collections.Counter()
    seen = set()
    while at < len(low):
        term = ""
        inside = at > 0 and char_class(text[at - 1]) == char_class(text[at]) == "latin"
        if not inside:
            sizes = range(LONGEST, 1, -1)
            term = next((low[at : at + n] for n in sizes if low[at : at + n] in OWNERS), "")
        if OWNERS.get(term):
            found[f"{OWNERS[term]}_chars"] += len(term)
            found[f"{OWNERS[term]}_terms"] += term not in seen
            seen.add(term)
        at += len(term) or 1
    return found


def level_one(char: str) -> bool:
    for codec, first, last in (("gb2312", 0xB0A1, 0xD7F9), ("big5", 0xA440, 0xC67E)):
        if encodes(char, codec) and first <= int.from_bytes(char.encode(codec), "big") <= last:
            return True
    return char in "々〇"


def char_fields(text: str) -> dict[str, int]:
    classes = [char_class(char) for char in text]
    runs = [
        match
        for match in re.finditer("[?？]{2,}", text)
        if classes[match.end() : match.end() + 1] == ["han"]
    ]
    return {
        "chars": len(text) - classes.count("space"),
        "han": classes.count("han"),
        "rare": sum(
            kind == "han" and not level_one(char) for char, kind in zip(text, classes, strict=True)
        ),
        "broken": len(LOST.findall(text)) + sum(len(match[0]) for match in runs),
        "disguise": len(DISGUISED.findall(text)),
    }


def stripped(line: str) -> str:
    start, stop = 0, len(line)
    while start < stop and char_class(line[start]) == "space":
        start += 1
    while stop > start and char_class(line[stop - 1]) == "space":
        stop -= 1
    return line[start:stop]


def is_cut(line: str) -> bool:
    if not chinese.TEASER_LEAST_CHARS <= len(line) <= chinese.TEASER_MOST_CHARS:
        return False
    found = list(re.finditer(r"…|(?<=\.)\.", line))
    if not found or len(line) - found[-1].end() > chinese.TEASER_REST_CHARS:
        return False
    rest = line[found[-1].end() :]
    return not re.search("[，。！？；]", rest) and not re.match("[”’」』\"']", rest)


def line_fields(text: str) -> dict[str, int]:
    lines = [stripped(line) for line in text.split("\n")]
    behind = sum(
        char in ",.;!?" and at > 0 and char_class(text[at - 1]) == "han"
        for at, char in enumerate(text)
    )
    return {
        "line_chars": sum(map(len, lines)),
        "teaser_chars": sum(len(line) for line in lines if is_cut(line)),
        "clauses": sum(char in "，。！？；" for char in text) + behind,
    }


def keyword_chars(text: str) -> int:
    letters = ("latin", "digit", "han", "kana", "hangul", "cyrillic")
    total, run, segment = 0, [], ""
    for char in [*text, "。"]:
        if char_class(char) in letters:
            segment += char
            continue
        han = sum(char_class(each) == "han" for each in segment)
        item = han >= 2 and len(segment) <= chinese.KEYWORD_CHARS
        item = item and not set(segment) & set(GRAMMAR)
        run += [len(segment)] if item else []
        if char in "。！？；，：:" or (han and not item):
            total += sum(run) if len(run) >= chinese.KEYWORD_RUN else 0
            run = []
        segment = ""
    return total


def phones(text: str) -> dict[str, int]:
    found, at = [], 0
    while at < len(text):
        match = re.compile("[0-9][0-9-]*").match(text, at)
        if match and not (at and char_class(text[at - 1]) == "latin"):
            found.append(match[0].replace("-", ""))
        at = match.end() if match and not (at and char_class(text[at - 1]) == "latin") else at + 1
    shape = re.compile(r"1[3-9]\d{9}|0\d{10,11}|[48]00\d{7}")
    numbers = [each for each in found if shape.fullmatch(each)]
    return {"phones": len(numbers), "phone_digits": sum(map(len, numbers))}


def phrase_fields(text: str) -> dict[str, int]:
    size = chinese.PHRASE_CHARS
    places = [at for at, char in enumerate(text) if char_class(char) == "han"]
    found: collections.Counter[str] = collections.Counter()
    title, numbered, again, title_stop = set(), 0, 0, len(title_of(text))
    for k in range(len(places) - size + 1):
        first, last = places[k], places[k + size - 1]
        phrase = "".join(text[at] for at in places[k : k + size])
        if phrase in found:
            again += 1
            inner = any(char_class(char) == "digit" for char in text[first:last])
            numbered += inner and last - first < chinese.NUMBERED_CHARS
        elif last < title_stop:
            title.add(phrase)
        found[phrase] += 1
    return {
        "phrases": found.total(),
        "said_again": again,
        "title_phrases": max((found[phrase] for phrase in title), default=0),
        "top_phrases": max(found.values(), default=0),
        "numbered_again": numbered,
    }


def title_of(text: str) -> str:
    """Return the text to the end of its first line that is not blank, cut to its size."""
    at, solid = 0, 0
    while at < len(text) and not (text[at] == "\n" and solid):
        solid += char_class(text[at]) != "space"
        if solid > chinese.TITLE_CHARS:
            break
        at += 1
    return text[:at]


def bad_counts(text: str) -> dict[str, int]:
    fields = {**terms(text), **char_fields(text), **line_fields(text), **phones(text)}
    fields |= {"keyword_chars": keyword_chars(text), **phrase_fields(text)}
    return {name: fields.get(name, 0) for name in chinese.FIELDS}
