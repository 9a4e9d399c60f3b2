"""Which of two copies is preferred: an order over columns, as numbers whose smaller values stay.

An order is a list of keys. `length` (characters of the text) and `source` (place in a list of
sources) share one 64-bit word, 40 and 24 bits; a column of numbers, or a field of the input's
`meta`, takes a word of its own. Words are compared from the left, then addresses: so no value is
rounded, and the default order (length, then source) costs 8 bytes a document.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from skypile.dedup.formats import U64

__all__ = ["DEFAULT_ORDER", "META", "OWN_KEYS", "Key", "parse_key", "preferences", "words"]

META = "meta."
# Keys that are no columns of numbers, and the order in which they are usually meant.
OWN_KEYS: dict[str, Literal["asc", "desc"]] = {"length": "desc", "source": "asc", "address": "asc"}

_BITS = {"length": 40, "source": 24}
_WORD_BITS = 64
_SIGN = np.uint64(1 << 63)
_LAST = np.uint64(2**64 - 1)


class Key(BaseModel):
    """One key of an order: copies with smaller (`asc`) or larger (`desc`) values are preferred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    order: Literal["asc", "desc"]


DEFAULT_ORDER = (Key(column="length", order="desc"), Key(column="source", order="asc"))


def parse_key(entry: object) -> object:
    """Return a bare name of OWN_KEYS as the Key that it stands for, anything else as it is.

    Raises ValueError for another bare name: whether more or less of a number is better is not
    known.
    """
    if not isinstance(entry, str):
        return entry
    if entry not in OWN_KEYS:
        raise ValueError(
            f"{entry!r} needs an order: {{column: {entry}, order: asc or desc}}; only "
            f"{', '.join(OWN_KEYS)} stand alone"
        )
    return Key(column=entry, order=OWN_KEYS[entry])


def _layout(keys: Sequence[Key]) -> list[list[Key]]:
    """Return the keys of each word, from the left."""
    found: list[list[Key]] = []
    free = 0
    for key in keys:
        if key.column == "address":
            break  # addresses decide behind all words
        bits = _BITS.get(key.column, _WORD_BITS)
        if bits > free:
            found.append([])
            free = _WORD_BITS
        found[-1].append(key)
        free -= bits
    return found or [[]]


def words(keys: Sequence[Key]) -> int:
    """Return how many 64-bit words an order needs, at least 1."""
    return len(_layout(keys))


def preferences(batch: pa.RecordBatch, keys: Sequence[Key], sources: Sequence[str]) -> U64:
    """Return the preference of each document of `batch`, uint64 (n, words).

    Nulls, NaNs and, in `meta`, what is neither a number nor an ISO 8601 date come last, whatever
    the order; beside them the one 64-bit integer that an order puts last.
    """
    layout = _layout(keys)
    found = np.zeros((batch.num_rows, len(layout)), np.uint64)
    for place, shared in enumerate(layout):
        for key in shared:
            bits = np.uint64(_BITS.get(key.column, 0))
            found[:, place] = (found[:, place] << bits) | _values(batch, key, sources)
    return found


def _values(batch: pa.RecordBatch, key: Key, sources: Sequence[str]) -> U64:
    """Return one word for each document, smaller where it is preferred."""
    if key.column == "length":
        length = np.asarray(pc.utf8_length(batch.column("text")), np.uint64)
        most = np.uint64((1 << _BITS["length"]) - 1)
        return most - length if key.order == "desc" else length
    if key.column == "source":
        known = pa.array(sources, pa.string())
        place = pc.index_in(batch.column("source"), value_set=known).fill_null(len(sources))
        at = np.asarray(place, np.uint64)
        return np.uint64(len(sources)) - at if key.order == "desc" else at
    if key.column.startswith(META):
        numbers = _meta_numbers(batch.column("meta"), key.column.removeprefix(META))
        return _ordered_floats(numbers, key.order)
    column = batch.column(key.column)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type):
        return _ordered_integers(column, key.order)
    numbers = np.asarray(column.cast(pa.float64()).fill_null(math.nan))
    return _ordered_floats(numbers, key.order)


def _ordered_integers(column: pa.Array, order: str) -> U64:
    missing = np.asarray(column.is_null())
    if pa.types.is_unsigned_integer(column.type):
        bits = np.asarray(column.fill_null(0), np.uint64)
    else:
        bits = np.asarray(column.fill_null(0)).astype(np.int64).view(np.uint64) ^ _SIGN
    return np.where(missing, _LAST, ~bits if order == "desc" else bits)


def _ordered_floats(numbers: npt.NDArray[np.float64], order: str) -> U64:
    """Return the bits of each number such that they ascend with it (IEEE 754, sign and size)."""
    bits = (numbers + 0.0).view(np.uint64)  # -0.0 and 0.0 are one number
    bits = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return np.where(np.isnan(numbers), _LAST, ~bits if order == "desc" else bits)


def _meta_numbers(column: pa.Array, name: str) -> npt.NDArray[np.float64]:
    """Return field `name` of each JSON object as a number, NaN where it is none."""
    texts = (value.as_py() for value in column)
    found = [math.nan if text is None else _number(orjson.loads(text).get(name)) for text in texts]
    return np.array(found, np.float64)


def _number(value: Any) -> float:
    """Return a number, or an ISO 8601 date as seconds since 1970 (UTC where no zone is given)."""
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return math.nan
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
