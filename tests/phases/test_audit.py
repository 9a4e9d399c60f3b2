"""The audit and the bounds of a run; tests/resume/test_damage.py takes things away from one."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from skypile.beam import build as driver
from skypile.beam.runners import runner_options
from skypile.cli import build as command
from skypile.errors import RunError
from skypile.io.units import plan_units
from skypile.phases.audit import audit, check_bounds, footer_counts
from skypile.phases.begin import begin
from skypile.phases.context import UnitRef
from skypile.recipe import load_recipe

SAMPLE = Path(__file__).parents[2] / "skypile" / "sample"
LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"
NAME = "web-en.jsonl"


class Halfway:
    """A run whose phases up to score are done."""

    def __init__(self, output: Path) -> None:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        inputs = [str(SAMPLE / NAME), str(SAMPLE / "web-zh.jsonl")]
        args = parser.parse_args([*inputs, "--output", str(output), "--mixture", "none"])
        self.context = command.build_context(args, load_recipe(str(LIGHT)))
        refs = [UnitRef(n, unit) for n, unit in enumerate(plan_units(inputs).units)]
        begin(self.context, refs, overwrite=False)
        options = runner_options("Direct", [], None)
        self.run = driver._Run(self.context, refs, options, quiet=True)
        self.curated = driver._curate(self.run)
        self.pairs, _ = driver._pair(self.run, self.curated, [])
        scores = driver._score(self.run, self.curated, self.pairs)
        parts = (self.context, self.run.refs, self.curated, self.pairs, scores)
        self.tasks = driver._unit_tasks(*parts)

    def finish(self):
        _, groups = driver._publish(self.run, self.tasks)
        return audit(self.context, self.run.refs, self.curated, groups, id_replaced=0)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    return Halfway(tmp_path_factory.mktemp("halfway") / "out")


def test_untouched_the_ledger_balances(halfway):
    assert halfway.finish().problem() is None


def test_a_shard_without_its_footer_is_named(halfway):
    _, groups = driver._publish(halfway.run, halfway.tasks)
    name = groups[0].data["shards"][0]["path"]
    path = Path(halfway.context.output.path(name))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match=name):
        footer_counts(halfway.context.output, name)


@pytest.mark.parametrize(
    ("read", "failed", "fine"), [(100, 10, True), (100, 11, False), (10**6, 1000, True)]
)
def test_ten_failed_documents_or_one_in_a_thousand_are_allowed(halfway, read, failed, fine):
    if fine:
        check_bounds(halfway.context, read, failed, 0)
    else:
        with pytest.raises(RunError, match=r"--max-error-frac.*a#1: stage:x: ValueError"):
            check_bounds(halfway.context, read, failed, 0, ["a#1: stage:x: ValueError: why"])
