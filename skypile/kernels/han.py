"""Chinese text made short for a byte-level BPE engine, without changing an id.

An engine remembers the ids of pieces, but the pieces of Chinese are whole clauses, nearly all new.
BPE only ever joins neighbours into entries of the vocabulary: where no entry spans the border of
two characters, no merge crosses it, and both sides can be encoded apart. Runs of Han are cut at
all such borders, into parts of one to three characters mostly. The ids of the parts that the
vocabulary makes likely are tabulated; the kernel takes those parts out of the text and leaves one
digit in their place. In the Qwen pattern a digit is a piece of its own, and what stands before or
behind it falls into pieces as it would beside a Chinese character, but for one: a sign or a space
that begins a piece together with letters. That border counts as one between characters, so it is
tested against the vocabulary too. The text's own digits of that kind are counted, so that each
marker's id is either kept or replaced by the ids of the parts.

Only U+4E00..U+9FA5 are taken out: letters in every version of Unicode.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, uncounted, uncounted_inlined

__all__ = ["COUNT", "FIRST", "LETTER", "MARKER", "PAIR_BITS", "HanTable", "Taken"]
__all__ += ["SIGNS", "SIGN_COUNT", "insert", "pair_bit", "sign", "splice", "take_out"]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

MARKER = ord("7")
FIRST = 0x4E00
COUNT = 0x9FA5 - FIRST + 1
PAIR_BITS = 19
OWN = -1  # the text's own digit, against the number of ids that a marker stands for
# Below 1 character of Han in 50 bytes the cutting costs more than it saves.
_SAMPLE_STEP = 16
_MIN_SHARE = 50

# What stands left of a Han character, where it is none itself.
LETTER = -1  # a letter, or not known to be none: it may share its piece with the Han behind
BORDER = -2  # a new piece begins behind it: newline, digit, begin of the text
SIGNS = COUNT  # from here on the numbers of signs and spaces
SIGN_COUNT = 128 + 16 * 64

_Sizes = tuple[int, int, int]


class HanTable(NamedTuple):
    """What a vocabulary says about Han: where it may be cut, and the ids of short parts.

    ``joined``: one bit for each hash of a pair (of Han, or of a sign and Han), set where an entry
    may hold both. ``edges``: by character, bit 0 where an entry may hold its end and something
    behind, bit 1 where its beginning and something before, in pieces of bytes. The place of a
    part of one character stands in ``singles``, of two or three in ``slots`` (key, place; open
    addressing, 0 is empty), of a sign in ``signs``; its ids are
    ``ids[place >> 8 : (place >> 8) + (place & 255)]``. What is often used of it stays in a core's
    second cache.
    """

    joined: U64
    edges: U8
    singles: I64
    slots: I64
    signs: I64
    ids: U32


class Taken(NamedTuple):
    """Room for what `take_out` writes, in a batch of n bytes.

    ``out`` (4/3 n): the shortened documents. ``standing`` (n): for each marker in ``out`` the
    number of ids that it stands for, -1 where it is the text's own. ``ids`` (n): those ids in
    order. ``sizes`` (3): how much of the three is filled.
    """

    out: U8
    standing: I32
    ids: U32
    sizes: I64

    @classmethod
    def of_size(cls, byte_count: int) -> Taken:
        """Return empty room for a batch of that many bytes."""
        return cls(
            np.empty(byte_count * 4 // 3 + 1, np.uint8),
            np.empty(byte_count, np.int32),
            np.empty(byte_count, np.uint32),
            np.zeros(3, np.int64),
        )


@uncounted
def pair_bit(left: int, right: int) -> int:
    """Return the bit of `HanTable.joined` that stands for a pair of numbers."""
    mixed = np.uint32(np.uint32(left * COUNT + right) * np.uint32(0x9E3779B1))
    return np.int64(mixed >> np.uint32(32 - PAIR_BITS))  # type: ignore[return-value]


@uncounted_inlined
def _slot(key: int, slots: I64) -> int:
    """Return the slot that holds the key, or the empty one where it would stand."""
    mask = len(slots) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(40)) & mask
    while slots[slot, 0] != 0 and slots[slot, 0] != key:
        slot = (slot + 1) & mask
    return slot  # type: ignore[return-value]


@uncounted
def insert(keys: I64, places: I64, slots: I64) -> None:
    """Put each key with its place into empty ``slots``, of which at least half stay empty."""
    for row in range(len(keys)):
        slot = _slot(keys[row], slots)
        slots[slot, 0] = keys[row]
        slots[slot, 1] = places[row]


@uncounted_inlined
def _is_cut(left: int, right: int, table: HanTable) -> bool:
    """Return whether a piece falls apart between ``left`` (Han, sign or border) and Han."""
    if left < 0:
        return left == BORDER
    bit = pair_bit(left, right)
    if (table.joined[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1):
        return False
    return table.edges[right] < 2 or (left < COUNT and table.edges[left] & 1 == 0)


@uncounted_inlined
def _han(data: U8, i: int, end: int) -> int:
    """Return the index of the Han character at byte i, or -1."""
    if i >= end or data[i] < 0xE4 or data[i] > 0xE9:
        return -1
    code = (
        (np.int64(data[i]) & 15) << 12
        | (np.int64(data[i + 1]) & 63) << 6
        | (np.int64(data[i + 2]) & 63)
    ) - FIRST
    return int(code) if 0 <= code < COUNT else -1


@uncounted_inlined
def sign(data: U8, i: int, end: int) -> int:
    """Return what the character at byte i is beside Han: border, letter, or the sign's number."""
    if i >= end:
        return BORDER
    first = data[i]
    if first < 0x80:
        if first == 10 or first == 13 or 48 <= first <= 57:
            return BORDER
        return LETTER if 97 <= (first | 32) <= 122 else SIGNS + first
    third = data[i + 2] if first >= 0xE0 else np.uint8(0)
    is_sign = False
    if first == 0xEF and data[i + 1] == 0xBC:  # U+FF01..FF0F and U+FF1A..FF20
        is_sign = bool(0x81 <= third <= 0x8F or 0x9A <= third <= 0xA0)
    elif first == 0xE3 and data[i + 1] == 0x80:  # U+3000..3003 and U+3008..3011
        is_sign = bool(third <= 0x83 or 0x88 <= third <= 0x91)
    elif first == 0xE2 and data[i + 1] == 0x80:  # U+2010..2027: dashes, quotation marks, dots
        is_sign = bool(0x90 <= third <= 0xA7)
    return SIGNS + 128 + (first & 15) * 64 + (third & 63) if is_sign else LETTER


