"""fastText's prediction from UTF-8 bytes: the same labels, and probabilities to the last bits.

What fastText 0.9.2 does (Joulin et al. 2016, arXiv:1607.01759 and 1612.03651): words are what ASCII
white space and NUL leave; a word is a row of its own, if known, and one for each n-gram of its
characters between ``<`` and ``>`` that was kept; the row of ``</s>`` ends the text. The mean of the
rows decides. Rows are added in fastText's order, in float32, so that the mean is the same; the
probabilities take the same steps in float32 and float64.

Here: n-grams of known words are listed beforehand; of others, a bitmap of 2 million bits says
whether an n-gram was kept before anything else is looked at, without a branch; rows are added 16
floats at a time; the Huffman tree is descended greedily first, and searched only where a leaf
beside that way may be as good.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import uncounted, uncounted_inlined
from skypile.kernels.fasttext_labels import best_label, best_leaf
from skypile.kernels.fasttext_layout import (
    ADDED,
    HASHED,
    HIERARCHICAL,
    LETTERS,
    USED,
    WAITING,
    WORDS,
    Tables,
    room_for,
)
from skypile.kernels.fasttext_vectors import separator_mask
from skypile.kernels.fasttext_words import (
    add_words,
    entry_of,
    keep_hash,
    wait,
    wait_long,
    wait_unknown,
)
from skypile.kernels.vectors import WINDOW, trailing_zeros

__all__ = ["listed_rows", "predict"]

LABEL_PREFIX = np.frombuffer(b"__label__", np.uint8)


@uncounted_inlined
def _is_label(data: Any, start: Any, stop: Any) -> Any:
    if stop - start < LABEL_PREFIX.size:
        return False
    differ = 0
    for place in range(LABEL_PREFIX.size):
        differ += data[start + place] != LABEL_PREFIX[place]
    return differ == 0


@uncounted_inlined
def _word(data: Any, start: Any, stop: Any, room: Any, m: Any) -> Any:
    """Take a word; return whether it ends the text."""
    entry = entry_of(data, start, stop - start, m)
    if entry >= m.words or (entry < 0 and _is_label(data, start, stop)):
        return False
    size = 0 if entry >= 0 or not (m.kept and m.maxn) else stop - start + 2
    if room.state[WAITING] == WORDS - 1 or size > LETTERS - room.state[USED]:  # one is for </s>
        add_words(room, m, False)
    if entry >= 0:
        wait(entry, 0, room)
    elif size > LETTERS:
        wait_long(data, start, stop, room)
    elif size:
        wait_unknown(data, start, stop, room)
    if m.word_ngrams > 1:
        keep_hash(data, start, stop, room)
    return entry >= 0 and entry == m.end_of_line


@uncounted_inlined
def _words(data: Any, start: Any, stop: Any, room: Any, m: Any) -> Any:
    """Take all words of a text, up to one that is ``</s>``; return whether there was one."""
    zero, one = np.uint64(0), np.uint64(1)
    at, begun = start, np.int64(-1)
    while at <= stop:
        # Behind the text stands, as it were, a separator.
        inside = ~separator_mask(data, at)
        if stop - at < WINDOW:
            inside &= ~(~zero << np.uint64(stop - at))
        shifted = inside << one
        if begun >= 0:
            shifted |= one
        starts = inside & ~shifted
        ends = shifted & ~inside
        while ends != zero:
            if begun < 0:
                begun = at + trailing_zeros(starts)
                starts &= starts - one
            if _word(data, begun, at + trailing_zeros(ends), room, m):
                return True
            begun = np.int64(-1)
            ends &= ends - one
        if starts != zero:
            begun = at + trailing_zeros(starts)
        at += WINDOW
    return False


@uncounted_inlined
def _end_of_line(room: Any, m: Any) -> None:
    """Take ``</s>``, which fastText finds at the end of each line."""
    wait(m.end_of_line, 0, room)
    if m.word_ngrams > 1:
        first, last = m.borders[m.end_of_line], m.borders[m.end_of_line + 1]
        keep_hash(m.letters, first, last, room)


@uncounted_inlined
def _mean(data: Any, start: Any, stop: Any, room: Any, m: Any) -> Any:
    """Set `total` to the mean of the text's rows; return how many these are."""
    room.state[ADDED], room.state[HASHED] = 0, 0
    for place in range(room.total.size):
        room.total[place] = np.float32(0)
    if not _words(data, start, stop, room, m) and m.end_of_line >= 0:
        _end_of_line(room, m)
    add_words(room, m, True)
    rows = room.state[ADDED]
    if rows:
        share = np.float32(1.0 / rows)
        for place in range(room.total.size):
            room.total[place] *= share
    return rows


@uncounted
def _predict(data: Any, starts: Any, stops: Any, m: Any, room: Any, found: Any) -> None:
    """Set labels and chances, which are `found`; where rows are listed, how many less one."""
    labels, chances = found
    for row in range(starts.size):
        labels[row], chances[row] = -1, np.float32(0)
        rows = _mean(data, starts[row], stops[row], room, m)
        if rows == 0 or room.listed.size:
            labels[row] = rows - 1
            continue
        if m.loss == HIERARCHICAL:
            label, score = best_leaf(room, m)
        else:
            label, score = best_label(room, m)
        labels[row], chances[row] = label, np.float32(math.exp(score))


def predict(
    data: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    model: Tables,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return the label (its number) and probability of data[start:stop] for each pair.

    int32 and float32 (n,). A newline is white space like any other: a text is one line, as
    fastText's Python packages want it. -1 and 0 where nothing of a text is known to a model without
    ``</s>``. `data` is followed by PADDING_BYTES bytes.
    """
    labels = np.empty(starts.size, np.int32)
    chances = np.empty(starts.size, np.float32)
    room = room_for(model, int((stops - starts).max(initial=0)))
    _predict(data, starts, stops, model, room, (labels, chances))
    return labels, chances


def listed_rows(
    data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64], model: Tables
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the rows that are added up for each text, one after another, and how many these are.

    int32 and int64 (n,).
    """
    sizes = np.diff(borders)
    most = (int(sizes.sum()) + 2 * sizes.size) * (model.maxn + 1) + 1
    room = room_for(model, int(sizes.max(initial=0)), most)
    last, chances = np.empty(sizes.size, np.int32), np.empty(sizes.size, np.float32)
    _predict(data, borders[:-1], borders[1:], model, room, (last, chances))
    counts = last.astype(np.int64) + 1
    return room.listed[: counts.sum()], counts
