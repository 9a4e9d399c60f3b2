"""A candidate for personal data with the text around it, and words that speak for or against."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["BEFORE_BYTES", "BEHIND_BYTES", "PLACEHOLDER", "Find", "Near", "Words", "pattern"]

# What a rule sees before a candidate, and behind it, where a list may go on.
BEFORE_BYTES, BEHIND_BYTES = 96, 256


@dataclass(frozen=True, slots=True)
class Find:
    """Personal data of one kind at text[start:stop] of a Near."""

    kind: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Near:
    """A candidate text[start:stop] in UTF-8; `text` holds some bytes before and behind it.

    Characters at both ends of `text` may be cut.
    """

    text: bytes
    start: int
    stop: int

    @property
    def value(self) -> bytes:
        """The candidate."""
        return self.text[self.start : self.stop]

    def before(self, size: int) -> bytes:
        """Return up to `size` bytes before the candidate, of the same line, no cut word first."""
        first = max(0, self.start - size)
        cut = _WORD.match(self.text, first, self.start)
        if cut and first > 0 and self.text[first - 1 : first].isalpha():
            first = cut.end()
        return self.text[first : self.start].rpartition(b"\n")[2]

    def behind(self, size: int) -> bytes:
        """Return up to `size` bytes behind the candidate, of the same line."""
        return self.text[self.stop : self.stop + size].partition(b"\n")[0]

    def in_placeholder(self) -> bool:
        """Tell whether the candidate is the name in a placeholder of this stage."""
        opened = self.text[max(0, self.start - 1) : self.start] == b"<" and self.value.isupper()
        return opened and bool(_PLACEHOLDER_BEHIND.match(self.text, self.stop))

    def find(self, kind: str) -> Find:
        """Return the whole candidate as a find."""
        return Find(kind, self.start, self.stop)


_WORD = re.compile(rb"[A-Za-z]+")


def pattern(source: str) -> re.Pattern[bytes]:
    """Return `source` compiled for UTF-8; its classes in [] must hold ASCII characters only."""
    return re.compile(re.sub(r"([^\x00-\x7f])", r"(?:\1)", source).encode())


class Words:
    """Words that speak for or against a candidate: Latin ones as whole words, whatever the case."""

    def __init__(self, latin: str, han: str) -> None:
        self._latin = frozenset(latin.encode().split())
        self._han = re.compile(
            "|".join(map(re.escape, sorted(han.split(), key=len, reverse=True))).encode()
        )

    def last(self, text: bytes) -> int:
        """Return where the last of the words ends in `text`, -1 where there is none."""
        found = [match.end() for match in self._han.finditer(text)]
        # Words are looked up, since an alternation of so many costs 13 us a call.
        for match in _LATIN.finditer(text):
            if match[0].lower() in self._latin:
                found.append(match.end())
        return max(found, default=-1)

    def begin(self, text: bytes) -> bool:
        """Tell whether `text` begins with one of the words."""
        match = _LATIN.match(text)
        return bool(self._han.match(text) or (match and match[0].lower() in self._latin))


# What this stage puts in place of a find is no word, even if the border of a window cuts it.
_NAMES = rb"(?:EMAIL|IPV[46]|MOBILE|LANDLINE|PHONE|RESIDENT_ID|BANK_CARD|PASSPORT|PLATE|WECHAT|QQ)"
_LATIN = re.compile(rb"<%s|%s(?:_[0-9a-f]{4})?>|[A-Za-z]+" % (_NAMES, _NAMES))
PLACEHOLDER = re.compile(rb"<%s(?:_[0-9a-f]{4})?>" % _NAMES)
_PLACEHOLDER_BEHIND = re.compile(rb"(?:_[0-9a-f]{4})?>")
