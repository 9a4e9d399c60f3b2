"""The begin and the end of a run in its folder: who may use it, and what lies there already."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skypile.errors import OutputError, UsageError
from skypile.io.store import is_remote
from skypile.phases.context import Context, UnitRef

__all__ = ["FOLDERS", "begin", "finish", "lock"]

PLAN = "plan.json"
MANIFEST = "manifest.json"
FOLDERS = ("data", "surplus", "rejected", "error")


@contextmanager
def lock(context: Context) -> Iterator[None]:
    """Hold the work folder; the kernel frees it when the process dies.

    Raises UsageError where another build holds it. Remote folders cannot be locked.
    """
    if is_remote(context.work.root):
        yield
        return
    path = Path(context.work.path("lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{context.output.root}: another build is running in this folder; wait for it, or "
                "give another --output"
            ) from error
        yield


def _identity(context: Context, refs: Sequence[UnitRef]) -> dict[str, Any]:
    """Return what may not change in a folder once begun: inputs, recipe, how records are read."""
    return {
        "inputs": sorted({ref.unit.name for ref in refs}),
        "recipe": context.recipe.fingerprint(),
        "read": asdict(context.read),
    }


def begin(context: Context, refs: Sequence[UnitRef], *, overwrite: bool) -> None:
    """Make the output folder ready, or refuse it.

    Raises UsageError where it holds a finished corpus, files of something else, or a run begun
    with other inputs or another recipe, unless `overwrite`, which removes what SkyPile wrote there.
    """
    there = set(context.output.names())
    identity = _identity(context, refs)
    known = context.work.read_json(PLAN)
    if overwrite:
        context.output.remove(MANIFEST)
        if known != identity:
            _clear(context)
    elif MANIFEST in there:
        raise UsageError(
            f"{context.output.root}: holds a finished corpus; give another --output, or "
            "--overwrite to build it anew"
        )
    elif known is not None and known != identity:
        changed = [name for name in identity if known.get(name) != identity[name]]
        raise UsageError(
            f"{context.output.root}: was begun with another {' and another '.join(changed)}; give "
            "another --output, or --overwrite to begin anew"
        )
    elif known is None and there & set(FOLDERS):
        raise UsageError(
            f"{context.output.root}: holds {', '.join(sorted(there & set(FOLDERS)))}, which no "
            "build of SkyPile begun here wrote; give another --output, or --overwrite"
        )
    context.work.write_json(PLAN, identity)


def _clear(context: Context) -> None:
    for name in FOLDERS:
        context.output.remove(name)
    for name in context.work.names():
        if name != "lock":
            context.work.remove(name)


def finish(context: Context, *, keep_work: bool) -> None:
    """Remove the work folder, unless it is to be kept."""
    if keep_work:
        return
    for name in context.work.names():
        if name != "lock":
            context.work.remove(name)
    context.work.remove("")
