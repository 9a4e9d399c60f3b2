"""Hostile files through the commands: nothing good is lost, nothing bad ends a run."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import files
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_cases import CASES, Case, Expected
from hostile_runs import RECIPE, Run, run_build, run_filter, skypile

COMMANDS = {"filter": run_filter, "build": run_build}
# A worker has 2 GB (docs/operations.md); a quarter is left to what a recipe may add. What takes
# most of it: a window of 512 MB, and 50 MB of text in all its forms at once.
PEAK_BYTES = 1_500_000_000
# 270 MB are Python, Arrow and the kernels; Beam and the tokenizer of a build make it 620 MB.
PEAK_SMALL_BYTES = 900_000_000
SIZES = ("small", "heavy", "many")


@dataclass
class Runs:
    """Runs of a command over all files of a size; over one alone where that fails."""

    folder: Path
    expected: dict[str, Expected] = field(default_factory=dict)
    done: dict[tuple[str, ...], Run] = field(default_factory=dict)

    def of(self, command: str, case: Case) -> Run:
        """Return a run of `command` over files with `case` among them."""
        run = self.group(command, case.size)
        return self._run(command, [case]) if problems(run, case.size) else run

    def group(self, command: str, size: str) -> Run:
        """Return the run of `command` over all files of a size."""
        return self._run(command, [case for case in CASES if case.size == size])

    def _run(self, command: str, cases: list[Case]) -> Run:
        key = (command, *(case.name for case in cases))
        if key not in self.done:
            work = self.folder / f"work-{len(self.done)}"
            work.mkdir()
            paths = [self.folder / "input" / case.name for case in cases]
            self.done[key] = COMMANDS[command](paths, work, cases[0].size)
            remove(work)
        return self.done[key]


def problems(run: Run, size: str) -> list[str]:
    """Return what is wrong with a run, whatever it read."""
    found = [fault for one in run.said for fault in one.faults()]
    found += [one.err[-1500:] for one in run.said if one.code != 0]
    most = PEAK_SMALL_BYTES if size == "small" else PEAK_BYTES
    if run.peak_bytes > most:
        found.append(f"{run.peak_bytes:,} bytes of memory, more than {most:,}")
    return found


def remove(folder: Path) -> None:
    # shutil recurses, and one of the trees is deeper than that can.
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture(scope="session")
def runs() -> Iterator[Runs]:
    # Not in pytest's folders: where a run was killed, what pytest removes them with later recurses
    # too deep in one of the trees.
    folder = Path(tempfile.mkdtemp(prefix="skypile-hostile-"))
    try:
        yield Runs(folder, files.make(folder / "input", CASES))
    finally:
        remove(folder)


def named(case: Case) -> str:
    return ascii(case.name)[1:-1]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", [case for case in CASES if case.size != "many"], ids=named)
def test_each_record_has_the_outcome_that_it_must(case: Case, command: str, runs: Runs) -> None:
    run = runs.of(command, case)
    assert problems(run, case.size) == []
    expected = runs.expected[case.name].of(command)
    assert run.outcomes.get(case.told, Counter()) == expected.outcomes()
    assert delivered(run, case, expected) == wanted(expected, command)


def delivered(run: Run, case: Case, expected: Expected) -> list[tuple[str, ...]]:
    """Return (record, id, text, line) of what was delivered, without lines where none were read."""
    lines = any(document.line for document in expected.good)
    return sorted(told if lines else told[:3] for told in run.kept.get(case.told, []))


def wanted(expected: Expected, command: str) -> list[tuple[str, ...]]:
    """Return the same of what must be delivered; a build keeps no lines, and ids but once."""
    seen: set[str] = set()
    found = []
    for document in expected.good:
        id_ = document.id or document.record
        if command == "build":
            id_ = document.record if id_ in seen else id_
        seen.add(id_)
        told = document.record, id_, document.text
        found.append((*told, document.line) if command == "filter" and document.line else told)
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", SIZES)
def test_the_ledger_is_what_the_files_hold(size: str, command: str, runs: Runs) -> None:
    run = runs.group(command, size)
    assert problems(run, size) == []
    of_size = [runs.expected[case.name].of(command) for case in CASES if case.size == size]
    ledger = run.ledger
    assert ledger["read"] == sum(one.read for one in of_size)
    assert ledger["kept"] == sum(len(one.good) for one in of_size)
    assert ledger["rejected"] == sum((one.rejected for one in of_size), Counter())
    assert ledger["error"] == sum((one.errors for one in of_size), Counter())


@pytest.fixture(scope="session")
def terabyte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of a megabyte, a million times: 3 MB of Parquet."""
    path = tmp_path_factory.mktemp("terabyte") / "terabyte.parquet"
    text = "The same sentence again and again. " * 30_000
    rows = pa.array([0] * 1_000_000, pa.int32())
    table = pa.table({"text": pa.DictionaryArray.from_arrays(rows, pa.array([text]))})
    pq.write_table(table, path, compression="zstd", store_schema=False)
    return path


@pytest.mark.slow
def test_a_terabyte_is_streamed_until_the_reader_of_stdout_leaves(terabyte: Path) -> None:
    said = skypile("filter", terabyte, "--recipe", RECIPE, "--no-models", "--quiet", lines=5)
    assert (said.code, said.err) == (0, "")
    assert said.peak_bytes < PEAK_SMALL_BYTES


@pytest.mark.slow
def test_a_terabyte_is_read_no_farther_than_asked(terabyte: Path, tmp_path: Path) -> None:
    options = ["--recipe", RECIPE, "--mixture", "none", "--quiet", "--limit", 5]
    said = skypile("build", terabyte, *options, "--output", tmp_path / "out")
    assert (said.code, said.faults()) == (0, []), said.err
    assert said.peak_bytes < PEAK_SMALL_BYTES
    assert skypile("verify", tmp_path / "out").code == 0


REFUSED = {
    "noise.bin": b"\x00\xff\x13" * 999,
    "archive.zip": b"PK\x03\x04" + bytes(100),
    "empty": b"",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_input_is_refused(name: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(REFUSED[name])
    output = ["-o", tmp_path / "a.jsonl"] if command == "filter" else ["--output", tmp_path / "out"]
    said = skypile(command, path, *output)
    assert (said.code, said.faults()) == (2, [])
    assert str(path) in said.err
