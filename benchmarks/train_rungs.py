"""The settings that the training benchmark measures, and one measurement.

A rung is isolated: its model is freed before the next, and an error is a result of its own.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from train_clock import Clock, PowerLog, synchronise

from skypile.pretrain.config import SHAPES, ExecutionConfig, ModelConfig
from skypile.pretrain.flops import CONVENTIONS, PEAK_FLOPS, flops_per_token, mfu
from skypile.pretrain.optim import adamw, cosine_rate
from skypile.pretrain.rows import Batch, Rows, prefetched
from skypile.pretrain.step import LossOf, StepResult, built_model, loss_function, training_step
from skypile.pretrain.token_file import TokenFile

__all__ = ["Rung", "measured"]

_WARMUP_STEPS = 10
_PROFILED_STEPS = 3
_TOP_KERNELS = 20


@dataclass(frozen=True)
class Rung:
    """One setting: a shape, how it is computed, and how many tokens at a time."""

    name: str
    shape: str
    execution: ExecutionConfig
    row_tokens: int
    batch_rows: int
    accumulation: int = 1
    warmup_steps: int = _WARMUP_STEPS
    steps: int = 15

    @property
    def documents_apart(self) -> bool:
        """Whether documents are kept apart: not where attention runs over whole rows."""
        return self.execution.attention != "causal"

    @property
    def step_tokens(self) -> int:
        """The tokens of one optimizer step."""
        return self.row_tokens * self.batch_rows * self.accumulation

    def settings(self) -> dict[str, Any]:
        """Return what the result is labelled with."""
        return {
            "name": self.name,
            "shape": self.shape,
            **self.execution.model_dump(),
            "row_tokens": self.row_tokens,
            "batch_rows": self.batch_rows,
            "accumulation": self.accumulation,
            "steps": self.steps,
        }


def measured(
    rung: Rung, source: TokenFile, device: torch.device, *, profile_to: Path | None = None
) -> dict[str, Any]:
    """Return a rung's settings with its results, or with the `error` that ended it."""
    started = time.perf_counter()
    result = rung.settings()
    try:
        result |= _result(rung, source, device, profile_to)
    except Exception as error:  # noqa: BLE001 - out of memory and the compiler's errors are results
        result["error"] = f"{type(error).__name__}: {error}"[:1500]
    gc.enable()
    gc.unfreeze()
    torch._dynamo.reset()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    result["wall_seconds"] = time.perf_counter() - started
    return result


