"""``skypile leakage``: whether a model was trained on a test set, by its losses on three sets."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from skypile.cli.evaluate import domain_files, scored, texts_of
from skypile.cli.terminal import show, table
from skypile.errors import InputError, TokenizerError, UsageError
from skypile.io.files import write_atomic
from skypile.pretrain.leakage import LEAST_DOCUMENTS, SETS, differences, overlaps, reading
from skypile.progress import Count, Progress
from skypile.tokens import load_encoder

__all__ = ["add_arguments", "run"]

EPILOG = """\
As Skywork-13B (section on leakage, table 8): L is the mean over documents of the nats of a token;
Δ1 = L_test - L_reference is far below nought where the test set leaked, Δ2 = L_test - L_train far
above it where the training split was fitted to. The reference are texts of the same kind that are
newer than the model. Intervals are 95 %, by the bootstrap over documents; nothing is said of a
difference that may be nought. Example: --train train.jsonl --test test.jsonl --reference new.jsonl
--fields question answer
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile leakage``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("model", metavar="MODEL", help="the folder of a run, one of its checkpoints, or a causal "
        "model of Hugging Face: a folder or a name")  # fmt: skip
    for name, what in (("train", "the benchmark's training split"), ("test", "its test split"),
                       ("reference", "texts of the same kind that no model has seen")):  # fmt: skip
        add(f"--{name}", nargs="+", required=True, type=Path, metavar="PATH",
            help=f"{what}: JSON Lines (.jsonl, .jsonl.zst) or folders of them")  # fmt: skip
    add("--fields", nargs="+", default=["text"], metavar="NAME", help="what a document is made of, "
        "a line each (default: text; of questions: question answer)")  # fmt: skip
    add("--leave-out-common", action="store_true",
        help="leave texts that two sets have out of both, instead of refusing them")  # fmt: skip
    add("--json", type=Path, metavar="FILE", help="write all figures there")
    add("--window", type=int, metavar="N", help="tokens of context (default: the model's)")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there")
    add("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Show the three losses and both differences; return 0, or raise SkyPileError."""
    assert not extra
    if args.window is not None and args.window < 2:
        raise UsageError(f"--window {args.window}: give 2 or more")
    sets = {name: _texts(name, getattr(args, name), args.fields) for name in SETS}
    common = _without_common(sets, is_allowed=args.leave_out_common)
    _check_sizes(sets)
    found = differences(_losses(sets, args))
    told = reading(found)
    if args.json is not None:
        data = {
            "model": args.model, "documents": {name: len(texts) for name, texts in sets.items()},
            "left_out_common": common, **found, "reading": told,
        }  # fmt: skip
        with write_atomic(str(args.json)) as stream:
            stream.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    show(*_table(found, sets), "", *told)
    return 0


def _texts(name: str, paths: Sequence[Path], fields: Sequence[str]) -> list[str]:
    files = domain_files(paths, f"--{name}").values()
    return [text for path in files for text in texts_of(path, fields)]


def _without_common(sets: dict[str, list[str]], *, is_allowed: bool) -> dict[str, int]:
    """Take texts that two sets have out of them; return how many, or raise InputError."""
    found = overlaps(sets)
    counts = {f"{a}, {b}": len(both) for (a, b), both in found.items()}
    if found and not is_allowed:
        told = "; ".join(
            f"--{a} and --{b} have {len(both):,} texts in common, as {min(both)[:60]!r}"
            for (a, b), both in found.items()
        )
        raise InputError(f"{told}: a difference of their losses would say nothing of these; "
                         "--leave-out-common takes them out of both")  # fmt: skip
    both = set().union(*found.values())
    for name, texts in sets.items():
        sets[name] = [text for text in texts if " ".join(text.split()) not in both]
    return counts


def _check_sizes(sets: dict[str, list[str]]) -> None:
    for name, texts in sets.items():
        if len(texts) < LEAST_DOCUMENTS:
            raise InputError(
                f"--{name}: {len(texts):,} documents are left, too few for an interval; give "
                f"{LEAST_DOCUMENTS} or more"
            )


def _losses(
    sets: dict[str, list[str]], args: argparse.Namespace
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the nats of a token of each document."""
    from skypile.pretrain.nats import loaded
    from skypile.pretrain.ranks import device_named

    judge = loaded(args.model, device_named(args.device))
    if judge.begin is None:
        raise TokenizerError(f"{args.model}: has no token that begins or ends documents")
    encoder = load_encoder(judge.tokenizer)
    losses = {}
    with Progress("leakage", quiet=args.quiet) as progress:
        for number, (name, texts) in enumerate(sets.items()):
            progress.update(Count(number, len(sets), "sets", note=name))
            nats = scored(name, texts, judge, (encoder, encoder), window=args.window)
            losses[name] = nats.nats / nats.tokens
    return losses


def _table(found: dict[str, dict[str, float]], sets: dict[str, list[str]]) -> list[str]:
    names: dict[str, Any] = {f"L_{name}": f"{len(texts):,}" for name, texts in sets.items()}
    titles = {"delta1": "Δ1 = test - reference", "delta2": "Δ2 = test - train"}
    rows = [["", "documents", "nats/token", "95 %"]]
    for name, one in found.items():
        sign = "+" if name in titles else ""
        rows.append(
            [
                titles.get(name, name), names.get(name, ""), f"{one['value']:{sign}.4f}",
                f"{one['low']:{sign}.4f} to {one['high']:{sign}.4f}",
            ]
        )  # fmt: skip
    return table(rows, right=(1, 2, 3))
