"""Groups of rows dealt out to train, valid and test, so that no site or source lies in two.

Shape suffixes: G groups, S splits, N rows, K kinds of rows: for each head its negatives and
positives, then those of each language, then all rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers import ClassifierError

__all__ = ["SPLITS", "split_rows"]

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

SPLITS: Final = ("train", "valid", "test")
# Orders of groups that are tried; each is a pass in Python over all groups.
_ATTEMPTS: Final = 40
_GROUPS_TRIED: Final = 20_000
# A class that a split lacks outweighs all else, and one that it lacks in a language any deviation
# from the wanted shares.
_MISSING: Final = 1e6
_MISSING_LANGUAGE: Final = 10.0
_NAMED: Final = 3


def split_rows(
    groups: Sequence[str],
    labels: npt.NDArray[np.float32],
    heads: Sequence[str],
    languages: Sequence[str],
    shares: tuple[float, float, float],
    seed: int,
) -> I64:
    """Return each row's split (index into `SPLITS`): all rows of a group go to one.

    `labels` is (rows, heads), NaN where unknown; `shares` are those of rows wanted in each split.
    Groups come in the order of their hashes with the seed, and each goes where rows of its classes
    are wanted most (as labels are dealt out one by one in Sechidis et al. 2011). Of up to 40 such
    orders the one is taken that gives each head both classes in each split, if it can in each
    language, and then the one nearest to the shares. Raises ClassifierError that names heads and
    splits where none does.
    """
    names, inverse = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    counts_GK = _kinds(labels, languages, inverse, len(names))
    needed = 2 * len(heads)
    wanted_S = np.array(shares, dtype=np.float64)
    best: I64 | None = None
    best_cost = np.inf
    for attempt in range(max(1, min(_ATTEMPTS, _GROUPS_TRIED // max(len(names), 1)))):
        dealt_G = _dealt(counts_GK, _order(names, seed, attempt), wanted_S)
        cost = _cost(counts_GK, dealt_G, wanted_S, needed)
        if cost < best_cost:
            best, best_cost = dealt_G, cost
    assert best is not None
    if best_cost >= _MISSING:
        raise ClassifierError(_lacking(counts_GK, best, names, heads))
    return best[inverse]


def _kinds(
    labels: npt.NDArray[np.float32], languages: Sequence[str], inverse: I64, group_count: int
) -> F64:
    """Return how many rows of each kind a group has, float64 (G, K)."""
    classes_NK = np.stack([labels < 0.5, labels >= 0.5], axis=2).reshape(len(labels), -1)
    own = np.asarray(languages, dtype=object)
    names = sorted(set(languages)) if len(set(languages)) > 1 else []
    by_language = [classes_NK & (own == name)[:, None] for name in names]
    kinds_NK = np.concatenate([classes_NK, *by_language, np.ones((len(labels), 1), bool)], axis=1)
    # A language without any row of a class needs none in each split; a head does.
    is_head_K = np.arange(kinds_NK.shape[1]) < classes_NK.shape[1]
    kinds_NK = kinds_NK[:, kinds_NK.any(axis=0) | is_head_K]
    counts_GK = np.zeros((group_count, kinds_NK.shape[1]))
    np.add.at(counts_GK, inverse, kinds_NK)
    return counts_GK


def _order(names: npt.NDArray[np.str_], seed: int, attempt: int) -> I64:
    keys = [
        hashlib.blake2b(f"{seed}\0{attempt}\0{name}".encode(), digest_size=8).digest()
        for name in names.tolist()
    ]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


def _dealt(counts_GK: F64, order: I64, wanted_S: F64) -> I64:
    """Return the split of each group, dealt in `order`."""
    total_K = np.maximum(counts_GK.sum(axis=0), 1)
    have_SK = np.zeros((len(wanted_S), len(total_K)))
    dealt_G = np.zeros(len(counts_GK), dtype=np.int64)
    for group in order:
        share_K = counts_GK[group] / total_K
        want_SK = 1 - have_SK / wanted_S[:, None]
        # What a split has none of yet is wanted before all else, of rare kinds the most.
        want_SK = np.where(have_SK == 0, want_SK + 10, want_SK)
        gain_S = (want_SK * share_K).sum(axis=1)
        split = int(np.argmax(gain_S))
        dealt_G[group] = split
        have_SK[split] += share_K
    return dealt_G


def _per_split(counts_GK: F64, dealt_G: I64, split_count: int) -> F64:
    found = np.zeros((split_count, counts_GK.shape[1]))
    np.add.at(found, dealt_G, counts_GK)
    return found


def _cost(counts_GK: F64, dealt_G: I64, wanted_S: F64, needed: int) -> float:
    have_SK = _per_split(counts_GK, dealt_G, len(wanted_S))
    share_SK = have_SK / np.maximum(have_SK.sum(axis=0), 1)
    # Kinds count alike; the share of all rows counts as much as all of them together.
    off_SK = np.abs(share_SK - wanted_S[:, None])
    off = float(off_SK[:, :-1].mean() + off_SK[:, -1].mean())
    lacks_SK = have_SK == 0
    lacks_needed = int(lacks_SK[:, :needed].sum()) + int(lacks_SK[:, -1].sum())
    return _MISSING * lacks_needed + _MISSING_LANGUAGE * int(lacks_SK.sum()) + off


def _lacking(
    counts_GK: F64, dealt_G: I64, names: npt.NDArray[np.str_], heads: Sequence[str]
) -> str:
    have_SK = _per_split(counts_GK, dealt_G, len(SPLITS))
    told = []
    for kind in range(2 * len(heads)):
        splits = [name for name, count in zip(SPLITS, have_SK[:, kind], strict=True) if not count]
        if splits:
            having = names[counts_GK[:, kind] > 0].tolist()
            shown = ", ".join(having[:_NAMED]) + (", …" if len(having) > _NAMED else "")
            told.append(
                f"head {heads[kind // 2]} has no row of {kind % 2} in {' and '.join(splits)}: "
                f"{len(having)} of {len(names)} groups have one ({shown})"
            )
    if not told:
        told = [f"there are only {len(names)} groups ({', '.join(names.tolist()[:_NAMED])})"]
    return (
        "the rows cannot be split into train, valid and test by group: " + "; ".join(told) + ". "
        "Add rows from other sites or sources (three at least for each class of a head), leave the "
        "head out by naming the others with --head, or group by another field with --group-field"
    )
