"""``skypile ablate``: recipes compared by the loss of small models trained on what they keep."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from skypile import interrupts
from skypile.cli.evaluate import domain_files
from skypile.cli.inputs import check_apart
from skypile.cli.terminal import say, show
from skypile.cli.tokenize import BOS, EOS
from skypile.errors import InputError, RunError, UsageError
from skypile.io.store import Store
from skypile.io.units import STDIN, plan_units
from skypile.phases.begin import held
from skypile.pretrain.compare import Scores, compared, taken
from skypile.progress import Count, Progress
from skypile.recipe import Recipe, load_recipe
from skypile.tokens import DEFAULT_TOKENIZER
from skypile.verify.manifest import MANIFEST, Manifest

if TYPE_CHECKING:
    from skypile.cli.ablated import Judged
    from skypile.pretrain.run_config import RunConfig
    from skypile.pretrain.token_set import TokenSet

__all__ = ["add_arguments", "run"]

EPILOG = """\
Each RECIPE builds a corpus from the same input, without a mixture of its own; of each a model is
trained for every seed: the same shape, tokenizer, mixture and tokens seen. They are judged on the
same documents, which no recipe trains on, nor on copies of them. The table has bits per byte by
domain, and differences to the first recipe with 95 % intervals over documents and seeds. DIR gets
result.json with all figures; the same command goes on where an earlier one ended.
"""
SETTINGS, RESULT = "settings.json", "result.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile ablate``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("recipes", nargs="+", metavar="RECIPE", help="a recipe's name, or a YAML file; two or more,"
        " compared with the first")  # fmt: skip
    add("--input", nargs="+", required=True, metavar="PATH", help="what skypile build reads")
    add("--output", type=Path, default=Path("ablation"), metavar="DIR",
        help="folder of all that is made (default: ablation)")  # fmt: skip
    add("--config", default="ablate", metavar="NAME", help="of training: ablate, another of "
        "skypile pretrain's, or a YAML file (default: ablate)")  # fmt: skip
    add("--tokens", type=int, metavar="N", help="tokens that each model sees (default: the "
        "config's)")  # fmt: skip
    add("--seeds", type=int, default=3, metavar="N", help="models of each recipe (default: 3)")
    add("--domains", nargs="+", type=Path, metavar="PATH", help="judge by these texts instead: JSON"
        " Lines with a field text, a domain each by its name, or folders of them")  # fmt: skip
    add("--validation-frac", type=float, default=0.02, metavar="X",
        help="share of texts held out (default: %(default)s)")  # fmt: skip
    add("--max-documents", type=int, default=100, metavar="N",
        help="judge by N documents of each domain (default: %(default)s)")  # fmt: skip
    add("--tokenizer", type=Path, default=DEFAULT_TOKENIZER, metavar="FILE",
        help="a tokenizer.json for all (default: the shipped one)")  # fmt: skip
    add("--bos", default=BOS, metavar="TOKEN", help="before each document (default: %(default)s)")
    add("--eos", default=EOS, metavar="TOKEN", help="behind each document (default: %(default)s)")
    add("--no-models", action="store_true", help="leave the recipes' score sections out")
    add("--text-field", default="text", metavar="NAME", help="of the input (default: text)")
    add("--limit", type=int, metavar="N", help="records read of each unit of input")
    add("--workers", type=int, default=0, metavar="N", help="processes that build (default: 0, one "
        "per core)")  # fmt: skip
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there")
    add("--threads", type=int, metavar="N", help="of torch on a CPU (default: one for each core)")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Compare the recipes; return 0, or raise SkyPileError."""
    assert not extra
    _check(args)
    recipes = _recipes(args)
    check_apart(str(args.output), args.input, (".",))
    from skypile.pretrain.fitting import with_tokens
    from skypile.pretrain.run_config import load_config

    config = with_tokens(load_config(args.config), args.tokens)
    domains = domain_files(args.domains, "--domains") if args.domains else {}
    settings = _settings(args, recipes, config, domains)
    kept = f"{args.output} has all that was finished, and the same command goes on from there"
    with (
        held(Store(str(args.output)), "--output", _is_done),
        interrupts.kept(lambda: f"before the end; {kept}"),
    ):
        _begin(args.output, settings)
        found = _compared(
            args, config, domains, {label: given for label, (given, _) in recipes.items()}
        )
        from skypile.cli.ablate_report import lines
        from skypile.cli.ablated import write_json

        write_json(args.output / RESULT, {"settings": settings, **found})
        show(*lines(found), str(args.output / RESULT))
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, least in (("seeds", 1), ("max_documents", 5), ("tokens", 1), ("limit", 1),
                        ("threads", 1)):  # fmt: skip
        value = getattr(args, name)
        if value is not None and value < least:
            raise UsageError(f"--{name.replace('_', '-')} {value}: give {least} or more")
    if not 0 < args.validation_frac < 1:
        raise UsageError(f"--validation-frac {args.validation_frac:g}: give above 0 and below 1")
    if not args.eos or not args.bos:
        raise UsageError("--bos and --eos: documents need a token before and behind them")
    if STDIN in args.input:
        raise UsageError("--input -: the input is read once for each recipe; give files")
    if not args.tokenizer.is_file():
        raise InputError(f"--tokenizer {args.tokenizer}: there is no such file")


