"""``skypile filter``: ad-hoc files through a recipe, without Beam."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from skypile.cli.curated import Counts, Piece, curated, judged, read_pieces
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan
from skypile.cli.outputs import Lines, common_schema, is_parquet, open_lines, open_output
from skypile.cli.progress import Progress
from skypile.cli.terminal import say
from skypile.errors import InputError, RunError, UsageError
from skypile.explain.lines import explanations, score_columns
from skypile.io.sources import ReadOptions
from skypile.io.units import STDIN, Plan
from skypile.ledger import NO_MODELS, Ledger
from skypile.recipe import Dedup, Recipe, load_recipe
from skypile.schema import KEPT

__all__ = ["add_arguments", "run"]

EPILOG = """\
The extension of OUT sets its format: .jsonl, .jsonl.gz, .jsonl.zst or .parquet. A record of JSON
Lines is written as the very bytes that were read, a row of Parquet with all its columns, anything
else as {id, text, url}. Records that cannot be read are counted and named; they do not stop a run.
"""
# A run fails where stages raise on more documents than this share, and on more than ten.
MAX_ERROR_FRAC = 0.001
MIN_ERRORS = 10
OUTCOME = (
    pa.field("outcome", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("score", pa.float64()),
    pa.field("limit", pa.float64()),
    pa.field("message", pa.string()),
)
DUPLICATE_OF = pa.field("duplicate_of", pa.string())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile filter``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin")
    add("-o", "--output", default="-", metavar="OUT", help="kept documents; default - is stdout")
    add("--rejected", metavar="OUT", help="all other records, with outcome, reason, score, limit")
    add("--recipe", default="web", metavar="NAME|FILE", help="default: %(default)s")
    add("--explain", action="store_true", help="write what decided on each record, not the record")
    add("--score-all", action="store_true", help="score what is already rejected as well")
    add("--ledger", metavar="FILE.json", help="write the counts there, too")
    add("--no-models", action="store_true", help="leave the recipe's score section out")
    add("--dedup", action="store_true", help="reject duplicates among the inputs")
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--max-document-bytes", type=int, default=256 << 20, metavar="N", help="default: 256 MiB")
    add("--quiet", action="store_true", help="show neither progress nor ledger")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Filter the inputs; return 0, or raise SkyPileError."""
    assert not extra
    inputs = gathered(args.inputs, args.files_from)
    if STDIN in inputs.given and sys.stdin is None:
        raise InputError("stdin is closed; give it a file, or name one")
    _check_outputs(args)
    options = ReadOptions(
        text_field=args.text_field,
        id_field=args.id_field,
        max_document_bytes=args.max_document_bytes,
        keep_lines=True,
    )
    recipe = load_recipe(args.recipe)
    counts = Counts()
    if args.no_models:
        recipe = recipe.without_models()
        counts.ledger.notes.append(NO_MODELS)
    plan = ordered_plan(inputs)
    with Progress("filter", quiet=args.quiet, results_shown=args.output == "-") as progress:
        _filter(args, recipe, plan, options, counts, progress)
    if not args.quiet:
        say(*counts.ledger.lines())
    return 0


def _check_outputs(args: argparse.Namespace) -> None:
    given = [path for path in (args.output, args.rejected, args.ledger) if path is not None]
    twice = [path for path, uses in Counter(given).items() if uses > 1]
    if twice:
        name = "stdout" if twice[0] == "-" else twice[0]
        raise UsageError(f"{name}: two outputs cannot go there; give -o, --rejected or --ledger")
    parquet = is_parquet(args.output)
    if args.rejected is not None:
        is_parquet(args.rejected)
    if args.explain and parquet:
        raise UsageError(f"{args.output}: --explain writes JSON Lines; give a name in .jsonl")
    if args.score_all and not args.explain:
        raise UsageError("--score-all shows its scores with --explain; add it")


