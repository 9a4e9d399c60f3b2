"""Labelled rows to fine-tune on: what each has, what is checked, how an epoch draws them.

Shape suffixes: N rows, H heads.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers import ClassifierError
from classifiers.splits import SPLITS, split_rows

__all__ = ["KNOWN_HEADS", "Labelled", "Split", "check_heads", "drawn_rows", "split_of"]

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

# What the documentation and the recipes call the heads that they know.
KNOWN_HEADS: Final = ("quality", "porn", "politics", "ads", "toxicity", "stem")
# Languages are drawn by the square root of their size in XLM (Lample and Conneau 2019); so are
# sources here, so that a large one does not drown the others and a small one is not all repeats.
_SOURCE_POWER: Final = 0.5
DROPPED: Final = -1


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows (N) with labels for `heads`: float32 (N, H), NaN where unknown, between 0 and 1 soft.

    `groups` says what must not be split; `families` (int64) is equal for near copies of a text.
    """

    texts: tuple[str, ...]
    heads: tuple[str, ...]
    labels: F32
    languages: tuple[str, ...]
    sources: tuple[str, ...]
    groups: tuple[str, ...]
    licenses: tuple[str, ...]
    families: I64

    def __len__(self) -> int:
        return len(self.texts)

    def positive(self, head: int) -> npt.NDArray[np.bool_]:
        """Return whether a head's label is 0.5 or more, bool (N,); False where it is unknown."""
        found: npt.NDArray[np.bool_] = self.labels[:, head] >= 0.5
        return found

    def known(self, head: int) -> npt.NDArray[np.bool_]:
        """Return whether a row has a label for a head, bool (N,)."""
        return ~np.isnan(self.labels[:, head])


@dataclass(frozen=True, slots=True)
class Split:
    """Each row's split, int64 (N,): an index into SPLITS, or -1 for a copy that was left out."""

    numbers: I64
    copies: int

    def rows(self, name: str) -> I64:
        """Return the numbers of the rows of a split, ascending."""
        return np.flatnonzero(self.numbers == SPLITS.index(name))


def check_heads(rows: Labelled) -> None:
    """Raise ClassifierError where there is no row, or a head has one class only."""
    if not len(rows):
        raise ClassifierError("no rows to train on: none of the inputs has a labelled document")
    for at, head in enumerate(rows.heads):
        known, positive = rows.known(at), rows.positive(at)
        counts = (int((known & ~positive).sum()), int(positive.sum()))
        if 0 in counts:
            raise ClassifierError(
                f"head {head}: {counts[0]} rows with label 0 and {counts[1]} with label 1 among "
                f"{len(rows)}; both are needed to tell them apart"
            )


def split_of(rows: Labelled, valid_frac: float, test_frac: float, seed: int) -> Split:
    """Return the rows' splits: by group, and without near copies of rows of a later split.

    Of a family that lies in several splits, the rows in test stay, else those in valid: what is
    measured is not thinned, and nothing of it is seen in training. Raises ClassifierError where a
    split has not both classes of each head.
    """
    shares = (1 - valid_frac - test_frac, valid_frac, test_frac)
    numbers = split_rows(rows.groups, rows.labels, rows.heads, rows.languages, shares, seed)
    last = np.full(int(rows.families.max()) + 1, DROPPED, dtype=np.int64)
    np.maximum.at(last, rows.families, numbers)
    is_copy = last[rows.families] > numbers
    split = Split(np.where(is_copy, DROPPED, numbers), int(is_copy.sum()))
    for at, head in enumerate(rows.heads):
        for number, name in enumerate(SPLITS):
            inside = split.numbers == number
            positive = rows.positive(at)
            for label, having in ((0, rows.known(at) & ~positive), (1, positive)):
                if not (inside & having).any():
                    raise ClassifierError(
                        f"head {head} has no row of {label} in {name} once the {split.copies} near "
                        "copies of rows of other splits are left out; add rows that are no copies, "
                        "or take another --seed"
                    )
    return split


def drawn_rows(sources: Sequence[str], rng: np.random.Generator) -> I64:
    """Return as many row numbers as there are, drawn so that small sources come more often.

    A source of n rows gives a share in proportion to the square root of n, each of its rows before
    any comes twice.
    """
    _, codes = np.unique(np.asarray(sources, dtype=object).astype(str), return_inverse=True)
    sizes = np.bincount(codes)
    shares = sizes**_SOURCE_POWER
    quotas = np.maximum(1, np.rint(len(codes) * shares / shares.sum())).astype(np.int64)
    drawn = []
    for source, quota in enumerate(quotas.tolist()):
        rows = np.flatnonzero(codes == source)
        rounds = math.ceil(quota / len(rows))
        drawn.append(np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:quota])
    return np.concatenate(drawn)


def counted(values: Sequence[str]) -> dict[str, int]:
    """Return how often each value occurs, the most frequent first, ties by name."""
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))
