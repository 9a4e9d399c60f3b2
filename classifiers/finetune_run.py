"""A whole fine-tuning run: rows in, a checkpoint folder with its card and figures out."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from transformers.utils import logging as transformers_logging

from classifiers import ClassifierError, calibration
from classifiers.checkpoint import fingerprint, folder_of
from classifiers.finetune import (
    Encode,
    Epoch,
    Settings,
    Told,
    Tuning,
    teacher_labels,
    tuned,
)
from classifiers.finetune_card import card
from classifiers.labelled import Labelled, Split, check_heads, counted, split_of
from classifiers.outputs import fold
from classifiers.splits import SPLITS
from classifiers.unlabelled import warm_up

__all__ = ["Origin", "fine_tune"]

_TOKENIZER_FILES: Final = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from, for the card: files (name -> SHA-256, None where not hashed)."""

    files: Mapping[str, str | None]
    group_by: str
    unreadable: int = 0


@contextmanager
def _own_state(settings: Settings) -> Iterator[None]:
    """Give the block torch's generator at the seed and the settings' threads; undo both."""
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            yield
    finally:
        torch.set_num_threads(threads)


def fine_tune(
    rows: Labelled,
    settings: Settings,
    output: Path,
    *,
    encode: Encode,
    told: Told,
    origin: Origin,
    unlabelled: Sequence[str] | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Train on rows and write the folder `output`; return what its metrics.json holds.

    The folder is written beside and renamed: a run that fails leaves what was there. `unlabelled`
    texts are for masked language modelling first. Raises ClassifierError, which names what is
    wrong, where the rows, the base or the settings cannot be used.
    """
    check_heads(rows)
    split = split_of(rows, settings.valid_frac, settings.test_frac, settings.seed)
    with _own_state(settings):
        tuning = Tuning(rows, settings, encode)
        labels = rows.labels
        if settings.teacher is not None:
            train = split.rows("train")
            labels = teacher_labels(rows, train, settings.teacher, encode, tuning.device)
        mlm = None
        if unlabelled is not None:
            mlm = warm_up(tuning, unlabelled, settings, encode, told)
        log = tuned(tuning, rows, labels, split, settings, told)
        metrics = {
            "model": _model(tuning, rows, settings),
            "data": _data(rows, split, origin),
            "training": _training(tuning, settings, log, mlm),
            **_judged(tuning, rows, split, settings),
        }
        _publish(tuning, metrics, output, overwrite=overwrite)
    return metrics


def _model(tuning: Tuning, rows: Labelled, settings: Settings) -> dict[str, Any]:
    return {
        "heads": list(rows.heads),
        "architecture": type(tuning.model).__name__,
        "parameters": sum(weight.numel() for weight in tuning.model.parameters()),
        "base": _shown(settings.base),
        "base_fingerprint": fingerprint(tuning.folder),
        "max_tokens": tuning.max_tokens,
        "max_windows": tuning.scorer.max_windows,
    }


def _shown(name: str) -> str:
    """Return a checkpoint's name for the card: of a folder the last part, where it lies is no fact.

    Its fingerprint tells it from another of that name.
    """
    return Path(name).absolute().name if Path(name).is_dir() else name


def _data(rows: Labelled, split: Split, origin: Origin) -> dict[str, Any]:
    splits = {}
    for name in SPLITS:
        chosen = split.rows(name)
        splits[name] = {
            "groups": len({rows.groups[row] for row in chosen.tolist()}),
            "rows": len(chosen),
            **{
                head: [
                    int((rows.known(at) & ~rows.positive(at))[chosen].sum()),
                    int(rows.positive(at)[chosen].sum()),
                ]
                for at, head in enumerate(rows.heads)
            },
        }
    return {
        "files": [{"name": name, "sha256": told} for name, told in origin.files.items()],
        "rows": len(rows),
        "unreadable": origin.unreadable,
        "group_by": origin.group_by,
        "near_copies": split.copies,
        "splits": splits,
        "licenses": counted([name or "not given" for name in rows.licenses]),
        "languages": counted(rows.languages),
        "sources": counted(rows.sources),
    }


def _training(
    tuning: Tuning, settings: Settings, log: Sequence[Epoch], mlm: dict[str, Any] | None
) -> dict[str, Any]:
    values = [one.valid_ap if settings.metric == "ap" else -one.valid_loss for one in log]
    teacher = None
    if settings.teacher is not None:
        teacher = {
            "name": _shown(settings.teacher),
            "fingerprint": fingerprint(folder_of(settings.teacher)),
        }
    return {
        "seed": settings.seed,
        "epochs": settings.epochs,
        "patience": settings.patience,
        "metric": settings.metric,
        "best_epoch": int(np.nanargmax(values)) + 1,
        "rate": tuning.rate,
        "batch_tokens": settings.batch_tokens,
        "valid_frac": settings.valid_frac,
        "test_frac": settings.test_frac,
        "threads": settings.threads,
        "device": "fp32 on the CPU" if tuning.device.type == "cpu" else "bf16 on CUDA",
        "torch": torch.__version__,
        "teacher": teacher,
        "mlm": mlm,
        "log": [
            {
                "steps": one.steps,
                "loss": round(one.train_loss, 4),
                "valid_loss": round(one.valid_loss, 4),
                "valid_ap": None if math.isnan(one.valid_ap) else round(one.valid_ap, 4),
            }
            for one in log
        ],
    }


def _judged(tuning: Tuning, rows: Labelled, split: Split, settings: Settings) -> dict[str, Any]:
    """Calibrate the model on valid, in place, and return what it does on test."""
    valid, test = split.rows("valid"), split.rows("test")
    raw = tuning.scores(test)
    folded = calibration.pooled(tuning.scores(valid), rows, valid)
    fold(tuning.model, folded)
    valid_scores, scores = tuning.scores(valid), tuning.scores(test)
    languages = calibration.by_language(valid_scores, rows, valid)
    return {
        "calibration": {
            "folded": {
                head: {"slope": round(one.slope, 6), "offset": round(one.offset, 6)}
                for head, one in zip(rows.heads, folded, strict=True)
            },
            "languages": languages,
        },
        "test": calibration.evaluation(scores, raw, rows, test, settings.seed, languages),
        "test_by_source": calibration.by_source(scores, rows, test, settings.seed),
        "thresholds": calibration.thresholds(
            scores, rows, test, settings.precisions, (valid_scores, valid)
        ),
    }


def _publish(tuning: Tuning, metrics: dict[str, Any], output: Path, *, overwrite: bool) -> None:
    """Write all files of the checkpoint into a folder beside `output`, then rename it."""
    output = output.absolute()
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
        try:
            _write(tuning, metrics, beside / "new")
            _rename(beside, output, overwrite=overwrite)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise ClassifierError(f"{output}: cannot be written: {error}") from error


def _rename(beside: Path, output: Path, *, overwrite: bool) -> None:
    if output.exists():
        if not overwrite:
            raise ClassifierError(f"{output}: is there by now; give another --output")
        output.rename(beside / "old")
    (beside / "new").rename(output)


def _write(tuning: Tuning, metrics: dict[str, Any], folder: Path) -> None:
    transformers_logging.disable_progress_bar()
    tuning.model.cpu().save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        if (tuning.folder / name).is_file():
            shutil.copyfile(tuning.folder / name, folder / name)
    texts = {
        "metrics.json": _json(metrics),
        "calibration.json": _json(metrics["calibration"]),
        "README.md": card(metrics),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for path in folder.iterdir():
        path.chmod(0o644)  # safetensors writes files that only their owner can read


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
