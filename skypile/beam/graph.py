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

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apache_beam as beam

from skypile.mix import Cut
from skypile.phases import pair
from skypile.phases.cluster import cluster_units
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import curate_unit
from skypile.phases.pair import PairTask, PairWork
from skypile.phases.publish import Group, publish_group
from skypile.phases.score import PartBatch, PartTask, open_documents, write_scores
from skypile.phases.tally import UnitTask, tally_unit
from skypile.phases.work import Entry

__all__ = ["cluster", "copies", "curate", "edges", "pairs", "publish", "score", "spread", "tally"]

T = TypeVar("T")


def curate(context: Context, refs: Sequence[UnitRef]) -> beam.PTransform:
    """Units through the recipe's steps; writes parts and signatures."""
    return Each(refs, UnitRef, curate_unit, context)


def copies(context: Context, work: PairWork) -> beam.PTransform:
    """Pass 1 of pair: equal hashes of texts, equal ids."""
    tasks = work.with_earlier(context)
    return Grouped(tasks, PairTask, pair.copy_keys, pair.copies_of_key, context, work)


def pairs(context: Context, work: PairWork) -> beam.PTransform:
    """Pass 2 of pair: equal bands of signatures."""
    tasks = work.with_earlier(context)
    return Grouped(tasks, PairTask, pair.band_keys, pair.pairs_of_key, context, work)


def edges(context: Context, work: PairWork) -> beam.PTransform:
    """Pass 3 of pair: candidates verified, unit by unit."""
    files = pair.pass_files(context, work, "pairs")
    return Grouped(files, str, pair.pair_keys, pair.edges_of_key, context, work)


def cluster(context: Context, work: PairWork) -> beam.PTransform:
    """Verified pairs to drop lists, on one worker."""
    return Each([work], PairWork, cluster_units, context)


def score(context: Context, tasks: Sequence[PartTask]) -> beam.PTransform:
    """Open documents of parts through RunInference; the only phase that wants a GPU."""
    return Scored(tasks, context)


def tally(context: Context, tasks: Sequence[UnitTask]) -> beam.PTransform:
    """Units to tallies of their good documents."""
    return Each(tasks, UnitTask, tally_unit, context)


def publish(context: Context, groups: Sequence[Group], cuts: dict[str, Cut]) -> beam.PTransform:
    """Groups of parts to shards of the corpus."""
    return Each(groups, Group, publish_group, context, cuts)


def spread(elements: Sequence[T], sizes: Sequence[int], workers: int) -> list[T]:
    """Return `elements` in an order in which dealing them out gives workers equal sums of `sizes`.

    The local runner deals round by round and takes nothing back, so one large element too many
    keeps a worker busy while the others idle. The largest come first, each to the worker with the
    least so far. What each element becomes does not depend on it.
    """
    hands: list[list[T]] = [[] for _ in range(workers)]
    sums = [0] * workers
    for index in sorted(range(len(elements)), key=lambda index: (-sizes[index], index)):
        free = (w for w in range(workers) if len(hands[w]) < _share(len(elements), workers, w))
        worker = min(free, key=lambda w: (sums[w], w))
        hands[worker].append(elements[index])
        sums[worker] += sizes[index]
    return [hand[turn] for turn in range(len(hands[0])) for hand in hands if turn < len(hand)]


def _share(count: int, workers: int, worker: int) -> int:
    return (count - worker + workers - 1) // workers


class Dealt(beam.PTransform):
    """Elements of a list, dealt to the workers one by one, in order."""

    def __init__(self, elements: Sequence[Any], kind: type) -> None:
        super().__init__()
        self.elements, self.kind = list(elements), kind

    def expand(self, pbegin: Any) -> Any:
        """Return the elements; without the reshuffle a Create is one bundle, hence one worker."""
        return (
            pbegin
            | "List" >> beam.Create(self.elements, reshuffle=False).with_output_types(self.kind)
            | "Deal" >> beam.Reshuffle().with_output_types(self.kind)
        )


class Each(beam.PTransform):
    """Each element through one function that leaves its result in the work folder."""

    def __init__(
        self, elements: Sequence[Any], kind: type, function: Callable[..., Entry], *args: Any
    ) -> None:
        super().__init__()
        self.dealt = Dealt(elements, kind)
        self.function, self.args = function, args

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of each result's entry."""
        step = beam.Map(_hash_of, self.function, *self.args).with_output_types(str)
        return pbegin | "Elements" >> self.dealt | self.function.__name__ >> step


def _hash_of(element: Any, function: Callable[..., Entry], *args: Any) -> str:
    return function(args[0], element, *args[1:]).hash


class Grouped(beam.PTransform):
    """Each element to int keys with packed bytes; each key's bytes through one function."""

    def __init__(
        self, elements: Sequence[Any], kind: type, keys: Callable[..., Any],
        function: Callable[..., int], context: Context, work: PairWork,
    ) -> None:  # fmt: skip
        super().__init__()
        self.dealt = Dealt(elements, kind)
        self.keys, self.function, self.args = keys, function, (context, work)

    def expand(self, pbegin: Any) -> Any:
        """Return the number of bytes that each group found."""
        keyed = beam.FlatMap(self.keys, *self.args).with_output_types(tuple[int, bytes])
        return (
            pbegin
            | "Elements" >> self.dealt
            | self.keys.__name__ >> keyed
            | "ByKey" >> beam.GroupByKey()
            | self.function.__name__ >> beam.Map(self.function, *self.args).with_output_types(int)
        )


class Scored(beam.PTransform):
    """Parts through the models of the score section."""

    def __init__(self, tasks: Sequence[PartTask], context: Context) -> None:
        super().__init__()
        self.dealt, self.context = Dealt(tasks, PartTask), context

    def expand(self, pbegin: Any) -> Any:
        """Return the hash of the entry of each part's scores."""
        # Beam's inference package loads torch where it is installed: four seconds, used here only.
        from apache_beam.ml.inference.base import RunInference

        from skypile.beam.handler import PartModelHandler

        models = RunInference(PartModelHandler(self.context.recipe.score))
        return (
            pbegin
            | "Elements" >> self.dealt
            | "open_documents" >> beam.Map(_open, self.context).with_output_types(PartBatch)
            | "models" >> models.with_output_types(PartBatch)
            | "write_scores" >> beam.Map(_scores, self.context).with_output_types(str)
        )


def _open(task: PartTask, context: Context) -> PartBatch:
    return PartBatch(task, open_documents(context, task))


def _scores(scored: PartBatch, context: Context) -> str:
    return write_scores(context, scored.task, scored.batch).hash
