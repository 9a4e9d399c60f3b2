"""One run of masked-language-model training: its settings, its schedule and its steps.

Shape suffixes: B rows of a batch, T positions, K slots for masked positions, N packed rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from classifiers import ClassifierError
from classifiers.encoder import Architecture, Shape, predictions
from classifiers.masking import Masked, Vocabulary, masked
from classifiers.rows import Corpus

__all__ = ["HeldOut", "Pace", "Progress", "Settings", "Warmup", "rate_frac"]

# Of a run's steps or time: warm-up, then stable, then linear decay to zero (Hu et al. 2024,
# MiniCPM, found 10 % of decay enough; a short run gains from more).
_WARMUP_FRAC: Final = 0.02
_DECAY_FRAC: Final = 0.3
_HELD_OUT_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is a function of, besides its data, the tokenizer and, with minutes, the clock."""

    architecture: Architecture
    shape: Shape
    seed: int
    rate: float
    masked_frac: float
    dropout: float
    batch_tokens: int
    minutes: float | None
    steps: int | None
    checkpoint_seconds: float
    is_compiled: bool

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ClassifierError("give either --minutes or --steps")
        if (self.minutes or self.steps or 0) <= 0:
            raise ClassifierError("--minutes or --steps: must be above 0")
        if not 0 < self.masked_frac < 1:
            raise ClassifierError(f"--masked {self.masked_frac}: must be between 0 and 1")
        if self.batch_tokens < self.shape.positions:
            raise ClassifierError(
                f"--batch-tokens {self.batch_tokens}: must hold a row of {self.shape.positions}"
            )


def rate_frac(progress: float) -> float:
    """Return the share of the peak learning rate at a progress of 0 to 1, both of which give 0."""
    share = min(1.0, progress / _WARMUP_FRAC, (1 - progress) / _DECAY_FRAC)
    return max(0.0, share)


class Pace:
    """How much of a run is over, by its steps or by a clock that stops at `deadline`."""

    def __init__(
        self, steps: int | None, deadline: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps, self._deadline, self._clock = steps, deadline, clock
        self._begin: float | None = None

    def start(self) -> None:
        """Let the clock run from now on: what came before (compilation) is no progress."""
        self._begin = self._clock()

    def progress(self, step_count: int) -> float:
        """Return 0 before the start and 1 when the run is over."""
        if self._steps is not None:
            return min(1.0, step_count / self._steps)
        if self._begin is None:
            return 0.0
        if self._deadline <= self._begin:
            return 1.0
        return min(1.0, (self._clock() - self._begin) / (self._deadline - self._begin))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Mean loss (nats) and accuracy over the hidden tokens of one group's held-out rows."""

    tokens: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, for its log and its card."""

    steps: int
    tokens: int
    epochs: float
    seconds: float
    is_finished: bool
    held_out: Mapping[str, HeldOut]


class Warmup:
    """The state of one run: the model, its optimizer, the rows and the order of this epoch."""

    def __init__(
        self, model: torch.nn.Module, rows: Corpus, known: Vocabulary, settings: Settings
    ) -> None:
        self.settings, self.model, self._known = settings, model, known
        self._device = next(model.parameters()).device
        self._train_NT = torch.from_numpy(rows.train).to(self._device)
        self._held_out = {
            group: torch.from_numpy(rows_NT).to(self._device)
            for group, rows_NT in rows.held_out.items()
        }
        self._slot_count = max(1, round(settings.masked_frac * settings.shape.positions))
        self._batch_rows = min(settings.batch_tokens // settings.shape.positions, len(rows.train))
        self._random = torch.Generator(self._device).manual_seed(settings.seed)
        self._order_N = torch.zeros(0, dtype=torch.int64)
        self._loss = torch.compile(
            self._eager_loss, dynamic=False, disable=not settings.is_compiled
        )
        weights = list(model.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [weight for weight in weights if weight.ndim >= 2]},
            {"params": [weight for weight in weights if weight.ndim < 2], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(
            groups,
            lr=settings.rate,
            betas=(0.9, 0.98),
            weight_decay=0.01,
            fused=True,
        )
        self.step_count = 0

    @property
    def tokens_seen(self) -> int:
        """Return how many tokens the steps so far have read, repeats included."""
        return self.step_count * self._batch_rows * self.settings.shape.positions

    @property
    def epochs_seen(self) -> float:
        """Return how often the training rows have been read."""
        return self.step_count * self._batch_rows / len(self._train_NT)

    def step(self, rate_share: float) -> torch.Tensor:
        """Take one step at that share of the peak rate; return the loss, left on the device."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate * rate_share
        batch = masked(self._next_rows(), self._known, self._slot_count, self._random)
        loss = self._loss(*batch)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.step_count += 1
        return loss.detach()

    def held_out(self) -> dict[str, HeldOut]:
        """Return loss and accuracy on the held-out rows of each group, under the same masks."""
        self.model.eval()
        random = torch.Generator(self._device).manual_seed(self.settings.seed)
        found = {}
        for group, rows_NT in self._held_out.items():
            sums = torch.zeros(3, dtype=torch.float64, device=self._device)
            with torch.no_grad():
                for rows_BT in torch.split(rows_NT, _HELD_OUT_ROWS):
                    batch = masked(rows_BT.long(), self._known, self._slot_count, random)
                    sums += self._sums(batch)
            loss, hits, count = sums.tolist()
            found[group] = HeldOut(int(count), loss / max(count, 1), hits / max(count, 1))
        self.model.train()
        return found

    def _next_rows(self) -> torch.Tensor:
        if len(self._order_N) < self._batch_rows:
            self._order_N = torch.randperm(
                len(self._train_NT), generator=self._random, device=self._device
            )
        chosen_B = self._order_N[: self._batch_rows]
        self._order_N = self._order_N[self._batch_rows :]
        return self._train_NT[chosen_B].long()

    def _logits(self, inputs: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        # bf16 arithmetic over fp32 weights; the loss is computed in fp32.
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            return predictions(self.model, inputs, at)

    def _eager_loss(
        self,
        inputs: torch.Tensor,
        at: torch.Tensor,
        targets: torch.Tensor,
        is_used: torch.Tensor,
    ) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(
            self._logits(inputs, at).float(), targets.flatten(), reduction="none"
        )
        used = is_used.flatten()
        return (losses * used).sum() / used.sum().clamp(min=1)

    def _sums(self, batch: Masked) -> torch.Tensor:
        logits = self._logits(batch.inputs, batch.at).float()
        targets, is_used = batch.targets.flatten(), batch.is_used.flatten()
        losses = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
        hits = logits.argmax(dim=-1) == targets
        return torch.stack([(x * is_used).sum().double() for x in (losses, hits, is_used)])
