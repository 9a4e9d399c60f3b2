"""Texts with labelled personal data, made from templates by a seed.

A file of templates (tests/data/pii_templates_NAME.txt) has sections ``# + KIND`` of lines in which
personal data stands, and ``# - KIND`` of lines in which only what looks like it does. In a line

    {kind}      is personal data in a plain form, {kind*} also in one that needs a word;
    {!kind}     looks like it and is none; [[…]] likewise, spelled out, in a section ``-``;
    {n5}        a number of 5 digits; {who}, {Who}, {city}, {date}, … something to fill in;
    ⏎           a line break.

Every line is filled in several times, alone, amid sentences, or as a part of a page.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pii_values import LOOK_ALIKES, PLAIN, SAID, luhn_digit, short_number

__all__ = ["Labelled", "Span", "Template", "filled_texts", "templates"]

DATA = Path(__file__).parents[1] / "tests" / "data"
_SLOT = re.compile(r"\{n(\d+)\}|\{(!?)([A-Za-z_]+[46]?)(\*?)\}|(\[\[)|(\]\])")
_SAID_FRAC = 0.5  # how often {kind*} has a form that needs a word

Span = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A line of a file of templates."""

    kind: str
    positive: bool
    line: str


@dataclass(slots=True)
class Labelled:
    """A text, its personal data, what only looks like some: (start, end, kind) in characters."""

    text: str
    wanted: list[Span]
    unwanted: list[Span]


def templates(name: str) -> list[Template]:
    """Return the templates of tests/data/pii_templates_NAME.txt."""
    found: list[Template] = []
    kind, positive = "", True
    for line in (DATA / f"pii_templates_{name}.txt").read_text("utf-8").split("\n"):
        if line.startswith(("# + ", "# - ")):
            kind, positive = line[4:], line[2] == "+"
        elif line and not line.startswith("#"):
            found.append(Template(kind, positive, line.replace("⏎", "\n")))
    return found


_WHO = (
    "张三", "李四", "王五", "李女士", "王先生", "陈经理", "赵师傅", "某某", "周老师", "刘总",
    "小林", "某甲", "欧阳先生", "吴小姐", "孙主任", "何医生",
)  # fmt: skip
_NAMES = (
    "Jane Doe", "Mr Nobody", "A. N. Other", "Dr. Smith", "Li Ming", "Rosa Nadie", "Ms Chen",
    "Max Muster",
)  # fmt: skip
_CITIES = (
    "北京", "上海", "广州", "深圳", "杭州", "成都", "重庆", "西安", "武汉", "南京", "厦门",
    "长沙", "昆明", "东莞", "香港", "台北",
)  # fmt: skip
_WORDS = (
    "buffer", "render", "config", "parser", "widget", "logger", "router", "vector", "socket",
    "kernel", "daily", "travel", "foodie", "market", "studio",
)  # fmt: skip


def _date(rng: random.Random) -> str:
    year, month, day = rng.randint(1998, 2026), rng.randint(1, 12), rng.randint(1, 28)
    return rng.choice(
        (f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day}", f"{year}.{month}.{day}")
    )


def _bad_card(rng: random.Random) -> str:
    digits = f"622202000000{rng.randint(0, 999999):06}"
    return digits + str((int(luhn_digit(digits)) + rng.randint(1, 9)) % 10)


_FILL: dict[str, Callable[[random.Random], str]] = {
    "who": lambda rng: rng.choice(_WHO),
    "Who": lambda rng: rng.choice(_NAMES),
    "city": lambda rng: rng.choice(_CITIES),
    "word": lambda rng: rng.choice(_WORDS),
    "date": _date,
    "time": lambda rng: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}",
    "hex": lambda rng: f"{rng.getrandbits(32) | 1 << 31:08x}",
    "v": lambda rng: ".".join(str(rng.randint(1, most)) for most in (12, 12, 30, 9999)),
    "s": lambda rng: ".".join(str(rng.randint(1, 9)) for _ in range(4)),
    "badcard": _bad_card,
}  # fmt: skip


def filled(template: Template, rng: random.Random) -> Labelled:
    """Return the template with values in its places."""
    text, at, opened = "", 0, -1
    wanted: list[Span] = []
    unwanted: list[Span] = []
    for match in _SLOT.finditer(template.line):
        text += template.line[at : match.start()]
        at = match.end()
        size, unlike, kind, said, opens, closes = match.groups()
        if opens:
            opened = len(text)
        elif closes:
            unwanted.append((opened, len(text), template.kind))
        elif size:
            text += short_number(rng, int(size))
        elif kind not in PLAIN and kind not in _FILL:
            text += match[0]  # the brackets of a program
        elif kind in _FILL:
            text += _FILL[kind](rng)
        elif unlike:
            value = LOOK_ALIKES[kind](rng)
            unwanted.append((len(text), len(text) + len(value), kind))
            text += value
        else:
            some = SAID.get(kind) if said and rng.random() < _SAID_FRAC else None
            value = rng.choice(some or PLAIN[kind])(rng)
            wanted.append((len(text), len(text) + len(value), kind))
            text += value
    return Labelled(text + template.line[at:], wanted, unwanted)


def _moved(spans: list[Span], by: int) -> list[Span]:
    return [(start + by, end + by, kind) for start, end, kind in spans]


def _amid(
    each: Labelled, rng: random.Random, before: list[Template], behind: list[Template]
) -> Labelled:
    """Put a sentence before it and one behind it."""
    first, last = filled(rng.choice(before), rng).text, filled(rng.choice(behind), rng).text
    moved = len(first)
    return Labelled(
        first + each.text + last, _moved(each.wanted, moved), _moved(each.unwanted, moved)
    )


def _page(parts: list[Labelled]) -> Labelled:
    whole = Labelled("", [], [])
    for part in parts:
        whole.wanted += _moved(part.wanted, len(whole.text))
        whole.unwanted += _moved(part.unwanted, len(whole.text))
        whole.text += part.text + "\n"
    return whole


def filled_texts(name: str, *, times: int, seed: int = 0) -> Iterator[tuple[Labelled, str]]:
    """Yield texts with every template filled in `times` times, and the line that each is made of.

    A third stand alone, a third amid sentences, a third in pages of six lines, whose line is "".
    """
    rng = random.Random(seed)
    every = templates(name)
    before = [each for each in every if each.kind == "before"]
    behind = [each for each in every if each.kind == "behind"]
    page: list[Labelled] = []
    for time in range(times):
        for template in rng.sample(every, len(every)):
            if template.kind in ("before", "behind"):
                continue
            each, form = filled(template, rng), (time + rng.randint(0, 2)) % 3
            if form == 0:
                yield each, template.line
            elif form == 1:
                yield _amid(each, rng, before, behind), template.line
            else:
                page.append(each)
                if len(page) == 6:
                    yield _page(page), ""
                    page = []
    if page:
        yield _page(page), ""
