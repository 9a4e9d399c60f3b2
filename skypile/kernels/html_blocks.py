"""Blocks: the lines that a page shows, and how much each looks like main text.

Text is measured in bytes of UTF-8, which is what makes one set of limits right for Chinese and for
English: what takes a word and a space of six bytes in English takes about two characters of three
bytes in Chinese. Sentences are told by marks of punctuation of both scripts, not by spaces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.html_attributes import is_space
from skypile.kernels.html_names import BLOCK, CELL, HEADING, NAV, TAGS
from skypile.kernels.html_parse import BREAK_CELL, BREAK_LINE, IN_LINK

__all__ = ["FIRST", "HOME", "LENGTH", "LINKED", "MARKS", "STOP", "block_value", "find_blocks"]

# Columns of blocks: the block element that holds it, its runs, its bytes of text, those in links,
# its marks of punctuation.
HOME, FIRST, STOP, LENGTH, LINKED, MARKS = range(6)
HINTED = NAV  # the bits from here on are said by attributes
PRE = TAGS["pre"]
# A shorter block that holds no sentence says nothing.
SHORT_BYTES = 80
# One long block says no more than this; several do.
MAX_VALUE = 400.0
LINKS_VALUE = 20.0  # what a block of links says against its surroundings, and half its bytes
MAX_LINKED = 100


@njit
def _measure(data: Any, start: Any, stop: Any) -> Any:
    """Return the bytes of text in data[start:stop], a run of white space being one, and its marks.

    ASCII marks count where a word ends with them: 3.14 and a.b have none.
    """
    length, marks, space = 0, 0, False
    i = start
    while i < stop:
        byte = data[i]
        i += 1
        if is_space(byte):
            length += not space
            space = True
            continue
        space = False
        length += 1
        if byte == 44 or byte == 46 or byte == 59 or byte == 33 or byte == 63:  # , . ; ! ?
            after = data[i]
            marks += i == stop or is_space(after) or after == 34 or after >= 128
        elif byte == 0xE3:
            marks += data[i] == 0x80 and (data[i + 1] == 0x81 or data[i + 1] == 0x82)  # 、 。
        elif byte == 0xEF and data[i] == 0xBC:
            mark = data[i + 1]
            marks += mark == 0x81 or mark == 0x8C or mark == 0x9B or mark == 0x9F  # ！ ， ； ？
    return length, marks


@njit
def find_blocks(data: Any, nodes: Any, runs: Any, blocks: Any) -> Any:
    """Fill `blocks`, int32 (at least one row for each run, 6); return how many there are.

    Cells of a table's row are one block, but for those whose class says what they are.
    """
    homes = np.zeros(len(nodes), np.int32)
    for i in range(1, len(nodes)):
        homes[i] = i if nodes[i, 2] & BLOCK else homes[nodes[i, 0]]
    count = -1
    for r in range(len(runs)):
        home, gap = homes[runs[r, 0]], runs[r, 3]
        before = blocks[max(count, 0), HOME]
        new = gap == BREAK_LINE or (gap < BREAK_CELL and home != before)
        if count >= 0 and gap == BREAK_CELL:  # a cell that says something of itself stands alone
            new = nodes[home, 2] >= HINTED or nodes[before, 2] >= HINTED
        if count < 0 or new:
            count += 1
            blocks[count] = 0
            blocks[count, HOME], blocks[count, FIRST] = home, r
        length, marks = _measure(data, runs[r, 1], runs[r, 2])
        blocks[count, STOP] = r + 1
        blocks[count, LENGTH] += length
        blocks[count, MARKS] += marks
        if runs[r, 4] & IN_LINK:
            blocks[count, LINKED] += length
    return count + 1


@njit
def block_value(block: Any, nodes: Any) -> Any:
    """Return what a block says for (positive) or against its surroundings being main text."""
    length, linked = block[LENGTH], block[LINKED]
    kind = nodes[block[HOME], 2]
    # An encyclopedia links every other word of its sentences.
    sentences = block[MARKS] >= 2 and linked * 4 < length * 3
    if linked * 2 > length and not sentences:
        return -LINKS_VALUE - 0.5 * min(length, MAX_LINKED)
    if kind & HEADING or (kind & CELL and length < SHORT_BYTES):
        return 0.0
    text = length - linked * (1.0 if sentences else 2.0)
    if length < SHORT_BYTES and block[MARKS] <= 1 and nodes[block[HOME], 1] != PRE:
        return 0.5 * text * block[MARKS]
    return min(text, MAX_VALUE)
