"""New documents against an earlier corpus: by its index, and signed again.

    python benchmarks/dedup_against.py --earlier FILE... --new FILE... [--folder DIR]

Builds a corpus of the earlier files with a recipe that names languages and finds duplicates, then
runs `skypile dedup` and `skypile build` on the new files against it, each as a process of its own.
Prints Markdown: CPU seconds and the peak of resident memory of each command (mapped pages of the
index included), the size of the index, and whether both ways found the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

RECIPE = """
name: languages
steps:
  - stages: [counts, language]
    rules:
      - {reason: empty, column: chars_count, min: 1, source: this benchmark}
      - {reason: wrong_language, column: domain, in: [en, zh, code], source: this benchmark}
"""


def run(name: str, *args: object) -> None:
    """Run `skypile` with `args` and print what it took."""
    command = [sys.executable, "-m", "skypile", *map(str, args), "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    print(f"| {name} | {used.ru_utime + used.ru_stime:.1f} | {used.ru_maxrss / 1024:,.0f} |")


def without_index(corpus: Path, copy: Path) -> Path:
    """Return a copy of `corpus` that has no index."""
    shutil.copytree(corpus, copy, ignore=shutil.ignore_patterns("index"))
    manifest = json.loads((copy / "manifest.json").read_bytes())
    for shard in manifest["shards"]:
        del shard["index"]
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return copy


def compare(earlier: Sequence[Path], new: Sequence[Path], folder: Path) -> None:
    """Build, compare, and print."""
    recipe = folder / "languages.yaml"
    recipe.write_text(RECIPE, "utf-8")
    corpus, options = folder / "corpus", ("--recipe", recipe, "--mixture", "none")
    print("| command | CPU s | peak MiB |\n|---|---:|---:|")
    run("`build`, earlier files", "build", *earlier, "--output", corpus, *options)
    plain = without_index(corpus, folder / "plain")
    for name, against in (("by its index", corpus), ("signed again", plain)):
        out = folder / f"out-{against.name}"
        run(f"`dedup --against`, {name}", "dedup", *new, "--against", against, "--output", out)
    run("`dedup`, new files alone", "dedup", *new, "--output", folder / "out-alone")
    run("`index`", "index", plain)
    out = folder / "new"
    run("`build --against`", "build", *new, "--output", out, "--against", corpus, *options)
    run("`build`, new files alone", "build", *new, "--output", folder / "new-alone", *options)
    manifest = json.loads((corpus / "manifest.json").read_bytes())
    documents = sum(shard["documents"] for shard in manifest["shards"])
    sizes = [sum(s["bytes"] for s in manifest["shards"])]
    sizes += [sum(s["index"]["bytes"] for s in manifest["shards"])]
    print(
        f"\n{documents:,} earlier documents in {sizes[0]:,} bytes of shards; index: {sizes[1]:,} "
    )
    print(f"bytes, {sizes[1] / documents:.1f} a document")
    against = json.loads((out / "manifest.json").read_bytes())["against"][0]
    print(f"build: {against['matched']:,} new documents are duplicates of earlier ones")
    reports = [
        json.loads((folder / f"out-{name}" / "report.json").read_bytes())
        for name in ("corpus", "plain")
    ]
    matched = [report["against"]["matched"] for report in reports]
    print(f"dedup: {matched[0]:,} by the index, {matched[1]:,} signed again")
    assert reports[0]["duplicates"] == reports[1]["duplicates"]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--earlier", nargs="+", type=Path, required=True)
    parser.add_argument("--new", nargs="+", type=Path, required=True)
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        compare(args.earlier, args.new, Path(folder))


if __name__ == "__main__":
    main()
