"""The main text of a page: which element holds it, and what inside is not of it.

Every block of a page speaks for or against what surrounds it (html_blocks.py). What is chrome by
its element or by the words in its class goes, unless it holds most of the page; the element whose
blocks sum up to most is the main one, and those that say so of themselves count for more. Limits
were fitted to the pages of article-extraction-benchmark: docs/operations.md has the figures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.cache import njit
from skypile.kernels.html_attributes import is_space
from skypile.kernels.html_blocks import (
    FIRST,
    HOME,
    LENGTH,
    LINKED,
    MARKS,
    STOP,
    block_value,
    find_blocks,
)  # fmt: skip
from skypile.kernels.html_names import (
    AD,
    ARTICLE,
    ARTICLE_BODY,
    BLOCK,
    BODY,
    BYLINE,
    CAPTION,
    COMMENT,
    DROP,
    HEADING,
    HIDDEN,
    NAV,
    POPUP,
    RELATED,
    SIDE,
    SOCIAL,
    TAGS,
)  # fmt: skip
from skypile.kernels.html_parse import BREAK_CELL, BREAK_LINE, IN_PRE, parse

__all__ = ["main_text"]

CHROME = NAV | SIDE | SOCIAL | COMMENT | RELATED | AD | BYLINE | POPUP | CAPTION
ARTICLE_TAG, BODY_TAG, H1, HEADER, LI, MAIN_TAG, P = (
    TAGS[name] for name in ("article", "body", "h1", "header", "li", "main", "p")
)
# The share of a page's good text from which on an element is kept though it looks like chrome: by
# its tag, as a header, by its class, as comments, as an article, and within the main element.
MAX_DROP_FRAC, MAX_HEADER_FRAC, MAX_CHROME_FRAC = 0.5, 0.2, 0.6
MAX_COMMENT_FRAC, MAX_ARTICLE_FRAC, MAX_INNER_FRAC = 0.9, 0.3, 0.4
# An element that says it is the main one is believed if it holds so much.
MIN_STATED_FRAC = 0.3
STATED_FACTOR, HINTED_FACTOR = 3.0, 1.1
MAX_TITLE_BYTES = 400


@njit
def _states_main(nodes: Any, i: Any) -> Any:
    """Tell whether element `i` says that it is the body of an article."""
    kind, tag = nodes[i, 2], nodes[i, 1]
    told = (kind & ARTICLE and kind & BODY) or kind & ARTICLE_BODY
    return told and not (kind & HEADING or tag in (P, LI, BODY_TAG))


@njit
def _max_frac(nodes: Any, i: Any, inner: Any) -> Any:
    """Return the share of good text from which on element `i` stays; 0 for one that is no chrome.

    `inner` tells whether it stands within an element that is the main one as it seems.
    """
    kind, tag = nodes[i, 2], nodes[i, 1]
    least = 0.0
    if kind & (DROP | HIDDEN):
        least = MAX_DROP_FRAC
    elif tag == HEADER:
        least = MAX_HEADER_FRAC
    if kind & CHROME and tag != BODY_TAG:
        by_class = MAX_COMMENT_FRAC if kind & COMMENT else MAX_CHROME_FRAC
        if kind & (ARTICLE | BODY | ARTICLE_BODY) or tag == ARTICLE_TAG:
            by_class = MAX_ARTICLE_FRAC
        elif inner:
            by_class = MAX_INNER_FRAC
        least = max(least, by_class)
    return least


@njit
def _chrome(nodes: Any, good: Any) -> Any:
    """Return which elements go; `good` is the good text of each with all that is in it."""
    gone = np.zeros(len(nodes), np.bool_)
    inner = np.zeros(len(nodes), np.bool_)
    total = good[0]
    for i in range(1, len(nodes)):
        parent = nodes[i, 0]
        gone[i] = gone[parent] or good[i] < _max_frac(nodes, i, inner[parent]) * total
        large = good[i] > MIN_STATED_FRAC * total
        inner[i] = inner[parent] or (large and _states_main(nodes, i))
    return gone


@njit
def _main_element(nodes: Any, scores: Any) -> Any:
    """Return the element whose blocks sum up to most, the innermost of those that do."""
    best, place = -np.inf, 0
    for i in range(len(nodes) - 1, -1, -1):
        kind, tag, score = nodes[i, 2], nodes[i, 1], scores[i]
        if not kind & BLOCK or kind & HEADING or tag in (P, LI):
            continue  # a line alone would lose the headings and short lines around it
        if score > 0:
            if _states_main(nodes, i):
                score *= STATED_FACTOR
            elif kind & (ARTICLE | BODY) or tag in (ARTICLE_TAG, MAIN_TAG):
                score *= HINTED_FACTOR
        if score > best:
            best, place = score, i
    # Where nothing speaks for an element, nothing is left out but chrome.
    return place if best > 0 else 0


@njit
def _sum_up(nodes: Any, sums: Any, gone: Any) -> Any:
    """Add to each element's sum those of all elements in it, but of those that are gone."""
    for i in range(len(nodes) - 1, 0, -1):
        if not gone[i]:
            sums[nodes[i, 0]] += sums[i]


