"""The tokens in which terms of lexicons are sought, as 64-bit hashes, straight from UTF-8.

Characters are folded one by one: full-width forms U+FF01 to U+FF5E to ASCII, capitals of the Latin,
Greek and Cyrillic blocks to small letters. A token is then

* a **word**: a maximal run of letters and digits (``skypile.text.is_letter_or_digit``);
* a **character**: any other one that is not white space, CJK characters among them;
* a **break**: the end of a line, unless it stands between two words, where lines are wrapped.

White space separates words and is no token; neither are zero-width characters and variation
selectors, which read as white space. So `微 信` has the tokens of `微信`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.shingles import code_point
from skypile.kernels.vectors import (
    WINDOW,
    alphanumeric_mask,
    blank_mask,
    break_mask,
    eight_bytes,
    high_mask,
    leading_zeros,
    ones_count,
    trailing_zeros,
)
from skypile.text import CJK_RANGES, SPACES, SYMBOL_RANGES, is_letter_or_digit

__all__ = [
    "BLANK",
    "BLANKS",
    "BREAKS",
    "BREAK_TOKEN",
    "END_TOKEN",
    "FOLDED_RANGES",
    "LONG_TOKEN",
    "MAX_WORD_BYTES",
    "ROOM",
    "WORD",
    "char_hash",
    "fill",
    "folded_hash",
    "solid_chars",
    "token_lists",
    "word_hash",
]

# Hashes and places of tokens, a buffer, kinds and folded forms of code points. Kernels take them
# one by one: to unpack a tuple costs Numba an atomic count for each array.
TokenLists = tuple[
    npt.NDArray[np.uint64], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint8],
    npt.NDArray[np.uint32],
]  # fmt: skip

# Ends of lines (UAX #14: BK, CR, LF, NL).
BREAKS = frozenset("\n\x0b\x0c\r\x85\u2028\u2029")
# Soft hyphen, Mongolian separator, zero-width and direction marks, variation selectors, BOM.
_UNSEEN = (0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065),
           *range(0xFE00, 0xFE10), 0xFEFF)  # fmt: skip
BLANKS = SPACES | BREAKS | frozenset(map(chr, _UNSEEN))
# Blocks whose capitals are folded: case mappings of assigned letters never change (Unicode
# stability policy), and these blocks have no room for new ones. First and last code point.
FOLDED_RANGES = ((0x41, 0x5A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1EFF))

# A longer word (folded, in UTF-8) is in no lexicon: all of them have one hash.
MAX_WORD_BYTES = 128
# So many places of the arrays of tokens must be free for a window to be read.
ROOM = WINDOW + 8

# Kinds of code points.
WORD, _CHAR, BLANK, _BREAK_KIND = 1, 2, 4, 8
# What came last is WORD, _CHAR, a break, or a break behind a word.
_BREAK, _WRAPPED = 8, 9
_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xE7037ED1A0B428DB)
_K3 = np.uint64(0xD6E8FEB86659FD93)
LONG_TOKEN = np.uint64(0x8BADF00D5EED1E57)
BREAK_TOKEN = np.uint64(0xD1342543DE82EF95)
END_TOKEN = np.uint64(0xC2B2AE3D27D4EB4F)


def _kinds() -> npt.NDArray[np.uint8]:
    # Indexed by whatever 21 bits a sequence of four bytes can hold.
    kinds = np.full(1 << 21, _CHAR, np.uint8)
    kinds[0xC0:0x110000] = WORD
    kinds[0:0xC0] = [WORD if is_letter_or_digit(chr(code)) else _CHAR for code in range(0xC0)]
    for first, last in (*SYMBOL_RANGES, *CJK_RANGES):
        kinds[first : last + 1] = _CHAR
    kinds[[ord(char) for char in BLANKS]] = BLANK
    kinds[[ord(char) for char in BREAKS]] = BLANK | _BREAK_KIND
    kinds.flags.writeable = False
    return kinds


def _folded() -> npt.NDArray[np.uint32]:
    codes = np.arange(0x10000, dtype=np.uint32)
    codes[0xFF01:0xFF5F] -= 0xFEE0
    for first, last in FOLDED_RANGES:
        for code in range(first, last + 1):
            small = chr(code).lower()
            if len(small) == 1:
                codes[code] = ord(small)
    codes[0xFF21:0xFF3B] += 32
    codes.flags.writeable = False
    return codes


KINDS = _kinds()
FOLDED = _folded()


# --- hashes ------------------------------------------------------------------------------------


@inlined
def _lowered(eight: Any) -> Any:
    # ASCII bytes of a word are letters and digits, and digits carry 0x20 already.
    return eight | (~eight & np.uint64(0x8080808080808080)) >> np.uint64(2)


@inlined
def _mixed(value: Any) -> Any:
    """Return a bijection of `value` whose upper bits hang on all of it."""
    # Salted, for a zero byte is a character too, and a token of hash 0 would leave no trace.
    value ^= _K3
    value = (value ^ value >> np.uint64(32)) * _K1
    return value ^ value >> np.uint64(29)


@inlined
def char_hash(data: Any, at: Any, size: Any) -> Any:
    """Return the hash of a character of `size` bytes that is as it is folded."""
    return _mixed(eight_bytes(data, at) << np.uint64(64 - 8 * size))


@inlined
def word_hash(data: Any, start: Any, size: Any) -> Any:
    """Return the hash of an ASCII word of `size` bytes, LONG_TOKEN beyond MAX_WORD_BYTES."""
    # Words of up to 16 bytes, nearly all, take no branch that hangs on their length.
    tail = max(size - 8, 0)
    value = _lowered(eight_bytes(data, start)) << np.uint64(64 - 8 * (size - tail))
    if size > 16:
        return _long_hash(data, start, size)
    rest = _lowered(eight_bytes(data, start + 8)) << np.uint64((64 - 8 * tail) & 63)
    return _mixed(value ^ (rest if tail > 0 else np.uint64(0)) * _K2)


@njit
def _long_hash(data: Any, start: Any, size: Any) -> Any:
    if size > MAX_WORD_BYTES:
        return LONG_TOKEN
    value = np.uint64(size) * _K3
    while size > 8:
        value = _mixed(value ^ _lowered(eight_bytes(data, start))) * _K2
        start, size = start + 8, size - 8
    return _mixed(value ^ _lowered(eight_bytes(data, start)) << np.uint64(64 - 8 * size))


@njit
def folded_hash(data: Any, start: Any, stop: Any, buffer: Any, folded: Any) -> Any:
    """Return the hash of a token whose characters may have to be folded."""
    size = 0
    while start < stop and size <= MAX_WORD_BYTES:
        code, width = code_point(data, start)
        if code < 0x10000:
            code = np.int64(folded[code])
        start += width
        if code < 0x80:
            buffer[size] = code
            size += 1
            continue
        more = 1 + (code >= 0x800) + (code >= 0x10000)
        buffer[size] = (0x3F80 >> more | code >> 6 * more) & 0xFF
        for k in range(more):
            buffer[size + 1 + k] = 0x80 | code >> 6 * (more - 1 - k) & 0x3F
        size += 1 + more
    if size == 1:
        # May be a sign such as @, which has no small letter.
        return char_hash(buffer, 0, size)
    return word_hash(buffer, 0, size)


# --- tokens ------------------------------------------------------------------------------------


@inlined
def _close(
    data: Any, start: Any, stop: Any, wide: Any, run: Any, count: Any, tokens: Any, spans: Any,
    buffer: Any, folded: Any,
) -> Any:  # fmt: skip
    """Append a word, in place of a break between it and another one; return how many there are."""
    count -= np.int64(run == _WRAPPED)
    if wide:
        tokens[count] = folded_hash(data, start, stop, buffer, folded)
    else:
        tokens[count] = word_hash(data, start, stop - start)
    spans[count, 0], spans[count, 1] = start, stop
    return count + 1


@inlined
def _break(place: Any, run: Any, count: Any, tokens: Any, spans: Any) -> Any:
    """Append the end of a line unless one came last; return what came last, and the number."""
    if run >= _BREAK:
        return run, count
    tokens[count], spans[count, 0], spans[count, 1] = BREAK_TOKEN, place, place + 1
    return _WRAPPED if run == WORD else _BREAK, count + 1


@inlined
def _ascii(
    data: Any, at: Any, size: Any, inside: Any, run: Any, count: Any, tokens: Any, spans: Any
) -> Any:
    """Append the tokens among the next `size` ASCII bytes, words by their mask `inside`.

    Return what came last, the number of tokens, and how many of the bytes are no white space.
    """
    zero, one = np.uint64(0), np.uint64(1)
    keep = ~zero >> np.uint64(WINDOW - size)
    letters = alphanumeric_mask(data, at)
    blank, breaks = blank_mask(data, at) & keep, break_mask(data, at) & keep
    bits = inside & ~(inside << one) | keep & ~letters & ~blank | breaks
    while bits != zero:
        first = trailing_zeros(bits)
        bits &= bits - one
        shift = np.uint64(first)
        word = trailing_zeros(~(inside >> shift))
        start = at + first
        if word:
            count -= np.int64(run == _WRAPPED)
            tokens[count] = word_hash(data, start, word)
            spans[count, 0], spans[count, 1] = start, start + word
            run, count = WORD, count + 1
        elif breaks >> shift & one:
            run, count = _break(start, run, count, tokens, spans)
        else:
            tokens[count] = char_hash(data, start, 1)
            spans[count, 0], spans[count, 1] = start, start + 1
            run, count = _CHAR, count + 1
    return run, count, ones_count(keep & ~blank)


@inlined
def _window(
    data: Any, at: Any, size: Any, start: Any, wide: Any, run: Any, count: Any, tokens: Any,
    spans: Any, buffer: Any, folded: Any,
) -> Any:  # fmt: skip
    """Append the tokens that end among the next `size` ASCII bytes.

    Return the start of the open word, whether it is not ASCII alone, what came last, the number of
    tokens, and how many of the bytes are no white space.
    """
    one = np.uint64(1)
    inside = alphanumeric_mask(data, at) & (~np.uint64(0) >> np.uint64(WINDOW - size))
    if start >= 0:
        head = min(trailing_zeros(~inside), size)
        if head == size:
            return start, wide, run, count, size
        count = _close(data, start, at + head, wide, run, count, tokens, spans, buffer, folded)
        run, start, wide = WORD, -1, False
        inside = inside >> np.uint64(head) << np.uint64(head)
    if inside >> np.uint64(size - 1) & one:
        # The word at the end may go on.
        gaps = ~inside << np.uint64(WINDOW - size)
        tail = leading_zeros(gaps) if gaps else size
        start = at + size - tail
        inside &= ~(~np.uint64(0) << np.uint64(size - tail))
    run, count, solid = _ascii(data, at, size, inside, run, count, tokens, spans)
    return start, wide, run, count, solid


@njit
def fill(
    data: Any, stop: Any, state: Any, tokens: Any, spans: Any, buffer: Any, kinds: Any, folded: Any
) -> None:
    """Read tokens until the text or the room for them ends.

    The arrays come from `token_lists`. `state` (6,) int64 is position, start of an open word or -1,
    number of tokens, whether the open word is not ASCII alone, what came last, and the number of
    characters so far that are no white space. It starts as (offset, -1, 0, 0, 0, 0); the text is
    done when state[0] has reached `stop`. The last token may yet be taken back before that. At
    least 64 bytes behind the text must be readable.
    """
    room = tokens.size - ROOM
    at, start, count, wide, run, solid = (
        state[0], state[1], state[2], state[3] != 0, state[4], state[5]
    )  # fmt: skip
    while at < stop and count < room:
        if data[at] < 0x80:
            size = min(stop - at, trailing_zeros(high_mask(data, at)))
            start, wide, run, count, more = _window(
                data, at, size, start, wide, run, count, tokens, spans, buffer, folded
            )
            at += size
            solid += more
            continue
        code, size = code_point(data, at)
        kind = kinds[code]
        if kind == WORD:
            start = at if start < 0 else start
            wide = True
        elif start >= 0:
            count = _close(data, start, at, wide, run, count, tokens, spans, buffer, folded)
            start, wide, run = -1, False, WORD
        if kind == _CHAR:
            if code < 0x10000 and folded[code] != code:
                tokens[count] = folded_hash(data, at, at + size, buffer, folded)
            else:
                tokens[count] = char_hash(data, at, size)
            spans[count, 0], spans[count, 1] = at, at + size
            run, count = _CHAR, count + 1
        elif kind & _BREAK_KIND:
            run, count = _break(at, run, count, tokens, spans)
        at += size
        solid += kind & BLANK == 0
        while 0xE5 <= data[at] <= 0xE9 and start < 0 and at < stop and count < room:
            # U+5000 to U+9FFF: Han, nothing else.
            tokens[count] = char_hash(data, at, 3)
            spans[count, 0], spans[count, 1] = at, at + 3
            run, count, at, solid = _CHAR, count + 1, at + 3, solid + 1
    if at >= stop and start >= 0:
        count = _close(data, start, stop, wide, run, count, tokens, spans, buffer, folded)
        start, wide, run = -1, False, WORD
    state[0], state[1], state[2], state[3] = at, start, count, np.int64(wide)
    state[4], state[5] = run, solid


@njit
def solid_chars(data: Any, start: Any, stop: Any, kinds: Any) -> Any:
    """Return how many characters of data[start:stop] are no white space."""
    if stop - start <= WINDOW:
        keep = ~np.uint64(0) >> np.uint64(WINDOW - stop + start)
        if high_mask(data, start) & keep == np.uint64(0):
            return ones_count(keep & ~blank_mask(data, start))
    found = 0
    while start < stop:
        code, size = code_point(data, start)
        found += kinds[code] & BLANK == 0
        start += size
    return found


def token_lists(room: int) -> TokenLists:
    """Return room for tokens: hashes, (start, stop); a buffer, and the two tables."""
    buffer = np.zeros(MAX_WORD_BYTES + 16, np.uint8)
    return np.empty(room, np.uint64), np.empty((room, 2), np.int64), buffer, KINDS, FOLDED
