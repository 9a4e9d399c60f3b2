"""``skypile stats``: how the values of every column are distributed, by domain."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from skypile.cli.curated import Counts, judged, read_pieces
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan
from skypile.cli.outputs import open_lines
from skypile.cli.terminal import say, say_whether_it_compiles, show, table
from skypile.distribution import Numbers, Words, is_counted, of_column
from skypile.errors import RunError, UsageError
from skypile.io.sources import ReadOptions
from skypile.io.store import Store, is_remote
from skypile.policy import Rule
from skypile.progress import Count, Progress
from skypile.recipe import Recipe, Step, load_recipe
from skypile.schema import ERROR, OUTCOME_FIELDS
from skypile.verify.manifest import read_manifest

__all__ = ["add_arguments", "run"]

EPILOG = """\
INPUT is what filter reads: every document gets every column of the recipe, and no rule is tested.
Or it is one corpus folder that a build wrote: then nothing is scored again, and documents that a
rule rejected have null in the columns of later steps. Percentiles are exact for whole numbers up to
8,191, else up to 0.025 % too small.
"""
PERCENTILES = "1,5,25,50,75,95,99"
NO_DOMAIN = "no domain"
# Columns that say where a document stands, not what it is like.
PLACES = frozenset(
    {
        *("id", "record", "row", "byte_offset", "text", "raw", "url", "meta", "message"),
        *("duplicate_of", "reason_score", "reason_limit"),
    }
)
SHOWN_VALUES = 8

Distribution = Numbers | Words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile stats``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin; or a corpus")
    add("--recipe", default="web", metavar="NAME|FILE", help="default: %(default)s")
    add("--no-models", action="store_true", help="leave the recipe's score section out")
    add("--columns", metavar="NAME,...", help="only these")
    add("--percentiles", default=PERCENTILES, metavar="P,...", help="default: %(default)s")
    add("--suggest", type=float, metavar="P", help="limits at which each rule would drop P %%")
    add("--json", metavar="FILE", help="write the distributions there; - is stdout, no table then")
    add("--limit", type=int, metavar="N", help="read at most N records of each file")
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--id-field", default="id", metavar="NAME", help="default: %(default)s")
    add("--quiet", action="store_true", help="show no progress")


@dataclass
class Found:
    """Distributions by domain and column, in the order in which they were met."""

    wanted: frozenset[str] | None
    documents: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, Distribution]] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the documents of a batch, which may lack a column `domain`."""
        domains = batch.column("domain") if "domain" in batch.schema.names else None
        if domains is None:
            self._add(NO_DOMAIN, batch)
            return
        for domain in pc.unique(domains).to_pylist():
            same = pc.is_null(domains) if domain is None else pc.equal(domains, domain)
            self._add(domain or NO_DOMAIN, batch.filter(same))

    def _add(self, domain: str, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        self.documents[domain] = self.documents.get(domain, 0) + batch.num_rows
        columns = self.columns.setdefault(domain, {})
        for column in batch.schema:
            wanted = self.wanted is None or column.name in self.wanted
            if wanted and column.name not in PLACES and is_counted(column.type):
                found = columns.setdefault(column.name, of_column(column.type))
                found.add(batch.column(column.name))

    def data(self, percentiles: list[float]) -> dict[str, Any]:
        """Return all distributions as JSON."""
        return {
            domain: {
                "documents": self.documents[domain],
                "columns": {name: one.data(percentiles) for name, one in columns.items()},
            }
            for domain, columns in sorted(self.columns.items())
        }


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Count the inputs and show the distributions; return 0, or raise SkyPileError."""
    assert not extra
    percentiles = _percentiles(args.percentiles)
    if args.suggest is not None and not 0 <= args.suggest < 50:
        raise UsageError(f"--suggest {args.suggest:g}: give a percentage from 0 to below 50")
    recipe = load_recipe(args.recipe)
    if args.no_models:
        recipe = recipe.without_models()
    inputs = gathered(args.inputs, args.files_from)
    corpus = _corpus(inputs.given)
    counts = Counts()
    if corpus is None and not args.quiet:
        say_whether_it_compiles()
    found = Found(_wanted(args.columns, recipe, corpus))
    with Progress("stats", quiet=args.quiet) as progress:
        batches = (
            _of_corpus(corpus) if corpus else _scored(args, recipe, ordered_plan(inputs), counts)
        )
        documents = 0
        for batch in batches:
            found.add(batch)
            documents += batch.num_rows
            progress.update(Count(what="records", documents=documents))
    if args.json is not None:
        _write(args.json, args, recipe, found, percentiles, counts)
    if args.json != "-":
        show(*_table(found, percentiles))
        if args.suggest is not None:
            show("", *_suggestions(found, recipe, args.suggest))
    _tell_unreadable(counts)
    return 0


def _percentiles(given: str) -> list[float]:
    try:
        found = [float(one) for one in given.split(",")]
    except ValueError:
        raise UsageError(f"--percentiles {given}: give numbers from 0 to 100, as 5,50,95") from None
    if not all(0 <= one <= 100 for one in found):
        raise UsageError(f"--percentiles {given}: each must be from 0 to 100")
    return found


def _wanted(given: str | None, recipe: Recipe, corpus: Store | None) -> frozenset[str] | None:
    if given is None:
        return None
    names = [name for name in given.split(",") if name]
    known = [*recipe.columns((*recipe.steps, *recipe.score)), "prog_lang", "source"]
    for name in names:
        # A corpus may hold the columns of another recipe.
        if corpus is None and name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "skypile recipe show names stages"
            raise UsageError(f"--columns: no stage of the recipe writes {name!r}; {hint}")
    return frozenset(names)


def _corpus(given: Sequence[str]) -> Store | None:
    """Return the store of the one input where that is a corpus, else None."""
    for path in given:
        if not (Path(path).is_dir() or (is_remote(path) and not path.startswith("http"))):
            continue
        store = Store(path)
        if store.size("manifest.json") is not None:
            if len(given) > 1:
                raise UsageError(f"{path}: is a corpus; give it alone, or files to be scored")
            return store
    return None


def _of_corpus(store: Store) -> Iterator[pa.RecordBatch]:
    """Yield the columns of all documents of a corpus that were read, texts left out."""
    for file in read_manifest(store).files:
        try:
            with store.open(file.path) as stream, pq.ParquetFile(stream) as parquet:
                names = [name for name in parquet.schema_arrow.names if name not in PLACES]
                for batch in parquet.iter_batches(columns=names):
                    yield batch.filter(pc.not_equal(batch.column("outcome"), ERROR))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise RunError(
                f"{file.path}: cannot be read: {error}; skypile verify tells what else is off"
            ) from error


def _scored(
    args: argparse.Namespace, recipe: Recipe, plan: Any, counts: Counts
) -> Iterator[pa.RecordBatch]:
    """Yield all documents of the inputs with every column of the recipe, no rule tested."""
    options = ReadOptions(text_field=args.text_field, id_field=args.id_field, limit=args.limit)
    steps = [Step(stages=step.stages) for step in (*recipe.steps, *recipe.score)]
    unasked = {name for step in steps for stage in step.stages for name in stage.transient}
    unasked |= {field.name for field in OUTCOME_FIELDS}
    for piece in judged(read_pieces(plan.units, options, counts, rewrites=False), steps):
        counts.add(piece)
        batch = piece.batch
        transient = {name for step in steps for stage in step.stages for name in stage.transient}
        names = [
            name for name in batch.schema.names if name not in transient | {"outcome", "reason"}
        ]
        yield batch.filter(pc.is_null(batch.column("outcome"))).select(names)


def _tell_unreadable(counts: Counts) -> None:
    errors = sum(counts.unreadable.values())
    if errors:
        say(f"{errors:,} records could not be read and are not counted")
    if counts.stage_errors:
        say(
            f"{counts.stage_errors:,} documents on which a stage failed are not counted; "
            f"{counts.first_stage_error}"
        )


def _write(
    path: str,
    args: argparse.Namespace,
    recipe: Recipe,
    found: Found,
    percentiles: list[float],
    counts: Counts,
) -> None:
    data = {
        "inputs": list(args.inputs),
        "recipe": recipe.name,
        "fingerprint": recipe.fingerprint(),
        "unreadable": sum(counts.unreadable.values()),
        "domains": found.data(percentiles),
    }
    with open_lines(path) as lines:
        lines.write(orjson.dumps(data, option=orjson.OPT_INDENT_2))


def _table(found: Found, percentiles: list[float]) -> list[str]:
    lines: list[str] = []
    head = ["column", "min", *(f"p{one:g}" for one in percentiles), "max", "null"]
    for domain, columns in sorted(found.columns.items()):
        lines += [""] if lines else []
        lines += [f"{domain}: {found.documents[domain]:,} documents", ""]
        rows = [head]
        words = []
        for name, one in columns.items():
            if isinstance(one, Words):
                words += [_words(name, one)] if one.values else []
                continue
            if not one.count:
                continue
            values = [one.min, *(one.quantile(p / 100) for p in percentiles), one.max]
            rows.append([name, *map(_short, values), f"{one.null_count + one.nan_count:,}"])
        lines += table(rows, right=range(1, len(head)))
        lines += ["", *words] if words else []
    return lines or ["no document was read"]


def _words(name: str, one: Words) -> str:
    shown = [f"{value} {count:,}" for value, count in one.values.most_common(SHOWN_VALUES)]
    more = len(one.values) - len(shown)
    told = [*shown, *([f"{more:,} others"] if more > 0 else []), *(
        [f"null {one.null_count:,}"] if one.null_count else []
    )]  # fmt: skip
    return f"{name}: {', '.join(told) or 'no value'}"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    whole = abs(value) < 1e15 and value == int(value)
    return f"{int(value):,}" if whole else f"{value:.4g}"


def _suggestions(found: Found, recipe: Recipe, percent: float) -> list[str]:
    """Return, for each rule and domain, what it drops now, and the limit that drops `percent`."""
    rows = [["domain", "reason", "column", "limit", "drops", f"limit for {percent:g} %"]]
    for domain, columns in sorted(found.columns.items()):
        for rule in recipe.rules:
            one = columns.get(rule.column)
            applies = rule.domain is None or domain in rule.domain
            if applies and isinstance(one, Numbers) and one.count:
                rows.append([domain, rule.reason, rule.column, *_suggestion(rule, one, percent)])
    return table(rows, right=[4])


def _suggestion(rule: Rule, one: Numbers, percent: float) -> list[str]:
    dropped = f"{one.broken_frac(min=rule.min, max=rule.max):.2%}"
    if rule.min is not None:
        return [f"min {rule.min:g}", dropped, f"min {_short(one.quantile(percent / 100))}"]
    return [f"max {rule.max:g}", dropped, f"max {_short(one.quantile(1 - percent / 100))}"]
