"""What the service counts, for Prometheus; and its log: one JSON object a line, without texts."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from skypile.serve.batching import Batcher

__all__ = ["Log", "LogHandler", "Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_DOCUMENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_BYTES = tuple(1 << power for power in range(10, 25, 2))


class Metrics:
    """Counters of one service; they stand in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "skypile_requests", "Requests answered.", ("route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "skypile_request_seconds", "From a request's head to the end of its answer.",
            ("route",), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.documents = Counter(
            "skypile_documents", "Documents answered.", ("outcome", "reason"), registry=registry
        )
        self.batch_documents = Histogram(
            "skypile_batch_documents", "Documents judged by one call of the stages.",
            buckets=_DOCUMENTS, registry=registry,
        )  # fmt: skip
        self.batch_bytes = Histogram(
            "skypile_batch_text_bytes", "Bytes of text judged by one call of the stages.",
            buckets=_BYTES, registry=registry,
        )  # fmt: skip
        self.batch_seconds = Histogram(
            "skypile_batch_seconds", "How long one call of the stages took.", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.lane_failures = Counter(
            "skypile_lane_failures", "Curating processes that ended or failed.", registry=registry
        )
        self.under_way = Gauge(
            "skypile_requests_under_way", "Requests that are being answered.", registry=registry
        )
        self._queue = Gauge(
            "skypile_queue_documents", "Documents that wait to be judged.", registry=registry
        )
        self._ready = Gauge("skypile_ready", "1 while requests are taken.", registry=registry)

    def watch(self, batcher: Batcher, ready: Callable[[], bool]) -> None:
        """Have the gauges show what `batcher` and `ready` say when they are read."""
        self._queue.set_function(lambda: batcher.waiting_documents)
        self._ready.set_function(lambda: float(ready()))

    def batch_done(self, documents: int, text_bytes: int, seconds: float) -> None:
        """Count a batch."""
        self.batch_documents.observe(documents)
        self.batch_bytes.observe(text_bytes)
        self.batch_seconds.observe(seconds)

    def answered(self, counts: Mapping[tuple[str, str | None, str | None], int]) -> None:
        """Count documents by outcome and reason."""
        for (outcome, reason, _), number in counts.items():
            self.documents.labels(outcome, reason or "").inc(number)

    def text(self) -> bytes:
        """Return all in Prometheus's format."""
        return generate_latest(self.registry)


class Log:
    """Writes events, each as one line of JSON."""

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet

    def write(self, event: str, **fields: Any) -> None:
        """Write an event. Fields hold numbers, names and codes, never what a request holds."""
        if self._quiet:
            return
        line = {"time": _now(), "event": event, **fields}
        self._stream.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._stream.flush()


def _now() -> str:
    now = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{whole}.{int(now % 1 * 1000):03d}Z"


class LogHandler(logging.Handler):
    """Hands what libraries log to a Log: the place of an exception, not its message."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, without its arguments: they may hold what a client has sent."""
        fields: dict[str, Any] = {"level": record.levelname.lower(), "logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-3:]
            fields["at"] = [f"{frame.filename}:{frame.lineno}" for frame in frames]
        self._log.write(str(record.msg).splitlines()[0][:200] if record.msg else "", **fields)
