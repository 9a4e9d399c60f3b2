"""The host of a URL, and what a table of domains and URLs says of it.

Keys are 64-bit hashes: of a host from its end, so that those of all domains that it lies in come of
one pass; of a URL that of its host (without `www.`) carried on over path and query.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, njit
from skypile.kernels.hash_table import EMPTY, find

__all__ = [
    "ALLOWED",
    "BAD",
    "EMPTY_URL",
    "GOOD",
    "MAX_CATEGORIES",
    "NOT_ASCII",
    "PATHS",
    "entry_keys",
    "plain_lines",
    "url_counts",
]

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

GOOD, BAD, NOT_ASCII, EMPTY_URL = 0, 1, 2, 3
MAX_CATEGORIES = 62
# Bits of the table's values beside those of categories: URLs of this host are listed; allowed.
PATHS, ALLOWED = np.uint64(1 << 62), np.uint64(1 << 63)
MAX_HOST_BYTES, MAX_LABEL_BYTES = 253, 63  # RFC 1035, 2.3.4
_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xE7037ED1A0B428DB)


@inlined
def _hex(byte: Any) -> Any:
    """Return the value of a hexadecimal digit, -1 for another byte."""
    if 0x30 <= byte <= 0x39:
        return np.int64(byte) - 0x30
    low = np.int64(byte) | 0x20
    return low - 0x57 if 0x61 <= low <= 0x66 else np.int64(-1)


@inlined
def _step(key: Any, byte: Any) -> Any:
    return (key + np.uint64(byte) + np.uint64(1)) * _K1


@inlined
def _final(key: Any) -> Any:
    key = (key ^ key >> np.uint64(32)) * _K2
    return key ^ key >> np.uint64(29)


@njit
def _authority(data: Any, start: Any, stop: Any) -> Any:
    """Return start and stop of what names user, host and port, and whether a scheme stands before.

    The start is -1 where there can be none.
    """
    at, slashes = start, False
    while at < stop:
        byte = data[at]
        low = np.int64(byte) | 0x20
        if byte == 0x3A:
            slashes = at > start and at + 2 < stop
            slashes = slashes and (data[at + 1] == 0x2F or data[at + 1] == 0x5C)
            slashes = slashes and (data[at + 2] == 0x2F or data[at + 2] == 0x5C)
            break
        if not (0x61 <= low <= 0x7A or 0x2B <= byte <= 0x39) or byte == 0x2F or byte == 0x2C:
            break
        at += 1
    if slashes:
        start = at + 3
    elif start + 1 < stop and data[start] == 0x2F and data[start + 1] == 0x2F:
        slashes = True
        start += 2
    end, begin = start, start
    while end < stop:
        byte = data[end]
        if byte == 0x2F or byte == 0x5C or byte == 0x3F or byte == 0x23:
            break
        if byte == 0x40:
            begin = end + 1
        end += 1
    return begin, end, slashes


@njit
def _without_port(data: Any, start: Any, stop: Any) -> Any:
    """Return where the host ends, -1 where something else than a port stands behind it."""
    if start < stop and data[start] == 0x5B:
        end = start
        while end < stop and data[end] != 0x5D:
            end += 1
        end += 1
        if end > stop:
            return -1
    else:
        end = start
        while end < stop and data[end] != 0x3A:
            end += 1
    if end == stop:
        return end
    if data[end] != 0x3A or stop - end > 6:
        return -1
    port = np.int64(0)
    for at in range(end + 1, stop):
        if not 0x30 <= data[at] <= 0x39:
            return -1
        port = port * 10 + np.int64(data[at]) - 0x30
    return end if port <= 0xFFFF else -1


@njit
def _six(data: Any, start: Any, stop: Any, host: Any) -> Any:
    """Write an IPv6 address without its brackets; return the outcome and its size."""
    size = stop - start - 2
    if not 2 <= size <= 45:
        return BAD, 0
    for k in range(size):
        byte = data[start + 1 + k]
        if _hex(byte) < 0 and byte != 0x3A and byte != 0x2E:
            return BAD, 0
        host[k] = byte | 0x20 if byte >= 0x41 else byte
    return GOOD, size


@njit
def _host(data: Any, start: Any, stop: Any, host: Any) -> Any:
    """Write the host of a URL, in lower case; return the outcome, its size, where the path begins.

    The size is negative for an address of the Internet Protocol, which lies in no domain.
    """
    start, end, scheme = _authority(data, start, stop)
    last = _without_port(data, start, end)
    if last < 0 or last == start:
        return BAD, 0, end
    if data[start] == 0x5B:
        outcome, size = _six(data, start, last, host)
        return outcome, -size, end
    size, label, dots, digits, wide = 0, 0, 0, True, False
    if data[last - 1] == 0x2E and last - 1 > start:
        last -= 1
    at = start
    while at < last:
        byte = np.int64(data[at])
        if byte == 0x25:
            high = _hex(data[at + 1]) if at + 2 < last else np.int64(-1)
            low = _hex(data[at + 2]) if at + 2 < last else np.int64(-1)
            if high < 0 or low < 0:
                return BAD, 0, end
            byte, at = high << 4 | low, at + 2
        at += 1
        if byte >= 0x80:
            wide = True
            continue
        if 0x41 <= byte <= 0x5A:
            byte |= 0x20
        if byte == 0x2E:
            if label == 0 and not wide:
                return BAD, 0, end
            label, digits, dots = -1, True, dots + 1
        elif 0x30 <= byte <= 0x39:
            pass
        elif 0x61 <= byte <= 0x7A or byte == 0x2D or byte == 0x5F:
            digits = False
        else:
            return BAD, 0, end
        label += 1
        if size == MAX_HOST_BYTES or label > MAX_LABEL_BYTES:
            return BAD, 0, end
        host[size] = byte
        size += 1
    if wide:
        return NOT_ASCII, 0, end
    if label == 0 or (dots == 0 and not scheme):
        return BAD, 0, end
    return GOOD, -size if digits else size, end


@inlined
def _path_byte(data: Any, at: Any, stop: Any) -> Any:
    """Return a byte of a path with what it stands for undone where it may be: (kind, byte, next).

    kind 0: as it is; 1: it stays, or becomes, a `%` and two digits.
    """
    byte = np.int64(data[at])
    if byte == 0x25 and at + 2 < stop:
        high, low = _hex(data[at + 1]), _hex(data[at + 2])
        if high >= 0 and low >= 0:
            byte = high << 4 | low
            letter = 0x61 <= byte | 0x20 <= 0x7A or 0x30 <= byte <= 0x39
            plain = letter or byte == 0x2D or byte == 0x2E or byte == 0x5F or byte == 0x7E
            return 0 if plain else 1, byte, at + 3
    return 1 if byte >= 0x80 or byte <= 0x20 else 0, byte, at + 1


@inlined
def _is_border(byte: Any) -> Any:
    # A backslash is a slash, as in a browser.
    return byte == 0x2F or byte == 0x3F or byte == 0x26 or byte == 0x5C


@njit
def _path_end(data: Any, start: Any, stop: Any) -> Any:
    """Return where path and query end: before a fragment and the slashes before it."""
    end = start
    while end < stop and data[end] != 0x23:
        end += 1
    while end > start and data[end - 1] == 0x2F:
        end -= 1
    return end


@inlined
def _path_step(key: Any, kind: Any, byte: Any) -> Any:
    key = _step(key, 0x2F if byte == 0x5C else byte)
    return _step(key, 0x100) if kind else key


@njit
def _paths(data: Any, start: Any, stop: Any, key: Any, table: Any) -> Any:
    """Return the united values of the URLs of a host that end at a border of this path."""
    found, at = EMPTY, start
    stop = _path_end(data, start, stop)
    while at < stop:
        kind, byte, after = _path_byte(data, at, stop)
        key = _path_step(key, kind, byte)
        at = after
        if at == stop or _is_border(data[at]):
            value, _ = find(table, _final(~key))
            found |= value
    return found


@njit
def _begins_www(host: Any, size: Any) -> Any:
    return size > 4 and host[0] == 0x77 and host[1] == 0x77 and host[2] == 0x77 and host[3] == 0x2E


@njit
def _entry_keys(data: Any, starts: Any, stops: Any, host: Any, keys: Any, outcomes: Any) -> None:
    for row in range(starts.size):
        outcome, size, path = _host(data, starts[row], stops[row], host)
        outcomes[row] = outcome
        if outcome != GOOD:
            continue
        end = _path_end(data, path, stops[row])
        first = 4 if path < end and _begins_www(host, size) else 0
        key = np.uint64(0)
        for at in range(abs(size) - 1, first - 1, -1):
            key = _step(key, host[at])
        keys[row, 0] = _final(key)
        if path == end:
            continue
        at = path
        while at < end:
            kind, byte, at = _path_byte(data, at, end)
            key = _path_step(key, kind, byte)
        keys[row, 1] = _final(~key)


def entry_keys(data: Bytes, starts: I64, stops: I64) -> tuple[U64, npt.NDArray[np.uint8]]:
    """Return the keys of entries data[start:stop], and what came of each.

    keys (entries, 2): of the host, and of the URL (0 where the entry is a host). Outcomes: GOOD,
    BAD (no host), NOT_ASCII (first to be made ASCII).
    """
    keys = np.zeros((starts.size, 2), np.uint64)
    outcomes = np.zeros(starts.size, np.uint8)
    _entry_keys(data, starts, stops, np.zeros(256, np.uint8), keys, outcomes)
    return keys, outcomes


@njit
def _url(data: Any, start: Any, stop: Any, host: Any, table: Any) -> Any:
    """Return what came of one URL, the united values of what it matches, and of its path."""
    while start < stop and data[start] <= 0x20:
        start += 1
    while start < stop and data[stop - 1] <= 0x20:
        stop -= 1
    if start == stop:
        return EMPTY_URL, EMPTY, EMPTY
    outcome, size, path = _host(data, start, stop, host)
    if outcome != GOOD:
        return outcome, EMPTY, EMPTY
    whole, key, found, more = size < 0, np.uint64(0), EMPTY, EMPTY
    size = abs(size)
    bare = 4 if not whole and _begins_www(host, size) else 0
    for at in range(size - 1, -1, -1):
        key = _step(key, host[at])
        if at == 0 or (host[at - 1] == 0x2E and not whole):
            value, _ = find(table, _final(key))
            found |= value & ~PATHS
            if at == bare and value & PATHS:
                more |= _paths(data, path, stop, key, table)
    return outcome, found, more


@njit
def _url_counts(
    data: Any, offsets: Any, table: Any, host: Any, out: Any, outcomes: Any, allowed: Any
) -> None:
    for row in range(offsets.size - 1):
        outcome, domains, paths = _url(data, offsets[row], offsets[row + 1], host, table)
        outcomes[row] = outcome
        if (domains | paths) & ALLOWED:
            allowed[row] = 1
            continue
        for category in range(out.shape[1]):
            bit = np.uint64(category)
            one = np.uint64(1)
            out[row, category] = (domains >> bit & one) + (paths >> bit & one)


def url_counts(
    data: Bytes, offsets: I64, table: U64, categories: int
) -> tuple[I64, npt.NDArray[np.uint8]]:
    """Return for each URL what lists of each category say, and what came of it.

    int64 (rows, categories): 1 where its host or a domain of it is listed, and 1 more where the URL
    or the beginning of it is; 0 where anything of it is allowed. Outcomes as of `entry_keys`, and
    EMPTY_URL. `data` must be followed by 64 readable bytes.
    """
    rows = offsets.size - 1
    out = np.zeros((rows, categories), np.int64)
    outcomes, allowed = np.zeros(rows, np.uint8), np.zeros(rows, np.uint8)
    _url_counts(data, offsets, table, np.zeros(256, np.uint8), out, outcomes, allowed)
    return out, outcomes


@inlined
def _is_plain(data: Any, start: Any, stop: Any) -> Any:
    for at in range(start, stop):
        byte = np.int64(data[at])
        letter = 0x61 <= byte | 0x20 <= 0x7A or 0x30 <= byte <= 0x39
        if not (letter or byte == 0x2D or byte == 0x2E or byte == 0x5F):
            return False
    return True


@njit
def _plain_lines(data: Any, size: Any, out: Any) -> Any:
    found, line, at = 0, 0, 0
    while at < size:
        line += 1
        end = at
        while end < size and data[end] != 0x0A:
            end += 1
        first, last = at, end
        at = end + 1
        if last > first and data[last - 1] == 0x0D:
            last -= 1
        if first < last:
            out[found, 0], out[found, 1] = first, last
            out[found, 2], out[found, 3] = _is_plain(data, first, last), line
            found += 1
    return found


def plain_lines(data: Bytes, size: int) -> I64:
    """Return the lines of data[:size] that are not empty: start, stop, plain, number from 1 on.

    A plain line consists of ASCII letters, digits, `-`, `.` and `_`: of a domain, mostly.
    """
    out = np.empty((int(np.count_nonzero(data[:size] == 0x0A)) + 1, 4), np.int64)
    return out[: _plain_lines(data, size, out)]
