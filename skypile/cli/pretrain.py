"""``skypile pretrain``: train a model on token files, in stages, with checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from skypile import interrupts
from skypile.cli.terminal import say, show, table
from skypile.errors import UsageError
from skypile.progress import Count, Progress

if TYPE_CHECKING:
    from skypile.pretrain.plan import Plan
    from skypile.pretrain.trainer import Trainer

__all__ = ["add_arguments", "run"]

EPILOG = """\
RUN gets config.yaml, tokenizer.json, log.jsonl (a record per logged step and validation: loss,
loss by domain, learning rate, gradient norm, tokens/s, and on CUDA the share of the card's peak)
and checkpoints/step-N, each complete or absent. A run that was ended or killed goes on with
--resume, from its newest checkpoint, with the same batches; on a CPU with the same losses to the
last bit. Several GPUs: torchrun --nproc-per-node N -m skypile pretrain ...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``skypile pretrain``."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add("tokens", type=Path, metavar="TOKENS", help="a folder that skypile tokenize wrote")
    add("--config", metavar="NAME", help="tiny, 125m, 1b, or a YAML file; with --resume, by "
        "default that of the run")  # fmt: skip
    add("--output", required=True, type=Path, metavar="RUN", help="folder of the run")
    add("--resume", action="store_true", help="go on with the run that lies in RUN")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there")
    add("--threads", type=int, metavar="N", help="of torch on a CPU (default: one for each core); "
        "other counts round otherwise")  # fmt: skip
    add("--deterministic", action="store_true",
        help="on CUDA, kernels that give the same bits each time; slower")  # fmt: skip
    add("--quiet", action="store_true", help="show no progress and no table")


def run(args: argparse.Namespace, extra: list[str]) -> int:
    """Train to the end of the last stage; return 0, or raise SkyPileError."""
    assert not extra
    # Torch takes seconds to load: --help does without.
    from skypile.pretrain.run_config import config_names

    if args.config is None and not args.resume:
        raise UsageError(f"give --config: {', '.join(config_names())}, or a YAML file")
    if args.threads is not None and args.threads < 1:
        raise UsageError(f"--threads {args.threads}: give 1 or more")
    from skypile.pretrain.session import Asked, opened

    asked = Asked(
        args.tokens, args.output, args.config, device=args.device, threads=args.threads,
        is_resumed=args.resume, is_deterministic=args.deterministic,
    )  # fmt: skip
    with opened(asked) as trainer:
        quiet = args.quiet or not trainer.ranks.is_first
        if not quiet:
            say(*_described(trainer.plan))
        with (
            interrupts.kept(lambda: f"before the end: --resume goes on; {trainer.kept()}"),
            Progress("pretrain", quiet=quiet) as progress,
        ):
            trainer.run(lambda step, note: progress.update(_count(trainer, step, note)))
        if trainer.ranks.is_first:
            show(str(args.output))
    return 0


def _count(trainer: Trainer, step: int, note: str) -> Count:
    whole, first = trainer.plan.step_count, trainer.first_step
    share = (step - first) / max(whole - first, 1)
    return Count(step, whole, "steps", earlier=first, share=share, note=note)


def _described(plan: Plan) -> list[str]:
    """Return stages, and how often the run goes through each stream, as a table."""
    rows = [["stage", "steps", "tokens", "rate"]]
    for stage in plan.stages:
        steps, lr = stage.end - stage.first, stage.config.lr
        rate = f"{lr.first:g}" if lr.last is None else f"{lr.first:g} to {lr.last:g}"
        tokens = steps * plan.config.batch_tokens
        rows.append([stage.config.name, f"{steps:,}", f"{tokens:,}", rate])
    passes = ", ".join(f"{name} {count:.2f}" for name, count in sorted(plan.passes().items()))
    return [*table(rows, right=(1, 2, 3)), f"passes over each stream: {passes}"]
