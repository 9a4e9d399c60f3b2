"""``skypile plan``: a sample through the phases of a build, and what the whole would take."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import skypile
from skypile.cli.build import build_context
from skypile.cli.inputs import WHOLE_FILES, add_input_arguments, gathered
from skypile.cli.terminal import say, say_whether_it_compiles, show, table
from skypile.errors import InputError, OutputError, UsageError
from skypile.io.remote import is_http
from skypile.io.units import STDIN, plan_units
from skypile.phases.context import Context
from skypile.plan.measure import Measured, measure
from skypile.plan.outlook import Assumed, Outlook
from skypile.plan.predict import (
    REPLICATES,
    Value,
    duplicate_bounds,
    estimated,
    sampled_share,
)
from skypile.plan.prices import FORMULA, Prices, cost, load_prices
from skypile.plan.report import lines
from skypile.plan.sample import Sampling, Stratum, draw
from skypile.recipe import load_recipe

__all__ = ["add_arguments", "run"]

DESCRIPTION = (
    "Read a sample of INPUT, take it through the phases of a build, and predict time, bytes and "
    "documents of a build of the whole, with intervals of 95 %."
)
MEGABYTE = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to `parser`."""
    parser.description = DESCRIPTION
    add_input_arguments(parser)
    parser.add_argument("--recipe", default="web", metavar="NAME|FILE", help="default: web")
    parser.add_argument("--no-models", action="store_true", help="leave the score section out")
    parser.add_argument("--mixture", metavar="en=52.2,zh=39.6,code=8.0|none", help="token shares")
    parser.add_argument("--tokens", type=int, metavar="N", help="size of the corpus in tokens")
    parser.add_argument("--surplus", choices=("rows", "ids", "none"), default="rows")
    parser.add_argument("--no-index", action="store_true", help="a build without an index")
    parser.add_argument("--text-field", default="text", metavar="NAME")
    parser.add_argument("--id-field", default="id", metavar="NAME")
    parser.add_argument("--max-document-bytes", type=int, default=256 << 20, metavar="N")
    parser.add_argument("--sample-frac", type=float, default=0.001, metavar="X", help=(
        "share of the bytes on disk that is read, within the next two (default: %(default)s)"
    ))  # fmt: skip
    parser.add_argument("--min-sample-mb", type=float, default=4.0, metavar="MB", help=(
        "default: %(default)s; an input that is smaller is read whole"
    ))  # fmt: skip
    parser.add_argument("--max-sample-mb", type=float, default=16.0, metavar="MB", help=(
        "default: %(default)s"
    ))  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of what is drawn")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--duplicates", type=float, metavar="SHARE", help=(
        "share of the documents that pass the rules and are duplicates; a sample cannot see it"
    ))  # fmt: skip
    parser.add_argument("--gpu-windows-per-second", type=float, metavar="X", help=(
        "what one GPU scores, as benchmarks/score_gpu.py measures it; phase score then counts "
        "hours of GPUs, one for each worker, and none of cores"
    ))  # fmt: skip
    parser.add_argument("--prices", metavar="FILE", help="unit prices in YAML, for the cost")
    parser.add_argument("--json", metavar="FILE", help="also write everything as JSON")


def run(args: argparse.Namespace, extra: Sequence[str]) -> int:  # noqa: ARG001 - every command's form
    """Predict what `args` ask for; return the exit code."""
    sampling, prices = _checked(args), load_prices(args.prices) if args.prices else None
    inputs = gathered(args.inputs, args.files_from)
    if STDIN in inputs.given:
        raise UsageError("plan cannot draw from standard input; name files")
    recipe = load_recipe(args.recipe)
    recipe = recipe.without_models() if args.no_models else recipe
    plan = plan_units(inputs.given, target_bytes=WHOLE_FILES, origins=inputs.origins)
    untold = sum(1 for unit in plan.units if is_http(unit.path) and not unit.size)
    with tempfile.TemporaryDirectory(prefix="skypile-plan-") as folder:
        args.output, args.work_dir, args.limit, args.against = f"{folder}/corpus", None, None, []
        args.max_error_frac, args.max_unreadable_frac = 1.0, None
        context = build_context(args, recipe)
        strata = draw(plan.units, sampling, context.read)
        if not strata:
            raise InputError("the input holds no byte whose number is known: nothing to draw from")
        say_whether_it_compiles()
        measured = measure(context, strata)
    assumed = Assumed(args.workers, args.duplicates, args.gpu_windows_per_second)
    outlook = Outlook(context, tuple(strata), measured, assumed)
    values = estimated(strata, measured, sampling.seed, outlook)
    found = _found(context, strata, measured, assumed, values, prices)
    if untold:
        found["not_seen"].append(f"{untold} URLs whose servers tell no length are left out")
    _tell(found, values)
    if args.json:
        _write(args.json, found)
    return 0


def _checked(args: argparse.Namespace) -> Sampling:
    """Return how to sample; UsageError for numbers that cannot be."""
    for name in ("sample_frac", "duplicates"):
        value = getattr(args, name)
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value:g}; it is a share, 0 to 1")
    for name in ("tokens", "workers"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}; it must be 1 or more")
    rate = args.gpu_windows_per_second
    if rate is not None and not 0 < rate < float("inf"):
        raise UsageError(f"--gpu-windows-per-second is {rate:g}; it must be above 0")
    if not 0 < args.min_sample_mb <= args.max_sample_mb < float("inf"):
        raise UsageError(
            f"--min-sample-mb {args.min_sample_mb:g} and --max-sample-mb {args.max_sample_mb:g}: "
            "the first must be above 0 and not above the second"
        )
    least, most = (round(mb * MEGABYTE) for mb in (args.min_sample_mb, args.max_sample_mb))
    return Sampling(args.sample_frac, least, most, args.seed & 0xFFFFFFFFFFFFFFFF)


