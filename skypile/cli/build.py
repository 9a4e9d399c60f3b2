"""``skypile build``: raw documents to a corpus. `beam run` of a pipeline file ends here too."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from skypile.cli.inputs import add_input_arguments, check_apart, gathered
from skypile.cli.terminal import say_whether_it_compiles
from skypile.dedup.earlier import EarlierCorpus
from skypile.errors import RecipeError, UsageError
from skypile.io.remote import is_http
from skypile.io.sources import ReadOptions
from skypile.io.store import Store
from skypile.io.units import STDIN, Plan, plan_units
from skypile.ledger import NO_MODELS
from skypile.mix import normalized_weights, parse_weights
from skypile.phases.begin import FOLDERS
from skypile.phases.context import Bounds, Context, UnitRef
from skypile.recipe import Dedup, Recipe, load_recipe
from skypile.verify.earlier import open_corpora

__all__ = ["add_arguments", "build_context", "run"]

DESCRIPTION = "Build a corpus: curate, deduplicate, score, mix and write Parquet shards."
EPILOG = (
    "Options that are not listed here are Beam's and are passed through, for example "
    "--project or --machine_type."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to `parser`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_input_arguments(parser)
    parser.add_argument("--input", action="append", default=[], help="an INPUT; may be repeated")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the corpus")
    parser.add_argument("--recipe", default="web", metavar="NAME|FILE", help="default: web")
    parser.add_argument("--tokens", type=int, metavar="N", help="size of the corpus in tokens")
    parser.add_argument("--mixture", metavar="en=52.2,zh=39.6,code=8.0|none", help="token shares")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the mixture's order")
    parser.add_argument("--limit", type=int, metavar="N", help="records read of each unit of input")
    parser.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    parser.add_argument("--overwrite", action="store_true", help="replace what DIR holds")
    parser.add_argument("--keep-work", action="store_true", help="keep DIR/.work after the audit")
    parser.add_argument("--work-dir", metavar="DIR", help="scratch folder; default: DIR/.work")
    parser.add_argument("--no-models", action="store_true", help="leave the score section out")
    parser.add_argument("--surplus", choices=("rows", "ids", "none"), default="rows")
    parser.add_argument("--against", action="append", default=[], metavar="CORPUS", help=(
        "an earlier corpus with an index: its documents stay, and new ones that are duplicates of "
        "one are rejected and name it; repeatable"
    ))  # fmt: skip
    parser.add_argument("--no-index", action="store_true", help="leave no index for later builds")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes of this machine; 0: one per core"
    )
    parser.add_argument("--runner", default="Direct", metavar="NAME", help="default: Direct")
    parser.add_argument("--score-options", default="", metavar="'OPTIONS'", help=(
        "Beam options of phase score alone, in one string: other machines, another job server"
    ))  # fmt: skip
    parser.add_argument("--text-field", default="text", metavar="NAME")
    parser.add_argument("--id-field", default="id", metavar="NAME")
    parser.add_argument("--max-document-bytes", type=int, default=256 << 20, metavar="N")
    parser.add_argument("--max-error-frac", type=float, default=0.001, metavar="X")
    parser.add_argument("--max-unreadable-frac", type=float, metavar="X", help="default: no bound")
    parser.add_argument("--quiet", action="store_true", help="no progress and no ledger")


def run(args: argparse.Namespace, extra: Sequence[str]) -> int:
    """Build the corpus that `args` describe, with Beam options `extra`; return the exit code."""
    inputs = gathered([*args.inputs, *args.input], args.files_from)
    if STDIN in inputs.given:
        raise UsageError(
            "build cannot read documents from standard input; name files, or use skypile filter -"
        )
    _check_numbers(args)
    _check_folders(args, inputs.given)
    recipe = load_recipe(args.recipe)
    recipe = recipe.without_models() if args.no_models else recipe
    context = build_context(args, recipe)
    plan = plan_units(inputs.given, origins=inputs.origins)
    refs = [UnitRef(number, unit) for number, unit in enumerate(plan.units)]
    if not args.quiet:
        _describe(context, plan)
    # Beam warns of optional parts that are not installed, and logs a worker's traceback before it
    # hands the error on; ours say what is to be said.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    # Beam is imported after everything that is cheap to refuse has been refused.
    from skypile.beam.build import build
    from skypile.beam.runners import runner_options

    score = shlex.split(args.score_options)
    options = runner_options(args.runner, extra, args.workers, score)
    options.check_reach(_paths(context, refs))
    if not args.quiet:
        _say(f"runner   {options.describe()}")
    if args.dry_run:
        return 0
    if not args.quiet:
        say_whether_it_compiles()
    result = build(
        context, refs, options,
        overwrite=args.overwrite, keep_work=args.keep_work, quiet=args.quiet,
    )  # fmt: skip
    if not args.quiet and result.ledger is None:
        _say("an earlier run had finished this corpus; what was left of its work is removed")
    elif not args.quiet and result.ledger is not None:
        _report(result.ledger.lines(), result.manifest["mixture"], args.output)
    print(f"{args.output.rstrip('/')}/manifest.json")  # noqa: T201 - the command's result
    return 0


def _paths(context: Context, refs: Iterable[UnitRef]) -> list[str]:
    """Return all that workers read and write."""
    corpora = [corpus.root for corpus in context.against]
    units = [ref.unit for ref in refs]
    inputs = [path for unit in units for path in (unit.path, *(file.path for file in unit.files))]
    return [context.output.root, context.work.root, *corpora, *inputs]


def _check_numbers(args: argparse.Namespace) -> None:
    for name in ("tokens", "limit"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}; it must be 1 or more")
    for name in ("max_error_frac", "max_unreadable_frac"):
        value = getattr(args, name)
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value:g}; it is a share, 0 to 1")
    if not 0 <= args.seed < 1 << 64:
        raise UsageError(f"--seed is {args.seed}; it must be 0 to 2^64 - 1")


def _check_folders(args: argparse.Namespace, inputs: Iterable[str]) -> None:
    """Refuse folders whose content would be taken for input, or work that would be the corpus."""
    for name in ("output", "work_dir"):
        value = getattr(args, name)
        if value is not None and not value.strip("/ "):
            raise UsageError(f"--{name.replace('_', '-')} is {value!r}; name a folder of its own")
        if value is not None and is_http(value):
            raise UsageError(
                f"--{name.replace('_', '-')} {value}: nothing can be written by http; give a local "
                "folder, or one by gs://, s3:// or hdfs://"
            )
    check_apart(args.output, inputs, (*FOLDERS, ".work"))


def build_context(args: argparse.Namespace, recipe: Recipe) -> Context:
    """Return what all phases know of the run that `args` describe.

    Raises RecipeError and UsageError where a corpus cannot be built so.
    """
    weights = dict(recipe.mix.weights) if recipe.mix else None
    if args.mixture is not None:
        weights = parse_weights(args.mixture)
    columns = {**recipe.columns(recipe.steps), **recipe.columns(recipe.score)}
    bounded = {rule.column for rule in recipe.rules if rule.values is not None and not rule.domain}
    if "domain" not in columns or "domain" not in bounded:
        raise RecipeError(
            f"recipe {recipe.name!r} lets documents of no domain pass, which a corpus cannot hold; "
            "add stage language and {reason: wrong_language, column: domain, in: [en, zh, code]}"
        )
    if weights is not None and "tokens" not in columns:
        raise RecipeError(
            f"recipe {recipe.name!r} counts no tokens, so nothing can be mixed by tokens; add the "
            "stage tokens to its score section (and leave out --no-models), or give --mixture none"
        )
    if weights is None and args.tokens is not None:
        raise UsageError("--tokens needs a mixture; leave out --mixture none, or --tokens")
    output = args.output.rstrip("/")
    work = f"{args.work_dir.rstrip('/')}/skypile-work" if args.work_dir else f"{output}/.work"
    return Context(
        recipe=recipe,
        output=Store(output),
        work=Store(work, durable=False),
        read=ReadOptions(
            text_field=args.text_field,
            id_field=args.id_field,
            max_document_bytes=args.max_document_bytes,
            html=args.html,
            limit=args.limit,
        ),
        weights=weights,
        tokens=args.tokens,
        seed=args.seed,
        surplus=args.surplus,
        index=not args.no_index,
        against=_against(args, recipe),
        bounds=Bounds(args.max_error_frac, args.max_unreadable_frac),
        notes=(NO_MODELS,) if args.no_models else (),
    )


def _against(args: argparse.Namespace, recipe: Recipe) -> tuple[EarlierCorpus, ...]:
    if args.against and recipe.dedup is None:
        raise UsageError(
            f"--against: recipe {recipe.name!r} looks for no duplicates; give it a section dedup"
        )
    return open_corpora(args.against, recipe.dedup or Dedup(), args.output)


def _describe(context: Context, plan: Plan) -> None:
    units, recipe = plan.units, context.recipe
    _say(f"recipe   {recipe.name}, fingerprint {recipe.fingerprint()[:16]}")
    size = sum(unit.size if unit.format == "files" else 0 for unit in units)
    files = {unit.path: unit.size for unit in units if unit.format != "files"}
    _say(f"inputs   {len(units):,} units, {(size + sum(files.values())) / 1e6:,.1f} MB on disk")
    for cause, number in plan.skipped.items():
        _say(f"left out {number:,} files: {cause.replace('_', ' ')}")
    for corpus in context.against:
        _say(f"against  {corpus.root}, {corpus.documents:,} documents")
    if context.weights is None:
        _say("mixture  none: every good document is kept")
        return
    told = ", ".join(f"{n} {100 * s:.2f} %" for n, s in normalized_weights(context.weights).items())
    whole = sum(context.weights.values())
    _say(f"mixture  {told} of tokens (the weights sum to {whole:g})")


def _report(ledger: Iterable[str], mixture: dict[str, Any], output: str) -> None:
    _say("")
    for line in ledger:
        _say(line)
    _say("")
    asked = mixture["asked"]["normalized"] if mixture["asked"] else {}
    _say("domain   documents        tokens   share    asked")
    for name, found in mixture["reached"].items():
        wanted = f"{100 * asked[name]:7.3f} %" if name in asked else ""
        _say(
            f"{name:<8} {found['documents']:>9,} {found['tokens']:>13,} "
            f"{100 * found['share']:7.3f} % {wanted}"
        )
    if mixture.get("short_of_asked"):
        _say(
            f"fewer tokens than --tokens asked for: {mixture['scarcest']} is the scarcest domain; "
            "the corpus holds what it allows"
        )
    _say(f"corpus   {output}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
