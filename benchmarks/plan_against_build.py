"""Hold what ``skypile plan`` predicts from a sample against a build of the whole.

    python benchmarks/plan_against_build.py INPUT... --output FOLDER [OPTION...]

Plans, builds with --keep-work, and plans again with the share of duplicates that the build found,
which no sample can tell. OPTIONs go to all three (`--no-models --mixture none`, say); those behind
``--sample`` to plan alone. Prints Markdown: predicted from, to, and what the build had. CPU seconds
are those of this process's children, start and compiled kernels included for the build only.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skypile.plan.report import shown

ROWS = (
    "records_count", "kept_count", "surplus_count", "rejected_count", "error_count",
    "duplicate_count", "kept_tokens", "text_bytes", "part_bytes", "signature_bytes", "id_bytes",
    "data_bytes", "rejected_bytes", "index_bytes", "units_count", "parts_count",
    "shard_files_count", "work_files_count", "core_hours",
)  # fmt: skip


def cpu_seconds() -> float:
    """Return the CPU time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def skypile(*args: str) -> float:
    """Run the command; return its CPU seconds."""
    begun = cpu_seconds()
    subprocess.run([sys.executable, "-m", "skypile", *args], check=True, stdout=sys.stderr)
    return cpu_seconds() - begun


def planned(args: argparse.Namespace, given: list[str], *more: str) -> dict[str, Any]:
    """Return what plan predicts."""
    path = Path(args.output) / "plan.json"
    skypile("plan", *given, *shlex.split(args.sample), *more, "--json", str(path))
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def built(corpus: Path, seconds: float) -> dict[str, float]:
    """Return the same of a corpus with its work folder."""
    manifest = json.loads((corpus / "manifest.json").read_text("utf-8"))
    ledger, work = manifest["ledger"], corpus / ".work"
    entries = [json.loads(path.read_text("utf-8"))["data"] for path in work.rglob("unit.json")]
    parts = [part for entry in entries for part in entry["parts"]]

    def size(folder: Path, pattern: str) -> int:
        return sum(path.stat().st_size for path in folder.rglob(pattern))

    def files(*folders: str) -> int:
        return sum(1 for name in folders for path in (corpus / name).rglob("*") if path.is_file())

    return {
        "records_count": ledger["read"],
        "kept_count": ledger["kept"],
        "surplus_count": ledger["surplus"],
        "rejected_count": sum(ledger["rejected"].values()),
        "error_count": sum(ledger["error"].values()),
        "duplicate_count": sum(n for why, n in ledger["rejected"].items() if "duplicate" in why
                               and why in ("exact_duplicate", "near_duplicate", "url_duplicate")),
        "kept_tokens": sum(one["tokens"] for one in manifest["mixture"]["reached"].values()),
        "text_bytes": sum(part["text_bytes"] for part in parts),
        "part_bytes": size(work / "curate", "part-*.parquet"),
        "signature_bytes": size(work / "curate", "signatures-*.arrow"),
        "id_bytes": size(work / "curate", "ids-*.arrow"),
        "data_bytes": size(corpus / "data", "*.parquet"),
        "rejected_bytes": size(corpus / "rejected", "*.parquet"),
        "index_bytes": size(corpus / "index", "*.arrow"),
        "units_count": len(manifest["inputs"]),
        "parts_count": len(parts),
        "shard_files_count": files("data", "surplus", "rejected", "error", "index"),
        "work_files_count": files(".work"),
        "core_hours": seconds / 3600,
    }  # fmt: skip


def main() -> None:
    """Plan, build, plan again, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument("--sample", default="", help="options of plan alone, in one string")
    args, extra = parser.parse_known_args()
    shutil.rmtree(args.output, ignore_errors=True)
    Path(args.output).mkdir(parents=True)
    given = [*args.input, *extra]
    first = planned(args, given)
    corpus = Path(args.output) / "corpus"
    seconds = skypile("build", *given, "--output", str(corpus), "--keep-work", "--quiet")
    real = built(corpus, seconds)
    passed = real["kept_count"] + real["surplus_count"] + real["duplicate_count"]
    share = real["duplicate_count"] / passed
    second = planned(args, given, "--duplicates", f"{share:.4f}")
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python "
          f"{platform.python_version()}. `python {' '.join(sys.argv)}`\n")  # fmt: skip
    sample, bounds = first["sample"], first["duplicates"]
    print(f"Sample: {sample['records']:,} records, {sample['share']:.1%} of the bytes, "
          f"{sum(sample['cpu_seconds'].values()):.1f} CPU seconds in phases. Duplicates: between "
          f"{bounds['low']:.1%} and {bounds['high']:.1%} by the sample, {share:.1%} by the build."
    )  # fmt: skip
    print("\n| | predicted | from | to | with that share of duplicates | build |")
    print("|---|---|---|---|---|---|")
    for name in ROWS:
        one, again = first["predicted"][name], second["predicted"][name]
        values = (one["value"], one["low"], one["high"], again["value"], real[name])
        print(f"| {name} | {' | '.join(shown(name, value) for value in values)} |")


if __name__ == "__main__":
    main()
