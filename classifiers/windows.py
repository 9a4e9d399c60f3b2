"""Windows of documents that are token ids already, and how windows share a forward pass.

Shape suffixes: D documents, W windows, N token slots of a pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["Frame", "Pack", "batches", "pack_rows", "packs", "windows"]

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
U32 = npt.NDArray[np.uint32]

# A pack's borders are padded to one of these counts of windows, so that a compiled graph meets two
# shapes and no more. Borders of windows that are not there cost the attention kernel a block each.
_WINDOW_COUNTS: Final = (1_024, 4_096)


@dataclass(frozen=True, slots=True)
class Frame:
    """The special ids that stand before and after the text in each window."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many special tokens a window holds."""
        return len(self.prefix) + len(self.suffix)


@dataclass(frozen=True, slots=True)
class Pack:
    """Windows laid end to end in a fixed number of token slots, without padding between them.

    `ids` and `positions` are int32 (slots,); window w stands in slots borders[w] to
    borders[w + 1] (int32). The last real border is repeated up to a fixed count; the slots behind
    it belong to no window.
    """

    ids: I32
    positions: I32
    borders: I32
    window_count: int
    token_count: int


def windows(offsets: I64, room: int, most: int) -> tuple[I64, I64, I64]:
    """Return starts, lengths and documents of all windows, ordered by document, then position.

    A document of more than `room` tokens has as many windows of `room` tokens as cover it, but
    `most` (2 or more) at the most: the first, the last, and others evenly between them.
    """
    assert most >= 2
    begins_D = offsets[:-1].astype(np.int64)
    sizes_D = np.diff(offsets).astype(np.int64)
    count_D = np.clip(-(-sizes_D // room), 1, most)
    documents_W = np.repeat(np.arange(len(sizes_D)), count_D)
    first_D = np.cumsum(count_D) - count_D
    place_W = np.arange(len(documents_W)) - first_D[documents_W]
    lengths_W = np.minimum(sizes_D, room)[documents_W]
    # In whole numbers, so that it is the same on every machine.
    slack_W = (sizes_D[documents_W] - lengths_W) * place_W
    starts_W = begins_D[documents_W] + slack_W // np.maximum(count_D - 1, 1)[documents_W]
    return starts_W, lengths_W, documents_W


def batches(lengths: I64, special_count: int, budget: int) -> Iterator[slice]:
    """Yield slices of windows sorted by length whose rows x longest row fit the budget."""
    begin = 0
    for end in range(1, len(lengths) + 1):
        longest = int(lengths[end]) + special_count if end < len(lengths) else budget + 1
        if (end - begin + 1) * longest > budget:
            yield slice(begin, end)
            begin = end


def packs(lengths: I64, special_count: int, slot_count: int) -> Iterator[slice]:
    """Yield slices of windows, in order, that fit `slot_count` tokens and the most windows.

    No window may be longer than `slot_count`. Windows sorted by length leave less than one window
    of a pack empty, but for the last pack, and for packs of windows under 16 tokens.
    """
    ends_W = np.cumsum(lengths + special_count)
    begin = 0
    while begin < len(lengths):
        before = int(ends_W[begin - 1]) if begin else 0
        fitting = int(np.searchsorted(ends_W, before + slot_count, side="right"))
        assert fitting > begin, "a window is longer than a pack"
        end = min(fitting, begin + _WINDOW_COUNTS[-1])
        yield slice(begin, end)
        begin = end


def pack_rows(ids: U32, starts: I64, lengths: I64, frame: Frame, slot_count: int) -> Pack:
    """Return the windows ids[starts[w] : starts[w] + lengths[w]] framed and laid end to end."""
    head = len(frame.prefix)
    framed_W = lengths + frame.count
    borders = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(framed_W, out=borders[1:])
    token_count = int(borders[-1])
    positions = np.arange(token_count) - np.repeat(borders[:-1], framed_W)
    # Slots of special tokens read some id of their own window, or of none, and are overwritten.
    source = np.repeat(starts - head, framed_W) + positions
    packed = np.zeros(slot_count, dtype=np.int32)
    if len(ids):
        packed[:token_count] = ids[np.clip(source, 0, len(ids) - 1)]
    for at, special in enumerate(frame.prefix):
        packed[borders[:-1] + at] = special
    for at, special in enumerate(reversed(frame.suffix)):
        packed[borders[1:] - 1 - at] = special
    padded_positions = np.zeros(slot_count, dtype=np.int32)
    padded_positions[:token_count] = positions
    count = next(count for count in _WINDOW_COUNTS if count >= len(lengths))
    padded_borders = np.full(count + 1, token_count, dtype=np.int32)
    padded_borders[: len(borders)] = borders
    return Pack(packed, padded_positions, padded_borders, len(lengths), token_count)
