"""Documents of one URL: which they are, and what stays where that is a level of its own.

Copies of one text and documents of one URL are two ways of belonging together, and neither follows
from the other: a page crawled twice may have changed, and a text may stand at many addresses. So
in order of preference each document is looked at once (`drops_by_page`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from skypile.dedup.cluster import EXACT, NEAR, URL, Drops
from skypile.dedup.formats import (
    PARTITIONS,
    SAME_URL,
    U64,
    URL_ENTRY,
    Records,
    by_partition,
    joined,
    preferred_order,
)
from skypile.dedup.signatures import SignatureIndex, SignatureSet

__all__ = ["drops_by_page", "merged_urls", "pack_url_keys", "same_urls", "url_entries"]

I64 = npt.NDArray[np.int64]

_NOBODY = -1
_NO_EARLIER = (0, 0)
_SLICE = 1 << 18


def url_entries(signatures: SignatureSet) -> Records:
    """Return a URL_ENTRY for each document that has a URL."""
    if not len(signatures):
        return np.empty(0, URL_ENTRY)
    assert signatures.url is not None
    named = np.flatnonzero(signatures.url.any(axis=1))
    entries = np.empty(named.size, URL_ENTRY)
    entries["high"] = signatures.scoped(signatures.url[:, 0])[named]
    entries["low"] = signatures.url[named, 1]
    entries["address"] = signatures.addresses[named]
    return entries


def same_urls(entries: Records) -> Records:
    """Return a SAME_URL for each document whose URL another one has, by ascending address.

    A group is called by its smallest address.
    """
    order = np.lexsort((entries["address"], entries["low"], entries["high"]))
    high, low, address = (entries[name][order] for name in ("high", "low", "address"))
    if not address.size:
        return np.empty(0, SAME_URL)
    first = np.concatenate(([True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, address.size))
    shared = np.repeat(sizes, sizes) > 1
    found = np.empty(int(shared.sum()), SAME_URL)
    found["address"] = address[shared]
    found["group"] = np.repeat(address[starts], sizes)[shared]
    return np.sort(found, order="address")


def pack_url_keys(
    signatures: SignatureSet, *, partitions: int = PARTITIONS
) -> Iterator[tuple[int, bytes]]:
    """Yield (partition, URL_ENTRY records); equal URLs fall into one partition."""
    entries = url_entries(signatures)
    for part, at in by_partition(entries["high"].astype(np.uint64), partitions):
        yield part, entries[at].tobytes()


def merged_urls(chunks: Iterable[bytes]) -> Records:
    """Return the SAME_URL records of all partitions, by ascending address."""
    return np.sort(joined(chunks, SAME_URL), order="address")


def drops_by_page(
    index: SignatureIndex,
    copies: Records,
    edges: Records,
    same_url: Records,
    *,
    earlier: tuple[int, int] = _NO_EARLIER,
) -> Drops:
    """Return what is dropped, for whom, where documents of one URL are duplicates as well.

    `copies`, `edges` and `same_url` are all COPY, EDGE and SAME_URL records; edges join documents
    that no COPY drops, and hold for all copies of these. In order of preference a document is
    dropped as a copy of the one that stands with its text; else for the one that stands with its
    URL; else for the most preferred one standing whose text is like its own; else it stands. So
    each URL and each text stands once, and what a document was dropped for stands. Documents with
    addresses from the first of `earlier` to before its second all stay.

    Without `same_url` the result is that of `skypile.dedup.cluster.cluster`. About 100 bytes for
    each document that belongs to another one.
    """
    parts = (copies["address"], copies["kept"], edges["left"], edges["right"], same_url["address"])
    nodes = np.unique(np.concatenate(parts))
    order = preferred_order(nodes, index.preferences(nodes))
    text = np.arange(nodes.size)
    text[np.searchsorted(nodes, copies["address"])] = np.searchsorted(nodes, copies["kept"])
    page = np.full(nodes.size, _NOBODY)
    page[np.searchsorted(nodes, same_url["address"])] = np.searchsorted(nodes, same_url["group"])
    stays = (nodes >= np.uint64(earlier[0])) & (nodes < np.uint64(earlier[1]))
    links = _Links(nodes, edges)
    found = _looked_at(order, text, page, stays, links)
    node, kept, reason, edge = (np.array(column, np.int64) for column in found)
    by_address = np.argsort(node)
    node, kept, reason, edge = (column[by_address] for column in (node, kept, reason, edge))
    jaccard = np.select([reason == EXACT, reason == URL], [1.0, np.nan], 0.0).astype(np.float32)
    checked = reason != NEAR
    near = np.flatnonzero(reason == NEAR)
    jaccard[near] = edges["jaccard"][edge[near]]
    checked[near] = edges["checked"][edge[near]]
    return Drops(nodes[node], nodes[kept], reason.astype(np.uint8), jaccard, checked)


class _Links:
    """Which edges each node has: those of node n are ``edge[start[n] : start[n + 1]]``."""

    def __init__(self, nodes: U64, edges: Records) -> None:
        left = np.searchsorted(nodes, edges["left"])
        right = np.searchsorted(nodes, edges["right"])
        ends, others = np.concatenate([left, right]), np.concatenate([right, left])
        order = np.argsort(ends, kind="stable")
        self.other: I64 = others[order]
        self.edge: I64 = np.concatenate([np.arange(left.size)] * 2)[order]
        self.start: I64 = np.searchsorted(ends[order], np.arange(nodes.size + 1))


def _looked_at(
    order: I64, text: I64, page: I64, stays: npt.NDArray[np.bool_], links: _Links
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Return node, kept, reason and edge (-1 for none) of what is dropped, in order."""
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    by_text = np.full(order.size, _NOBODY)  # who stands with a text, and for a URL
    by_page = np.full(order.size, _NOBODY)
    found: tuple[list[int], list[int], list[int], list[int]] = ([], [], [], [])
    # Lists of a slice at a time: a Python int takes four times the memory of an int64.
    for start in range(0, order.size, _SLICE):
        chosen = order[start : start + _SLICE]
        columns = (chosen, text[chosen], page[chosen], stays[chosen])
        for node, its_text, its_page, safe in zip(*(c.tolist() for c in columns), strict=True):
            kept, reason, edge = _NOBODY, EXACT, _NOBODY
            if not safe:
                kept = int(by_text[its_text])
                if kept == _NOBODY and its_page != _NOBODY:
                    kept, reason = int(by_page[its_page]), URL
                if kept == _NOBODY:
                    kept, edge = _alike(links, its_text, by_text, rank)
                    reason = NEAR
            if kept == _NOBODY:
                if by_text[its_text] == _NOBODY:
                    by_text[its_text] = node
                if its_page != _NOBODY and by_page[its_page] == _NOBODY:
                    by_page[its_page] = node
                continue
            for column, value in zip(found, (node, kept, reason, edge), strict=True):
                column.append(value)
    return found


def _alike(links: _Links, text: int, by_text: I64, rank: I64) -> tuple[int, int]:
    """Return the most preferred document standing whose text is like `text`, and the edge."""
    start, stop = links.start[text : text + 2].tolist()
    if start == stop:
        return _NOBODY, _NOBODY
    standing = by_text[links.other[start:stop]]
    there = np.flatnonzero(standing != _NOBODY)
    if not there.size:
        return _NOBODY, _NOBODY
    best = there[np.argmin(rank[standing[there]])]
    return int(standing[best]), int(links.edge[start + best])
