"""Numba, with a cache folder that is always right and always writable.

Import `njit` from here, never from numba: the folder must be set before numba is imported. It is
salted with the kernels' sources, because numba does not notice when a function in another module
that a cached kernel calls has changed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from skypile import __version__

__all__ = ["inlined", "njit"]

F = TypeVar("F", bound=Callable[..., object])


def _source_hash() -> str:
    here = Path(__file__).parent
    state = hashlib.sha256(__version__.encode())
    for path in (*sorted(here.glob("*.py")), here.parent / "text.py"):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def _cache_folder() -> str:
    """Return a folder that can be written: the user's cache, else one that lives with the boot."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    folder = Path(base) / "skypile" / "numba" / _source_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):
        folder = Path(tempfile.gettempdir()) / f"skypile-numba-{os.getuid()}-{_source_hash()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder)


# Images set it themselves, to a folder that was filled when they were built.
os.environ.setdefault("NUMBA_CACHE_DIR", _cache_folder())

import numba  # noqa: E402 - the folder comes first
from numba.core import entrypoints  # noqa: E402

# At its first call Numba imports the extensions of all installed packages; awkward's, which comes
# with the tokenizer engine, takes 0.18 s and none of our kernels uses it. Without this attribute a
# later Numba would only be slower to start.
entrypoints._already_initialized = True

# So it does with scipy.linalg, for a BLAS that no kernel calls (0.15 s).
if "scipy.linalg" not in sys.modules:
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment] # an import of it fails meanwhile
    import numba.np.arraymath

    del sys.modules["scipy.linalg"]


def njit(function: F) -> F:
    """Return `function` compiled on first use, cached on disk, running without the GIL."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """Return `function` compiled as by `njit`, and made part of each kernel that calls it.

    For helpers in loops over characters. Left to itself LLVM calls most of them, and a call with
    an array passes seven words and counts a reference up and down, atomically: some 50 ns, as much
    as 64 characters may cost. Such a function cannot create arrays.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True, _nrt=False)
    return cast(F, compiled(function))
