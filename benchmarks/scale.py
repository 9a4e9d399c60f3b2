"""Say what a build of 1 TB and of 100 TB of WARC takes, from a measured build of real pages.

    python benchmarks/scale.py $SKYPILE_SHARED/data/web/aeb.warc.gz [--copies N] [--json FILE]

The pages of a WARC are written N times into one file as a crawl has them, with a request and a
metadata record beside each response and one gzip member for a record. In each copy every eighth
word of the text is another one of the same page, so that pages keep their sizes and their markup
and are no duplicates: two shingles of five words in five differ from those of the original. All of
it then goes through the phases of a build, as `skypile plan` does it, with the default recipe and
its models.

Tables, in Markdown: what a page and a megabyte take; then 1 TB and 100 TB, which are those figures
times the number of pages. Two things a page of these does not tell are parameters: --passing, the
share of pages that pass the steps (once as measured), and --duplicates, the share of those that are
copies. The last table is of what has a bound: what a unit takes in the driver and in the
description of a job, and which file and memory maps there are.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import platform
import random
import re
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam

from skypile.beam import graph
from skypile.cli.build import add_arguments, build_context
from skypile.cli.inputs import WHOLE_FILES
from skypile.dedup.formats import partitions_for
from skypile.dedup.signatures import SignatureSet
from skypile.io.members import warc_blocks
from skypile.io.units import Unit, plan_units
from skypile.io.warc import Record, records
from skypile.phases.context import Context, UnitRef
from skypile.phases.work import Entry
from skypile.plan.measure import Measured, measure
from skypile.plan.outlook import Assumed, Outlook
from skypile.plan.predict import Value, estimated
from skypile.plan.report import shown
from skypile.plan.sample import Sampling, Stratum, draw
from skypile.recipe import load_recipe

SIZES = (1e12, 100e12)
EVERY = 8
TEXT = re.compile(rb">([^<>]{20,})<")
WORD = re.compile(rb"[A-Za-z\x80-\xff]{2,}")
NOT_TEXT = re.compile(rb"<(script|style)\b.*?</\1>", re.S | re.I)
# One NVIDIA H200, BERT-base, from Parquet to Parquet, a window a document: docs/gpu.md.
GPU_WINDOWS_PER_SECOND = 5186
# 10 million signatures, from pass copies to clusters: docs/dedup.md, benchmarks/dedup_scale.py.
PAIR_SECONDS = 34e-6
WARC_FILE_BYTES = 1e9  # of Common Crawl, about
DRIVER_UNITS = 2000
PROTO_UNITS = (100, 300)


def changed(page: bytes, rng: random.Random) -> bytes:
    """Return the page with every EVERY-th word of its text replaced by another one of it."""
    words = WORD.findall(b" ".join(TEXT.findall(NOT_TEXT.sub(b"", page)))) or [b"word"]
    count = 0

    def word(found: re.Match[bytes]) -> bytes:
        nonlocal count
        count += 1
        return rng.choice(words) if count % EVERY == 0 else found[0]

    def text(found: re.Match[bytes]) -> bytes:
        return b">" + WORD.sub(word, found[1]) + b"<"

    # What stands in scripts and styles stays.
    pieces, at = [], 0
    for kept in NOT_TEXT.finditer(page):
        pieces += [TEXT.sub(text, page[at : kept.start()]), kept[0]]
        at = kept.end()
    return b"".join([*pieces, TEXT.sub(text, page[at:])])


def member(kind: str, number: int, url: str, body: bytes, content: str) -> bytes:
    """Return a record as a gzip member."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2026-11-27T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: {content}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", 6)


def make(source: Path, target: Path, copies: int) -> tuple[int, int]:
    """Write the WARC; return how many pages it has and how many bytes these are unpacked."""
    with source.open("rb") as stream:
        found = list(records(warc_blocks(stream, "gzip"), 1 << 28))
    pages = [
        one for one in found if isinstance(one, Record) and one.field("warc-type") == "response"
    ]
    rng, number, size = random.Random(8), 0, 0
    with target.open("wb") as out:
        for copy in range(copies):
            for page in pages:
                head, _, body = page.body.partition(b"\r\n\r\n")
                body = changed(body, rng)
                head = re.sub(rb"(?i)content-length: *\d+", b"Content-Length: %d" % len(body), head)
                url = f"{page.field('warc-target-uri')}?copy={copy}"
                asked = f"GET {url} HTTP/1.1\r\nUser-Agent: bench\r\nAccept: text/html\r\n\r\n"
                told = f"fetchTimeMs: {rng.randrange(999)}\r\ncharset-detected: UTF-8\r\n"
                answer = head + b"\r\n\r\n" + body
                for kind, data, content in (
                    ("request", asked.encode(), "application/http; msgtype=request"),
                    ("response", answer, "application/http; msgtype=response"),
                    ("metadata", told.encode(), "application/warc-fields"),
                ):
                    out.write(member(kind, number, url, data, content))
                    number += 1
                size += len(answer)
    return copies * len(pages), size