def _result(
    rung: Rung, source: TokenFile, device: torch.device, profile_to: Path | None
) -> dict[str, Any]:
    config = SHAPES[rung.shape]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    model = built_model(config, rung.execution, device=device, dtype=dtype, seed=0)
    loss_of = loss_function(model, rung.execution)
    optimizer = adamw(model)
    rows = Rows(source, row_tokens=rung.row_tokens, seed=0, documents_apart=rung.documents_apart)
    step_count = rung.warmup_steps + rung.steps + (_PROFILED_STEPS if profile_to else 0)
    batch_count = step_count * rung.accumulation
    slots = rows.document_slots(start=0, batch_count=batch_count, batch_rows=rung.batch_rows)
    batches = prefetched(
        rows.batches(
            start=0, batch_count=batch_count, batch_rows=rung.batch_rows, document_slots=slots
        ),
        device,
    )
    try:
        found = _timed(rung, config, loss_of, optimizer, batches, device)
        if profile_to:
            try:
                found["kernels"] = _profiled(rung, loss_of, optimizer, batches, profile_to, device)
            except Exception as error:  # noqa: BLE001 - a profiler that fails costs no measurement
                found["profile_error"] = str(error)[:300]
    finally:
        batches.close()
    if device.type == "cuda":
        found["peak_memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return {**found, "document_slots": slots}


def _step(
    rung: Rung,
    loss_of: LossOf,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[Batch],
    step: int,
) -> tuple[StepResult, float]:
    """Do one step; return its result and the mean pairs per token of its batches."""
    micro_batches = [next(batches) for _ in range(rung.accumulation)]
    rate = cosine_rate(step, step_count=2000, warmup_steps=10)
    result = training_step(loss_of, optimizer, micro_batches, learning_rate=rate)
    tokens = sum(batch.token_count for batch in micro_batches)
    return result, sum(batch.pairs for batch in micro_batches) / tokens


def _timed(
    rung: Rung,
    config: ModelConfig,
    loss_of: LossOf,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[Batch],
    device: torch.device,
) -> dict[str, Any]:
    results: list[StepResult] = []
    pairs: list[float] = []
    clock = Clock(device)
    started = time.perf_counter()
    results.append(_step(rung, loss_of, optimizer, batches, 0)[0])
    synchronise(device)
    first_seconds = time.perf_counter() - started
    for step in range(1, rung.warmup_steps):
        results.append(_step(rung, loss_of, optimizer, batches, step)[0])
    # A collection of the interpreter's garbage would stall the queue of kernels.
    gc.collect()
    gc.freeze()
    gc.disable()
    synchronise(device)
    with PowerLog(device) as power:
        clock.mark()
        for step in range(rung.warmup_steps, rung.warmup_steps + rung.steps):
            result, pairs_per_token = _step(rung, loss_of, optimizer, batches, step)
            clock.mark()
            results.append(result)
            pairs.append(pairs_per_token)
        milliseconds = clock.milliseconds()
    return {
        "first_step_seconds": first_seconds,
        "loss_first": results[0].loss.item(),
        "loss_last": results[-1].loss.item(),
        "gradient_norm_last": results[-1].gradient_norm.item(),
        **_speed(rung, config, milliseconds, statistics.mean(pairs)),
        **power.summary,
    }


def _speed(
    rung: Rung, config: ModelConfig, milliseconds: list[float], pairs_per_token: float
) -> dict[str, Any]:
    """Return rates by the mean of all steps: a slow step counts as it came."""
    ordered = sorted(milliseconds)
    tokens_per_second = rung.step_tokens * len(ordered) / (sum(ordered) / 1e3)
    flops = {
        convention: flops_per_token(
            config, convention, row_tokens=rung.row_tokens, pairs_per_token=pairs_per_token
        )
        for convention in CONVENTIONS
    }
    return {
        "tokens_per_second": tokens_per_second,
        "step_ms_median": statistics.median(ordered),
        "step_ms_min": ordered[0],
        "step_ms_max": ordered[-1],
        "step_ms_p90": ordered[int(0.9 * (len(ordered) - 1))],
        "pairs_per_token": pairs_per_token,
        "tflops": {each: flops[each] * tokens_per_second / 1e12 for each in CONVENTIONS},
        "mfu": {each: mfu(tokens_per_second, flops[each], peak=PEAK_FLOPS) for each in CONVENTIONS},
    }


def _profiled(
    rung: Rung,
    loss_of: LossOf,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[Batch],
    path: Path,
    device: torch.device,
) -> dict[str, float]:
    """Write the kernels by time to `path`; return the share (0..1) of each group of kernels."""
    kinds = torch.profiler.ProfilerActivity
    kind = kinds.CUDA if device.type == "cuda" else kinds.CPU
    with torch.profiler.profile(activities=[kind]) as profile:
        for step in range(_PROFILED_STEPS):
            _step(rung, loss_of, optimizer, batches, rung.warmup_steps + rung.steps + step)
        synchronise(device)
    times = {
        event.key: (_own_microseconds(event, device), event.count)
        for event in profile.key_averages()
    }
    total = sum(time for time, _ in times.values()) or 1.0
    lines = [f"{rung.settings()}", f"{total / 1e3 / _PROFILED_STEPS:.1f} ms of kernels per step"]
    for key, (time_us, count) in sorted(times.items(), key=lambda item: -item[1][0])[:_TOP_KERNELS]:
        per_step = time_us / 1e3 / _PROFILED_STEPS
        calls = count / _PROFILED_STEPS
        lines.append(f"{per_step:9.3f} ms {time_us / total:6.1%} {calls:6.0f} calls  {key[:160]}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    shares: dict[str, float] = {}
    for key, (time_us, _) in times.items():
        shares[_group(key)] = shares.get(_group(key), 0.0) + time_us / total
    return shares


def _own_microseconds(event: Any, device: torch.device) -> float:
    """Return the time of kernels, or of operators on CPU; the runtime's own calls count for 0."""
    if device.type == "cuda":
        return float(event.self_device_time_total)
    return float(event.self_cpu_time_total)


_GROUPS = {
    "attention": ("flash", "fmha", "sdpa", "attn", "cudnn_generated"),
    "optimizer": ("adam", "multi_tensor", "lpnorm", "foreach"),
    "matmul": ("gemm", "nvjet", "cutlass", "xmma", "cublas"),
    "fused": ("triton",),
    "copy": ("memcpy", "memset"),
}


def _group(kernel: str) -> str:
    name = kernel.lower()
    for group, marks in _GROUPS.items():
        if any(mark in name for mark in marks):
            return group
    return "other"
