"""Fine-tuning of any sequence classifier on labelled rows, with early stopping.

Shape suffixes: N rows, B windows of a batch, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from classifiers import ClassifierError
from classifiers.checkpoint import folder_of
from classifiers.labelled import Labelled, Split, drawn_rows
from classifiers.measures import average_precision, logits_of, mean_known
from classifiers.model import Scorer, frame_of, load, max_tokens_of, model_of
from classifiers.outputs import with_heads
from classifiers.steps import batches, drawn_window, masked_loss, padded

__all__ = [
    "TEACHER_SHARE", "Encode", "Epoch", "Ids", "Settings", "Told", "device_of", "teacher_labels",
    "tuned",
]  # fmt: skip

I64 = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

_WARMUP_FRAC: Final = 0.06  # Liu et al. 2019, RoBERTa's fine-tuning
# Devlin et al. 2019 took 2e-5 to 5e-5 for models of 768 and 1024; the small ones of Turc et al.
# 2019 up to 3e-4.
_LARGE_HIDDEN: Final = 512
_RATES: Final = (3e-4, 5e-5)
# The larger of the two batch sizes of Devlin et al. 2019; short texts would else give few steps.
_BATCH_WINDOWS: Final = 32
# A teacher's probability and the label count alike (Hinton et al. 2015 weigh the two losses).
TEACHER_SHARE: Final = 0.5
# Less than this is no better than the epoch before.
_LEAST_GAIN: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Ids:
    """Token ids of texts, end to end: text n is ids[offsets[n] : offsets[n + 1]]."""

    ids: npt.NDArray[np.uint32]
    offsets: I64

    def of(self, row: int) -> npt.NDArray[np.uint32]:
        """Return the ids of one text."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def taken(self, rows: I64) -> Ids:
        """Return the ids of some texts."""
        parts = [self.of(row) for row in rows.tolist()]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        return Ids(np.concatenate([*parts, np.empty(0, dtype=np.uint32)]), offsets)


class Encode(Protocol):
    """What makes token ids of texts by a tokenizer.json, without special tokens."""

    def __call__(self, tokenizer: Path, texts: Sequence[str]) -> Ids:
        """Return the ids."""


class Told(Protocol):
    """Who is told how far training has come."""

    def step(self, share: float, loss: float) -> None:
        """Take note of a step: the share of all epochs that is over, and its loss."""

    def line(self, text: str) -> None:
        """Show a sentence."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is a function of, besides rows, base and versions.

    `rate` None: by the size of the base. `metric` chooses the epoch: "loss" or "ap" on valid.
    """

    base: str = "default"
    epochs: int = 5
    rate: float | None = None
    batch_tokens: int = 8192
    patience: int = 2
    metric: str = "loss"
    seed: int = 0
    valid_frac: float = 0.15
    test_frac: float = 0.15
    precisions: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.99)
    teacher: str | None = None
    mlm_steps: int = 200
    threads: int = 1
    device: str = "auto"

    def __post_init__(self) -> None:
        for name, value, least in (
            ("epochs", self.epochs, 1),
            ("batch-tokens", self.batch_tokens, 16),
            ("patience", self.patience, 1),
            ("mlm-steps", self.mlm_steps, 1),
            ("threads", self.threads, 1),
            ("seed", self.seed, 0),
        ):
            if value < least:
                raise ClassifierError(f"--{name} {value}: give {least} or more")
        if self.rate is not None and not 0 < self.rate < 1:
            raise ClassifierError(f"--lr {self.rate:g}: give a rate above 0, such as 5e-5")
        if min(self.valid_frac, self.test_frac) <= 0 or self.valid_frac + self.test_frac >= 1:
            raise ClassifierError(
                f"--valid-frac {self.valid_frac:g} and --test-frac {self.test_frac:g}: each must "
                "be above 0, and something must be left to train on"
            )
        for precision in self.precisions:
            if not 0 < precision <= 1:
                raise ClassifierError(f"--precision {precision:g}: give a share, such as 0.9")


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch's losses (nats a label) and the mean average precision on valid."""

    steps: int
    train_loss: float
    valid_loss: float
    valid_ap: float


