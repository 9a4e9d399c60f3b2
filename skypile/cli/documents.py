"""The documents of a comparison by address: those that wait, and those of earlier corpora."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import xxhash

from skypile.cli.waiting import Waiting
from skypile.dedup.earlier import EarlierDocuments
from skypile.dedup.formats import U64

__all__ = ["Documents"]


class Documents:
    """Texts and names by address, wherever the documents are.

    A shard of an earlier corpus has a number of its own, as a unit that waits has one.
    """

    def __init__(self, waiting: Waiting, earlier: EarlierDocuments) -> None:
        self.waiting, self.earlier = waiting, earlier

    def _of_earlier(self, addresses: U64) -> np.ndarray:
        shards = np.array(list(self.earlier.shards), np.uint64)
        return np.isin(addresses >> np.uint64(32), shards)

    def texts(self, addresses: U64) -> list[bytes]:
        """Return the texts of ascending `addresses` of open documents as UTF-8."""
        there = self._of_earlier(addresses)
        found: list[Iterator[bytes]] = [
            iter(self.waiting.texts(addresses[~there])),
            iter(self.earlier.texts(addresses[there])),
        ]
        return [next(found[is_earlier]) for is_earlier in there.astype(int).tolist()]

    def names(self, addresses: U64, column: str) -> dict[int, str]:
        """Return address -> value of the string column `column` of ascending `addresses`."""
        there = self._of_earlier(addresses)
        return self.earlier.names(addresses[there], column) | self.waiting.names(
            addresses[~there], column
        )

    def unique_ids(self, addresses: U64) -> dict[int, str]:
        """Return address -> id of ascending `addresses`; its record where the id is not the first.

        Reads the ids of all documents of earlier corpora. Two different ids of ten million have the
        same hash with probability 3e-6; the later one is then told by its record.
        """
        if not addresses.size:
            return {}
        hashes = [(at, _hashes(ids)) for at, ids in self.earlier.columns("id")]
        every, hashed = (
            np.concatenate(columns)
            for columns in zip(*hashes, self.waiting.id_hashes(), strict=True)
        )
        order = np.argsort(every)
        _, first = np.unique(hashed[order], return_index=True)
        again = addresses[~np.isin(addresses, every[order[first]])]
        return self.names(addresses, "id") | self.names(again, "record")


def _hashes(ids: pa.Array) -> U64:
    return np.array([xxhash.xxh3_64_intdigest(value.as_buffer()) for value in ids], np.uint64)
