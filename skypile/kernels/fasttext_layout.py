"""What fastText's kernels work with: a model laid out for them, and arrays to work in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skypile.kernels.vectors import WINDOW

__all__ = [
    "ADDED", "ASCII", "HASHED", "HIERARCHICAL", "LETTERS", "LISTED", "LONG", "OF_ROOM", "OTHER",
    "SIEVE_BITS", "SOFTMAX", "USED", "WAITING", "WORDS", "WORD_SIEVE_BITS", "Room", "Tables",
    "room_for",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

# Words and their letters wait until there are so many.
WORDS, LETTERS = 1024, 4096
# In place of the number of a known word.
ASCII, OTHER, OF_ROOM = -1, -2, -3
# 32 kB, as large as the nearest cache: 15 % of all n-grams seem to be kept, 6 % are.
SIEVE_BITS = 1 << 18
WORD_SIEVE_BITS = 17  # 16 kB
HIERARCHICAL, SOFTMAX = 0, 1
WAITING, USED, ADDED, HASHED, LONG, LISTED = range(6)


class Tables(NamedTuple):
    """A model, laid out for the kernel.

    `slots` int32, open addressing: 1 + entry, 0 where free; `word_sieve` uint64: bits of the hashes
    that occur. Entries are the words and then the labels: `firsts` uint64 their first eight bytes,
    `borders` int64 (entries + 1) into `letters`. `subword_borders` int64 (words + 1) into
    `subwords` int32: the rows of each word. `bits` uint64: which buckets of n-grams were kept;
    `ranks` int32: how many before each 64 of them; `sieve` uint64 (SIEVE_BITS / 64): whether one of
    those of equal remainder was. `rows` float32 (rows, width), those of n-grams in order of their
    buckets; `output` float32 (labels, width); widths are multiples of 16. `left`, `right` int32:
    the children of each node of the Huffman tree, -1 for leaves. `words`: how many;
    `end_of_line`: the entry of ``</s>`` or -1; `kept`: whether there are n-grams.
    """

    slots: I32
    word_sieve: U64
    firsts: U64
    borders: I64
    letters: Bytes
    subword_borders: I64
    subwords: I32
    sieve: U64
    bits: U64
    ranks: I32
    rows: F32
    output: F32
    left: I32
    right: I32
    word_ngrams: int
    bucket: int
    minn: int
    maxn: int
    words: int
    dim: int
    end_of_line: int
    loss: int
    kept: bool


class Room(NamedTuple):
    """Arrays to work in.

    Words that wait: `entries` int32 (WORDS,), below 0 for unknown ones: ASCII, OTHER, OF_ROOM.
    These stand in brackets in `letters` uint8, and where each begins in `begins` int32
    (WORDS + 1,); but one OF_ROOM, of more than LETTERS, in `word` uint8. `hashes` uint32 (LETTERS,)
    and `buckets` uint32 (maxn, LETTERS): of the n-grams of n + 1 bytes from each letter on.
    `numbers` int32: buckets that may be kept, and ~row of words. `word_hashes` uint64. `listed`
    int32: where rows are listed, if it is there. `total` float32 (width,): the sum of rows.
    `nodes` int64, `scores` float32: of the tree. `state` int64: how many WAITING words, USED
    letters, rows ADDED, HASHED words, letters of the LONG word and LISTED rows there are.
    """

    entries: I32
    begins: I32
    letters: Bytes
    hashes: U32
    buckets: U32
    numbers: I32
    word: Bytes
    word_hashes: U64
    listed: I32
    total: F32
    nodes: I64
    scores: F32
    state: I64


def room_for(m: Tables, longest: int, listed: int = 0) -> Room:
    """Return room for texts of up to `longest` bytes, and for a list of so many rows."""
    return Room(
        entries=np.empty(WORDS, np.int32),
        begins=np.zeros(WORDS + 1, np.int32),
        letters=np.zeros(LETTERS + m.maxn + WINDOW, np.uint8),
        hashes=np.empty(LETTERS, np.uint32),
        buckets=np.empty((m.maxn, LETTERS), np.uint32),
        numbers=np.empty(LETTERS * (m.maxn + 1), np.int32),
        word=np.empty(longest + WINDOW, np.uint8),
        word_hashes=np.empty(longest // 2 + 2 if m.word_ngrams > 1 else 0, np.uint64),
        listed=np.empty(listed, np.int32),
        total=np.empty(m.rows.shape[1], np.float32),
        nodes=np.empty(m.left.size + 2, np.int64),
        scores=np.empty(m.left.size + 2, np.float32),
        state=np.zeros(6, np.int64),
    )
