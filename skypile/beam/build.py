"""Build a corpus: plan, the five phases, audit, manifest. `skypile build` and the pipeline file
share `build`.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import apache_beam as beam

from skypile.beam import graph
from skypile.beam.execute import run_pipeline
from skypile.beam.progress import Progress
from skypile.beam.runners import LOCAL, RunnerOptions
from skypile.errors import RunError
from skypile.io.store import Store
from skypile.ledger import Ledger
from skypile.phases import cluster, curate, pair, score, tally
from skypile.phases.audit import audit, check_bounds, manifest
from skypile.phases.begin import begin, finish, lock, written
from skypile.phases.context import Context, UnitRef
from skypile.phases.pair import PairWork
from skypile.phases.publish import Group, plan_groups, publish_entry, published
from skypile.phases.score import PartTask
from skypile.phases.tally import MixPlan, UnitTask, plan_mixture
from skypile.phases.work import Entry, digest

__all__ = ["MANIFEST", "Result", "build"]

MANIFEST = "manifest.json"
NAMED_UNITS = 10
T = TypeVar("T")
ALONE = ("pair", "cluster")


@dataclass
class Result:
    """A finished build; `ledger` is None where an earlier run had all but removed its work."""

    manifest: dict[str, Any]
    ledger: Ledger | None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class _Run:
    """What the driver holds while phases run."""

    context: Context
    refs: list[UnitRef]
    options: RunnerOptions
    quiet: bool
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)

    def spread(self, elements: Sequence[T], sizes: Sequence[int]) -> list[T]:
        """Return `elements` in the order in which workers get equal shares."""
        return graph.spread(elements, sizes, self.options.workers)

    def phase(
        self, name: str, transform: beam.PTransform | None, done: Callable[[], tuple[int, int]]
    ) -> None:
        """Run one pipeline (none where nothing is left to do), showing how far it has come.

        Phases pair and cluster stay in this process: all that they group would cross to workers.
        """
        options = self.options.alone if name in ALONE else self.options.shared
        begun, cpu = time.monotonic(), time.process_time()
        with Progress(name, done, quiet=self.quiet):
            if transform is not None:
                run_pipeline(name, transform, options)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + time.process_time() - cpu


def build(
    context: Context,
    refs: Sequence[UnitRef],
    options: RunnerOptions,
    *,
    overwrite: bool = False,
    keep_work: bool = False,
    quiet: bool = False,
) -> Result:
    """Build the corpus of `refs` at `context.output` and return its manifest and ledger.

    Finished units of an earlier run with the same inputs and recipe are not done again.
    manifest.json is written last, after the audit. Raises SkyPileError with one sentence where the
    run cannot go on; finished work is kept then.
    """
    started = datetime.now(UTC)
    with lock(context):
        if not begin(context, refs, overwrite=overwrite):
            finish(context, keep_work=keep_work)
            return Result(context.output.read_json(MANIFEST), None)
        run = _Run(context, list(refs), options, quiet)
        curated = _curate(run)
        _check(run, curated, [])
        work, drops = _pair(run, curated)
        tasks, scores = _score(run, curated, work)
        _check(run, curated, scores)
        plan, groups = _publish(run, tasks)
        begun = time.monotonic()
        replaced = drops.data["id_replaced"]
        ledger = audit(context, run.refs, curated, groups, id_replaced=replaced)
        found = manifest(context, run.refs, curated, groups, ledger, plan)
        run.seconds["audit"] = time.monotonic() - begun
        found["run"] = _run_object(run, started)
        context.output.write_json(MANIFEST, found)
        finish(context, keep_work=keep_work)
    return Result(found, ledger, run.seconds)


def _run_object(run: _Run, started: datetime) -> dict[str, Any]:
    return {
        "started": started.isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "python": sys.version.split()[0],
        "wall_seconds": {name: round(value, 3) for name, value in run.seconds.items()},
        "driver_cpu_seconds": {name: round(value, 3) for name, value in run.cpu_seconds.items()},
    }


def _curate(run: _Run) -> list[Entry]:
    context = run.context
    todo = [ref for ref in run.refs if curate.curated(context, ref, hashes=True) is None]

    def done() -> tuple[int, int]:
        left = sum(curate.curated(context, ref) is None for ref in todo)
        return len(run.refs) - left, len(run.refs)

    # What a compressed file holds is not known before it is read.
    todo = run.spread(todo, [ref.unit.text_bytes for ref in todo])
    run.phase("curate", graph.curate(context, todo) if todo else None, done)
    entries = [_there(curate.curated(context, ref), ref.unit.name) for ref in run.refs]
    _tell_unreadable(zip(run.refs, entries, strict=True))
    return entries


def _tell_unreadable(units: Iterable[tuple[UnitRef, Entry]]) -> None:
    """Name the inputs with records that could not be read, whatever is asked to be quiet."""
    found = [(ref.unit.name, entry.data["unreadable"]) for ref, entry in units]
    found = [(name, number) for name, number in found if number]
    for name, number in found[:NAMED_UNITS]:
        sys.stderr.write(f"{name}: {number:,} records could not be read\n")
    if len(found) > NAMED_UNITS:
        sys.stderr.write(f"and {len(found) - NAMED_UNITS:,} more inputs with such records\n")


def _there(entry: Entry | None, what: str) -> Entry:
    if entry is None:
        raise RunError(f"{what}: its work is not complete; run the same command again")
    return entry


def _check(run: _Run, curated: Sequence[Entry], scores: Sequence[Entry]) -> None:
    read = sum(entry.data["read"] for entry in curated)
    stage_errors = sum(entry.data["stage_errors"] for entry in (*curated, *scores))
    unreadable = sum(entry.data["unreadable"] for entry in curated)
    faults = [fault for entry in (*curated, *scores) for fault in entry.data["stage_faults"]]
    check_bounds(run.context, read, stage_errors, unreadable, faults[:1])


def _pair(run: _Run, curated: Sequence[Entry]) -> tuple[PairWork, Entry]:
    context = run.context
    work = PairWork.of(context, run.refs, curated)
    passes: dict[str, Callable[[Context, PairWork], beam.PTransform]] = {"copies": graph.copies}
    if context.recipe.dedup is not None:
        passes |= {"pairs": graph.pairs, "edges": graph.edges}
    documents = sum(entry.data["read"] for entry in curated)
    for number, (name, transform) in enumerate(passes.items()):
        if pair.pass_done(context, work, name) is not None:
            continue
        context.work.remove(f"{work.folder}/{name}")
        local = run.options.name == LOCAL
        rounds = pair.pass_rounds(context, work, name, documents) if local else [work]
        for one in rounds:
            run.phase("pair", transform(context, one), lambda n=number: (n, len(passes)))  # type: ignore[misc]
        pair.finish_pass(context, work, name)
    fresh = cluster.clustered(context, work) is None
    run.phase("cluster", graph.cluster(context, work) if fresh else None, lambda: (0, 1))
    return work, _there(cluster.clustered(context, work), "phase cluster")


def _score(
    run: _Run, curated: Sequence[Entry], work: PairWork
) -> tuple[list[UnitTask], list[Entry]]:
    context = run.context
    tasks: list[list[PartTask]] = []
    for ref, entry in zip(run.refs, curated, strict=True):
        name = cluster.drop_name(work, ref.number)
        depends = digest(entry.hash, context.work.digest(name))
        tasks.append([PartTask(ref, part, name, depends) for part in entry.data["parts"]])
    every = [task for of_unit in tasks for task in of_unit] if context.recipe.score else []
    todo = [task for task in every if score.scored(context, task, hashes=True) is None]

    def done() -> tuple[int, int]:
        left = sum(score.scored(context, task) is None for task in todo)
        return len(every) - left, len(every)

    todo = run.spread(todo, [task.part["text_bytes"] for task in todo])
    run.phase("score", graph.score(context, todo) if todo else None, done)
    entries = [_there(score.scored(context, task), task.ref.unit.name) for task in every]
    left = iter(entries)
    units = []
    for ref, of_unit in zip(run.refs, tasks, strict=True):
        found = [next(left) for _ in of_unit] if context.recipe.score else []
        depends = digest([task.depends for task in of_unit], [entry.hash for entry in found])
        files = tuple(entry.data["file"] for entry in found)
        parts = tuple(task.part for task in of_unit)
        name = cluster.drop_name(work, ref.number)
        units.append(UnitTask(ref, parts, name, files, depends))
    return units, entries


def _publish(run: _Run, tasks: list[UnitTask]) -> tuple[MixPlan, list[Entry]]:
    context = run.context
    todo = [task for task in tasks if tally.tallied(context, task) is None]

    def counted() -> tuple[int, int]:
        left = sum(tally.tallied(context, task) is None for task in todo)
        return len(tasks) - left, 2 * len(tasks)

    todo = run.spread(todo, [sum(part["text_bytes"] for part in task.parts) for task in todo])
    run.phase("publish", graph.tally(context, todo) if todo else None, counted)
    tallies = [_there(tally.tallied(context, task), task.ref.unit.name) for task in tasks]
    plan = plan_mixture(context, run.refs, tallies)
    groups = plan_groups(tasks, tallies)
    _remove_others(context, groups, plan)
    left = [group for group in groups if published(context, group, plan.cuts, hashes=True) is None]

    def shards() -> tuple[int, int]:
        waiting = sum(published(context, group, plan.cuts) is None for group in left)
        return 2 * len(groups) - waiting, 2 * len(groups)

    left = run.spread(left, [group.text_bytes for group in left])
    transform = graph.publish(context, left, plan.cuts) if left else None
    run.phase("publish", transform, shards)
    return plan, [
        _there(publish_entry(context, group, plan.cuts), f"shards {group.number}")
        for group in groups
    ]


def _remove_others(context: Context, groups: Sequence[Group], plan: MixPlan) -> None:
    """Remove shards that an earlier, unfinished run with other options left."""
    known = {
        shard["path"]
        for group in groups
        if (entry := published(context, group, plan.cuts)) is not None
        for shard in entry.data["shards"]
    }
    for name in list(written(context)):
        if name not in known:
            context.output.remove(name)


def open_store(path: str) -> Store:
    """Return the store of a folder, local or remote."""
    return Store(path.rstrip("/") or "/")
