"""What crosses a shuffle: references and packed bytes, never text."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import PipelineVisitor
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.portable_runner import PortableRunner

from skypile.beam import graph
from skypile.beam.build import build
from skypile.beam.runners import runner_options
from skypile.io.sources import ReadOptions
from skypile.io.store import Store
from skypile.io.units import plan_units
from skypile.mix import Cut
from skypile.phases import pair
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import curated
from skypile.phases.pair import PairTask, PairWork
from skypile.phases.publish import Group
from skypile.phases.score import PartTask
from skypile.phases.tally import UnitTask
from skypile.recipe import load_recipe

LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"


class Walk(PipelineVisitor):
    """Collects the element type of what enters each GroupByKey and leaves each step; all labels."""

    def __init__(self) -> None:
        self.grouped: dict[str, object] = {}
        self.left: dict[str, object] = {}
        self.labels: list[str] = []

    def visit_transform(self, node) -> None:
        self.labels.append(node.full_label)
        if isinstance(node.transform, beam.GroupByKey):
            self.grouped[node.full_label] = node.inputs[0].element_type
        for output in node.outputs.values():
            self.left[node.full_label] = output.element_type

    def enter_composite_transform(self, node) -> None:
        self.visit_transform(node)


@pytest.fixture
def context(tmp_path):
    store = Store(str(tmp_path))
    store.write_json("pair/pairs.json", {"files": {}, "data": {"files": []}})
    return Context(load_recipe("web"), store, store, ReadOptions())


def planned(transform: beam.PTransform) -> beam.Pipeline:
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    _ = pipeline | "Phase" >> transform
    return pipeline


def walked(transform: beam.PTransform) -> Walk:
    walk = Walk()
    planned(transform).visit(walk)
    return walk


def grouped_coders(transform: beam.PTransform) -> dict[str, str]:
    """Return how the elements that enter each GroupByKey are encoded, from the pipeline proto."""
    components = planned(transform).to_runner_api().components

    def described(coder: str) -> str:
        known = components.coders[coder]
        name = known.spec.urn.removeprefix("beam:coder:").partition(":")[0]
        inner = ", ".join(described(one) for one in known.component_coder_ids)
        return f"{name}({inner})" if inner else name

    return {
        node.unique_name: described(components.pcollections[entering].coder_id)
        for node in components.transforms.values()
        if node.spec.urn == "beam:transform:group_by_key:v1"
        for entering in node.inputs.values()
    }


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


# What a step hands on: small references, a batch within a fused stage, hashes and numbers.
REFERENCES = (UnitRef, PairTask, PairWork, PartTask, UnitTask, Group)


@pytest.mark.parametrize("phase", PHASES)
def test_every_step_has_a_type_and_only_references_and_packed_bytes_are_grouped(context, phase):
    found = walked(PHASES[phase](context))
    own = {label: kind for label, kind in found.left.items() if "models/" not in label}
    assert beam.typehints.Any not in own.values(), own
    for label, kind in found.grouped.items():
        key, value = kind.tuple_types
        assert key is int
        if "Deal" in label:
            value = value.tuple_types[0]  # behind it: what Beam knows of its window
        assert value in (*REFERENCES, str, bytes), label


@pytest.mark.parametrize("phase", PHASES)
def test_coders_in_front_of_shuffles(context, phase):
    """Packed bytes go as they are; references are pickled, and nothing else is."""
    # The last two of three are Beam's own: timestamp and pane of a reshuffled element.
    window = "nullable(pickled_python), pickled_python"
    element = "string_utf8" if phase == "edges" else "pickled_python"
    expected = {"Phase/Elements/Deal": f"kv(varint, tuple({element}, {window}))"}
    if phase in ("copies", "pairs", "edges"):
        expected["Phase/ByKey"] = "kv(varint, bytes)"
    coders = grouped_coders(PHASES[phase](context))
    assert {label.partition("/Reshuffle")[0]: coder for label, coder in coders.items()} == expected


MARK = "a sentence that stands in each document and in nothing else"


def test_no_text_is_in_a_reference_or_in_packed_bytes(tmp_path, monkeypatch):
    """Real work on documents that carry a mark: what the shuffles of each phase take holds none."""
    source = tmp_path / "in.jsonl"
    texts = [f"{MARK}, {n // 2} times over. " * 9 for n in range(40)]
    source.write_text("".join(json.dumps({"id": f"{MARK} {n}", "text": t}) + "\n"
                              for n, t in enumerate(texts)))  # fmt: skip
    out = Store(str(tmp_path / "out"))
    context = Context(load_recipe(str(LIGHT)), out, Store(str(tmp_path / "work")), ReadOptions())
    refs = [UnitRef(number, unit) for number, unit in enumerate(plan_units([str(source)]).units)]
    taken: dict[str, list[object]] = {}
    shuffled = graph.Dealt.expand

    def noted(self, pbegin):
        taken.setdefault(self.kind.__name__, []).extend(self.elements)
        return shuffled(self, pbegin)

    monkeypatch.setattr(graph.Dealt, "expand", noted)
    build(context, refs, runner_options("Direct", [], None), keep_work=True, quiet=True)
    assert set(taken) == {"UnitRef", "PairTask", "str", "PairWork", "PartTask", "UnitTask", "Group"}
    for kind, elements in taken.items():
        for element in elements:
            packed = pickle.dumps(element)
            assert MARK.encode() not in packed and len(packed) < 10_000, kind
    work = PairWork.of(context, refs, [curated(context, ref) for ref in refs])
    (task,) = work.tasks
    keyed = [*pair.copy_keys(task, context, work), *pair.band_keys(task, context, work)]
    keyed += [one for name in taken["str"] for one in pair.pair_keys(name, context, work)]
    assert len(keyed) > 100 and all(MARK.encode() not in data for _, data in keyed)


@pytest.mark.parametrize("phase", ["copies", "pairs", "edges"])
def test_only_int_keys_and_packed_bytes_are_grouped(context, phase):
    grouped = walked(PHASES[phase](context)).grouped
    own = [kind for label, kind in grouped.items() if "Deal" not in label]
    assert own == [beam.typehints.Tuple[int, bytes]]


@pytest.mark.parametrize("phase", ["curate", "cluster", "score", "tally", "publish"])
def test_other_phases_shuffle_nothing_but_references(context, phase):
    grouped = walked(PHASES[phase](context)).grouped
    assert all("Deal" in label for label in grouped)


# What Beam 2.77's translators of batch pipelines know (FlinkBatchPortablePipelineTranslator and
# SparkBatchPortablePipelineTranslator); what workers run is fused into executable stages.
BY_RUNNER = {"impulse:v1", "flatten:v1", "group_by_key:v1", "reshuffle:v1"}
BY_WORKERS = {"pardo:v1"}
WORKERS = {
    "beam:env:external:v1": ["--environment_type=EXTERNAL", "--environment_config=localhost:50000"],
    "beam:env:docker:v1": ["--environment_type=DOCKER", "--environment_config=skypile-worker:1"],
}


@pytest.mark.parametrize(("runner", "workers"), [*zip(("Flink", "Spark"), WORKERS, strict=True)])
@pytest.mark.parametrize("phase", PHASES)
def test_job_servers_know_every_step_and_every_step_has_the_workers_asked_for(
    context, phase, runner, workers
):
    """The pipeline as a job server gets it, by Beam's own path of submission."""
    given = ["--job_endpoint=localhost:8099", *WORKERS[workers]]
    options = runner_options(runner, given, None).of(phase, 1)
    pipeline = beam.Pipeline(options=options)
    _ = pipeline | "Phase" >> PHASES[phase](context)
    sent = PortableRunner.get_proto_pipeline(pipeline, pipeline.options)
    parts = sent.components
    leaves = [one for one in parts.transforms.values() if not one.subtransforms]
    known = {one.spec.urn.removeprefix("beam:transform:") for one in leaves}
    assert {"impulse:v1", "group_by_key:v1", "pardo:v1"} <= known <= BY_RUNNER | BY_WORKERS
    for one in leaves:
        if one.spec.urn == "beam:transform:pardo:v1":
            asks = beam_runner_api_pb2.ParDoPayload.FromString(one.spec.payload)
            assert not (asks.state_specs or asks.timer_family_specs or asks.restriction_coder_id)
            assert not asks.side_inputs
    used = {one.environment_id for one in leaves if one.environment_id}
    environments = [parts.environments[name] for name in used]
    assert [one.urn for one in environments] == [workers]
    asked_for = WORKERS[workers][1].partition("=")[2].encode()
    assert asked_for in environments[0].payload
    assert not environments[0].dependencies
    assert pipeline.options.get_all_options()["job_name"].startswith(f"skypile-{phase}-")
