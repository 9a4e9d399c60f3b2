"""Where the mixture cuts each pool, found in passes over the tallies of all units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from skypile.errors import RunError
from skypile.mix import (
    BUCKETS,
    KEEP_ALL,
    KEEP_NONE,
    Cut,
    Tally,
    Targets,
    cut_bucket,
    find_cut,
    kept_mask,
    targets,
)
from skypile.phases.context import Context, UnitRef
from skypile.phases.work import Entry, open_whole
from skypile.schema import DOMAINS
from skypile.shares import Allocation, allocate, largest_target, pool_names

__all__ = ["MixPlan", "plan_mixture"]

Parts = Iterable[tuple[str, Tally]]


@dataclass(frozen=True)
class MixPlan:
    """Where the mixture cuts each pool (each domain, and the values it is divided by)."""

    cuts: dict[str, Cut]
    available: dict[str, int]  # tokens of good documents by pool
    targets: Targets | None  # None: no mixture was asked for
    allocations: dict[str, Allocation] = field(default_factory=dict)  # by domain with a weight

    def domain_tokens(self) -> dict[str, int]:
        """Return the tokens of good documents by domain."""
        found = dict.fromkeys(DOMAINS, 0)
        for name, tokens in self.available.items():
            found[name.partition(":")[0]] += tokens
        return found


def plan_mixture(context: Context, refs: Sequence[UnitRef], tallies: Sequence[Entry]) -> MixPlan:
    """Return the cut of each pool.

    Two passes over the tallies, one for histograms and one for the cuts' buckets; two more where
    pools have caps. Raises RunError where a domain has a weight but no document, or only documents
    whose caps leave nothing.
    """
    within = context.within
    names = pool_names(within)
    available = {name: sum(t.data["tokens"][name] for t in tallies) for name in names}
    if context.weights is None:
        return MixPlan(dict.fromkeys(names, KEEP_ALL), available, None)
    usable = {name: largest_target(available, name, within.get(name)) for name in DOMAINS}
    _check_caps(context.weights, MixPlan({}, available, None).domain_tokens(), usable)
    aim = targets(usable, context.weights, context.tokens)
    shares = {n: allocate(aim.tokens[n], available, n, within.get(n)) for n in aim.tokens}

    def read() -> Parts:
        for ref, tally in zip(refs, tallies, strict=True):
            yield from _pools(context, ref.number, tally, names)

    found = _capped_cuts(read, shares)
    # A domain without a weight has no place in the mixture.
    return MixPlan({name: found.get(name, KEEP_NONE) for name in names}, available, aim, shares)


def _check_caps(
    weights: Mapping[str, float], whole: Mapping[str, int], usable: Mapping[str, int]
) -> None:
    for name in weights:
        if whole[name] and not usable[name]:
            raise RunError(
                f"all documents of {name} that passed have values that mix.within caps, so no part "
                "of them may be kept; take the caps out of the recipe, or run again with another "
                "--mixture (finished work is kept)"
            )


def _capped_cuts(read: Callable[[], Parts], shares: Mapping[str, Allocation]) -> dict[str, Cut]:
    """Return the cut of each pool of the domains in `shares`.

    A capped pool is cut at its cap first; what is left of it then stands in the domain's common
    order, and the earlier of both cuts holds.
    """
    caps = {name: n for one in shares.values() for name, n in one.caps.items()}
    goals = {name: n for one in shares.values() for name, n in one.targets.items()}

    def own() -> Parts:
        return ((name, part) for name, part in read() if name in caps)

    ceilings = _cuts(own, caps) if caps else {}

    def common() -> Parts:
        for name, part in read():
            if name in ceilings:
                yield name.partition(":")[0], part.take(kept_mask(part, ceilings[name]))
            elif name in goals:
                yield name, part

    found = _cuts(common, goals)
    capped = {name: min(cut, found[name.partition(":")[0]]) for name, cut in ceilings.items()}
    return found | capped


def _cuts(read: Callable[[], Parts], goals: Mapping[str, int]) -> dict[str, Cut]:
    histograms = {name: np.zeros(BUCKETS, np.int64) for name in goals}
    for name, part in read():
        histograms[name] += part.histogram()
    places = {name: cut_bucket(histograms[name], goals[name]) for name in goals}
    rows: dict[str, list[Tally]] = {name: [] for name in goals}
    for name, part in read():
        rows[name].append(part.bucket(places[name][0]))
    return {
        name: find_cut(bucket, before, rows[name], goals[name])
        for name, (bucket, before) in places.items()
    }


def _pools(context: Context, number: int, tally: Entry, names: Sequence[str]) -> Parts:
    """Yield the good documents of one unit by pool."""
    file = open_whole(context.work, tally.data["file"])
    with file as stream, pa.ipc.open_file(stream) as reader:
        table = reader.read_all()
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    address = columns["row"].astype(np.uint64) | np.uint64(number << 32)
    whole = Tally(address, columns["key"], columns["band"], columns["tokens"])
    for index, name in enumerate(names):
        rows = columns["pool"] == index
        if rows.any():
            yield name, whole.take(rows)
