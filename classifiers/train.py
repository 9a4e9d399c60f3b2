"""Training of the default classifier from the warmed-up encoder, on a CPU or a GPU.

`python -m classifiers.train --data DIR --output DIR`. The folders DIR/labels, DIR/corpus and
DIR/lexicons are read; the output folder must hold the tokenizer. Shape suffixes: B windows of a
batch, T positions, H heads.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError
from classifiers.data import HEADS, Document, labelled_documents
from classifiers.evaluate import LANGUAGES, evaluation, table, write_metrics
from classifiers.model import Scorer, load, max_tokens_of
from classifiers.plan import Group, epoch_windows, training_documents, training_groups
from classifiers.rows_file import read_documents, write_documents
from classifiers.steps import batches, masked_loss
from classifiers.trainer import Settings, Training, new_model

__all__ = ["Settings", "Training", "batches", "main", "masked_loss", "new_model", "save", "train"]

WARM: Final = Path(__file__).parent / "weights" / "warm"
_WARMUP_STEPS: Final = 150
_AVERAGE_DECAY: Final = 0.998
_DEV_CAP: Final = 80
# The choice of the epoch needs no more than the first and the last window of a document.
_CHOICE_WINDOWS: Final = 2


def _dev_sample(documents: Sequence[Document]) -> list[Document]:
    """Return at most `_DEV_CAP` dev documents of each (head, language, label), first come."""
    taken: Counter[tuple[int, str, float]] = Counter()
    sample = []
    for doc in documents:
        keys = [(at, doc.lang, x) for at, x in enumerate(doc.labels) if x == x]
        if any(taken[key] < _DEV_CAP for key in keys):
            sample.append(doc)
            taken.update(keys)
    return sample


def mean_auc(result: dict[str, Any]) -> float:
    """Return the plain mean of the AUCs of all heads and languages of an evaluation."""
    values = [groups[x]["auc"] for groups in result.values() for x in LANGUAGES if x in groups]
    return float(np.mean(values))


def dev_score(training: Training, dev: Sequence[Document]) -> float:
    """Return the mean AUC of the averaged weights on dev documents and print the table."""
    scorer = Scorer(
        training.average,
        tokenizer_path=training.tokenizer_path,
        max_tokens=max_tokens_of(training.average.config, training.tokenizer_path.parent),
        max_windows=_CHOICE_WINDOWS,
    )
    result = evaluation(scorer, dev)
    print(table(result), flush=True)
    return mean_auc(result)


def train(
    groups: Sequence[Group],
    dev: Sequence[Document],
    folder: Path,
    settings: Settings,
    base: Path = WARM,
) -> list[dict[str, Any]]:
    """Train, leave the averaged weights of the epoch best on `dev` in `folder`, return the log."""
    training = Training(folder, base, settings)
    epochs = []
    for epoch in range(settings.epochs):
        seed = settings.order_seed
        windows, labels = epoch_windows(groups, settings.max_tokens - 2, seed, epoch)
        lengths = np.array([len(window) for window in windows])
        rng = np.random.default_rng((seed, epoch, 1))
        plan = list(batches(lengths, rng, settings.batch_tokens, _most_windows(settings)))
        epochs.append((windows, labels, plan))
    all_steps = sum(len(plan) for _, _, plan in epochs)
    log: list[dict[str, Any]] = []
    begin, best = time.monotonic(), -1.0
    for epoch, (windows, labels, plan) in enumerate(epochs):
        training.model.train()
        losses = []
        for rows in plan:
            batch = [windows[row] for row in rows]
            losses.append(training.step(batch, labels[rows], all_steps=all_steps))
            if training.step_count % 100 == 0:
                loss = _finite(float(torch.stack(losses[-100:]).mean()), training)
                print(
                    f"epoch {epoch} step {training.step_count}/{all_steps} "
                    f"loss {loss:.4f} {time.monotonic() - begin:.0f} s",
                    flush=True,
                )
        entry = {
            "loss": round(_finite(float(torch.stack(losses).mean()), training), 4),
            "tokens": sum(len(window) + 2 for window in windows),
            "steps": len(plan),
            "dev_sample_mean_auc": round(dev_score(training, dev), 4),
        }
        log.append(entry)
        print(f"epoch {epoch}: {entry}", flush=True)
        if entry["dev_sample_mean_auc"] > best:
            best = entry["dev_sample_mean_auc"]
            save(training.average, folder)
    return log


def _finite(loss: float, training: Training) -> float:
    if not math.isfinite(loss):
        raise ClassifierError(
            f"step {training.step_count}: the loss is {loss}; lower --rate {training.settings.rate}"
        )
    return loss


def _most_windows(settings: Settings) -> int:
    """Return how many windows a batch may have: as `steps.batches` has by default at 4,096 tokens,
    in proportion.
    """
    return max(1, settings.batch_tokens // 32)


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write config.json and model.safetensors (fp16), each beside its name and then renamed."""
    transformers_logging.disable_progress_bar()
    beside = folder / ".part"
    beside.mkdir(exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(beside)
    for name in ("config.json", "model.safetensors"):
        (beside / name).chmod(0o644)  # safetensors writes files that only their owner can read
        (beside / name).replace(folder / name)
    for left in beside.iterdir():
        left.unlink()
    beside.rmdir()


def _sources(documents: Sequence[Document]) -> dict[str, dict[str, Any]]:
    """Return, per source and licence, how many documents and how many labels of each head."""
    found: dict[str, dict[str, Any]] = {}
    for doc in documents:
        entry = found.setdefault(
            doc.source, {"license": doc.license, "documents": 0, **{name: [0, 0] for name in HEADS}}
        )
        entry["documents"] += 1
        for name, label in zip(HEADS, doc.labels, strict=True):
            if label == label:
                entry[name][int(label)] += 1
    return dict(sorted(found.items()))


def _settings(argv: Sequence[str] | None) -> tuple[Settings, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="classifiers.train", description=main.__doc__)
    parser.add_argument("--data", type=Path, help="holds labels, corpus, lexicons")
    parser.add_argument("--rows", type=Path, help="keeps the rows made of --data; where it is "
        "a file already they come from it, and --data is not read")  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, help="holds tokenizer*.json")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--base", type=Path, default=WARM, help="the encoder to start from")
    parser.add_argument("--layers", type=int, default=2, help="how many of its layers, from below")
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--weak", type=int, default=4000, help="composed documents of each kind")
    parser.add_argument("--windows", type=float, default=1.0, help="share of the planned windows")
    parser.add_argument("--max-tokens", type=int, default=512, help="of a window, with CLS and SEP")
    parser.add_argument("--without", nargs="*", default=[], help="sources not to train on")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--run", type=int, default=0, help="another order, the same rows and start")
    parser.add_argument("--batch-tokens", type=int, default=8_192)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--hidden", type=float, default=0.2, help="share of tokens masked")
    parser.add_argument(
        "--teacher", nargs="*", default=[], help="folders of trained six-head models"
    )
    args = parser.parse_args(argv)
    settings = Settings(
        seed=args.seed,
        epochs=args.epochs,
        layers=args.layers,
        rate=args.rate,
        weak=args.weak,
        windows=args.windows,
        max_tokens=args.max_tokens,
        threads=args.threads,
        without=tuple(args.without),
        run=args.run,
        batch_tokens=args.batch_tokens,
        dropout=args.dropout,
        teachers=tuple(args.teacher),
        hidden=args.hidden,
    )
    return settings, args


