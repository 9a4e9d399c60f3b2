"""A full disk and a folder that may not be written end with one sentence; then it goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest
from corpus_state import (
    LIGHT,
    SAMPLE,
    content,
    finished,
    half_written,
    leftovers,
    options,
    repeated,
)

NOBODY = 65534
FILTER = ("filter", SAMPLE / "web-en.jsonl", "--recipe", LIGHT, "--no-models", "--quiet")


def mounted(*args: object) -> None:
    done = subprocess.run([*map(str, args)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")


class Small:
    """A file system of a size that can be changed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resize(self, size: str) -> None:
        mounted("mount", "-o", f"remount,size={size}", self.path)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """A small file system; skips where none can be mounted, as without root's rights."""
    path = tmp_path / "small"
    path.mkdir()
    mounted("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path)
    yield Small(path)
    subprocess.run(["umount", str(path)], check=True)


def test_on_a_full_disk_a_build_ends_in_one_sentence_and_goes_on_when_there_is_room(
    forged, inputs, expected, small
):
    output, before = small.path / "out", {}
    for size in ("64k", "450k", "900k"):
        small.resize(size)
        ended = forged.run(*options(inputs, output))
        assert ended.code == 1
        *_, told = ended.err.splitlines()
        assert told.startswith(f"skypile: error: {output}/")
        assert told.endswith(": the disk is full; free some space and run the same again")
        assert "Traceback" not in ended.err and "Exception ignored" not in ended.err
        assert half_written(output) == [] and not (output / "manifest.json").exists()
        assert [name for name in leftovers(output) if name.endswith(".tmp")] == []
        assert repeated(before, output) == []
        before = finished(output)
    assert before  # something was finished on the way
    small.resize("64m")
    ended = forged.run(*options(inputs, output))
    assert ended.code == 0, ended.err
    assert content(output) == expected


def test_a_full_work_folder_is_named(forged, inputs, expected, small, tmp_path):
    command = options(inputs, tmp_path / "out", "--work-dir", small.path)
    ended = forged.run(*command)
    assert ended.code == 1
    assert f"skypile: error: {small.path}/skypile-work/" in ended.err
    assert ended.err.endswith(": the disk is full; free some space and run the same again\n")
    small.resize("64m")
    ended = forged.run(*command)
    assert ended.code == 0, ended.err
    assert content(tmp_path / "out") == expected
    assert list(small.path.iterdir()) == []


@pytest.mark.parametrize(
    "outputs",
    [
        ["-o", "{}/kept.jsonl"],
        ["-o", "{}/kept.jsonl.gz"],
        ["-o", "{}/kept.jsonl.zst"],
        ["-o", os.devnull, "--rejected", "{}/rest.jsonl", "--max-document-bytes", "50"],
        ["--explain", "-o", "{}/told.jsonl"],
    ],
)
def test_on_a_full_disk_filter_leaves_the_old_file(forged, small, outputs):
    small.resize("16k")
    args = [option.format(small.path) for option in outputs]
    [path] = [Path(arg) for arg in args if arg.startswith(str(small.path))]
    path.write_bytes(b"old\n")
    ended = forged.run(*FILTER, *args)
    assert ended.code == 1
    told = f"skypile: error: {path}: the disk is full; free some space and run the same again\n"
    assert ended.err == told
    assert path.read_bytes() == b"old\n"
    assert list(small.path.iterdir()) == [path]


@pytest.mark.parametrize(
    "outputs",
    [
        ["-o", "/dev/full"],
        ["-o", os.devnull, "--rejected", "/dev/full", "--max-document-bytes", "50"],
        ["-o", os.devnull, "--ledger", "/dev/full"],
        ["--explain", "-o", "/dev/full"],
    ],
)
def test_filter_into_a_full_device(forged, outputs):
    ended = forged.run(*FILTER, *outputs)
    assert ended.code == 1
    told = "/dev/full: the disk is full; free some space and run the same again\n"
    assert ended.err == f"skypile: error: {told}"


def open_the_way(path: Path) -> None:
    """Let every user come to `path`: pytest keeps its folders to their owner."""
    for folder in path.parents:
        if folder.is_relative_to(gettempdir()) and folder != Path(gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.fixture
def closed(inputs: Path, tmp_path: Path) -> Iterator[tuple[Path, int | None]]:
    """A folder that may not be written, and the user for whom that holds."""
    path = tmp_path / "closed"
    path.mkdir()
    open_the_way(path)
    open_the_way(inputs)
    path.chmod(0o555)
    yield path, NOBODY if os.geteuid() == 0 else None
    path.chmod(0o755)


def test_an_unwritable_folder_ends_in_one_sentence(forged, inputs, closed, tmp_path):
    path, user = closed
    there = tmp_path / "open"
    there.mkdir()
    there.chmod(0o777)
    for output, more in ((path / "out", []), (path, []), (there / "out", ["--work-dir", path])):
        ended = forged.run(*options(inputs, output, *more), user=user)
        assert ended.code == 1, ended.err
        [told] = ended.err.splitlines()
        assert told.startswith(f"skypile: error: {path}")
        assert told.endswith("cannot be written (Permission denied); choose another folder")
    assert list(path.iterdir()) == []


@pytest.mark.parametrize("option", ["-o", "--rejected", "--ledger"])
def test_filter_into_an_unwritable_folder(forged, closed, option):
    path, user = closed
    name = path / "out.jsonl"
    ended = forged.run(*FILTER, "-o", os.devnull, option, name, user=user)
    assert ended.code == 1
    told = "cannot be written (Permission denied); choose another folder\n"
    assert ended.err == f"skypile: error: {name}: {told}"


def test_a_file_in_the_place_of_a_folder(forged, inputs, tmp_path):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path / "file", tmp_path / "file" / "out"):
        ended = forged.run(*options(inputs, output))
        assert ended.code == 1
        [told] = ended.err.splitlines()
        assert "a file stands where a folder should be" in told
    assert (tmp_path / "file").read_text() == "mine"


def test_work_that_may_not_be_read_ends_in_one_sentence(forged, inputs, late, tmp_path):
    """As after a build by another user."""
    if os.geteuid() != 0:
        pytest.skip("needs a second user")
    open_the_way(late)
    open_the_way(inputs)
    for path in (late, *late.rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)
    curated = late / ".work" / "curate"
    shutil.chown(curated, 0, 0)
    curated.chmod(0o700)
    ended = forged.run(*options(inputs, late), user=NOBODY)
    assert ended.code == 1
    [told] = ended.err.splitlines()
    assert told.startswith(f"skypile: error: {curated}") and "Permission denied" in told
