"""The arithmetic of a screen over windows of token ids, compiled.

Shape suffixes: W windows, V entries of the vocabulary, S numbers of an entry that are summed up, F
features of a window, K hidden channels, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np

__all__ = ["LENGTH_FEATURES", "SCALES", "estimate"]

T = TypeVar("T", bound=Callable[..., Any])

# By what the mean of the entries' channels and those of the queries are multiplied, so that they
# are about as large as the other features.
SCALES: Final = (3.0, 2.0)
_MEAN_SCALE, _QUERY_SCALE = np.float32(SCALES[0]), np.float32(SCALES[1])
# log(1 + n) / 4 and 8 / (n + 8).
LENGTH_FEATURES: Final = 2
# A query's weights sum up to more wherever there is a token.
_LEAST = np.float32(1e-6)


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
    summed_VS: np.ndarray,
    width: int,
    queries: int,
    first_FK: np.ndarray,
    first_K: np.ndarray,
    second_KL: np.ndarray,
    skip_FL: np.ndarray,
    second_L: np.ndarray,
    logits_WL: np.ndarray,
) -> None:
    """Fill in each window's logits: relu(f first_FK + first_K) second_KL + f skip_FL + second_L.

    A row of `summed_VS` is an entry's `width` channels, the weights that `queries` queries give it
    (positive), and what it says to each of them, times the weight. f are the mean and the largest
    of the window's channels; two features of its length; of each query what is said on average, by
    weight; log(1 + the sum of its weights) / 4. Of no tokens all but the length are 0. Weights and
    logits are float32, ids uint32, starts and lengths int64. An id that the tables lack is not
    looked for here.
    """
    summed = summed_VS.shape[1]
    said = width + queries  # where in a row that begins
    channels = (summed - said) // queries
    label_count = logits_WL.shape[1]
    averaged = 2 * width + LENGTH_FEATURES  # where the queries' features begin
    weights = averaged + queries * channels
    feature_F = np.empty(weights + queries, np.float32)
    total_S = np.empty(summed, np.float32)
    largest_D = np.empty(width, np.float32)
    hidden_K = np.empty(len(first_K), np.float32)
    for window in range(len(starts)):
        length = lengths[window]
        total_S[:] = 0.0
        largest_D[:] = -np.inf if length else 0.0
        for place in range(starts[window], starts[window] + length):
            row = summed_VS[ids[place]]
            for at in range(summed):
                total_S[at] += row[at]
            for at in range(width):
                largest_D[at] = max(largest_D[at], row[at])
        scale = _MEAN_SCALE / np.float32(max(length, 1))
        for at in range(width):
            feature_F[at] = total_S[at] * scale
            feature_F[width + at] = largest_D[at]
        for query in range(queries):
            weight = total_S[width + query]
            scale = _QUERY_SCALE / max(weight, _LEAST)
            for channel in range(query * channels, (query + 1) * channels):
                feature_F[averaged + channel] = total_S[said + channel] * scale
            feature_F[weights + query] = np.log1p(np.float64(weight)) / 4.0
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
