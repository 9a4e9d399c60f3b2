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
def _children(total: Any, node: Any, score: Any, output: Any, dim: Any) -> Any:
    """Return the scores of the left and the right child of a node of the tree."""
    product = _product(total, output[node - output.shape[0]], dim)
    right = np.float32(1.0 / np.float64(np.float32(1) + np.float32(math.exp(-product))))
    return score + _log(1.0 - np.float64(right)), score + _log(right)


@uncounted
def _search(
    total: Any, output: Any, dim: Any, left: Any, right: Any, nodes: Any, scores: Any, least: Any
) -> Any:
    """Return the best leaf and its score as fastText finds it, given that it scores `least`."""
    best, leaf = np.float32(least), np.int64(-1)
    nodes[0], scores[0], depth = left.size - 1, np.float32(0), 1
    while depth:
        depth -= 1
        node, score = nodes[depth], scores[depth]
        if score < best:
            continue
        if left[node] < 0:
            best, leaf = score, node
            continue
        lefts, rights = _children(total, node, score, output, dim)
        nodes[depth], scores[depth] = right[node], rights
        nodes[depth + 1], scores[depth + 1] = left[node], lefts
        depth += 2
    return leaf, best


@uncounted
def best_leaf(
    total: Any, output: Any, dim: Any, left: Any, right: Any, nodes: Any, scores: Any
) -> Any:
    """Return the best label by hierarchical softmax, and its score.

    Down the tree by the likelier child; all is settled there if no child beside that way comes
    near. Else fastText's own search, from the left, with what was reached as the least.
    """
    node, score, beside = np.int64(left.size - 1), np.float32(0), np.float32(-np.inf)
    while left[node] >= 0:
        lefts, rights = _children(total, node, score, output, dim)
        if lefts > rights:
            node, score, beside = np.int64(left[node]), lefts, max(beside, rights)
        else:
            node, score, beside = np.int64(right[node]), rights, max(beside, lefts)
    if beside < score - MARGIN:
        return node, score
    return _search(total, output, dim, left, right, nodes, scores, score - MARGIN)


@uncounted
def best_label(total: Any, output: Any, dim: Any, scores: Any) -> Any:
    """Return the best label by softmax, and its score."""
    labels = output.shape[0]
    most = np.float32(-np.inf)
    for label in range(labels):
        scores[label] = _product(total, output[label], dim)
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