def _found(
    context: Context, strata: Sequence[Stratum], measured: Measured, assumed: Assumed,
    values: dict[str, Value], prices: Prices | None,
) -> dict[str, Any]:  # fmt: skip
    """Return everything that was found, as JSON."""
    drawn = [one for stratum in strata for one in stratum.drawn]
    low, high = duplicate_bounds(strata, measured)
    found: dict[str, Any] = {
        "skypile": skypile.__version__,
        "recipe": {"name": context.recipe.name, "fingerprint": context.recipe.fingerprint()},
        "input": {
            stratum.name: {"files": _files(stratum), "bytes": stratum.size} for stratum in strata
        },
        "sample": {
            "units": len(drawn),
            "records": sum(one.read for one in drawn),
            "records_met": sum(one.met for one in drawn),
            "bytes": round(sum(one.taken_bytes for one in drawn)),
            "share": sampled_share(strata),
            "cpu_seconds": {name: round(s, 3) for name, s in measured.seconds.items()},
            "peak_memory_bytes": measured.peak_bytes,
        },
        "assumed": {
            "workers": assumed.workers,
            "duplicates": assumed.duplicates,
            "gpu_windows_per_second": assumed.gpu_windows_per_second,
        },
        "interval": {"level": 0.95, "method": "bootstrap of units and records", "n": REPLICATES},
        "duplicates": {"low": low, "high": high},
        "predicted": {name: value.to_json() for name, value in values.items()},
        "per_document": _per_document(values),
        "reasons": dict(_reasons(measured).most_common()),
        "cost_formula": FORMULA,
        "not_seen": list(_not_seen(context, strata, assumed, values, (low, high))),
    }
    return found | ({"cost": cost(values, prices)} if prices else {})


def _per_document(values: dict[str, Value]) -> dict[str, dict[str, float]]:
    """Return CPU seconds by phase, of a record and of a MB of text, and bytes of a record."""
    records, text = (max(1.0, values[name].value) for name in ("records_count", "text_bytes"))
    hours = {
        name.removesuffix("_core_hours"): value.value * 3600
        for name, value in values.items()
        if name.endswith("_core_hours")
    }
    sizes = {name: value.value for name, value in values.items() if name.endswith("_bytes")}
    return {
        "cpu_seconds": {name: seconds / records for name, seconds in hours.items()},
        "cpu_seconds_per_mb": {name: seconds / text * 1e6 for name, seconds in hours.items()},
        "bytes": {name.removesuffix("_bytes"): size / records for name, size in sizes.items()},
    }


def _files(stratum: Stratum) -> int:
    """Return how many files are known of: all, but of small ones those of the drawn units."""
    many = sum(len(one.unit.files) for one in stratum.drawn)
    return many if many else stratum.units


def _reasons(measured: Measured) -> Counter[str]:
    """Return the reasons of the sample's rejected documents and errors."""
    cells = measured.cells
    sums = dict(zip(cells.names, cells.values.sum(0).tolist(), strict=True))
    names = (name for name in sums if name.startswith("reason:"))
    return Counter({name.removeprefix("reason:"): round(sums[name]) for name in names})


def _not_seen(
    context: Context, strata: Sequence[Stratum], assumed: Assumed, values: dict[str, Value],
    bounds: tuple[float, float],
) -> Iterator[str]:  # fmt: skip
    """Yield what the prediction does not know."""
    if sampled_share(strata) < 1.0:
        if context.recipe.dedup is not None and assumed.duplicates is None:
            yield (
                f"duplicates across the input: {bounds[0]:.1%} of the sample's open documents are "
                f"some, and of the whole between {bounds[0]:.1%} and {bounds[1]:.1%} may be, if "
                "copies are spread at random; everything behind phase cluster is predicted with "
                "the sample's share: give --duplicates SHARE for another one"
            )
        yield "what changes with size: candidates of long families, a slower store, the last worker"
        streams = sum(1 for s in strata for one in s.drawn if one.disk_bytes < one.unit.size)
        if streams:
            yield f"the ends of {streams} packed or large files, of which a part was read"
    weights = context.weights or {}
    missing = [name for name in weights if not values[f"kept_tokens_{name}"].value]
    if missing:
        yield (
            f"a build: no document of {', '.join(missing)} passed in the sample, and the mixture "
            "wants some, so a build like this would stop before it writes shards; give --mixture"
        )
    yield "other machines: core hours are those of this one, and its other work is in them"


def _tell(found: dict[str, Any], values: dict[str, Value]) -> None:
    sample = found["sample"]
    size = sum(stratum["bytes"] for stratum in found["input"].values())
    say(
        f"recipe   {found['recipe']['name']}, fingerprint {found['recipe']['fingerprint'][:16]}",
        f"input    {size / 1e6:,.1f} MB on disk",
        f"sample   {sample['records']:,} records of {sample['units']:,} units, "
        f"{sample['bytes'] / 1e6:,.2f} MB on disk, {sample['share']:.3%}",
    )
    show(*table(list(lines(found, values)), right=(1, 2, 3)))
    show(
        f"memory     peak of this process, all phases: {sample['peak_memory_bytes'] / 1e6:,.0f} MB"
    )
    if "cost" not in found:
        show(f"cost       = {FORMULA}", "           (give unit prices by --prices FILE)")
    show(*(f"not seen: {line}" for line in found["not_seen"]))


def _write(path: str, found: dict[str, Any]) -> None:
    try:
        Path(path).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
