"""A candidate for personal data with the text around it, and the words that speak for or against."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NEAR_BYTES", "Find", "Near", "pattern", "words"]

# What a rule sees on either side of a candidate.
NEAR_BYTES = 96


@dataclass(frozen=True, slots=True)
class Find:
    """Personal data of one kind at text[start:stop] of a Near."""

    kind: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Near:
    """A candidate text[start:stop] in UTF-8; `text` holds up to NEAR_BYTES before and behind it.

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
        """Return up to `size` bytes before the candidate, of the same line."""
        return self.text[max(0, self.start - size) : self.start].rpartition(b"\n")[2]

    def behind(self, size: int) -> bytes:
        """Return up to `size` bytes behind the candidate, of the same line."""
        return self.text[self.stop : self.stop + size].partition(b"\n")[0]

    def find(self, kind: str) -> Find:
        """Return the whole candidate as a find."""
        return Find(kind, self.start, self.stop)


def pattern(source: str) -> re.Pattern[bytes]:
    """Return `source` compiled for UTF-8; its classes in [] must hold ASCII characters only."""
    return re.compile(re.sub(r"([^\x00-\x7f])", r"(?:\1)", source).encode())


def words(latin: str, han: str = "") -> re.Pattern[bytes]:
    """Return a pattern of any of these words, parted by spaces, whatever the case.

    Latin ones are matched as whole words; `_` stands for a space in them.
    """
    parts = [rf"(?<![a-z])(?:{'|'.join(re.escape(w).replace('_', ' ') for w in latin.split())})"
             r"(?![a-z])"] if latin else []  # fmt: skip
    return re.compile("|".join(parts + han.split()).encode(), re.IGNORECASE)
