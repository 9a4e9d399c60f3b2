"""The token mixture: which of the good documents are kept, exact to one document per domain.

Within a domain, or within a pool of it (`skypile.shares`), documents stand in a fixed order that
depends on the seed and the document alone: code by bands of quality first, then by a seeded hash,
ties by address. The kept ones are the longest prefix whose tokens do not exceed the target, so a
larger target keeps all that a smaller one keeps. The cut is found without sorting the corpus:
histograms over band and the top bits of the hash name one bucket; only the documents of that bucket
are then sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import xxhash

from skypile.errors import RunError, UsageError
from skypile.schema import DOMAINS

__all__ = [
    "KEEP_ALL",
    "KEEP_NONE",
    "Cut",
    "Tally",
    "buckets",
    "cut_bucket",
    "find_cut",
    "kept_mask",
    "order_keys",
    "parse_weights",
    "quality_bands",
    "targets",
]

QUALITY_BANDS = 10
BUCKET_BITS = 16
BUCKETS = QUALITY_BANDS << BUCKET_BITS


def parse_weights(text: str) -> dict[str, float] | None:
    """Return the weights of ``en=52.2,zh=39.6,code=8.0``, or None for ``none``.

    Raises UsageError for anything else.
    """
    if text == "none":
        return None
    weights: dict[str, float] = {}
    for entry in text.split(","):
        name, _, number = entry.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = -1.0
        if name.strip() not in DOMAINS or not 0 < weight < float("inf") or name.strip() in weights:
            raise UsageError(
                f"--mixture: {entry!r} is not DOMAIN=WEIGHT with a domain of "
                f"{', '.join(DOMAINS)} and a positive weight; "
                "for example en=52.2,zh=39.6,code=8.0, or none"
            )
        weights[name.strip()] = weight
    return weights


def normalized_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Return `weights` divided by their sum: 52.2 / 39.6 / 8.0 sum to 99.8, so never silently."""
    whole = sum(weights.values())
    return {name: weight / whole for name, weight in weights.items()}


@dataclass(frozen=True)
class Targets:
    """Tokens to keep by domain, and what bounds them."""

    tokens: dict[str, int]
    scarcest: str  # the domain with the fewest tokens for its weight
    asked: int | None  # --tokens
    short: bool  # more was asked than the scarcest domain allows


def targets(
    available: Mapping[str, int], weights: Mapping[str, float], asked: int | None
) -> Targets:
    """Return how many tokens of each domain the corpus holds.

    The scarcest domain sets the size of the corpus, unless `asked` tokens are fewer. Raises
    RunError for a domain with a weight but no token.
    """
    # Exact: 998 tokens at 52.2 of 99.8 are 522, not 521.
    whole = sum(Fraction(str(weight)) for weight in weights.values())
    shares = {name: Fraction(str(weight)) / whole for name, weight in weights.items()}
    missing = [name for name in shares if available.get(name, 0) == 0]
    if missing:
        present = [name for name in DOMAINS if available.get(name, 0)]
        example = ",".join(f"{name}=1" for name in present) or "en=1"
        raise RunError(
            f"the mixture wants {', '.join(missing)}, but no document of "
            f"{'that domain' if len(missing) == 1 else 'those domains'} passed; "
            f"run again with --mixture {example} or --mixture none (finished work is kept)"
        )
    scarcest = min(shares, key=lambda name: available[name] / shares[name])
    size = available[scarcest] / shares[scarcest]
    short = asked is not None and asked > size
    if asked is not None and not short:
        return Targets({n: int(asked * s) for n, s in shares.items()}, scarcest, asked, short)
    tokens = {name: int(size * share) for name, share in shares.items()}
    return Targets(tokens, scarcest, asked, short)


def order_keys(exact_hash: pa.Array, seed: int) -> np.ndarray:
    """Return uint64 (n,): xxh3-64 of each 16-byte hash under `seed`, the order within a domain."""
    buffer = _hash_bytes(exact_hash).tobytes()
    count = len(exact_hash)
    keys = (xxhash.xxh3_64_intdigest(buffer[16 * i : 16 * i + 16], seed) for i in range(count))
    return np.fromiter(keys, np.uint64, count)


