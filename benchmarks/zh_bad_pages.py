"""Write bad Chinese pages of every kind, no two alike: what a crawl holds and a corpus should not.

    python benchmarks/zh_bad_pages.py --part dev --kind gambling --count 3

Templates and words are in zh_bad/dev.yaml, on which rules are tuned, and zh_bad/heldout.yaml, on
which they are reported. A template is a list of parts: a text, or [least, most, texts...], that is
so many of these in random order, each about equally often. In a text {slot} is one of the slot's
words, {slot!} the same word all over the page, {#4} four digits, {w5} and {W2} letters and digits,
{w1} a Chinese character for a name, {m2} and {y2} two digits of a clock and of a year, {phone} a
mobile number of a range that is not assigned. A first part "@..." says how the text was broken.
Pages and numbers are made up.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

__all__ = ["KINDS", "PARTS", "bad_pages"]

PARTS = ("dev", "heldout")
KINDS = (
    "gambling", "medical_ad", "doorway", "forum", "novel_chrome", "keywords", "mojibake",
    "navigation", "classified", "teaser", "generated",
)  # fmt: skip
MIN_CHARS = 200

_SLOT = re.compile(r"\{([#a-zA-Z_]+?)(\d*)(!?)\}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_NAMES = "轩辰睿泽宁安博远哲涵宸航毅楠霖昊然诚逸朗"
# 140, 144 and 154 are in no range of MIIT's for phones of people.
_PREFIXES = ("140", "144", "154")

Template = list[str | list[int | str]]


class Page:
    """One page in the making: a random source, the words, and those chosen for the whole page."""

    def __init__(self, slots: dict[str, list[str]], seed: str) -> None:
        self.rng = random.Random(seed)
        self.slots = slots
        self.chosen: dict[str, str] = {}
        self.decks: dict[str, list[str]] = {}

    def text(self, template: Template) -> str:
        """Return the page that `template` makes, one part a line."""
        lines: list[str] = []
        for part in template:
            if isinstance(part, str):
                lines.append(part)
                continue
            least, most, *texts = part
            number = self.rng.randint(int(least), int(most))
            order: list[str] = []
            while len(order) < number:
                order += self.rng.sample([str(text) for text in texts], len(texts))
            lines += order[:number]
        return "\n".join(self.filled(line) for line in lines)

    def filled(self, text: str) -> str:
        """Return `text` with all slots filled."""
        return _SLOT.sub(lambda match: self.word(match[1], match[2], match[3]), text)

    def word(self, name: str, size: str, mark: str) -> str:
        """Return a word for a slot; with the mark `!` the same for all of the page."""
        if mark:
            if name not in self.chosen:
                self.chosen[name] = self.word(name, size, "")
            return self.chosen[name]
        if name in self.slots:
            return self.filled(self.drawn(name))
        return self._made_up(name, int(size or 1))

    def drawn(self, name: str) -> str:
        """Return a word of a slot that the page has not had, as long as there is one.

        Pages that say one sentence twice would be caught by repetition alone, as few real ones are.
        """
        if not self.decks.get(name):
            words = self.slots[name]
            self.decks[name] = self.rng.sample(words, len(words))
        return self.decks[name].pop()

    def _made_up(self, name: str, size: int) -> str:
        pick = self.rng.choice
        if name == "phone":
            return pick(_PREFIXES) + "".join(pick("0123456789") for _ in range(8))
        if name == "#":
            return pick("123456789") + "".join(pick("0123456789") for _ in range(size - 1))
        if name == "m":
            return f"{self.rng.randrange(60):02d}"
        if name == "y":
            return f"{self.rng.randrange(9, 24):02d}"
        if name == "w" and size == 1:
            return pick(_NAMES)
        letters = _LETTERS if name == "w" else _LETTERS.upper()
        return "".join(pick(letters) for _ in range(size - 1)) + pick("23456789" + letters)


def _damaged(text: str, rng: random.Random, share: float, mark: Callable[[str], str]) -> str:
    return "".join(mark(char) if rng.random() < share else char for char in text)


def _broken(text: str, how: str, rng: random.Random) -> str:
    """Return `text` as it comes out where bytes were read in the wrong encoding, or lost."""
    if how == "@utf8_as_gbk":
        return text.encode().decode("gb18030", "replace")
    if how == "@gbk_as_big5":
        return text.encode("gb18030").decode("big5", "replace")
    if how == "@utf8_twice":
        return text.encode().decode("latin-1")
    if how == "@replacement":
        return _damaged(text, rng, 0.08, lambda _: "\ufffd")
    if how == "@kunjinkao":
        return _damaged(text, rng, 0.08, lambda _: "锟斤拷")
    if how == "@question":
        return _damaged(text, rng, 0.3, lambda _: "??")
    assert how == "@private"
    return _damaged(text, rng, 0.1, lambda char: chr(0xE000 + ord(char) % 0x1900))


@cache
def _templates(part: str) -> tuple[dict[str, list[str]], dict[str, list[Template]]]:
    path = Path(__file__).parent / "zh_bad" / f"{part}.yaml"
    data = yaml.safe_load(path.read_text("utf-8"))
    return data["slots"], data["pages"]


def bad_pages(part: str, kind: str, count: int, seed: int = 0) -> list[str]:
    """Return `count` pages of a kind, of at least MIN_CHARS characters, its templates in turn."""
    slots, pages = _templates(part)
    found: list[str] = []
    tried = 0
    while len(found) < count:
        template = pages[kind][tried % len(pages[kind])]
        page = Page(slots, f"{part} {kind} {seed} {tried}")
        first = template[0]
        broken = isinstance(first, str) and first.startswith("@")
        text = page.text(template[1:] if broken else template)
        if broken:
            text = _broken(text, str(first), page.rng)
        if len(text) >= MIN_CHARS:
            found.append(text)
        tried += 1
        assert tried < 20 * count, f"templates of {kind} are too short"
    return found


def main() -> None:
    """Print pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS, default="dev")
    parser.add_argument("--kind", choices=KINDS, default="gambling")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for number, text in enumerate(
        bad_pages(options.part, options.kind, options.count, options.seed)
    ):
        print(f"--- {options.kind} {number}, {len(text)} characters\n{text}")


if __name__ == "__main__":
    main()
