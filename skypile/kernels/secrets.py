"""Where secrets may stand: one pass for the bytes that they begin with, a close look at these.

The kernel knows shapes only: a prefix and enough letters behind it, a name with a value assigned.
What is a secret and what a placeholder, `skypile.stages.secrets` decides on what is found here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit
from skypile.kernels.growing import grown
from skypile.kernels.search_masks import secret_mask
from skypile.kernels.vectors import WINDOW, trailing_zeros

__all__ = [
    "ASSIGNED",
    "BEARER",
    "MAX_PEM_BYTES",
    "MAX_TOKEN_BYTES",
    "MAX_VALUE_BYTES",
    "PEM",
    "PREFIXES",
    "TOKEN",
    "URL",
    "secret_candidates",
]

NOTHING, PEM, TOKEN, URL, ASSIGNED, BEARER = 0, 1, 2, 3, 4, 5

# Prefix of a token -> where in it the mask sees it, and how many letters, digits, `_`, `-` and
# inner full stops must follow.
PREFIXES: dict[str, tuple[int, int]] = {
    "AKIA": (0, 16), "ASIA": (0, 16),
    "ghp_": (0, 36), "gho_": (0, 36), "ghu_": (0, 36), "ghs_": (0, 36), "ghr_": (0, 36),
    "github_pat_": (6, 60), "dckr_pat_": (4, 20),
    "glpat-": (0, 20), "glsa_": (0, 40),
    "xox": (0, 12),
    "sk_live_": (0, 16), "sk_test_": (0, 16), "rk_live_": (0, 16), "rk_test_": (0, 16),
    "AIza": (0, 35), "GOCSPX-": (0, 28), "ya29.": (0, 20),
    "sk-": (0, 32), "hf_": (0, 30), "npm_": (0, 36), "pypi-": (1, 50),
    "SG.": (0, 60), "eyJ": (0, 40), "hvs.": (0, 24), "dop_v1_": (0, 60), "shpat_": (0, 32),
}  # fmt: skip
MAX_TOKEN_BYTES = 8192
MAX_PEM_BYTES = 16384
MAX_VALUE_BYTES = 256
MIN_VALUE_BYTES = 6
MIN_BEARER_BYTES = 16
_USER_BYTES, _PASSWORD_BYTES = 64, 128
# Of a name behind its cue word, and of the spaces on both sides of the sign of assignment.
_NAME_BYTES, _GAP_BYTES, _TYPE_BYTES = 32, 24, 24


def _table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    words = [word.encode() for word in PREFIXES]
    table = np.zeros((len(words), max(map(len, words))), np.uint8)
    for row, word in enumerate(words):
        table[row, : len(word)] = list(word)
    bounds = np.array(list(PREFIXES.values()))
    return table, np.array([len(word) for word in words]), bounds


_PREFIX_BYTES, _LENGTHS, _BOUNDS = _table()


@njit
def _alphanumeric(byte: Any) -> Any:
    return 0x61 <= (byte | 0x20) <= 0x7A or 0x30 <= byte <= 0x39


@njit
def _part(byte: Any) -> Any:
    return _alphanumeric(byte) or byte == 0x5F or byte == 0x2D


@njit
def _quote(byte: Any) -> Any:
    return byte == 0x22 or byte == 0x27 or byte == 0x60


@njit
def _blank(byte: Any) -> Any:
    return byte == 0x20 or byte == 0x09


@njit
def _begins(data: Any, begin: Any, at: Any) -> Any:
    """Tell whether a token may begin at `at`: behind no part of one, but for the n of `\\n`."""
    if at == begin or not _part(data[at - 1]):
        return True
    return at - 2 >= begin and data[at - 2] == 0x5C and data[at - 1] in (0x6E, 0x72, 0x74)


@njit
def _token(data: Any, begin: Any, end: Any, at: Any) -> Any:
    """Look for a prefix around `at` and a run behind it."""
    for row in range(_LENGTHS.size):
        start = at - _BOUNDS[row, 0]
        stop = start + _LENGTHS[row]
        if start < begin or stop > end or data[at] != _PREFIX_BYTES[row, at - start]:
            continue
        same = True
        for place in range(_LENGTHS[row]):
            same = same and data[start + place] == _PREFIX_BYTES[row, place]
        if not same:
            continue
        if not _begins(data, begin, start):
            return NOTHING, at, at, 8
        first = stop
        while stop < end and stop - first <= MAX_TOKEN_BYTES:
            inner = data[stop] == 0x2E and stop + 1 < end and _part(data[stop + 1])
            if not (_part(data[stop]) or inner):
                break
            stop += 1
        good = _BOUNDS[row, 1] <= stop - first <= MAX_TOKEN_BYTES
        return TOKEN if good else NOTHING, start, stop, stop - start + 8
    return NOTHING, at, at, 8


@njit
def _url(data: Any, end: Any, at: Any) -> Any:
    """Look behind `://` for a name, a colon, a password and an `@`."""
    first = at + 3
    stop, colon = first, -1
    last = min(end, first + _USER_BYTES + _PASSWORD_BYTES + 2)
    while stop < last:
        byte = data[stop]
        if byte == 0x3A and colon < 0:
            colon = stop
        elif byte <= 0x20 or byte == 0x40 or byte == 0x2F or _quote(byte) or byte in (0x3C, 0x3E):
            break
        stop += 1
    size = stop - colon - 1
    good = colon >= 0 and stop < last and data[stop] == 0x40
    good = good and colon - first <= _USER_BYTES and 1 <= size <= _PASSWORD_BYTES
    return URL if good else NOTHING, colon + 1, stop, stop - at


@njit
def _equals(data: Any, end: Any, at: Any) -> Any:
    """Return where a value begins whose name ends at `at`, -1 where nothing is assigned to it.

    A type may stand between: `name: str = value`.
    """
    stop, last = at, min(end, at + 4)
    while stop < last and (_quote(data[stop]) or data[stop] in (0x5B, 0x5C, 0x5D, 0x29)):
        stop += 1
    last = min(end, stop + _GAP_BYTES)
    while stop < last and _blank(data[stop]):
        stop += 1
    if stop >= end or data[stop] not in (0x3A, 0x3D, 0x3E):
        return -1
    colon = data[stop] == 0x3A
    stop += 1
    if stop < end and (data[stop] == 0x3D or data[stop] == 0x3E):
        stop += 1
    elif colon:
        place, last = stop, min(end, stop + _TYPE_BYTES)
        while place < last and (_part(data[place]) or data[place] in (0x20, 0x26, 0x3C, 0x3E)):
            place += 1
        if place < end and data[place] == 0x3D and _blank(data[place - 1]):
            stop = place + 1
    last = min(end, stop + _GAP_BYTES)
    while stop < last and _blank(data[stop]):
        stop += 1
    return stop


@njit
def _opening(data: Any, end: Any, at: Any) -> Any:
    """Return where a string's inside begins that opens at `at`, and its quote; else `at` and 0."""
    stop, last = at, min(end, at + 3)
    while stop < last and (
        (data[stop] | 0x20) in (0x62, 0x66, 0x6C, 0x72, 0x75) or data[stop] == 0x40
    ):
        stop += 1
    if stop < end and data[stop] == 0x5C:
        stop += 1
    if stop < end and _quote(data[stop]):
        return stop + 1, data[stop]
    return at, np.uint8(0)


