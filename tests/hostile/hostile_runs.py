"""The commands over hostile files, as users call them, and what came out of each file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from hostile_cases import sha

__all__ = ["Run", "Said", "run_build", "run_filter", "skypile"]

HERE = Path(__file__).parent
RECIPE = HERE / "recipe.yaml"
ALARM_SECONDS = 300  # only a hang takes so long


@dataclass(frozen=True)
class Said:
    """A finished command."""

    code: int
    err: str
    seconds: float
    peak_bytes: int

    def faults(self) -> list[str]:
        """Return what no input may bring about."""
        wrong = [word for word in ("Traceback", "this is a bug", "Warning") if word in self.err]
        if self.code not in (0, 1, 2):
            wrong.append(f"exit code {self.code}")
        return [f"{one}: {self.err[-1500:]}" for one in wrong]


@dataclass
class Run:
    """What became of the records of some files, by the name of the file."""

    said: list[Said] = field(default_factory=list)
    outcomes: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    # (record, id, sha of the text), and behind them that of the line where filter wrote one.
    kept: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)

    @property
    def peak_bytes(self) -> int:
        return max(one.peak_bytes for one in self.said)


def skypile(*args: object, lines: int | None = None) -> Said:
    """Run the command in a process of its own and say how it ended; a hang raises.

    With `lines` its stdout is a pipe whose reader leaves after so many.
    """
    command = [sys.executable, "-m", "skypile", *map(os.fspath, map(_argument, args))]
    read, write = os.pipe()
    launcher = [sys.executable, "-I", "-S", str(HERE / "hostile_measure.py"), str(write), *command]
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            launcher, stdout=subprocess.PIPE, stderr=err, pass_fds=(write,), start_new_session=True
        )
        os.close(write)
        alarm = threading.Timer(ALARM_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            with process.stdout as stdout:
                for _ in range(lines or 1 << 62):
                    if not stdout.readline():
                        break
            process.wait()
        finally:
            alarm.cancel()
        with os.fdopen(read, "rb") as told:
            found = told.read()
        assert found, f"still at work after {ALARM_SECONDS} s: {command}"
        err.seek(0)
        text = err.read().decode(errors="replace")
    return Said(err=text, **json.loads(found))


def _argument(value: object) -> str | os.PathLike[str]:
    return value if isinstance(value, Path) else str(value)


def _file_of(record: str) -> str:
    """Return the case that a record belongs to: a file, or the folder that a tree lies in."""
    name, _, _ = record.rpartition("#")
    return name.partition("/")[0]


def run_filter(paths: Sequence[Path], folder: Path, *, counts_only: bool = False) -> Run:
    """Filter `paths` into files in `folder`, once as documents and once as explanations.

    With `counts_only` there is the ledger alone to look at.
    """
    options = ["--recipe", RECIPE, "--no-models", "--quiet"]
    kept, rest, ledger = folder / "kept.jsonl", folder / "rest.jsonl", folder / "ledger.json"
    explained = folder / "explained.jsonl"
    run = Run()
    outputs = ["-o", kept, "--ledger", ledger]
    if counts_only:
        run.said.append(skypile("filter", *paths, *options, *outputs))
        run.ledger = json.loads(ledger.read_text()) if ledger.exists() else {}
        return run
    run.said.append(skypile("filter", *paths, *options, *outputs, "--rejected", rest))
    run.said.append(skypile("filter", *paths, *options, "--explain", "-o", explained))
    if any(one.code for one in run.said):
        return run
    run.ledger = json.loads(ledger.read_text())
    lines = _lines(kept)
    others = sum(1 for _ in _lines(rest))
    for line in _lines(explained):
        told = orjson.loads(line)
        file = _file_of(told["record"])
        outcome = told["outcome"], told["reason"] or ""
        run.outcomes.setdefault(file, Counter())[outcome] += 1
        if outcome[0] == "kept":
            written = next(lines)
            text = _text(written)
            document = told["record"], told["id"], sha(text.encode()), sha(written)
            run.kept.setdefault(file, []).append(document)
        else:
            others -= 1
    assert next(lines, None) is None, "kept.jsonl has more lines than documents were kept"
    assert others == 0, "the file of rejected records has other rows than were rejected"
    return run


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def _text(line: bytes) -> str:
    fields = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    return str(fields["text"])


def run_build(paths: Sequence[Path], folder: Path, *, counts_only: bool = False) -> Run:
    """Build a corpus of `paths` in `folder` and verify it."""
    corpus = folder / "corpus"
    options = ["--recipe", RECIPE, "--mixture", "none", "--quiet", "--output", corpus]
    run = Run([skypile("build", *paths, *options)])
    if run.said[0].code:
        return run
    run.said.append(skypile("verify", corpus))
    assert run.said[1].code == 0, run.said[1].err
    run.ledger = json.loads((corpus / "manifest.json").read_text())["ledger"]
    if counts_only:
        return run
    for shard in sorted(corpus.glob("*/**/*.parquet")):
        columns = ["record", "id", "text", "outcome", "reason"]
        for batch in pq.ParquetFile(shard).iter_batches(1000, columns=columns):
            _add(run, batch.to_pylist())
    return run


def _add(run: Run, rows: list[dict[str, str]]) -> None:
    for row in rows:
        file = _file_of(row["record"])
        run.outcomes.setdefault(file, Counter())[row["outcome"], row["reason"] or ""] += 1
        if row["outcome"] == "kept":
            document = row["record"], row["id"], sha(row["text"].encode())
            run.kept.setdefault(file, []).append(document)
