"""Worker processes: the same bytes for any number of them, and one sentence when one dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from beam_corpus import INPUTS, SAMPLE, build, skypile
from hypothesis import given
from hypothesis import strategies as st

from skypile.beam.graph import spread

LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"
WEB = SAMPLE / "web-en.jsonl"


def children(process: int) -> list[int]:
    """Return the processes that `process` has started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            continue
        if fields and int(fields[1]) == process and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def workers_of(driver: int) -> list[int]:
    """Return the worker processes of a build: forked from a process that the driver started."""
    return [worker for fork in children(driver) for worker in children(fork)]


def gone(process: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return True


def started(output: Path, *args: object) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a build with two workers; return it and its workers, as soon as there are two."""
    names = [SAMPLE / name for name in INPUTS]
    options = ["--recipe", LIGHT, "--mixture", "none", "--workers", "2", "--output", output]
    command = [sys.executable, "-m", "skypile", "build", *names, *options, *args]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        if len(found := workers_of(process.pid)) == 2:
            return process, found
        time.sleep(0.01)
    process.kill()
    raise AssertionError(process.communicate()[1])


def test_workers_and_shuffled_inputs_change_no_byte(built, tmp_path):
    names = [SAMPLE / name for name in (INPUTS[2], INPUTS[0], INPUTS[3], INPUTS[1])]
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    several = build(tmp_path / "out", *options, inputs=names)
    assert several.same_bytes() == built.same_bytes()


def test_a_worker_that_is_killed_ends_the_run_with_one_sentence_and_it_goes_on(tmp_path):
    process, (first, second) = started(tmp_path / "out", "--quiet")
    while not list((tmp_path / "out").glob(".work/curate/*/part-*")):  # it is at work then
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(second, signal.SIGKILL)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 1, told
    assert told.startswith(
        "skypile: error: a worker process was killed, most likely because memory"
    )
    assert told.count("\n") == 1
    assert gone(first) and gone(second)
    assert not (tmp_path / "out" / "manifest.json").exists()
    resumed = build(tmp_path / "out", "--recipe", LIGHT, "--mixture", "none")
    whole = build(tmp_path / "whole", "--recipe", LIGHT, "--mixture", "none")
    assert resumed.same_bytes() == whole.same_bytes()


def test_an_error_of_a_worker_is_the_run_s_error(tmp_path):
    """A file that grows after the run was planned: the worker that reads it says so."""
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(3):
        (tree / f"part-{number}.jsonl").write_bytes(WEB.read_bytes())
    command = [sys.executable, "-c", GROW, str(tree / "part-1.jsonl"), "build", str(tree)]
    command += ["--recipe", str(LIGHT), "--mixture=none", "--workers=2", "--quiet"]
    done = subprocess.run(
        [*command, f"--output={tmp_path / 'out'}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "part-1.jsonl: has changed since the run was planned; run it again" in done.stderr
    assert done.stderr.count("\n") == 1


# Appends to a file when the run locks its folder: the inputs have been planned then.
GROW = """
import sys
from pathlib import Path

def grow(event, args):
    if event == "fcntl.flock" and grow.file:
        file, grow.file = grow.file, None
        with Path(file).open("a") as stream:
            stream.write("{}\\n")

grow.file = sys.argv.pop(1)
sys.addaudithook(grow)
from skypile.cli.main import run
sys.exit(run())
"""


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--workers", "-1"], "--workers is -1; it must be 1 or more, or 0 for one per core"),
        (["--workers", "x"], "--workers"),
        (["--workers", "2", "--direct_num_workers=3"], "say two things"),
        (["--workers", "2", "--runner", "Dataflow"], "DataflowRunner has workers of its own"),
        (["--direct_running_mode=multi_threading"], "use --workers N"),
        (["--direct_running_mode", "multi_threading"], "multi_threading is refused"),
        (["--experiments=use_x,data_buffer_time_limit_ms=9"], "limit_ms is refused"),
        (["--experiment", "data_buffer_time_limit_ms=9"], "limit_ms is refused"),
        (["--runner", "apache_beam.runners.dask.dask_runner.DaskRunner"], "DaskRunner is refused"),
        (["--runner", "Dask"], "DaskRunner is refused"),
        (["--runner", "BundleBasedDirectRunner"], "there is no runner"),
    ],
)
def test_what_cannot_be_or_loses_rows_is_refused(tmp_path, args, problem):
    done = skypile("build", WEB, "--output", tmp_path / "out", *args)
    assert done.returncode == 2
    assert problem in done.stderr
    assert not (tmp_path / "out").exists()


@given(st.lists(st.integers(0, 1000), max_size=40), st.integers(1, 7))
def test_spread_deals_each_element_once_and_evenly(sizes, workers):
    numbers = list(range(len(sizes)))
    order = spread(numbers, sizes, workers)
    assert sorted(order) == numbers
    hands = [sum(sizes[n] for n in order[worker::workers]) for worker in range(workers)]
    # The worst case of largest-first is within one largest element of the mean.
    assert max(hands) <= sum(sizes) / workers + max(sizes, default=0)
