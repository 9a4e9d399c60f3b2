"""Build from one file of 5 GB and report the peak memory of each process of the build.

    python benchmarks/memory.py /tmp/memory --format zst --workers 2
    python benchmarks/memory.py /tmp/memory --format parquet --workers 2
    python benchmarks/memory.py /tmp/memory --input FOLDER --workers 2

The first two make a file first, unless it is there: documents of about 2,500 bytes, each a
different draw of sentences of the bundled sample, English or Chinese. The Parquet file has row
groups of 2^20 rows, as pyarrow writes by default: one of them holds more text than a worker may use
memory. They leave models out; --input builds with the whole default recipe. Memory is the
high-water mark of each process's resident size (VmHWM), read every 50 ms; private is the part of it
that no file backs (RssAnon).
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

SAMPLE = Path(__file__).parents[1] / "skypile" / "sample"
SENTENCES = 24
ROWS = 1 << 20
PIECE_ROWS = 1 << 13


def pool(name: str, end: str) -> list[str]:
    """Return the different sentences of a file of the bundled sample, each with its `end`."""
    lines = (SAMPLE / name).read_text("utf-8").splitlines()
    texts = (str(json.loads(line)["text"]) for line in lines)
    parts = (part.strip() for text in texts for part in re.split(f"(?<={re.escape(end)})", text))
    return sorted({part for part in parts if part.endswith(end) and 30 <= len(part.encode()) < 600})


def documents(size: int) -> Iterator[tuple[str, str]]:
    """Yield (id, text) until the texts have `size` bytes together."""
    rng = random.Random(7)
    sentences = [pool("web-en.jsonl", "."), pool("web-zh.jsonl", "。")]
    number = made = 0
    while made < size:
        text = " \n"[number % 2].join(rng.choices(sentences[number % 2], k=SENTENCES))
        made += len(text.encode())
        yield f"made-{number}", text
        number += 1


def write_zst(path: Path, size: int) -> None:
    """Write JSON Lines in one zstd frame."""
    with path.open("wb") as raw, zstandard.ZstdCompressor(level=1).stream_writer(raw) as out:
        lines = io.TextIOWrapper(out, "utf-8", write_through=False)
        for name, text in documents(size):
            lines.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
        lines.flush()
        lines.detach()


def write_parquet(path: Path, size: int) -> None:
    """Write row groups of ROWS rows."""
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows: list[tuple[str, str]] = []
        for row in documents(size):
            rows.append(row)
            if len(rows) == ROWS:
                _write_group(writer, schema, rows)
        _write_group(writer, schema, rows)


def _write_group(writer: pq.ParquetWriter, schema: pa.Schema, rows: list[tuple[str, str]]) -> None:
    if rows:
        # Texts of over 2 GB become a chunked array.
        columns = [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)]
        writer.write_table(pa.table(columns, schema=schema), row_group_size=ROWS)
        rows.clear()


def processes(root: int) -> dict[int, tuple[int, int]]:
    """Return (VmHWM, RssAnon) in bytes of process `root` and of all below it."""
    parents: dict[int, int] = {}
    sizes: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            lines = (folder / "status").read_text().splitlines()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        if "VmHWM" not in fields:
            continue
        parents[int(folder.name)] = int(fields["PPid"])
        high, private = (int(fields[name].split()[0]) * 1024 for name in ("VmHWM", "RssAnon"))
        sizes[int(folder.name)] = (high, private)
    found = {}
    for process, size in sizes.items():
        at = process
        while at > 1 and at != root:
            at = parents.get(at, 0)
        if at == root:
            found[process] = size
    return found


def run(command: list[str]) -> tuple[float, dict[int, tuple[int, int]]]:
    """Run `command`; return its wall seconds and the peaks of each of its processes."""
    begun = time.monotonic()
    peaks: dict[int, tuple[int, int]] = {}
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            for pid, (high, private) in processes(process.pid).items():
                before = peaks.get(pid, (0, 0))
                peaks[pid] = (max(before[0], high), max(before[1], private))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(process.returncode)
    return time.monotonic() - begun, dict(sorted(peaks.items()))


def made(folder: Path, kind: str, gigabytes: float) -> Path:
    """Return the file of so much text, which is made unless it is there."""
    name = "made.jsonl.zst" if kind == "zst" else "made.parquet"
    source = folder / f"{gigabytes:g}gb-{name}"
    if not source.exists():
        write = write_zst if kind == "zst" else write_parquet
        write(beside := source.with_suffix(".tmp"), int(gigabytes * 1e9))
        beside.rename(source)
    return source


def main() -> None:
    """Make the file, build from it and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", choices=("zst", "parquet"), default="zst")
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--input", type=Path, help="build this, models included, and make no file")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    source = args.input or made(args.folder, args.format, args.gigabytes)
    output = args.folder / "corpus"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "skypile", "build", str(source), "--output", str(output)]
    command += ["--workers", str(args.workers)]
    if args.input is None:
        command += ["--no-models", "--mixture", "none"]
    seconds, peaks = run(command)
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.processor() or platform.machine()}, ", end="")
    print(f"Python {platform.python_version()}. `python {' '.join(sys.argv)}`\n")
    read, kept = manifest["ledger"]["read"], manifest["ledger"]["kept"]
    print(f"{source.name}: {read:,} documents read, {kept:,} kept, {seconds:.0f} s.\n")
    print("| process | peak MB | of that private MB |\n|---|---|---|")
    for number, (high, private) in enumerate(peaks.values()):
        kind = "driver" if number == 0 else "forked or worker"
        print(f"| {kind} | {high / 1e6:,.0f} | {private / 1e6:,.0f} |")


if __name__ == "__main__":
    main()
