"""Worker processes of the local runner: started, watched and ended by the driver.

Beam's own handler starts them through a shell, lets their logs through to the terminal, and waits
forever for the answer of one that the kernel has killed. Importing this module puts the handler
below in its place.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

import grpc
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from google.protobuf import json_format, text_format

__all__ = ["WorkerProcess", "quiet_threads"]

WATCH_SECONDS = 0.2
LAST_SECONDS = 5.0
# Workers are forked from a process that has loaded Beam and has no threads: a worker starts in a
# tenth of a second instead of two or three.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["skypile.beam.worker"])


def _serve(environment: dict[str, str]) -> None:
    from skypile.beam.worker import serve

    serve(environment)


@worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
class WorkerProcess(worker_handlers.GrpcWorkerHandler):
    """One worker process, from the first bundle of a pipeline to its end.

    `deaths` says why workers of this run died; the gRPC errors that follow a death say nothing.
    """

    deaths: ClassVar[list[str]] = []
    running: ClassVar[list[WorkerProcess]] = []

    def __init__(self, command: bytes, state: Any, provision_info: Any, grpc_server: Any) -> None:
        super().__init__(state, provision_info, grpc_server)
        del command  # Beam's own main program; ours is worker.serve
        self._ended = threading.Event()
        self._failed = False  # killed by us
        self._process: BaseProcess
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start_worker(self) -> None:
        """Start the process; what it is to do comes over gRPC."""
        control = endpoints_pb2.ApiServiceDescriptor(url=self.control_address)
        options = self.provision_info.provision_info.pipeline_options
        environment = {
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(control),
            "PIPELINE_OPTIONS": json_format.MessageToJson(options),
            "WORKER_ID": self.worker_id,
        }
        self._process = FORKS.Process(target=_serve, args=(environment,), daemon=True)
        self._process.start()
        self.running.append(self)
        self._watcher.start()

    def _watch(self) -> None:
        """See to it that the run ends when this process has died or reports an error.

        Beam would wait for the other workers first, and forever for one that is dead.
        """
        sent: dict[str, Any] = {}
        while not self._ended.wait(WATCH_SECONDS):
            sent |= dict(self.control_conn._futures_by_id)
            error = self._error(sent)
            if error is not None:
                for handler in list(self.running):
                    handler.fail(error)
            sent = {name: future for name, future in sent.items() if not future.is_done()}

    def _error(self, sent: dict[str, Any]) -> str | None:
        if self._process.exitcode is not None:
            return self._death()
        answers = (future.get() for future in sent.values() if future.is_done())
        return next((answer.error for answer in answers if answer.error), None)

    def _death(self) -> str:
        why = _epitaph(self._process.exitcode or 0)
        if not self._failed and why not in self.deaths:
            self.deaths.append(why)
        return why

    def fail(self, error: str) -> None:
        """Kill the process, and answer each bundle that waits for it with `error`.

        Whatever a unit has written so far has no final name yet.
        """
        if self._process.exitcode is None:
            self._failed = True
            self._process.kill()
        pending = self.control_conn._futures_by_id
        for name in list(pending):
            future = pending.pop(name, None)
            if future is not None:
                future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=name, error=error))

    def close(self) -> None:
        """End the process: at once where a bundle is under way, since the run has failed then."""
        if self._process.exitcode is not None:
            self._death()
        elif self.control_conn._futures_by_id:
            self._failed = True
            self._process.kill()
        super().close()

    def stop_worker(self) -> None:
        """Wait for the process, which Beam has told to end."""
        self._process.join(LAST_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self.running.remove(self)
        self._ended.set()
        self._watcher.join()


def _epitaph(code: int) -> str:
    """Return one sentence about a worker process that ended with `code`."""
    if code == -signal.SIGKILL:
        why = "was killed, most likely because memory ran out (use fewer --workers)"
    elif code < 0:
        why = f"was ended by signal {-code} ({signal.strsignal(-code)})"
    else:
        why = f"ended with exit code {code}"
    return f"a worker process {why}; finished work is kept: the same command goes on"


@contextmanager
def quiet_threads() -> Iterator[None]:
    """Keep Beam's threads from printing a traceback when the connection to a worker ends."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if not isinstance(args.exc_value, grpc.RpcError):
            before(args)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before
