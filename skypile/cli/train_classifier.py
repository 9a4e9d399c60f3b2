"""``skypile train-classifier``: fine-tunes a sequence classifier on labelled documents."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from classifiers import ClassifierError
from skypile import interrupts
from skypile.cli.inputs import add_input_arguments, gathered, ordered_plan
from skypile.cli.terminal import say, say_whether_it_compiles, show
from skypile.errors import InputError, UsageError
from skypile.io.sources import ReadOptions
from skypile.io.units import STDIN
from skypile.progress import Count, Progress
from skypile.tokens import load_encoder

if TYPE_CHECKING:
    from classifiers.finetune import Ids, Settings
    from classifiers.finetune_run import Origin
    from classifiers.labelled import Labelled

__all__ = ["add_arguments", "run"]

EPILOG = """\
A record has a text and, for each head, a field with true, false, 0, 1, a probability, or null where
it says nothing; optional are url, source, language and license. DIR becomes a Hugging Face
checkpoint for `stage: classify`, with README.md (the card), metrics.json and calibration.json. Rows
are split into train, valid and test by site or source, never within one.
"""
HEAD = re.compile(r"[A-Za-z_]\w*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile train-classifier``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add_input_arguments(parser, "; - is stdin")
    add("--output", required=True, metavar="DIR", help="folder of the checkpoint")
    add("--base", default="default", metavar="NAME", help=(
        "what is fine-tuned: default, a folder, or a Hub id with a fast tokenizer "
        "(default: %(default)s)"
    ))  # fmt: skip
    add("--head", action="append", default=[], metavar="NAME[=FIELD]", help=(
        "an output and the field of its labels; may be repeated (default: all fields called "
        "quality, porn, politics, ads, toxicity or stem)"
    ))  # fmt: skip
    add("--text-field", default="text", metavar="NAME", help="default: %(default)s")
    add("--group-field", metavar="site|source|FIELD", help=(
        "rows with the same value are not split (default: site where all have a URL, else source)"
    ))  # fmt: skip
    _add_training(parser)
    add("--overwrite", action="store_true", help="replace a checkpoint in DIR")
    add("--quiet", action="store_true", help="show no progress")


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--epochs", type=int, default=5, metavar="N", help="at most (default: %(default)s)")
    add("--lr", type=float, metavar="X", help=(
        "peak learning rate (default: 5e-5, for models narrower than 512 3e-4)"
    ))  # fmt: skip
    add("--batch-tokens", type=int, default=8192, metavar="N", help="default: %(default)s")
    add("--patience", type=int, default=2, metavar="N", help=(
        "stop after N epochs without a gain on valid (default: %(default)s)"
    ))  # fmt: skip
    add("--metric", choices=("loss", "ap"), default="loss", help=(
        "what chooses the epoch: loss on valid, or mean average precision (default: %(default)s)"
    ))  # fmt: skip
    add("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    add("--valid-frac", type=float, default=0.15, metavar="X", help="default: %(default)s")
    add("--test-frac", type=float, default=0.15, metavar="X", help="default: %(default)s")
    add("--precision", type=float, nargs="+", default=[0.5, 0.8, 0.9, 0.95, 0.99], metavar="P",
        help="precisions of the threshold table (default: 0.5 0.8 0.9 0.95 0.99)")  # fmt: skip
    add("--mlm", nargs="+", default=[], metavar="FILE", help=(
        "unlabelled documents for steps of masked language modelling first"
    ))  # fmt: skip
    add("--mlm-steps", type=int, default=200, metavar="N", help="default: %(default)s")
    add("--teacher", metavar="NAME", help=(
        "a larger checkpoint with these heads, whose probabilities are mixed with the labels"
    ))  # fmt: skip
    add("--threads", type=int, default=os.cpu_count() or 1, metavar="N", help=(
        "of this process; part of what the result is a function of (default: all cores)"
    ))  # fmt: skip
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: %(default)s")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Train and write the checkpoint; return 0, or raise SkyPileError."""
    assert not extra
    _check_output(args)
    heads = _heads(args.head)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        settings = _settings(args)
        with interrupts.kept(lambda: f"before the end: {args.output} is as before"):
            rows, origin = _read(args, heads)
            unlabelled = _unlabelled(args)
            metrics = _train(args, rows, settings, origin, unlabelled)
    except ClassifierError as error:
        raise InputError(str(error)) from error
    for head, groups in metrics["test"].items():
        for language, one in groups.items():
            if one["auc"] is not None:
                show(f"{head} {language}: AUC {one['auc']:.3f}, average precision {one['ap']:.3f}")
    show(f"{args.output}/README.md")
    return 0


