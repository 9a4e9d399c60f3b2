"""Build a corpus from real documents and report ledger, mixture, time per phase and peak memory.

    python benchmarks/corpus.py $SKYPILE_SHARED/data/corpus --output /tmp/corpus

Memory is the resident size summed over the process tree, sampled every 50 ms. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def tree_bytes(root: int) -> int:
    """Return the resident bytes of process `root` and all below it."""
    parents: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
        sizes[int(folder.name)] = int(fields[21]) * 4096
    total = 0
    for process in sizes:
        at = process
        while at > 1 and at != root:
            at = parents.get(at, 0)
        total += sizes[process] if at == root else 0
    return total


def run(command: list[str]) -> tuple[float, int]:
    """Run `command`; return its wall seconds and the peak of its tree's memory in bytes."""
    begun, peak = time.monotonic(), 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, tree_bytes(process.pid))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(process.returncode)
    return time.monotonic() - begun, peak


def report(manifest: dict[str, Any], wall: float, peak: int, command: str) -> None:
    """Print what a reader needs to judge the run."""
    processor = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.machine(),
    )  # fmt: skip
    told = manifest["run"]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    print(f"\n{today}, {processor}, Python {told['python']}. `{command}`")
    print(
        f"\nWhole process: {wall:.0f} s wall, peak memory of the process tree {peak / 1e6:,.0f} MB."
    )
    print("\n| phase | wall s | CPU s |\n|---|---|---|")
    for phase, seconds in told["wall_seconds"].items():
        cpu = told["driver_cpu_seconds"].get(phase)
        print(f"| {phase} | {seconds:.1f} | {'' if cpu is None else f'{cpu:.1f}'} |")
    ledger = manifest["ledger"]
    print("\n| ledger | documents |\n|---|---|")
    for name in ("read", "kept", "surplus"):
        print(f"| {name} | {ledger[name]:,} |")
    for name in ("rejected", "error"):
        print(f"| {name} | {sum(ledger[name].values()):,} |")
        for reason, number in ledger[name].items():
            print(f"| &nbsp;&nbsp;{reason} | {number:,} |")
    mixture = manifest["mixture"]
    asked = (mixture["asked"] or {}).get("normalized", {})
    print("\n| domain | documents | tokens | share | asked | good tokens there |")
    print("|---|---|---|---|---|---|")
    for name, found in mixture["reached"].items():
        share, wanted = 100 * found["share"], 100 * asked.get(name, 0)
        print(
            f"| {name} | {found['documents']:,} | {found['tokens']:,} | {share:.3f} % | "
            f"{wanted:.3f} % | {mixture['available_tokens'][name]:,} |"
        )


def main() -> None:
    """Run the build that the command line describes and report on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="+")
    parser.add_argument("--output", required=True)
    args, extra = parser.parse_known_args()
    shutil.rmtree(args.output, ignore_errors=True)
    command = [sys.executable, "-m", "skypile", "build", *args.input, "--output", args.output]
    wall, peak = run([*command, *extra])
    subprocess.run([sys.executable, "-m", "skypile", "verify", args.output], check=True)
    manifest = json.loads((Path(args.output) / "manifest.json").read_text("utf-8"))
    report(manifest, wall, peak, f"python {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
