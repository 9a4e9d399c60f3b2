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
    LONG,
    OF_ROOM,
    USED,
    WAITING,
    WORDS,
    Tables,
    room_for,
)  # fmt: skip
from skypile.kernels.fasttext_vectors import separator_mask
from skypile.kernels.fasttext_words import (
    add_words,
    entry_of,
    keep_hash,
    wait,
    write_unknown,
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
def _next_word(data: Any, at: Any, stop: Any) -> Any:
    """Return where the next word begins and ends; `stop` twice where there is none."""
    start, end = np.int64(stop), np.int64(stop)
    while at < stop:
        inside = ~separator_mask(data, at)
        if inside:
            start = min(at + trailing_zeros(inside), stop)
            break
        at += WINDOW
    at = start
    while at < stop:
        behind = separator_mask(data, at)
        if behind:
            end = min(at + trailing_zeros(behind), stop)
            break
        at += WINDOW
    return start, end


@uncounted
def _gather(data: Any, start: Any, stop: Any, room: Any, m: Any) -> None:
    """Add the rows of all words of a text, up to one that is ``</s>``, which ends every text."""
    entries, begins, letters, state = room.entries, room.begins, room.letters, room.state
    slots, sieve, firsts, borders, known = m.slots, m.word_sieve, m.firsts, m.borders, m.letters
    has_ngrams, has_runs, end_of_line = m.kept and m.maxn > 0, m.word_ngrams > 1, m.end_of_line
    word, hashes, words = room.word, room.word_hashes, m.words
    at, is_end = start, False
    while not is_end:
        begin, end = _next_word(data, at, stop)
        if begin == stop:
            break
        entry = entry_of(data, begin, end - begin, slots, sieve, firsts, borders, known)
        at = end
        if entry >= words or (entry < 0 and _is_label(data, begin, end)):
            continue
        size = 0 if entry >= 0 or not has_ngrams else end - begin + 2
        if state[WAITING] == WORDS - 1 or size > LETTERS - state[USED]:  # one is for </s>
            add_words(room, m, False)
        if entry >= 0:
            wait(entry, 0, entries, begins, state)
        elif size > LETTERS:
            write_unknown(data, begin, end, word, 0)
            state[LONG] = size
            wait(OF_ROOM, LETTERS, entries, begins, state)
        elif size:
            wait(
                write_unknown(data, begin, end, letters, state[USED]), size, entries, begins, state
            )
        if has_runs:
            keep_hash(data, begin, end, hashes, state)
        is_end = entry >= 0 and entry == end_of_line
    if not is_end and end_of_line >= 0:
        wait(end_of_line, 0, entries, begins, state)
        if has_runs:
            keep_hash(known, borders[end_of_line], borders[end_of_line + 1], hashes, state)
    add_words(room, m, True)


@uncounted
def _predict(data: Any, starts: Any, stops: Any, m: Any, room: Any, found: Any) -> None:
    """Set labels and chances, which are `found`; where rows are listed, how many less one."""
    labels, chances = found
    total, state, nodes, scores = room.total, room.state, room.nodes, room.scores
    output, left, right = m.output, m.left, m.right
    for row in range(starts.size):
        state[ADDED], state[HASHED] = 0, 0
        for place in range(total.size):
            total[place] = np.float32(0)
        _gather(data, starts[row], stops[row], room, m)
        rows = state[ADDED]
        labels[row], chances[row] = rows - 1, np.float32(0)
        if rows == 0 or room.listed.size:
            continue
        share = np.float32(1.0 / rows)
        for place in range(total.size):
            total[place] *= share
        if m.loss == HIERARCHICAL:
            label, score = best_leaf(total, output, m.dim, left, right, nodes, scores)
        else:
            label, score = best_label(total, output, m.dim, scores)
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