def _recipes(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Return label -> what was given, and its fingerprint; raises UsageError."""
    found: dict[str, tuple[str, str]] = {}
    for given in args.recipes:
        label = Path(given).stem if given.endswith((".yaml", ".yml")) else given
        if not re.fullmatch(r"[\w-][\w.-]*", label) or label in ("configs", "judged"):
            raise UsageError(f"recipe {given}: its name becomes that of a folder; rename the file")
        if label in found:
            raise UsageError(
                f"recipes {found[label][0]} and {given} are both named {label!r}; rename one file"
            )
        recipe = _loaded(given, args)
        for other, (_, fingerprint) in found.items():
            if fingerprint == recipe.fingerprint():
                raise UsageError(f"recipes {other} and {label} are the same; there is no difference"
                                 " to measure")  # fmt: skip
        found[label] = given, recipe.fingerprint()
    if len(found) < 2:
        raise UsageError("give two recipes or more; the others are compared with the first")
    return found


def _loaded(given: str, args: argparse.Namespace) -> Recipe:
    recipe = load_recipe(given)
    return recipe.without_models() if args.no_models else recipe


def _settings(
    args: argparse.Namespace, recipes: Mapping[str, tuple[str, str]], config: RunConfig,
    domains: Mapping[str, Path],
) -> dict[str, Any]:  # fmt: skip
    """Return all that may not change in a folder; --seeds may grow."""
    units = [
        (one.path, one.start, one.end, one.size, one.mtime_ns, one.etag,
         [str(file) for file in one.files])
        for one in plan_units(args.input).units
    ]  # fmt: skip
    return {
        "format_version": 1,
        "recipes": {label: fingerprint for label, (_, fingerprint) in recipes.items()},
        "input": hashlib.sha256(orjson.dumps(units)).hexdigest(),
        "text_field": args.text_field, "limit": args.limit, "no_models": args.no_models,
        "tokenizer": _sha256(args.tokenizer), "bos": args.bos, "eos": args.eos,
        "domains": {name: _sha256(path) for name, path in domains.items()},
        "validation_frac": 0.0 if domains else args.validation_frac,
        "max_documents": args.max_documents,
        "config": config.model_dump(mode="json", by_alias=True, exclude={"seed"}),
    }  # fmt: skip


def _is_done(store: Store) -> bool:
    """Tell that the lock may go: settings and results say for themselves what there is."""
    return bool(store.names())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _begin(output: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a new folder; raise UsageError where it has others, or something else.

    The order of recipes counts: differences are taken to the first.
    """
    from skypile.cli.ablated import write_json

    path = output / SETTINGS
    if not path.exists():
        there = sorted(one.name for one in output.iterdir() if not one.name.startswith("."))
        if there:
            raise UsageError(
                f"{output}: holds {there[0]}, which no ablate wrote; give another --output"
            )
        write_json(path, settings)
        return
    try:
        before = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({error}); give another --output") from error
    for name, value in settings.items():
        was, now = orjson.dumps(before.get(name)), orjson.dumps(value)
        if was != now:
            raise UsageError(
                f"{output}: was begun with other {name} ({was[:60].decode(errors='replace')}, now "
                f"{now[:60].decode(errors='replace')}); give another --output"
            )


def _compared(
    args: argparse.Namespace, config: RunConfig, domains: Mapping[str, Path],
    given: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    """Do what is not done yet, and return what result.json says beside the settings."""
    from skypile.cli import ablated
    from skypile.pretrain.fitting import fitted, passes_of

    corpora = {}
    for label, recipe in given.items():
        _tell(args, f"recipe {label}")
        corpora[label] = ablated.built(args.output / label, recipe, args)
    kept_out = ablated.holding_out(corpora, 0.0 if domains else args.validation_frac)
    found = ablated.judged_texts(
        args.output / "judged", corpora, kept_out, most=args.max_documents, domains=domains
    )
    sets = {
        label: ablated.token_set(args.output / label, corpus, kept_out, found, args)
        for label, corpus in corpora.items()
    }
    config, lacking = fitted(config, sets)
    for source, without in lacking.items():
        _tell(args, f"{source} is left out of the mixture: {', '.join(without)} keep too little")
    passes = passes_of(config, sets)
    nats = _nats(args, config, sets, found)
    steps = sum(-(-stage.tokens // config.batch_tokens) for stage in config.stages)
    return {
        "recipes": {
            label: _described(corpora[label][1], sets[label]) | {"passes": passes[label]}
            for label in given
        },
        "sources_left_out": lacking,
        "tokens": steps * config.batch_tokens, "seeds": args.seeds,
        **_judgement(list(given), ablated.scores_of(nats, found), found, is_given=bool(domains)),
    }  # fmt: skip


def _judgement(
    labels: list[str], scores: dict[str, Scores], found: Judged, *, is_given: bool
) -> dict[str, Any]:
    """Return the comparison on all documents, and on those that each recipe keeps if they differ.

    Texts that are given are no recipe's.
    """
    common = {
        name: np.array([len(by) == len(labels) for by in each], np.bool_)
        for name, each in found.kept_by.items()
    }
    is_same = is_given or all(mask.all() for mask in common.values())
    return {
        "versions_judged": {name: len(texts) for name, texts in found.texts.items()},
        "comparison": compared(labels, scores),
        "kept_by_all": None if is_same else compared(labels, taken(scores, common)),
    }


def _nats(
    args: argparse.Namespace, config: RunConfig, sets: Mapping[str, TokenSet], found: Judged
) -> list[list[dict[str, list[float]]]]:
    """Return by recipe and seed the nats of each judged text; trains what is not trained yet."""
    from skypile.cli.ablated import nats_of, trained

    whole = len(sets) * args.seeds
    done = 0
    nats: dict[str, list[dict[str, list[float]]]] = {label: [] for label in sets}
    with Progress("ablate", quiet=args.quiet) as progress:

        def seen(label: str, step: int, steps: int, note: str) -> None:
            share = (done + step / steps) / whole
            progress.update(Count(done, whole, "models", share=share, note=f"{label}, {note}"))

        for seed in range(args.seeds):
            seeded = config.model_copy(update={"seed": seed})
            # Recipe by recipe within a seed: what there is after an interruption is comparable.
            for label, tokens in sets.items():
                folder = args.output / label
                run_of = partial(
                    trained, folder, tokens.path, seeded, args, partial(seen, label)
                )  # fmt: skip
                nats[label].append(nats_of(folder / f"nats-seed-{seed}.json", run_of, found, args))
                done += 1
        progress.update(Count(done, whole, "models"))
    return list(nats.values())


def _described(manifest: Manifest, tokens: TokenSet) -> dict[str, Any]:
    """Return what a recipe kept, and what of it is trained on."""
    ledger = manifest.ledger
    own = orjson.loads((tokens.path / MANIFEST).read_bytes())["validation"]
    return {
        "read": ledger.read, "kept": ledger.kept, "rejected": ledger.rejected,
        "error": ledger.error, "by_domain": ledger.by_domain,
        "held_out": own["held_out"], "copies_left_out": own["copies"],
        "train": {
            one.name: {"documents": one.file.manifest.document_count, "tokens":
                       one.file.token_count} for one in tokens.train
        },
    }  # fmt: skip


def _tell(args: argparse.Namespace, line: str) -> None:
    if not args.quiet:
        say(line)
