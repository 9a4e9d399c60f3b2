"""Commands that are watched while they run, and sent signals."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Commands that are started meanwhile heed SIGINT: who tests in the background ignores it.

    Set here and not by ``preexec_fn``, which makes Python fork where it would vfork: then gRPC's
    handlers of a fork, where Beam has loaded it, write into the stderr of the command.
    """
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Watched:
    """A command in a session of its own, its stderr on a terminal or a pipe, read as it comes."""

    def __init__(
        self, *args: object, terminal: bool = False, stdin: Any = subprocess.DEVNULL,
        program: tuple[str, ...] = ("-m", "skypile"), **environment: str,
    ) -> None:  # fmt: skip
        reader, writer = pty.openpty() if terminal else os.pipe()
        with _interruptible():
            self.process = subprocess.Popen(
                [sys.executable, *program, *map(str, args)],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=writer,
                env=os.environ | environment,
                start_new_session=True,
            )
        os.close(writer)
        self._read = bytearray()
        self._thread = threading.Thread(target=self._follow, args=(reader,))
        self._thread.start()

    def _follow(self, reader: int) -> None:
        while True:
            try:
                data = os.read(reader, 1 << 16)
            except OSError:  # a terminal whose other end is closed
                break
            if not data:
                break
            self._read += data
        os.close(reader)

    @property
    def shown(self) -> str:
        return self._read.decode()

    def when(self, happened: Callable[[], object]) -> Watched:
        """Wait until `happened`; the command must not end before."""
        deadline = time.monotonic() + 120
        while not happened():
            assert self.process.poll() is None, self.shown
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.01)
        return self

    def send(self, signum: int, *, group: bool = False) -> Watched:
        (os.killpg if group else os.kill)(self.process.pid, signum)
        return self

    def end(self) -> tuple[int, bytes, str]:
        """Return exit code, stdout and stderr."""
        out, _ = self.process.communicate(timeout=120)
        self._thread.join()
        return self.process.returncode, out, self.shown.replace("\r\n", "\n")
