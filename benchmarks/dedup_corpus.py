"""Duplicates of a corpus by source, and the pairs that lie nearest to the threshold.

    python benchmarks/dedup_corpus.py $SKYPILE_SHARED/data/corpus [--threshold 0.8] [--pairs 20]

Runs ``skypile dedup --report-only`` in a process of its own and prints Markdown: documents and
duplicates of each source, wall and CPU seconds, peak memory; then the dropped documents whose exact
Jaccard index is nearest to the threshold, by URL, never by text.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard


def run(folder: Path, output: Path, threshold: float) -> tuple[dict[str, Any], str]:
    """Return the report on `folder`, and what it cost."""
    command = [
        sys.executable, "-m", "skypile", "dedup", str(folder), "--output", str(output),
        "--threshold", str(threshold), "--report-only", "--pairs", str(output / "pairs.parquet"),
        "--quiet",
    ]  # fmt: skip
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    peak = used.ru_maxrss / 1024
    report = json.loads((output / "report.json").read_text("utf-8"))
    return report, f"{wall:.0f} s, {cpu:.0f} CPU seconds, peak memory {peak:,.0f} MiB"


def print_sources(report: dict[str, Any]) -> None:
    """Print what was found in each source, and in all."""
    print("| source | documents | exact | near | share |")
    print("|---|---|---|---|---|")
    for name, found in report["sources"].items():
        exact, near = found["exact_duplicate"], found["near_duplicate"]
        share = (exact + near) / found["read"]
        print(f"| {name} | {found['read']:,} | {exact:,} | {near:,} | {share:.1%} |")
    told = report["duplicates"]
    read = report["ledger"]["read"]
    print(
        f"| all | {read:,} | {told['exact']:,} | {told['near']:,} | "
        f"{(told['exact'] + told['near']) / read:.1%} |"
    )
    print(
        f"\n{told['families']:,} families, the largest of {told['largest_family']:,}; "
        f"{told['compared_exactly']:,} near duplicates compared exactly"
    )


def addresses(folder: Path) -> dict[str, str]:
    """Return id -> source and URL of all documents."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.jsonl.zst")):
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            for line in io.TextIOWrapper(reader, "utf-8"):
                row = json.loads(line)
                found.setdefault(row["id"], row["url"] or row["source"])
    return found


def print_borderline(folder: Path, path: Path, threshold: float, number: int) -> None:
    """Print the pairs whose exact Jaccard is nearest to the threshold, each kept document once."""
    table = pq.read_table(path)
    table = table.filter(pc.is_valid(table.column("jaccard")))
    distance = pc.subtract(table.column("jaccard"), threshold)
    nearest: dict[str, dict[str, Any]] = {}
    for row in table.take(pc.sort_indices(distance)).to_pylist():
        nearest.setdefault(row["kept_id"], row)
    url = addresses(folder)
    print("\n| stays | dropped | estimate | Jaccard |")
    print("|---|---|---|---|")
    for row in list(nearest.values())[:number]:
        kept, dropped = (url.get(row[name], row[name]) for name in ("kept_id", "dropped_id"))
        print(f"| {kept} | {dropped} | {row['jaccard_estimate']:.4f} | {row['jaccard']:.4f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--pairs", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report, cost = run(args.folder, Path(folder), args.threshold)
        print_sources(report)
        print(cost)
        pairs = Path(folder) / "pairs.parquet"
        print_borderline(args.folder, pairs, args.threshold, args.pairs)


if __name__ == "__main__":
    main()
