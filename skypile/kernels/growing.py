"""Lists of rows that grow within a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from skypile.kernels.cache import njit

__all__ = ["grown"]


@njit
def grown(found: Any) -> Any:
    """Return the rows of `found`, two-dimensional, with room for as many again.

    Row by row: an assignment of slices takes Numba seven seconds to compile.
    """
    larger = np.empty((2 * found.shape[0], found.shape[1]), found.dtype)
    for at in range(found.shape[0]):
        for k in range(found.shape[1]):
            larger[at, k] = found[at, k]
    return larger