def context_of(folder: Path, recipe: str) -> Context:
    """Return the context of a build into `folder`, without a mixture."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return build_context(
        parser.parse_args(["x", "--output", str(folder), "--mixture", "none"]), load_recipe(recipe)
    )


def tables(
    values: dict[str, Value], pages: int, args: argparse.Namespace
) -> Iterator[tuple[str, float, list[dict[str, float]]]]:
    """Yield (label, share that passes, figures for each of SIZES)."""
    v = {name: value.value for name, value in values.items()}
    passed = v["good_count"] + v["duplicate_count"]  # after the score section, too
    per_page = v["warc_bytes"] / pages
    for label, share in [("as measured", passed / pages), *((f"{p:.0%}", p) for p in args.passing)]:
        yield label, share, [of_size(v, pages, size / per_page, share, args) for size in SIZES]


def of_size(
    v: dict[str, float], measured: int, pages: float, share: float, args: argparse.Namespace
) -> dict[str, float]:
    """Return what a build of `pages` pages takes of which `share` pass the steps."""
    opened = pages * share
    scored = opened * (1 - args.duplicates)
    was_open = v["open_count"]
    each = {name: value / measured for name, value in v.items()}
    one = {name: value / was_open for name, value in v.items()}
    hours = {
        "read": each["read_core_hours"] * pages,
        "curate": each["curate_core_hours"] * pages,
        "pair, cluster": PAIR_SECONDS * opened / 3600,
        "score, on cores": one["score_core_hours"] * scored,
        "publish": each["publish_core_hours"] * pages,
    }
    units = pages * each["warc_bytes"] / WARC_FILE_BYTES
    text = each["text_bytes"] * pages
    parts = units * max(1.0, -(-text / units // (64 << 20)))
    found = {"pages": pages, "pages that pass": opened, "documents kept": scored}
    found |= {f"{name}, core hours": value for name, value in hours.items()}
    gpu = one["windows_count"] * scored / GPU_WINDOWS_PER_SECOND / 3600
    found |= {
        "all, core hours": sum(hours.values()),
        "score instead on GPUs, GPU hours": gpu,
        "text bytes": text,
        "work folder: parts bytes": each["part_bytes"] * pages,
        "work folder: signatures bytes": one["signature_bytes"] * opened,
        "shuffle of copies bytes": each["shuffle_copies_bytes"] * pages,
        "shuffle of pairs bytes": one["shuffle_pairs_bytes"] * opened,
        "shards of kept documents bytes": v["data_bytes"] / v["good_count"] * scored,
        "index bytes": v["index_bytes"] / v["good_count"] * scored,
        "units (files of 1 GB)": units,
        "parts": parts,
        "groups of shards": text / (256 << 20),
        "files in the work folder": 5 * parts + 5 * units,
        "groups of the shuffle of pairs": 16 * partitions_for(round(pages)),
        "memory of phase cluster bytes": 60 * opened * 2 * args.duplicates,
    }
    return found


def driver_bytes(context: Context, ref: UnitRef) -> float:
    """Return what the driver holds of a unit: its reference, and the entries of all phases."""
    names = [name for kind in ("curate", "score", "tally") for name in context.work.walk(kind)]
    texts = [context.work.read(name) for name in names if name.endswith(".json")]
    tracemalloc.start()
    held: list[Any] = []
    for number in range(DRIVER_UNITS):
        held.append(UnitRef(number, named(ref.unit, number)))
        for text in texts:
            found = json.loads(text)
            held.append(Entry(f"curate/{number}", found["data"], found["hash"]))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(held) == DRIVER_UNITS * (1 + len(texts))
    return size / DRIVER_UNITS


def named(unit: Unit, number: int) -> Unit:
    """Return the unit under a name as a crawl's files have one: Beam packs what repeats."""
    told = hashlib.sha256(str(number).encode()).hexdigest()
    name = f"segments/{told[:15]}/warc/CC-MAIN-{told[15:29]}-{told[29:43]}-{number:05d}.warc.gz"
    path, size = f"s3://bucket/crawl-data/{name}", 10**9 + int(told[43:50], 16)
    return replace(unit, path=path, name=name, size=size, end=size, mtime_ns=10**18 + size)


def described_bytes(context: Context, ref: UnitRef) -> float:
    """Return by how much a unit lengthens the description of phase curate's job."""
    sizes = []
    for count in PROTO_UNITS:
        pipeline = beam.Pipeline()
        refs = [UnitRef(number, named(ref.unit, number)) for number in range(count)]
        _ = pipeline | graph.curate(context, refs)
        sizes.append(len(pipeline.to_runner_api().SerializeToString()))
    return (sizes[1] - sizes[0]) / (PROTO_UNITS[1] - PROTO_UNITS[0])