def _check_output(args: argparse.Namespace) -> None:
    output = Path(args.output)
    if "://" in args.output:
        raise UsageError(f"--output {args.output}: must be a local folder")
    if not output.exists():
        # Said now rather than after an hour of training.
        place = next(folder for folder in output.absolute().parents if folder.exists())
        if not place.is_dir() or not os.access(place, os.W_OK):
            raise UsageError(f"--output {args.output}: {place} is no folder that can be written to")
        return
    if not args.overwrite:
        raise UsageError(
            f"--output {args.output}: is there already; give another, or --overwrite to replace it"
        )
    # A slip of the keyboard must not cost a folder of something else.
    if not output.is_dir() or (any(output.iterdir()) and not (output / "config.json").is_file()):
        raise UsageError(f"--output {args.output}: holds no checkpoint that could be replaced")


def _heads(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, equals, field = entry.partition("=")
        if not HEAD.fullmatch(name) or (equals and not field):
            raise UsageError(f"--head {entry}: give NAME, or NAME=FIELD; NAME becomes a column")
        if name in found:
            raise UsageError(f"--head {name}: is given twice")
        found[name] = field or name
    return found


def _settings(args: argparse.Namespace) -> Settings:
    from classifiers.finetune import Settings

    return Settings(
        base=args.base, epochs=args.epochs, rate=args.lr, batch_tokens=args.batch_tokens,
        patience=args.patience, metric=args.metric, seed=args.seed, valid_frac=args.valid_frac,
        test_frac=args.test_frac, precisions=tuple(args.precision), teacher=args.teacher,
        mlm_steps=args.mlm_steps, threads=args.threads, device=args.device,
    )  # fmt: skip


def _read(args: argparse.Namespace, heads: dict[str, str]) -> tuple[Labelled, Origin]:
    """Return the labelled rows and where they come from."""
    from classifiers.finetune_run import Origin
    from skypile.cli.labelled import file_hashes, labelled, read_documents
    from skypile.dedup.settings import Dedup

    inputs = gathered(args.inputs, args.files_from)
    plan = ordered_plan(inputs)
    if not args.quiet:
        say_whether_it_compiles()
    options = ReadOptions(text_field=args.text_field, html=args.html)
    settings = Dedup()
    progress = Progress("read", quiet=args.quiet)
    documents = read_documents(plan.units, options, progress, settings)
    if documents.unreadable:
        say(
            f"{documents.unreadable:,} records have no text to train on; the first, "
            f"{documents.first_error}"
        )
    rows, group_by = labelled(documents, heads, args.group_field, settings)
    return rows, Origin(file_hashes(plan.units), group_by, documents.unreadable)


def _unlabelled(args: argparse.Namespace) -> list[str] | None:
    from skypile.cli.labelled import texts_of

    if not args.mlm:
        return None
    if STDIN in args.mlm and (STDIN in args.inputs or STDIN in args.files_from):
        raise UsageError("standard input can be read once: as INPUT - or as --mlm -")
    plan = ordered_plan(gathered(args.mlm, []))
    options = ReadOptions(text_field=args.text_field, html=args.html)
    return list(texts_of(plan.units, options, Progress("mlm", quiet=args.quiet)))


class _Told:
    def __init__(self, progress: Progress, *, quiet: bool) -> None:
        self._progress, self._quiet, self._steps = progress, quiet, 0

    def step(self, share: float, loss: float) -> None:
        """Show how far all epochs are."""
        self._steps += 1
        note = f"loss {loss:.4f}"
        self._progress.update(Count(done=self._steps, what="steps", share=share, note=note))

    def line(self, text: str) -> None:
        """Say it, unless all is to be quiet."""
        if not self._quiet:
            say(text)


def _train(
    args: argparse.Namespace, rows: Labelled, settings: Settings, origin: Origin,
    unlabelled: Sequence[str] | None,
) -> dict[str, dict[str, dict[str, dict[str, float]]]]:  # fmt: skip
    from classifiers.finetune_run import fine_tune

    with Progress("train", quiet=args.quiet) as progress:
        return fine_tune(
            rows,
            settings,
            Path(args.output),
            encode=_encode,
            told=_Told(progress, quiet=args.quiet),
            origin=origin,
            unlabelled=unlabelled,
            overwrite=args.overwrite,
        )


def _encode(tokenizer: Path, texts: Sequence[str]) -> Ids:
    """Return the ids that stage classify makes of `texts`."""
    from classifiers.finetune import Ids

    found = load_encoder(tokenizer).encode(pa.array(texts, pa.large_string()))
    return Ids(found.ids, found.offsets)
