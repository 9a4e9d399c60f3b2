"""``skypile decontaminate``: items of evaluation sets in ad-hoc documents, found and taken out."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from skypile import interrupts
from skypile.cli.contaminated import ITEM_SCHEMA, ItemHits
from skypile.cli.curated import Counts, Piece, curated, judged, read_pieces, with_removed
from skypile.cli.filter import OUTCOME, Told, finish, rows_of
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan
from skypile.cli.outputs import common_schema, is_parquet, open_lines, open_output
from skypile.cli.terminal import say, say_whether_it_compiles, show
from skypile.errors import InputError, UsageError
from skypile.io.files import write_atomic
from skypile.io.sources import ReadOptions
from skypile.io.units import STDIN, Plan
from skypile.ledger import Ledger, nothing_removed
from skypile.policy import Rule
from skypile.progress import Progress
from skypile.recipe import Recipe, Step
from skypile.stages.decontaminate import Decontaminate

__all__ = ["add_arguments", "run"]

EPILOG = """\
PATH is JSON Lines, JSON, Parquet, CSV or TSV with a header, or text of an item a line (plain, gzip,
zstd), or a folder of these. A document that shares an n-gram of 13 words or Chinese characters with
an item is rejected as contaminated; with --mode passage only what they share goes, and 200
characters on each side. Without -o no document is written, only what was found. Stage decontaminate
does the same within a recipe.
"""
SOURCE = "Brown et al. 2020, appendix C"
REASON = "contaminated"
PIECES = 10
WHOLE = ("ngram_words", "ngram_chars", "short_words", "short_chars", "max_items", "min_hits",
         "window_chars", "min_piece_chars")  # fmt: skip
HELP = {
    "ngram_words": "words that make an n-gram",
    "ngram_chars": "Han, kana or Hangul characters that make one",
    "short_words": "words from which on a shorter text is sought as a whole",
    "short_chars": "characters from which on it is",
    "max_items": "an n-gram in more items of a set than this is none of it",
    "min_hits": "n-grams of an item that a document must have",
    "window_chars": "with --mode passage: characters that go on each side",
    "min_piece_chars": "with --mode passage: pieces that are left have as many",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile decontaminate``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin")
    add("--set", action="append", default=[], metavar="NAME=PATH", dest="sets",
        help="items of the evaluation set NAME; may be repeated")  # fmt: skip
    add("--fields", metavar="A,B,...", help="fields of items that hold their texts")
    add("--ignore", action="append", default=[], metavar="PATH", help=(
        "texts whose n-grams do not count, in the same forms; may be repeated"
    ))  # fmt: skip
    add("--mode", choices=("document", "passage"), default="document", help=(
        "reject documents with a hit, or cut hits out of them (default: %(default)s)"
    ))  # fmt: skip
    add("-o", "--output", metavar="OUT", help="kept documents; - is stdout (default: none)")
    add("--rejected", metavar="OUT", help="all other records, with outcome, reason, score, limit")
    add("--report", metavar="FILE.json", help="write options, counts by set and the ledger there")
    add("--items", metavar="OUT", help="write each item that was hit there: .jsonl or .parquet")
    for name in WHOLE:
        default = Decontaminate.model_fields[name].default
        add(f"--{name.replace('_', '-')}", type=int, default=default, metavar="N",
            help=f"{HELP[name]} (default: %(default)s)")  # fmt: skip
    add("--min-item-frac", type=float, default=0.0, metavar="F", help=(
        "share of an item's n-grams that a document must have (default: %(default)s)"
    ))  # fmt: skip
    add("--max-pieces", type=int, default=PIECES, metavar="N", help=(
        "with --mode passage: documents cut into more are rejected (default: %(default)s)"
    ))  # fmt: skip
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--max-document-bytes", type=int, default=256 << 20, metavar="N", help="default: 256 MiB")
    add("--quiet", action="store_true", help="show neither progress nor ledger")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Find the items; return 0, or raise SkyPileError."""
    assert not extra
    inputs = gathered(args.inputs, args.files_from)
    if STDIN in inputs.given and sys.stdin is None:
        raise InputError("stdin is closed; give it a file, or name one")
    _check_outputs(args)
    stage = _stage(args)
    recipe = _recipe(stage, args.max_pieces)
    plan = ordered_plan(inputs)
    if not args.quiet:
        say_whether_it_compiles()
    hits = ItemHits(stage)
    counts = Counts()
    told = Told(plan, counts, Progress("decontaminate", quiet=args.quiet))
    with told.progress, interrupts.kept(lambda: _left_behind(args)):
        _decontaminate(args, recipe, plan, counts, told, hits)
    tell = say if "-" in (args.output, args.rejected, args.report, args.items) else show
    tell(*hits.table())
    if not args.quiet:
        say(*counts.ledger.lines())
    return 0


def _paths(args: argparse.Namespace) -> list[str]:
    given = (args.output, args.rejected, args.report, args.items)
    return [path for path in given if path is not None]


