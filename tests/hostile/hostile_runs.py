"""The commands over hostile files, as users call them, and what came out of each file."""

from __future__ import annotations

import json
import os
import re
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
from hostile_cases import Size, sha

__all__ = ["Run", "Said", "run_build", "run_filter", "skypile"]

HERE = Path(__file__).parent
RECIPE = HERE / "recipe.yaml"
ALARM_SECONDS = 300  # only a hang takes so long


@dataclass(frozen=True)
class Said:
    """A finished command."""

    code: int
    err: str
    cpu_seconds: float
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

    def count(self, record: str, outcome: str, reason: str) -> None:
        self.outcomes.setdefault(_file_of(record), Counter())[outcome, reason] += 1

    def keep(self, record: str, id_: str, line: bytes) -> None:
        """Note a document that filter wrote."""
        document = record, id_, sha(_text(line).encode()), sha(line)
        self.kept.setdefault(_file_of(record), []).append(document)

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


def run_filter(paths: Sequence[Path], folder: Path, size: Size) -> Run:
    """Filter `paths` into files in `folder`; what is small is explained as well."""
    options = ["--recipe", RECIPE, "--no-models", "--quiet"]
    kept, rest, ledger = folder / "kept.jsonl", folder / "rest.jsonl", folder / "ledger.json"
    outputs = ["-o", kept, "--ledger", ledger]
    if size != "many":
        outputs += ["--rejected", rest]
    run = Run([skypile("filter", *paths, *options, *outputs)])
    if run.said[0].code:
        return run
    run.ledger = json.loads(ledger.read_text())
    if size == "small":
        explained = folder / "explained.jsonl"
        run.said.append(skypile("filter", *paths, *options, "--explain", "-o", explained))
        if run.said[1].code == 0:
            _add_explained(run, explained, kept, rest)
    elif size == "heavy":
        _add_lines(run, kept, rest)
    return run


def _add_explained(run: Run, explained: Path, kept: Path, rest: Path) -> None:
    lines = _lines(kept)
    others = sum(1 for _ in _lines(rest))
    for line in _lines(explained):
        told = orjson.loads(line)
        outcome = told["outcome"], told["reason"] or ""
        run.count(told["record"], *outcome)
        if outcome[0] == "kept":
            run.keep(told["record"], told["id"], next(lines))
        else:
            others -= 1
    assert next(lines, None) is None, "kept.jsonl has more lines than documents were kept"
    assert others == 0, "the file of rejected records has other rows than were rejected"


def _add_lines(run: Run, kept: Path, rest: Path) -> None:
    """Add records whose ids tell where they stand: ``file:number``, or the record itself."""
    for line in _lines(kept):
        fields = orjson.loads(line)
        record = _record_of(fields["id"])
        run.count(record, "kept", "")
        run.keep(record, fields["id"], line)
    for line in _lines(rest):
        told = orjson.loads(line)
        run.count(told.get("record") or _record_of(told["id"]), told["outcome"], told["reason"])


def _record_of(id_: str) -> str:
    found = re.match(r"([^:]+):(\d+)", id_)
    return f"{found[1]}#{found[2]}" if found else id_


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")


def _text(line: bytes) -> str:
    fields = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    return str(fields["text"])


def run_build(paths: Sequence[Path], folder: Path, size: Size) -> Run:
    """Build a corpus of `paths` in `folder` and verify it; of what is heavy, count tokens too."""
    corpus = folder / "corpus"
    options = ["--recipe", RECIPE, "--mixture", "none", "--quiet", "--output", corpus]
    if size != "heavy":
        options.append("--no-models")
    run = Run([skypile("build", *paths, *options)])
    if run.said[0].code:
        return run
    run.said.append(skypile("verify", corpus))
    if run.said[1].code:
        return run
    run.ledger = json.loads((corpus / "manifest.json").read_text())["ledger"]
    if size == "many":
        return run
    for shard in sorted(corpus.glob("*/**/*.parquet")):
        columns = ["record", "id", "text", "outcome", "reason"]
        for batch in pq.ParquetFile(shard).iter_batches(1000, columns=columns):
            _add(run, batch.to_pylist())
    return run


def _add(run: Run, rows: list[dict[str, str]]) -> None:
    for row in rows:
        run.count(row["record"], row["outcome"], row["reason"] or "")
        if row["outcome"] == "kept":
            document = row["record"], row["id"], sha(row["text"].encode())
            run.kept.setdefault(_file_of(row["record"]), []).append(document)