@njit
def _ends_value(byte: Any, quote: Any) -> Any:
    if byte <= 0x20 or byte == 0x5C:
        return True
    if quote:
        return byte == quote
    if _quote(byte) or byte == 0x2C or byte == 0x3B or byte == 0x26 or byte == 0x7C:
        return True
    return byte in (0x28, 0x29, 0x3C, 0x3E, 0x5B, 0x5D, 0x7B, 0x7D)


@njit
def _name_stop(data: Any, end: Any, at: Any) -> Any:
    stop, last = at, min(end, at + _NAME_BYTES)
    while stop < last and _part(data[stop]):
        stop += 1
    return stop


@njit
def _assigned(data: Any, end: Any, at: Any) -> Any:
    """Look for a value that is assigned to the name around `at`."""
    stop = _name_stop(data, end, at)
    start = _equals(data, end, stop)
    if start < 0:
        return NOTHING, at, at, stop - at + 4
    start, quote = _opening(data, end, start)
    stop, last = start, min(end, start + MAX_VALUE_BYTES + 1)
    letters, others = 0, 0
    while stop < last and not _ends_value(data[stop], quote):
        letter = 0x61 <= (data[stop] | 0x20) <= 0x7A
        letters += letter
        others += not letter
        stop += 1
    good = MIN_VALUE_BYTES <= stop - start <= MAX_VALUE_BYTES and letters > 0 and others > 0
    if quote:
        good = good and stop < end and (data[stop] == quote or data[stop] == 0x5C)
    elif stop < end:
        good = good and data[stop] not in (0x28, 0x5B, 0x7B)
    return ASSIGNED if good else NOTHING, start, stop, stop - at


