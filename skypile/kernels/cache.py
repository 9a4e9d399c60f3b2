"""Numba, with a cache of compiled kernels that is always right and always writable.

Import `njit` from here, never from numba: the folder must be set before numba is imported. Numba
itself looks at the file of a kernel only, and would not notice that a function in another module
that the kernel calls has changed; here the sources of all these modules count.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from skypile import __version__

__all__ = ["folder", "inlined", "is_empty", "njit", "uncounted", "uncounted_inlined"]

F = TypeVar("F", bound=Callable[..., object])

_PACKAGE = Path(__file__).parents[1]
STAMP_DIGITS = 16
KEPT_VERSIONS = 8
_IMPORT = re.compile(r"^from skypile([\w.]*) import (\([^)]*\)|.*)", re.M)


@cache
def _imported(path: Path) -> frozenset[Path]:
    """Return the files of this package that the file at `path` imports from."""
    found = set()
    for module, names in _IMPORT.findall(path.read_text("utf-8")):
        base = _PACKAGE.joinpath(*module.split("."))
        near = [base / name for name in re.findall(r"\w+", names)] if base.is_dir() else [base]
        found |= {each.with_suffix(".py") for each in near if each.with_suffix(".py").is_file()}
    return frozenset(found)


@cache
def source_stamp(path: Path) -> str:
    """Return a hash of the file at `path` and of all that it imports from this package."""
    known, new = {path}, {path}
    while new:
        new = {each for file in new for each in _imported(file)} - known
        known |= new
    state = hashlib.sha256(__version__.encode())
    for each in sorted(known):
        state.update(each.read_bytes())
    return state.hexdigest()


def _cache_folder() -> str:
    """Return a folder that can be written: the user's cache, else one that lives with the boot."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    folder = Path(base) / "skypile" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):
        folder = Path(tempfile.gettempdir()) / f"skypile-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Kept kernels are unpickled: in a folder that anyone could make, only one's own will do.
        mine = folder.stat().st_uid == os.getuid()
        return str(folder) if mine else tempfile.mkdtemp(prefix="skypile-numba-")


# Images set it themselves, to a folder that was filled when they were built.
os.environ.setdefault("NUMBA_CACHE_DIR", _cache_folder())

import numba  # noqa: E402 - the folder comes first
from numba.core import caching, entrypoints  # noqa: E402

# At its first call Numba imports the extensions of all installed packages; awkward's, which comes
# with the tokenizer engine, takes 0.18 s and none of our kernels uses it. Without this attribute a
# later Numba would only be slower to start.
entrypoints._already_initialized = True

# So it does with scipy.linalg, for a BLAS that no kernel calls (0.15 s).
if "scipy.linalg" not in sys.modules:
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment] # an import of it fails meanwhile
    import numba.np.arraymath

    del sys.modules["scipy.linalg"]


def _name(path: Path) -> str:
    """Return the path of a file within the package as the name of a folder."""
    return ".".join(path.relative_to(_PACKAGE.resolve()).with_suffix("").parts)


def _changed(path: Path) -> float:
    """Return when a folder was changed, 0 where another process has just removed it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


class _Locator(caching.UserProvidedCacheLocator):
    """Keeps kernels of this package under the stamp of all their sources.

    So installations of the same version in different places share them, and those of different
    versions do not throw out each other's.
    """

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """Return the name of the folder for the kernels of a file."""
        path = Path(py_file).resolve()
        return f"{_name(path)}-{source_stamp(path)[:STAMP_DIGITS]}"

    def ensure_cache_path(self) -> None:
        """Make the folder, and remove those of all but the last few versions of the file."""
        mine = Path(self.get_cache_path())
        try:
            super().ensure_cache_path()
        except OSError:
            # In an image the folder was filled when it was built, and may be read and no more.
            if not mine.is_dir():
                raise
            return
        name = _name(Path(self._py_file).resolve())
        digits = "[0-9a-f]" * STAMP_DIGITS
        others = sorted(mine.parent.glob(f"{name}-{digits}"), key=_changed, reverse=True)
        for old in others[KEPT_VERSIONS:]:
            if old != mine:
                shutil.rmtree(old, ignore_errors=True)

    def get_source_stamp(self) -> str:
        """Return what a kept kernel must have been compiled from to be used."""
        return source_stamp(Path(self._py_file).resolve())

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator | None:
        """Return the locator of a function of this package, None of any other."""
        if not Path(py_file).resolve().is_relative_to(_PACKAGE.resolve()):
            return None
        return cast(_Locator | None, super().from_function(py_func, py_file))


caching.CacheImpl._locator_classes.insert(0, _Locator)

_save = caching.IndexDataCacheFile.save


def _save_where_allowed(file: Any, key: Any, data: Any) -> None:
    """Keep a kernel, but where the folder is for reading only: the process goes on with its own."""
    try:
        _save(file, key, data)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise


caching.IndexDataCacheFile.save = _save_where_allowed

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


def njit(function: F) -> F:
    """Return `function` compiled on first use, cached on disk, running without the GIL."""
    return cast(F, numba.njit(**_OPTIONS)(function))


def folder() -> Path:
    """Return the folder that compiled kernels are kept in."""
    # Whoever forks a loaded process may have given it another environment since.
    return Path(os.environ.get("NUMBA_CACHE_DIR") or numba.config.CACHE_DIR)


def is_empty() -> bool:
    """Tell whether no kernel has been compiled for this version of the package."""
    return next(folder().rglob("*.nbi"), None) is None


def inlined(function: F) -> F:
    """Return `function` compiled as by `njit`, and made part of each kernel that calls it.

    For helpers in loops over characters. Left to itself LLVM calls most of them, and a call with
    an array passes seven words and counts a reference up and down, atomically: some 50 ns, as much
    as 64 characters may cost. Such a function cannot create arrays.
    """
    compiled = numba.njit(**_OPTIONS, forceinline=True, _nrt=False)
    return cast(F, compiled(function))


def uncounted(function: F) -> F:
    """Return `function` compiled like `njit`, but without counting who holds which array.

    It cannot make arrays. For kernels that take a tuple of many: counting, which is atomic, took
    two fifths of the time of fastText's.
    """
    return cast(F, numba.njit(**_OPTIONS, _nrt=False)(function))


def uncounted_inlined(function: F) -> F:
    """Return `function` compiled into each `uncounted` kernel that calls it.

    A call would pass seven numbers for each array.
    """
    return cast(F, numba.njit(**_OPTIONS, _nrt=False, inline="always")(function))
