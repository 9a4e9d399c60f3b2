"""Micro-batches: documents of several requests judged by one call of the stages.

A request's documents wait in one queue for all; a lane that is free takes what is there, as far as
a batch may hold, and waits a few milliseconds for more where it is not full. While a lane works the
queue fills, so batches grow with the load by themselves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from skypile.errors import SkyPileError
from skypile.serve.lanes import Lane, LaneLostError
from skypile.serve.settings import Limits

__all__ = ["Batcher", "Job", "QueueFullError", "Watcher"]

# Over how many of the last batches the speed is taken that Retry-After goes by.
_LAST_BATCHES = 20
_MAX_RETRY_SECONDS = 60


class QueueFullError(Exception):
    """The queue has no room for this batch."""

    def __init__(self, documents: int, retry_seconds: int) -> None:
        super().__init__(f"{documents:,} documents are waiting")
        self.retry_seconds = retry_seconds


class Watcher(Protocol):
    """Is told of what the batcher does, from the lanes' threads."""

    def batch_done(self, documents: int, text_bytes: int, seconds: float) -> None:
        """A lane has judged a batch of so many documents with so many bytes of text."""

    def lane_failed(self, error: Exception) -> None:
        """A lane could not start, or has ended."""


@dataclass
class Job:
    """Some documents of one request, and the promise of what becomes of them."""

    batch: pa.RecordBatch
    score_all: bool
    result: Future[pa.RecordBatch] = field(default_factory=Future)

    @property
    def documents(self) -> int:
        """How many documents it has."""
        return int(self.batch.num_rows)

    @property
    def text_bytes(self) -> int:
        """How many bytes its texts have."""
        return int(self.batch.column("text").nbytes)


