"""``skypile dedup``: the duplicates among documents, without a recipe and without Beam."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from skypile import interrupts
from skypile.cli.against import add_against, earlier
from skypile.cli.curated import Counts, Piece, read_pieces
from skypile.cli.duplicates import PAIR_SCHEMA, Compared, compared
from skypile.cli.filter import DUPLICATE_OF, OUTCOME, Told, finish, rows_of
from skypile.cli.inputs import (
    add_input_arguments,
    check_apart,
    gathered,
    ordered_plan,
    with_threshold,
)
from skypile.cli.outputs import common_schema, open_output
from skypile.cli.terminal import say, say_whether_it_compiles, show
from skypile.curate import close
from skypile.dedup.cluster import NEAR, REASONS
from skypile.dedup.formats import ALARM, THRESHOLD
from skypile.dedup.preference import OWN_KEYS
from skypile.dedup.settings import Dedup, Level
from skypile.errors import InputError, RecipeError, UsageError
from skypile.io.files import write_atomic
from skypile.io.sources import ReadOptions
from skypile.io.store import Store
from skypile.io.units import STDIN, Plan
from skypile.progress import Progress
from skypile.schema import INPUT_FIELDS, REJECTED

__all__ = ["add_arguments", "run"]

EPILOG = """\
DIR gets kept and rejected documents, as kept.parquet and rejected.parquet where all inputs are
Parquet of one schema, else as .jsonl.zst, and report.json. A record of JSON Lines is written as the
very bytes that were read, a row of Parquet with all its columns. Each rejected document names in
duplicate_of the record that stays; its score is their Jaccard index (null for one URL). PAIRS has
the columns kept_id, dropped_id, jaccard_estimate and jaccard (null where the estimate decided).
"""
REPORT = "report.json"
DOCUMENTS = tuple(f"{n}{e}" for n in ("kept", "rejected") for e in (".jsonl.zst", ".parquet"))
# What a report needs of each record besides its text.
REPORTED = (
    "id", "record", "row", "text", "url", "source", "meta", "outcome", "reason", "reason_score",
    "reason_limit", "message",
)  # fmt: skip
NAMED_SOURCES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile dedup``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin")
    add("--output", required=True, metavar="DIR", help="folder of what is kept and rejected")
    add("--threshold", type=float, default=THRESHOLD, metavar="T", help=(
        "near duplicates have a Jaccard index of T or more (default: %(default)s)"
    ))  # fmt: skip
    add("--levels", default="exact,near", metavar="LEVEL,...", help=(
        "what a duplicate is: url, exact, near (default: %(default)s)"
    ))  # fmt: skip
    add("--within", choices=("source", "site"), help="compare only what has this in common")
    add("--prefer", metavar="KEY,...", help=(
        "which copy stays: length, source, address, or meta.FIELD:asc|desc for a number or date "
        "of the input (default: length,source)"
    ))  # fmt: skip
    add("--sources", metavar="A,B,...", help="values of source, best first")
    add("--pairs", metavar="PAIRS.parquet", help="write which document matched which")
    add("--report-only", action="store_true", help="write no documents, only the report")
    add("--drop-all-copies", action="store_true", help="keep no member of a family of duplicates")
    add_against(parser)
    add("--alarm", type=int, default=ALARM, metavar="N", help=(
        "name families of more documents than this (default: %(default)s)"
    ))  # fmt: skip
    add("--overwrite", action="store_true", help="replace what an earlier dedup left in DIR")
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--max-document-bytes", type=int, default=256 << 20, metavar="N", help="default: 256 MiB")
    add("--quiet", action="store_true", help="show neither progress nor ledger")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Find the duplicates; return 0, or raise SkyPileError."""
    assert not extra
    inputs = gathered(args.inputs, args.files_from)
    if STDIN in inputs.given and sys.stdin is None:
        raise InputError("stdin is closed; give it a file, or name one")
    settings = _settings(args)
    args.output = args.output.rstrip("/") or "/"
    _check_outputs(args, inputs.given)
    plan = ordered_plan(inputs)
    if not args.quiet:
        say_whether_it_compiles()
    counts = Counts()
    told = Told(plan, counts, Progress("dedup", quiet=args.quiet))
    with told.progress, interrupts.kept(lambda: f"before the end: {args.output} is as before"):
        alarms = _dedup(args, plan, settings, counts, told)
    say(*(alarms if args.quiet else counts.ledger.lines()))
    show(f"{args.output}/{REPORT}")
    return 0


