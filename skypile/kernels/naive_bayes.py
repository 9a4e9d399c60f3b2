"""langdetect's draws: naive Bayes over n-grams drawn at random, until one language stands out.

The random numbers are those of Python's generator (MT19937, Matsumoto and Nishimura 1998), and so
are the draws made of them: `random.Random.gauss` and `choice`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit

__all__ = ["TWISTER_WORDS", "language_chances"]

TWISTER_WORDS = 624
SHIFT_WORDS = 397
# langdetect 1.0.9: detector.Detector.
TRIALS = 7
ALPHA, ALPHA_WIDTH = 0.5, 0.05
BASE_FREQ = 10000
MOST_DRAWS = 1000
SURE = 0.99999
LOOK_EVERY = 5


@njit
def _twist(state: Any) -> None:
    for at in range(TWISTER_WORDS):
        following = np.int64(state[(at + 1) % TWISTER_WORDS])
        mixed = (np.int64(state[at]) & 0x80000000) | (following & 0x7FFFFFFF)
        value = np.int64(state[(at + SHIFT_WORDS) % TWISTER_WORDS]) ^ (mixed >> 1)
        state[at] = value ^ (0x9908B0DF if mixed & 1 else 0)


@njit
def _next(state: Any, at: Any) -> Any:
    """Return the next 32 bits as int64; `at` int64 (1,) is the place in `state`."""
    if at[0] == TWISTER_WORDS:
        _twist(state)
        at[0] = 0
    value = np.int64(state[at[0]])
    at[0] += 1
    value ^= value >> 11
    value ^= (value << 7) & 0x9D2C5680
    value ^= (value << 15) & 0xEFC60000
    return value ^ (value >> 18)


@njit
def _fraction(state: Any, at: Any) -> Any:
    """Return the next number of [0, 1)."""
    high = _next(state, at) >> 5
    low = _next(state, at) >> 6
    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0)


@njit
def _below(state: Any, at: Any, limit: Any) -> Any:
    """Return the next whole number below `limit`."""
    bits = 0
    while limit >> bits:
        bits += 1
    value = limit
    while value >= limit:
        value = _next(state, at) >> (32 - bits)
    return value


@njit
def _settled(chances: Any) -> Any:
    """Make the chances sum to 1; return whether one of them is sure."""
    total = 0.0
    for language in range(chances.size):
        total += chances[language]
    most = 0.0
    for language in range(chances.size):
        chances[language] /= total
        most = max(most, chances[language])
    return most > SURE


@njit
def _trial(grams: Any, table: Any, weight: Any, state: Any, at: Any, chances: Any) -> None:
    chances[:] = 1.0 / chances.size
    for draw in range(MOST_DRAWS + 1):
        row = grams[_below(state, at, grams.size)]
        for language in range(chances.size):
            chances[language] *= weight + table[row, language]
        if draw % LOOK_EVERY == 0 and _settled(chances):
            return


@njit
def _language_chances(grams: Any, table: Any, state: Any, found: Any) -> None:
    at = np.full(1, TWISTER_WORDS)
    chances = np.empty(found.size)
    waiting = 0.0
    for trial in range(TRIALS):
        if trial % 2 == 0:  # gauss draws two, and keeps the second for the next call
            angle = _fraction(state, at) * (2.0 * math.pi)
            radius = math.sqrt(-2.0 * math.log(1.0 - _fraction(state, at)))
            normal, waiting = math.cos(angle) * radius, math.sin(angle) * radius
        else:
            normal = waiting
        weight = (ALPHA + normal * ALPHA_WIDTH) / BASE_FREQ
        _trial(grams, table, weight, state, at, chances)
        for language in range(found.size):
            found[language] += chances[language] / TRIALS


def language_chances(
    grams: npt.NDArray[np.int32],
    table: npt.NDArray[np.float64],
    twister: npt.NDArray[np.uint32],
) -> npt.NDArray[np.float64]:
    """Return the probability of each language, float64 (languages,), as langdetect finds it.

    `grams`: rows of `table` float64 (n-grams, languages), their frequencies; one or more.
    `twister` (TWISTER_WORDS,): the state of Python's generator right after it was seeded.
    """
    found = np.zeros(table.shape[1])
    _language_chances(grams, table, twister.copy(), found)
    return found