@njit
def _bearer(data: Any, end: Any, at: Any) -> Any:
    """Look for spaces and a run of base64 from `at` on, behind `bearer` or `basic`."""
    start = at
    while start < end and _blank(data[start]) and start - at < 4:
        start += 1
    stop = start
    while stop < end and stop - start <= MAX_TOKEN_BYTES:
        byte = data[stop]
        if not (_part(byte) or byte in (0x2B, 0x2E, 0x2F, 0x3D, 0x7E)):
            break
        stop += 1
    good = start > at and MIN_BEARER_BYTES <= stop - start <= MAX_TOKEN_BYTES
    return BEARER if good else NOTHING, start, stop, stop - at


@njit
def _named(data: Any, end: Any, at: Any) -> Any:
    """Look at a cue word: `eare` of bearer and `sic` of basic, or the name of a value."""
    first, second = data[at] | 0x20, data[at + 1] | 0x20
    if first == 0x65 and second == 0x61:
        if at + 5 < end and data[at + 4] | 0x20 == 0x72:
            return _bearer(data, end, at + 5)
        return NOTHING, at, at, 5
    if first == 0x73 and second == 0x69:
        return _bearer(data, end, at + 3)
    return _assigned(data, end, at)


@njit
def _pem_end(data: Any, end: Any, at: Any) -> Any:
    """Return where the next ``-----END`` stands from `at` on, `end` where there is none."""
    while at + 8 <= end:
        if data[at] == 0x2D and data[at + 5] == 0x45 and data[at + 6] == 0x4E:
            dashes = data[at + 1] == data[at + 2] == data[at + 3] == data[at + 4] == 0x2D
            if dashes and data[at + 7] == 0x44:
                return at
        at += 1
    return end


@njit
def _pem(data: Any, begin: Any, end: Any, at: Any, closes: Any) -> Any:
    """Look at ``-BEGIN … PRIVATE KEY``: the block up to the dashes behind its END."""
    start = at - 4
    if start < begin or closes >= end or closes - start > MAX_PEM_BYTES:
        return NOTHING, at, at, 1
    stop = closes + 8
    while stop < end and stop - closes < 64 and data[stop] >= 0x20 and data[stop] != 0x2D:
        stop += 1
    dashes = 0
    while stop < end and data[stop] == 0x2D and dashes < 5:
        stop += 1
        dashes += 1
    return PEM if dashes == 5 else NOTHING, start, stop, stop - closes


@njit
def _look(data: Any, begin: Any, end: Any, at: Any) -> Any:
    byte = data[at]
    if byte == 0x3A:
        return _url(data, end, at)
    shape, start, stop, looked = _token(data, begin, end, at)
    if shape == NOTHING:
        shape, start, stop, more = _named(data, end, at)
        looked += more
    return shape, start, stop, looked


@njit
def _put(found: Any, count: Any, row: Any, start: Any, stop: Any, shape: Any, name: Any) -> Any:
    if count == found.shape[0]:
        found = grown(found)
    found[count, 0], found[count, 1], found[count, 2] = row, start, stop
    found[count, 3], found[count, 4] = shape, name
    return found


@njit
def _secret_candidates(data: Any, offsets: Any, work: Any) -> Any:
    found = np.empty((64, 5), np.int64)
    count = 0
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        closes, before = begin, -1
        for window in range(begin, end, WINDOW):
            bits = secret_mask(data, window)
            work[0] += min(WINDOW, end - window)
            while bits:
                at = window + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
                if at + 3 > end:
                    break
                if data[at] == 0x2D:
                    if closes < at:
                        closes = _pem_end(data, end, at)
                        work[0] += closes - at
                    shape, start, stop, looked = _pem(data, begin, end, at, closes)
                else:
                    shape, start, stop, looked = _look(data, begin, end, at)
                work[0] += looked
                # A name with two cue words in it leads to one value twice.
                if shape and not (shape == ASSIGNED and start == before):
                    name = _name_stop(data, end, at) if shape == ASSIGNED else start
                    found = _put(found, count, row, start, stop, shape, name)
                    count += 1
                    before = start if shape == ASSIGNED else before
    return found[:count].copy()


def secret_candidates(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Return what may be a secret, and how many bytes were visited to find it.

    The array (n, 5) holds row, start, stop (into `data`) and shape of each find, and where the name
    ends that an ASSIGNED value is given, in order of the byte that gave it away; finds may overlap.
    `data` must be followed by 72 readable bytes.
    """
    work = np.zeros(1, np.int64)
    found = _secret_candidates(data, offsets, work)
    return found, int(work[0])