def _settings(args: argparse.Namespace) -> Dedup:
    if args.alarm < 1:
        raise UsageError(f"--alarm is {args.alarm}; it must be 1 or more")
    names = tuple(name.strip() for name in args.levels.split(","))
    if unknown := [name for name in names if name not in get_args(Level)]:
        raise UsageError(f"--levels {unknown[0]}: there are {', '.join(get_args(Level))}")
    fields: dict[str, Any] = {"alarm": args.alarm, "within": args.within, "levels": names}
    if args.sources is not None:
        fields["sources"] = tuple(name.strip() for name in args.sources.split(","))
    if args.prefer is not None:
        fields["prefer"] = tuple(_key(entry.strip()) for entry in args.prefer.split(","))
    try:
        settings = Dedup(**fields)
        settings.check_columns({field.name: field.type for field in INPUT_FIELDS})
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        option = "levels" if error.errors()[0]["loc"] == ("levels",) else "prefer"
        raise UsageError(f"--{option} {getattr(args, option)}: {problem}") from error
    except RecipeError as error:
        raise UsageError(f"--prefer {args.prefer}: {error}") from error
    return with_threshold(settings, args.threshold)


def _key(entry: str) -> object:
    name, _, order = entry.rpartition(":")
    if order in ("asc", "desc"):
        return {"column": name, "order": order}
    if entry not in OWN_KEYS:
        raise UsageError(
            f"--prefer {entry}: give {entry}:asc or {entry}:desc; only {', '.join(OWN_KEYS)} stand "
            "alone"
        )
    return entry


def _check_outputs(args: argparse.Namespace, inputs: Sequence[str]) -> None:
    check_apart(args.output, [given for given in inputs if given != STDIN], DOCUMENTS)
    if args.pairs is not None and not args.pairs.endswith(".parquet"):
        raise UsageError(f"--pairs {args.pairs}: its name ends in .parquet, the format it has")
    there = set(Store(args.output).names())
    documents = sorted(there & set(DOCUMENTS))
    if documents and args.report_only:
        raise UsageError(
            f"{args.output}: holds {', '.join(documents)} of another run, which a report would be "
            "taken for; give another --output"
        )
    if (documents or REPORT in there) and not args.overwrite:
        raise UsageError(
            f"{args.output}: holds {', '.join([*documents, *({REPORT} & there)])}; give another "
            "--output, or --overwrite to replace it"
        )


