"""Chinese text made short for a byte-level BPE engine, without changing an id.

An engine remembers the ids of pieces, but the pieces of Chinese are whole clauses, nearly all new.
BPE only ever joins neighbours into entries of the vocabulary: where no entry spans the border of
two characters, no merge crosses it, and both sides can be encoded apart. Runs of Han are cut at
all such borders, into chains of one to four characters mostly. The ids of chains that were met
before are tabulated (`skypile.kernels.han_table`); the kernel takes those out of the text, leaves
one digit in their place, and notes those that are new. In the Qwen pattern a digit is a piece of
its own, and what stands before or behind it falls into pieces as it would beside a Chinese
character, but for two: letters, and the one sign or space that begins a piece together with
letters. Their borders count as those between characters, so they are tested against the vocabulary
too, and a chain may begin with such a sign. The text's own digits of that kind are counted, so
that each marker's id is either kept or replaced by the ids of the chains.

Only U+4E00..U+9FA5 are taken out: letters in every version of Unicode.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import inlined, uncounted, uncounted_inlined
from skypile.kernels.han_chains import MAX_CHAIN, HanTable, Key, mixed_of, pair_bit, place_of
from skypile.kernels.han_signs import (
    BORDER,
    COUNT,
    LETTER,
    SIGNS,
    back,
    han_at,
    is_letter,
    is_plain,
    is_space,
    sign,
)

__all__ = ["CUT", "MARKER", "OWN", "Taken", "splice", "take_out"]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

MARKER = ord("7")
CUT = 1 << 15  # a run is cut before this character
OWN = -1  # the text's own digit, against the number of ids that a marker stands for
# Below 1 character of Han in 50 bytes the cutting costs more than it saves.
_SAMPLE_STEP = 16
_MIN_SHARE = 50

_Sizes = tuple[int, int, int]


class Taken(NamedTuple):
    """Room for what `take_out` writes, in a batch of up to n bytes.

    ``out`` (4/3 n): the shortened documents. ``standing`` (n): for each marker in ``out`` the
    number of ids that it stands for, -1 where it is the text's own. ``ids`` (n): those ids in
    order. ``missed`` (2^15, 2): begin and end of chains that were missed twice. ``sizes`` (4): how
    much of the four is filled. ``run`` (n): the numbers of a run's characters, with `CUT`.
    """

    out: U8
    standing: I32
    ids: U32
    missed: I64
    sizes: I64
    run: I32

    @classmethod
    def of_size(cls, byte_count: int) -> Taken:
        """Return empty room for a batch of that many bytes."""
        return cls(
            np.empty(byte_count * 4 // 3 + 1, np.uint8),
            np.empty(byte_count, np.int32),
            np.empty(byte_count, np.uint32),
            np.empty((1 << 15, 2), np.int64),
            np.zeros(4, np.int64),
            np.empty(byte_count + 1, np.int32),
        )


@uncounted_inlined
def _is_joined(left: int, right: int, table: HanTable) -> bool:
    bit = pair_bit(left, right)
    return (table.joined[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1) != 0  # type: ignore[no-any-return]


@uncounted_inlined
def _is_cut(left: int, right: int, table: HanTable) -> bool:
    """Return whether a piece falls apart between ``left`` (Han, sign or border) and Han."""
    if left < 0:
        return left == BORDER
    if _is_joined(left, right, table):
        return False
    return table.edges[right] < 2 or table.edges[left] & 1 == 0  # type: ignore[no-any-return]


@uncounted
def _is_worth_it(data: U8, start: int, end: int) -> bool:
    hits = 0
    for i in range(start, end, _SAMPLE_STEP):
        hits += 0xE4 <= data[i] <= 0xE9
    return hits * _SAMPLE_STEP * _MIN_SHARE > end - start


@inlined
def _left(data: U8, i: int, begin: int, table: HanTable) -> tuple[int, int]:
    """Return what stands left of the run of Han at byte i, and where its first chain begins.

    That is the sign before, where an entry may hold it with the Han and it begins their piece: not
    where it ends other signs, which are a piece with it.
    """
    if i == begin:
        return BORDER, i
    at = back(data, i, begin)
    number = sign(data, at, i)
    if number < SIGNS or is_letter(number) or _is_cut(number, han_at(data, i, i + 3), table):
        return number, i
    before = BORDER
    if at > begin:
        further = back(data, at, begin)
        before = han_at(data, further, at)
        if before < 0:
            before = sign(data, further, at)
    if not is_space(number) and not is_plain(number):
        return LETTER, i
    if before >= SIGNS and is_plain(before):
        return BORDER, at if is_space(number) else i
    if before == BORDER or 0 <= before < COUNT or (before >= SIGNS and is_letter(before)):
        return BORDER, at
    return LETTER, i


@inlined
def _is_apart_behind(data: U8, i: int, end: int, left: int, table: HanTable) -> bool:
    """Tell whether a piece falls apart between the Han ``left`` and what stands at i, not Han."""
    number = sign(data, i, end)
    if number < SIGNS or not is_letter(number):
        return number != LETTER
    # With a mark behind, the letter may be another one after normalization.
    if i + 1 < end and data[i + 1] >= 0x80 and han_at(data, i + 1, end) < 0:
        return False
    return table.edges[left] & 1 == 0 and not _is_joined(left, number, table)


@inlined
def _read_run(data: U8, i: int, end: int, table: HanTable, run: I32) -> tuple[int, int]:
    """Put the run at byte i into ``run``, Han and single signs between; return its end and length.

    A sign between Han begins their piece, so the run is cut before it, and behind its last.
    """
    left = han_at(data, i, end)
    if left < 0:
        left = sign(data, i, end)
    i += 1 if data[i] < 0x80 else 3
    run[0] = left
    count = 1
    while True:
        right = han_at(data, i, end)
        if right < 0:
            between = sign(data, i, end)
            behind = i + (1 if between < SIGNS + 128 else 3)
            if not (is_plain(between) or is_space(between)) or han_at(data, behind, end) < 0:
                run[count] = CUT
                return i, count
            right = between | CUT
            i = behind
        else:
            bit = pair_bit(left, right)
            joined = int(table.joined[bit >> 6] >> np.uint64(bit & 63)) & 1
            joined |= int(table.edges[right] >> 1) & int(table.edges[left]) & 1
            right |= CUT & (joined - 1)
            i += 3
        run[count] = right
        count += 1
        left = right & (CUT - 1)


@uncounted_inlined
def _take(place: int, table: HanTable, taken: Taken, took: int) -> int:
    """Put the ids of a place behind the ``took`` ones that were taken; return their number."""
    count = place & 255
    place >>= 8
    if count == 1:
        taken.ids[took] = place
    else:
        for k in range(count):
            taken.ids[took + k] = table.ids[place + k]
    return took + count


@uncounted_inlined
def _miss(key: Key, start: int, stop: int, table: HanTable, taken: Taken) -> None:
    """Note a chain that was missed, if it was before."""
    bit = np.int64(mixed_of(key) >> np.uint64(40)) & (64 * len(table.seen) - 1)
    flag = np.uint64(1) << np.uint64(bit & 63)
    if table.seen[bit >> 6] & flag == 0:
        table.seen[bit >> 6] |= flag
    elif taken.sizes[3] < len(taken.missed):
        missed = taken.sizes[3]
        taken.missed[missed, 0], taken.missed[missed, 1] = start, stop
        taken.sizes[3] = missed + 1


@inlined
def _take_run(
    data: U8, i: int, edges: tuple[int, int], table: HanTable, taken: Taken, sizes: _Sizes
) -> tuple[int, _Sizes]:
    """Take the chains of the run of Han at byte i; return its end and the sizes."""
    n, marks, took = sizes
    begin, end = edges
    left, start = _left(data, i, begin, table)
    is_apart = start < i or _is_cut(left, han_at(data, i, end), table)
    n -= i - start
    run = taken.run
    run_end, length = _read_run(data, start, end, table, run)
    is_apart_behind = _is_apart_behind(data, run_end, end, run[length - 1] & (CUT - 1), table)
    i = start
    was_kept = False
    standing = -1  # ids that the marker before stands for, if one is open
    at = 0
    while at < length:
        first = run[at] & (CUT - 1)
        low, high = int(first + 1), 0
        stop = at + 1
        while run[stop] & CUT == 0:
            shift = 15 * (stop - at)
            if shift < 60:
                low |= int(run[stop] + 1) << shift
            else:
                high |= int(run[stop] + 1) << (shift - 60)
            stop += 1
        chain_end = i + 3 * (stop - at) - (2 if SIGNS <= first < SIGNS + 128 else 0)
        place = 0
        if stop - at <= MAX_CHAIN and is_apart and (stop < length or is_apart_behind):
            place = place_of((low, high), table)
            if place == 0:
                _miss((low, high), i, chain_end, table, taken)
        if place == 0:
            if standing >= 0 or was_kept:
                # An empty marker between kept chains: shorter pieces are met again more often.
                taken.standing[marks] = standing if standing > 0 else 0
                taken.out[n] = MARKER
                marks += 1
                n += 1
                standing = -1
            for k in range(i, chain_end):
                taken.out[n] = data[k]
                n += 1
        else:
            standing = (standing if standing > 0 else 0) + (place & 255)
            took = _take(place, table, taken, took)
        was_kept = place == 0
        i, at, is_apart = chain_end, stop, True
    if standing >= 0:
        taken.standing[marks] = standing
        taken.out[n] = MARKER
        marks += 1
        n += 1
    return run_end, (n, marks, took)


@inlined
def _take_document(
    data: U8, i: int, end: int, table: HanTable, taken: Taken, sizes: _Sizes
) -> _Sizes:
    """Write one document; return the sizes."""
    n, marks, took = sizes
    begin = i
    while i < end:
        while i < end and data[i] < 0xE4:
            if data[i] == MARKER:
                taken.standing[marks] = OWN
                marks += 1
            taken.out[n] = data[i]
            n += 1
            i += 1
        if i == end:
            break
        if han_at(data, i, end) >= 0:
            i, (n, marks, took) = _take_run(
                data, i, (begin, end), table, taken, (n, marks, took)
            )  # fmt: skip
        else:
            # Bytes behind the first are below 0xE4.
            taken.out[n] = data[i]
            n += 1
            i += 1
    return n, marks, took


@uncounted
def take_out(data: U8, offsets: I64, table: HanTable, taken: Taken, borders: I64) -> None:
    """Write each document of much Chinese to ``taken.out``, its known chains as `MARKER`.

    ``data`` is valid UTF-8. ``borders`` (n + 1) get each document's borders in ``taken.out``; of
    a document with little Chinese nothing is written, and they are equal.
    """
    sizes = (0, 0, 0)
    taken.sizes[3] = 0
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
