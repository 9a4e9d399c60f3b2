"""Models of several recipes and seeds on the same documents: losses, differences, intervals.

The loss of a stream is in bits per byte, nats / (ln 2 · bytes) over all of its documents, and the
mean over seeds. Two things make it uncertain, and an interval holds both: which documents were
held out, by the bootstrap over documents (Efron 1979), all versions of one drawn together, the same
draw for all recipes and seeds; and which weights and order of rows a seed gave, as Student's t of
the values by seed, whose few degrees of freedom a bootstrap of three seeds would not know. Draws of
both are added, and the interval is their 2.5th to 97.5th percentile. Recipes with the same seed
begin with the same weights, so differences are taken seed by seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST_DOCUMENTS", "Scores", "compared", "taken"]

F64 = npt.NDArray[np.float64]
RESAMPLES = 4000
# A bootstrap of fewer documents has intervals that are too narrow to be believed.
LEAST_DOCUMENTS = 5


@dataclass(frozen=True)
class Scores:
    """Of one stream: nats (recipes, seeds, documents) and bytes (documents,), of all versions."""

    nats: F64
    bytes_count: F64


def taken(scores: Mapping[str, Scores], masks: Mapping[str, npt.NDArray[np.bool_]]) -> (
    dict[str, Scores]
):  # fmt: skip
    """Return the scores of some documents; streams with too few of them are left out."""
    return {
        name: Scores(one.nats[..., masks[name]], one.bytes_count[masks[name]])
        for name, one in scores.items()
        if masks[name].sum() >= LEAST_DOCUMENTS
    }


def compared(
    recipes: Sequence[str], scores: Mapping[str, Scores], *, seed: int = 0
) -> dict[str, Any]:
    """Return by stream, and for `average` (streams count alike), bits per byte and differences.

    `bits_per_byte` is by recipe, `difference` by recipe but the first, that recipe less the first;
    each is {value, low, high, by_seed}.
    """
    draws = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    by_seed, drawn = [], []
    for name, one in scores.items():
        count = len(one.bytes_count)
        times = draws.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
        by_seed.append(one.nats.sum(axis=2) / (math.log(2) * one.bytes_count.sum()))
        sums = times @ one.nats.mean(axis=1).T
        drawn.append(sums / (math.log(2) * (times @ one.bytes_count))[:, None])
        found[name] = {
            "documents": count, "bytes": int(one.bytes_count.sum()),
            **_told(recipes, by_seed[-1], drawn[-1], draws),
        }  # fmt: skip
    if not found:
        return {"streams": {}, "average": None}
    average = _told(recipes, np.mean(by_seed, axis=0), np.mean(drawn, axis=0), draws)
    return {"streams": found, "average": average}


def _told(
    recipes: Sequence[str], by_seed: F64, drawn: F64, draws: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Return values and intervals; `by_seed` is (recipes, seeds), `drawn` (draws, recipes)."""
    bits, difference = {}, {}
    for number, name in enumerate(recipes):
        bits[name] = _interval(by_seed[number], drawn[:, number], draws)
        if number:
            difference[name] = _interval(
                by_seed[number] - by_seed[0], drawn[:, number] - drawn[:, 0], draws
            )
    return {"bits_per_byte": bits, "difference": difference}


def _interval(by_seed: F64, drawn: F64, draws: np.random.Generator) -> dict[str, Any]:
    seeds = len(by_seed)
    if seeds > 1:
        error = by_seed.std(ddof=1) / math.sqrt(seeds)
        drawn = drawn + error * draws.standard_t(seeds - 1, len(drawn))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "value": float(by_seed.mean()), "low": float(low), "high": float(high),
        "by_seed": by_seed.tolist(),
    }  # fmt: skip
