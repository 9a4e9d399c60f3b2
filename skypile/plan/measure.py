"""The phases of a build over a sample, without Beam: what each takes, and what it leaves behind.

The functions are those that a build's workers call. Files lie in folders of their own; nothing is
left out by a mixture, since the sample's would not be that of the whole.
"""

from __future__ import annotations

import resource
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skypile.curate import annotate, run_steps
from skypile.dedup.cluster import REASONS
from skypile.dedup.settings import Dedup
from skypile.mix import KEEP_ALL
from skypile.phases import pair
from skypile.phases.cluster import cluster_units, drop_name
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import curate_records, part_batches
from skypile.phases.merge import merged_batches, read_drops
from skypile.phases.pair import PairWork
from skypile.phases.publish import plan_groups, publish_group
from skypile.phases.score import PartTask, open_documents, write_scores
from skypile.phases.tally import UnitTask, tally_unit
from skypile.phases.work import Entry, digest
from skypile.plan.sample import Drawn, Stratum
from skypile.policy import open_mask
from skypile.schema import ERROR, REJECTED
from skypile.shares import pool_indices, pool_names

__all__ = ["PHASES", "Cells", "Measured", "ShardBytes", "measure"]

PHASES = ("read", "curate", "pair", "cluster", "score", "publish")
CELLS = 24  # of a unit, to be drawn again for the interval
CELL_ROWS = 4
WARM_ROWS = 32
GOOD = "good"


@dataclass(frozen=True)
class Cells:
    """What pieces of the sample amount to: float64 (cells, columns), by name of column.

    unit int64 (cells,) is the place of a cell's unit among all drawn ones. A cell is a run of
    records of one unit.
    """

    values: np.ndarray
    names: tuple[str, ...]
    unit: np.ndarray


@dataclass(frozen=True)
class ShardBytes:
    """What one kind of shard weighs."""

    rows_bytes: int  # on disk, footers left out
    footer_bytes: int  # of one file
    text_bytes: int
    documents: int


@dataclass
class Measured:
    """A sample that went through all phases."""

    cells: Cells
    seconds: dict[str, float]  # CPU time by phase
    bytes: dict[str, int]  # of what was written, by kind, and of what was grouped
    documents: dict[str, int]  # that these bytes belong to, by kind
    shards: dict[str, ShardBytes]  # by domain, and by outcome of what is not kept
    peak_bytes: int
    entry_bytes: int  # of the entries of a unit with one part, as JSON


class _Cell(defaultdict[str, float]):
    """Sums by name."""

    def __init__(self) -> None:
        super().__init__(float)

    def add(self, **values: float) -> None:
        """Add to the sums."""
        for name, value in values.items():
            self[name] += float(value)


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        self.seconds[name] += time.process_time() - begun


def measure(context: Context, strata: Sequence[Stratum]) -> Measured:
    """Take the records of `strata` through all phases in the folders of `context`."""
    drawn = [one for stratum in strata for one in stratum.drawn]
    _warm(context, drawn)
    clock, recipe = _Clock(), context.recipe
    refs = [UnitRef(number, one.unit) for number, one in enumerate(drawn)]
    with clock("all of curate"):
        curated = [curate_records(context, ref, one) for ref, one in zip(refs, drawn, strict=True)]
    scores_first = recipe.dedup is not None and recipe.dedup.after == "score"
    scores = _score(context, refs, curated, None, clock) if scores_first else []
    work = PairWork.of(context, refs, curated, scores)
    grouped = _pair(context, work, clock)
    with clock("cluster"):
        cluster_units(context, work)
    if not scores_first:
        scores = _score(context, refs, curated, work, clock)
    tasks = _unit_tasks(context, refs, curated, work, scores)
    with clock("publish"):
        tallies = [tally_unit(context, task) for task in tasks]
        cuts = dict.fromkeys(pool_names(context.within), KEEP_ALL)
        published = [publish_group(context, group, cuts) for group in plan_groups(tasks, tallies)]
    clock.seconds["read"] = sum(one.read_seconds for one in drawn)
    clock.seconds["curate"] = clock.seconds.pop("all of curate") - clock.seconds["read"]
    found = _bytes(context, curated, scores, work, published)
    return Measured(
        cells=_cells(context, drawn, tasks, clock.seconds),
        seconds={name: float(clock.seconds[name]) for name in PHASES},
        bytes={**found, **grouped},
        documents=_documents(curated, scores, published),
        shards=_shards(context, published, tallies),
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        entry_bytes=_entry_bytes(context, [*curated, *scores, *tallies], len(refs)),
    )


