"""The begin and the end of a run in its folder: who may use it, and what lies there already.

plan.json in the work folder says what a run is about and how far it has come with its folder: it
is `clearing` what it overwrites, it has `begun`, or it has `ended` with its work kept. A run that
is killed at any moment finds there how to go on.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from skypile.errors import UsageError
from skypile.io.store import TEMPORARY, Store, output_error
from skypile.phases.context import Context, UnitRef
from skypile.phases.work import digest

__all__ = ["FOLDERS", "SHARD", "begin", "finish", "held", "lock", "written"]

PLAN = "plan.json"
LOCK = ".skypile.lock"
MANIFEST = "manifest.json"
FOLDERS = ("data", "index", "surplus", "rejected", "error")
WORK_FOLDERS = ("curate", "pair", "score", "tally", "publish")
CLEARING, BEGUN, ENDED = "clearing", "begun", "ended"
# The names of the files that a build writes into its folder, half-written ones included.
SHARD = re.compile(
    r"((data/domain=(en|zh|code)|surplus|rejected|error)/part-\d{5,}\.parquet"
    r"|index/domain=(en|zh|code)/part-\d{5,}\.arrow)(\.[0-9a-f]+\.tmp)?"
)
OTHER = {
    "inputs": "other inputs",
    "recipe": "another recipe",
    "against": "other earlier corpora (--against)",
    "read": "other options of reading (--text-field, --id-field, --limit, --max-document-bytes)",
}


@contextmanager
def lock(context: Context) -> Iterator[None]:
    """Hold the output and the work folder; the kernel frees them when the process dies.

    Raises UsageError where another build holds one of them. Remote folders cannot be locked.
    """
    output, work = context.output, context.work
    with ExitStack() as stack:
        if output.is_local:
            stack.enter_context(held(output, "--output", _is_finished))
        if work.is_local and not work.path("").startswith(output.path("") + "/"):
            stack.enter_context(held(work, "--work-dir", _is_bare))
        yield


def _is_finished(output: Store) -> bool:
    return output.read_json(MANIFEST) is not None


def _is_bare(work: Store) -> bool:
    return set(work.names()) <= {LOCK}


@contextmanager
def held(store: Store, option: str, done: Callable[[Store], bool]) -> Iterator[None]:
    """Hold the folder `store`; where it is `done` in the end, leave no trace of that.

    Raises UsageError where another process holds it; `option` is what names the folder.
    """
    path = Path(store.path(LOCK))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(path)
    except BlockingIOError as error:
        raise UsageError(
            f"{store.root}: another build is running in this folder; wait for it, or give another "
            f"{option}"
        ) from error
    except OSError as error:
        raise output_error(error, str(path)) from error
    with file:
        yield
        if done(store):
            path.unlink(missing_ok=True)
            if not store.names():
                path.parent.rmdir()


def _locked(path: Path) -> TextIO:
    """Return the file at `path`, locked; BlockingIOError where another process holds it."""
    while True:
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed it meanwhile, and another one begun a new one.
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except FileNotFoundError:
            pass
        except OSError:
            file.close()
            raise
        file.close()


def _identity(context: Context, refs: Sequence[UnitRef]) -> dict[str, Any]:
    """Return what may not change in a folder once begun: inputs, recipe, how records are read.

    Inputs are the paths of all files; what has changed in one is told by the key of its unit.
    """
    units = [ref.unit for ref in refs]
    paths = {unit.path for unit in units if not unit.files}
    paths |= {file.path for unit in units for file in unit.files}
    found = {
        "inputs": [len(paths), digest(sorted(paths))],
        "recipe": context.recipe.fingerprint(),
        "read": asdict(context.read),
    }
    if context.against:
        found["against"] = digest([corpus.identity() for corpus in context.against])
    return found


def _plan(context: Context, refs: Sequence[UnitRef]) -> dict[str, Any]:
    options = {
        "weights": context.weights and dict(context.weights),
        "tokens": context.tokens,
        "seed": context.seed,
        "surplus": context.surplus,
        "index": context.index,
    }
    return {"identity": _identity(context, refs), "options": options}


def _write_plan(context: Context, plan: dict[str, Any], state: str) -> None:
    # Without it a begun folder would look like one that somebody else filled.
    replace(context.work, durable=True).write_json(PLAN, plan | {"state": state})


def begin(context: Context, refs: Sequence[UnitRef], *, overwrite: bool) -> bool:
    """Make the output folder ready, or refuse it; tell whether there is still something to build.

    False: the same build was killed when the manifest stood and its work was being removed.

    Raises UsageError where the folder holds files of something else, and, unless `overwrite`, where
    it holds a finished corpus or a run begun with other inputs or another recipe. What is
    overwritten are shards and work that SkyPile wrote, told by their names; nothing else is ever
    removed. What a killed run left half-written is removed here.
    """
    there = set(context.output.names())
    plan = _plan(context, refs)
    known = context.work.read_json(PLAN)
    known = known if isinstance(known, dict) and {*plan, "state"} == set(known) else None
    foreign = known is None and MANIFEST not in there and there & set(FOLDERS)
    if foreign:
        raise UsageError(
            f"{context.output.root}: holds {', '.join(sorted(foreign))}, which no build of SkyPile "
            "wrote; give another --output"
        )
    if overwrite:
        _overwrite(context, plan, known)
    elif MANIFEST in there and known == plan | {"state": BEGUN}:
        _sweep(context)
        return False
    else:
        _refuse(context, plan, known, finished=MANIFEST in there)
    _sweep(context)
    _write_plan(context, plan, BEGUN)
    return True


def _refuse(
    context: Context, plan: dict[str, Any], known: dict[str, Any] | None, *, finished: bool
) -> None:
    root = context.output.root
    if known is not None and known["state"] == CLEARING:
        raise UsageError(
            f"{root}: a build with --overwrite was killed here while it removed what was there; "
            "give --overwrite again"
        )
    if finished:
        raise UsageError(
            f"{root}: holds a finished corpus; give another --output, or --overwrite to build it "
            "anew"
        )
    if known is not None and known["identity"] != plan["identity"]:
        told = plan["identity"]
        changed = [OTHER[name] for name in OTHER if known["identity"].get(name) != told.get(name)]
        raise UsageError(
            f"{root}: was begun with {' and '.join(changed)}; give another --output, or "
            "--overwrite to begin anew"
        )


def _overwrite(context: Context, plan: dict[str, Any], known: dict[str, Any] | None) -> None:
    """Remove the manifest and, unless it is the same build's, all that belongs to it."""
    same = known is not None and known["identity"] == plan["identity"]
    if known is not None and same and known["state"] != CLEARING:
        context.output.remove(MANIFEST)
        return
    _write_plan(context, plan, CLEARING)
    context.output.remove(MANIFEST)
    for name in list(written(context)):
        context.output.remove(name)
    for name in WORK_FOLDERS:
        context.work.remove(name)


def written(context: Context) -> Iterator[str]:
    """Yield the names of the shards in the output folder, and of half-written ones."""
    for folder in FOLDERS:
        yield from (name for name in context.output.walk(folder) if SHARD.fullmatch(name))


def _sweep(context: Context) -> None:
    """Remove what killed runs left half-written."""
    for name in list(written(context)):
        if name.endswith(TEMPORARY):
            context.output.remove(name)
    for folder in WORK_FOLDERS:
        for name in context.work.walk(folder):
            if name.endswith(TEMPORARY):
                context.work.remove(name)
    for store, whole in ((context.output, MANIFEST), (context.work, PLAN)):
        for name in store.names():
            if name.startswith(f"{whole}.") and name.endswith(TEMPORARY):
                store.remove(name)


def finish(context: Context, *, keep_work: bool) -> None:
    """Remove what the run wrote into the work folder, unless it is to be kept."""
    plan = context.work.read_json(PLAN)
    if keep_work and plan is not None:
        _write_plan(context, plan, ENDED)
        return
    # The plan goes last: as long as it is there, a later run finds that there is more to remove.
    for name in (*WORK_FOLDERS, PLAN):
        context.work.remove(name)
    if not context.work.names():
        context.work.remove("")