@uncounted
def _is_worth_it(data: U8, start: int, end: int) -> bool:
    hits = 0
    for i in range(start, end, _SAMPLE_STEP):
        hits += 0xE4 <= data[i] <= 0xE9
    return hits * _SAMPLE_STEP * _MIN_SHARE > end - start


@inlined
def _part(data: U8, i: int, end: int, table: HanTable) -> tuple[int, int, bool]:
    """Return the end of the part that begins at byte i, its key, and whether a cut ends it."""
    c = _han(data, i, end)
    key = np.int64(0)
    shift = 0
    while True:
        if shift < 45:
            key |= (c + 1) << shift
        shift += 15
        i += 3
        behind = _han(data, i, end)
        if behind < 0 or _is_cut(c, behind, table):
            is_apart = behind >= 0 or sign(data, i, end) != LETTER
            return i, int(key) if shift <= 45 else 0, is_apart
        c = behind


@uncounted_inlined
def _place(key: int, table: HanTable) -> int:
    """Return the place of a part's ids, 0 where they are not tabulated."""
    if key < 1 << 15:
        return table.singles[key - 1] if key > 0 else 0
    return table.slots[_slot(key, table.slots), 1]  # type: ignore[no-any-return]


@uncounted_inlined
def _take(place: int, table: HanTable, taken: Taken, took: int) -> int:
    """Put the ids of a place behind the ``took`` ones that were taken; return their number."""
    for k in range(place >> 8, (place >> 8) + (place & 255)):
        taken.ids[took] = table.ids[k]
        took += 1
    return took


