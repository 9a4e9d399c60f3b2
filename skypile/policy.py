"""Rules and decisions: which documents a recipe rejects, and by which score and limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from skypile.schema import DOMAINS, REJECTED, set_columns

__all__ = ["Rule", "broken", "decide", "open_mask"]


Flags = np.ndarray[Any, np.dtype[np.bool_]]

# Reasons that deduplication gives, which no rule may take.
OWN_REASONS = ("exact_duplicate", "near_duplicate", "url_duplicate")


class Rule(BaseModel):
    """A bound on one column and the reason that stands with each document that breaks it.

    `min` and `max` are inclusive; `in` lists the values that pass. A rule is tested on open
    documents of its `domain`s (all documents where none is given); there a null or NaN breaks it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    column: str
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] | None = Field(default=None, alias="in")
    domain: tuple[str, ...] | None = None
    source: str = ""

    @model_validator(mode="after")
    def _one_bound(self) -> Rule:
        given = [self.min is not None, self.max is not None, self.values is not None]
        if sum(given) != 1:
            raise ValueError(f"rule {self.reason!r} needs exactly one of min, max and in")
        if self.limit is not None and not math.isfinite(self.limit):
            raise ValueError(f"rule {self.reason!r} has the bound {self.limit}, which is no limit")
        if self.reason in OWN_REASONS:
            raise ValueError(
                f"{self.reason!r} is a reason that SkyPile gives itself; choose another name"
            )
        unknown = set(self.domain or ()) - set(DOMAINS)
        if unknown or self.domain == ():
            raise ValueError(
                f"rule {self.reason!r} names domain {sorted(unknown) or 'nothing'}; "
                f"known domains are {', '.join(DOMAINS)}"
            )
        return self

    @property
    def limit(self) -> float | None:
        """The bound as a number, or None for a rule on a list of values."""
        return self.min if self.min is not None else self.max

    def describe(self) -> str:
        """Return the rule as a person reads it: ``alnum_frac >= 0.25 (code)``."""
        if self.values is not None:
            bound = f"in {{{', '.join(self.values)}}}"
        else:
            bound = f">= {self.min:g}" if self.min is not None else f"<= {self.max:g}"
        return f"{self.column} {bound}" + (f" ({', '.join(self.domain)})" if self.domain else "")


def open_mask(batch: pa.RecordBatch) -> Flags:
    """Return bool (rows,): which documents have no outcome yet."""
    return np.asarray(batch.column("outcome").is_null())


def _scores(column: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the column as float64 with NaN for null."""
    if pa.types.is_floating(column.type) or not column.null_count:
        # A null of floats is NaN. Some ten times as fast as Arrow's functions on a few documents.
        numbers: np.ndarray[Any, np.dtype[np.float64]] = column.to_numpy(zero_copy_only=False)
        return numbers.astype(np.float64, copy=False)
    return np.asarray(column.cast(pa.float64()).fill_null(float("nan")))


class _Tests:
    """Tests rules on one batch; finds the rows of each list of domains once."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self._members: dict[tuple[str, ...], Flags] = {}

    def broken(self, rule: Rule) -> Flags:
        """Return bool (rows,): which documents the rule applies to and that break it."""
        column = self._batch.column(rule.column)
        if rule.values is not None:
            passes = np.asarray(pc.is_in(column, value_set=pa.array(rule.values, pa.string())))
        else:
            scores = _scores(column)
            # A comparison with NaN is false, so a missing score passes neither bound.
            passes = scores >= rule.min if rule.min is not None else scores <= np.float64(rule.max)
        hits: Flags = ~passes if rule.domain is None else self._member(rule.domain) & ~passes
        return hits

    def _member(self, domains: tuple[str, ...]) -> Flags:
        if domains not in self._members:
            known = pa.array(domains, pa.string())
            member = pc.is_in(self._batch.column("domain"), value_set=known)
            self._members[domains] = np.asarray(member)
        return self._members[domains]


def broken(rule: Rule, batch: pa.RecordBatch) -> Flags:
    """Return bool (rows,): which documents the rule applies to and that break it.

    Outcomes already set are not looked at.
    """
    return _Tests(batch).broken(rule)


def decide(batch: pa.RecordBatch, rules: Sequence[Rule]) -> pa.RecordBatch:
    """Return `batch` with the open documents that break a rule rejected.

    Where several rules are broken the first in recipe order is the reason; its score and limit
    stand in `reason_score` and `reason_limit` (null for rules on lists of values).
    """
    still_open = open_mask(batch)
    first = np.full(batch.num_rows, -1, np.int64)
    tests = _Tests(batch)
    for number, rule in enumerate(rules):
        first[(first < 0) & still_open & tests.broken(rule)] = number
    if not (first >= 0).any():
        return batch
    return _reject(batch, rules, first)


def _reject(
    batch: pa.RecordBatch, rules: Sequence[Rule], first: np.ndarray[Any, np.dtype[np.int64]]
) -> pa.RecordBatch:
    hit = pa.array(first >= 0)
    score, limit = (np.full(batch.num_rows, np.nan) for _ in range(2))
    for number in np.unique(first[first >= 0]):
        rule = rules[number]
        if rule.limit is not None:
            rows = first == number
            score[rows] = _scores(batch.column(rule.column))[rows]
            limit[rows] = rule.limit
    names = pa.array([rule.reason for rule in rules], pa.string())
    reasons = names.take(pa.array(first, mask=first < 0))
    return set_columns(
        batch,
        {
            "outcome": pc.if_else(hit, REJECTED, batch.column("outcome")),
            "reason": pc.if_else(hit, reasons, batch.column("reason")),
            "reason_score": pc.if_else(
                hit, pa.array(score, from_pandas=True), batch.column("reason_score")
            ),
            "reason_limit": pc.if_else(
                hit, pa.array(limit, from_pandas=True), batch.column("reason_limit")
            ),
        },
    )
