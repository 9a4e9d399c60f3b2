"""What ``skypile.kernels.secrets`` finds, by regular expressions at every byte."""

from __future__ import annotations

import re

from skypile.kernels import secrets as kernel

STARTS = re.compile(
    rb"-BEG|A[KS]IA|gh[pousr]_|_pat|glpa|glsa|xox|[sr]k_l|[sr]k_t|AIza|GOCS|sk-|hf_|npm_|ypi-|SG\.|"
    rb"eyJ|://|hvs\.|dop_|shpa|ya29|(?i:assw|sphr|secr|oken|eare|sic |(?:pwd|key)(?![a-z]))"
)
URL = re.compile(rb"([^\x00-\x20@/\"'`<>:]{0,64}+):([^\x00-\x20@/\"'`<>]{1,128}+)@")
RUN = re.compile(rb"(?:[\w-]|\.(?=[\w-]))*+")
NAME = re.compile(rb"[\w-]{0,32}+")
EQUALS = re.compile(
    rb"[\"'`\[\]\\)]{0,4}+[ \t]{0,24}+"
    rb"(?:[:=>][=>]|:(?:[\w &<>-]{0,24}+(?<=[ ])=)?|[=>])[ \t]{0,24}+"
)
OPENING = re.compile(rb"[bflruBFLRU@]{0,3}+\\?([\"'`])")
BARE = re.compile(rb"[^\x00-\x20\\\"'`,;&|()<>\[\]{}]{0,257}+")
BEARER = re.compile(rb"[ \t]{1,4}+([\w+./=~-]*+)")
PEM_END = re.compile(rb"-----END[^\x00-\x1f-]{0,56}+-----")

Find = tuple[int, int, int, int]


def _token(text: bytes, at: int) -> Find | None:
    for prefix, (back, least) in kernel.PREFIXES.items():
        start = at - back
        if start < 0 or not text.startswith(prefix.encode(), start):
            continue
        if re.search(rb"[\w-]\Z", text[:start]) and not re.search(rb"\\[nrt]\Z", text[:start]):
            return None
        match = RUN.match(text, start + len(prefix))
        size = match.end() - match.start()
        good = least <= size <= kernel.MAX_TOKEN_BYTES
        return (start, match.end(), kernel.TOKEN, start) if good else None
    return None


def _assigned(text: bytes, at: int) -> Find | None:
    name = NAME.match(text, at).end()
    equals = EQUALS.match(text, name)
    if equals is None:
        return None
    start, inside = equals.end(), BARE
    opening = OPENING.match(text, start)
    if opening:
        start = opening.end()
        inside = re.compile(rb"[^\x00-\x20\\" + re.escape(opening[1]) + rb"]{0,257}+")
    match = inside.match(text, start)
    after = text[match.end() : match.end() + 1]
    good = kernel.MIN_VALUE_BYTES <= len(match[0]) <= kernel.MAX_VALUE_BYTES
    good = good and re.search(rb"[A-Za-z]", match[0]) and re.search(rb"[^A-Za-z]", match[0])
    good = good and (after in (opening[1], b"\\") if opening else after not in (b"(", b"[", b"{"))
    return (start, match.end(), kernel.ASSIGNED, name) if good else None


def _named(text: bytes, at: int) -> Find | None:
    two = text[at : at + 2].lower()
    if two == b"ea" and text[at + 4 : at + 5].lower() != b"r":
        return None
    if two not in (b"ea", b"si"):
        return _assigned(text, at)
    match = BEARER.match(text, at + (5 if two == b"ea" else 3))
    if match and kernel.MIN_BEARER_BYTES <= len(match[1]) <= kernel.MAX_TOKEN_BYTES:
        return match.start(1), match.end(1), kernel.BEARER, match.start(1)
    return None


def _look(text: bytes, at: int) -> Find | None:
    if text[at] == 0x3A:
        match = URL.match(text, at + 3)
        return match and (match.start(2), match.end(2), kernel.URL, match.start(2))
    if text[at] == 0x2D:
        closes = text.find(b"-----END", at)
        match = PEM_END.match(text, closes) if closes >= 0 and at >= 4 else None
        good = match and closes - (at - 4) <= kernel.MAX_PEM_BYTES
        return (at - 4, match.end(), kernel.PEM, at - 4) if good else None
    return _token(text, at) or _named(text, at)


def secret_candidates(text: bytes) -> list[Find]:
    """Return (start, stop, shape, end of the name) of each candidate in one text."""
    found: list[Find] = []
    before = -1
    for at in range(len(text)):
        one = _look(text, at) if STARTS.match(text, at) else None
        if one and not (one[2] == kernel.ASSIGNED and one[0] == before):
            found.append(one)
            before = one[0] if one[2] == kernel.ASSIGNED else before
    return found
