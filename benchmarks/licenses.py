"""Say how well and how fast the stage License reads licence headers.

    python benchmarks/licenses.py --corpus FILE             # found against declared, by source
    python benchmarks/licenses.py --declared FOLDER=ID …    # the same of unpacked source packages

A file counts where it begins with a header; right is what the project declares. What differs is
printed: most of it are files of others, which projects hold under their own licences. Of a
FOLDER 300 files and a seventh of the others are read. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

import orjson
import pyarrow as pa
import zstandard

from skypile.prog_langs import language_of
from skypile.stages.code import DATA_LANGUAGES
from skypile.stages.license import HEAD_BYTES, License
from skypile.stages.license_headers import header_lines
from skypile.stages.license_texts import license_of

_FIRST, _EVERY = 300, 7


def print_declared(projects: dict[Path, str]) -> None:
    """Print what the headers of each project tell."""
    print("| project | declared | headers | right | otherwise |\n|---|---|---|---|---|")
    for folder, declared in projects.items():
        found: Counter[str] = Counter()
        number = 0
        for path in sorted(folder.rglob("*")):
            language = language_of(path.name)
            if language in (None, "markdown", *DATA_LANGUAGES) or not path.is_file():
                continue
            number += 1
            if number > _FIRST and number % _EVERY:
                continue
            head = path.read_bytes()[:HEAD_BYTES].decode("utf-8", "ignore")
            if header_lines(head):
                found[license_of(head) or "none"] += 1
        right = found.pop(declared, 0)
        told = ", ".join(f"{name} {n}" for name, n in found.most_common(5))
        print(f"| {folder.name} | {declared} | {right + found.total()} | {right} | {told} |")


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
    headers: Counter[tuple[str, str]] = Counter()
    sizes = columns["license_header_chars"].to_pylist()
    for row, told, size in zip(rows, columns["license"].to_pylist(), sizes, strict=True):
        found[row["source"], row["license"]][str(told)] += 1
        headers[row["source"], row["license"]] += size > 0
    print("| source | declared | files | with a header | found |\n|---|---|---|---|---|")
    for key, one in found.items():
        told = ", ".join(f"{name} {n}" for name, n in one.most_common(6) if name != "None")
        print(f"| {key[0]} | {key[1]} | {one.total()} | {headers[key]} | {told} |")
    size = sum(len(text.as_buffer()) for text in texts)
    print(f"\n{size / seconds / 1e6:.0f} MB/s with headers cut")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--declared", nargs="+", metavar="FOLDER=ID")
    args = parser.parse_args()
    if args.declared:
        pairs = (one.partition("=") for one in args.declared)
        print_declared({Path(folder): declared for folder, _, declared in pairs})
    if args.corpus:
        print_corpus(args.corpus)


if __name__ == "__main__":
    main()
