"""Masked-language-model training of a small encoder from random weights, for later fine-tuning.

`python -m classifiers.warmup --output DIR --minutes 7 FILES`, where each file is .jsonl.zst or
.parquet with the columns text, source, license and lang_hint. DIR becomes a checkpoint that
AutoModelForSequenceClassification loads with a new head.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, NamedTuple

import torch
from tokenizers import Tokenizer

from classifiers import DEFAULT, ClassifierError
from classifiers.encoder import SHAPES, new_encoder, save
from classifiers.masking import vocabulary
from classifiers.pretraining import Pace, Progress, Settings, Warmup, rate_frac
from classifiers.rows import corpus
from classifiers.warmup_card import card

__all__ = ["main", "train"]

# Reading a loss waits for the device, and so do the clock and the log.
_STEPS_BETWEEN_READINGS: Final = 16
_LOG_SECONDS: Final = 5.0


class Special(NamedTuple):
    """The ids and names that a tokenizer folder gives its control tokens."""

    cls_id: int
    sep_id: int
    pad_id: int
    mask_token: str


def _special(tokenizer: Tokenizer, folder: Path) -> Special:
    path = folder / "tokenizer_config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        names = [settings[f"{name}_token"] for name in ("cls", "sep", "pad", "mask")]
    except (OSError, ValueError, KeyError) as error:
        raise ClassifierError(
            f"{path}: must name cls_token, sep_token, pad_token and mask_token: {error!r}"
        ) from error
    cls_id, sep_id, pad_id = (tokenizer.token_to_id(name) for name in names[:3])
    if cls_id is None or sep_id is None or pad_id is None:
        raise ClassifierError(f"{path}: names tokens that the tokenizer lacks")
    return Special(cls_id, sep_id, pad_id, names[3])


def _tokenizer(folder: Path) -> tuple[Tokenizer, Special]:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ClassifierError(f"{path}: no such file; --tokenizer must name its folder")
    tokenizer = Tokenizer.from_file(str(path))
    return tokenizer, _special(tokenizer, folder)


def _finite(value: float, run: Warmup) -> float:
    if not math.isfinite(value):
        raise ClassifierError(
            f"step {run.step_count}: the loss is {value}; lower --rate {run.settings.rate}"
        )
    return value


class _Log:
    """Prints the loss and the speed since the last line, every few seconds."""

    def __init__(self) -> None:
        self.restart(0)

    def restart(self, step_count: int) -> None:
        self._since, self._step = time.monotonic(), step_count

    def write(self, run: Warmup, progress: float, loss: float) -> None:
        seconds = time.monotonic() - self._since
        if seconds < _LOG_SECONDS:
            return
        tokens = run.tokens_seen // run.step_count * (run.step_count - self._step)
        print(
            f"step {run.step_count} epoch {run.epochs_seen:.2f} done {progress:.1%} "
            f"loss {loss:.4f} rate {run.settings.rate * rate_frac(progress):.2e} "
            f"{tokens / seconds:,.0f} tokens/s",
            flush=True,
        )
        self.restart(run.step_count)


def train(run: Warmup, pace: Pace, checkpoint: Callable[[Progress], None]) -> None:
    """Train until the pace is at its end; `checkpoint` is called at intervals and at the end.

    A loss that is no finite number is a ClassifierError, and no checkpoint is made of it.
    """
    log, begin = _Log(), time.monotonic()
    saved = begin
    while (progress := pace.progress(run.step_count)) < 1:
        loss = run.step(rate_frac(progress))
        if run.step_count == 1:
            # The first step, at rate 0, is the one that waits for the compiler.
            print(f"loss {float(loss):.4f} at first, {time.monotonic() - begin:.0f} s", flush=True)
            pace.start()
            log.restart(1)
        if run.step_count % _STEPS_BETWEEN_READINGS == 0:
            log.write(run, progress, _finite(float(loss), run))
            if time.monotonic() - saved >= run.settings.checkpoint_seconds:
                checkpoint(_progress(run, begin, is_finished=False))
                saved = time.monotonic()
                log.restart(run.step_count)
    _finite(float(loss), run)
    checkpoint(_progress(run, begin, is_finished=True))


def _progress(run: Warmup, begin: float, *, is_finished: bool) -> Progress:
    held_out = run.held_out()
    for group, scores in held_out.items():
        _finite(scores.loss, run)
        print(
            f"step {run.step_count} held out {group}: loss {scores.loss:.4f} "
            f"accuracy {scores.accuracy:.4f} over {scores.tokens} tokens",
            flush=True,
        )
    return Progress(
        steps=run.step_count,
        tokens=run.tokens_seen,
        epochs=run.epochs_seen,
        seconds=time.monotonic() - begin,
        is_finished=is_finished,
        held_out=held_out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="classifiers.warmup", description=main.__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--output", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--tokenizer", type=Path, default=DEFAULT, help="folder of tokenizer*.json")
    parser.add_argument("--architecture", choices=["electra", "bert"], default="electra")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="small")
    for name in ("layers", "hidden", "embedding", "heads", "feedforward", "positions"):
        parser.add_argument(f"--{name}", type=int, help="in place of the shape's")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--masked", type=float, default=0.3, help="share of tokens hidden")
    parser.add_argument("--dropout", type=float, default=0.0, help="0: the text outlasts the run")
    parser.add_argument("--batch-tokens", type=int, default=131_072)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--minutes", type=float, help="from the start of the program")
    length.add_argument("--steps", type=int)
    parser.add_argument("--checkpoint-seconds", type=float, default=120.0)
    parser.add_argument("--eager", action="store_true", help="do without torch.compile")
    return parser


def _settings(args: argparse.Namespace) -> Settings:
    shape = SHAPES[args.shape]
    sizes = {name: getattr(args, name) for name in asdict(shape)}
    return Settings(
        architecture=args.architecture,
        shape=replace(shape, **{name: size for name, size in sizes.items() if size is not None}),
        seed=args.seed,
        rate=args.rate,
        masked_frac=args.masked,
        dropout=args.dropout,
        batch_tokens=args.batch_tokens,
        minutes=args.minutes,
        steps=args.steps,
        checkpoint_seconds=args.checkpoint_seconds,
        is_compiled=not args.eager,
    )


def _run(args: argparse.Namespace, settings: Settings, begin: float) -> None:
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClassifierError(f"--output {args.output}: {error}") from error
    tokenizer, special = _tokenizer(args.tokenizer)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(settings.seed)
    model = new_encoder(
        settings.architecture,
        settings.shape,
        vocabulary_size=tokenizer.get_vocab_size(),
        pad_id=special.pad_id,
        dropout=settings.dropout,
    ).to(device)
    known = vocabulary(tokenizer, special.mask_token, device)
    ends = (special.cls_id, special.sep_id)
    rows = corpus(args.files, tokenizer, ends, settings.shape.positions, settings.seed)
    print(
        f"{rows.train.size:,} tokens of {len(rows.sources)} sources, "
        f"{sum(weight.numel() for weight in model.parameters()):,} parameters, {device}, "
        f"after {time.monotonic() - begin:.0f} s",
        flush=True,
    )

    def checkpoint(progress: Progress) -> None:
        text = card(settings, rows, progress, tokenizer.get_vocab_size())
        save(model, args.tokenizer, text, args.output)
        print(f"{args.output}: step {progress.steps}", flush=True)

    deadline = begin + 60 * (settings.minutes or 0)
    train(Warmup(model, rows, known, settings), Pace(settings.steps, deadline), checkpoint)


def main(argv: Sequence[str] | None = None) -> int:
    """Train an encoder to predict hidden tokens and write it, with its card, as a checkpoint."""
    begin = time.monotonic()
    args = _parser().parse_args(argv)
    try:
        _run(args, _settings(args), begin)
    except ClassifierError as error:
        print(f"classifiers.warmup: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
