"""Build a corpus: plan, the five phases, audit, manifest. `skypile build` and the pipeline file
share `build`.
"""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import apache_beam as beam

from skypile import interrupts
from skypile.beam import graph
from skypile.beam.execute import run_pipeline
from skypile.beam.progress import Curated, Entries, Files, Work, without_rest
from skypile.beam.runners import LOCAL, RunnerOptions
from skypile.cascade import cascade_notes, cascades
from skypile.errors import RunError
from skypile.io.store import Store
from skypile.ledger import Ledger
from skypile.phases import cluster, curate, pair, score, tally
from skypile.phases.audit import audit, check_bounds, manifest
from skypile.phases.begin import begin, finish, lock, written
from skypile.phases.context import Context, UnitRef
from skypile.phases.cuts import MixPlan, plan_mixture
from skypile.phases.earlier import earlier_notes
from skypile.phases.new_bands import write_new_bands
from skypile.phases.pair import PairWork
from skypile.phases.publish import Group, group_name, plan_groups, publish_entry, published
from skypile.phases.score import PartTask
from skypile.phases.tally import UnitTask, tally_name
from skypile.phases.work import Entry, digest
from skypile.progress import Count, Progress

__all__ = ["MANIFEST", "Result", "build"]

MANIFEST = "manifest.json"
NAMED_UNITS = 10
T = TypeVar("T")


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
    progress: Progress | None = None
    pipelines: int = 0

    def spread(self, elements: Sequence[T], sizes: Sequence[int]) -> list[T]:
        """Return `elements` in the order in which workers get equal shares."""
        return graph.spread(elements, sizes, self.options.workers)

    def phase(
        self, name: str, transform: beam.PTransform | None, poll: Callable[[], Count], *,
        then: Callable[[], object] = lambda: None, last: bool = True,
    ) -> None:  # fmt: skip
        """Run one pipeline (none where nothing is left to do), showing how far it has come.

        `then` belongs to it; only the `last` of a phase's pipelines says what the phase took.
        """
        begun, cpu = time.monotonic(), time.process_time()
        before = self.seconds.get(name, 0.0)
        with self._shown(Progress(name, poll, quiet=self.quiet, before=before, last=last)):
            if transform is not None:
                self.pipelines += 1
                run_pipeline(name, transform, self.options.of(name, self.pipelines))
                then()
        self.seconds[name] = before + time.monotonic() - begun
        self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + time.process_time() - cpu

    def found(
        self, name: str, elements: Sequence[T], entry_of: Callable[[T], Entry | None]
    ) -> list[Entry | None]:
        """Return what an earlier run finished of `elements`; that is read whole, and takes time."""
        entries = []
        with self._shown(Progress(name, quiet=self.quiet, last=False)) as progress:
            for number, element in enumerate(elements):
                entries.append(entry_of(element))
                progress.update(Count(number, len(elements), "checked for earlier work"))
        return entries

    def _shown(self, progress: Progress) -> Progress:
        self.progress = progress
        return progress

    def kept(self) -> str:
        """Return the end of the sentence about an interruption."""
        where = f"in phase {self.progress.name}" if self.progress else "before the first phase"
        count = self.progress.count if self.progress else None
        if count is not None and count.whole is not None:
            where = f"{where}, {count.done:,} of {count.whole:,} {count.what} finished"
        return (
            f"{where}; finished work is kept in {self.context.work.root}, and the same command "
            "goes on from there"
        )


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
    run = _Run(context, list(refs), options, quiet)
    with lock(context), interrupts.kept(run.kept):
        if not begin(context, refs, overwrite=overwrite):
            finish(context, keep_work=keep_work)
            return Result(context.output.read_json(MANIFEST), None)
        curated = _curate(run)
        _check(run, curated, [])
        scores_first = context.recipe.dedup is not None and context.recipe.dedup.after == "score"
        scores = _score(run, curated, None) if scores_first else []
        if scores_first:
            _check(run, curated, scores)
        work, drops = _pair(run, curated, scores)
        sys.stderr.writelines(f"{alarm}\n" for alarm in drops.data["alarms"])
        if not scores_first:
            scores = _score(run, curated, work)
            _check(run, curated, scores)
        plan, groups = _publish(run, _unit_tasks(context, run.refs, curated, work, scores))
        begun = time.monotonic()
        replaced, matched = drops.data["id_replaced"], drops.data.get("matched", [])
        notes = [*earlier_notes(context.against, matched), *drops.data["alarms"]]
        notes += _cascade_notes(context, scores)
        ledger = audit(context, run.refs, curated, groups, id_replaced=replaced, notes=notes)
        found = manifest(context, run.refs, curated, groups, ledger, plan, matched)
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
    before = run.found("curate", run.refs, lambda ref: curate.curated(context, ref, hashes=True))
    todo = _missing(run.refs, before)
    without_rest(context, [curate.unit_folder(context, ref) for ref in todo])
    poll = Curated(context, run.refs, before)
    # What a compressed file holds is not known before it is read.
    todo = run.spread(todo, [ref.unit.text_bytes for ref in todo])
    run.phase("curate", graph.curate(context, todo) if todo else None, poll)
    entries = [_there(curate.curated(context, ref), ref.unit.name) for ref in run.refs]
    _tell_unreadable(zip(run.refs, entries, strict=True))
    return entries


def _missing(elements: Sequence[T], entries: Sequence[Entry | None]) -> list[T]:
    """Return the elements whose entry is None."""
    return [one for one, entry in zip(elements, entries, strict=True) if entry is None]