def device_of(settings: Settings) -> torch.device:
    """Return the device that the settings name; ClassifierError for a GPU that there is not."""
    if settings.device == "cpu" or (settings.device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ClassifierError("--device cuda: torch finds no GPU; leave it out to use the CPU")
    return torch.device("cuda")


def teacher_labels(
    rows: Labelled, train: I64, teacher: str, encode: Encode, device: torch.device
) -> F32:
    """Return the labels, those of the rows `train` mixed by halves with a checkpoint's scores.

    Cross-entropy is linear in the label, so that is the mean of the two losses of distillation
    (Hinton et al. 2015, at temperature 1). Where there is no label the teacher's stands alone. Its
    outputs count for the heads of the same name, capitals aside; ClassifierError where none does.
    """
    scorer = load(teacher, device=device.type)
    own = [label.lower() for label in scorer.labels]
    shared = [at for at, head in enumerate(rows.heads) if head.lower() in own]
    if not shared:
        raise ClassifierError(
            f"--teacher {teacher}: has {', '.join(scorer.labels)}, and the heads are "
            f"{', '.join(rows.heads)}: none of the same name"
        )
    found = encode(scorer.tokenizer_path, [rows.texts[row] for row in train.tolist()])
    scores = scorer.score_ids(found.ids, found.offsets)
    labels = rows.labels.copy()
    for at in shared:
        soft = scores[:, own.index(rows.heads[at].lower())]
        hard = labels[train, at]
        mixed = (1 - TEACHER_SHARE) * hard + TEACHER_SHARE * soft
        labels[train, at] = np.where(np.isnan(hard), soft, mixed)
    return labels


class Tuning:
    """The state of one run: the model with its new heads, its optimizer, and how it scores."""

    def __init__(self, rows: Labelled, settings: Settings, encode: Encode) -> None:
        self.folder = folder_of(settings.base)
        self.tokenizer_path = self.folder / "tokenizer.json"
        self.device = device_of(settings)
        model: Any = model_of(self.folder, dtype=torch.float32, may_lack_head=True)
        self.model: Any = with_heads(model, rows.heads).to(self.device)
        config = self.model.config
        self.frame = frame_of(self.tokenizer_path)
        self.max_tokens = max_tokens_of(config, self.folder)
        self.room = self.max_tokens - self.frame.count
        self._pad_id = int(getattr(config, "pad_token_id", None) or 0)
        if settings.batch_tokens < self.max_tokens:
            raise ClassifierError(
                f"--batch-tokens {settings.batch_tokens}: must hold a window of {self.max_tokens}"
            )
        self.rate = settings.rate or _RATES[int(config.hidden_size) >= _LARGE_HIDDEN]
        self.scorer = Scorer(
            self.model, tokenizer_path=self.tokenizer_path, max_tokens=self.max_tokens
        )
        self.ids = encode(self.tokenizer_path, rows.texts)
        weights = list(self.model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in weights if weight.ndim >= 2]},
            {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(
            groups, lr=self.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
        )

    def step(self, windows: Sequence[np.ndarray], labels: F32, progress: float) -> float:
        """Take one step at a progress of 0 to 1 through the schedule; return the loss."""
        share = min(1.0, (progress + 1e-3) / _WARMUP_FRAC) * (1 - progress)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate * share
        ids_BT, mask_BT = padded(windows, self.frame, self._pad_id)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            logits_BH = self.model(
                input_ids=ids_BT.to(self.device), attention_mask=mask_BT.to(self.device)
            ).logits
        loss = masked_loss(logits_BH.float(), torch.from_numpy(labels).to(self.device))
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss.detach())

    def scores(self, rows: I64) -> npt.NDArray[np.float64]:
        """Return the scores of rows (rows, H) as the model is now: those of stage classify."""
        taken = self.ids.taken(rows)
        self.model.eval()
        found = self.scorer.score_ids(taken.ids, taken.offsets)
        return found.astype(np.float64)


def _valid_figures(tuning: Tuning, rows: Labelled, valid: I64) -> tuple[float, float]:
    """Return loss and mean average precision of the scores of whole documents."""
    scores = tuning.scores(valid)
    logits = torch.from_numpy(logits_of(scores))
    loss = float(masked_loss(logits, torch.from_numpy(rows.labels[valid].astype(np.float64))))
    precisions = []
    for at in range(len(rows.heads)):
        known = rows.known(at)[valid]
        precisions.append(average_precision(scores[known, at], rows.positive(at)[valid][known]))
    return loss, mean_known(precisions)


def _epoch(
    tuning: Tuning, rows: Labelled, labels: F32, train: I64, settings: Settings, epoch: int,
    told: Told,
) -> tuple[int, float]:  # fmt: skip
    """Train for one epoch; return the steps and the mean loss."""
    rng = np.random.default_rng((settings.seed, epoch))
    drawn = train[drawn_rows([rows.sources[row] for row in train.tolist()], rng)]
    windows = [drawn_window(rng, tuning.ids.of(row), tuning.room) for row in drawn.tolist()]
    lengths = np.array([len(window) for window in windows])
    plan = list(
        batches(lengths, rng, settings.batch_tokens, _BATCH_WINDOWS, tuning.frame.count)
    )  # fmt: skip
    tuning.model.train()
    losses = []
    for number, chosen in enumerate(plan):
        progress = (epoch + number / len(plan)) / settings.epochs
        loss = tuning.step([windows[at] for at in chosen], labels[drawn[chosen]], progress)
        if not math.isfinite(loss):
            raise ClassifierError(
                f"epoch {epoch + 1}, step {number + 1}: the loss is {loss}; lower --lr "
                f"{tuning.rate:g}"
            )
        losses.append(loss)
        told.step(progress, loss)
    return len(plan), float(np.mean(losses))


def tuned(
    tuning: Tuning, rows: Labelled, labels: F32, split: Split, settings: Settings, told: Told
) -> list[Epoch]:
    """Train until the metric on valid has not risen for `patience` epochs; return all epochs.

    The model is left as it was after the best one. `labels` are those to train on, the teacher's
    mixed in; valid is measured by the rows' own. A loss that is no number is a ClassifierError.
    """
    train, valid = split.rows("train"), split.rows("valid")
    log: list[Epoch] = []
    best, best_value, best_epoch = None, -math.inf, -1
    for epoch in range(settings.epochs):
        steps, loss = _epoch(tuning, rows, labels, train, settings, epoch, told)
        valid_loss, valid_ap = _valid_figures(tuning, rows, valid)
        log.append(Epoch(steps, loss, valid_loss, valid_ap))
        value = valid_ap if settings.metric == "ap" else -valid_loss
        told.line(
            f"epoch {epoch + 1}: loss {loss:.4f}, on valid {valid_loss:.4f}, "
            f"mean average precision {valid_ap:.3f}"
        )
        if value > best_value + _LEAST_GAIN:
            best_value, best_epoch = value, epoch
            best = {name: part.clone() for name, part in tuning.model.state_dict().items()}
        elif epoch - best_epoch >= settings.patience:
            break
    if best is None:
        raise ClassifierError(f"the loss on valid is {log[-1].valid_loss}; lower --lr")
    tuning.model.load_state_dict(best)
    return log
