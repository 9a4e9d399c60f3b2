"""What is remembered of Beam's options and signatures is what Beam says itself."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
)
from apache_beam.transforms import core

from skypile.beam.memo import Options, remembering

FLAGS = ["--runner=FnApiRunner", "--direct_num_workers=3", "--experiments=a", "--experiments=b"]


def test_views_of_options_say_what_beams_do_and_share_their_values() -> None:
    ours, beams = Options(FLAGS), PipelineOptions(FLAGS)
    for kind in PipelineOptions.__subclasses__():
        assert str(ours.view_as(kind)) == str(beams.view_as(kind))
    direct = ours.view_as(DirectOptions)
    assert ours.view_as(DirectOptions) is direct
    direct.direct_num_workers = 5
    assert direct.view_as(DirectOptions).direct_num_workers == 5
    assert ours.get_all_options()["direct_num_workers"] == 5
    ours.view_as(StandardOptions).streaming = True
    assert ours.view_as(StandardOptions).streaming is True
    assert Options(FLAGS).view_as(StandardOptions).streaming is not True


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_copies_of_options_have_views_of_their_own(copied: Any) -> None:
    ours = Options(FLAGS)
    ours.view_as(SetupOptions).save_main_session = True
    other = copied(ours)
    assert other.view_as(SetupOptions) is not ours.view_as(SetupOptions)
    assert other.get_all_options() == ours.get_all_options()


class Step(beam.DoFn):
    """A function of Beam's with arguments that have defaults."""

    def process(self, element, window=beam.DoFn.WindowParam, *, named=1):
        yield element

    def finish_bundle(self):
        yield from ()


class Unhashable:
    """Something to call that equals nothing."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, element, more=2):
        return element


def function(first, second=None, *rest, named=3, **others):
    return first


FUNCTIONS = [
    function, partial(function, 1), Step().process, Step.process, Step().finish_bundle,
    Unhashable(), str.upper, len, lambda one, two=2: one,
]  # fmt: skip


def test_arguments_are_those_that_beam_finds() -> None:
    beams = core.get_function_args_defaults.__wrapped__
    for one in FUNCTIONS * 2:
        assert core.get_function_args_defaults(one) == beams(one), one


def test_arguments_are_found_once_for_all_objects_of_a_class() -> None:
    asked: list[object] = []

    def arguments_of(found: object) -> tuple[list[str], list[object]]:
        asked.append(found)
        return ["one"], [beam]

    known = remembering(arguments_of)
    for _ in range(3):
        names, defaults = known(Step().process)
        assert (names, defaults) == (["one"], [beam])
        names.append("two")
        defaults.clear()
    assert len(asked) == 1
    known(Step.process)  # which takes its object as the first argument
    assert len(asked) == 2
