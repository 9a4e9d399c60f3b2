"""Shares within a domain: which tokens of code go to which programming language.

A domain is one pool of documents, or several: one for each value of a column that the recipe names
(`code:python`), and the domain's own name for all other documents. A pool with a share has a target
of its own; a pool with a cap competes with the other documents in the domain's common order until
it has reached the cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from skypile.schema import DOMAINS

__all__ = ["Allocation", "Within", "allocate", "largest_target", "pool_indices", "pool_names"]


class Within(BaseModel):
    """Shares of one domain's tokens by the values of `column`.

    `shares`: what the value shall have of the domain's target; what a value cannot fill is given to
    the others that can, in proportion to their shares. `caps`: what the value may have at most.
    Whatever is in neither (and null) has what is left, 1 - the sum of `shares`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    shares: dict[str, float] = Field(default={})
    caps: dict[str, float] = Field(default={})

    @model_validator(mode="after")
    def _possible(self) -> Within:
        given = {**self.shares, **self.caps}
        if not given or not all(0 < share <= 1 for share in given.values()):
            raise ValueError(f"shares and caps lie above 0 and up to 1, and one is needed: {given}")
        both = sorted(set(self.shares) & set(self.caps))
        if both:
            raise ValueError(f"{', '.join(both)}: give a share or a cap, not both")
        if sum(_exact(share) for share in self.shares.values()) > 1:
            raise ValueError(f"shares sum to {sum(self.shares.values()):g}, which is more than 1")
        return self


def _exact(share: float) -> Fraction:
    return Fraction(str(share))


def pool(domain: str, value: str) -> str:
    """Return the name of a domain's pool for one value of its column."""
    return f"{domain}:{value}"


def pool_names(within: Mapping[str, Within]) -> tuple[str, ...]:
    """Return all pools: each domain, behind it those of its values, shares first.

    >>> pool_names({"code": Within(column="code_lang", shares={"c": 0.5}, caps={"json": 0.1})})
    ('en', 'zh', 'code', 'code:c', 'code:json')
    """
    names: list[str] = []
    for domain in DOMAINS:
        names.append(domain)
        if domain in within:
            entry = within[domain]
            names.extend(pool(domain, value) for value in (*entry.shares, *entry.caps))
    return tuple(names)


def pool_indices(
    batch: pa.RecordBatch | pa.Table, within: Mapping[str, Within]
) -> npt.NDArray[np.int64]:
    """Return int64 (rows,): each document's place in `pool_names`, -1 where it has no domain.

    Reads `domain` and the columns that `within` names; one that is not there holds only nulls.
    """
    names = pool_names(within)
    domain = _strings(batch, "domain")
    found = np.full(batch.num_rows, -1, np.int64)
    for name in DOMAINS:
        rows = domain == name
        found[rows] = names.index(name)
        if name in within and rows.any():
            values = _strings(batch, within[name].column)
            for value in (*within[name].shares, *within[name].caps):
                found[rows & (values == value)] = names.index(pool(name, value))
    return found


def _strings(batch: pa.RecordBatch | pa.Table, name: str) -> npt.NDArray[np.object_]:
    if name not in batch.schema.names:
        return np.full(batch.num_rows, "", object)
    return np.array(batch.column(name).fill_null("").to_pylist(), object)


@dataclass(frozen=True)
class Allocation:
    """Tokens of one domain: `targets` of its own pool and of those with shares, `caps` of others.

    The pools with caps and the domain's own pool have its target together.
    """

    targets: dict[str, int]
    caps: dict[str, int]


def largest_target(available: Mapping[str, int], domain: str, entry: Within | None) -> int:
    """Return the largest target of a domain that can be filled without breaking a cap.

    That is the largest T with free + sum over capped pools of min(available, cap x T) >= T. The
    right side is concave in T, so Newton's steps from the sum of all tokens fall to it, each with
    at least one cap more that binds.
    """
    caps = {pool(domain, value): _exact(cap) for value, cap in entry.caps.items()} if entry else {}
    whole = sum(tokens for name, tokens in available.items() if name.partition(":")[0] == domain)
    target = Fraction(whole)
    while True:
        binding = [name for name, cap in caps.items() if available[name] > cap * target]
        free = whole - sum(available[name] for name in binding)
        bound = sum((caps[name] for name in binding), Fraction(0))
        lower = free / (1 - bound) if binding else target
        if lower == target:
            return int(target)
        target = lower


def allocate(
    target: int, available: Mapping[str, int], domain: str, entry: Within | None
) -> Allocation:
    """Return how many tokens each pool of a domain may have, given the domain's `target`.

    A pool that holds less than its share gives all it has; what it lacks goes to the others, in
    proportion to their shares, until nobody lacks any more. Only what no pool with a share can
    fill goes to a rest whose share is 0. Exact in fractions, rounded down in the end, so the sum
    may stay a few tokens below `target`.
    """
    if entry is None:
        return Allocation({domain: target}, {})
    caps = {pool(domain, value): int(_exact(cap) * target) for value, cap in entry.caps.items()}
    shares = {pool(domain, value): _exact(share) for value, share in entry.shares.items()}
    shares[domain] = 1 - sum(shares.values(), Fraction(0))
    holds = {name: available[name] for name in shares}
    holds[domain] += sum(min(available[name], cap) for name, cap in caps.items())
    open_shares = {name: share for name, share in shares.items() if share}
    targets, left = dict.fromkeys(shares, 0), target
    while open_shares:
        whole = sum(open_shares.values())
        short = [n for n, share in open_shares.items() if holds[n] * whole <= share * left]
        if not short:
            for name, share in open_shares.items():
                targets[name] = int(share * left / whole)
            return Allocation(targets, caps)
        for name in short:
            targets[name] = holds[name]
            left -= holds[name]
            del open_shares[name]
    targets[domain] += min(left, holds[domain] - targets[domain])
    return Allocation(targets, caps)
