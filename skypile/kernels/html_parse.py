"""HTML as a flat tree: elements, and the runs of text between tags, in the page's order.

One pass over the bytes, in time linear in them whatever the page holds. Follows the rules of the
HTML standard where they change what text belongs to: void elements, raw text, implied end tags,
end tags out of scope. Inline elements have no node of their own unless they are links or say
something of themselves; their text belongs to the element around them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit
from skypile.kernels.html_attributes import attributes, is_space
from skypile.kernels.html_names import (
    BASIS,
    BLOCK,
    CELL,
    DROP,
    HEADING,
    KINDS,
    RAW,
    SCOPE,
    TAG_TABLE,
    TAGS,
    VOID,
    WORD_TABLE,
    name_hash,
    value_of,
)  # fmt: skip

__all__ = [
    "BREAK_CELL", "BREAK_LINE", "IN_LINK", "IN_PRE", "MAX_NODES", "MAX_RUNS", "parse",
]  # fmt: skip

# More elements or pieces of text are no page that anybody reads; their tree would take too much.
MAX_NODES = 1 << 20
MAX_RUNS = 1 << 21
# Deeper elements are not opened; browsers stop at 512.
MAX_DEPTH = 2048
# What stands between a run of text and the one before, the stronger the higher.
BREAK_SPACE, BREAK_CELL, BREAK_LINE = 1, 2, 3
IN_LINK, IN_PRE = 1, 2

# The parser's state: the page's bytes, how many entries, elements and runs there are, the break
# that waits for a run, the stack's last scope and last block, whether there were too many.
SIZE, DEPTH, NODES, RUNS, PENDING, SCOPED, BLOCKED, FULL = range(8)
# Columns of the stack: tag, node, and the entry that was the last of its kind before.
TAG, NODE, SAME, LAST_SCOPE, LAST_BLOCK = range(5)

A, BODY_TAG, BR, DD, DL, DT, HR, HTML_TAG, LI, OL, OPTION = (
    TAGS[name] for name in ("a", "body", "br", "dd", "dl", "dt", "hr", "html", "li", "ol", "option")
)
P, PRE, TABLE, TBODY, TD, TFOOT, TH, THEAD, TR, UL = (
    TAGS[name] for name in ("p", "pre", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul")
)
HEADINGS = tuple(TAGS[f"h{level}"] for level in range(1, 7))


@njit
def _is_letter(byte: Any) -> Any:
    """Tell whether `byte` is an ASCII letter."""
    return 97 <= (byte | 32) <= 122


@njit
def _add_run(data: Any, start: Any, stop: Any, state: Any, stack: Any, last: Any, runs: Any) -> Any:
    """Add the text of data[start:stop] to the element that is open."""
    first = start
    if last[PRE] < 0:
        while first < stop and (is_space(data[first]) or data[first] == 0):
            first += 1
    if first == stop:
        if stop > start:
            state[PENDING] = max(state[PENDING], BREAK_SPACE)
        return
    if state[RUNS] == len(runs):
        state[FULL] = 1
        return
    run = runs[state[RUNS]]
    run[0], run[1], run[2] = stack[state[DEPTH] - 1, NODE], start, stop
    run[3] = state[PENDING]
    run[4] = (IN_LINK if last[A] >= 0 else 0) | (IN_PRE if last[PRE] >= 0 else 0)
    state[RUNS] += 1
    state[PENDING] = 0


@njit
def _pop(state: Any, stack: Any, last: Any, kinds: Any, depth: Any) -> Any:
    """Close all elements above `depth`."""
    while state[DEPTH] > depth:
        state[DEPTH] -= 1
        entry = stack[state[DEPTH]]
        kind = kinds[entry[TAG]]
        last[entry[TAG]] = entry[SAME]
        if kind & SCOPE:
            state[SCOPED] = entry[LAST_SCOPE]
        if kind & BLOCK:
            state[BLOCKED] = entry[LAST_BLOCK]
            state[PENDING] = max(state[PENDING], BREAK_CELL if kind & CELL else BREAK_LINE)


@njit
def _close_open(tag: Any, above: Any, state: Any, stack: Any, last: Any, kinds: Any) -> Any:
    """Close the last open `tag` where it stands above the stack's entry `above`."""
    if last[tag] > above:
        _pop(state, stack, last, kinds, last[tag])