def _dedup(
    args: argparse.Namespace, plan: Plan, settings: Dedup, counts: Counts, told: Told
) -> list[str]:
    """Write what was asked for; return the alarms."""
    options = ReadOptions(
        text_field=args.text_field,
        id_field=args.id_field,
        max_document_bytes=args.max_document_bytes,
        html=args.html,
        keep_lines=not args.report_only,
    )
    pieces = told.each_read(read_pieces(plan.units, options, counts, rewrites=False))
    if args.report_only:
        pieces = _reduced(pieces)
    by_source: Counter[tuple[str, str]] = Counter()
    with ExitStack() as stack:
        extension = _extension(plan)
        outputs = [] if args.report_only else _outputs(args, plan, extension, stack)
        before = earlier(args.against, replace(options, keep_lines=False), settings)
        found = stack.enter_context(compared(pieces, settings, before))
        for piece in found.pieces(drop_all_copies=args.drop_all_copies):
            piece = piece.with_batch(close(piece.batch))
            counts.add(piece)
            by_source += _sources(piece.batch)
            for write in outputs:
                write(piece)
            told.judged(piece)
        alarms = found.alarms()
        counts.ledger.notes += [*before.notes(), *alarms]
        finish(counts, plan, "dedup")
        if args.pairs is not None:
            _write_pairs(args.pairs, found)
        report = _report(args, found, counts, by_source)
        if args.against:
            report["against"] = {
                "inputs": args.against,
                "documents": before.documents,
                "matched": int(np.count_nonzero(found.drops.kept < np.uint64(found.first))),
            }
    if not args.report_only:
        _remove_others(Store(args.output), extension)
    with write_atomic(f"{args.output}/{REPORT}") as stream:
        stream.write(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
    return alarms


def _reduced(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for piece in pieces:
        yield Piece(piece.number, piece.unit, piece.batch.select(REPORTED), None)


def _extension(plan: Plan) -> str:
    """Return the format of what is written: Parquet for rows of one schema."""
    try:
        schema = common_schema(plan.units, "")
    except UsageError:
        return ".jsonl.zst"
    return ".parquet" if schema is not None else ".jsonl.zst"


def _outputs(
    args: argparse.Namespace, plan: Plan, extension: str, stack: ExitStack
) -> list[Callable[[Piece], None]]:
    schema = common_schema(plan.units, args.output) if extension == ".parquet" else None
    kept_path, rest_path = (f"{args.output}/{name}{extension}" for name in ("kept", "rejected"))
    extra = [*OUTCOME, DUPLICATE_OF]
    kept = stack.enter_context(open_output(kept_path, schema, args.text_field))
    rest = stack.enter_context(open_output(rest_path, schema, args.text_field, extra))
    return [
        lambda piece: kept.add(piece, rows_of(piece, kept=True)),
        lambda piece: rest.add(piece, rows_of(piece, kept=False)),
    ]


def _remove_others(output: Store, extension: str) -> None:
    """Remove the documents that an earlier run left in another format."""
    for name in DOCUMENTS:
        if not name.endswith(extension):
            output.remove(name)


def _sources(batch: pa.RecordBatch) -> Counter[tuple[str, str]]:
    """Count the documents of `batch` by source and reason; "read" counts all of a source."""
    rows = pa.table({name: batch.column(name) for name in ("source", "outcome", "reason")})
    found: Counter[tuple[str, str]] = Counter()
    for row in rows.group_by(rows.column_names).aggregate([([], "count_all")]).to_pylist():
        source = row["source"] or ""
        found[source, "read"] += row["count_all"]
        if row["outcome"] == REJECTED:
            found[source, row["reason"]] += row["count_all"]
    return found


def _write_pairs(path: str, found: Compared) -> None:
    with (
        write_atomic(path) as stream,
        pq.ParquetWriter(stream, PAIR_SCHEMA, compression="zstd") as writer,
    ):
        for batch in found.pairs():
            writer.write_batch(batch)


def _report(
    args: argparse.Namespace, found: Compared, counts: Counts, by_source: Counter[tuple[str, str]]
) -> dict[str, Any]:
    drops = found.drops
    _, copies = np.unique(drops.kept, return_counts=True)
    by_level = [int(np.count_nonzero(drops.reason == number)) for number in range(len(REASONS))]
    exact, near, same_url = by_level
    rejected: Counter[str] = Counter()
    for (source, reason), number in by_source.items():
        rejected[source] += number if reason != "read" else 0
    named = [source for source, number in rejected.most_common(NAMED_SOURCES) if number]
    return {
        "dedup": found.settings.model_dump(mode="json"),
        "drop_all_copies": args.drop_all_copies,
        "duplicates": {
            "exact": exact,
            "near": near,
            "url": same_url,
            "compared_exactly": int(np.count_nonzero(drops.exact_checked & (drops.reason == NEAR))),
            "families": copies.size,
            "largest_family": int(copies.max(initial=0)) + 1 if copies.size else 0,
        },
        "sources": {
            source: {reason: by_source[source, reason] for reason in ("read", *REASONS)}
            for source in named
        },
        "ledger": counts.ledger.to_json(),
    }
