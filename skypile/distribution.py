"""Distributions of a column's values: exact counts, quantiles to 1 part in 4,096, in little memory.

Values are counted by the upper bits of their binary form: sign, exponent, and the first twelve
bits of the fraction. A bucket's end at zero's side stands for its values, so a quantile is at most
0.025 % too small, and exact for whole numbers up to 8,191. The order of additions changes nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Numbers", "Words", "is_counted", "of_column"]

_DROPPED_BITS: Final = 52 - 12
_SIGN: Final = np.uint64(1 << 63)
_ALL: Final = np.uint64((1 << 64) - 1)

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]


def _keys(values: F64) -> U64:
    """Return the bucket of each value; buckets are in the order of their values."""
    # Minus zero is zero: adding zero makes it so.
    bits = (values + 0.0).view(np.uint64)
    ordered = np.where(bits & _SIGN, bits ^ _ALL, bits ^ _SIGN)
    return ordered >> np.uint64(_DROPPED_BITS)


def _ends(keys: U64) -> F64:
    """Return the number of each bucket that is nearest to zero."""
    ordered = keys << np.uint64(_DROPPED_BITS)
    bits: U64 = np.where(ordered & _SIGN, ordered ^ _SIGN, ordered ^ _ALL)
    kept = _ALL << np.uint64(_DROPPED_BITS)
    return (bits & kept).view(np.float64)


@dataclass
class Numbers:
    """Counted numbers of one column, without nulls and NaNs, which are counted apart."""

    count: int = 0
    null_count: int = 0
    nan_count: int = 0
    total: float = 0.0
    min: float = np.inf
    max: float = -np.inf
    _buckets: U64 = field(default_factory=lambda: np.empty(0, np.uint64))
    _counts: I64 = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, column: pa.Array | pa.ChunkedArray) -> None:
        """Count the values of a numeric column."""
        self.null_count += column.null_count
        values = np.asarray(column.drop_null().cast(pa.float64()), dtype=np.float64)
        known = values[~np.isnan(values)]
        self.nan_count += len(values) - len(known)
        if not len(known):
            return
        self.count += len(known)
        with np.errstate(over="ignore", invalid="ignore"):
            self.total += float(known.sum())
        self.min, self.max = min(self.min, float(known.min())), max(self.max, float(known.max()))
        buckets, counts = np.unique(_keys(known), return_counts=True)
        self._buckets, place = np.unique(
            np.concatenate([self._buckets, buckets]), return_inverse=True
        )
        together = np.concatenate([self._counts, counts])
        self._counts = np.bincount(place, weights=together).astype(np.int64)

    @property
    def mean(self) -> float | None:
        """The mean, None where there is no number."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return the least value that `share` (0 to 1) of the numbers do not exceed, or None."""
        if not self.count:
            return None
        rank = max(1, int(np.ceil(share * self.count)))
        at = int(np.searchsorted(np.cumsum(self._counts), rank))
        value = float(_ends(self._buckets[at : at + 1])[0])
        return min(max(value, self.min), self.max)

    def broken_frac(self, *, min: float | None = None, max: float | None = None) -> float:  # noqa: A002 - the rule's words
        """Return the share of documents that break a bound; nulls and NaNs do (as in a rule).

        To within the values that share a bucket with the bound.
        """
        everything = self.count + self.null_count + self.nan_count
        if not everything:
            return 0.0
        broken = everything - self.count
        ends = _ends(self._buckets)
        if min is not None:
            broken += int(self._counts[ends < min].sum())
        if max is not None:
            broken += int(self._counts[ends > max].sum())
        return broken / everything

    def data(self, percentiles: list[float]) -> dict[str, Any]:
        """Return the distribution as JSON, which has no infinities: these are strings."""
        known = bool(self.count)
        found = {
            "count": self.count,
            "null": self.null_count,
            "nan": self.nan_count,
            "min": self.min if known else None,
            "max": self.max if known else None,
            "mean": self.mean,
        }
        shown = {f"{one:g}": self.quantile(one / 100) for one in percentiles}
        return {key: _json(value) for key, value in found.items()} | {
            "percentiles": {key: _json(value) for key, value in shown.items()}
        }


def _json(value: float | None) -> float | str | None:
    return str(value) if value is not None and np.isinf(value) else value


@dataclass
class Words:
    """Counted values of one column of strings."""

    null_count: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def add(self, column: pa.Array | pa.ChunkedArray) -> None:
        """Count the values of a column of strings."""
        self.null_count += column.null_count
        for one in pc.value_counts(column.drop_null()).to_pylist():
            self.values[one["values"]] += one["counts"]

    def data(self, _: list[float]) -> dict[str, Any]:
        """Return the counts as JSON, the most frequent first."""
        return {
            "count": self.values.total(),
            "null": self.null_count,
            "values": dict(self.values.most_common()),
        }


def is_counted(dtype: pa.DataType) -> bool:
    """Tell whether columns of a type can be counted: numbers, truth values and strings."""
    return bool(
        pa.types.is_integer(dtype)
        or pa.types.is_floating(dtype)
        or pa.types.is_boolean(dtype)
        or pa.types.is_string(dtype)
    )


def of_column(dtype: pa.DataType) -> Numbers | Words:
    """Return an empty distribution for a column of a type that `is_counted`."""
    return Words() if pa.types.is_string(dtype) else Numbers()
