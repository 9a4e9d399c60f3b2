"""Say how well the stage License reads licence headers.

    python benchmarks/licenses.py --tagged FOLDER…   # text against the SPDX tag of the same file
    python benchmarks/licenses.py --corpus FILE      # found against declared, by source

`--tagged`: of files that have SPDX-License-Identifier and words of a licence besides, the tag is
the label and the text without its line is judged. Only files whose text names a licence (`licen`,
`redistribut`, `permission`) within their first 8 KiB count as such.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.stages.license import HEAD_BYTES, License
from skypile.stages.license_texts import license_of, spdx_expression

_TAG = re.compile(r"^.*SPDX-License-Identifier.*$", re.M)
_WORDS = re.compile(r"licen[cs]ed? |redistribut|permission is", re.I)
# Older names, and what a notice cannot tell apart.
_SAME = {"GPL-2.0+": "GPL-2.0-or-later", "GPL-2.0": "GPL-2.0-only", "GPL-3.0": "GPL-3.0-only",
         "GPL-3.0+": "GPL-3.0-or-later", "LGPL-2.1": "LGPL-2.1-only",
         "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3.0+": "LGPL-3.0-or-later"}  # fmt: skip


def print_tagged(folders: list[Path]) -> None:
    """Print how often text and tag agree, by tag."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for file in sorted(path for folder in folders for path in folder.rglob("*")):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > 1 << 20:
            continue
        head = file.read_bytes()[:HEAD_BYTES].decode("utf-8", "ignore")
        tag = spdx_expression(head) if "SPDX" in head else None
        rest = _TAG.sub("", head)
        if tag and "\x00" not in head and _WORDS.search(rest):
            told = license_of(rest)
            label = _SAME.get(tag, tag)
            same = told is not None and set(told.split()) == set(label.strip("()").split())
            found[label]["right" if same else told or "nothing"] += 1
    right = sum(one["right"] for one in found.values())
    told_count = sum(n for one in found.values() for name, n in one.items() if name != "nothing")
    whole = sum(one.total() for one in found.values())
    print("| tag | files | right | otherwise |\n|---|---|---|---|")
    for label, one in sorted(found.items(), key=lambda pair: -pair[1].total()):
        other = ", ".join(f"{name} {n}" for name, n in one.most_common(5) if name != "right")
        print(f"| {label} | {one.total()} | {one['right']} | {other} |")
    print(f"\nprecision {right / max(told_count, 1):.3f}, recall {right / max(whole, 1):.3f}")


def print_corpus(path: Path) -> None:
    """Print what is found in each source, and the speed."""
    with path.open("rb") as raw:
        lines = zstandard.ZstdDecompressor().stream_reader(raw).read().splitlines()
    rows = [orjson.loads(line) for line in lines]
    texts = pa.array([row["text"] for row in rows], pa.string())
    batch = pa.RecordBatch.from_pydict({"text": texts, "domain": ["code"] * len(rows)})
    start = time.process_time()
    columns = License(cut=True)(batch)
    seconds = time.process_time() - start
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    sizes = columns["license_header_chars"].to_pylist()
    for row, told, size in zip(rows, columns["license"].to_pylist(), sizes, strict=True):
        found[row["source"], row["license"]].update((str(told), "header") if size else (str(told),))
    print("| source | declared | files | with a header | found |\n|---|---|---|---|---|")
    for (source, declared), one in found.items():
        headers = one.pop("header", 0)
        told = ", ".join(f"{name} {n}" for name, n in one.most_common(6) if name != "None")
        print(f"| {source} | {declared} | {one.total()} | {headers} | {told} |")
    size = sum(len(text.as_buffer()) for text in texts)
    print(f"\n{size / seconds / 1e6:.0f} MB/s with headers cut")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tagged", type=Path, nargs="+")
    parser.add_argument("--corpus", type=Path)
    args = parser.parse_args()
    if args.tagged:
        print_tagged(args.tagged)
    if args.corpus:
        print_corpus(args.corpus)


if __name__ == "__main__":
    main()
