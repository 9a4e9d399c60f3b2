"""Signatures: what duplicates are found by, so that no text ever crosses a shuffle."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import Field

from skypile.kernels import minhash
from skypile.kernels.buffers import utf8_view
from skypile.schema import Scheme
from skypile.stage import Stage

__all__ = ["EXACT_BYTES", "MINHASH_BYTES", "Signature"]

EXACT_BYTES = 16
MINHASH_BYTES = 4 * minhash.SIGNATURE_VALUES


class Signature(Stage):
    """Every document has the hash of its normalised text and the MinHash values of its shingles.

    `exact_hash` is the xxh3-128 of `skypile.text.normalized`, in canonical byte order. `minhash`
    holds 128 little-endian uint32 over `skypile.text.shingles`, drawn from `seed`: by `scheme`
    affine32 (Broder 1997, in datasketch 2.0's family of that name) or fss (Fast Similarity
    Sketching, Dahlgaard et al. 2017), whose estimates vary less, most of all for short texts.
    `shingle_count` counts the shingles with their repetitions; where it is 0 the text has no token
    and is never a candidate for a near duplicate.
    """

    reads: ClassVar[tuple[str, ...]] = ("text",)
    version: ClassVar[int] = 1

    seed: int = Field(default=1, ge=0, le=2**32 - 1, description="Draws the 128 permutations.")
    scheme: Scheme = "affine32"

    @property
    def writes(self) -> dict[str, pa.DataType]:
        """The columns that the stage fills in, with their types."""
        return {
            "exact_hash": pa.binary(EXACT_BYTES),
            "minhash": pa.binary(MINHASH_BYTES),
            "shingle_count": pa.int32(),
        }

    def __call__(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """Return the three columns."""
        data, offsets = utf8_view(batch.column("text"))
        if self.scheme == "fss":
            values, counts = minhash.fss_signatures(data, offsets, self.seed)
        else:
            values, counts = minhash.signatures(data, offsets, *minhash.permutations(self.seed))
        packed = pa.py_buffer(values.astype("<u4", copy=False))
        return {
            "exact_hash": _exact_hashes(*minhash.normalized_bytes(data, offsets)),
            "minhash": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(MINHASH_BYTES), batch.num_rows, [None, packed]
            ),
            "shingle_count": pa.array(counts, pa.int32()),
        }


def _exact_hashes(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]],
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> pa.FixedSizeBinaryArray:
    view, borders = data.data, offsets.tolist()
    digests = b"".join(
        xxhash.xxh3_128_digest(view[start:stop]) for start, stop in pairwise(borders)
    )
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(EXACT_BYTES), len(borders) - 1, [None, pa.py_buffer(digests)]
    )