def _warm(context: Context, drawn: Iterable[Drawn]) -> None:
    """Load kernels and models, which a worker does once and this process would count here."""
    recipe = context.recipe
    for step in recipe.score:
        for stage in step.stages:
            stage.load()
    signature = (recipe.dedup or Dedup()).signature
    for one in drawn:
        batch = one.first(WARM_ROWS)
        if batch is not None:
            batch = run_steps(batch, recipe.steps)
            run_steps(annotate(batch, [signature]), recipe.score)


def _score(
    context: Context, refs: Sequence[UnitRef], curated: Sequence[Entry], work: PairWork | None,
    clock: _Clock,
) -> list[Entry]:  # fmt: skip
    """Score all parts as phase score does, without the duplicates where these are known."""
    if not context.recipe.score:
        return []
    done = []
    for ref, entry in zip(refs, curated, strict=True):
        drops = drop_name(work, ref.number) if work else ""
        depends = digest(entry.hash, context.work.digest(drops) if drops else None)
        for part in entry.data["parts"]:
            task = PartTask(ref, part, drops, depends)
            with clock("score"):
                batch = run_steps(open_documents(context, task), context.recipe.score)
                done.append(write_scores(context, task, batch))
    return done


def _pair(context: Context, work: PairWork, clock: _Clock) -> dict[str, int]:
    """Do the passes of phase pair; return the bytes that each groups."""
    Keys = Callable[..., Iterable[tuple[int, bytes]]]
    steps: dict[str, tuple[Keys, Callable[..., int]]] = {
        "copies": (pair.copy_keys, pair.copies_of_key),
        "pairs": (pair.band_keys, pair.pairs_of_key),
        "edges": (pair.pair_keys, pair.edges_of_key),
    }
    found = {}
    for name in pair.passes(context):
        keys, function = steps[name]
        elements: Sequence[Any] = work.with_earlier(context)
        if name == "edges":
            elements = pair.pass_files(context, work, "pairs")
        with clock("pair"):
            groups: dict[int, list[bytes]] = defaultdict(list)
            for element in elements:
                for key, packed in keys(element, context, work):
                    groups[key].append(packed)
            for key in sorted(groups):
                function((key, groups[key]), context, work)
            pair.finish_pass(context, work, name)
        sizes = (len(packed) for chunks in groups.values() for packed in chunks)
        found[f"shuffle:{name}"] = sum(sizes)
    return found


def _unit_tasks(
    context: Context, refs: Sequence[UnitRef], curated: Sequence[Entry], work: PairWork,
    scores: Sequence[Entry],
) -> list[UnitTask]:  # fmt: skip
    left, tasks = iter(scores), []
    for ref, entry in zip(refs, curated, strict=True):
        found = [next(left) for _ in entry.data["parts"]] if scores else []
        name = drop_name(work, ref.number)
        depends = digest(entry.hash, context.work.digest(name), [one.hash for one in found])
        files = tuple(str(one.data["file"]) for one in found)
        tasks.append(UnitTask(ref, tuple(entry.data["parts"]), name, files, depends))
    return tasks


def _bytes(
    context: Context, curated: Sequence[Entry], scores: Sequence[Entry], work: PairWork,
    published: Sequence[Entry],
) -> dict[str, int]:  # fmt: skip
    """Return the bytes of all files by what they are."""
    found: Counter[str] = Counter()
    for entry in curated:
        for part in entry.data["parts"]:
            for kind, key in (("parts", "file"), ("signatures", "signatures"), ("ids", "ids")):
                found[kind] += context.work.size(part[key]) or 0
    for entry in scores:
        found["scores"] += context.work.size(entry.data["file"]) or 0
    for task in work.tasks:
        found["drops"] += context.work.size(drop_name(work, task.ref.number)) or 0
    for entry in published:
        for shard in entry.data["shards"]:
            found["index"] += shard.get("index", {}).get("bytes", 0)
    return dict(found)


def _documents(
    curated: Sequence[Entry], scores: Sequence[Entry], published: Sequence[Entry]
) -> dict[str, int]:
    found: Counter[str] = Counter()
    for entry in curated:
        found["ids"] += entry.data["read"]
        found["signatures"] += entry.data["open"]
    found["scores"] = sum(entry.data["rows"] for entry in scores)
    for entry in published:
        shards = entry.data["shards"]
        found["index"] += sum(shard["documents"] for shard in shards if "index" in shard)
    return dict(found)