def _polled(
    context: Context, works: Iterable[Work], whole: int, what: str,
    *, note: str = "", timed: bool = True,
) -> Entries:  # fmt: skip
    """Return the poll of `works`, which are what is left to do, rid of stale entries."""
    todo = list(works)
    without_rest(context, [f"{work.name}.json" for work in todo])
    return Entries(context.work, todo, whole, what, note=note, timed=timed)


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


def _pair(run: _Run, curated: Sequence[Entry], scores: Sequence[Entry]) -> tuple[PairWork, Entry]:
    context = run.context
    work = PairWork.of(context, run.refs, curated, scores)
    graphs: dict[str, Callable[[Context, PairWork], beam.PTransform]] = {
        "copies": graph.copies, "pairs": graph.pairs, "edges": graph.edges,
    }  # fmt: skip
    passes = pair.passes(context)
    documents = sum(entry.data["read"] for entry in curated)
    for number, name in enumerate(passes):
        transform = graphs[name]
        poll = Files(context.work, f"{work.folder}/{name}", number, len(passes), name)
        last = number + 1 == len(passes)
        if pair.pass_done(context, work, name) is not None:
            run.phase("pair", None, poll, last=last)
            continue
        context.work.remove(f"{work.folder}/{name}")
        if name == "pairs" and context.against:
            write_new_bands(context, work)
        local = run.options.name == LOCAL
        rounds = pair.pass_rounds(context, work, name, documents) if local else [work]
        for one in rounds[:-1]:
            run.phase("pair", transform(context, one), poll, last=False)
        end = partial(pair.finish_pass, context, work, name)
        run.phase("pair", transform(context, rounds[-1]), poll, then=end, last=last)
    fresh = cluster.clustered(context, work) is None
    drops = f"{work.folder}/drops"
    if fresh:
        context.work.remove(drops)
    run.phase(
        "cluster", graph.cluster(context, work) if fresh else None,
        lambda: Count(len(context.work.names(drops)), len(work.tasks), "drop lists"),
    )  # fmt: skip
    return work, _there(cluster.clustered(context, work), "phase cluster")


def _score(run: _Run, curated: Sequence[Entry], work: PairWork | None) -> list[Entry]:
    """Score all parts, without the duplicates where these are known (`work`)."""
    context = run.context
    if not context.recipe.score:
        return []
    every = []
    for ref, entry in zip(run.refs, curated, strict=True):
        drops = cluster.drop_name(work, ref.number) if work else ""
        depends = digest(entry.hash, context.work.digest(drops) if drops else None)
        every += [PartTask(ref, part, drops, depends) for part in entry.data["parts"]]
    before = run.found("score", every, lambda task: score.scored(context, task, hashes=True))
    todo = _missing(every, before)
    works = [Work.of(task.name(context), [task.part]) for task in todo]
    poll = _polled(context, works, len(every), "parts")
    todo = run.spread(todo, [task.part["text_bytes"] for task in todo])
    run.phase("score", graph.score(context, todo) if todo else None, poll)
    return [_there(score.scored(context, task), task.ref.unit.name) for task in every]


def _cascade_notes(context: Context, scores: Sequence[Entry]) -> list[str]:
    counts: Counter[str] = Counter()
    for entry in scores:
        counts.update(entry.data.get("windows", {}))
    return cascade_notes(cascades(context.recipe.score), counts)


def _unit_tasks(
    context: Context,
    refs: Sequence[UnitRef],
    curated: Sequence[Entry],
    work: PairWork,
    scores: Sequence[Entry],
) -> list[UnitTask]:
    left = iter(scores)
    units = []
    for ref, entry in zip(refs, curated, strict=True):
        found = [next(left) for _ in entry.data["parts"]] if scores else []
        name = cluster.drop_name(work, ref.number)
        depends = digest(entry.hash, context.work.digest(name), [one.hash for one in found])
        files = tuple(one.data["file"] for one in found)
        units.append(UnitTask(ref, tuple(entry.data["parts"]), name, files, depends))
    return units


def _publish(run: _Run, tasks: list[UnitTask]) -> tuple[MixPlan, list[Entry]]:
    context = run.context
    todo = _missing(tasks, run.found("publish", tasks, partial(tally.tallied, context)))
    works = (Work.of(tally_name(context, task), task.parts) for task in todo)
    poll = _polled(context, works, len(tasks), "units", note="first pass", timed=False)
    todo = run.spread(todo, [sum(part["text_bytes"] for part in task.parts) for task in todo])
    run.phase("publish", graph.tally(context, todo) if todo else None, poll, last=False)
    tallies = [_there(tally.tallied(context, task), task.ref.unit.name) for task in tasks]
    plan = plan_mixture(context, run.refs, tallies)
    groups = plan_groups(tasks, tallies)
    _remove_others(context, groups, plan)
    before = run.found(
        "publish", groups, lambda group: published(context, group, plan.cuts, hashes=True)
    )
    left = _missing(groups, before)
    works = (Work.of(group_name(context, one, plan.cuts), one.part_data()) for one in left)
    poll = _polled(context, works, len(groups), "groups of shards")
    left = run.spread(left, [sum(part["text_bytes"] for part in one.part_data()) for one in left])
    run.phase("publish", graph.publish(context, left, plan.cuts) if left else None, poll)
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
        for shard in (*entry.data["shards"], *_indexes(entry))
    }
    for name in list(written(context)):
        if name not in known:
            context.output.remove(name)


def _indexes(entry: Entry) -> list[dict[str, Any]]:
    """Return the files of the index among the shards of a group."""
    return [shard["index"] for shard in entry.data["shards"] if "index" in shard]


def open_store(path: str) -> Store:
    """Return the store of a folder, local or remote."""
    return Store(path.rstrip("/") or "/")
