"""``skypile lines``: the lines or paragraphs that many documents have, as a set for a recipe."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from skypile.cli.curated import Counts, read_pieces
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan
from skypile.cli.outputs import open_lines
from skypile.cli.terminal import say, say_whether_it_compiles, show
from skypile.errors import UsageError
from skypile.io.sources import ReadOptions
from skypile.io.units import STDIN, Plan
from skypile.lists.lines import LineCounter, LineSet, LineSpec, Listed, write_line_set
from skypile.progress import Count, Progress

__all__ = ["add_arguments", "run"]

EPILOG = """\
Two lines are the same where their letters and digits are: case, white space and punctuation do not
count, and all digits are alike. The file that --output names is for the stage repeated_lines of a
recipe, which takes these lines out of texts and counts what it took:

  steps:
    - stages: [{stage: normalize}, {stage: repeated_lines, lines: frequent.lines}]
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile lines``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    default = LineSpec()
    add_input_arguments(parser, "; - is stdin")
    add("-o", "--output", required=True, metavar="FILE", help="where the set is written")
    add("--unit", choices=("line", "paragraph"), default=default.unit, help="default: %(default)s; "
        "a paragraph is what stands between blank lines")  # fmt: skip
    add("--within", choices=("all", "site"), default=default.within,
        help="count over all, or for each host of URLs (default: %(default)s)")  # fmt: skip
    add("--min-documents", type=int, default=default.min_documents, metavar="N",
        help="list what so many documents have (default: %(default)s)")  # fmt: skip
    add("--min-bytes", type=int, default=default.min_bytes, metavar="N",
        help="leave out lines with fewer bytes of letters and digits, of which a Chinese "
        "character has three (default: %(default)s)")  # fmt: skip
    add("--code", action="store_true", help="count source code as well")
    add("--show", metavar="FILE", help="write the lines listed, as JSON Lines {count, line}, most "
        "frequent first; reads the inputs twice")  # fmt: skip
    add("--limit", type=int, metavar="N", help="read at most N records of each file")
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Count the inputs and write the set; return 0, or raise SkyPileError."""
    assert not extra
    spec = _spec(args)
    inputs = gathered(args.inputs, args.files_from)
    if args.show is not None and STDIN in inputs.given:
        raise UsageError("--show reads the inputs twice, and stdin can be read once")
    if not Path(args.output).absolute().parent.is_dir():
        raise UsageError(f"--output {args.output}: there is no such folder")
    if not args.quiet:
        say_whether_it_compiles()
    plan = ordered_plan(inputs)
    counts = Counts()
    counter = LineCounter(spec)
    for batch in _texts(args, plan, counts, "lines"):
        counter.add(batch)
    found = counter.finish()
    write_line_set(Path(args.output), found)
    show(_summary(found, args.output))
    unreadable = sum(counts.unreadable.values())
    if unreadable:
        say(f"{unreadable:,} records could not be read and are not counted")
    if args.show is not None:
        _show(args, plan, found)
    return 0


def _spec(args: argparse.Namespace) -> LineSpec:
    if args.min_documents < 2:
        raise UsageError(f"--min-documents {args.min_documents}: give 2 or more")
    if args.min_bytes < 1:
        raise UsageError(f"--min-bytes {args.min_bytes}: give 1 or more")
    return LineSpec(
        unit=args.unit, within=args.within, min_bytes=args.min_bytes,
        min_documents=args.min_documents, code=args.code,
    )  # fmt: skip


def _texts(
    args: argparse.Namespace, plan: Plan, counts: Counts, title: str
) -> Iterator[pa.RecordBatch]:
    """Yield the documents of the inputs that could be read."""
    options = ReadOptions(
        text_field=args.text_field, id_field=args.id_field, limit=args.limit, html=args.html
    )
    documents = 0
    with Progress(title, quiet=args.quiet) as progress:
        for piece in read_pieces(plan.units, options, counts, rewrites=False):
            counts.add(piece)
            batch = piece.batch.filter(pc.is_null(piece.batch.column("outcome")))
            yield batch
            documents += batch.num_rows
            progress.update(Count(what="records", documents=documents))


def _summary(found: LineSet, path: str) -> str:
    counts, spec = found.counts, found.spec
    return (
        f"{counts['documents']:,} documents, {counts['lines']:,} {spec.unit}s; "
        f"{counts['different_lines']:,} different ones of {spec.min_bytes} bytes and more, "
        f"{counts['listed_lines']:,} in {spec.min_documents} documents or more: {path}"
    )


def _show(args: argparse.Namespace, plan: Plan, found: LineSet) -> None:
    """Write the lines listed with how many documents have each, as they first stand."""
    listed = Listed(found)
    for batch in _texts(args, plan, Counts(), "show"):
        listed.add(batch)
    with open_lines(args.show) as lines:
        for count, line in listed.sorted():
            lines.write(orjson.dumps({"count": count, "line": line}) + b"\n")
