"""A model of fastText, laid out for the kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skypile.kernels.buffers import PADDING_BYTES
from skypile.kernels.fasttext import listed_rows
from skypile.kernels.fasttext_file import FastTextFile
from skypile.kernels.fasttext_layout import (
    HIERARCHICAL,
    SIEVE_BITS,
    SOFTMAX,
    WORD_SIEVE_BITS,
    Tables,
)
from skypile.kernels.fasttext_vectors import LANES
from skypile.kernels.fasttext_words import enter
from skypile.kernels.vectors import WINDOW

__all__ = ["tables"]

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

END_OF_LINE = b"</s>"


def tables(model: FastTextFile) -> Tables:
    """Return a model laid out for `predict`."""
    names = [*model.words, *model.labels]
    borders = np.cumsum([0, *map(len, names)], dtype=np.int64)
    letters = np.frombuffer(b"".join(names) + bytes(PADDING_BYTES), np.uint8).copy()
    firsts = np.array([int.from_bytes(name[:8], "little") for name in names], np.uint64)
    slots = np.zeros(1 << (2 * len(names)).bit_length(), np.int32)
    word_sieve = np.zeros((1 << WORD_SIEVE_BITS) // WINDOW, np.uint64)
    enter(slots, word_sieve, firsts, borders)
    bits, ranks, order = _kept(model)
    words = len(model.words)
    rows = _padded(model.rows)
    if order is not None:
        rows = np.concatenate((rows[:words], rows[words:][order]))
    left, right = _tree(model.label_counts)
    found = Tables(
        slots=slots,
        word_sieve=word_sieve,
        firsts=firsts,
        borders=borders,
        letters=letters,
        subword_borders=np.zeros(1, np.int64),
        subwords=np.zeros(0, np.int32),
        sieve=_sieve(bits),
        bits=bits,
        ranks=ranks,
        rows=rows,
        output=_padded(model.output),
        left=left,
        right=right,
        word_ngrams=model.word_ngrams,
        bucket=model.bucket,
        minn=model.minn,
        maxn=model.maxn,
        words=words,
        dim=model.output.shape[1],
        end_of_line=model.words.index(END_OF_LINE) if END_OF_LINE in model.words else -1,
        loss=HIERARCHICAL if model.loss == "hs" else SOFTMAX,
        kept=model.bucket > 0 and bool(bits.any()),
    )
    return _with_subwords(found)


def _with_subwords(m: Tables) -> Tables:
    """Return the model with the rows of all words: each its own, then those of its n-grams.

    The n-grams are those that the kernel finds where it knows no word.
    """
    ignorant = m._replace(word_sieve=np.zeros_like(m.word_sieve), end_of_line=-1, word_ngrams=1)
    ngrams, counts = listed_rows(m.letters, m.borders[: m.words + 1], ignorant)
    starts = np.cumsum(counts) - counts
    if m.end_of_line >= 0:  # has no n-grams
        own = starts[m.end_of_line] + np.arange(counts[m.end_of_line])
        ngrams, counts[m.end_of_line] = np.delete(ngrams, own), 0
        starts = np.cumsum(counts) - counts
    subwords = np.insert(ngrams, starts, np.arange(m.words, dtype=np.int32))
    return m._replace(subword_borders=np.cumsum([0, *(counts + 1)]), subwords=subwords)


def _sieve(bits: U64) -> U64:
    """Return bits that are set where one of the buckets of equal remainder was kept."""
    size = SIEVE_BITS // WINDOW
    folded = np.zeros(-(-bits.size // size) * size, np.uint64)
    folded[: bits.size] = bits
    found: U64 = np.bitwise_or.reduce(folded.reshape(-1, size), axis=0)
    return found


def _kept(model: FastTextFile) -> tuple[U64, I32, I64 | None]:
    """Return the bits of kept buckets, how many are set before each 64, and the buckets' order."""
    size = model.bucket // WINDOW + 1
    if model.kept is None:
        return np.full(size, ~np.uint64(0)), np.arange(size, dtype=np.int32) * WINDOW, None
    buckets = model.kept[:, 0].astype(np.int64)
    bits = np.zeros(size, np.uint64)
    np.bitwise_or.at(bits, buckets // WINDOW, np.uint64(1) << (buckets % WINDOW).astype(np.uint64))
    counts = np.bincount(buckets // WINDOW, minlength=size)
    ranks = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int32)
    return bits, ranks, model.kept[np.argsort(buckets), 1].astype(np.int64)


def _padded(matrix: F32) -> F32:
    """Return the matrix with columns of zeros up to a multiple of LANES."""
    width = -(-matrix.shape[1] // LANES) * LANES
    return np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])))


def _tree(counts: I64) -> tuple[I32, I32]:
    """Return the children of the nodes of the Huffman tree; the first nodes are the labels.

    `counts` falls, so that two queues do, as in fastText: of labels from the rarest on, and of
    nodes in the order in which they were made.
    """
    size = len(counts)
    weights = [*counts.tolist(), *[10**15] * (size - 1)]
    left, right = (np.full(2 * size - 1, -1, np.int32) for _ in range(2))
    leaf, node = size - 1, size
    for made in range(size, 2 * size - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[made], right[made] = pair
        weights[made] = weights[pair[0]] + weights[pair[1]]
    return left, right
