"""Killed anywhere: nothing half-written has a name, nothing is done twice, the bytes stay."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time

import pytest
from build_runs import Strike
from corpus_state import (
    content,
    finished,
    half_written,
    leftovers,
    options,
    repeated,
)

# One after another in one folder; each run goes on where the last was killed.
POINTS = {
    "before the plan has its name": Strike(r"/plan\.json$"),
    "when the first unit is finished": Strike(r"/curate/.+/unit\.json$", after=True),
    "between a unit's parts and its entry": Strike(r"/curate/.+/unit\.json$", nth=2),
    "in the middle of a unit, its part complete": Strike(r"/curate/.+/part-.*", after=True),
    "between curate and pair": Strike(r"/pair/.+/copies/"),
    "in the middle of a pass of pair": Strike(r"/pair/.+/pairs/", nth=5, after=True),
    "between a pass and its entry": Strike(r"/pair/.+/pairs\.json$"),
    "in the middle of the drop lists": Strike(r"/pair/.+/drops/", nth=3, after=True),
    "between pair and cluster's entry": Strike(r"/pair/.+/drops\.json$"),
    "between cluster and score": Strike(r"/score/.+\.parquet$"),
    "in the middle of score": Strike(r"/score/.+\.json$", nth=2, after=True),
    "between score and publish": Strike(r"/tally/.+\.arrow$"),
    "in the middle of the tallies": Strike(r"/tally/.+\.json$", nth=4, after=True),
    "between two shards": Strike(r"/data/domain=zh/part-00000\.parquet$", after=True),
    "between the shards and their entry": Strike(r"/publish/.+\.json$"),
    "when the shards are finished": Strike(r"/publish/.+\.json$", after=True),
    "before the manifest": Strike(r"/manifest\.json$"),
}


# Starting workers takes seconds, so of these runs there are fewer.
POINTS_OF_WORKERS = ("between a unit's parts and its entry", "between two shards")


def test_killed_at_every_named_point_the_build_goes_on(forged, inputs, expected, tmp_path, workers):
    output = tmp_path / "out"
    command = options(inputs, output, "--keep-work", *workers)
    before: dict = {}
    for place in POINTS_OF_WORKERS if workers else POINTS:
        strike = POINTS[place]
        ended = forged.run(*command, strike=strike)
        assert ended.code == -9, (place, ended.err)
        assert half_written(output) == [], place
        assert not (output / "manifest.json").exists(), place
        assert repeated(before, output) == [], place
        before = finished(output)
    # Without workers: where there were some, a single process goes on with what they have left.
    ended = forged.run(*options(inputs, output, "--keep-work"))
    assert ended.code == 0, ended.err
    assert repeated(before, output) == []
    assert content(output) == expected
    assert leftovers(output) == [".work"]


def test_killed_by_the_kernel_in_the_middle_of_a_write(forged, inputs, expected, tmp_path):
    output, size = tmp_path / "out", 15_000
    ended = forged.run(*options(inputs, output), largest_file=size)
    assert ended.code == -25  # SIGXFSZ
    [half] = [name for name in leftovers(output) if name.endswith(".tmp")]
    assert "/part-00000.parquet." in half
    assert (output / half).stat().st_size == size
    assert half_written(output) == []
    before = finished(output)
    ended = forged.run(*options(inputs, output, "--keep-work"))
    assert ended.code == 0, ended.err
    assert repeated(before, output) == []
    assert content(output) == expected
    assert leftovers(output) == [".work"]


def test_killed_at_random_the_build_goes_on(forged, inputs, expected, tmp_path):
    output = tmp_path / "out"
    command = options(inputs, output)
    chance = random.Random(0)
    before: dict = {}
    for _ in range(4):
        strike = Strike(r".", nth=chance.randint(1, 60), after=chance.random() < 0.5)
        ended = forged.run(*command, strike=strike)
        assert half_written(output) == []
        assert repeated(before, output) == []
        if ended.code == 0:
            break
        assert ended.code == -9, ended.err
        before = finished(output)
    else:
        ended = forged.run(*command)
    assert ended.code == 0, ended.err
    assert content(output) == expected
    assert leftovers(output) == []


REMOVALS = {
    "when the manifest has its name": Strike(r"/manifest\.json$", after=True),
    "before the work is removed": Strike(r"/curate$", event="shutil.rmtree"),
    "in the middle of a folder": Strike(r"part-00000\.parquet$", nth=3, event="os.remove"),
    "in the middle of the work": Strike(r"/score$", event="shutil.rmtree"),
    "when only the plan is left": Strike(r"plan\.json$", event="os.remove"),
}


@pytest.mark.parametrize("place", REMOVALS)
def test_killed_behind_the_manifest_the_corpus_stands_and_the_rest_is_removed(
    forged, inputs, expected, late, place
):
    before = finished(late)
    shards = {path: one for path, one in before.items() if ".work" not in path.parts}
    ended = forged.run(*options(inputs, late), strike=REMOVALS[place])
    assert ended.code == -9, ended.err
    assert content(late) == expected
    manifest = (late / "manifest.json").read_bytes()
    ended = forged.run(*options(inputs, late))
    assert ended.code == 0, ended.err
    assert ended.out == f"{late}/manifest.json\n"
    assert (late / "manifest.json").read_bytes() == manifest
    assert repeated(shards, late) == []
    assert leftovers(late) == []
    again = forged.run(*options(inputs, late))
    assert again.code == 2
    assert "holds a finished corpus" in again.err


def test_a_corpus_whose_work_is_still_there_is_not_taken_for_one_of_other_options(
    forged, inputs, late
):
    strike = Strike(r"/manifest\.json$", after=True)
    assert forged.run(*options(inputs, late), strike=strike).code == -9
    other = forged.run(*options(inputs, late, "--surplus", "ids"))
    assert other.code == 2
    assert "holds a finished corpus" in other.err


def test_killed_while_it_overwrites_the_same_command_goes_on(forged, inputs, undisturbed, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    command = options(inputs, output, "--overwrite", "--limit", "5")
    strikes = (
        Strike(r"/manifest\.json$", event="os.remove"),
        Strike(r"/data/.*part-00000\.parquet$", nth=2, event="os.remove"),
        Strike(r"/plan\.json$", nth=2),
        Strike(r"/curate/.+/unit\.json$", nth=3),
    )
    for strike in strikes:
        ended = forged.run(*command, strike=strike)
        assert ended.code == -9, ended.err
        assert half_written(output) == []
    refused = forged.run(*options(inputs, output, "--limit", "6"))
    assert refused.code == 2
    assert "begun with other options of reading (--text-field" in refused.err
    before = finished(output)
    ended = forged.run(*command, "--keep-work")
    assert ended.code == 0, ended.err
    assert repeated(before, output) == []
    fresh = forged.run(*options(inputs, tmp_path / "fresh", "--limit", "5"))
    assert fresh.code == 0, fresh.err
    assert content(output) == content(tmp_path / "fresh")


def test_a_folder_half_overwritten_asks_for_overwrite(forged, inputs, undisturbed, tmp_path):
    output = shutil.copytree(undisturbed, tmp_path / "out")
    strike = Strike(r"/data/.*part-00000\.parquet$", nth=2, event="os.remove")
    assert forged.run(*options(inputs, output, "--overwrite"), strike=strike).code == -9
    ended = forged.run(*options(inputs, output))
    assert ended.code == 2
    assert "give --overwrite again" in ended.err


@pytest.mark.slow
def test_killed_while_models_score_the_scores_are_the_same(forged, inputs, tmp_path):
    command = ["build", inputs, "--recipe", "web", "--mixture", "none", "--quiet", "--output"]
    whole = forged.run(*command, tmp_path / "whole")
    assert whole.code == 0, whole.err
    output = tmp_path / "out"
    for nth in (1, 2):
        strike = Strike(r"/score/.+\.json$", nth=nth, after=nth == 1)
        ended = forged.run(*command, output, strike=strike)
        assert ended.code == -9, ended.err
        assert half_written(output) == []
    before = finished(output)
    ended = forged.run(*command, output, "--keep-work")
    assert ended.code == 0, ended.err
    assert repeated(before, output) == []
    assert content(output) == content(tmp_path / "whole")


@pytest.mark.slow
def test_when_only_the_driver_is_killed_its_workers_end_and_the_build_goes_on(
    forged, inputs, expected, tmp_path, workers
):
    if not workers:
        pytest.skip("without workers there is only the driver")
    output = tmp_path / "out"
    run = forged.start(*options(inputs, output, *workers))
    while not list(output.glob(".work/curate/*/part-*")):
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait().code == -9
    ended = forged.run(*options(inputs, output))
    assert ended.code == 0, ended.err
    assert content(output) == expected
    assert leftovers(output) == []
    # The group of the first run is empty: none of its workers is left to write here.
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, 0)