def _hash_bytes(exact_hash: pa.Array) -> np.ndarray:
    assert exact_hash.null_count == 0 and exact_hash.type == pa.binary(16), exact_hash.type
    buffer = exact_hash.buffers()[1]
    whole = np.frombuffer(buffer, np.uint8) if buffer is not None else np.zeros(0, np.uint8)
    start = 16 * exact_hash.offset
    return whole[start : start + 16 * len(exact_hash)]


def quality_bands(quality: np.ndarray) -> np.ndarray:
    """Return int64 (n,): band 0 for the best tenth of the scale of `quality` (0..1), 9 the worst.

    NaN, the value of domains without a quality order, stands in band 0.
    """
    scaled = np.floor((1.0 - np.nan_to_num(quality, nan=1.0)) * QUALITY_BANDS)
    bands: np.ndarray = np.clip(scaled, 0, QUALITY_BANDS - 1).astype(np.int64)
    return bands


def buckets(bands: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Return int64 (n,): band and the key's top BUCKET_BITS bits; lower ones are kept first."""
    top = (keys >> np.uint64(64 - BUCKET_BITS)).astype(np.int64)
    return (bands << BUCKET_BITS) | top


@dataclass(frozen=True)
class Tally:
    """One pool's good documents of one unit, as arrays of equal length."""

    address: np.ndarray  # uint64
    key: np.ndarray  # uint64, from order_keys
    band: np.ndarray  # int64, from quality_bands
    tokens: np.ndarray  # int64

    def histogram(self) -> np.ndarray:
        """Return int64 (BUCKETS,): tokens in each bucket."""
        found = np.zeros(BUCKETS, np.int64)
        np.add.at(found, buckets(self.band, self.key), self.tokens)
        return found

    def bucket(self, bucket: int) -> Tally:
        """Return the documents of one bucket."""
        return self.take(buckets(self.band, self.key) == bucket)

    def take(self, rows: np.ndarray) -> Tally:
        """Return the documents `rows` (bool)."""
        return Tally(self.address[rows], self.key[rows], self.band[rows], self.tokens[rows])


@dataclass(frozen=True, order=True)
class Cut:
    """The last kept document's place in the order: all up to it are kept, the rest is surplus.

    Of two cuts the smaller one keeps less.
    """

    bucket: int
    key: int
    address: int

    def to_json(self) -> dict[str, int]:
        """Return the cut as plain numbers."""
        return {"bucket": self.bucket, "key": self.key, "address": self.address}


# Stands before or behind every document.
KEEP_NONE = Cut(-1, -1, 0)
KEEP_ALL = Cut(BUCKETS, 0, 0)


def cut_bucket(histogram: np.ndarray, target: int) -> tuple[int, int]:
    """Return the bucket in which the cut lies, and the tokens before it.

    The bucket is BUCKETS where all documents fit into `target`.
    """
    running = np.cumsum(histogram)
    bucket = int(np.searchsorted(running, target, side="right"))
    before = int(running[bucket - 1]) if bucket else 0
    return bucket, before


def find_cut(bucket: int, before: int, rows: Iterable[Tally], target: int) -> Cut:
    """Return the cut, given all documents of its bucket and the tokens `before` that bucket."""
    if bucket >= BUCKETS:
        return KEEP_ALL
    parts = list(rows)
    key = np.concatenate([part.key for part in parts])
    address = np.concatenate([part.address for part in parts])
    tokens = np.concatenate([part.tokens for part in parts])
    order = np.lexsort((address, key))
    fits = int(np.searchsorted(before + np.cumsum(tokens[order]), target, side="right"))
    if fits == 0:
        return Cut(bucket, -1, 0)
    last = order[fits - 1]
    return Cut(bucket, int(key[last]), int(address[last]))


def kept_mask(tally: Tally, cut: Cut) -> np.ndarray:
    """Return bool (n,): which documents stand at or before the cut."""
    place = buckets(tally.band, tally.key)
    here = place == cut.bucket
    if cut.key < 0:
        here[:] = False
        return np.asarray(place < cut.bucket)
    before = tally.key < np.uint64(cut.key)
    tie = (tally.key == np.uint64(cut.key)) & (tally.address <= np.uint64(cut.address))
    return np.asarray((place < cut.bucket) | (here & (before | tie)))
