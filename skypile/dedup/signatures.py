"""The signatures of the documents of a unit, as arrays and as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from skypile.dedup.files import read_columns, write_columns
from skypile.dedup.formats import U64

__all__ = [
    "SignatureIndex", "SignatureSet", "address_of", "fixed_binary", "fixed_values", "pack",
]  # fmt: skip

U32 = npt.NDArray[np.uint32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]
Number = TypeVar("Number", bound=np.generic)

_KIND = b"signatures 2"
_VALUES = 128
_LENGTH_BITS = 40


def address_of(unit: int, rows: U32) -> U64:
    """Return the addresses of records `rows` of unit number `unit`: unit << 32 | row."""
    return np.uint64(unit << 32) | rows.astype(np.uint64)


@dataclass(frozen=True)
class SignatureSet:
    """The signatures of n documents in strictly ascending order of address.

    addresses uint64 (n,); exact uint64 (n, 2); minhash uint32 (n, 128); shingle_count int32 (n,);
    length int64 (n,), characters; preferences uint64 (n, words), smaller ones stay
    (`skypile.dedup.preference`); where the settings ask for them url uint64 (n, 2), the hash of the
    URL, zeros where there is none, and scope uint64 (n,), within which documents are compared.
    """

    addresses: U64
    exact: U64
    minhash: U32
    shingle_count: I32
    length: I64
    preferences: U64
    url: U64 | None = None
    scope: U64 | None = None

    def __post_init__(self) -> None:
        rows = self.addresses.size
        assert self.exact.shape == (rows, 2) and self.minhash.shape[0] == rows
        assert self.shingle_count.shape == self.length.shape == (rows,)
        assert self.preferences.shape[0] == rows and self.preferences.ndim == 2
        assert self.url is None or self.url.shape == (rows, 2)
        assert self.scope is None or self.scope.shape == (rows,)
        assert np.all(self.addresses[1:] > self.addresses[:-1]), "addresses must ascend"
        assert rows == 0 or 0 <= self.length.min() <= self.length.max() < 1 << _LENGTH_BITS

    def __len__(self) -> int:
        return self.addresses.size

    @property
    def words(self) -> int:
        """How many 64-bit words the preference of a document takes."""
        return int(self.preferences.shape[1])

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays that are there, by name."""
        every = {name: getattr(self, name) for name in _TYPES}
        return {name: values for name, values in every.items() if values is not None}

    @classmethod
    def joined(cls, sets: Sequence[Self], *, words: int) -> Self:
        """Return the documents of all sets, which ascend by address, in one; also of no set.

        All have the same arrays.
        """
        if not sets:
            shapes = {"exact": (0, 2), "minhash": (0, _VALUES), "preferences": (0, words)}
            needed = {name: kind for name, kind in _TYPES.items() if name not in _OPTIONAL}
            return cls(**{n: np.empty(shapes.get(n, (0,)), kind) for n, kind in needed.items()})
        return cls(
            **{
                name: np.concatenate([each.columns[name] for each in sets])
                for name in sets[0].columns
            }
        )

    def take(self, rows: Indices) -> Self:
        """Return the documents at the ascending positions `rows`."""
        return replace(self, **{name: values[rows] for name, values in self.columns.items()})

    def scoped(self, hashes: U64) -> U64:
        """Return `hashes` (n,), those of documents of different scopes made different."""
        return hashes if self.scope is None else hashes ^ self.scope

    def save(self, path: Path) -> None:
        """Write the set to `path` as an Arrow file whose bytes depend on the values alone."""
        columns = {
            "address": pa.array(self.addresses, pa.uint64()),
            "exact": fixed_binary(self.exact),
            "minhash": fixed_binary(self.minhash),
            "shingle_count": pa.array(self.shingle_count, pa.int32()),
            "length": pa.array(self.length, pa.int64()),
            "preferences": fixed_binary(self.preferences),
        }
        if self.url is not None:
            columns["url"] = fixed_binary(self.url)
        if self.scope is not None:
            columns["scope"] = pa.array(self.scope, pa.uint64())
        write_columns(path, columns, _KIND)

    @classmethod
    def load(cls, path: Path, *, mmap: bool = True) -> SignatureSet:
        """Return the set that was saved to `path`; with `mmap`, pages are read when touched."""
        columns = read_columns(path, _KIND, mmap=mmap)
        return cls(
            addresses=columns["address"].to_numpy(),
            exact=fixed_values(columns["exact"], np.dtype(np.uint64)),
            minhash=fixed_values(columns["minhash"], np.dtype(np.uint32)),
            shingle_count=columns["shingle_count"].to_numpy(),
            length=columns["length"].to_numpy(),
            preferences=fixed_values(columns["preferences"], np.dtype(np.uint64)),
            url=fixed_values(columns["url"], np.dtype(np.uint64)) if "url" in columns else None,
            scope=columns["scope"].to_numpy() if "scope" in columns else None,
        )