def _shards(
    context: Context, published: Sequence[Entry], tallies: Sequence[Entry]
) -> dict[str, ShardBytes]:
    """Return what shards weigh by domain, and by outcome of what is not kept."""
    text: Counter[str] = Counter()
    for entry in tallies:
        for sizes in entry.data["part_bytes"]:
            text.update(sizes)
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for entry in published:
        for shard in entry.data["shards"]:
            with context.output.open(shard["path"]) as stream:
                footer = int(pq.read_metadata(stream).serialized_size)
            name = shard["domain"] or shard["outcome"]
            found[name].append((shard["bytes"] - footer, footer, shard["documents"]))
    weighed = {}
    for name in sorted(found):
        rows, footers, documents = (sum(one) for one in zip(*found[name], strict=True))
        weighed[name] = ShardBytes(rows, footers // len(found[name]), text[name], documents)
    return weighed


def _entry_bytes(context: Context, entries: Sequence[Entry], units: int) -> int:
    sizes = [context.work.size(f"{entry.name}.json") or 0 for entry in entries]
    return sum(sizes) // max(1, units)


def _cells(
    context: Context,
    drawn: Sequence[Drawn],
    tasks: Sequence[UnitTask],
    seconds: Mapping[str, float],
) -> Cells:
    """Return what runs of records amount to, and their part of the times of their unit."""
    rows: list[_Cell] = []
    unit: list[int] = []
    for number, (one, task) in enumerate(zip(drawn, tasks, strict=True)):
        count = max(1, min(CELLS, one.read // CELL_ROWS)) if one.read else 0
        cells = [_Cell() for _ in range(count)]
        for batch in _final(context, task):
            _add_rows(context, cells, batch, one.read)
        for part in task.parts:
            for batch in part_batches(context, part, ["row", "outcome"]):
                rows_open = np.asarray(batch.column("row"))[open_mask(batch)].astype(np.int64)
                for at in rows_open * count // one.read:
                    cells[at]["open"] += 1
        _add_seconds(cells, one)
        rows += cells
        unit += [number] * count
    _share_out(rows, seconds)
    names = tuple(sorted({name for row in rows for name in row}))
    values = np.array([[row.get(name, 0.0) for name in names] for row in rows], np.float64)
    return Cells(values.reshape(len(rows), len(names)), names, np.array(unit, np.int64))


def _final(context: Context, task: UnitTask) -> Iterator[pa.RecordBatch]:
    drops = read_drops(context, task.drops, task.ref.unit.name)
    for number, part in enumerate(task.parts):
        yield from merged_batches(context, part, drops, task.part_scores(context, number))


def _add_rows(context: Context, cells: list[_Cell], batch: pa.RecordBatch, whole: int) -> None:
    """Add the records of `batch` to the cells in which their rows lie."""
    place = np.asarray(batch.column("row")).astype(np.int64) * len(cells) // whole
    size = np.asarray(pa.compute.binary_length(batch.column("text")).fill_null(0))
    outcome = batch.column("outcome").fill_null(GOOD).to_numpy(zero_copy_only=False)
    reason = batch.column("reason").fill_null("").to_numpy(zero_copy_only=False)
    pools = np.array([*pool_names(context.within), ""], object)[pool_indices(batch, context.within)]
    names = batch.schema.names
    tokens = np.asarray(batch.column("tokens").fill_null(0)) if "tokens" in names else 0 * size
    windows = np.zeros(len(size))
    for stage in (stage for step in context.recipe.score for stage in step.stages):
        if getattr(stage, "windows_column", None) in names:
            windows += np.asarray(batch.column(stage.windows_column).fill_null(0))
    for at, text, what, why, pool, token, window in zip(
        place, size, outcome, reason, pools, tokens, windows, strict=True
    ):
        cell = cells[at]
        cell.add(records=1, text_bytes=text, tokens=token, windows=window)
        if what == GOOD:
            cell.add(**{f"good:{pool}": 1, f"text:{pool}": text, f"tokens:{pool}": token})
        elif what == ERROR:
            cell.add(**{ERROR: 1, f"reason:error:{why}": 1})
        else:
            cell.add(**{REJECTED: 1, "text:rejected": text, f"reason:{why}": 1})
            cell.add(duplicates=why in REASONS)


def _add_seconds(cells: list[_Cell], one: Drawn) -> None:
    """Share out the times of reading and curating a unit by bytes of text."""
    whole = sum(cell["text_bytes"] for cell in cells) or 1
    curated = sum(seconds for _, _, seconds in one.timed)
    # What was read and not taken took its time as well.
    read = one.read_seconds * one.read / max(1, one.met)
    for cell in cells:
        share = cell["text_bytes"] / whole
        cell["seconds:read"] += read * share
        cell["seconds:curate"] += curated * share


def _share_out(rows: Sequence[_Cell], seconds: Mapping[str, float]) -> None:
    """Share out the times of phases that took the sample as a whole by what they go through."""
    by = {"pair": "records", "cluster": "records", "score": "windows", "publish": "text_bytes"}
    for phase, name in by.items():
        if phase == "score" and not any(row.get(name) for row in rows):
            name = "tokens"
        whole = sum(row.get(name, 0.0) for row in rows) or 1
        for row in rows:
            row[f"seconds:{phase}"] = seconds[phase] * row.get(name, 0.0) / whole