@njit
def _keeps(block: Any, nodes: Any) -> Any:
    """Tell whether a block within the main element is text of it: no title, no list of links."""
    length, linked = block[LENGTH], block[LINKED]
    if nodes[block[HOME], 1] == H1 and length < MAX_TITLE_BYTES:
        return False
    return linked * 10 < length * (9 if block[MARKS] else 8)


@njit
def _select(data: Any, nodes: Any, runs: Any, blocks: Any) -> Any:
    """Return how many blocks there are, which of them to keep, and which elements are inside."""
    count, elements = find_blocks(data, nodes, runs, blocks), len(nodes)
    values = np.empty(count)
    good, scores = np.zeros(elements), np.zeros(elements)
    for b in range(count):
        values[b] = block_value(blocks[b], nodes)
        good[blocks[b, HOME]] += max(0.0, values[b])
    _sum_up(nodes, good, np.zeros(elements, np.bool_))
    gone = _chrome(nodes, good)
    for b in range(count):
        if not gone[runs[blocks[b, FIRST], 0]]:
            scores[blocks[b, HOME]] += values[b]
    _sum_up(nodes, scores, gone)
    place = _main_element(nodes, scores)
    inside = np.zeros(elements, np.bool_)
    inside[place] = True
    for i in range(place + 1, elements):
        inside[i] = inside[nodes[i, 0]] and not gone[i]
    keep = np.zeros(count, np.bool_)
    for b in range(count):
        keep[b] = inside[blocks[b, HOME]] and _keeps(blocks[b], nodes)
    return count, keep, inside


@njit
def _write(data: Any, run: Any, gap: Any, out: Any, size: Any) -> Any:
    """Write the text of a run behind `gap`; return how much is written, and the gap behind it."""
    if size and gap:
        out[size] = 10 if gap == BREAK_LINE else (9 if gap == BREAK_CELL else 32)
        size += 1
    verbatim = run[4] & IN_PRE
    for k in range(run[1], run[2]):
        byte = data[k]
        if byte < 32 and not is_space(byte):
            continue
        if is_space(byte) and not verbatim:
            if size and not is_space(out[size - 1]):
                out[size] = 32
                size += 1
        elif byte != 13:
            out[size] = byte
            size += 1
    behind = 0
    while not verbatim and size and out[size - 1] == 32:
        size, behind = size - 1, 1
    return size, behind


@njit
def _main_text(data: Any, nodes: Any, runs: Any, blocks: Any, out: Any) -> Any:
    """Write the main text; return how many bytes it has."""
    count, keep, inside = _select(data, nodes, runs, blocks)
    size = gap = 0
    for b in range(count):
        if not keep[b]:
            gap = BREAK_LINE
            continue
        for r in range(blocks[b, FIRST], blocks[b, STOP]):
            gap = max(gap, runs[r, 3])
            if inside[runs[r, 0]]:
                size, gap = _write(data, runs[r], gap, out, size)
    return size


def main_text(page: bytes) -> bytes | None:
    """Return the main text of an HTML page, None where it has more elements than we hold.

    `page` is UTF-8, and so is what comes back: lines end at U+000A, cells of a table are divided by
    U+0009, character references are as they stand in the page. Takes time linear in the page's
    bytes, and memory of about 3 times as many and 200 MB at most on top.
    """
    data = np.zeros(len(page) + PADDING_BYTES, np.uint8)
    data[: len(page)] = np.frombuffer(page, np.uint8)
    parsed = parse(data, len(page))
    if parsed is None:
        return None
    nodes, runs = parsed
    blocks = np.empty((len(runs), 6), np.int32)
    out = np.empty(len(page) + len(runs) + 1, np.uint8)
    size = _main_text(data, nodes, runs, blocks, out)
    return out[:size].tobytes()