def _left_behind(args: argparse.Namespace) -> str:
    files = [path for path in _paths(args) if path != "-"]
    told = [f"{' and '.join(files)} {'is' if len(files) == 1 else 'are'} as before"] * bool(files)
    told += ["what stdout got is not all"] * ("-" in _paths(args))
    return f"before the end: {', '.join(told)}" if told else "before the end"


def _check_outputs(args: argparse.Namespace) -> None:
    twice = [path for path, uses in Counter(_paths(args)).items() if uses > 1]
    if twice:
        name = "stdout" if twice[0] == "-" else twice[0]
        raise UsageError(f"{name}: two outputs cannot go there")
    for path in (args.output, args.rejected, args.items):
        if path is not None:
            is_parquet(path)
    if args.max_pieces < 1:
        raise UsageError(f"--max-pieces is {args.max_pieces}; it must be 1 or more")


def _stage(args: argparse.Namespace) -> Decontaminate:
    sets: dict[str, tuple[str, ...]] = {}
    for given in args.sets:
        name, equals, path = given.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--set {given}: give NAME=PATH, as mmlu=mmlu/test.parquet")
        sets[name] = (*sets.get(name, ()), path)
    if not sets:
        raise UsageError("no evaluation set given: name one or more by --set NAME=PATH")
    options: dict[str, Any] = {name: getattr(args, name) for name in (*WHOLE, "min_item_frac")}
    options["ignore"] = tuple(args.ignore)
    if args.fields is not None:
        options["fields"] = tuple(name.strip() for name in args.fields.split(",") if name.strip())
    try:
        stage = Decontaminate(sets=sets, mode=args.mode, **options)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        told = problem["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {told}" if place else told) from error
    stage.load()
    return stage


def _recipe(stage: Decontaminate, max_pieces: int) -> Recipe:
    if stage.mode == "document":
        rules = [Rule(reason=REASON, column="decontaminate_item_count", max=0, source=SOURCE)]
    else:
        rules = [
            Rule(reason=REASON, column="decontaminate_cut_count", max=max_pieces - 1,
                 source=SOURCE),
            Rule(reason=REASON, column="decontaminate_piece_count", min=1, source=SOURCE),
        ]  # fmt: skip
    return Recipe(
        name="decontaminate", steps=(Step(stages=(stage,), rules=tuple(rules)),), dedup=None,
        mix=None,
    )  # fmt: skip


def _decontaminate(
    args: argparse.Namespace, recipe: Recipe, plan: Plan, counts: Counts, told: Told,
    hits: ItemHits,
) -> None:  # fmt: skip
    options = ReadOptions(
        text_field=args.text_field,
        id_field=args.id_field,
        max_document_bytes=args.max_document_bytes,
        html=args.html,
        keep_lines=True,
    )
    pieces = read_pieces(plan.units, options, counts, rewrites=hits.stage.rewrites)
    counts.ledger.removed_chars = nothing_removed(recipe.columns(recipe.steps))
    pieces = curated(with_removed(judged(pieces, recipe.steps), counts), recipe, score_all=False)
    with ExitStack() as stack:
        outputs = _outputs(args, plan, stack)
        for piece in pieces:
            counts.add(piece)
            hits.add(piece.batch)
            for write in outputs:
                write(piece)
            told.judged(piece)
        finish(counts, plan, "decontaminate")
        if args.items is not None:
            _write_items(args.items, hits.items())
        if args.report is not None:
            _write_report(args.report, hits, counts.ledger)


def _outputs(
    args: argparse.Namespace, plan: Plan, stack: ExitStack
) -> list[Callable[[Piece], None]]:
    outputs: list[Callable[[Piece], None]] = []

    def opened(path: str, extra: Sequence[pa.Field], *, kept: bool) -> None:
        schema = common_schema(plan.units, path) if is_parquet(path) else None
        output = stack.enter_context(open_output(path, schema, args.text_field, extra))
        outputs.append(lambda piece: output.add(piece, rows_of(piece, kept=kept)))

    if args.output is not None:
        opened(args.output, (), kept=True)
    if args.rejected is not None:
        opened(args.rejected, OUTCOME, kept=False)
    return outputs


def _write_items(path: str, items: Iterator[dict[str, Any]]) -> None:
    if not is_parquet(path):
        with open_lines(path) as lines:
            for item in items:
                lines.write(orjson.dumps(item))
        return
    with write_atomic(path) as stream:
        pq.write_table(pa.Table.from_pylist(list(items), ITEM_SCHEMA), stream, compression="zstd")


def _write_report(path: str, hits: ItemHits, ledger: Ledger) -> None:
    data = {"options": hits.stage.model_dump(mode="json"), "sets": hits.data()}
    data["ledger"] = ledger.to_json()
    with open_lines(path) as lines:
        lines.write(orjson.dumps(data, option=orjson.OPT_INDENT_2))
