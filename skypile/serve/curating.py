"""From a request with documents to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from skypile.io.rows import Tally
from skypile.serve.answers import Tallied, Wanted, answers, dumped
from skypile.serve.bodies import Body, body_kind, receive
from skypile.serve.problems import Problem, left, too_large
from skypile.serve.service import Service

__all__ = ["LINES_TYPE", "Asked", "answered_as_json", "answered_as_lines", "explanation"]

LINES_TYPE = "application/x-ndjson"
_Result = TypeVar("_Result")
# How often a request that waits looks whether its client does.
_LOOK_SECONDS = 1.0


async def _while_connected(request: Request, work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of `work`, which is given up where the client leaves before.

    Clients that lose patience and ask again would fill the queue with what nobody waits for.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=_LOOK_SECONDS))[0]:
            if await request.is_disconnected():
                raise left()
        return task.result()
    finally:
        # What it holds is freed by itself, so it must have come to its end.
        task.cancel()
        await asyncio.wait([task])


@dataclass(frozen=True)
class Asked:
    """The parameters of a request."""

    columns: tuple[str, ...] = ()
    text: bool = False
    explain: bool = False

    def wanted(self, service: Service) -> Wanted:
        """Return what is answered; Problem 422 for a column that the recipe does not write."""
        try:
            columns = service.answers.chosen(self.columns)
        except KeyError as error:
            raise Problem(
                422, "unknown_column", f"the recipe writes no column {error.args[0][:60]!r}",
                where="query columns", hint="see /v1/recipe for those that it writes",
            ) from error  # fmt: skip
        limit = service.limits.max_explain_bytes
        return Wanted(columns, text=self.text, explain=self.explain, max_span_bytes=limit)


class _Run:
    """One request's documents: read, judged, answered and counted."""

    def __init__(self, service: Service, request: Request, body: Body, wanted: Wanted) -> None:
        self.service, self.request, self.body, self.wanted = service, request, body, wanted
        self.tally, self.told = Tally(), Tallied()

    async def judged(self, *, lines: bool) -> AsyncGenerator[pa.RecordBatch, None]:
        """Yield the documents judged, piece by piece."""
        read = self.body.batches if lines else self.body.documents
        batches = await run_in_threadpool(read, self.service.limits, self.tally)
        judged = self.service.judged(batches, score_all=self.wanted.explain)
        async with aclosing(judged):
            async for batch in judged:
                yield batch

    async def answers(self, batch: pa.RecordBatch) -> list[bytes]:
        """Return the answers of a judged batch, each as JSON, and count it."""
        first = sum(self.told.ledger.counts.values())
        self.service.metrics.answered(self.told.add(batch))
        return await run_in_threadpool(
            lambda: [
                dumped(each) for each in answers(batch, first, self.service.recipe, self.wanted)
            ]
        )

    def summary(self, *, complete: bool = True) -> bytes:
        """Return the sum as JSON, and leave it for the log."""
        found = self.told.summary(self.tally.read, complete=complete)
        counts = {name: found[name] for name in ("read", "kept", "rejected", "error", "complete")}
        self.request.state.told = {"documents": counts, "bytes": self.body.size}
        return dumped(found)


async def _received(service: Service, request: Request, asked: Asked) -> _Run:
    service.admit()
    wanted = asked.wanted(service)
    _, compression = body_kind(request.headers)
    body = await receive(request.stream().__aiter__(), request.headers, compression, service.limits)
    return _Run(service, request, body, wanted)


async def answered_as_json(service: Service, request: Request, asked: Asked) -> Response:
    """Return the answer to a body of JSON."""
    run = await _received(service, request, asked)
    try:
        parts = await _while_connected(request, _all_answers(run))
        body = b'{"documents":[' + b",".join(parts) + b'],"summary":' + run.summary() + b"}"
        return Response(body, media_type="application/json")
    finally:
        run.body.close()


async def _all_answers(run: _Run) -> list[bytes]:
    parts: list[bytes] = []
    async with aclosing(run.judged(lines=False)) as judged:
        async for batch in judged:
            parts += await run.answers(batch)
    return parts


async def answered_as_lines(service: Service, request: Request, asked: Asked) -> Response:
    """Return the answer to a body of JSON Lines: a line for each document, then the summary.

    What can be told of the whole before the first document is judged has a status of its own.
    """
    run = await _received(service, request, asked)
    judged = run.judged(lines=True)
    try:
        await run_in_threadpool(run.body.lines, service.limits)
        first = await _while_connected(request, _next(judged))
    except BaseException:
        await judged.aclose()
        run.body.close()
        raise
    return StreamingResponse(_streamed(run, judged, first), media_type=LINES_TYPE)


async def _next(judged: AsyncGenerator[pa.RecordBatch, None]) -> pa.RecordBatch | None:
    return await anext(judged, None)


async def _streamed(
    run: _Run, judged: AsyncGenerator[pa.RecordBatch, None], first: pa.RecordBatch | None
) -> AsyncIterator[bytes]:
    try:
        batch = first
        while batch is not None:
            yield b"".join(line + b"\n" for line in await run.answers(batch))
            batch = await anext(judged, None)
        yield b'{"summary":' + run.summary() + b"}\n"
    except Problem as problem:
        # The status has been sent: the last line says how far the answers go.
        told = dumped(problem.told.model_dump())
        summary = run.summary(complete=False)
        yield b'{"summary":' + summary + b',"error":' + told + b"}\n"
    finally:
        await judged.aclose()
        run.body.close()


async def explanation(service: Service, request: Request) -> Response:
    """Return the explanation of the one document of a body of JSON."""
    kind, _ = body_kind(request.headers)
    if kind != "json":
        raise Problem(
            415, "unknown_type", "one document is explained at a time",
            where="header Content-Type", hint="send one document as application/json",
        )  # fmt: skip
    run = await _received(service, request, Asked(text=True, explain=True))
    try:
        batch = await _while_connected(request, _checked(run))
        (answer,) = await run.answers(batch)
        run.summary()
        return Response(answer, media_type="application/json")
    finally:
        run.body.close()


async def _checked(run: _Run) -> pa.RecordBatch:
    """Return the one document judged; Problem where there are others, or it is too long."""
    limits = run.service.limits
    batches = list(await run_in_threadpool(run.body.documents, limits, run.tally))
    if sum(batch.num_rows for batch in batches) != 1:
        raise Problem(
            422, "bad_body", "the body is not one document", where="body",
            hint='send {"text": "…"}',
        )  # fmt: skip
    size = batches[0].column("text").nbytes
    if size > limits.max_explain_bytes:
        raise too_large(
            "bytes of text", size, limits.max_explain_bytes, where="text",
            option="max-explain-bytes",
        )  # fmt: skip
    async with aclosing(run.service.judged(iter(batches), score_all=True)) as judged:
        return await anext(judged)
