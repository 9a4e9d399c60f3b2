"""What a card can do, and how busy it is: its matrix rate, its own clock, the driver's samples."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

__all__ = ["Busy", "event", "event_seconds", "matrix_rate"]


def matrix_rate() -> dict[str, float]:
    """Return the bf16 rate in TFLOP/s on random data: a cube of 8192, and the model's products."""
    rates = {}
    shapes = {
        "8192 x 8192 x 8192": (8192, 8192, 8192),
        "65536 x 768 x 2304": (65536, 768, 2304),
        "65536 x 768 x 768": (65536, 768, 768),
        "65536 x 768 x 3072": (65536, 768, 3072),
        "65536 x 3072 x 768": (65536, 3072, 768),
    }
    for name, (rows, inner, columns) in shapes.items():
        left = torch.randn(rows, inner, device="cuda", dtype=torch.bfloat16)
        right = torch.randn(inner, columns, device="cuda", dtype=torch.bfloat16)
        seconds = statistics.median(event_seconds(partial(torch.matmul, left, right), 30))
        rates[name] = 2 * rows * inner * columns / seconds / 1e12
    return rates


def event_seconds(work: Callable[[], Any], count: int) -> list[float]:
    """Return the time on the card of `count` calls, after five that are not counted."""
    for _ in range(5):
        work()
    pairs = []
    for _ in range(count):
        begin, end = event(), event()
        begin.record()
        work()
        end.record()
        pairs.append((begin, end))
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) / 1e3 for begin, end in pairs]


def event() -> torch.cuda.Event:
    """Return a mark on the card's clock."""
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


class Busy:
    """Samples how often the card computes, as the driver reports it; None without its library."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self._stop = threading.Event()
        try:
            torch.cuda.utilization()
        except (ModuleNotFoundError, RuntimeError):
            self._thread = None
        else:
            self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._stop.wait(0.1):
            self.samples.append(int(torch.cuda.utilization()))

    def __enter__(self) -> Busy:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    @property
    def frac(self) -> float | None:
        """The mean share of time with a kernel on the card."""
        return statistics.mean(self.samples) / 100 if self.samples else None
