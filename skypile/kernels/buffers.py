"""Arrow strings as NumPy arrays that kernels can read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["PADDING_BYTES", "utf8_view"]

# Kernels load 64 bytes at a time, from up to three bytes further on than where they stand, and may
# read so far past the last document.
PADDING_BYTES = 72


def utf8_view(
    array: pa.StringArray | pa.LargeStringArray | pa.BinaryArray | pa.LargeBinaryArray,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the bytes of all values and their borders.

    data uint8, followed by PADDING_BYTES zeros; offsets int64 (n + 1) into data, from 0. A null has
    length 0. The bytes are copied once (5.7 GB/s), since an Arrow buffer may end with its last
    value.
    """
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, borders, values = array.buffers()
    kind = np.dtype(np.int64 if large else np.int32)
    if len(array) == 0 or borders is None:
        return np.zeros(PADDING_BYTES, np.uint8), np.zeros(len(array) + 1, np.int64)
    if array.null_count:
        # The format does not promise that a null's slot is empty.
        return utf8_view(array.fill_null(b"" if pa.types.is_binary(array.type) else ""))
    start = array.offset * kind.itemsize
    offsets = np.frombuffer(borders, kind, len(array) + 1, start).astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.zeros(last - first + PADDING_BYTES, np.uint8)
    if last > first:
        data[: last - first] = np.frombuffer(values, np.uint8, last - first, first)
    return data, offsets - first