@njit
def _imply_ends(tag: Any, kind: Any, state: Any, stack: Any, last: Any, kinds: Any) -> Any:
    """Close what the start of `tag` closes without an end tag."""
    if tag == LI:
        lists = max(max(last[UL], last[OL]), state[SCOPED])
        _close_open(LI, lists, state, stack, last, kinds)
    elif tag in (DD, DT):
        within = max(last[DL], state[SCOPED])
        _close_open(DD, within, state, stack, last, kinds)
        _close_open(DT, within, state, stack, last, kinds)
    elif tag == OPTION:
        _close_open(tag, state[SCOPED], state, stack, last, kinds)
    elif tag == A:
        _close_open(tag, max(state[SCOPED], state[BLOCKED]), state, stack, last, kinds)
    elif kind & CELL:
        _close_open(TD, last[TABLE], state, stack, last, kinds)
        _close_open(TH, last[TABLE], state, stack, last, kinds)
    elif tag == TR:
        _close_open(TR, last[TABLE], state, stack, last, kinds)
    elif tag in (TBODY, THEAD, TFOOT):
        for section in (TBODY, THEAD, TFOOT):
            _close_open(section, last[TABLE], state, stack, last, kinds)
    if kind & BLOCK and not kind & CELL:
        _close_open(P, state[SCOPED], state, stack, last, kinds)


@njit
def _open(tag: Any, kind: Any, said: Any, state: Any, stack: Any, last: Any, nodes: Any) -> Any:
    """Open an element; `said` is what its attributes say of it."""
    depth = state[DEPTH]
    if depth == len(stack):
        return
    node = stack[depth - 1, NODE]
    if kind & BLOCK or said or kind & DROP or tag == A:
        if state[NODES] == len(nodes):
            state[FULL] = 1
            return
        nodes[state[NODES], 0] = node
        nodes[state[NODES], 1] = tag
        nodes[state[NODES], 2] = kind | said
        node = state[NODES]
        state[NODES] += 1
    entry = stack[depth]
    entry[TAG], entry[NODE], entry[SAME] = tag, node, last[tag]
    entry[LAST_SCOPE], entry[LAST_BLOCK] = state[SCOPED], state[BLOCKED]
    last[tag] = depth
    if kind & SCOPE:
        state[SCOPED] = depth
    if kind & BLOCK:
        state[BLOCKED] = depth
        state[PENDING] = max(state[PENDING], BREAK_CELL if kind & CELL else BREAK_LINE)
    state[DEPTH] = depth + 1


@njit
def _end(tag: Any, kind: Any, state: Any, stack: Any, last: Any, kinds: Any) -> Any:
    """Take the end tag of `tag`, which may close nothing."""
    if tag == BR or (tag == P and last[P] <= state[SCOPED]):
        state[PENDING] = BREAK_LINE
        return
    place = last[tag]
    if kind & HEADING:  # any heading ends the one that is open
        for heading in HEADINGS:
            place = max(place, last[heading])
    if place <= 0 or tag in (HTML_TAG, BODY_TAG):
        return
    if kind & SCOPE:
        # A cell or caption ends within its own table only.
        if place >= last[TABLE]:
            _pop(state, stack, last, kinds, place)
    elif tag in (TR, TBODY, THEAD, TFOOT):
        if place > last[TABLE]:
            _pop(state, stack, last, kinds, place)
    elif place > state[SCOPED]:
        if kind & BLOCK or place > state[BLOCKED]:
            _pop(state, stack, last, kinds, place)
        else:
            # An inline element that blocks were opened in: it is over, they are not.
            last[tag] = stack[place, SAME]
            stack[place, TAG], stack[place, SAME] = 0, -1


@njit
def _raw_end(data: Any, pos: Any, size: Any, name: Any, length: Any) -> Any:
    """Return where the end tag begins that closes raw text; the page's end where there is none."""
    while pos < size:
        if data[pos] == 60 and data[pos + 1] == 47 and pos + 2 + length <= size:
            same = True
            for k in range(length):
                if data[pos + 2 + k] | 32 != data[name + k] | 32:
                    same = False
                    break
            after = data[pos + 2 + length]
            if same and (is_space(after) or after == 47 or after == 62):
                return pos
        pos += 1
    return size


@njit
def _past(data: Any, pos: Any, size: Any, byte: Any) -> Any:
    """Return the place behind the next `byte`, the page's end where there is none."""
    while pos < size and data[pos] != byte:
        pos += 1
    return min(size, pos + 1)


