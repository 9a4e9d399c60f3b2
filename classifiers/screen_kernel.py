"""The arithmetic of a screen over windows of token ids, compiled.

Shape suffixes: W windows, V entries of the vocabulary, D channels of an entry, F features of a
window, K hidden channels, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

__all__ = ["LENGTH_FEATURES", "SCALES", "estimate"]

T = TypeVar("T", bound=Callable[..., Any])

# By what the mean and the largest of the entries' channels are multiplied, so that both are about
# as large as the features of the length.
SCALES: Final = (3.0, 1.0)
_MEAN_SCALE, _LARGEST_SCALE = np.float32(SCALES[0]), np.float32(SCALES[1])
# log(1 + n) / 4 and 8 / (n + 8).
LENGTH_FEATURES: Final = 2


def _compiled(function: T) -> T:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(T, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder that can be written: it is compiled in each process
        return cast(T, numba.njit(**options)(function))


# Everything is summed in a fixed order, window by window: a matrix product by BLAS would round by
# the company that a window has, and windows at a bound would change sides.
@_compiled
def estimate(
    ids: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    table_VD: np.ndarray,
    first_FK: np.ndarray,
    first_K: np.ndarray,
    second_KL: np.ndarray,
    skip_FL: np.ndarray,
    second_L: np.ndarray,
    logits_WL: np.ndarray,
) -> None:
    """Fill in each window's logits: relu(f first_FK + first_K) second_KL + f skip_FL + second_L.

    f are the mean and the largest of the window's rows of `table_VD`, by channel, and two features
    of its length; of no tokens both are 0. Weights and logits are float32, ids uint32, starts and
    lengths int64. An id that the table lacks is not looked for here.
    """
    width = table_VD.shape[1]
    label_count = logits_WL.shape[1]
    feature_F = np.empty(2 * width + 2, np.float32)
    hidden_K = np.empty(len(first_K), np.float32)
    for window in range(len(starts)):
        length = lengths[window]
        total, largest = feature_F[:width], feature_F[width : 2 * width]
        total[:] = 0.0
        largest[:] = -np.inf if length else 0.0
        for place in range(starts[window], starts[window] + length):
            row = table_VD[ids[place]]
            for channel in range(width):
                value = row[channel]
                total[channel] += value
                if value > largest[channel]:
                    largest[channel] = value
        scale = _MEAN_SCALE / np.float32(max(length, 1))
        for channel in range(width):
            total[channel] *= scale
            largest[channel] *= _LARGEST_SCALE
        feature_F[2 * width] = np.log1p(np.float64(length)) / 4.0
        feature_F[2 * width + 1] = 8.0 / (np.float64(length) + 8.0)
        hidden_K[:] = first_K
        logits_WL[window] = second_L
        for at in range(len(feature_F)):
            value = feature_F[at]
            for channel in range(len(hidden_K)):
                hidden_K[channel] += value * first_FK[at, channel]
            for label in range(label_count):
                logits_WL[window, label] += value * skip_FL[at, label]
        for channel in range(len(hidden_K)):
            value = hidden_K[channel]
            if value > 0.0:
                for label in range(label_count):
                    logits_WL[window, label] += value * second_KL[channel, label]
