"""What else happens while a build runs, or between two runs of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from build_runs import Strike
from corpus_state import LIGHT, content, finished, identity, options, repeated, write_inputs

HALF = Strike(r"/curate/.+/unit\.json$", nth=3, after=True)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Inputs that a test may change."""
    return write_inputs(tmp_path / "raw")


def test_a_second_build_into_the_same_folder_is_refused_and_the_first_unharmed(
    forged, inputs, expected, tmp_path
):
    output = tmp_path / "out"
    waits = Strike(r"/pair/.+/copies/", signal="SIGSTOP")
    first = forged.start(*options(inputs, output), strike=waits)
    first.wait_for_stop()
    before = {path: identity(path) for path in output.rglob("*") if path.is_file()}
    for more in ([], ["--overwrite"], ["--work-dir", tmp_path / "scratch"]):
        second = forged.run(*options(inputs, output, *more))
        assert second.code == 2
        assert second.err == (
            f"skypile: error: {output}: another build is running in this folder; wait for it, or "
            "give another --output\n"
        )
    assert {path: identity(path) for path in output.rglob("*") if path.is_file()} == before
    first.go_on()
    ended = first.wait()
    assert ended.code == 0, ended.err
    assert content(output) == expected


def test_two_builds_cannot_share_a_work_folder(forged, inputs, tmp_path):
    command = options(inputs, tmp_path / "one", "--work-dir", tmp_path / "scratch")
    waits = Strike(r"/curate/.+/unit\.json$", signal="SIGSTOP")
    first = forged.start(*command, strike=waits)
    first.wait_for_stop()
    other = forged.run(*options(inputs, tmp_path / "two", "--work-dir", tmp_path / "scratch"))
    assert other.code == 2
    assert "give another --work-dir" in other.err
    first.kill()
    # The kernel frees the folder with the process, which takes a moment to go.
    assert first.wait().code == -9
    ended = forged.run(*command, strike=Strike(r"/pair/"))
    assert ended.code == -9, ended.err


def test_an_input_that_changed_between_two_runs_is_done_again(forged, own, tmp_path):
    output, fresh = tmp_path / "out", tmp_path / "fresh"
    assert forged.run(*options(own, output), strike=Strike(r"/manifest\.json$")).code == -9
    before = finished(output)
    changed = own / "web-en-1.jsonl"
    lines = changed.read_bytes().splitlines(keepends=True)
    changed.write_bytes(b"".join(lines[1:]))
    source = own / "code" / "src" / "orbit_sim" / "kepler.py"
    source.write_bytes(source.read_bytes() + b"\n# one more line\n")
    ended = forged.run(*options(own, output, "--keep-work"))
    assert ended.code == 0, ended.err
    assert forged.run(*options(own, fresh)).code == 0
    assert content(output) == content(fresh)
    done_again = {Path(name).parent.name for name in repeated(before, output) if "curate" in name}
    assert not done_again  # those of the old content stay, under another name
    curate = output / ".work" / "curate"
    assert len(list(curate.iterdir())) == 7 + 2


def test_an_input_that_was_only_touched_is_done_again_and_gives_the_same_bytes(
    forged, own, expected, tmp_path
):
    output = tmp_path / "out"
    assert forged.run(*options(own, output), strike=HALF).code == -9
    os.utime(own / "web-en-1.jsonl")
    ended = forged.run(*options(own, output))
    assert ended.code == 0, ended.err
    assert content(output) == expected


CHANGES = {
    "grown": ("web-zh-1.jsonl", lambda path: path.write_bytes(path.read_bytes() * 2)),
    "of the same size": (
        "web-zh-1.jsonl",
        lambda path: path.write_bytes(path.read_bytes().replace(b"a", b"b")),
    ),
    "gone": ("rows.parquet", Path.unlink),
    "source that has grown": (
        "code/src/orbit_sim/tle.py",
        lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    ),
    "source of the same size": (
        "code/src/orbit_sim/tle.py",
        lambda path: path.write_bytes(path.read_bytes().replace(b"a", b"b")),
    ),
    "source that is gone": ("code/src/orbit_sim/tle.py", Path.unlink),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_input_that_changes_between_plan_and_read_ends_the_run(forged, own, tmp_path, change):
    name, do = CHANGES[change]
    output = tmp_path / "out"
    # The plan of units is made by then, and nothing is read yet.
    waits = Strike(r"/plan\.json$", signal="SIGSTOP")
    run = forged.start(*options(own, output), strike=waits)
    run.wait_for_stop()
    do(own / name)
    run.go_on()
    ended = run.wait()
    assert ended.code == 1, ended.err
    what = "is gone" if "gone" in change else "has changed"
    told = f"{own / name}: {what} since the run was planned; run it again\n"
    assert ended.err.endswith(told)
    assert not (output / "manifest.json").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ((), "begun with other inputs"),
        (("--recipe", "web"), "begun with another recipe"),
        (("--text-field", "body"), "begun with other options of reading"),
    ],
)
def test_other_inputs_or_another_recipe_are_refused_in_a_begun_folder(
    forged, own, tmp_path, more, told
):
    output = tmp_path / "out"
    assert forged.run(*options(own, output), strike=HALF).code == -9
    if not more:
        shutil.copy(own / "web-en-0.jsonl", own / "web-fr-0.jsonl")
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    ended = forged.run(*options(own, output, *more))
    assert ended.code == 2, ended.err
    assert told in ended.err
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("name", "old"), [("kept.jsonl.zst", None), ("kept.parquet", b"old\n")])
def test_filter_killed_in_the_middle_leaves_its_output_absent_or_old(
    forged, inputs, tmp_path, name, old
):
    path = tmp_path / name
    if old is not None:
        path.write_bytes(old)
    command = [sys.executable, "-m", "skypile", "filter", "-", "--recipe", str(LIGHT)]
    command += ["--no-models", "--quiet", "-o", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write((inputs / "web-en-0.jsonl").read_bytes() * 40)
        process.stdin.flush()  # and it stays open: more could come
        while not list(tmp_path.glob(f"{name}.*.tmp")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    if old is None:
        assert not path.exists()
    else:
        assert path.read_bytes() == old
    again = forged.run(*command[3:], stdin=inputs / "web-en-0.jsonl")
    assert again.code == 0, again.err
    assert [one.name for one in tmp_path.iterdir()] == [name]
