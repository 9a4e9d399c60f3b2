"""The whole graph: five phases over units, each a small pipeline whose elements are references.

    curate   units  -> parts, signatures
    pair     signatures -> (group, packed bytes) -> GroupByKey -> edges      the only shuffle
    cluster  edges  -> drop lists by unit
    score    parts  -> RunInference -> scores
    publish  units  -> tallies -> cuts -> groups of parts -> shards

What crosses a step is a reference or packed bytes, never text; what a phase makes lies in the work
folder. Every step has a label and an element type, and a test walks the graph for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from skypile.mix import Cut
from skypile.phases.cluster import cluster_units
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import curate_unit
from skypile.phases.pair import (
    PairTask,
    PairWork,
    band_keys,
    copies_of_key,
    copy_keys,
    edges_of_key,
    pair_keys,
    pairs_of_key,
    pass_files,
)
from skypile.phases.publish import Group, publish_group
from skypile.phases.score import PartBatch, PartTask, open_documents, write_scores
from skypile.phases.tally import UnitTask, tally_unit

__all__ = ["Cluster", "Copies", "Curate", "Edges", "Pairs", "Publish", "Score", "Tally"]

KEYED = tuple[int, bytes]


def _spread(elements: Iterable[Any], kind: type) -> beam.PTransform:
    """Elements of a list, dealt to the workers one by one."""
    return _Spread(list(elements), kind)


class _Spread(beam.PTransform):
    def __init__(self, elements: list[Any], kind: type) -> None:
        super().__init__()
        self.elements, self.kind = elements, kind

    def expand(self, pbegin: Any) -> Any:
        # Without the reshuffle a Create is one bundle, hence one worker.
        return (
            pbegin
            | "List" >> beam.Create(self.elements, reshuffle=False).with_output_types(self.kind)
            | "Deal" >> beam.Reshuffle().with_output_types(self.kind)
        )


class Curate(beam.PTransform):
    """Units through the recipe's steps; writes parts and signatures."""

    def __init__(self, context: Context, refs: list[UnitRef]) -> None:
        super().__init__()
        self.context, self.refs = context, refs

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of each unit's entry."""
        return (
            pbegin
            | "Units" >> _spread(self.refs, UnitRef)
            | "CurateUnit" >> beam.Map(_curate, self.context).with_output_types(str)
        )


def _curate(ref: UnitRef, context: Context) -> str:
    return curate_unit(context, ref).hash


class Copies(beam.PTransform):
    """Pass 1 of pair: equal hashes of texts, equal ids."""

    def __init__(self, context: Context, work: PairWork) -> None:
        super().__init__()
        self.context, self.work = context, work

    def expand(self, pbegin: Any) -> Any:
        """Return the bytes found in each group."""
        return (
            pbegin
            | "Units" >> _spread(self.work.tasks, PairTask)
            | "Hashes" >> beam.FlatMap(copy_keys, self.context).with_output_types(KEYED)
            | "ByHash" >> beam.GroupByKey()
            | "Equal" >> beam.Map(copies_of_key, self.context, self.work).with_output_types(int)
        )


class Pairs(beam.PTransform):
    """Pass 2 of pair: equal bands of signatures."""

    def __init__(self, context: Context, work: PairWork) -> None:
        super().__init__()
        self.context, self.work = context, work

    def expand(self, pbegin: Any) -> Any:
        """Return the bytes found in each group."""
        return (
            pbegin
            | "Units" >> _spread(self.work.tasks, PairTask)
            | "Bands" >> beam.FlatMap(band_keys, self.context, self.work).with_output_types(KEYED)
            | "ByBand" >> beam.GroupByKey()
            | "Candidates" >> beam.Map(pairs_of_key, self.context, self.work).with_output_types(int)
        )


class Edges(beam.PTransform):
    """Pass 3 of pair: candidates verified, unit by unit."""

    def __init__(self, context: Context, work: PairWork) -> None:
        super().__init__()
        self.context, self.work = context, work

    def expand(self, pbegin: Any) -> Any:
        """Return the bytes found in each group."""
        files = pass_files(self.context, self.work, "pairs")
        return (
            pbegin
            | "Files" >> _spread(files, str)
            | "PairsByUnit" >> beam.FlatMap(pair_keys, self.context).with_output_types(KEYED)
            | "ByUnit" >> beam.GroupByKey()
            | "Verified" >> beam.Map(edges_of_key, self.context, self.work).with_output_types(int)
        )


class Cluster(beam.PTransform):
    """Verified pairs to drop lists, on one worker."""

    def __init__(self, context: Context, work: PairWork) -> None:
        super().__init__()
        self.context, self.work = context, work

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of the entry of all drop lists."""
        return (
            pbegin
            | "All" >> _spread([self.work], PairWork)
            | "Drops" >> beam.Map(_cluster, self.context).with_output_types(str)
        )


def _cluster(work: PairWork, context: Context) -> str:
    return cluster_units(context, work).hash


class Score(beam.PTransform):
    """Open documents of parts through RunInference; the only phase that wants a GPU."""

    def __init__(self, context: Context, tasks: list[PartTask]) -> None:
        super().__init__()
        self.context, self.tasks = context, tasks

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of the entry of each part's scores."""
        # Beam's inference package loads torch where it is installed: four seconds, used here only.
        from apache_beam.ml.inference.base import RunInference

        from skypile.beam.handler import PartModelHandler

        return (
            pbegin
            | "Parts" >> _spread(self.tasks, PartTask)
            | "OpenDocuments" >> beam.Map(_open, self.context).with_output_types(PartBatch)
            | "Models" >> RunInference(PartModelHandler(self.context.recipe.score))
            | "Scores" >> beam.Map(_scores, self.context).with_output_types(str)
        )


def _open(task: PartTask, context: Context) -> PartBatch:
    return PartBatch(task, open_documents(context, task))


def _scores(scored: PartBatch, context: Context) -> str:
    return write_scores(context, scored.task, scored.batch).hash


class Tally(beam.PTransform):
    """Units to tallies of their good documents."""

    def __init__(self, context: Context, tasks: list[UnitTask]) -> None:
        super().__init__()
        self.context, self.tasks = context, tasks

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of the entry of each unit's tally."""
        return (
            pbegin
            | "Units" >> _spread(self.tasks, UnitTask)
            | "TallyUnit" >> beam.Map(_tally, self.context).with_output_types(str)
        )


def _tally(task: UnitTask, context: Context) -> str:
    return tally_unit(context, task).hash


class Publish(beam.PTransform):
    """Groups of parts to shards of the corpus."""

    def __init__(self, context: Context, groups: list[Group], cuts: dict[str, Cut]) -> None:
        super().__init__()
        self.context, self.groups, self.cuts = context, groups, cuts

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of each group's entry."""
        return (
            pbegin
            | "Groups" >> _spread(self.groups, Group)
            | "PublishGroup" >> beam.Map(_publish, self.context, self.cuts).with_output_types(str)
        )


def _publish(group: Group, context: Context, cuts: dict[str, Cut]) -> str:
    return publish_group(context, group, cuts).hash