@inlined
def _sign_between(data: U8, i: int, end: int, table: HanTable) -> int:
    """Return the place of the one sign at byte i that stands between taken parts, else 0.

    Such a sign begins the piece of the Han behind it; where no entry spans the two, it is encoded
    apart, so a whole sentence can become one marker.
    """
    number = sign(data, i, end)
    if number < SIGNS or table.signs[number - SIGNS] == 0:
        return 0
    behind = i + (1 if data[i] < 0x80 else 3)
    c = _han(data, behind, end)
    if c < 0 or not _is_cut(number, c, table):
        return 0
    _, key, is_apart = _part(data, behind, end, table)
    if not is_apart or _place(key, table) == 0:
        return 0
    return table.signs[number - SIGNS]  # type: ignore[no-any-return]


@inlined
def _take_run(
    data: U8, i: int, end: int, left: int, table: HanTable, taken: Taken, sizes: _Sizes
) -> tuple[int, _Sizes]:
    """Take the parts of the run of Han at byte i; return its end and the sizes."""
    n, marks, took = sizes
    is_apart = _is_cut(left, _han(data, i, end), table)
    was_kept = was_taken = False
    while _han(data, i, end) >= 0:
        stop, key, is_apart_behind = _part(data, i, end, table)
        place = _place(key, table) if is_apart and is_apart_behind else 0
        if was_kept if place == 0 else not was_taken:
            taken.out[n] = MARKER
            taken.standing[marks] = 0
            n += 1
            marks += 1
        if place == 0:
            for k in range(i, stop):
                taken.out[n] = data[k]
                n += 1
        else:
            taken.standing[marks - 1] += place & 255
            took = _take(place, table, taken, took)
        was_kept, was_taken = place == 0, place != 0
        is_apart = True
        i = stop
        place = _sign_between(data, i, end, table) if was_taken else 0
        if place != 0:
            taken.standing[marks - 1] += place & 255
            took = _take(place, table, taken, took)
            i += 1 if data[i] < 0x80 else 3
    return i, (n, marks, took)


@inlined
def _take_document(
    data: U8, i: int, end: int, table: HanTable, taken: Taken, sizes: _Sizes
) -> _Sizes:
    """Write one document; return the sizes."""
    n, marks, took = sizes
    before = end  # where the character before begins; at the end stands a border
    while i < end:
        first = data[i]
        if first < 0x80:
            if first == MARKER:
                taken.standing[marks] = OWN
                marks += 1
            taken.out[n] = first
            n += 1
            before = i
            i += 1
        elif first < 0xE4 or first > 0xE9 or _han(data, i, end) < 0:
            width = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            for k in range(width):
                taken.out[n + k] = data[i + k]
            n += width
            before = i
            i += width
        else:
            left = sign(data, before, end)
            i, (n, marks, took) = _take_run(data, i, end, left, table, taken, (n, marks, took))
    return n, marks, took


@uncounted
def take_out(data: U8, offsets: I64, table: HanTable, taken: Taken, borders: I64) -> None:
    """Write each document of much Chinese to ``taken.out``, its short parts as `MARKER`.

    ``data`` is valid UTF-8. ``borders`` (n + 1) get each document's borders in ``taken.out``; of
    a document with little Chinese nothing is written, and they are equal.
    """
    sizes = (0, 0, 0)
    borders[0] = 0
    for d in range(len(offsets) - 1):
        if _is_worth_it(data, offsets[d], offsets[d + 1]):
            sizes = _take_document(data, offsets[d], offsets[d + 1], table, taken, sizes)
        borders[d + 1] = sizes[0]
    taken.sizes[0], taken.sizes[1], taken.sizes[2] = sizes


@uncounted
def splice(ids: U32, counts: I64, borders: I64, taken: Taken, marker_id: int, spliced: U32) -> int:
    """Write ``ids`` to ``spliced`` with the taken ids put back, set ``counts``; return the sum.

    ``ids`` and ``counts`` are those of the documents as `take_out` left them.
    """
    n = marks = took = i = 0
    for d in range(len(counts)):
        first, stop = n, i + counts[d]
        is_whole = borders[d] == borders[d + 1]
        while i < stop:
            if is_whole or ids[i] != marker_id:
                spliced[n] = ids[i]
                n += 1
            else:
                if taken.standing[marks] == OWN:
                    spliced[n] = ids[i]
                    n += 1
                for _ in range(taken.standing[marks]):
                    spliced[n] = taken.ids[took]
                    n += 1
                    took += 1
                marks += 1
            i += 1
        counts[d] = n - first
    assert marks == taken.sizes[1] and took == taken.sizes[2], "ids and markers disagree"
    return n