class Batcher:
    """The queue, and a thread for each lane. `submit` may be called from any thread."""

    def __init__(self, lanes: Sequence[Lane], limits: Limits, watcher: Watcher) -> None:
        self._lanes, self._limits, self._watcher = tuple(lanes), limits, watcher
        self._waiting: deque[Job] = deque()
        self._documents = self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._ready: set[int] = set()
        self._failed: Exception | None = None
        self._speeds: deque[tuple[int, float]] = deque(maxlen=_LAST_BATCHES)
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"lane-{number}", daemon=True)
            for number in range(len(self._lanes))
        ]

    def start(self) -> None:
        """Start the lanes; `ready` tells when they have loaded what the recipe needs."""
        for thread in self._threads:
            thread.start()

    @property
    def ready(self) -> bool:
        """Whether every lane can curate."""
        return len(self._ready) == len(self._lanes)

    @property
    def failed(self) -> Exception | None:
        """What kept a lane from starting, None where nothing did."""
        return self._failed

    @property
    def waiting_documents(self) -> int:
        """How many documents wait for a lane."""
        return self._documents

    @property
    def retry_seconds(self) -> int:
        """In how many seconds what waits now will have been judged, by the last batches' speed."""
        documents = sum(count for count, _ in self._speeds)
        seconds = sum(taken for _, taken in self._speeds)
        wait = self._documents * seconds / documents / len(self._lanes) if documents else 1.0
        return max(1, min(_MAX_RETRY_SECONDS, round(wait)))

    def submit(self, batch: pa.RecordBatch, *, score_all: bool = False) -> Future[pa.RecordBatch]:
        """Return the promise of `batch` judged. Cancelled before a lane takes it, it is left out.

        Raises QueueFullError where there is no room; a queue that is empty has room for any batch.
        """
        job = Job(batch, score_all)
        with self._changed:
            if not self._has_room(job):
                self._drop_cancelled()
            if not self._has_room(job):
                raise QueueFullError(self._documents, self.retry_seconds)
            self._put(job)
        return job.result

    def _has_room(self, job: Job) -> bool:
        if not self._waiting:
            return True
        limits = self._limits
        return (
            self._documents + job.documents <= limits.max_queue_documents
            and self._bytes + job.text_bytes <= limits.max_queue_bytes
        )

    def _put(self, job: Job) -> None:
        self._waiting.append(job)
        self._documents += job.documents
        self._bytes += job.text_bytes
        self._changed.notify()

    def _drop_cancelled(self) -> None:
        left = [job for job in self._waiting if not job.result.cancelled()]
        self._waiting = deque(left)
        self._documents = sum(job.documents for job in left)
        self._bytes = sum(job.text_bytes for job in left)

    def close(self) -> None:
        """End the lanes once the queue is empty; blocks until they have."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for lane in self._lanes:
            lane.close()

    def kill(self) -> None:
        """End what lanes do beside this process, which is about to end itself."""
        for lane in self._lanes:
            lane.kill()

    def _run(self, number: int) -> None:
        lane = self._lanes[number]
        try:
            lane.start()
        except SkyPileError as error:
            self._failed = error
            self._watcher.lane_failed(error)
            return
        self._ready.add(number)
        # An executor turns whatever a lane raises into a result, so that no promise is forgotten.
        with ThreadPoolExecutor(1, thread_name_prefix=f"lane-{number}-work") as hand:
            while jobs := self._next():
                for score_all in (False, True):
                    kind = [job for job in jobs if job.score_all == score_all]
                    if kind:
                        self._judge(hand, lane, kind, score_all=score_all)

    def _next(self) -> list[Job]:
        """Return the next jobs, which then belong to the caller; none once all is closed."""
        jobs: list[Job] = []
        with self._changed:
            while not jobs:
                while not self._waiting:
                    if self._closed:
                        return []
                    self._changed.wait()
                until = time.monotonic() + self._limits.batch_wait_seconds
                while self._take(jobs) and not self._closed:
                    left = until - time.monotonic()
                    if left <= 0:
                        break
                    self._changed.wait(left)
        return jobs

    def _take(self, jobs: list[Job]) -> bool:
        """Move jobs out of the queue as far as a batch may hold; tell whether it may hold more."""
        documents = sum(job.documents for job in jobs)
        size = sum(job.text_bytes for job in jobs)
        while self._waiting:
            job = self._waiting[0]
            fits = (
                documents + job.documents <= self._limits.batch_documents
                and size + job.text_bytes <= self._limits.batch_bytes
            )
            if jobs and not fits:
                return False
            self._waiting.popleft()
            self._documents -= job.documents
            self._bytes -= job.text_bytes
            if job.result.cancelled() or not job.result.set_running_or_notify_cancel():
                continue
            jobs.append(job)
            documents, size = documents + job.documents, size + job.text_bytes
        return documents < self._limits.batch_documents and size < self._limits.batch_bytes

    def _judge(
        self, hand: ThreadPoolExecutor, lane: Lane, jobs: list[Job], *, score_all: bool
    ) -> None:
        batch = pa.concat_batches([job.batch for job in jobs]) if len(jobs) > 1 else jobs[0].batch
        begun = time.monotonic()
        done = hand.submit(lane.curate, batch, score_all=score_all)
        error = done.exception()
        if isinstance(error, Exception) and not isinstance(error, SkyPileError):
            self._watcher.lane_failed(error)
        if isinstance(error, LaneLostError):
            self._watcher.lane_failed(error)
            if len(jobs) > 1:  # one of them may have ended the lane
                for job in jobs:
                    self._judge(hand, lane, [job], score_all=score_all)
                return
        if error is not None:
            for job in jobs:
                job.result.set_exception(error)
            return
        seconds = time.monotonic() - begun
        self._speeds.append((batch.num_rows, seconds))
        self._watcher.batch_done(batch.num_rows, batch.column("text").nbytes, seconds)
        at = 0
        for job in jobs:
            job.result.set_result(done.result().slice(at, job.documents))
            at += job.documents
