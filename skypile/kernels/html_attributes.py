"""What the attributes of a tag say: classes, ids, roles; and whether the element is shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.html_names import BASIS, HIDDEN, name_hash, value_of

__all__ = ["attributes", "is_space"]


def _packed(name: str) -> int:
    """Return a name of up to eight ASCII letters as one number."""
    return int.from_bytes(name.encode(), "big")


CLASS, ID, ROLE, STYLE, HIDDEN_NAME, ITEMPROP = (
    _packed(name) for name in ("class", "id", "role", "style", "hidden", "itemprop")
)
MAX_VALUE_BYTES = 512  # so much of a class says enough


@njit
def is_space(byte: Any) -> Any:
    """Tell whether `byte` is white space of HTML."""
    return byte == 32 or 9 <= byte <= 13


@njit
def _words(data: Any, start: Any, stop: Any, table: Any) -> Any:
    """Return what the words of an attribute's value say, each being a run of letters.

    An upper-case letter behind a lower-case one begins a word.
    """
    said = np.int64(0)
    key: Any = BASIS
    before: Any = False
    length = 0
    for i in range(start, stop + 1):
        byte = data[i] if i < stop else np.uint8(0)
        upper = 65 <= byte <= 90
        letter = upper or 97 <= byte <= 122
        if length and (not letter or (upper and before)):
            said |= value_of(table, key)
            key, length = BASIS, 0
        if letter:
            key = name_hash(key, byte | 32)
            length += 1
        before = letter and not upper
    return said


@njit
def _is_hidden(data: Any, start: Any, stop: Any) -> Any:
    """Tell whether a style says display:none or visibility:hidden."""
    for i in range(start, stop):
        if data[i] != 58:  # :
            continue
        k = i + 1
        while k < stop and is_space(data[k]):
            k += 1
        if k + 4 > stop or i < start + 7:
            continue
        none = data[k] | 32 == 110 and data[k + 1] | 32 == 111 and data[k + 2] | 32 == 110
        if none and data[i - 1] | 32 == 121 and data[i - 2] | 32 == 97:  # display: none
            return True
        hidden = data[k] | 32 == 104 and data[k + 1] | 32 == 105 and data[k + 2] | 32 == 100
        if hidden and data[i - 1] | 32 == 121 and data[i - 2] | 32 == 116:  # visibility: hidden
            return True
    return False


@njit
def _value(data: Any, pos: Any, size: Any) -> Any:
    """Return start and stop of the value whose "=" was at `pos` - 1, and the place behind it."""
    while pos < size and is_space(data[pos]):
        pos += 1
    quote = data[pos] if pos < size else np.uint8(0)
    if quote == 34 or quote == 39:
        start = pos = pos + 1
        while pos < size and data[pos] != quote:
            pos += 1
        return start, pos, min(size, pos + 1)
    start = pos
    while pos < size and not is_space(data[pos]) and data[pos] != 62:
        pos += 1
    return start, pos, pos


@njit
def attributes(data: Any, pos: Any, size: Any, table: Any) -> Any:
    """Read a tag from behind its name on: what it says, whether it ends in "/>", its end."""
    said, closed = np.int64(0), False
    while pos < size:
        byte = data[pos]
        if byte == 62:
            return said, closed, pos + 1
        if is_space(byte) or byte == 47:
            closed = byte == 47 or (closed and is_space(byte))
            pos += 1
            continue
        closed = False
        name, length = np.uint64(0), 0
        while True:  # a name may begin with "="
            name, length = (name << np.uint64(8)) | np.uint64(data[pos] | 32), length + 1
            pos += 1
            if pos >= size or is_space(data[pos]) or data[pos] in (47, 61, 62):
                break
        while pos < size and is_space(data[pos]):
            pos += 1
        start = stop = pos
        if pos < size and data[pos] == 61:
            start, stop, pos = _value(data, pos + 1, size)
        if length <= 8:
            stop = min(stop, start + MAX_VALUE_BYTES)
            if name in (CLASS, ID, ROLE, ITEMPROP):
                said |= _words(data, start, stop, table)
            elif (name == STYLE and _is_hidden(data, start, stop)) or (name == HIDDEN_NAME):
                said |= HIDDEN
    return said, closed, size