@njit
def _comment_end(data: Any, pos: Any, size: Any) -> Any:
    """Return the place behind the comment that begins at `pos`."""
    if not (data[pos + 2] == 45 and data[pos + 3] == 45):
        return _past(data, pos, size, 62)
    pos += 4
    if data[pos] == 62:
        return pos + 1
    while pos < size:
        if data[pos] == 62 and data[pos - 1] == 45 and data[pos - 2] == 45:
            return pos + 1
        pos += 1
    return size


@njit
def _name(data: Any, pos: Any, size: Any, table: Any) -> Any:
    """Return which element the name at `pos` means, 0 for none, and where the name ends."""
    key = BASIS
    while pos < size and not is_space(data[pos]) and data[pos] != 47 and data[pos] != 62:
        byte = data[pos]
        key = name_hash(key, byte | 32 if 65 <= byte <= 90 else byte)
        pos += 1
    return value_of(table, key), pos


@njit
def _start(
    data: Any, pos: Any, state: Any, stack: Any, last: Any, kinds: Any, tables: Any, nodes: Any
) -> Any:
    """Take the start tag whose name begins at `pos`; return the place behind it."""
    size, name = state[SIZE], pos
    tag, pos = _name(data, pos, size, tables[0])
    length = pos - name
    said, closed, pos = attributes(data, pos, size, tables[1])
    kind = kinds[tag]
    if tag == 0:
        return pos
    if kind & RAW:
        return _raw_end(data, pos, size, name, length)
    _imply_ends(tag, kind, state, stack, last, kinds)
    if kind & VOID:
        if tag in (BR, HR):
            state[PENDING] = BREAK_LINE
        return pos
    # A closed element is one in SVG and MathML only, but pages write <a/> and <span/> as well.
    if tag != HTML_TAG and tag != BODY_TAG and not (closed and not kind & BLOCK):
        _open(tag, kind, said, state, stack, last, nodes)
    return pos


@njit
def _scan(
    data: Any, state: Any, stack: Any, last: Any, kinds: Any, tables: Any, nodes: Any, runs: Any
) -> Any:
    """Read the page."""
    size = state[SIZE]
    text = pos = 0
    while pos < size and not state[FULL]:
        if data[pos] != 60:
            pos += 1
            continue
        after = data[pos + 1]
        if not (_is_letter(after) or after == 47 or after == 33 or after == 63):
            pos += 1
            continue
        _add_run(data, text, pos, state, stack, last, runs)
        if _is_letter(after):
            pos = _start(data, pos + 1, state, stack, last, kinds, tables, nodes)
        elif after == 47 and _is_letter(data[pos + 2]):
            tag, pos = _name(data, pos + 2, size, tables[0])
            _, _, pos = attributes(data, pos, size, tables[1])
            if tag:
                _end(tag, kinds[tag], state, stack, last, kinds)
        elif after == 33:
            pos = _comment_end(data, pos, size)
        else:
            pos = _past(data, pos, size, 62)
        text = pos
    if text < size and not state[FULL]:
        _add_run(data, text, size, state, stack, last, runs)


@njit
def _parse(data: Any, size: Any, kinds: Any, tables: Any, nodes: Any, runs: Any) -> Any:
    """Fill `nodes` and `runs`; return how many there are, and whether there were too many."""
    state = np.zeros(8, np.int64)
    state[SIZE], state[DEPTH], state[NODES] = size, 1, 1
    state[SCOPED] = state[BLOCKED] = -1
    stack = np.zeros((MAX_DEPTH, 5), np.int32)
    last = np.full(len(kinds), -1, np.int32)
    nodes[0, 0], nodes[0, 1], nodes[0, 2] = -1, 0, BLOCK
    state[PENDING] = BREAK_LINE
    _scan(data, state, stack, last, kinds, tables, nodes, runs)
    return state[NODES], state[RUNS], state[FULL]


def parse(data: Any, size: int) -> tuple[Any, Any] | None:
    """Return the elements and the runs of text of a page, None where it has too many of them.

    `data` is uint8, UTF-8, with PADDING_BYTES zero bytes behind `size`.
    Elements: int32 (n, 3): parent (always an earlier one), number of the tag, kind and hints.
    Runs: int32 (m, 5): element, start, stop, the break in front of it, 1 in a link | 2 in <pre>.
    """
    tags = int(np.count_nonzero(data[:size] == ord("<")))
    nodes = np.empty((min(tags + 1, MAX_NODES), 3), np.int32)
    runs = np.empty((min(tags + 1, MAX_RUNS), 5), np.int32)
    counts = _parse(data, size, KINDS, (TAG_TABLE, WORD_TABLE), nodes, runs)
    if counts[2]:
        return None
    return nodes[: counts[0]], runs[: counts[1]]
