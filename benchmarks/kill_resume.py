"""Build a corpus, kill the build several times on its way, resume it, and compare all bytes.

    python benchmarks/kill_resume.py $SKYPILE_SHARED/data/corpus --output /tmp/killed --workers 2

The corpus is built twice: undisturbed in OUTPUT/undisturbed, and in OUTPUT/killed, where the whole
process group gets SIGKILL when given shares of a phase's units are done (--kill score=0.33 --kill
publish=0.5). Then the same command is given again. Options that are not listed are those of
``skypile build``. Prints Markdown; exit code 1 where anything differs, or was
done twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDERS = ("data", "surplus", "rejected", "error")
# Where the units of a phase leave their entries, and the phase that knows how many there will be.
ENTRIES = {
    "curate": "curate/*/unit.json",
    "score": "score/*.json",
    "tally": "tally/*.json",
    "publish": "publish/*.json",
}
WAIT_SECONDS = 0.01


@dataclass
class Killed:
    """A run that was killed: where it stood, and what it had finished."""

    place: str
    seconds: float
    finished: int
    half_written: int


def command(args: argparse.Namespace, output: Path, extra: list[str]) -> list[str]:
    """Return the command that builds into `output`."""
    build = [sys.executable, "-m", "skypile", "build", *args.input, "--output", str(output)]
    return [*build, "--keep-work", "--quiet", *extra]


def entries(work: Path, phase: str) -> list[Path]:
    return list(work.glob(ENTRIES[phase]))


def expected_count(reference: Path, phase: str) -> int:
    """Return how many units the phase has, as the undisturbed build shows."""
    return len(entries(reference / ".work", phase))


def finished_files(output: Path) -> dict[Path, tuple[int, int]]:
    """Return the files of finished units with inode and time of change."""
    work, found = output / ".work", {}
    for phase in ENTRIES:
        for entry in entries(work, phase):
            told = json.loads(entry.read_text("utf-8"))
            shards = [output / shard["path"] for shard in told["data"].get("shards", [])]
            for path in (entry, *(work / name for name in told["files"]), *shards):
                stat = path.stat()
                found[path] = (stat.st_ino, stat.st_mtime_ns)
    return found


def redone(before: dict[Path, tuple[int, int]]) -> list[Path]:
    return [
        path
        for path, then in before.items()
        if not path.exists() or (path.stat().st_ino, path.stat().st_mtime_ns) != then
    ]


def run_until(build: list[str], output: Path, phase: str, wanted: int) -> float:
    """Run `build`, and kill its process group when `wanted` units of `phase` are finished."""
    begun = time.monotonic()
    with subprocess.Popen(build, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if len(entries(output / ".work", phase)) >= wanted:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(WAIT_SECONDS)
    if process.returncode != -signal.SIGKILL:
        sys.exit(f"the build ended with {process.returncode} before it could be killed in {phase}")
    return time.monotonic() - begun


def run_whole(build: list[str]) -> float:
    begun = time.monotonic()
    done = subprocess.run(build, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return time.monotonic() - begun


def content(output: Path) -> Iterator[tuple[str, str]]:
    """Yield each file of the corpus with its SHA-256, and that of the manifest without `run`."""
    for path in sorted(path for folder in FOLDERS for path in (output / folder).rglob("*")):
        if path.is_file():
            name = str(path.relative_to(output))
            yield name, hashlib.sha256(path.read_bytes()).hexdigest()
    manifest: dict[str, Any] = json.loads((output / "manifest.json").read_text("utf-8"))
    manifest.pop("run")
    canonical = json.dumps(manifest, sort_keys=True).encode()
    yield "manifest.json without run", hashlib.sha256(canonical).hexdigest()


def report(args: argparse.Namespace, whole: float, killed: list[Killed], last: float) -> bool:
    """Print what happened; return whether all bytes are equal."""
    root = Path(args.output)
    told = {name: dict(content(root / name)) for name in ("undisturbed", "killed")}
    print(f"\n{datetime.now(UTC):%Y-%m-%d}. `python {' '.join(sys.argv)}`")
    print(f"\nUndisturbed: {whole:.0f} s.\n")
    print("| run | seconds | finished files | half-written files left |\n|---|---|---|---|")
    for number, one in enumerate(killed, 1):
        row = f"{one.seconds:.0f} | {one.finished:,} | {one.half_written}"
        print(f"| {number}, killed when {one.place} | {row} |")
    print(f"| {len(killed) + 1}, to the end | {last:.0f} | | |")
    print("\n| file | sha256, undisturbed | sha256, killed | equal |\n|---|---|---|---|")
    names = sorted(set(told["undisturbed"]) | set(told["killed"]))
    same = True
    for name in names:
        left, right = (told[build].get(name, "-") for build in ("undisturbed", "killed"))
        same &= left == right
        print(f"| {name} | {left[:16]} | {right[:16]} | {'yes' if left == right else '**no**'} |")
    print(f"\nAll bytes equal: {'yes' if same else 'NO'}. No finished unit was done again.")
    return same


def main() -> None:
    """Build, kill, resume and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument(
        "--kill", action="append", metavar="PHASE=SHARE", help="default: score=0.33, tally=0.5"
    )
    args, extra = parser.parse_known_args()
    kills = [place.partition("=") for place in args.kill or ("score=0.33", "tally=0.5")]
    root = Path(args.output)
    shutil.rmtree(root, ignore_errors=True)
    whole = run_whole(command(args, root / "undisturbed", extra))
    output = root / "killed"
    killed: list[Killed] = []
    before: dict[Path, tuple[int, int]] = {}
    build = command(args, output, extra)
    for phase, _, share in kills:
        every = expected_count(root / "undisturbed", phase)
        wanted = max(1, round(float(share) * every))
        seconds = run_until(build, output, phase, wanted)
        if redone(before):
            sys.exit(f"done again: {redone(before)[0]}")
        before = finished_files(output)
        half = len(list(output.rglob("*.tmp")))
        place = f"{wanted} of {every} units of {phase} were finished"
        killed.append(Killed(place, seconds, len(before), half))
    last = run_whole(build)
    if redone(before):
        sys.exit(f"done again: {redone(before)[0]}")
    subprocess.run([sys.executable, "-m", "skypile", "verify", str(output)], check=True)
    if not report(args, whole, killed, last):
        sys.exit(1)


if __name__ == "__main__":
    main()
