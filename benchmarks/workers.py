"""Build the same corpus with different numbers of workers: equal bytes first, then seconds.

    python benchmarks/workers.py $SKYPILE_SHARED/data/corpus --output /tmp/workers

Each build is a process of its own, one after another, `--rounds` times in turn; the seconds are
those of the whole command. Options that are not listed are passed to `skypile build`. Prints
Markdown. Exit code 1 where the bytes differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


def fingerprint(corpus: Path) -> str:
    """Return a SHA-256 over the names and bytes of all shards and the manifest without `run`."""
    state = hashlib.sha256()
    manifest = json.loads((corpus / "manifest.json").read_text("utf-8"))
    del manifest["run"]
    state.update(json.dumps(manifest, sort_keys=True).encode())
    for shard in sorted(corpus.rglob("*.parquet")):
        state.update(str(shard.relative_to(corpus)).encode())
        state.update(hashlib.sha256(shard.read_bytes()).digest())
    return state.hexdigest()


def processor() -> str:
    """Return the name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def timed(inputs: list[str], output: Path, workers: int, extra: list[str]) -> float:
    """Build with `workers` workers; return the wall seconds of the command."""
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "skypile", "build", *inputs, "--output", str(output)]
    begun = time.monotonic()
    subprocess.run([*command, "--workers", str(workers), *extra], check=True)
    return time.monotonic() - begun


def main() -> int:
    """Build in turn, compare, and print a table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--counts", default="1,2", help="numbers of workers, the first is compared")
    parser.add_argument("--rounds", type=int, default=1)
    args, extra = parser.parse_known_args()
    counts = [int(number) for number in args.counts.split(",")]
    seconds: dict[int, list[float]] = {number: [] for number in counts}
    phases: dict[int, dict[str, float]] = {}
    prints: dict[int, str] = {}
    for _ in range(args.rounds):
        for number in counts:
            output = args.output / f"workers-{number}"
            seconds[number].append(timed(args.input, output, number, extra))
            prints[number] = fingerprint(output)
            told = json.loads((output / "manifest.json").read_text("utf-8"))["run"]
            phases[number] = told["wall_seconds"]
    if len(set(prints.values())) > 1:
        print(f"the bytes differ: {prints}")
        return 1
    cores = len(os.sched_getaffinity(0))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {processor()}, {cores} cores, ", end="")
    print(f"Python {platform.python_version()}. `python {' '.join(sys.argv)}`\n")
    print(f"Equal bytes: {next(iter(prints.values()))}\n")
    names = list(phases[counts[0]])
    print(f"| workers | seconds (median of {args.rounds}) | ratio | {' | '.join(names)} |")
    print("|---" * (3 + len(names)) + "|")
    first = statistics.median(seconds[counts[0]])
    for number in counts:
        median = statistics.median(seconds[number])
        parts = " | ".join(f"{phases[number][name]:.1f}" for name in names)
        print(f"| {number} | {median:.0f} | {first / median:.2f} | {parts} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