def _filter(
    args: argparse.Namespace,
    recipe: Recipe,
    plan: Plan,
    options: ReadOptions,
    counts: Counts,
    progress: Progress,
) -> None:
    with ExitStack() as stack:
        outputs = _outputs(args, recipe, plan, stack)
        for piece in _pieces(args, recipe, plan, options, counts, progress):
            counts.add(piece)
            for write in outputs:
                write(piece)
            _tell(progress, counts)
        _finish(counts, plan)
        if args.ledger is not None:
            _write_ledger(args.ledger, counts.ledger)


def _pieces(
    args: argparse.Namespace,
    recipe: Recipe,
    plan: Plan,
    options: ReadOptions,
    counts: Counts,
    progress: Progress,
) -> Iterator[Piece]:
    rewrites = any(stage.rewrites for step in recipe.steps for stage in step.stages)
    pieces = read_pieces(plan.units, options, counts, rewrites=rewrites)
    pieces = judged(pieces, recipe.steps)
    if args.dedup:
        from skypile.cli.duplicates import without_duplicates

        pieces = without_duplicates(_told(pieces, counts, progress), recipe.dedup or Dedup())
    return curated(pieces, recipe, score_all=args.score_all)


def _told(pieces: Iterator[Piece], counts: Counts, progress: Progress) -> Iterator[Piece]:
    for piece in pieces:
        _tell(progress, counts)
        yield piece


def _tell(progress: Progress, counts: Counts) -> None:
    kept = counts.ledger.total(KEPT)
    progress.update(f"{counts.ledger.read:,} records read, {kept:,} kept")


def _outputs(
    args: argparse.Namespace, recipe: Recipe, plan: Plan, stack: ExitStack
) -> list[Callable[[Piece], None]]:
    """Open the outputs; return what writes a piece into each."""
    outputs: list[Callable[[Piece], None]] = []
    field = args.text_field
    if args.explain:
        outputs.append(_explainer(stack.enter_context(open_lines(args.output)), recipe))
    else:
        schema = common_schema(plan.units, args.output) if is_parquet(args.output) else None
        kept = stack.enter_context(open_output(args.output, schema, field))
        outputs.append(lambda piece: kept.add(piece, _rows(piece, kept=True)))
    if args.rejected is not None:
        schema = common_schema(plan.units, args.rejected) if is_parquet(args.rejected) else None
        extra = [*OUTCOME, DUPLICATE_OF] if args.dedup else OUTCOME
        rest = stack.enter_context(open_output(args.rejected, schema, field, extra))
        outputs.append(lambda piece: rest.add(piece, _rows(piece, kept=False)))
    return outputs


def _explainer(lines: Lines, recipe: Recipe) -> Callable[[Piece], None]:
    scores = score_columns(recipe)

    def explain(piece: Piece) -> None:
        for line in explanations(piece.batch, scores):
            lines.write(line)
        lines.flush()

    return explain


def _rows(piece: Piece, *, kept: bool) -> np.ndarray:
    found = np.asarray(pc.equal(piece.batch.column("outcome"), KEPT))
    return np.flatnonzero(found if kept else ~found)


def _finish(counts: Counts, plan: Plan) -> None:
    """Check the ledger and the bound on errors, and note what a person should know."""
    ledger = counts.ledger
    ledger.check("filter")
    allowed = max(MIN_ERRORS, int(MAX_ERROR_FRAC * ledger.read))
    if counts.stage_errors > allowed:
        raise RunError(
            f"stages failed on {counts.stage_errors:,} of {ledger.read:,} documents, more than the "
            f"{allowed:,} that are allowed; the first is {counts.first_stage_error}"
        )
    for unit, number in counts.unreadable.items():
        ledger.notes.append(f"{unit}: {number:,} records could not be read")
    for unit, kinds in counts.aside.items():
        told = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
        ledger.notes.append(f"{unit}: records that are no documents: {told}")
    for cause, number in plan.skipped.items():
        ledger.notes.append(f"left out {number:,} files: {cause.replace('_', ' ')}")


def _write_ledger(path: str, ledger: Ledger) -> None:
    data = orjson.dumps(ledger.to_json(), option=orjson.OPT_INDENT_2)
    with open_lines(path) as lines:
        lines.write(data)
