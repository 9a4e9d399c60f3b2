"""Suffix arrays by prefix doubling, and what they are good for: repeats and substring search."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise


def suffix_array(text: str) -> list[int]:
    """Return the starts of the suffixes in sorted order, in O(n log^2 n).

    In each round the suffixes are sorted by their first 2h characters, with the ranks of the
    last round standing for the halves; it ends as soon as all ranks differ.
    """
    size = len(text)
    rank = [ord(char) for char in text]
    order = list(range(size))
    reach = 1
    while True:

        def key(start: int) -> tuple[int, int]:
            after = start + reach
            return rank[start], rank[after] if after < size else -1

        keys = [key(start) for start in range(size)]
        order.sort(key=keys.__getitem__)
        fresh = [0] * size
        for before, here in pairwise(order):
            fresh[here] = fresh[before] + (keys[before] != keys[here])
        rank = fresh
        if not order or rank[order[-1]] == size - 1:
            return order
        reach *= 2


def common_prefixes(text: str, order: list[int]) -> list[int]:
    """Return Kasai's array: entry i is what suffixes i - 1 and i of `order` share at the front."""
    place = [0] * len(text)
    for index, start in enumerate(order):
        place[start] = index
    shared = [0] * len(text)
    length = 0
    for start in range(len(text)):
        if place[start] == 0:
            length = 0
            continue
        other = order[place[start] - 1]
        limit = len(text) - max(start, other)
        while length < limit and text[start + length] == text[other + length]:
            length += 1
        shared[place[start]] = length
        length = max(0, length - 1)  # dropping one character loses at most one of the prefix
    return shared


def longest_repeat(text: str) -> str:
    """Return the longest string that occurs at two places, which may overlap."""
    order = suffix_array(text)
    shared = common_prefixes(text, order)
    if not shared:
        return ""
    index = max(range(len(shared)), key=shared.__getitem__)
    return text[order[index] : order[index] + shared[index]]


def occurrences(text: str, order: list[int], wanted: str) -> list[int]:
    """Return all places where `wanted` begins, by two binary searches."""

    def head(start: int) -> str:
        return text[start : start + len(wanted)]

    first = bisect_left(order, wanted, key=head)
    last = first
    while last < len(order) and head(order[last]) == wanted:
        last += 1
    return sorted(order[first:last])


def distinct_substrings(text: str) -> int:
    """Return how many different non-empty substrings there are."""
    order = suffix_array(text)
    size = len(text)
    return size * (size + 1) // 2 - sum(common_prefixes(text, order))


if __name__ == "__main__":
    sample = "the miller mills the meal that the miller's mill must mill"
    table = suffix_array(sample)
    print(repr(longest_repeat(sample)), occurrences(sample, table, "mill"))
    print(distinct_substrings(sample), "different substrings")
