"""The table of a vocabulary that the kernels of `skypile.kernels.han` read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from skypile.kernels.han import (
    COUNT,
    FIRST,
    LETTER,
    MARKER,
    PAIR_BITS,
    SIGN_COUNT,
    SIGNS,
    HanTable,
    insert,
    pair_bit,
    sign,
)

__all__ = ["han_table"]

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

# Of a large vocabulary not all chains are likely; 200,000 parts take 0.5 s and 10 MB.
_MAX_PARTS = 200_000


def _characters(token: bytes) -> list[bytes]:
    """Return the token cut where characters begin; the ends may be parts of characters."""
    starts = [i for i, byte in enumerate(token) if i == 0 or byte & 0xC0 != 0x80]
    return [token[a:b] for a, b in zip(starts, [*starts[1:], len(token)], strict=True)]


def _number(part: bytes, characters: dict[bytes, int]) -> int:
    """Return the number of a Han character or of a sign, a negative number for anything else."""
    if part in characters:
        return characters[part]
    if len(part) not in (1, 3) or part[0] & 0xC0 == 0x80:
        return LETTER
    return sign(np.frombuffer(part, np.uint8), 0, len(part))


def _pairs(
    tokens: Iterable[bytes], characters: dict[bytes, int]
) -> tuple[set[tuple[int, int]], U8]:
    """Return the pairs with Han behind that some token holds, and the edges."""
    pairs: set[tuple[int, int]] = set()
    edges = np.zeros(COUNT, np.uint8)
    broken: set[tuple[bytes, bytes]] = set()
    for token in tokens:
        if len(token) < 2 or token.isascii():
            continue
        for left, right in itertools.pairwise(_characters(token)):
            number = _number(left, characters)
            if right in characters and number >= 0:
                pairs.add((number, characters[right]))
            elif 0xE4 <= right[0] <= 0xE9 and (len(right) < 3 or left[0] & 0xC0 == 0x80):
                # Bytes in front that end no Han may still be the end of a sign.
                broken.add((left[-3:], right))
    texts = np.frombuffer(b"".join(characters), np.uint8).reshape(COUNT, 3)
    for left in {left for left, _ in broken}:
        piece = np.frombuffer(left, np.uint8)
        edges |= (texts[:, 3 - len(left) :] == piece).all(axis=1)
    for right in {right for _, right in broken}:
        piece = np.frombuffer(right, np.uint8)
        edges |= (texts[:, : len(right)] == piece).all(axis=1).astype(np.uint8) << 1
    return pairs, edges


def _likely_parts(pairs: set[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Return all characters, all pairs, and all chains of three that two pairs form."""
    followers: dict[int, list[int]] = {}
    doubles = sorted(pair for pair in pairs if pair[0] < COUNT)
    for left, right in doubles:
        followers.setdefault(left, []).append(right)
    triples = [(a, b, c) for a, b in doubles for c in followers.get(b, [])]
    singles = [(index,) for index in range(COUNT)]
    return [*singles, *[*doubles, *triples][: _MAX_PARTS - COUNT]]


def han_table(tokens: Iterable[bytes], encode: Callable[[bytes], U32]) -> HanTable:
    """Return the table of a vocabulary (its entries as bytes) under an exact ``encode``."""
    texts = [chr(code).encode() for code in range(FIRST, FIRST + COUNT)]
    pairs, edges = _pairs(tokens, {text: index for index, text in enumerate(texts)})
    joined = np.zeros(1 << (PAIR_BITS - 6), np.uint64)
    for left, right in pairs:
        bit = pair_bit(left, right)
        joined[bit >> 6] |= np.uint64(1 << (bit & 63))
    parts = _likely_parts(pairs)
    mark = bytes([MARKER])
    ids = encode(mark.join(b"".join(texts[index] for index in part) for part in parts))
    borders = np.flatnonzero(ids == encode(mark)[0])
    assert len(borders) == len(parts) - 1, "a digit between Han is not a piece of its own"
    starts = np.concatenate([[0], borders + 1]).astype(np.int64)
    stops = np.concatenate([borders, [len(ids)]]).astype(np.int64)
    places = starts << 8 | (stops - starts)
    keys = np.array([_packed(part) for part in parts[COUNT:]], np.int64)
    slots = np.zeros((1 << (2 * len(keys)).bit_length(), 2), np.int64)
    insert(keys, places[COUNT:], slots)
    signs, sign_ids = _signs(encode, len(ids))
    return HanTable(joined, edges, places[:COUNT], slots, signs, np.concatenate([ids, sign_ids]))


def _signs(encode: Callable[[bytes], U32], start: int) -> tuple[I64, U32]:
    """Return the places of all signs, whose ids stand from `start` on, and these ids."""
    places = np.zeros(SIGN_COUNT, np.int64)
    every: list[U32] = []
    for code in (
        *range(128),
        *range(0x2010, 0x2028),
        *range(0x3000, 0x3012),
        *range(0xFF01, 0xFF21),
    ):
        text = chr(code).encode()
        number = sign(np.frombuffer(text, np.uint8), 0, len(text)) - SIGNS
        if number >= 0:
            every.append(encode(text))
            places[number] = start << 8 | len(every[-1])
            start += len(every[-1])
    return places, np.concatenate(every)


def _packed(part: tuple[int, ...]) -> int:
    """Return the key of a part: 15 bits a character, which is counted from 1."""
    return sum((index + 1) << (15 * i) for i, index in enumerate(part))