def _documents(
    args: argparse.Namespace, settings: Settings
) -> tuple[list[Document], list[Document]]:
    """Return the rows to train on and the dev rows, from --rows where that is a file."""
    made_of = {"seed": settings.seed, "weak": settings.weak, "without": list(settings.without)}
    if args.rows is not None and args.rows.is_file():
        parts = read_documents(args.rows, made_of)
        return parts["train"], parts["dev"]
    if args.data is None:
        raise ClassifierError("--data: name the folder that holds labels, corpus and lexicons")
    documents = training_documents(args.data, settings.seed, settings.weak, settings.without)
    dev = labelled_documents(args.data, "dev", cross=False)
    if args.rows is not None:
        write_documents(args.rows, {"train": documents, "dev": dev}, made_of)
    return documents, dev


def main(argv: Sequence[str] | None = None) -> int:
    """Train the classifier on the folder's labels and write fp16 weights, config and metrics."""
    settings, args = _settings(argv)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_num_threads(settings.threads)
    begin = time.monotonic()
    try:
        documents, dev = _documents(args, settings)
        tokenizer = Tokenizer.from_file(str(args.output / "tokenizer.json"))
        groups = training_groups(documents, tokenizer, settings.windows)
        print(f"{len(documents)} documents after {time.monotonic() - begin:.0f} s", flush=True)
        log = train(groups, _dev_sample(dev), args.output, settings, args.base)
        result = evaluation(load(args.output), dev)
    except ClassifierError as error:
        print(f"classifiers.train: {error}")
        return 1
    training = {
        **asdict(settings),
        "epochs": log,
        "windows_per_epoch": {group.name: group.draw_count for group in groups},
        "sources": _sources(documents),
    }
    write_metrics(args.output, {"training": training, "dev": result})
    print(table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
