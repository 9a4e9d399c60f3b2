"""The process: uvicorn on a socket, signals that end it in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from skypile.errors import RunError, UsageError
from skypile.serve.app import create_app
from skypile.serve.metrics import LogHandler
from skypile.serve.service import Service

__all__ = ["listening", "serve"]

_BACKLOG = 2048
_LOOK_SECONDS = 0.05
# What is left when the drain is over: the last bytes of answers.
_CLOSE_SECONDS = 2


class _Server(uvicorn.Server):
    """Leaves signals to the one who runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there (0 is any free port); UsageError where none can."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UsageError(
            f"--host {host}: {error.strerror}; give an address of this machine"
        ) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there: {error.strerror}; give another port"
        ) from error
    return listener


def serve(service: Service, listener: socket.socket) -> int:
    """Answer requests until SIGTERM or SIGINT; return 0 once all that came is answered.

    Raises RunError where the recipe cannot be loaded. Where time runs out the process ends at once,
    with code 1.
    """
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [LogHandler(service.log)], False
    config = uvicorn.Config(
        create_app(service), http="h11", ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, timeout_keep_alive=30, backlog=_BACKLOG,
        timeout_graceful_shutdown=_CLOSE_SECONDS,
    )  # fmt: skip
    unanswered = asyncio.run(_run(_Server(config), service, listener))
    service.log.write("ended", unanswered=unanswered)
    if unanswered or not service.batcher.ready:
        # A thread that judges, or loads the recipe, cannot be ended otherwise.
        service.batcher.kill()
        os._exit(1 if unanswered else 0)
    service.close()
    return 0


async def _run(server: uvicorn.Server, service: Service, listener: socket.socket) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(signum: int) -> None:
        if ending.is_set():
            os._exit(128 + signum)
        service.log.write("draining", signal=signal.Signals(signum).name)
        service.draining = True
        ending.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, end, signum)
    host, port = listener.getsockname()[:2]
    service.log.write("started", host=host, port=port, recipe=service.recipe.name, pid=os.getpid())
    service.start()
    answering = asyncio.create_task(server.serve([listener]))
    try:
        await _until_ready(service, ending)
        await ending.wait()
        return await _drained(service)
    finally:
        server.should_exit = True
        await answering


async def _until_ready(service: Service, ending: asyncio.Event) -> None:
    while not service.batcher.ready and not ending.is_set():
        if service.batcher.failed is not None:
            raise RunError(str(service.batcher.failed))
        await asyncio.sleep(_LOOK_SECONDS)
    if service.batcher.ready:
        service.log.write("ready")


async def _drained(service: Service) -> int:
    """Wait until nothing is under way, and return how many requests are left all the same.

    Probes are still answered: that the service is not ready any more is how others learn of it.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + service.limits.drain_seconds
    while service.under_way and loop.time() < until:
        await asyncio.sleep(_LOOK_SECONDS)
    return service.under_way
