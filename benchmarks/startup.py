"""How soon `skypile filter --no-models` writes its first line, and what Python imports until then.

    python benchmarks/startup.py [--runs 7] [--recipe web]

Each run is a new process that reads the bundled sample with a warm kernel cache; the time is from
its start to the first line on its stdout. The medians are printed, then the slowest imports of one
more run (their own time, without what they import in turn).
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "skypile" / "sample" / "web-en.jsonl"
LIMIT_SECONDS = 1.5
SHOWN = 15


def main() -> int:
    """Measure; return 1 where the median is over LIMIT_SECONDS."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--recipe", default="web")
    args = parser.parse_args()
    command = [sys.executable, "-m", "skypile", "filter", str(SAMPLE), "--no-models"]
    command += ["--explain", "--quiet", "--recipe", args.recipe]
    seconds_to_first_line(command)  # warms the kernel cache and the disk's
    first = [seconds_to_first_line(command) for _ in range(args.runs)]
    cpu = [cpu_seconds(command) for _ in range(args.runs)]
    versions = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {versions}, {args.runs} runs, recipe {args.recipe}")
    spread = f"{min(first):.2f} to {max(first):.2f}"
    print(f"first line after  {statistics.median(first):.2f} s (median; {spread})")
    print(f"CPU, whole run    {statistics.median(cpu):.2f} s (median)")
    for name in ("--version", "filter --help"):
        run = [sys.executable, "-m", "skypile", *name.split()]
        took = statistics.median(seconds_to_first_line(run) for _ in range(args.runs))
        print(f"skypile {name:<14}{took:.2f} s")
    print("slowest imports, own time:")
    for milliseconds, module in slowest_imports(command):
        print(f"  {milliseconds:7.1f} ms  {module}")
    return int(statistics.median(first) > LIMIT_SECONDS)


def seconds_to_first_line(command: list[str]) -> float:
    """Return the wall time from start to the first line of output."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - begun
        process.stdout.read()
    assert line and process.returncode == 0, (command, process.returncode)
    return took


def cpu_seconds(command: list[str]) -> float:
    """Return the CPU time of a whole run."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def slowest_imports(command: list[str]) -> list[tuple[float, str]]:
    """Return (milliseconds, module) of the imports that took longest by themselves."""
    timed = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(timed, capture_output=True, text=True, check=True)
    found = []
    for line in done.stderr.splitlines():
        head, _, module = line.rpartition("|")
        number = head.removeprefix("import time:").partition("|")[0].strip()
        if number.isdigit():
            found.append((int(number) / 1000, module.strip()))
    return sorted(found, reverse=True)[:SHOWN]


if __name__ == "__main__":
    sys.exit(main())
