"""What a step of training is made of: drawn windows, their batches, the loss over known labels.

Shape suffixes: B windows of a batch, T positions, H heads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import torch

from classifiers.windows import Frame

__all__ = ["batches", "drawn_window", "masked_loss", "padded"]

# Titles are so short that a batch of 8k tokens would hold 500: too few steps, too little weight
# for the long documents beside them.
_BATCH_MAX_WINDOWS: Final = 128
_POOL_WINDOWS: Final = 4_096


def masked_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean binary cross-entropy over known labels; a NaN label adds nothing.

    Both are (windows, heads); labels are NaN or 0 to 1, where those between are probabilities.
    """
    known_BH = ~torch.isnan(labels)
    loss_BH = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, torch.nan_to_num(labels), reduction="none"
    )
    return (loss_BH * known_BH).sum() / known_BH.sum().clamp(min=1)


def batches(
    lengths: np.ndarray,
    rng: np.random.Generator,
    token_budget: int,
    max_windows: int = _BATCH_MAX_WINDOWS,
    special_count: int = 2,
) -> Iterator[np.ndarray]:
    """Yield all windows once, in batches of like lengths within the budget, in random order."""
    order = rng.permutation(len(lengths))
    found: list[np.ndarray] = []
    for begin in range(0, len(order), _POOL_WINDOWS):
        pool = order[begin : begin + _POOL_WINDOWS]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        at = 0
        while at < len(pool):
            size = max(1, token_budget // (int(lengths[pool[at]]) + special_count))
            found.append(pool[at : at + min(size, max_windows)])
            at += len(found[-1])
    for index in rng.permutation(len(found)):
        yield found[index]


def padded(
    windows: Sequence[np.ndarray], frame: Frame, pad_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return input ids and attention mask, int64 (B, T), of windows in their frame."""
    head = len(frame.prefix)
    width = max(len(window) for window in windows) + frame.count
    ids_BT = np.full((len(windows), width), pad_id, dtype=np.int64)
    mask_BT = np.zeros((len(windows), width), dtype=np.int64)
    for row, window in enumerate(windows):
        end = head + len(window)
        ids_BT[row, :head] = frame.prefix
        ids_BT[row, head:end] = window
        ids_BT[row, end : end + len(frame.suffix)] = frame.suffix
        mask_BT[row, : end + len(frame.suffix)] = 1
    return torch.from_numpy(ids_BT), torch.from_numpy(mask_BT)


def drawn_window(rng: np.random.Generator, ids: np.ndarray, room: int) -> np.ndarray:
    """Return a document's ids, or of a long one its first, last or a random `room` of them.

    First 35 %, last 25 %, anywhere 40 %: scoring always reads the first and the last.
    """
    if len(ids) <= room:
        return ids
    place = rng.random()
    rest = len(ids) - room
    at = 0 if place < 0.35 else rest if place < 0.6 else int(rng.integers(0, rest))
    return ids[at : at + room]
