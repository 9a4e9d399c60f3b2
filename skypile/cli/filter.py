"""``skypile filter``: ad-hoc files through a recipe, without Beam."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from skypile import interrupts
from skypile.cascade import cascade_notes, cascades, window_counts
from skypile.cli.against import add_against, earlier
from skypile.cli.curated import Counts, Piece, closed, curated, judged, read_pieces, with_removed
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan, with_threshold
from skypile.cli.outputs import Lines, common_schema, is_parquet, open_lines, open_output
from skypile.cli.terminal import is_terminal, say, say_whether_it_compiles
from skypile.errors import InputError, RunError, UsageError
from skypile.explain.lines import explanations, score_columns
from skypile.io.sources import ReadOptions
from skypile.io.units import STDIN, Plan
from skypile.ledger import NO_MODELS, Ledger, nothing_removed
from skypile.progress import Count, Progress, Share
from skypile.recipe import Dedup, Recipe, load_recipe
from skypile.schema import KEPT

__all__ = ["DUPLICATE_OF", "OUTCOME", "Told", "add_arguments", "finish", "rows_of", "run"]

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
    add("--threshold", type=float, metavar="T", help="--dedup from this Jaccard index on")
    add_against(parser)
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
        html=args.html,
        keep_lines=True,
    )
    recipe = load_recipe(args.recipe)
    counts = Counts()
    if args.no_models:
        recipe = recipe.without_models()
        counts.ledger.notes.append(NO_MODELS)
    plan = ordered_plan(inputs)
    if not args.quiet:
        say_whether_it_compiles()
    # A terminal that shows the results cannot show a bar among them.
    shown = args.output == "-" and is_terminal(sys.stdout) and is_terminal(sys.stderr)
    told = Told(plan, counts, Progress("filter", quiet=args.quiet or shown))
    with told.progress, interrupts.kept(lambda: _left_behind(args)):
        _filter(args, recipe, plan, options, counts, told)
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
    if args.threshold is not None and not args.dedup:
        raise UsageError("--threshold says which documents are duplicates for --dedup; add it")
    if args.against and not args.dedup:
        raise UsageError("--against names what --dedup compares with; add it")


def _left_behind(args: argparse.Namespace) -> str:
    """Return the end of the sentence about an interruption."""
    files = [path for path in (args.output, args.rejected, args.ledger) if path not in (None, "-")]
    told = (
        [f"{' and '.join(files)} {'is' if len(files) == 1 else 'are'} as before"] if files else []
    )
    if args.output == "-":
        told.append("what stdout got is not all")
    return f"before the end: {', '.join(told)}"


class Told:
    """Tells a Progress how far the pieces of a plan have come."""

    def __init__(self, plan: Plan, counts: Counts, progress: Progress) -> None:
        self.counts, self.progress = counts, progress
        self._share = Share([unit.text_bytes for unit in plan.units])
        self._known = all(unit.path != STDIN for unit in plan.units)
        self._unit = self._before = 0

    def each_read(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield `pieces` and tell how many records were read, where none is judged yet."""
        for piece in pieces:
            self.progress.update(Count(documents=self.counts.ledger.read, what="records read"))
            yield piece

    def judged(self, piece: Piece) -> None:
        """Tell what the counts hold now that `piece` is judged and written."""
        ledger, size = self.counts.ledger, self.counts.text_bytes
        before = size - piece.batch.column("text").nbytes
        while self._unit < piece.number:
            self._share.finish(self._unit, before - self._before)
            self._unit, self._before = self._unit + 1, before
        self.progress.update(
            Count(
                what="records",
                documents=sum(ledger.counts.values()),
                text_bytes=size,
                share=self._share.value({self._unit: size - self._before}) if self._known else None,
                note=f"{ledger.total(KEPT):,} kept",
            )
        )


def _filter(
    args: argparse.Namespace,
    recipe: Recipe,
    plan: Plan,
    options: ReadOptions,
    counts: Counts,
    told: Told,
) -> None:
    with ExitStack() as stack:
        outputs = _outputs(args, recipe, plan, stack)
        screened = cascades((*recipe.steps, *recipe.score))
        windows: Counter[str] = Counter()
        for piece in _pieces(args, recipe, plan, options, counts, told):
            counts.add(piece)
            for write in outputs:
                write(piece)
            windows.update(window_counts(piece.batch, screened))
            told.judged(piece)
        counts.ledger.notes += cascade_notes(screened, windows)
        finish(counts, plan, "filter")
        if args.ledger is not None:
            _write_ledger(args.ledger, counts.ledger)


def _pieces(
    args: argparse.Namespace,
    recipe: Recipe,
    plan: Plan,
    options: ReadOptions,
    counts: Counts,
    told: Told,
) -> Iterator[Piece]:
    rewrites = any(stage.rewrites for step in recipe.steps for stage in step.stages)
    pieces = read_pieces(plan.units, options, counts, rewrites=rewrites)
    counts.ledger.removed_chars = nothing_removed(recipe.columns(recipe.steps))
    pieces = with_removed(judged(pieces, recipe.steps), counts)
    if not args.dedup:
        return curated(pieces, recipe, score_all=args.score_all)
    from skypile.cli.duplicates import without_duplicates

    settings = _settings(args, recipe)
    scores_first = settings.after == "score"
    if scores_first:
        pieces = judged(pieces, recipe.score)
    pieces = without_duplicates(
        told.each_read(pieces), settings, counts.ledger.notes,
        earlier(args.against, replace(options, keep_lines=False), settings),
    )  # fmt: skip
    if scores_first:
        return closed(pieces, recipe, score_all=args.score_all)
    return curated(pieces, recipe, score_all=args.score_all)


def _settings(args: argparse.Namespace, recipe: Recipe) -> Dedup:
    found = recipe.dedup or Dedup()
    return found if args.threshold is None else with_threshold(found, args.threshold)


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
        outputs.append(lambda piece: kept.add(piece, rows_of(piece, kept=True)))
    if args.rejected is not None:
        schema = common_schema(plan.units, args.rejected) if is_parquet(args.rejected) else None
        extra = [*OUTCOME, DUPLICATE_OF] if args.dedup else OUTCOME
        rest = stack.enter_context(open_output(args.rejected, schema, field, extra))
        outputs.append(lambda piece: rest.add(piece, rows_of(piece, kept=False)))
    return outputs


def _explainer(lines: Lines, recipe: Recipe) -> Callable[[Piece], None]:
    scores = score_columns(recipe)

    def explain(piece: Piece) -> None:
        for line in explanations(piece.batch, scores):
            lines.write(line)
        lines.flush()

    return explain


def rows_of(piece: Piece, *, kept: bool) -> np.ndarray:
    """Return the numbers of the rows of `piece` that are kept, or that are not."""
    found = np.asarray(pc.equal(piece.batch.column("outcome"), KEPT))
    return np.flatnonzero(found if kept else ~found)


def finish(counts: Counts, plan: Plan, command: str) -> None:
    """Check the ledger and the bound on errors, and note what a person should know.

    Raises RunError where the ledger does not balance, or stages failed on too many documents.
    """
    ledger = counts.ledger
    ledger.check(command)
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
