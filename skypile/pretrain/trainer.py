"""A run of training: steps, validation, the guard, the log and checkpoints, from any step on."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from skypile.errors import OutputError, RunError, SkyPileError
from skypile.pretrain.checkpoint import (
    CheckpointWriter,
    State,
    captured,
    checkpoints,
    newest,
    read_state,
    restore,
)
from skypile.pretrain.config import ExecutionConfig
from skypile.pretrain.feed import Feed
from skypile.pretrain.flops import CONVENTIONS, flops_per_token, mfu
from skypile.pretrain.log import RunLog
from skypile.pretrain.model import Llama
from skypile.pretrain.muon import muon
from skypile.pretrain.optim import adamw
from skypile.pretrain.plan import Plan, StagePlan
from skypile.pretrain.ranks import Ranks
from skypile.pretrain.rows import Batch
from skypile.pretrain.run_config import Optimizer, RunConfig
from skypile.pretrain.sharding import sharded_loss
from skypile.pretrain.step import StepResult, built_model, loss_function, training_step
from skypile.pretrain.token_set import TokenSet
from skypile.pretrain.validation import ValidationRows, risen

__all__ = ["Trainer", "execution_on"]

LOG_FILE = "log.jsonl"
_MOST_BACK_OFFS = 3
# What a resumed run has of its own; all else of the state is the checkpoint's.
_OF_THE_PROCESS = ("config", "data", "threads", "ranks")
Seen = Callable[[int, str], None]


def execution_on(device: torch.device, execution: ExecutionConfig) -> ExecutionConfig:
    """Return how a model is computed on a device: a CPU has no varlen kernel, and compiles nothing.

    Compiling for a CPU takes minutes and a C++ compiler, and would not keep resumed losses equal.
    """
    if device.type == "cuda":
        return execution
    attention = "dense" if execution.attention == "varlen" else execution.attention
    return execution.model_copy(update={"attention": attention, "compiled": "none"})


def _optimizer(model: Llama, asked: Optimizer) -> torch.optim.Optimizer:
    betas = (asked.beta1, asked.beta2)
    if asked.name == "adamw":
        return adamw(model, betas=betas, weight_decay=asked.weight_decay)
    return muon(model, momentum=asked.momentum, betas=betas, weight_decay=asked.weight_decay)


@dataclass
class _Meter:
    """What happened since the last record: time spent in steps, tokens, and losses not yet read."""

    begun: float = field(default_factory=time.perf_counter)
    tokens: int = 0
    pairs: float = 0.0
    results: list[tuple[int, StepResult]] = field(default_factory=list)


class Trainer:
    """Trains a model as a config says; all that it keeps lies in the folder `output`."""

    def __init__(
        self, config: RunConfig, tokens: TokenSet, output: Path, ranks: Ranks, *, threads: int
    ) -> None:
        self.config, self.tokens, self.output, self.ranks = config, tokens, output, ranks
        self.plan = Plan(config, tokens)
        self._execution = execution_on(ranks.device, config.execution)
        eager = self._execution.model_copy(update={"compiled": "none"})
        if ranks.count > 1:
            self._execution = eager
        dtype = torch.bfloat16 if ranks.device.type == "cuda" else torch.float32
        self.model = built_model(
            config.model, self._execution, device=ranks.device, dtype=dtype, seed=config.seed
        )
        if ranks.count > 1:
            self._loss_of = self._validation_loss_of = sharded_loss(self.model, eager, ranks)
        else:
            self._loss_of = loss_function(self.model, self._execution)
            self._validation_loss_of = loss_function(self.model, eager)
        self._optimizer = _optimizer(self.model, config.optimizer)
        self._validation = ValidationRows(config, tokens)
        self._feed = Feed(ranks, documents_apart=self._execution.attention != "causal")
        self._writer = CheckpointWriter(output / "checkpoints", keep=config.checkpoints.keep)
        self._state = State(
            step=0, config=config.model_dump(mode="json", by_alias=True), data=tokens.facts,
            threads=threads, ranks=ranks.count, counts=[],
        )  # fmt: skip
        self._meter = _Meter()
        self._first_step = 0

    def resume(self, folder: Path, state: State) -> None:
        """Go on from a checkpoint of this run."""
        restore(folder, self.model, self._optimizer)
        self.plan = Plan(self.config, self.tokens, back_offs=state.back_offs)
        if state.step < self.plan.step_count:
            try:
                self.plan.learn(state.step, state.counts)
            except ValueError as error:
                raise RunError(f"{folder}: {error}; it is damaged") from error
        kept = {name: getattr(self._state, name) for name in _OF_THE_PROCESS}
        if _guards(state.config) != _guards(self._state.config):
            kept["stopped"] = None
        self._first_step = state.step
        self._state = state.model_copy(update=kept)

    def run(self, seen: Seen) -> None:
        """Train to the end of the last stage. `seen` is told of steps that are done.

        Raises RunError where a guard stops the run, a loss is no number or memory runs out, and
        OutputError where a checkpoint cannot be written; the last complete one stays in each case.
        """
        self._log = RunLog(self.output / LOG_FILE, step=self._state.step) if (
            self.ranks.is_first) else None  # fmt: skip
        try:
            with _steady_memory():
                while self._state.step < self.plan.step_count and not self._state.stopped:
                    self._span(seen)
                if self._state.stopped:
                    raise RunError(f"{self._state.stopped}; {self.kept()}")
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            raise RunError(
                f"step {self._state.step + 1}: out of memory with {self.config.micro_batch_rows} "
                f"rows of {self.config.seq_len} tokens at a time; lower micro_batch_rows, the "
                f"batch stays what it is; {self.kept()}"
            ) from error
        finally:
            with suppress(OutputError):
                self._writer.wait()
            if self._log is not None:
                self._log.close()

    def _span(self, seen: Seen) -> None:
        """Train up to the next validation, and validate."""
        first = self._state.step
        stage = self.plan.stage_of(first)
        if first == stage.first:
            self._begin(stage)
        every = self.config.validation.every_steps
        end = min(stage.end, (first // every + 1) * every)
        self._meter = _Meter()
        for step, batches in enumerate(self._feed.steps(self.plan, first, end), first):
            self._step(step, batches, stage, seen)
            if step + 1 == end:
                self._read_results(stage)
                self._validate(stage)
                self._guard(stage)
            if self._is_checkpoint_due(step + 1):
                self._read_results(stage)
                self._save()

    def _begin(self, stage: StagePlan) -> None:
        """Begin a stage: with the weights of another run where it says so, and a baseline."""
        if stage.config.start is not None:
            self._start_from(newest(Path(stage.config.start)))
        if stage.config.start is not None or self._state.validated_step != stage.first:
            self._validate(stage)
        self._change(baseline=self._state.validated)

    def _start_from(self, folder: Path) -> None:
        """Take weights and moments of another run; raises RunError where its tokens mean others."""
        theirs, ours = read_state(folder).data["tokenizer"], self.tokens.facts["tokenizer"]
        if theirs != ours:
            raise RunError(
                f"start {folder}: was trained on tokens of tokenizer {theirs[:16]}, those of "
                f"{self.tokens.path} are of {ours[:16]}; tokenize by the same one"
            )
        restore(folder, self.model, self._optimizer)

    def _step(self, step: int, batches: list[Batch], stage: StagePlan, seen: Seen) -> None:
        result = training_step(
            self._loss_of, self._optimizer, batches, learning_rate=self.plan.learning_rate(step),
            max_norm=self.config.optimizer.clip_norm, ranks=self.ranks,
        )  # fmt: skip
        self._change(step=step + 1)
        self._writer.check()
        self._meter.tokens += self.config.batch_tokens
        self._meter.pairs += sum(batch.pairs for batch in batches) * self.ranks.count
        self._meter.results.append((step, result))
        if (step + 1) % self.config.log_every_steps == 0 or step == stage.first:
            loss = self._read_results(stage)
            seen(step + 1, f"{stage.config.name}, loss {loss:.3f}")

    def _read_results(self, stage: StagePlan) -> float:
        """Wait for the steps since the last record, check their losses, log the last of them."""
        meter = self._meter
        if not meter.results:
            return math.nan
        both = torch.stack([torch.stack([r.loss, r.gradient_norm]) for _, r in meter.results])
        values: list[list[float]] = both.tolist()
        for (step, _), (loss, norm) in zip(meter.results, values, strict=True):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise self._not_a_number(step, loss, norm)
        seconds = time.perf_counter() - meter.begun
        step, (loss, norm) = meter.results[-1][0], values[-1]
        if (step + 1) % self.config.log_every_steps == 0 or step == stage.first:
            self._record(stage, step, loss, norm, meter.tokens / seconds)
            self._meter = _Meter()
        else:
            meter.results.clear()
        return loss

    def _record(
        self, stage: StagePlan, step: int, loss: float, norm: float, tokens_per_second: float
    ) -> None:
        record = {
            "kind": "step", "step": step + 1, "stage": stage.config.name,
            "tokens": (step + 1) * self.config.batch_tokens, "loss": loss,
            "lr": self.plan.learning_rate(step), "grad_norm": norm,
            "tokens_per_second": round(tokens_per_second, 1),
        }  # fmt: skip
        if self.ranks.device.type == "cuda":
            pairs = self._meter.pairs / self._meter.tokens
            record["mfu"] = {
                convention: round(mfu(
                    tokens_per_second / self.ranks.count,
                    flops_per_token(self.config.model, convention,
                                    row_tokens=self.config.seq_len, pairs_per_token=pairs),
                ), 4)
                for convention in CONVENTIONS
            }  # fmt: skip
        if self._log is not None:
            self._log.add(record)

    def _validate(self, stage: StagePlan) -> None:
        losses = self._validation.losses(self._validation_loss_of, self.ranks)
        step = self._state.step
        self._change(validated_step=step, validated=losses)
        if self._log is not None and losses:
            self._log.add(
                {
                    "kind": "validation", "step": step, "stage": stage.config.name,
                    "tokens": step * self.config.batch_tokens, "losses": losses,
                }
            )  # fmt: skip

    def _guard(self, stage: StagePlan) -> None:
        """Stop, or back off, where a general domain has lost more than the stage's budget."""
        guard, state = stage.config.guard, self._state
        if guard is None:
            return
        rises = risen(state.validated, state.baseline, self._validation.is_general)
        over = {name: rise for name, rise in rises.items() if rise > guard.budget_nats}
        if not over:
            return
        told = ", ".join(f"{name} by {rise:.4f}" for name, rise in sorted(over.items()))
        sentence = (
            f"stage {stage.config.name}, step {state.step}: held-out loss rose above the guard's "
            f"budget of {guard.budget_nats:g} nats: {told}"
        )
        earlier = [at for at in state.back_offs if at >= stage.first]
        may_back_off = guard.action == "back_off" and len(earlier) < _MOST_BACK_OFFS
        has_subsets = any(not source.is_general for source in stage.sources)
        acts = may_back_off and has_subsets
        if acts and state.step < stage.end:
            self._change(back_offs=[*state.back_offs, state.step])
            self.plan = Plan(self.config, self.tokens, back_offs=self._state.back_offs)
        elif not acts:
            self._change(stopped=sentence)
        if self._log is not None:
            action = "back_off" if acts else "stop"
            self._log.add({"kind": "guard", "step": state.step, "stage": stage.config.name,
                           "risen": over, "action": action})  # fmt: skip

    def _is_checkpoint_due(self, step: int) -> bool:
        is_end = any(step == stage.end for stage in self.plan.stages)
        return bool(
            is_end or self._state.stopped or step % self.config.checkpoints.every_steps == 0
        )

    def _save(self) -> None:
        step = self._state.step
        is_over = step == self.plan.step_count
        self._change(counts=[] if is_over else self.plan.counts(step).tolist())
        snapshot = captured(self.model, self._optimizer, self._state, is_kept=self.ranks.is_first)
        if self.ranks.is_first:
            self._writer.begin(snapshot)
            if is_over:
                self._writer.wait()

    @property
    def first_step(self) -> int:
        """How many steps were done when this process began."""
        return self._first_step

    def _change(self, **changes: object) -> None:
        self._state = self._state.model_copy(update=changes)

    def kept(self) -> str:
        """Return, in words, which checkpoint there is."""
        with suppress(OutputError):
            self._writer.wait()
        there = checkpoints(self.output / "checkpoints")
        return f"{there[-1]} is intact" if there else "there is no checkpoint yet"

    def _not_a_number(self, step: int, loss: float, norm: float) -> SkyPileError:
        """Return the error of a loss that is none, after writing which rows the step had."""
        rows = [f"{row.stream.name}:{row.number}" for row in self.plan.rows(step)]
        path = self.output / f"failed-step-{step + 1}.json"
        if self.ranks.is_first:
            # The loss is what is to be told, even where the disk is full as well.
            with suppress(OSError):
                path.write_text(json.dumps({"step": step + 1, "rows": rows}) + "\n", "utf-8")
        return RunError(
            f"step {step + 1} of stage {self.plan.stage_of(step).config.name}: the loss is {loss}, "
            f"the gradients' norm {norm}; its {len(rows)} rows ({', '.join(rows[:3])}, ...) are in "
            f"{path}; {self.kept()}"
        )


def _guards(config: dict[str, Any]) -> list[Any]:
    return [stage.get("guard") for stage in config["stages"]]


def _is_out_of_memory(error: BaseException) -> bool:
    # On a CPU torch says so by a RuntimeError like any other.
    is_named = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return is_named or "can't allocate memory" in str(error)


@contextmanager
def _steady_memory() -> Iterator[None]:
    """Keep Python's collector out of the way: a sweep stalls a step for up to half a second."""
    was_on = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
