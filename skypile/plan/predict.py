"""From a sample that went through all phases to the whole input: expected values with intervals.

A total is a ratio estimate by bytes on disk, stratum by stratum. Its interval is that of a
bootstrap in two stages: units of a stratum are drawn again where not all of them were drawn, and
runs of records within each; differences from the estimate are multiplied by sqrt(1 - sampled
share), which is 0 where all was read. Intervals are about what was not read. They hold neither the
noise of clocks nor what changes with size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skypile.plan.measure import Measured
from skypile.plan.sample import Stratum

__all__ = [
    "Estimate", "Totals", "Value", "duplicate_bounds", "estimated",
    "sampled_share",
]  # fmt: skip

REPLICATES = 200
LOW, HIGH = 2.5, 97.5  # percentiles: an interval of 95 %
NORMAL = 1.96  # the normal distribution's 97.5 %

Totals = Mapping[str, float]


@dataclass(frozen=True)
class Value:
    """An expected value and the ends of its interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return the three numbers."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Estimate:
    """What the whole amounts to: totals by name, and those of each stratum."""

    whole: Totals
    strata: tuple[Totals, ...]


def sampled_share(strata: Sequence[Stratum]) -> float:
    """Return the share of the input's bytes that the records taken stand for themselves."""
    whole = sum(stratum.size for stratum in strata)
    taken = sum(one.taken_bytes for stratum in strata for one in stratum.drawn)
    return min(1.0, taken / whole) if whole else 1.0


def estimated(
    strata: Sequence[Stratum], measured: Measured, seed: int,
    outlook: Callable[[Estimate], Mapping[str, float]],
) -> dict[str, Value]:  # fmt: skip
    """Return what `outlook` makes of the totals, with the intervals of its values."""
    cells = measured.cells
    first = _weighted(strata, cells.unit, None)
    estimate = _totals(first, cells.values)
    expected = outlook(_named(estimate, cells.names))
    spread = float(np.sqrt(max(0.0, 1.0 - sampled_share(strata))))
    if not spread:
        return {name: Value(value, value, value) for name, value in expected.items()}
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in expected}
    for _ in range(REPLICATES):
        again = _totals(_weighted(strata, cells.unit, rng), cells.values)
        moved = np.maximum(estimate + spread * (again - estimate), 0.0)
        for name, value in outlook(_named(moved, cells.names)).items():
            found[name].append(value)
    return {name: _interval(value, found[name]) for name, value in expected.items()}


def _interval(value: float, found: Sequence[float]) -> Value:
    low, high = np.percentile(found, [LOW, HIGH])
    return Value(value, min(value, float(low)), max(value, float(high)))


def _weighted(
    strata: Sequence[Stratum], unit: np.ndarray, rng: np.random.Generator | None
) -> np.ndarray:
    """Return float64 (strata, cells): how much of the whole each cell stands for.

    With `rng` units and cells are drawn again.
    """
    weights = np.zeros((len(strata), len(unit)))
    begin = 0
    for row, stratum in enumerate(strata):
        chosen = np.arange(len(stratum.drawn))
        if rng is not None and not stratum.is_whole:
            chosen = rng.choice(chosen, len(chosen))
        drawn = [stratum.drawn[at] for at in chosen]
        scale = stratum.size / sum(one.unit.size for one in drawn)
        for at, one in zip(chosen, drawn, strict=True):
            places = np.flatnonzero(unit == begin + at)
            weights[row, places] += scale * one.factor * _times(len(places), rng)
        begin += len(stratum.drawn)
    return weights


def _times(cells: int, rng: np.random.Generator | None) -> np.ndarray:
    """Return how often each of `cells` cells is drawn: once, or with `rng` by chance."""
    if rng is None or not cells:
        return np.ones(cells)
    return np.asarray(rng.multinomial(cells, np.full(cells, 1 / cells)), np.float64)


def _totals(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    found: np.ndarray = weights @ values
    return found


def _named(totals: np.ndarray, names: Sequence[str]) -> Estimate:
    def named(row: np.ndarray) -> dict[str, float]:
        return dict(zip(names, row.tolist(), strict=True))

    return Estimate(named(totals.sum(0)), tuple(named(row) for row in totals))


def duplicate_bounds(strata: Sequence[Stratum], measured: Measured) -> tuple[float, float]:
    """Return between which shares of the open documents the duplicates of the whole lie.

    A document has its copies in a sample of share f with probability f each. Of the documents that
    are dropped at most a share 1 - f goes unseen, which is reached where every family is a pair:
    larger ones are seen sooner. So the share seen is a lower bound, and an upper one is its upper
    limit as a Poisson number, divided by f. Holds for copies that are spread over the input at
    random. Copies that stand together are seen more often, which raises both.
    """
    names, values = measured.cells.names, measured.cells.values
    counts = dict(zip(names, values.sum(0).tolist(), strict=True)) if len(values) else {}
    signed, seen = counts.get("open", 0.0), counts.get("duplicates", 0.0)
    if not signed:
        return 0.0, 1.0
    share = sampled_share(strata)
    if share == 1.0:
        return seen / signed, seen / signed
    return seen / signed, min(1.0, _poisson_limit(seen) / signed / share)


def _poisson_limit(seen: float) -> float:
    """Return the upper limit, with 97.5 %, of the mean of a Poisson number that was `seen`.

    By Wilson and Hilferty's approximation of chi-square (1931), on 2 (seen + 1) degrees of freedom:

    >>> round(_poisson_limit(0), 2), round(_poisson_limit(10), 1)
    (3.67, 18.4)
    """
    half = seen + 1.0
    limit: float = half * (1 - 1 / (9 * half) + NORMAL / (3 * half**0.5)) ** 3
    return limit
