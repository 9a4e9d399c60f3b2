"""What the training benchmarks measure with: a device's clock, its power, and its facts."""

from __future__ import annotations

import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any, Self

import torch

__all__ = ["Clock", "PowerLog", "facts", "seconds_per_call", "synchronise"]

# Below cuDNN 9.15.1 torch prefers FlashAttention 2 on Hopper, which is slower.
_CUDNN_WANTED = 91501


def synchronise(device: torch.device) -> None:
    """Wait for all that was queued on the device."""
    if device.type == "cuda":
        torch.cuda.synchronize()


class Clock:
    """Marks on a device's own time line: CUDA events, or the wall clock on CPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._events: list[torch.cuda.Event] = []
        self._times: list[float] = []

    def mark(self) -> None:
        """Mark the end of what has been queued."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
            self._events.append(event)
        else:
            self._times.append(time.perf_counter())

    def milliseconds(self) -> list[float]:
        """Return the times between neighbouring marks; waits for the device."""
        synchronise(self._device)
        if self._device.type == "cuda":
            pairs = zip(self._events[:-1], self._events[1:], strict=True)
            return [start.elapsed_time(end) for start, end in pairs]
        return [
            1e3 * (end - start)
            for start, end in zip(self._times[:-1], self._times[1:], strict=True)
        ]


def seconds_per_call(
    call: Callable[[], object], device: torch.device, *, budget_seconds: float = 0.5
) -> float:
    """Return the mean time of a call over about `budget_seconds`, after three to warm up."""
    for _ in range(3):
        call()
    clock = Clock(device)
    clock.mark()
    call()
    clock.mark()
    repeats = max(3, min(500, round(1e3 * budget_seconds / max(clock.milliseconds()[0], 1e-3))))
    clock = Clock(device)
    clock.mark()
    for _ in range(repeats):
        call()
    clock.mark()
    return clock.milliseconds()[0] / repeats / 1e3


class PowerLog:
    """Power and clock of the card twice a second while it is open, where nvidia-smi exists."""

    def __init__(self, device: torch.device) -> None:
        self._is_on = device.type == "cuda"
        self._process: subprocess.Popen[str] | None = None
        self.summary: dict[str, float] = {}

    def __enter__(self) -> Self:
        query = "--query-gpu=power.draw,clocks.sm,temperature.gpu"
        if self._is_on:
            try:
                self._process = subprocess.Popen(
                    ["nvidia-smi", query, "--format=csv,noheader,nounits", "-lms", "500"],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            except OSError:
                self._process = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        lines = self._process.communicate()[0].splitlines()
        samples = [numbers for line in lines if (numbers := _numbers(line))]
        if samples:
            power, clock, temperature = zip(*samples, strict=True)
            self.summary = {
                "power_watts": statistics.median(power),
                "sm_clock_mhz": statistics.median(clock),
                "temperature_celsius": max(temperature),
            }


def _numbers(line: str) -> list[float] | None:
    try:
        numbers = [float(part) for part in line.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == 3 else None


def facts(device: torch.device) -> dict[str, Any]:
    """Return what the results depend on: card, driver, versions, and warnings about them."""
    found: dict[str, Any] = {
        "device": "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "warnings": [],
    }
    if device.type != "cuda":
        found["warnings"].append("on CPU the control flow is checked and nothing is measured")
        return found
    properties = torch.cuda.get_device_properties(device)
    cudnn = torch.backends.cudnn.version() or 0  # type: ignore[no-untyped-call]
    found |= {
        "device": properties.name,
        "memory_gib": round(properties.total_memory / 2**30, 1),
        "multiprocessors": properties.multi_processor_count,
        "cuda": torch.version.cuda,
        "cudnn": cudnn,
        "driver": _smi("driver_version,power.limit,clocks.max.sm"),
    }
    if cudnn < _CUDNN_WANTED:
        found["warnings"].append(
            f"cuDNN {cudnn} < {_CUDNN_WANTED}: torch takes the slower attention; does "
            "LD_LIBRARY_PATH hide the cuDNN that came with torch?"
        )
    return found


def _smi(fields: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"unknown ({error})"
