"""The begin and the end of a run in its folder: who may use it, and what lies there already."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skypile.errors import OutputError, UsageError
from skypile.io.store import is_remote
from skypile.io.units import Unit
from skypile.phases.context import Context, UnitRef

__all__ = ["FOLDERS", "begin", "finish", "lock", "written"]

PLAN = "plan.json"
LOCK = ".skypile.lock"
MANIFEST = "manifest.json"
FOLDERS = ("data", "surplus", "rejected", "error")
WORK_NAMES = ("curate", "pair", "score", "tally", "publish", PLAN)
# The names of the files that a build writes into its folder, half-written ones included.
SHARD = re.compile(
    r"(data/domain=(en|zh|code)|surplus|rejected|error)/part-\d{5,}\.parquet(\.[0-9a-f]+\.tmp)?"
)


@contextmanager
def lock(context: Context) -> Iterator[None]:
    """Hold the output folder; the kernel frees it when the process dies.

    Raises UsageError where another build holds it. Remote folders cannot be locked.
    """
    if is_remote(context.output.root):
        yield
        return
    path = Path(context.output.path(LOCK))
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
        # Removed while it is held: whoever opened it before fails on the identity of its plan.
        if context.output.read_json(MANIFEST) is not None:
            path.unlink(missing_ok=True)


def _identity(context: Context, refs: Sequence[UnitRef]) -> dict[str, Any]:
    """Return what may not change in a folder once begun: inputs, recipe, how records are read."""
    return {
        "inputs": sorted({_place(ref.unit) for ref in refs}),
        "recipe": context.recipe.fingerprint(),
        "read": asdict(context.read),
    }


def _place(unit: Unit) -> str:
    """Return where a unit's file lies; what changed in it meanwhile is told by the unit's key."""
    path = os.fsencode(unit.path).decode(errors="backslashreplace")
    return f"{path}#{unit.start}"


def begin(context: Context, refs: Sequence[UnitRef], *, overwrite: bool) -> None:
    """Make the output folder ready, or refuse it.

    Raises UsageError where it holds files of something else, and, unless `overwrite`, where it
    holds a finished corpus or a run begun with other inputs or another recipe. What is overwritten
    are shards and work that SkyPile wrote, told by their names; nothing else is ever removed.
    """
    there = set(context.output.names())
    identity = _identity(context, refs)
    known = context.work.read_json(PLAN)
    foreign = known is None and MANIFEST not in there and there & set(FOLDERS)
    if foreign:
        raise UsageError(
            f"{context.output.root}: holds {', '.join(sorted(foreign))}, which no build of SkyPile "
            "wrote; give another --output"
        )
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
    context.work.write_json(PLAN, identity)


def written(context: Context) -> Iterator[str]:
    """Yield the names of the shards in the output folder, and of half-written ones."""
    for folder in FOLDERS:
        yield from (name for name in context.output.walk(folder) if SHARD.fullmatch(name))


def _clear(context: Context) -> None:
    for name in list(written(context)):
        context.output.remove(name)
    _remove_work(context)


def _remove_work(context: Context) -> None:
    for name in WORK_NAMES:
        context.work.remove(name)
    if not context.work.names():
        context.work.remove("")


def finish(context: Context, *, keep_work: bool) -> None:
    """Remove what the run wrote into the work folder, unless it is to be kept."""
    if not keep_work:
        _remove_work(context)