def maps_of(context: Context) -> float:
    """Return how many memory maps a worker holds for each part whose signatures it looks up."""
    file = next(name for name in context.work.walk("curate") if "signatures" in name)
    before = len(Path("/proc/self/maps").read_text().splitlines())
    held = [SignatureSet.load(Path(context.work.path(file))) for _ in range(DRIVER_UNITS)]
    after = len(Path("/proc/self/maps").read_text().splitlines())
    return (after - before) / len(held)


def cell(name: str, value: float) -> str:
    """Return a value as it stands in a table."""
    if name.endswith("bytes"):
        return shown("x_bytes", value) if value < 1e15 else f"{value / 1e15:,.2f} PB"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def print_pages(values: dict[str, Value], pages: int, measured: Measured) -> None:
    """Print what one page takes."""
    v = {name: value.value for name, value in values.items()}
    print("\n| a page takes | |\n|---|---|")
    for name in ("warc", "page", "text", "part", "data"):
        print(f"| {name} bytes | {v[f'{name}_bytes'] / pages:,.0f} |")
    for name in ("signature", "shuffle_pairs", "score"):
        print(f"| {name.replace('_', ' of ')} bytes, of one that passes | "
              f"{v[f'{name}_bytes'] / v['open_count']:,.0f} |")  # fmt: skip
    print(f"| windows of one that passes | {v['windows_count'] / v['open_count']:.2f} |")
    text = v["text_bytes"] / 1e6
    print("\n| phase | CPU ms a page | MB of text per CPU-second |\n|---|---|---|")
    for name in ("read", "curate", "pair", "cluster", "score", "publish"):
        seconds = measured.seconds[name]
        print(f"| {name} | {1000 * seconds / pages:.3f} | {text / max(seconds, 1e-9):,.1f} |")


def print_sizes(found: Sequence[tuple[str, float, list[dict[str, float]]]]) -> None:
    """Print what 1 TB and 100 TB take."""
    heads = [f"{size / 1e12:g} TB, {label}" for label, _, _ in found for size in SIZES]
    print(f"\n| of WARC, pages passing | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    columns = [column for _, _, pair in found for column in pair]
    for name in columns[0]:
        print(f"| {name} | {' | '.join(cell(name, column[name]) for column in columns)} |")


def run(context: Context, source: Path, folder: Path) -> tuple[dict[str, Value], Measured, UnitRef]:
    """Take all of the file through the phases; return what that is, and its unit."""
    units = plan_units([str(source)], target_bytes=WHOLE_FILES).units
    strata: list[Stratum] = draw(units, Sampling(1.0, 1 << 40, 1 << 40), context.read)
    measured = measure(context, strata)
    outlook = Outlook(context, tuple(strata), measured, Assumed())
    values = estimated(strata, measured, 0, outlook)
    names = list(measured.cells.names)
    opened = float(measured.cells.values[:, names.index("open")].sum())
    size = source.stat().st_size
    more = {"open_count": opened, "warc_bytes": float(size)}
    assert folder.exists()
    return values | {n: Value(x, x, x) for n, x in more.items()}, measured, UnitRef(0, units[0])


def main() -> None:
    """Make the file, build from it, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a WARC of pages")
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--recipe", default="web")
    parser.add_argument("--passing", type=float, nargs="*", default=[0.25])
    parser.add_argument("--duplicates", type=float, default=0.3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "pages.warc.gz"
        pages, unpacked = make(args.source, source, args.copies)
        print(f"\n{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python "
              f"{platform.python_version()}. `python {' '.join(sys.argv)}`\n")  # fmt: skip
        print(f"{pages:,} pages, {source.stat().st_size / 1e6:,.1f} MB packed.", flush=True)
        context = context_of(folder / "corpus", args.recipe)
        values, measured, ref = run(context, source, folder)
        values["page_bytes"] = Value(*[float(unpacked)] * 3)
        found = list(tables(values, pages, args))
        print_pages(values, pages, measured)
        print_sizes(found)
        held, told = driver_bytes(context, ref), described_bytes(context, ref)
        maps = maps_of(context)
    print("\n| bound | of a unit | 1 TB | 100 TB |\n|---|---|---|---|")
    for label, one in (("memory of the driver", held), ("description of curate's job", told)):
        each = (one, one * SIZES[0] / WARC_FILE_BYTES, one * SIZES[1] / WARC_FILE_BYTES)
        print(f"| {label} | {' | '.join(cell('bytes', value) for value in each)} |")
    parts = [found[0][2][at]["parts"] for at in range(len(SIZES))]
    print(f"| memory maps of a worker of pass edges, {maps:.2f} a part | | "
          f"{' | '.join(f'{maps * count:,.0f}' for count in parts)} |")  # fmt: skip
    print(f"| peak of this process | | {cell('bytes', measured.peak_bytes)} | |")
    print(f"\n{time.process_time() - begun:.0f} CPU seconds in all.")
    if args.json:
        told_all = {"pages": pages, "values": {n: v.value for n, v in values.items()},
                    "sizes": [(label, share, pair) for label, share, pair in found]}  # fmt: skip
        args.json.write_text(json.dumps(told_all, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
