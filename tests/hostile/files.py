"""Make the corpus of hostile files, and show what SkyPile does with each.

python tests/hostile/files.py FOLDER            make the files
python tests/hostile/files.py FOLDER --table    and run filter and build on each; Markdown
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# Each of these modules adds its files to the cases.
import hostile_fields  # noqa: F401
import hostile_lines  # noqa: F401
import hostile_packed  # noqa: F401
import hostile_tables  # noqa: F401
import hostile_trees  # noqa: F401
from hostile_cases import CASES, Case, Expected
from hostile_runs import Run, run_build, run_filter

__all__ = ["make"]


def make(folder: Path, cases: list[Case]) -> dict[str, Expected]:
    """Write the files of `cases` into `folder`; return what must come out of each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    return {case.name: case.make(folder / case.name) for case in cases}


def table(folder: Path) -> None:
    """Print what `filter` and `build` make of each file, run over it alone, as Markdown."""
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {processor()}. `python {' '.join(sys.argv)}`\n")
    print("| file | what it is | read | kept | rejected, error | exit | peak MB |")
    print("|---|---|---|---|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            # What is only counted runs once.
            filtered = run_filter([folder / case.name], Path(work), "many")
        with tempfile.TemporaryDirectory(dir=folder) as work:
            size = "heavy" if case.size == "heavy" else "many"
            built = run_build([folder / case.name], Path(work), size)
        told = [f"`{ascii(case.name)[1:-1]}`", case.what, *cells([filtered, built])]
        print(f"| {' | '.join(told)} |", flush=True)


def cells(runs: list[Run]) -> list[str]:
    """Return the cells of a row: once what filter and build have in common, else both."""
    told = []
    for run in runs:
        ledger = run.ledger or {"read": "", "kept": "", "rejected": {}, "error": {}}
        reasons = [*ledger["rejected"].items(), *ledger["error"].items()]
        others = ", ".join(f"{reason} {number:,}" for reason, number in reasons)
        counts = [f"{ledger[name]:,}" for name in ("read", "kept")]
        exits = str(max(one.code for one in run.said))
        told.append([*counts, others, exits, f"{run.peak_bytes / 1e6:,.0f}"])
    return [a if a == b else f"{a} / {b}" for a, b in zip(*told, strict=True)]


def processor() -> str:
    """Return the processor's name and how many of its cores may be used."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def main() -> None:
    """Make all files in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", action="store_true", help="run filter and build on each file")
    args = parser.parse_args()
    make(args.folder, CASES)
    if args.table:
        table(args.folder)


if __name__ == "__main__":
    main()
