"""What crosses a shuffle: references and packed bytes, never text."""

from __future__ import annotations

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import PipelineVisitor

from skypile.beam import graph
from skypile.io.sources import ReadOptions
from skypile.io.store import Store
from skypile.mix import Cut
from skypile.phases.context import Context
from skypile.phases.pair import PairWork
from skypile.recipe import load_recipe


class Walk(PipelineVisitor):
    """Collects the element type of what enters each GroupByKey, and all labels."""

    def __init__(self) -> None:
        self.grouped: dict[str, object] = {}
        self.labels: list[str] = []

    def visit_transform(self, node) -> None:
        self.labels.append(node.full_label)
        if isinstance(node.transform, beam.GroupByKey):
            self.grouped[node.full_label] = node.inputs[0].element_type

    def enter_composite_transform(self, node) -> None:
        self.visit_transform(node)


@pytest.fixture
def context(tmp_path):
    store = Store(str(tmp_path))
    store.write_json("pair/pairs.json", {"files": {}, "data": {"files": []}})
    return Context(load_recipe("web"), store, store, ReadOptions())


def walked(transform: beam.PTransform) -> Walk:
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    _ = pipeline | "Phase" >> transform
    walk = Walk()
    pipeline.visit(walk)
    return walk


WORK = PairWork("pair", ())
PHASES = {
    "curate": lambda c: graph.curate(c, []),
    "copies": lambda c: graph.copies(c, WORK),
    "pairs": lambda c: graph.pairs(c, WORK),
    "edges": lambda c: graph.edges(c, WORK),
    "cluster": lambda c: graph.cluster(c, WORK),
    "score": lambda c: graph.score(c, []),
    "tally": lambda c: graph.tally(c, []),
    "publish": lambda c: graph.publish(c, [], {"en": Cut(0, 0, 0)}),
}


@pytest.mark.parametrize("phase", PHASES)
def test_every_step_has_a_label_of_its_own(context, phase):
    labels = walked(PHASES[phase](context)).labels
    assert len(labels) == len(set(labels))
    # Beam labels the inside of Create itself.
    assert not [label for label in labels if "lambda" in label and "/List/" not in label]


@pytest.mark.parametrize("phase", ["copies", "pairs", "edges"])
def test_only_int_keys_and_packed_bytes_are_grouped(context, phase):
    grouped = walked(PHASES[phase](context)).grouped
    own = [kind for label, kind in grouped.items() if "Deal" not in label]
    assert own == [beam.typehints.Tuple[int, bytes]]


@pytest.mark.parametrize("phase", ["curate", "cluster", "score", "tally", "publish"])
def test_other_phases_shuffle_nothing_but_references(context, phase):
    grouped = walked(PHASES[phase](context)).grouped
    assert all("Deal" in label for label in grouped)
