"""The service without HTTP: documents of a request in, judged batches out, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import Future

import pyarrow as pa
from starlette.concurrency import run_in_threadpool

from skypile.errors import SkyPileError
from skypile.recipe import Recipe
from skypile.serve.answers import Answers
from skypile.serve.batching import Batcher, QueueFullError
from skypile.serve.keys import Keys
from skypile.serve.lanes import Lane
from skypile.serve.metrics import Log, Metrics
from skypile.serve.problems import Problem, busy, draining
from skypile.serve.settings import Limits

__all__ = ["Service"]

# How often a request that has some of its answers looks whether the queue has room again.
_LOOK_SECONDS = 0.02


class Service:
    """What requests share: the recipe, the queue, the counters, and whether it takes requests."""

    def __init__(
        self, recipe: Recipe, lanes: Sequence[Lane], limits: Limits, *, keys: Keys | None,
        log: Log, models: bool = True, hosts: frozenset[str] | None = None,
    ) -> None:  # fmt: skip
        self.recipe, self.limits, self.keys, self.log = recipe, limits, keys, log
        self.models = models
        # Names by which the service may be called; None is all.
        self.hosts = hosts
        self.answers = Answers(recipe)
        self.metrics = Metrics()
        self._lanes = len(lanes)
        self.batcher = Batcher(lanes, limits, self)
        self.metrics.watch(self.batcher, lambda: self.ready)
        self.draining = False
        self.under_way = 0  # requests below /v1

    def start(self) -> None:
        """Begin to load the recipe; `ready` tells when that is done."""
        self.batcher.start()

    def close(self) -> None:
        """Answer what waits and end the lanes; blocks."""
        self.batcher.close()

    @property
    def ready(self) -> bool:
        """Whether documents are taken."""
        return self.batcher.ready and not self.draining

    def batch_done(self, documents: int, text_bytes: int, seconds: float) -> None:
        """Count a batch; called by the batcher."""
        self.metrics.batch_done(documents, text_bytes, seconds)

    def lane_failed(self, error: Exception) -> None:
        """Count and log it; called by the batcher. Messages of our own hold no text."""
        self.metrics.lane_failures.inc()
        told = str(error) if isinstance(error, SkyPileError) else ""
        self.log.write("lane_failed", exception=type(error).__name__, message=told)

    def admit(self) -> None:
        """Raise the Problem of a request that cannot be taken now."""
        if self.draining:
            raise draining()
        if not self.batcher.ready:
            raise Problem(
                503, "loading", "the recipe is being loaded", where="the service",
                hint="send it again when /readyz answers 200", headers={"Retry-After": "5"},
            )  # fmt: skip
        # The one that asks is counted already.
        if self.under_way > self.limits.max_requests:
            raise busy(f"{self.under_way:,} requests are under way", self.batcher.retry_seconds)

    async def judged(
        self, batches: Iterator[pa.RecordBatch], *, score_all: bool
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the documents of `batches` judged, in order; few of them are held at a time.

        Problem 429 where there is no room for the first, 503 and 504 where time runs out.
        """
        pending: deque[Future[pa.RecordBatch]] = deque()
        try:
            first = True
            pieces = self._pieces(batches)
            while (piece := await run_in_threadpool(next, pieces, None)) is not None:
                pending.append(await self._submitted(piece, score_all=score_all, wait=not first))
                first = False
                if len(pending) > self._lanes:
                    yield await self._first(pending)
            while pending:
                yield await self._first(pending)
        finally:
            for left in pending:
                left.cancel()

    def _pieces(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Cut what readers yield, 4 MB and more, into what one call of the stages takes."""
        rows = self.limits.batch_documents
        for batch in batches:
            for at in range(0, batch.num_rows, rows):
                yield batch.slice(at, rows)

    async def _submitted(
        self, piece: pa.RecordBatch, *, score_all: bool, wait: bool
    ) -> Future[pa.RecordBatch]:
        waited = 0.0
        while True:
            try:
                return self.batcher.submit(piece, score_all=score_all)
            except QueueFullError as error:
                if not wait:
                    raise busy(str(error), error.retry_seconds) from error
                if waited >= self.limits.timeout_seconds:
                    raise self._late(begun=False) from error
            await asyncio.sleep(_LOOK_SECONDS)
            waited += _LOOK_SECONDS

    async def _first(self, pending: deque[Future[pa.RecordBatch]]) -> pa.RecordBatch:
        """Take the first of `pending` off once it is kept; it stays where its client leaves."""
        found = await self._answer(pending[0])
        pending.popleft()
        return found

    async def _answer(self, promise: Future[pa.RecordBatch]) -> pa.RecordBatch:
        waiting = asyncio.wrap_future(promise)
        done, _ = await asyncio.wait([waiting], timeout=self.limits.timeout_seconds)
        if not done:
            # Nobody is left to ask what becomes of it. Where no lane has begun, none will.
            waiting.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise self._late(begun=not promise.cancel())
        try:
            return waiting.result()
        except SkyPileError as error:
            raise Problem(
                503, "not_curated", "the documents could not be judged", where="the service",
                hint="send them again; where that fails, in smaller requests, and see its log",
                headers={"Retry-After": "5"},
            ) from error  # fmt: skip

    def _late(self, *, begun: bool) -> Problem:
        told = f"{self.limits.timeout_seconds:g} s"
        retry = {"Retry-After": str(self.batcher.retry_seconds)}
        if begun:
            return Problem(
                504, "timeout", f"judging took longer than {told}", where="the service",
                hint="send fewer or smaller documents in one request", headers=retry,
            )  # fmt: skip
        return Problem(
            503, "overloaded", f"the documents waited longer than {told}",
            where="the service's queue", hint="send them again later, as Retry-After says",
            headers=retry,
        )  # fmt: skip
