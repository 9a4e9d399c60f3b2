"""The best label for a mean of rows, as fastText finds it: softmax, or down the Huffman tree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skypile.kernels.cache import uncounted, uncounted_inlined

__all__ = ["best_label", "best_leaf"]

# What fastText adds to a probability before it takes the logarithm.
LEAST = 1e-5
# A node of the tree may be better than what is above it by 1e-5 at most, at each of its steps.
MARGIN = np.float32(0.01)


@uncounted_inlined
def _log(value: Any) -> Any:
    return np.float32(math.log(np.float64(np.float32(value)) + LEAST))


@uncounted_inlined
def _product(total: Any, row: Any, dim: Any) -> Any:
    found = np.float32(0)
    for place in range(dim):
        found += row[place] * total[place]
    return found


@uncounted_inlined
def _children(total: Any, node: Any, score: Any, m: Any) -> Any:
    """Return the scores of the left and the right child of a node of the tree."""
    product = _product(total, m.output[node - m.output.shape[0]], m.dim)
    right = np.float32(1.0 / np.float64(np.float32(1) + np.float32(math.exp(-product))))
    return score + _log(1.0 - np.float64(right)), score + _log(right)


@uncounted
def _search(room: Any, least: Any, m: Any) -> Any:
    """Return the best leaf and its score as fastText finds it, given that it scores `least`."""
    nodes, scores = room.nodes, room.scores
    best, leaf = np.float32(least), -1
    nodes[0], scores[0], depth = m.left.size - 1, np.float32(0), 1
    while depth:
        depth -= 1
        node, score = nodes[depth], scores[depth]
        if score < best:
            continue
        if m.left[node] < 0:
            best, leaf = score, node
            continue
        left, right = _children(room.total, node, score, m)
        nodes[depth], scores[depth] = m.right[node], right
        nodes[depth + 1], scores[depth + 1] = m.left[node], left
        depth += 2
    return leaf, best


@uncounted_inlined
def best_leaf(room: Any, m: Any) -> Any:
    """Return the best label by hierarchical softmax, and its score.

    Down the tree by the likelier child; all is settled there if no child beside that way comes
    near. Else fastText's own search, from the left, with what was reached as the least.
    """
    node, score, beside = np.int64(m.left.size - 1), np.float32(0), np.float32(-np.inf)
    while m.left[node] >= 0:
        left, right = _children(room.total, node, score, m)
        if left > right:
            node, score, beside = np.int64(m.left[node]), left, max(beside, right)
        else:
            node, score, beside = np.int64(m.right[node]), right, max(beside, left)
    if beside < score - MARGIN:
        return node, score
    return _search(room, score - MARGIN, m)


@uncounted
def best_label(room: Any, m: Any) -> Any:
    """Return the best label by softmax, and its score."""
    scores, labels = room.scores, m.output.shape[0]
    most = np.float32(-np.inf)
    for label in range(labels):
        scores[label] = _product(room.total, m.output[label], m.dim)
        most = max(most, scores[label])
    whole = np.float32(0)
    for label in range(labels):
        scores[label] = np.float32(math.exp(scores[label] - most))
        whole += scores[label]
    best, found = np.float32(-np.inf), np.int64(-1)
    for label in range(labels):
        score = _log(scores[label] / whole)
        if score >= best:
            best, found = score, np.int64(label)
    return found, best
