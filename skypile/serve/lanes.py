"""Lanes: what curates the batches of the service, in its own process or in one beside it.

A process of its own keeps the stages' work away from the one that answers requests, and a text that
ends it (out of memory, a fault in a library) does not end the service: it is started again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Protocol

import pyarrow as pa

from skypile.curate import TEXT_READ, curate, fully_scored
from skypile.errors import RunError, SkyPileError
from skypile.recipe import Recipe
from skypile.schema import input_schema, set_columns

__all__ = ["Lane", "LaneLostError", "OwnLane", "ProcessLane", "judged", "warm"]

# Messages between the two processes: one of these, then the batch or a sentence, if any. Apart, so
# that a batch begins where Arrow wants it, at a multiple of 8 bytes.
_PLAIN, _FULL, _READY, _FAILED = b"P", b"F", b"R", b"E"
# Kernels are compiled at the first start, by one process for all.
_START_SECONDS = 600.0
_WARM_TEXTS = ("A page of plain text about nothing at all.", "没有任何内容的一页纯文本。")


class LaneLostError(RunError):
    """The process that curated a batch has ended."""


class Lane(Protocol):
    """Curates one batch at a time."""

    def start(self) -> None:
        """Load what the recipe needs; SkyPileError where it is not there."""

    def curate(self, batch: pa.RecordBatch, *, score_all: bool) -> pa.RecordBatch:
        """Return `batch` judged; LaneLostError where that has ended the lane, which starts anew."""

    def close(self) -> None:
        """End the lane, once it has nothing to do."""

    def kill(self) -> None:
        """End what it does beside this process at once; may be called from another thread."""


def judged(batch: pa.RecordBatch, recipe: Recipe, *, score_all: bool) -> pa.RecordBatch:
    """Return `batch` with an outcome for each document; `score_all` scores rejected ones as well.

    What `skypile filter` does without `--dedup`, with and without `--score-all`.
    """
    if not score_all:
        return curate(batch, recipe)
    batch = set_columns(batch, {TEXT_READ: batch.column("text")})
    return fully_scored(curate(batch, recipe), recipe)


def warm(recipe: Recipe) -> None:
    """Load all that the recipe's stages need into this process, and compile or map its kernels."""
    for step in (*recipe.steps, *recipe.score):
        for stage in step.stages:
            stage.load()
    rows = len(_WARM_TEXTS)
    columns = {field.name: pa.nulls(rows, field.type) for field in input_schema()}
    names = pa.array([f"warm#{row}" for row in range(rows)], pa.string())
    columns |= {"id": names, "record": names, "row": pa.array(range(rows), pa.uint32())}
    columns |= {"text": pa.array(_WARM_TEXTS), "source": pa.array(["warm"] * rows)}
    judged(pa.RecordBatch.from_pydict(columns), recipe, score_all=True)


class OwnLane:
    """Curates in this process."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def start(self) -> None:
        """Load what the recipe needs."""
        warm(self._recipe)

    def curate(self, batch: pa.RecordBatch, *, score_all: bool) -> pa.RecordBatch:
        """Return `batch` judged."""
        return judged(batch, self._recipe, score_all=score_all)

    def close(self) -> None:
        """Nothing is left to end."""

    def kill(self) -> None:
        """Nothing of it is beside this process."""


class ProcessLane:
    """Curates in a process beside this one, which has loaded the recipe once."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None where there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it has loaded what the recipe needs."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, self._recipe), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_START_SECONDS):
            self._end()
            raise RunError(f"a curating process did not load the recipe in {_START_SECONDS:g} s")
        self._answer()

    def curate(self, batch: pa.RecordBatch, *, score_all: bool) -> pa.RecordBatch:
        """Return `batch` judged by the process."""
        if self._pipe is None:
            self.start()
        assert self._pipe is not None
        try:
            _send(self._pipe, _FULL if score_all else _PLAIN, _packed(batch))
        except OSError as error:
            raise self._lost() from error
        return _unpacked(self._answer())

    def _answer(self) -> bytes:
        assert self._pipe is not None
        try:
            kind, told = self._pipe.recv_bytes(), self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if kind == _FAILED:
            raise RunError(told.decode())
        return told

    def _lost(self) -> LaneLostError:
        process = self._process
        self._end()
        code = None if process is None else process.exitcode
        return LaneLostError(f"a curating process has ended (exit code {code})")

    def _end(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.join(timeout=2)
            if process.is_alive():
                process.kill()
                process.join()

    def close(self) -> None:
        """End the process."""
        self._end()

    def kill(self) -> None:
        """End the process at once."""
        if (process := self._process) is not None:
            process.kill()


def _packed(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def _unpacked(data: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_next_batch()


class _Silent:
    """Ends the process at an error of our own without its message, which may hold a text."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and trace is not None:
            last = traceback.extract_tb(trace)[-1]
            sys.stderr.write(
                f"curating process: {kind.__name__} at {last.filename}:{last.lineno}\n"
            )
            sys.stderr.flush()
            os._exit(1)


def _work(pipe: Connection, recipe: Recipe) -> None:
    """Curate what comes through `pipe` until its other end is closed."""
    # The service's own process decides when to end; a terminal's Ctrl-C reaches both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with _Silent(), suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            warm(recipe)
        except SkyPileError as error:
            _send(pipe, _FAILED, str(error).encode())
            return
        _send(pipe, _READY, b"")
        while True:
            _send(pipe, *_result(recipe, pipe.recv_bytes(), pipe.recv_bytes()))


def _send(pipe: Connection, kind: bytes, told: bytes | memoryview) -> None:
    pipe.send_bytes(kind)
    pipe.send_bytes(told)


def _result(recipe: Recipe, kind: bytes, told: bytes) -> tuple[bytes, bytes | memoryview]:
    try:
        return _READY, _packed(judged(_unpacked(told), recipe, score_all=kind == _FULL))
    except SkyPileError as error:
        return _FAILED, str(error).encode()