_TYPES: dict[str, type] = {
    "addresses": np.uint64, "exact": np.uint64, "minhash": np.uint32, "shingle_count": np.int32,
    "length": np.int64, "preferences": np.uint64, "url": np.uint64, "scope": np.uint64,
}  # fmt: skip
_OPTIONAL = ("url", "scope")


def pack(
    addresses: U64,
    exact_hash: pa.FixedSizeBinaryArray,
    minhash: pa.FixedSizeBinaryArray,
    shingle_count: pa.Int32Array,
    length: pa.Array | I64,
    preferences: U64,
    url: U64 | None = None,
    scope: U64 | None = None,
) -> SignatureSet:
    """Return the columns of stage `signature` as a set; rows in any order, nulls nowhere."""
    order = np.argsort(addresses, kind="stable")
    return SignatureSet(
        addresses=np.asarray(addresses, np.uint64)[order],
        exact=fixed_values(exact_hash, np.dtype(np.uint64))[order],
        minhash=fixed_values(minhash, np.dtype(np.uint32))[order],
        shingle_count=np.asarray(shingle_count, np.int32)[order],
        length=np.asarray(length, np.int64)[order],
        preferences=preferences[order],
        url=None if url is None else url[order],
        scope=None if scope is None else scope[order],
    )


def fixed_binary(values: U64 | U32) -> pa.FixedSizeBinaryArray:
    """Return each row of `values` as one little-endian binary value."""
    rows, width = values.shape
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    kind = pa.binary(width * values.itemsize)
    return pa.FixedSizeBinaryArray.from_buffers(kind, rows, [None, pa.py_buffer(little)])


def fixed_values(array: pa.Array, dtype: np.dtype[Number]) -> npt.NDArray[Number]:
    """Return binary values of one width as rows of numbers, without a copy; nulls nowhere."""
    assert array.null_count == 0, "a signature is null"
    width = array.type.byte_width
    little = dtype.newbyteorder("<")
    start = array.offset * width
    count = len(array) * width // dtype.itemsize
    if count == 0:
        return np.empty((len(array), width // dtype.itemsize), dtype)
    values = np.frombuffer(array.buffers()[1], little, count, start)
    return values.reshape(len(array), width // dtype.itemsize)


class SignatureIndex:
    """Signatures by address over several sets, none of which is copied.

    Addresses asked for must be there.
    """

    def __init__(self, sets: Iterable[SignatureSet]) -> None:
        filled = [each for each in sets if len(each)]
        self._sets: Sequence[SignatureSet] = sorted(filled, key=lambda each: int(each.addresses[0]))
        self._first = np.array([each.addresses[0] for each in self._sets], np.uint64)
        last = np.array([each.addresses[-1] for each in self._sets], np.uint64)
        assert np.all(self._first[1:] > last[:-1]), "two sets overlap"

    def preferences(self, addresses: U64) -> U64:
        """Return the preferences (n, words) of n addresses."""
        width = self._sets[0].words if self._sets else 1
        found = np.empty((addresses.size, width), np.uint64)
        for each, at, rows in self._located(addresses):
            found[at] = each.preferences[rows]
        return found

    def lengths(self, addresses: U64) -> I64:
        """Return the length of each address's text in characters."""
        found = np.empty(addresses.size, np.int64)
        for each, at, rows in self._located(addresses):
            found[at] = each.length[rows]
        return found

    def minhashes(self, addresses: U64) -> U32:
        """Return the MinHash values (n, values) of n addresses."""
        width = self._sets[0].minhash.shape[1] if self._sets else 0
        found = np.empty((addresses.size, width), np.uint32)
        for each, at, rows in self._located(addresses):
            found[at] = each.minhash[rows]
        return found

    def _located(self, addresses: U64) -> Iterator[tuple[SignatureSet, Indices, Indices]]:
        """Yield (set, positions in `addresses`, rows of the set) for each set that is asked."""
        owner = np.searchsorted(self._first, addresses, side="right") - 1
        order = np.argsort(owner, kind="stable")
        numbers, starts = np.unique(owner[order], return_index=True)
        for number, at in zip(numbers.tolist(), np.split(order, starts)[1:], strict=True):
            each = self._sets[number]
            rows = np.searchsorted(each.addresses, addresses[at])
            assert number >= 0 and np.array_equal(each.addresses.take(rows), addresses[at])
            yield each, at, rows
